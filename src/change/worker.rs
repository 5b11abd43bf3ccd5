//! Carries changes from the journal to main: looks, asks `decide()`, acts, and looks again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, broadcast};

use super::approval::Standing;
use super::base::Base;
use super::clock::Clock;
use super::decide::{Action, Branch, Desired, Observed, Timing, decide, decide_early};
use super::event::Event;
use super::forge::{Forge, ForgeError, Pull, PullState, PullText};
use super::id::{ChangeId, Timestamp};
use super::intake::Intake;
use super::ledger::Ledger;
use super::proposal::Proposal;
use super::record::{Change, State};
use super::rounds::Rounds;
use super::stuck::{Stuck, blocking};
use super::{commit, words};
use crate::repo::{CommitId, Identity, Mirror, RepoError, Signer};

/// The most actions that one look at a change leads to.
const ACTIONS: usize = 10;

/// A plan with the state of main and the writes that it was made of.
type Planned = (CommitId, u64, Arc<Proposal>);

/// The one that carries changes; built once and shared.
pub struct Worker {
    pub(super) intake: Intake,
    pub(super) forge: Arc<dyn Forge>,
    pub(super) mirror: Mirror,
    pub(super) clock: Arc<dyn Clock>,
    author: Identity,
    signer: Option<Signer>,
    timing: Timing,
    plans: Mutex<HashMap<ChangeId, Planned>>,
    pub(super) events: broadcast::Sender<Event>,
    event_seq: AtomicU64,
    trouble: Mutex<Option<String>>,
    rounds: Rounds,
    wake: Notify,
    /// Held by whoever acts on the repository or the forge: one queue for all branches.
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
            plans: Mutex::default(),
            events: broadcast::channel(1024).0,
            event_seq: AtomicU64::new(0),
            trouble: Mutex::default(),
            rounds: Rounds::default(),
            wake: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Carries changes on until the task is dropped.
    pub async fn run(self: Arc<Self>) {
        let mut everything = true;
        let mut again = Timestamp(i64::MIN);
        loop {
            let begin = self.clock.now();
            everything |= begin >= again;
            if everything {
                again = begin.plus(self.timing.poll);
            }
            let next = self.look(everything).await;
            let until = next.map_or(again, |next| next.min(again));
            let pause = u64::try_from(until.0 - self.clock.now().0).unwrap_or(0).max(1);
            everything = tokio::select! {
                () = self.intake.written() => false,
                () = self.wake.notified() => true,
                () = tokio::time::sleep(std::time::Duration::from_millis(pause)) => false,
            };
        }
    }

    /// Looks at everything, or at what is not as it was; gives the moment when something is due.
    async fn look(self: &Arc<Self>, everything: bool) -> Option<Timestamp> {
        let _turn = self.turn.lock().await;
        if let Err(stuck) = self.refresh().await {
            self.note(Some(&stuck));
            return None;
        }
        let view = self.intake.view();
        let (chosen, mut due) = self.rounds.choose(&view, everything, self.clock.now());
        let mut failed = None;
        let done: Vec<ChangeId> =
            view.attention().filter(|c| c.state.is_final()).map(|change| change.id.clone()).collect();
        for id in done {
            failed = self.tidy(&id).await.err().or(failed);
        }
        for change in chosen {
            // What joins it from here on is looked at again.
            let view = self.intake.view();
            let change = view.changes.get(&change.id).cloned().unwrap_or(change);
            match self.step(&change.id).await {
                Ok(next) => {
                    due = [due, next].into_iter().flatten().min();
                    self.rounds.note(&view, change, next);
                }
                Err(stuck) => {
                    tracing::warn!(change = %change.id, %stuck, "looked at again later");
                    failed = Some(stuck);
                }
            }
        }
        self.note(failed.as_ref());
        due
    }

