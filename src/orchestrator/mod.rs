//! The orchestrator that posts intents: it is told that this server is there, and when it goes.

mod registration;

pub use registration::{Registrar, Registration, Unusable};
