//! Where pull requests live: the embedded forge.

mod embedded;
mod failure;

pub use embedded::Embedded;
