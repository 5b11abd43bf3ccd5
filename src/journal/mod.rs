//! Durable storage of what is not merged yet.
//!
//! The journal is small: writes leave it when they are on main. One thread appends to it, a batch at a time, and a batch
//! costs one sync of the disk however many writes are in it.

mod memory;
mod migration;
mod outbox;
mod row;
mod sqlite;

#[cfg(test)]
mod tests;

pub use memory::MemoryJournal;
pub use sqlite::SqliteJournal;
