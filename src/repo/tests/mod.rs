//! What only a real repository can show.

mod reading;
mod references;
mod remotes;
mod trees;
