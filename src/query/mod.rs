//! Status, graph and access over snapshots.

pub mod changes;
pub mod graph;
pub mod status;

pub use changes::{Cursor, Filter, Page, Reached, Summary};
pub use graph::{Graph, graph};
pub use status::{Status, status};
