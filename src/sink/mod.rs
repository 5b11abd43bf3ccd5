//! Sinks: who is told of changes and of readiness, by CloudEvents over HTTP.
//!
//! What a sink has yet to take is in the journal until the sink has taken it. A sink that hangs or refuses has nobody wait
//! but itself, and of what it refuses only what is about the same change waits.

mod delivery;
#[cfg(test)]
mod double;
mod queue;
mod target;

pub use delivery::Sinks;
pub use target::{Sink, Unusable};
