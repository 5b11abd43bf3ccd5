//! What the one writer does for sinks.

use std::collections::BTreeSet;

use super::announcement::Health;
use super::intake::Intake;
use super::outbox::Post;
use super::submission::Refusal;

impl Intake {
    /// Announces durably how the parts are; nothing where there are no sinks.
    ///
    /// # Errors
    /// When the journal cannot be written: it is not announced.
    pub async fn announce(&self, parts: Vec<Health>) -> Result<(), Refusal> {
        self.post(Post::Parts(parts)).await
    }

    /// Remembers durably that a sink has taken the announcement of a number.
    ///
    /// # Errors
    /// When the journal cannot be written: the sink would be told again after a restart.
    pub async fn taken(&self, sink: String, number: u64) -> Result<(), Refusal> {
        self.post(Post::Taken(sink, number)).await
    }

    /// Announces to the sinks of these names from now on. What only others have yet to take is forgotten.
    ///
    /// # Errors
    /// When the journal cannot be written: the sinks are those they were.
    pub async fn announce_to(&self, sinks: BTreeSet<String>) -> Result<(), Refusal> {
        self.post(Post::Sinks(sinks)).await
    }

    /// Gives up announcements that were not taken for too long.
    ///
    /// # Errors
    /// When the journal cannot be written: they wait on.
    pub async fn sweep(&self) -> Result<(), Refusal> {
        self.post(Post::Sweep).await
    }
}
