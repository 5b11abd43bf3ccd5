//! Status, graph and access over snapshots.

pub mod changes;
pub mod status;

pub use changes::{Cursor, Filter, Page, Summary};
pub use status::{Status, status};
