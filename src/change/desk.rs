//! The handle that the edge holds: asking for changes, reviewing them, and looking at them.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::forge::Verdict;
use super::id::{ChangeId, Timestamp};
use super::ledger::Ledger;
use super::person::Person;
use super::proposal::Proposal;
use super::record::{Change, State};
use super::submission::{Receipt, Refusal, Submission};

/// A change came into another state, or was planned anew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// Its place in the stream, from 1; starts anew with the server.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The change.
    pub change: ChangeId,
    /// Its state.
    pub state: State,
    /// Why, when that needs saying.
    pub reason: Option<String>,
}

/// Asks for changes, reviews them and looks at them. Cloning shares it.
#[derive(Clone)]
pub struct Desk {}

impl Desk {
    /// Everything as it is now: main, what is proposed, changes. A snapshot that does not move.
    #[must_use]
    pub fn view(&self) -> Arc<Ledger> {
        unimplemented!()
    }

    /// Accepts a submission durably, or refuses all of it.
    ///
    /// # Errors
    /// Why nothing was accepted.
    pub async fn submit(&self, _submission: Submission) -> Result<Receipt, Refusal> {
        unimplemented!()
    }

    /// What a bundle would change, without accepting it. Blocks for as long as rendering takes.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn plan(&self, _submission: &Submission) -> Result<Arc<Proposal>, Refusal> {
        unimplemented!()
    }

    /// The present plan of a change that is not final, or what a final one did.  Blocks for as long as rendering takes.
    ///
    /// # Errors
    /// When there is no such change, or its plan cannot be made now.
    pub fn proposal(&self, _id: &ChangeId) -> Result<Arc<Proposal>, Refusal> {
        unimplemented!()
    }

    /// Records a review of a change's present content, and gives the change as it then is.
    ///
    /// # Errors
    /// When there is no such change, it has no open pull request, or the forge takes no reviews from here.
    pub async fn review(
        &self,
        _id: &ChangeId,
        _by: Person,
        _verdict: Verdict,
        _words: String,
    ) -> Result<Arc<Change>, Refusal> {
        unimplemented!()
    }

    /// Merges a change that is approved, and gives it as it then is.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn merge(&self, _id: &ChangeId, _by: Person) -> Result<Arc<Change>, Refusal> {
        unimplemented!()
    }

    /// Takes a change back: its pull request is closed and its writes are dropped. With `reject` it is a reviewer who
    /// does so, and the change ends as rejected with their words.
    ///
    /// # Errors
    /// When there is no such change, or it is final.
    pub async fn withdraw(
        &self,
        _id: &ChangeId,
        _by: Person,
        _words: String,
        _reject: bool,
    ) -> Result<Arc<Change>, Refusal> {
        unimplemented!()
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        unimplemented!()
    }
}
