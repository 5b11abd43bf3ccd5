//! The life of a change: grouping, states, `decide()`, the worker, and the traits it needs.

mod admit;
pub mod adopt;
pub mod approval;
pub mod base;
pub mod clock;
pub mod commit;
pub mod decide;
pub mod desk;
pub mod forge;
pub mod id;
pub mod intake;
pub mod journal;
pub mod ledger;
pub mod person;
pub mod proposal;
pub mod record;
pub mod submission;
mod words;
pub mod worker;
pub mod write;

pub use base::{Audit, Base, Declared};
pub use clock::Clock;
pub use decide::Timing;
pub use desk::{Desk, Event};
pub use forge::Forge;
pub use id::{ChangeId, Group, Timestamp};
pub use intake::Intake;
pub use journal::Journal;
pub use ledger::Ledger;
pub use person::Person;
pub use proposal::Proposal;
pub use record::{Change, State};
pub use submission::{Receipt, Refusal, Submission};
pub use worker::Worker;
pub use write::{Verb, Write};
