//! Git: the mirror, trees, commits, refs, and the git program for the network.
//!
//! The only user of `git2` and of the `git` program. libgit2 works on objects, trees and references inside the
//! process; the program carries commits to and from other repositories. There is no checkout: a commit is built from
//! its base tree and the changed paths, so it costs what the change costs, not what the repository costs.

mod bulk;
mod changed;
mod commit;
mod credential;
mod deflate;
mod edits;
mod entries;
mod error;
mod files;
mod history;
mod id;
mod length;
mod locks;
mod loose;
mod merge;
mod message;
mod mirror;
mod object;
mod objects;
mod pack;
mod path;
mod program;
mod recover;
mod reference_name;
mod refs;
mod remote;
mod signer;
mod snapshot;
mod sync;
mod tidy;
mod tree;
mod working_tree;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use changed::ChangedPath;
pub use commit::{Commit, Identity};
pub use credential::Credential;
pub use edits::{Edit, Edits};
pub use error::RepoError;
pub use files::Files;
pub use history::CommitInfo;
pub use id::{BlobId, CommitId, IdError, TreeId};
pub use length::{Content, LONGEST, TooLong};
pub use message::{message, trailers};
pub use mirror::Mirror;
pub use remote::{Push, Remote, host, is_this_machine};
pub use signer::Signer;
pub use snapshot::Snapshot;
pub use working_tree::WorkingTree;

// Named for its feature alone: libgit2's zlib is linked into the program.
use libz_sys as _;
