//! The one writer: admits submissions against what is proposed, makes a batch of them durable with one sync, then
//! shows and answers them. Readers see durable state only and never wait.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, broadcast, oneshot};

use super::admit::admit;
use super::clock::Clock;
use super::event::{Event, happened};
use super::id::{ChangeId, Timestamp};
use super::journal::{Answer, Delivery, Entry, Journal};
use super::ledger::Ledger;
use super::outbox::{Outbox, Post};
use super::record::Change;
use super::stopped::Stopped;
use super::submission::{Cause, Receipt, Refusal, Submission};

/// The most submissions that wait; more are refused until some are answered.
const QUEUE: usize = 4096;
/// The most submissions that share one sync.
const BATCH: usize = 512;
/// How long an answer is remembered, in milliseconds: a day.
const ANSWER_LIFE: i64 = 86_400_000;
/// So few answers are not worth sweeping.
const FEW: usize = 1000;
/// How long a webhook is remembered, in milliseconds: seven days; GitHub sends one again for three.
const DELIVERY_LIFE: i64 = 604_800_000;
/// How often old ones are forgotten, in milliseconds: once an hour.
const SWEEP: i64 = 3_600_000;
/// The most webhooks that are remembered.
const MOST_DELIVERIES: usize = 100_000;
/// The most events that a listener may be behind.
const BEHIND: usize = 1024;

type Step = Box<dyn FnOnce(&mut Ledger) -> Vec<Entry> + Send>;

enum Command {
    Submit(Box<Submission>, Result<(), Refusal>, oneshot::Sender<Result<Receipt, Refusal>>),
    Record(Step, oneshot::Sender<Result<(), Refusal>>),
    Deliver(String, Step, oneshot::Sender<Result<bool, Refusal>>),
    Post(Post, oneshot::Sender<Result<(), Refusal>>),
}

/// A handle on the one writer. Cloning shares it; when the last one is dropped, the writer ends.
#[derive(Clone)]
pub struct Intake {
    commands: SyncSender<Command>,
    view: Arc<ArcSwap<Ledger>>,
    trouble: Arc<Mutex<Option<String>>>,
    stopped: Stopped,
    written: Arc<Notify>,
    events: broadcast::Sender<Event>,
    outbox: Arc<Outbox>,
}

impl Intake {
    /// Starts the writer on its own thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        ledger: Ledger,
        (answers, deliveries): (Vec<Answer>, Vec<Delivery>),
        outbox: Outbox,
        journal: Box<dyn Journal>,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let (commands, received) = sync_channel(QUEUE);
        let view = Arc::new(ArcSwap::from_pointee(ledger));
        let events = broadcast::channel(BEHIND).0;
        let intake = Self {
            commands,
            view,
            trouble: Arc::default(),
            stopped: Stopped::default(),
            written: Arc::default(),
            events,
            outbox: Arc::new(outbox),
        };
        let mut writer = Writer {
            view: intake.view.clone(),
            trouble: intake.trouble.clone(),
            written: intake.written.clone(),
            events: intake.events.clone(),
            event_seq: 0,
            outbox: intake.outbox.clone(),
            answers: answers.into_iter().map(|answer| ((answer.caller.clone(), answer.key.clone()), answer)).collect(),
            sweep_at: FEW,
            deliveries: deliveries.into_iter().map(|delivery| (delivery.id, delivery.at)).collect(),
            swept: Timestamp::default(),
            journal,
            clock,
        };
        let guard = intake.stopped.guard();
        let work = move || {
            let _guard = guard;
            writer.run(&received);
        };
        std::thread::Builder::new().name("intake".into()).spawn(work)?;
        Ok(intake)
    }

    /// Everything as it is now.
    #[must_use]
    pub fn view(&self) -> Arc<Ledger> {
        self.view.load_full()
    }

    /// Why the journal cannot be written, since the last attempt; none when it can.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        if self.stopped.is_set() {
            return Some("the one writer has stopped; restart the server".to_owned());
        }
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What happens to changes from now on, in the order in which it became durable.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Resolves after something was written.
    pub async fn written(&self) {
        self.written.notified().await;
    }

    /// Accepts a submission durably, or refuses all of it. `judged` is what was found of it away from the one writer; it
    /// does not matter to a key that was answered before.
    ///
    /// # Errors
    /// Why nothing was accepted.
    pub async fn submit(&self, submission: Submission, judged: Result<(), Refusal>) -> Result<Receipt, Refusal> {
        let (sender, answer) = oneshot::channel();
        self.send(Command::Submit(Box::new(submission), judged, sender))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Changes the ledger and makes the entries durable that `step` gives.
    ///
    /// # Errors
    /// When the journal cannot be written: the ledger is as it was.
    pub async fn record(&self, step: impl FnOnce(&mut Ledger) -> Vec<Entry> + Send + 'static) -> Result<(), Refusal> {
        let (sender, answer) = oneshot::channel();
        self.send(Command::Record(Box::new(step), sender))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Remembers durably that a webhook came in; whether it is new.
    ///
    /// # Errors
    /// When the journal cannot be written: it is not remembered.
    pub async fn deliver(&self, id: String) -> Result<bool, Refusal> {
        self.deliver_with(id, |_| vec![]).await
    }

    /// The same, with what `step` changes in the ledger if it is new: both become durable, or neither does.
    pub(super) async fn deliver_with(
        &self,
        id: String,
        step: impl FnOnce(&mut Ledger) -> Vec<Entry> + Send + 'static,
    ) -> Result<bool, Refusal> {
        let (sender, answer) = oneshot::channel();
        self.send(Command::Deliver(id, Box::new(step), sender))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// What sinks have yet to take.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub(super) async fn post(&self, post: Post) -> Result<(), Refusal> {
        let (sender, answer) = oneshot::channel();
        self.send(Command::Post(post, sender))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    fn send(&self, command: Command) -> Result<(), Refusal> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => {
                Refusal::new(Cause::Unavailable, "", "too many writes are waiting; try again in a moment")
            }
            TrySendError::Disconnected(_) => stopped(),
        })
    }
}

