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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::super::clock::Clock;
    use super::super::id::{ChangeId, Timestamp};
    use super::super::journal::{Contents, Entry, Journal, JournalError};
    use super::super::ledger::Ledger;
    use super::super::outbox::Outbox;
    use super::super::record::{Change, State};
    use super::*;

    /// What was appended together; a batch with a merged change is refused.
    #[derive(Clone, Default)]
    struct Batches(Arc<Mutex<Vec<Vec<Entry>>>>);

    impl Journal for Batches {
        fn load(&mut self) -> Result<Contents, JournalError> {
            Ok(Contents::default())
        }

        fn append(&mut self, entries: &[Entry]) -> Result<(), JournalError> {
            if entries.iter().any(|entry| matches!(entry, Entry::Change(change) if change.state == State::Merged)) {
                return Err(JournalError { what: "written", cause: "on purpose".to_owned() });
            }
            self.0.lock().unwrap().push(entries.to_vec());
            Ok(())
        }

        fn probe(&mut self) -> Result<(), JournalError> {
            Ok(())
        }
    }

    impl Clock for Batches {
        fn now(&self) -> Timestamp {
            Timestamp(1)
        }
    }

    async fn change(intake: &Intake, state: State) -> Result<(), Refusal> {
        let id = ChangeId::parse("abcdef012345").unwrap();
        let change = Change { state, ..Change::new(id, BTreeSet::new(), Timestamp(1)) };
        intake.record(move |ledger| vec![ledger.update(change)]).await
    }

    #[tokio::test]
    async fn an_event_is_appended_together_with_what_it_tells_of_or_not_at_all() {
        let batches = Batches::default();
        let outbox = Outbox::restore(vec![], 0, "urn:test".into());
        let (journal, clock) = (Box::new(batches.clone()), Arc::new(batches.clone()));
        let intake = Intake::start(Ledger::default(), (vec![], vec![]), outbox, journal, clock).unwrap();
        change(&intake, State::Journaled).await.unwrap();
        intake.announce_to(["bus".to_owned()].into()).await.unwrap();
        change(&intake, State::Proposed).await.unwrap();
        change(&intake, State::Proposed).await.unwrap();
        change(&intake, State::Merged).await.unwrap_err();
        change(&intake, State::Approved).await.unwrap();
        let shown = |entry: &Entry| match entry {
            Entry::Change(change) => change.state.to_string(),
            Entry::Announce(waiting) => {
                let event: serde_json::Value = serde_json::from_str(&waiting.announcement.document).unwrap();
                format!("{} {} {}", waiting.announcement.number, event["data"]["previous"], event["data"]["state"])
            }
            other => format!("{other:?}"),
        };
        let shown: Vec<Vec<String>> =
            batches.0.lock().unwrap().iter().map(|batch| batch.iter().map(shown).collect()).collect();
        let expected: [&[&str]; 5] = [
            &["journaled"],
            &["Sinks({\"bus\"})"],
            &["proposed", "1 \"journaled\" \"proposed\""],
            &["proposed"],
            &["approved", "2 \"proposed\" \"approved\""],
        ];
        assert_eq!(shown, expected);
        assert_eq!(intake.outbox().news("bus", 0).events.len(), 2);

        // Who waits for writes is woken by those of changes, and by nothing of sinks.
        intake.taken("bus".to_owned(), 1).await.unwrap();
        // The writer answers before it wakes, so that only the next answer shows that it has.
        tokio::time::timeout(Duration::from_secs(30), intake.written()).await.unwrap();
        intake.announce(vec![]).await.unwrap();
        intake.sweep().await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), intake.written()).await.is_err());
        assert_eq!(intake.outbox().news("bus", 0).events.iter().map(|it| it.number).collect::<Vec<_>>(), [2, 3]);
    }
}
