//! Where pull requests live: in the repository itself, or on a forge that is a service.

mod embedded;
mod failure;
mod gitea;
mod github;
mod hosted;
mod origin;
mod text;

pub use embedded::Embedded;
pub use gitea::Gitea;
pub use github::{Commits, GitHub, Identity};
pub use hosted::{Allowance, MergeMethod, Place, Token};
pub use text::OURS;