    /// Why the forge or the mirror could not be used in the last round.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, stuck: Option<&Stuck>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = stuck.map(ToString::to_string);
    }

    /// Takes notice of where main is.
    pub(super) async fn refresh(&self) -> Result<(), Stuck> {
        let Some(commit) = self.forge.refresh().await? else {
            return Err(ForgeError::Unavailable("the config repository has no main branch".into()).into());
        };
        if self.intake.view().base.commit != Some(commit) {
            let base = self.base_at(commit).await?;
            self.intake
                .record(move |ledger| {
                    ledger.advance(base);
                    vec![]
                })
                .await?;
        }
        Ok(())
    }

    /// The state of main at `commit`, derived from what is known.
    pub(super) async fn base_at(&self, commit: CommitId) -> Result<Arc<Base>, Stuck> {
        let (view, mirror) = (self.intake.view(), self.mirror.clone());
        blocking(move || Ok(Arc::new(view.base.advance(&mirror, commit)?))).await
    }

    /// The plan of a change on the newest main; blocks while it is made.
    pub(super) fn plan_now(&self, view: &Ledger, id: &ChangeId) -> Result<(u64, Arc<Proposal>), Stuck> {
        let Some(commit) = view.base.commit else { return Err(Stuck::Stopped) };
        let covers = view.writes(id).map(|write| write.seq).max().unwrap_or(0);
        let cached = self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some((base, of, proposal)) = cached
            && (base, of) == (commit, covers)
        {
            return Ok((covers, proposal));
        }
        let files = self.mirror.snapshot(commit)?;
        let proposal = Arc::new(Proposal::make(&view.base, &files, &view.tree_of(id))?);
        let planned = (commit, covers, proposal.clone());
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), planned);
        Ok((covers, proposal))
    }

    /// The plan of a change on the newest main.
    pub(super) async fn plan(
        self: &Arc<Self>,
        view: &Arc<Ledger>,
        id: &ChangeId,
    ) -> Result<(u64, Arc<Proposal>), Stuck> {
        let (worker, view, id) = (self.clone(), view.clone(), id.clone());
        blocking(move || worker.plan_now(&view, &id)).await
    }

    /// Carries one change as far as it can go now; gives the moment when it can go on by itself. The turn is held.
    pub(super) async fn step(self: &Arc<Self>, id: &ChangeId) -> Result<Option<Timestamp>, Stuck> {
        for _ in 0..ACTIONS {
            let view = self.intake.view();
            let Some(change) = view.changes.get(id).filter(|change| !change.state.is_final()).cloned() else {
                return Ok(None);
            };
            let pull = self.forge.find_pull(&change.branch).await?;
            let none = Standing::default();
            let mut observed = Observed {
                change: &change,
                now: self.clock.now(),
                branch: None,
                pull: pull.as_ref(),
                waits_for: view.waits_for(&change),
                standing: &none,
            };
            if let Some(action) = decide_early(&observed, &self.timing) {
                match self.act(&view, &change, action, None).await? {
                    Some(next) => return Ok(next),
                    None => continue,
                }
            }
            let (covers, proposal) = self.plan(&view, id).await?;
            let branch = self.look_at_branch(&change).await?;
            let standing = self.weigh(&view, &change, pull.as_ref(), &proposal).await?;
            let blocks = words::blocks(&proposal.plan, &view, &change);
            let now = self.clock.now();
            let draft = !blocks.is_empty() || now < super::decide::ready_at(&change, &self.timing);
            let text = words::pull_text(&change, &proposal, draft);
            (observed.branch, observed.standing) = (branch.as_ref(), &standing);
            let desired =
                Desired { empty: proposal.is_empty(), digest: &proposal.digest, covers, blocks: &blocks, text: &text };
            let action = decide(&observed, &desired, &self.timing);
            let rests = matches!(action, Action::Rest(..));
            let work = Work { covers, proposal: &proposal, text: &text, sealed: standing.seals() };
            match self.act(&view, &change, action, Some(&work)).await {
                Ok(Some(next)) if rests && !change.ready => {
                    return Ok(next.or(Some(super::decide::ready_at(&change, &self.timing)).filter(|at| *at > now)));
                }
                Ok(Some(next)) => return Ok(next),
                Ok(None) | Err(Stuck::Forge(ForgeError::Moved(_))) => {}
                Err(Stuck::Repo(RepoError::Path { path, why })) => {
                    // Only this change cannot be carried on, so the server as a whole stays ready.
                    let why = format!("{path} on main {why}; move what stands there, or withdraw this change");
                    self.record(id, move |change| (change.state, change.reason) = (State::Blocked, Some(why))).await?;
                    return Ok(None);
                }
                Err(Stuck::Forge(ForgeError::Refused(why))) => {
                    self.record(id, move |change| (change.state, change.reason) = (State::Blocked, Some(why))).await?;
                    return Ok(None);
                }
                Err(stuck) => return Err(stuck),
            }
        }
        // It keeps moving under us; the next round looks again.
        Ok(Some(self.clock.now().plus(self.timing.settle)))
    }

    async fn look_at_branch(&self, change: &Change) -> Result<Option<Branch>, Stuck> {
        let Some(head) = self.forge.branch(&change.branch).await? else { return Ok(None) };
        let (mirror, id) = (self.mirror.clone(), change.id.clone());
        blocking(move || Ok(Some(Branch { head, digest: commit::own_digest(&mirror, &id, head)? }))).await
    }

    /// What the reviews come to. An approval holds for the content: a commit counts while it holds the present one.
    pub(super) async fn weigh(
        &self,
        view: &Ledger,
        change: &Change,
        pull: Option<&Pull>,
        proposal: &Proposal,
    ) -> Result<Standing, Stuck> {
        let reviews = pull.map(|pull| pull.reviews.clone()).unwrap_or_default();
        let (mirror, change, digest) = (self.mirror.clone(), change.clone(), proposal.digest.clone());
        let approvals = view.base.settings.approvals;
        blocking(move || {
            let current =
                |head: CommitId| commit::own_digest(&mirror, &change.id, head).ok().flatten().as_ref() == Some(&digest);
            Ok(Standing::of(&change, &reviews, approvals, current))
        })
        .await
    }

    /// Does one thing. `Some` says that nothing more can be done now, or before that moment.
    async fn act(
        &self,
        view: &Arc<Ledger>,
        change: &Change,
        action: Action,
        work: Option<&Work<'_>>,
    ) -> Result<Option<Option<Timestamp>>, Stuck> {
        match (action, work) {
            (Action::Wait(until), _) => return Ok(Some(Some(until))),
            (Action::Rest(state, reason), work) => {
                let seals = work.map(|work| work.sealed && matches!(state, State::Proposed | State::Approved));
                self.record(&change.id, move |change| {
                    (change.state, change.reason) = (state, reason);
                    change.sealed = seals.unwrap_or(change.sealed);
                })
                .await?;
                return Ok(Some(None));
            }
            (Action::Merged(commit), _) => self.settle(change, commit).await?,
            (Action::End(state, words), Some(work)) => self.end(change, state, words, work.covers).await?,
            (Action::End(state, words), None) => {
                // Who rejects it rejects all of it; what we closed ourselves was empty as far as is recorded.
                let up_to = if state == State::Rejected { u64::MAX } else { change.covers };
                self.end(change, state, words, up_to).await?;
            }
            (Action::Close(number, words), work) => {
                // Recorded first: whoever finds it closed must know which writes cancelled each other.
                let covers = work.map_or(change.covers, |work| work.covers);
                self.record(&change.id, move |change| change.covers = covers).await?;
                self.forge.close_pull(number, None, &words).await?;
            }
            (Action::Push(expected), Some(work)) => {
                let head = self.commit(view, change, work).await?;
                self.forge.push(&change.branch, expected, Some(head)).await?;
                self.hold(change, head, view.base.commit, work).await?;
            }
            (Action::Adopt(head), Some(work)) => self.hold(change, head, view.base.commit, work).await?,
            (Action::Open, Some(work)) => {
                let pull = self.forge.open_pull(&change.branch, work.text).await?;
                self.record(&change.id, move |change| change.pull = Some(pull.number)).await?;
            }
            (Action::Edit(number), Some(work)) => {
                self.forge.edit_pull(number, work.text).await?;
                self.record(&change.id, move |change| change.pull = Some(number)).await?;
            }
            (Action::Push(_) | Action::Adopt(_) | Action::Open | Action::Edit(_), None) => {}
        }
        Ok(None)
    }

    async fn commit(&self, view: &Ledger, change: &Change, work: &Work<'_>) -> Result<CommitId, Stuck> {
        let Some(base) = view.base.commit else { return Err(Stuck::Stopped) };
        let (mirror, author, signer) = (self.mirror.clone(), self.author.clone(), self.signer.clone());
        let time = self.clock.now().seconds();
        let (proposal, title, change) = (work.proposal.clone(), work.text.title.clone(), change.clone());
        blocking(move || {
            Ok(commit::propose(
                &mirror,
                &commit::Signature { author: &author, time, signer: signer.as_ref() },
                base,
                &change,
                &proposal,
                &title,
            )?)
        })
        .await
    }

    /// Records what the branch holds.
    async fn hold(
        &self,
        change: &Change,
        head: CommitId,
        base: Option<CommitId>,
        work: &Work<'_>,
    ) -> Result<(), Stuck> {
        let (digest, covers) = (work.proposal.digest.clone(), work.covers);
        self.record(&change.id, move |change| {
            (change.head, change.base, change.digest, change.covers) = (Some(head), base, Some(digest), covers);
            if change.state == State::Journaled {
                change.state = State::Planned;
            }
        })
        .await
    }

    /// The pull request was merged: main has its writes now.
    async fn settle(&self, change: &Change, commit: CommitId) -> Result<(), Stuck> {
        let main = self.forge.refresh().await?.unwrap_or(commit);
        let base = self.base_at(main).await?;
        // Durable before the journal forgets.
        let mirror = self.mirror.clone();
        blocking(move || Ok(mirror.sync()?)).await?;
        let id = change.id.clone();
        self.forget_plan(&id);
        self.intake
            .record(move |ledger| {
                ledger.advance(base);
                let Some(current) = ledger.changes.get(&id).filter(|c| !c.state.is_final()).cloned() else {
                    return vec![];
                };
                let mut merged = current.ended(State::Merged, None);
                merged.merged = Some(commit);
                ledger.finish(merged, current.covers)
            })
            .await?;
        self.announce(&change.id);
        self.tidy(&change.id).await
    }

    /// Ends a change without merging it: its writes up to `up_to` leave the proposed view, later ones go on in another.
    pub(super) async fn end(&self, change: &Change, state: State, words: String, up_to: u64) -> Result<(), Stuck> {
        let id = change.id.clone();
        self.forget_plan(&id);
        self.intake
            .record(move |ledger| match ledger.changes.get(&id).filter(|c| !c.state.is_final()).cloned() {
                Some(current) => {
                    ledger.finish(current.ended(state, Some(words).filter(|words| !words.is_empty())), up_to)
                }
                None => vec![],
            })
            .await?;
        self.announce(&change.id);
        self.tidy(&change.id).await
    }

    /// Closes what is open of a final change and removes its branch.
    async fn tidy(&self, id: &ChangeId) -> Result<(), Stuck> {
        let Some(change) = self.intake.view().changes.get(id).filter(|change| change.state.is_final()).cloned() else {
            return Ok(());
        };
        if let Some(pull) = self.forge.find_pull(&change.branch).await?.filter(|pull| pull.state == PullState::Open) {
            self.forge.close_pull(pull.number, None, change.reason.as_deref().unwrap_or_default()).await?;
        }
        let head = self.forge.branch(&change.branch).await?;
        let own = match head {
            Some(head) if change.head != Some(head) => {
                self.look_at_branch(&change).await?.is_some_and(|branch| branch.digest.is_some())
            }
            _ => true,
        };
        // A branch with commits of somebody else is theirs.
        if let Some(head) = head.filter(|_| own) {
            self.forge.push(&change.branch, Some(head), None).await?;
        }
        let id = id.clone();
        let tidied = self.intake.record(move |ledger| match ledger.changes.get(&id).cloned() {
            Some(change) => vec![ledger.update(Change { untidy: false, ..Change::clone(&change) })],
            None => vec![],
        });
        Ok(tidied.await?)
    }

    fn forget_plan(&self, id: &ChangeId) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Records something about a change as it is by then, unless it ended meanwhile, and announces it when its state or
    /// reason became another.
    pub(super) async fn record(
        &self,
        id: &ChangeId,
        edit: impl FnOnce(&mut Change) + Send + 'static,
    ) -> Result<(), Stuck> {
        let news = Arc::new(AtomicBool::new(false));
        let (key, told) = (id.clone(), news.clone());
        self.intake
            .record(move |ledger| {
                let Some(current) = ledger.changes.get(&key).filter(|c| !c.state.is_final()).cloned() else {
                    return vec![];
                };
                let mut after = Change::clone(&current);
                edit(&mut after);
                told.store((after.state, &after.reason) != (current.state, &current.reason), Ordering::Relaxed);
                if after == *current { vec![] } else { vec![ledger.update(after)] }
            })
            .await?;
        if news.load(Ordering::Relaxed) {
            self.announce(id);
        }
        Ok(())
    }

    /// Tells whoever listens where a change is.
    pub(super) fn announce(&self, id: &ChangeId) {
        let view = self.intake.view();
        let Some(change) = view.changes.get(id) else { return };
        tracing::info!(change = %id, state = %change.state, reason = change.reason.as_deref().unwrap_or_default(), "change");
        let seq = self.event_seq.fetch_add(1, Ordering::Relaxed) + 1;
        let event =
            Event { seq, at: self.clock.now(), change: id.clone(), state: change.state, reason: change.reason.clone() };
        drop(self.events.send(event));
    }

    /// Has everything looked at again soon.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// What a step works with.
struct Work<'a> {
    covers: u64,
    proposal: &'a Arc<Proposal>,
    text: &'a PullText,
    sealed: bool,
}