fn stopped() -> Refusal {
    Refusal::new(Cause::Unavailable, "", "the server is stopping; nothing was accepted")
}

struct Writer {
    view: Arc<ArcSwap<Ledger>>,
    trouble: Arc<Mutex<Option<String>>>,
    written: Arc<Notify>,
    events: broadcast::Sender<Event>,
    event_seq: u64,
    outbox: Arc<Outbox>,
    answers: HashMap<(String, String), Answer>,
    /// How many answers there may be before the old ones are forgotten.
    sweep_at: usize,
    /// When webhooks came in, by their ids.
    deliveries: HashMap<String, Timestamp>,
    /// When old ones were forgotten last.
    swept: Timestamp,
    journal: Box<dyn Journal>,
    clock: Arc<dyn Clock>,
}

/// An answer that is given when the batch is durable.
enum Reply {
    Receipt(oneshot::Sender<Result<Receipt, Refusal>>, Receipt),
    Done(oneshot::Sender<Result<(), Refusal>>),
    Delivered(oneshot::Sender<Result<bool, Refusal>>, bool),
}

/// What a batch has come to so far.
struct Batch {
    ledger: Ledger,
    entries: Vec<Entry>,
    replies: Vec<Reply>,
    new_answers: Vec<(String, String)>,
    new_deliveries: Vec<String>,
    posts: Vec<Post>,
}

impl Writer {
    fn run(&mut self, commands: &Receiver<Command>) {
        while let Ok(first) = commands.recv() {
            let ledger = Ledger::clone(&self.view.load());
            let mut batch = Batch {
                ledger,
                entries: vec![],
                replies: vec![],
                new_answers: vec![],
                new_deliveries: vec![],
                posts: vec![],
            };
            for command in std::iter::once(first).chain(commands.try_iter().take(BATCH - 1)) {
                match command {
                    Command::Submit(submission, judged, sender) => match self.take(&submission, judged, &mut batch) {
                        Ok(receipt) => batch.replies.push(Reply::Receipt(sender, receipt)),
                        Err(refusal) => drop(sender.send(Err(refusal))),
                    },
                    Command::Record(step, sender) => {
                        let entries = step(&mut batch.ledger);
                        batch.entries.extend(entries);
                        batch.replies.push(Reply::Done(sender));
                    }
                    Command::Deliver(id, step, sender) => {
                        let new = self.deliver(id, &mut batch);
                        if new {
                            let entries = step(&mut batch.ledger);
                            batch.entries.extend(entries);
                        }
                        batch.replies.push(Reply::Delivered(sender, new));
                    }
                    Command::Post(post, sender) => {
                        batch.posts.push(post);
                        batch.replies.push(Reply::Done(sender));
                    }
                }
            }
            self.commit(batch);
        }
    }

