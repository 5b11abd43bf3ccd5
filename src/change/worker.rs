//! Carries changes from the journal to main: looks, asks `decide()`, acts, and looks again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::Instrument as _;

use super::adopt;
use super::astray;
use super::base::Base;
use super::clock::Clock;
use super::decide::Timing;
use super::forge::{Forge, ForgeError, Review};
use super::heard::HeardTo;
use super::id::{ChangeId, Timestamp};
use super::intake::Intake;
use super::patience::Patience;
use super::plugins::{NoPlugins, Plugins};
use super::proposal::Proposal;
use super::recent::Recent;
use super::record::{Change, State};
use super::refusals::Refusals;
use super::reports::Reports;
use super::retention::Retention;
use super::rosters::Rosters;
use super::rounds::Rounds;
use super::span::carrying;
use super::stopped::Stopped;
use super::stuck::{Stuck, blocking};
use super::troubles::{Found, Troubles};
use crate::repo::{CommitId, Identity, Mirror, Signer};

/// Of how many changes the reviews are kept that were last seen, and of how many that ended what they did.
const LOOKS: usize = 500;
const DONE: usize = 16;

/// The most changes that one look at everything forgets.
const PRUNED: usize = 200;

/// How long after a look at everything the next one begins at the earliest, in milliseconds; a settle window, if that is
/// shorter.
const DISTANCE: i64 = 1000;

/// How old a lock is that nobody holds any more, in milliseconds: no git program moves a reference for a minute.
const ABANDONED: i64 = 60_000;

/// Why a change waits though nothing is wrong; without the moment, so that it is recorded once.
pub(super) const WAITS_FOR_THE_LIMIT: &str = "waits for the forge, whose limit of requests is used up for now (`forge.budget`, or its own); it goes on by itself";

/// A plan with the state of main and the writes that it was made of.
pub(super) type Planned = (CommitId, u64, Arc<Proposal>);

