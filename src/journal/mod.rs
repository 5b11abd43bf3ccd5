//! Durable storage of what is not merged yet.