    fn take(
        &mut self,
        submission: &Submission,
        judged: Result<(), Refusal>,
        batch: &mut Batch,
    ) -> Result<Receipt, Refusal> {
        let now = self.clock.now();
        if let Some(answer) = self.first_answer(submission, now)? {
            return Ok(answer);
        }
        judged?;
        let admitted = admit(&batch.ledger, submission)?;
        let complete = submission.is_complete();
        let change = if admitted.writes.is_empty() {
            let change = existing(&batch.ledger, submission);
            if let Some(pending) = change
                .as_ref()
                .filter(|_| complete)
                .and_then(|id| batch.ledger.changes.get(id))
                .filter(|c| !(c.ready && c.complete))
            {
                let ready = Change { ready: true, complete: true, ..Change::clone(pending) };
                let entry = batch.ledger.update(ready);
                batch.entries.push(entry);
            }
            change
        } else {
            let (id, entries) = batch.ledger.accept(admitted.writes, complete, &submission.by, now);
            batch.entries.extend(entries);
            Some(id)
        };
        let receipt = Receipt { change, outcomes: admitted.outcomes, warnings: admitted.warnings };
        self.remember(submission, &receipt, now, batch);
        Ok(receipt)
    }

    fn first_answer(&self, submission: &Submission, now: Timestamp) -> Result<Option<Receipt>, Refusal> {
        let Some(idempotency) = &submission.idempotency else { return Ok(None) };
        let Some(answer) = self.answers.get(&(submission.by.name.clone(), idempotency.key.clone())) else {
            return Ok(None);
        };
        if answer.at < now.plus(-ANSWER_LIFE) {
            return Ok(None);
        }
        if answer.digest == idempotency.digest {
            let unreadable =
                |_| Refusal::new(Cause::Unavailable, "", "the first answer to this key cannot be read any more");
            return serde_json::from_str(&answer.receipt).map(Some).map_err(unreadable);
        }
        let message = "this Idempotency-Key came with another request before; use a new key for a new request";
        Err(Refusal::new(Cause::KeyReused, "", message))
    }

    fn remember(&mut self, submission: &Submission, receipt: &Receipt, at: Timestamp, batch: &mut Batch) {
        let Some(idempotency) = &submission.idempotency else { return };
        let answer = Answer {
            caller: submission.by.name.clone(),
            key: idempotency.key.clone(),
            digest: idempotency.digest.clone(),
            receipt: serde_json::to_string(receipt).unwrap_or_default(),
            at,
        };
        let key = (answer.caller.clone(), answer.key.clone());
        batch.entries.extend([Entry::Expire(at.plus(-ANSWER_LIFE)), Entry::Answer(answer.clone())]);
        if self.answers.len() >= self.sweep_at {
            // Each is looked at a constant number of times in all, however many there are.
            self.answers.retain(|_, answer| answer.at >= at.plus(-ANSWER_LIFE));
            self.sweep_at = FEW.max(self.answers.len() * 2);
        }
        self.answers.insert(key.clone(), answer);
        batch.new_answers.push(key);
    }

    /// Remembers a webhook; whether it is new.
    fn deliver(&mut self, id: String, batch: &mut Batch) -> bool {
        let at = self.clock.now();
        if self.deliveries.contains_key(&id) {
            return false;
        }
        if self.deliveries.len() >= MOST_DELIVERIES || self.swept.plus(SWEEP) < at {
            self.swept = at;
            let before = at.plus(-DELIVERY_LIFE);
            // Of too many the older half goes: what is sent again by then is looked at once more, and that is all.
            let mut known: Vec<Timestamp> = self.deliveries.values().copied().collect();
            known.sort_unstable();
            let middle = known.get(known.len() / 2).copied().filter(|_| known.len() >= MOST_DELIVERIES);
            let before = middle.map_or(before, |middle| middle.max(before));
            self.deliveries.retain(|_, known| *known >= before);
            batch.entries.push(Entry::ExpireDeliveries(before));
        }
        batch.entries.push(Entry::Delivery(Delivery { id: id.clone(), at }));
        self.deliveries.insert(id.clone(), at);
        batch.new_deliveries.push(id);
        true
    }

