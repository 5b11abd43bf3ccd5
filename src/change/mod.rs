//! The life of a change: grouping, states, `decide()`, the worker, and the traits it needs.

pub mod clock;
pub mod desk;
pub mod forge;
pub mod id;
pub mod journal;
pub mod ledger;
pub mod person;
pub mod proposal;
pub mod record;
pub mod submission;
pub mod write;

pub use clock::Clock;
pub use desk::{Desk, Event};
pub use forge::Forge;
pub use id::{ChangeId, Group, Timestamp};
pub use journal::Journal;
pub use ledger::Ledger;
pub use person::Person;
pub use proposal::Proposal;
pub use record::{Change, State};
pub use submission::{Receipt, Refusal, Submission};
pub use write::{Verb, Write};
