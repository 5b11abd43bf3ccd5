//! The one place that builds everything.

mod clock;
mod demo;
mod dumps;
mod engines;
mod error;
mod files;
mod forges;
mod housekeeping;
mod logging;
mod parts;
mod plugins;
mod registrar;
mod reload;
mod server;
mod sinks;
mod skeleton;
mod source;
mod supervisor;
mod terms;

pub use clock::SystemClock;
pub use demo::DEMO_BUNDLE;
pub use dumps::forbid_core_dumps;
pub use error::BootError;
pub use logging::Logging;
pub use parts::{Parts, Stores};
pub use plugins::plugin_directory;
pub use reload::Reload;
pub use server::Server;
pub use source::{Read, Source};
