//! The one place that builds everything.

mod clock;
mod demo;
mod dumps;
mod error;
mod forges;
mod housekeeping;
mod parts;
mod registrar;
mod server;
mod sinks;
mod skeleton;
mod supervisor;

pub use clock::SystemClock;
pub use demo::DEMO_BUNDLE;
pub use dumps::forbid_core_dumps;
pub use error::BootError;
pub use parts::{Parts, Stores};
pub use server::Server;
