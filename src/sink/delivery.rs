//! Bringing what waits to the sinks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use ureq::Agent;

use super::queue::{Next, Queue};
use super::target::{Outcome, Sink, agent};
use crate::change::announcement::Announcement;
use crate::change::outbox::Attempt;
use crate::change::{Clock, Intake, Refusal};

/// How many events are on their way to one sink at once, each about something else.
const LANES: usize = 4;
/// How long a request may take, from the look-up of the host to the end of the answer.
const LONGEST_REQUEST: Duration = Duration::from_secs(10);
/// How long to wait before what could not be written is written again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often is looked for what waits for too long.
const SWEEP: Duration = Duration::from_secs(3600);
/// After how many failures in a row no more refusals are told, and that the sink takes events again is.
const WORTH_TELLING: u32 = 3;

/// The sinks that are told, for as long as this is there. What is on its way when it is dropped stays in the journal.
pub struct Sinks {
    intake: Intake,
    clock: Arc<dyn Clock>,
    agent: Agent,
    running: tokio::sync::Mutex<BTreeMap<String, Running>>,
    sweeping: JoinHandle<()>,
}

/// What brings events to one sink; stops when this is dropped.
struct Running {
    course: Arc<Course>,
    lanes: Vec<JoinHandle<()>>,
}

/// The way to one sink.
struct Course {
    name: String,
    target: ArcSwap<Sink>,
    aimed: watch::Sender<()>,
    queue: Mutex<Queue>,
    intake: Intake,
    clock: Arc<dyn Clock>,
    agent: Agent,
}

impl Sinks {
    /// Announces to `sinks` from now on, and brings them what they have yet to take.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn start(intake: Intake, clock: Arc<dyn Clock>, sinks: Vec<Sink>) -> Result<Self, Refusal> {
        let started = Self::by(agent(LONGEST_REQUEST), intake, clock);
        started.reconfigure(sinks).await?;
        Ok(started)
    }

    /// None yet, whose requests `agent` is to carry.
    fn by(agent: Agent, intake: Intake, clock: Arc<dyn Clock>) -> Self {
        let sweeping = tokio::spawn(sweep(intake.clone()));
        Self { intake, clock, agent, running: tokio::sync::Mutex::default(), sweeping }
    }

    /// Puts `sinks` in the place of those there were, by their names. One that stays goes on where it was, at its new address
    /// and with its new secret; what others have yet to take is forgotten, and a new one hears what happens from now on.
    ///
    /// # Errors
    /// When the journal cannot be written: all is as it was.
    pub async fn reconfigure(&self, sinks: Vec<Sink>) -> Result<(), Refusal> {
        let mut running = self.running.lock().await;
        let names: BTreeSet<String> = sinks.iter().map(|sink| sink.name().to_owned()).collect();
        let before = self.intake.outbox().tallies().sinks;
        self.intake.announce_to(names.clone()).await?;
        for (sink, tally) in before.iter().filter(|(sink, tally)| !names.contains(*sink) && tally.waiting > 0) {
            tracing::error!(sink, events = tally.waiting, "this sink is gone, and with it what it had yet to take");
        }
        running.retain(|name, _| names.contains(name));
        for sink in sinks {
            match running.get(sink.name()) {
                Some(known) => known.course.aim(sink),
                None => _ = running.insert(sink.name().to_owned(), self.run(sink)),
            }
        }
        Ok(())
    }

    fn run(&self, sink: Sink) -> Running {
        let course = Arc::new(Course {
            name: sink.name().to_owned(),
            target: ArcSwap::from_pointee(sink),
            aimed: watch::Sender::new(()),
            queue: Mutex::default(),
            intake: self.intake.clone(),
            clock: self.clock.clone(),
            agent: self.agent.clone(),
        });
        let lanes = (0..LANES).map(|_| tokio::spawn(course.clone().carry())).collect();
        Running { course, lanes }
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        self.sweeping.abort();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lanes.iter().for_each(JoinHandle::abort);
    }
}

/// Gives up from time to time what waits for too long.
async fn sweep(intake: Intake) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(refusal) = intake.sweep().await {
            tracing::debug!(?refusal, "what waits for too long is given up later");
        }
    }
}

impl Course {
    /// Sends events to another address, or with another secret; what failed before is tried anew.
    fn aim(&self, sink: Sink) {
        if **self.target.load() != sink {
            self.target.store(Arc::new(sink));
            self.queue().forgive();
            self.aimed.send_replace(());
        }
    }

    /// Brings one event after the other.
    async fn carry(self: Arc<Self>) {
        let (mut changes, mut aimed) = (self.intake.outbox().changes(), self.aimed.subscribe());
        loop {
            changes.mark_unchanged();
            aimed.mark_unchanged();
            match self.next() {
                Next::Send(event) => self.deliver(&event).await,
                Next::Wait(wait) => {
                    let wait = wait.map_or(SWEEP, |wait| Duration::from_millis(wait.unsigned_abs()));
                    tokio::select! {
                        Ok(()) = changes.changed() => {}
                        Ok(()) = aimed.changed() => {}
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            }
        }
    }

    fn next(&self) -> Next {
        let mut queue = self.queue();
        let news = self.intake.outbox().news(&self.name, queue.last());
        queue.take_in(news);
        queue.next(self.clock.now())
    }

    /// Sends an event, and has it remembered that it was taken before the next one about the same thing is sent.
    async fn deliver(&self, event: &Announcement) {
        let target = self.target.load_full();
        let outcome = target.send(&self.agent, &event.document).await;
        self.intake.outbox().count(&self.name, outcome.attempt);
        if outcome.attempt == Attempt::Taken {
            while let Err(refusal) = self.intake.taken(self.name.clone(), event.number).await {
                tracing::debug!(sink = self.name, ?refusal, "what it has taken is remembered later");
                tokio::time::sleep(AGAIN).await;
            }
        }
        let mut queue = self.queue();
        let row = queue.row();
        let failures = queue.note(event, outcome.attempt, outcome.wish, self.clock.now());
        drop(queue);
        self.tell(event, &outcome, row, failures);
    }

    /// Logs a trouble when it begins, and its end.
    fn tell(&self, event: &Announcement, Outcome { attempt, words, .. }: &Outcome, row: u32, failures: u32) {
        let (sink, number, subject) = (&self.name, event.number, &event.subject);
        let is_news = failures == 1 && (row == 0 || *attempt == Attempt::Refused && row < WORTH_TELLING);
        match attempt {
            Attempt::Taken if row >= WORTH_TELLING => tracing::info!(sink, "the sink takes events again"),
            Attempt::Taken => tracing::debug!(sink, number, subject, "an event was taken"),
            _ if is_news => tracing::warn!(sink, number, subject, words, "an event was not taken; it is sent again"),
            _ => tracing::debug!(sink, number, subject, words, failures, "an event was not taken; it is sent again"),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "delivery/tests.rs"]
mod tests;
