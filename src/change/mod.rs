//! The life of a change: grouping, states, `decide()`, the worker, and the traits it needs.