/// The one that carries changes; built once and shared.
pub struct Worker {
    pub(super) intake: Intake,
    pub(super) forge: Arc<dyn Forge>,
    pub(super) mirror: Mirror,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) author: Identity,
    pub(super) signer: Option<Signer>,
    pub(super) timing: Timing,
    retention: Retention,
    /// The URL that readers reach this server by; empty where that is not known.
    pub(super) public_url: String,
    pub(super) plans: Mutex<HashMap<ChangeId, Planned>>,
    troubles: Troubles,
    pub(super) refusals: Refusals,
    /// The reviews as the last look at a pull request found them.
    pub(super) reviews: Recent<ChangeId, Vec<Review>>,
    pub(super) rosters: Rosters,
    /// What changes did that ended: that never becomes something else.
    pub(super) done: Recent<ChangeId, Arc<Proposal>>,
    stopped: Stopped,
    /// Whether nothing more shall be begun.
    stopping: watch::Sender<bool>,
    /// Whether the forge was asked for changes that nothing is remembered of.
    adopted: AtomicBool,
    /// Whether what the journal calls merged was compared with main since the start.
    compared: AtomicBool,
    pub(super) rounds: Rounds,
    pub(super) plugins: Arc<dyn Plugins>,
    patience: Patience,
    pub(super) heard_to: HeardTo,
    pub(super) reports: Reports,
    wake: Notify,
    /// Held by whoever acts on a change or takes notice of main: one queue for all branches.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Worker {
    /// A worker over these parts.
    #[must_use]
    pub fn new(
        intake: Intake,
        forge: Arc<dyn Forge>,
        mirror: Mirror,
        clock: Arc<dyn Clock>,
        author: Identity,
        signer: Option<Signer>,
        timing: Timing,
    ) -> Self {
        Self {
            intake,
            forge,
            mirror,
            clock,
            author,
            signer,
            timing,
            retention: Retention::default(),
            public_url: String::new(),
            plans: Mutex::default(),
            troubles: Troubles::default(),
            refusals: Refusals::default(),
            reviews: Recent::new(LOOKS),
            rosters: Rosters::default(),
            done: Recent::new(DONE),
            stopped: Stopped::default(),
            stopping: watch::Sender::new(false),
            adopted: AtomicBool::new(true),
            compared: AtomicBool::new(false),
            rounds: Rounds::default(),
            plugins: Arc::new(NoPlugins::default()),
            patience: Patience::default(),
            heard_to: HeardTo::default(),
            reports: Reports::default(),
            wake: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// The same with another idea of how long changes are remembered that ended.
    #[must_use]
    pub fn with_retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// The same, reached by readers at a URL.
    #[must_use]
    pub fn with_public_url(self, public_url: String) -> Self {
        Self { public_url, ..self }
    }

    /// The same, which has these outside plugins asked.
    #[must_use]
    pub fn with_plugins(self, plugins: Arc<dyn Plugins>) -> Self {
        let base = self.intake.view().base.clone();
        plugins.follow(&base.tree, &base.settings);
        Self { plugins, ..self }
    }

    /// The same, which has still to ask the forge for changes that nothing is remembered of: it was away at the start.
    #[must_use]
    pub fn yet_to_adopt(self) -> Self {
        Self { adopted: AtomicBool::new(false), ..self }
    }

    /// Carries changes on until it is told to stop. What is handed over as `starting` is dropped once everything was
    /// looked at for the first time, whatever came of it.
    pub async fn run(self: Arc<Self>, starting: impl Send) {
        let _guard = self.stopped.guard();
        let mut starting = Some(starting);
        let mut everything = true;
        let distance = Duration::from_millis(u64::try_from(self.timing.settle.clamp(0, DISTANCE)).unwrap_or_default());
        let mut rest = None;
        let mut again = Timestamp(i64::MIN);
        loop {
            if everything && let Some(rest) = rest.take() {
                // However often somebody says that something happened.
                tokio::select! {
                    () = rest => {}
                    () = self.told_to_stop() => {}
                }
            }
            if self.is_stopping() {
                return;
            }
            let begin = self.clock.now();
            everything |= begin >= again || again.plus(-self.timing.poll) > begin;
            if everything {
                again = begin.plus(self.timing.poll);
            }
            let next = self.look(everything).await;
            drop(starting.take());
            if everything {
                rest = Some(Box::pin(tokio::time::sleep(distance)));
            }
            let until = next.map_or(again, |next| next.min(again));
            // However the clock is set: nobody waits longer than between two looks.
            let pause = until.0.saturating_sub(self.clock.now().0).clamp(1, self.timing.poll.max(1));
            let pause = u64::try_from(pause).unwrap_or(1);
            everything = tokio::select! {
                () = self.intake.written() => false,
                () = self.wake.notified() => true,
                () = self.plugins.answered() => {
                    self.rounds.answered();
                    false
                }
                () = tokio::time::sleep(Duration::from_millis(pause)) => false,
                () = self.told_to_stop() => return,
            };
        }
    }

    /// Looks at everything, or at what is not as it was; gives the moment when something is due.
    async fn look(self: &Arc<Self>, everything: bool) -> Option<Timestamp> {
        let _turn = self.turn.lock().await;
        let mut round = Round::default();
        let due = match self.look_around(everything, &mut round).await {
            Ok(due) => due,
            Err(stuck) => {
                match &stuck {
                    Stuck::NoMain => self.tell_those_that_wait(&stuck.to_string()).await,
                    Stuck::Forge(ForgeError::Later(_)) => self.tell_those_that_wait(WAITS_FOR_THE_LIMIT).await,
                    _ => {}
                }
                round.fail(stuck);
                None
            }
        };
        let again = self.patience.note(round.failed, self.clock.now(), self.timing.poll);
        self.troubles.note(round.troubles);
        [due, again, round.later].into_iter().flatten().min()
    }

    async fn look_around(self: &Arc<Self>, everything: bool, round: &mut Round) -> Result<Option<Timestamp>, Stuck> {
        let before = self.intake.view();
        let (mut chosen, mut due) = self.rounds.choose(&before, everything, self.clock.now(), &self.timing);
        let clear = before.attention().all(|change| !change.state.is_final());
        if !everything && clear && chosen.is_empty() && self.compared.load(Ordering::Relaxed) {
            return Ok(due);
        }
        // Main is followed also while the API takes no requests.
        self.refresh().await?;
        if everything {
            self.forge.refresh_pulls().await?;
        }
        if everything {
            self.adopt().await?;
        }
        if everything && let Err(stuck) = self.listen().await {
            round.fail(stuck);
        }
        let view = self.intake.view();
        if view.base.commit != before.base.commit {
            (chosen, due) = self.rounds.choose(&view, everything, self.clock.now(), &self.timing);
        }
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| view.is_open(id));
        let done: Vec<ChangeId> =
            view.attention().filter(|c| c.state.is_final()).map(|change| change.id.clone()).collect();
        for id in done {
            if let Err(stuck) = self.clear_away(&id).instrument(carrying(&id)).await {
                round.fail(stuck);
            }
        }
        for change in chosen {
            if self.is_stopping() {
                return Ok(None);
            }
            // What joins it from here on is looked at again.
            let view = self.intake.view();
            let change = view.changes.get(&change.id).cloned().unwrap_or(change);
            match self.step(&change.id, false).instrument(carrying(&change.id)).await {
                Ok(next) => {
                    due = [due, next].into_iter().flatten().min();
                    self.rounds.note(&view, change, next);
                }
                Err(stuck) => {
                    tracing::debug!(change = %change.id, %stuck, "looked at again later");
                    round.fail(stuck);
                }
            }
        }
        if everything && let Err(stuck) = self.prune().await {
            round.fail(stuck);
        }
        if let Err(stuck) = self.look_for_locks().await {
            round.fail(stuck);
        }
        Ok(due)
    }

    /// Takes over what the forge knows and nothing is remembered of, unless that was done when the server started.
    async fn adopt(&self) -> Result<(), Stuck> {
        if self.adopted.load(Ordering::Relaxed) {
            return Ok(());
        }
        let found = adopt::unknown(&self.intake.view(), self.forge.as_ref(), &self.mirror, self.clock.now()).await?;
        self.intake.record(move |ledger| ledger.take_over(found)).await?;
        self.adopted.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Says of every change that was not proposed what it waits for.
    async fn tell_those_that_wait(&self, why: &str) {
        for change in self.intake.view().active() {
            if let Err(stuck) = self.tell_what_it_waits_for(change, why).await {
                tracing::warn!(change = %change.id, %stuck, "why it waits is not said");
            }
        }
    }

    /// Says of a change what it waits for, if it was not proposed yet.
    pub(super) async fn tell_what_it_waits_for(&self, change: &Change, why: &str) -> Result<(), Stuck> {
        if !matches!(change.state, State::Journaled | State::Planned) {
            return Ok(());
        }
        let why = Some(why.to_owned());
        self.record(&change.id, |change| change.reason = why).await
    }

    /// Forgets changes that ended long ago, a few at a time.
    async fn prune(&self) -> Result<(), Stuck> {
        let over = self.retention.over(&self.intake.view(), self.clock.now(), PRUNED);
        if over.is_empty() { Ok(()) } else { Ok(self.intake.record(move |ledger| ledger.forget(&over)).await?) }
    }

    /// Begins nothing more by itself: what it does is ended, and what is not done yet waits in the journal for the next
    /// start. What somebody asks for is done all the same.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether it was told to stop.
    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    async fn told_to_stop(&self) {
        drop(self.stopping.subscribe().wait_for(|stopping| *stopping).await);
    }

    /// Waits until nobody acts on a change.
    pub async fn rests(&self) {
        drop(self.turn.lock().await);
    }

    /// Whether nobody carries changes any more.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.stopped.is_set()
    }

    /// What the last round could not use, by the name of the part, each with the reason.
    #[must_use]
    pub fn troubles(&self) -> BTreeMap<&'static str, String> {
        self.troubles.all()
    }

    /// Fails where a lock was left behind, which nobody would notice before the next merge.
    async fn look_for_locks(&self) -> Result<(), Stuck> {
        let (mirror, moment) = (self.mirror.clone(), self.clock.now().plus(-ABANDONED).seconds());
        blocking(move || Ok(mirror.no_lock_left_before(moment)?)).await
    }

    /// Looks at everything on the forge.
    pub(super) async fn refresh_all(&self) -> Result<(), Stuck> {
        self.refresh().await?;
        Ok(self.forge.refresh_pulls().await?)
    }

    /// Looks at the branches on the forge, and takes notice of where main is.
    pub(super) async fn refresh(&self) -> Result<(), Stuck> {
        let Some(commit) = self.forge.refresh().await? else {
            return Err(Stuck::NoMain);
        };
        let (view, first) = (self.intake.view(), !self.compared.load(Ordering::Relaxed));
        if view.base.commit == Some(commit) && !first {
            return Ok(());
        }
        let (mirror, seen) = (self.mirror.clone(), view.clone());
        let moved = blocking(move || Ok(astray::moved(&mirror, &seen, commit, first)?)).await?;
        let base = if view.base.commit == Some(commit) { view.base.clone() } else { self.base_at(commit).await? };
        let now = self.clock.now();
        let recorded = self.intake.record(move |ledger| {
            ledger.advance(base);
            let known = |(id, there): &(ChangeId, bool)| Some((ledger.changes.get(id)?.clone(), *there));
            let moved: Vec<_> = moved.iter().filter_map(known).collect();
            moved.iter().map(|(change, there)| ledger.update(astray::noted(change, *there, now))).collect()
        });
        recorded.await?;
        self.reports.main_moved();
        let base = self.intake.view().base.clone();
        self.plugins.follow(&base.tree, &base.settings);
        self.compared.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The state of main at `commit`, derived from what is known.
    pub(super) async fn base_at(&self, commit: CommitId) -> Result<Arc<Base>, Stuck> {
        let (view, mirror) = (self.intake.view(), self.mirror.clone());
        blocking(move || Ok(Arc::new(view.base.advance(&mirror, commit)?))).await
    }

    /// Records something about a change as it is by then, unless it ended meanwhile.
    pub(super) async fn record(
        &self,
        id: &ChangeId,
        edit: impl FnOnce(&mut Change) + Send + 'static,
    ) -> Result<(), Stuck> {
        let key = id.clone();
        let recorded = self.intake.record(move |ledger| {
            let Some(current) = ledger.changes.get(&key).filter(|c| !c.state.is_final()).cloned() else {
                return vec![];
            };
            let mut after = Change::clone(&current);
            edit(&mut after);
            if after == *current { vec![] } else { vec![ledger.update(after)] }
        });
        Ok(recorded.await?)
    }

    /// Has everything looked at again soon.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// What went wrong in a round.
#[derive(Debug, Default)]
struct Round {
    troubles: Found,
    /// Whether something has to be tried again soon.
    failed: bool,
    /// When the forge takes requests again, if it took no more.
    later: Option<Timestamp>,
}

impl Round {
    fn fail(&mut self, stuck: Stuck) {
        // Who keeps to a limit works as it should.
        if let Stuck::Forge(ForgeError::Later(at)) = stuck {
            self.later = [self.later, Some(at)].into_iter().flatten().min();
            return;
        }
        self.failed = true;
        self.troubles.insert(stuck.part(), stuck.to_string());
    }
}
