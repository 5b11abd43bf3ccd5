//! The only user of the YAML crate: reading with positions and limits, deterministic writing.