    fn commit(&mut self, mut batch: Batch) {
        let before = self.view.load_full();
        let at = self.clock.now();
        let happened = happened(&before, &batch.entries);
        // They are durable with what they tell of, or neither is.
        let announced = self.outbox.entries(&happened, std::mem::take(&mut batch.posts), at);
        let events: Vec<Event> = happened.iter().filter_map(|it| Event::of(*it, at)).collect();
        batch.entries.extend(announced);
        let is_empty = batch.entries.is_empty();
        let was_in_trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let written = match is_empty {
            false => self.journal.append(&batch.entries),
            // Only a write shows that the journal takes writes again.
            true if was_in_trouble => self.journal.probe(),
            true => Ok(()),
        };
        let why = written.as_ref().err().map(ToString::to_string);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
        match if is_empty { Ok(()) } else { written } {
            Ok(()) => {
                self.view.store(Arc::new(batch.ledger));
                self.outbox.apply(&batch.entries);
                self.tell(events);
                for reply in batch.replies {
                    match reply {
                        Reply::Receipt(sender, receipt) => drop(sender.send(Ok(receipt))),
                        Reply::Done(sender) => drop(sender.send(Ok(()))),
                        Reply::Delivered(sender, new) => drop(sender.send(Ok(new))),
                    }
                }
                if batch.entries.iter().any(|entry| !entry.is_announcing()) {
                    self.written.notify_one();
                }
            }
            Err(error) => {
                tracing::error!(%error, "nothing was accepted");
                for key in batch.new_answers {
                    self.answers.remove(&key);
                }
                for id in batch.new_deliveries {
                    self.deliveries.remove(&id);
                }
                let refusal =
                    || Refusal::new(Cause::Unavailable, "", "the journal cannot be written; nothing was accepted");
                for reply in batch.replies {
                    match reply {
                        Reply::Receipt(sender, _) => drop(sender.send(Err(refusal()))),
                        Reply::Done(sender) => drop(sender.send(Err(refusal()))),
                        Reply::Delivered(sender, _) => drop(sender.send(Err(refusal()))),
                    }
                }
            }
        }
    }
}

impl Writer {
    /// Tells whoever listens what happened.
    fn tell(&mut self, events: Vec<Event>) {
        for event in events {
            let Event { change, state, reason, .. } = &event;
            tracing::info!(%change, %state, reason = reason.as_deref().unwrap_or_default(), "change");
            self.event_seq += 1;
            drop(self.events.send(Event { seq: self.event_seq, ..event }));
        }
    }
}

/// The open change that a submission which writes nothing is about.
fn existing(ledger: &Ledger, submission: &Submission) -> Option<ChangeId> {
    let by_owner = submission.operations.iter().find_map(|operation| ledger.owner(operation.anchor()).cloned());
    by_owner.or_else(|| {
        let groups = submission.operations.iter().flat_map(|operation| ledger.groups_of(operation.anchor())).collect();
        ledger.destination(&groups).map(|change| change.id.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::super::journal::{Contents, JournalError};
    use super::*;

    struct Nothing;

    impl Journal for Nothing {
        fn load(&mut self) -> Result<Contents, JournalError> {
            Ok(Contents::default())
        }

        fn append(&mut self, _: &[Entry]) -> Result<(), JournalError> {
            Ok(())
        }

        fn probe(&mut self) -> Result<(), JournalError> {
            Ok(())
        }
    }

    impl Clock for Nothing {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
    }

    #[tokio::test]
    async fn a_writer_that_died_is_told() {
        let outbox = Outbox::restore(vec![], 0, "urn:test".into());
        let started = Intake::start(Ledger::default(), (vec![], vec![]), outbox, Box::new(Nothing), Arc::new(Nothing));
        let intake = started.unwrap();
        intake.record(|_| vec![]).await.unwrap();
        assert_eq!(intake.trouble(), None);
        intake.record(|_| panic!("on purpose")).await.unwrap_err();
        assert_eq!(intake.submit_after_death().await.cause, Cause::Unavailable);
        assert!(intake.trouble().is_some_and(|why| why.contains("restart")));
    }

    impl Intake {
        /// The refusal of a write when nobody takes it any more; the thread may still be ending.
        async fn submit_after_death(&self) -> Refusal {
            loop {
                if let Err(refusal) = self.record(|_| vec![]).await
                    && self.stopped.is_set()
                {
                    return refusal;
                }
            }
        }
    }
}
