//! Acting: carries one change as far as it can go now, one action at a time, and looks again after each.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::approval::Standing;
use super::decide::{Action, Branch, Desired, Early, Observed, decide, decide_early, ready_at};
use super::forge::{ForgeError, Pull, PullText, Report};
use super::id::{ChangeId, Timestamp};
use super::ledger::Ledger;
use super::proposal::Proposal;
use super::record::{Change, State};
use super::refusals::Asked;
use super::stuck::{Stuck, blocking};
use super::talk::Talk;
use super::worker::{WAITS_FOR_THE_LIMIT, Worker};
use super::{commit, remarks, talk, words};
use crate::render::Question;
use crate::repo::{CommitId, RepoError};

/// The most actions that one look at a change leads to.
const ACTIONS: usize = 10;

/// What was asked for where the forge did not even let us look.
const UNSEEN: Asked = (0, None);

/// Where commits of people are kept that were pushed over.
const KEPT: &str = "refs/meshwright/kept/";

/// What a step works with.
struct Work<'a> {
    covers: u64,
    proposal: &'a Arc<Proposal>,
    said: &'a Said,
    sealed: bool,
    needs: &'a BTreeSet<ChangeId>,
}

/// What the forge shall show of a change: what the pull request says, our report on its head, and our comment below it.
struct Said {
    text: PullText,
    report: Option<Report>,
    remark: Option<String>,
}

impl Worker {
    /// Carries one change as far as it can go now; gives the moment when it can go on by itself. The turn is held. With
    /// `asked` somebody waits for it.
    pub(super) async fn step(self: &Arc<Self>, id: &ChangeId, asked: bool) -> Result<Option<Timestamp>, Stuck> {
        match self.carry(id, asked).await {
            // The forge does not let us look.
            Err(stuck @ Stuck::Forge(ForgeError::Refused(_))) => self.stand_still(id, stuck, UNSEEN).await,
            carried => carried,
        }
    }

    async fn carry(self: &Arc<Self>, id: &ChangeId, asked: bool) -> Result<Option<Timestamp>, Stuck> {
        for _ in 0..ACTIONS {
            let view = self.intake.view();
            let goes_on = |change: &&Arc<Change>| !change.state.is_final() && (asked || !self.is_stopping());
            let Some(change) = view.changes.get(id).filter(goes_on).cloned() else {
                return Ok(None);
            };
            let pull = self.look_at_pull(&change).await?;
            let none = Standing::default();
            let mut observed = Observed {
                change: &change,
                now: self.clock.now(),
                branch: None,
                pull: pull.as_ref(),
                waits_for: view.waits_for(&change),
                standing: &none,
                asked,
                refused_until: None,
                unmet: &[],
            };
            if let Some(early) = decide_early(&observed, &self.timing) {
                return self.act_early(&change, early).await;
            }
            let (covers, proposal) = self.plan(&view, id).await?;
            if !proposal.unanswered.is_empty() {
                return self.wait_for_plugins(&change, pull.as_ref(), &proposal.unanswered).await;
            }
            let wish = (covers, view.base.commit);
            observed.refused_until = self.refusals.until(id, wish);
            let branch = self.look_at_branch(&change).await?;
            let standing = self.weigh(&view, &change, pull.as_ref(), &proposal).await?;
            let mut blocks = words::blocks(&proposal.plan, &view, &change);
            blocks.words.extend(remarks::held(&change));
            let now = self.clock.now();
            let draft = !blocks.words.is_empty() || now < ready_at(&change, &self.timing);
            let said = self.what_to_say(&change, &proposal, branch.as_ref(), &blocks.words, draft);
            let unmet = match change.head.filter(|_| !draft && standing.suffices()) {
                Some(head) => self.forge.unmet(head).await?,
                None => vec![],
            };
            (observed.branch, observed.standing, observed.unmet) = (branch.as_ref(), &standing, &unmet);
            let touches = proposal.projects();
            let desired = Desired {
                empty: proposal.is_empty(),
                digest: &proposal.digest,
                covers,
                touches: &touches,
                blocks: &blocks.words,
                text: &said.text,
                report: said.report.as_ref(),
                remark: said.remark.as_deref(),
            };
            let action = decide(&observed, &desired, &self.timing);
            let rests = matches!(action, Action::Rest(..));
            let (sealed, needs) = (standing.sealed.is_some(), &blocks.needs);
            let work = Work { covers, proposal: &proposal, said: &said, sealed, needs };
            match self.act(&view, &change, action, &work).await {
                Ok(Some(next)) if rests && !change.ready => {
                    return Ok(next.or(Some(ready_at(&change, &self.timing)).filter(|at| *at > now)));
                }
                Ok(Some(next)) => return Ok(next),
                Ok(None) => self.refusals.forget(id),
                Err(Stuck::Forge(ForgeError::Moved(_))) => {}
                Err(Stuck::Forge(ForgeError::Later(at))) if !asked => {
                    self.tell_what_it_waits_for(&change, WAITS_FOR_THE_LIMIT).await?;
                    return Ok(Some(at));
                }
                Err(stuck) => {
                    if asked {
                        self.refusals.forget(id);
                    }
                    return self.stand_still(id, stuck, wish).await;
                }
            }
        }
        // It keeps moving under us; the next round looks again.
        Ok(Some(self.clock.now().plus(self.timing.settle)))
    }

    /// Has outside plugins asked what the plan of a change lacks; it is looked at again when they answered.
    async fn wait_for_plugins(
        &self,
        change: &Change,
        pull: Option<&Pull>,
        unanswered: &[Question],
    ) -> Result<Option<Timestamp>, Stuck> {
        self.rounds.wait(&change.id);
        self.plugins.ask(unanswered);
        let faults = self.plugins.faults(unanswered);
        let plugins: BTreeSet<&str> = unanswered.iter().map(|question| &*question.input.plugin).collect();
        let waits = format!("waits for the answer of {}", Vec::from_iter(plugins).join(", "));
        if faults.is_empty() {
            self.record(&change.id, move |change| change.reason = Some(waits)).await?;
            return Ok(None);
        }
        let reason = words::unanswered(&faults);
        self.record(&change.id, move |change| (change.state, change.reason) = (State::Blocked, Some(reason))).await?;
        // What fails once is often over in a second.
        if let Some(pull) = pull.filter(|_| change.state == State::Blocked) {
            match self.hold_back(change, pull, waits).await {
                Err(Stuck::Forge(why)) => {
                    tracing::warn!(change = %change.id, %why, "its pull request is not held back")
                }
                held => held?,
            }
        }
        Ok(None)
    }

    /// Makes a pull request a draft, and says on its head that it waits: main may have moved away from what it holds. All else
    /// that it says stays, since nothing else is known.
    async fn hold_back(&self, change: &Change, pull: &Pull, waits: String) -> Result<(), Stuck> {
        if matches!(self.look_at_branch(change).await?, Some(Branch { digest: None, .. })) {
            return Ok(());
        }
        let Pull { number, head, title, body, .. } = pull;
        let text = PullText { title: title.clone(), body: body.clone(), draft: true, reviewers: BTreeSet::new() };
        if !pull.draft && change.talk.text != Some(talk::digest(&text)) {
            self.edit(change, *number, &text).await?;
        }
        let report = remarks::waiting(change, waits, &self.public_url);
        let digest = talk::digest(&(head, &report));
        if self.forge.abilities().remarks && change.talk.report.as_ref() != Some(&digest) {
            self.report(change, *head, &report, digest).await?;
        }
        Ok(())
    }

    /// What keeps only this change from going on blocks it, and the server as a whole stays ready; gives the moment when
    /// the same can be tried again.
    async fn stand_still(&self, id: &ChangeId, stuck: Stuck, wish: Asked) -> Result<Option<Timestamp>, Stuck> {
        let (why, until) = match stuck {
            Stuck::Repo(RepoError::Path { path, why }) => {
                (format!("{path} on main {why}; move what stands there, or withdraw this change"), None)
            }
            Stuck::Forge(ForgeError::Refused(why)) => {
                let why = format!(
                    "the forge refuses it: {why}; have the forge let Meshwright do that, or withdraw this change"
                );
                (why, Some(self.refusals.note(id, wish, self.clock.now(), self.timing.poll)))
            }
            stuck => return Err(stuck),
        };
        self.record(id, move |change| (change.state, change.reason) = (State::Blocked, Some(why))).await?;
        Ok(until)
    }

    /// What the forge shall show of a change.
    fn what_to_say(
        &self,
        change: &Change,
        proposal: &Proposal,
        branch: Option<&Branch>,
        blocks: &[String],
        draft: bool,
    ) -> Said {
        let seen = self.forge.abilities().remarks;
        Said {
            text: words::pull_text(change, proposal, draft, &self.public_url),
            report: seen.then(|| remarks::report(change, proposal, blocks, &self.public_url)),
            remark: remarks::remark(change, branch, proposal).filter(|_| seen),
        }
    }

    /// Does what has to be done whatever the writes come to; gives the moment when more can be done.
    async fn act_early(&self, change: &Change, early: Early) -> Result<Option<Timestamp>, Stuck> {
        match early {
            Early::Wait(until) => return Ok(Some(until)),
            Early::Behind(older) => {
                let why = format!("waits for change {older}, which changes the same group");
                self.rest(change, State::Journaled, Some(why), change.sealed, BTreeSet::new()).await?;
            }
            Early::Merged { head, commit } => return self.settle(change, head, commit).await,
            Early::Closed { head, state, words } => {
                let up_to = match change.cancelled {
                    // What we closed ourselves had come to nothing; what came since goes on.
                    Some(cancelled) if state == State::Withdrawn => cancelled,
                    // Who closes it has seen what its head held. Nothing reopens by itself where that is not recorded.
                    _ => change.held_by(head).unwrap_or(u64::MAX),
                };
                self.end(change, state, words, up_to).await?;
            }
        }
        Ok(None)
    }

    /// Does one thing. `Some` says that nothing more can be done now, or before that moment.
    async fn act(
        &self,
        view: &Arc<Ledger>,
        change: &Change,
        action: Action,
        work: &Work<'_>,
    ) -> Result<Option<Option<Timestamp>>, Stuck> {
        match action {
            Action::Wait(until) => return Ok(Some(Some(until))),
            Action::Rest(state, reason) => {
                let seals = work.sealed && matches!(state, State::Proposed | State::Approved);
                self.rest(change, state, reason, seals, work.needs.clone()).await?;
                return Ok(Some(None));
            }
            Action::End(words) => self.end(change, State::Withdrawn, words, work.covers).await?,
            Action::Close(number, words) => {
                // Recorded first: whoever finds it closed must know which writes cancelled each other.
                let cancelled = Some(work.covers);
                self.record(&change.id, move |change| change.cancelled = cancelled).await?;
                self.forge.close_pull(number, None, &words).await?;
            }
            Action::Push(expected) => {
                let head = self.commit(view, change, work).await?;
                if let Some(theirs) = expected.filter(|expected| change.talk.overwrites == Some(*expected)) {
                    self.keep(change, theirs).await?;
                }
                let head = self.forge.push(&change.branch, expected, head).await?;
                self.hold(change, head, work).await?;
            }
            Action::Split(head) => {
                let (id, named) = (change.id.clone(), self.named_by_head(change).await?);
                self.intake.record(move |ledger| ledger.split(&id, head, &named)).await?;
            }
            Action::Adopt(head) => self.hold(change, head, work).await?,
            Action::Open => {
                let pull = self.forge.open_pull(&change.branch, &work.said.text).await?;
                self.said(change, pull.number, &work.said.text).await?;
            }
            Action::Edit(number) => self.edit(change, number, &work.said.text).await?,
            Action::Report(head, digest) => {
                if let Some(report) = &work.said.report {
                    self.report(change, head, report, digest).await?;
                }
            }
            Action::Remark(number) => {
                if let Some(words) = &work.said.remark {
                    self.unsay(change, |talk| talk.remark = Some(String::new())).await?;
                    self.forge.remark(number, words).await?;
                    let digest = talk::digest(&words);
                    self.record(&change.id, move |change| change.talk.remark = Some(digest)).await?;
                }
            }
        }
        Ok(None)
    }

    async fn edit(&self, change: &Change, number: u64, text: &PullText) -> Result<(), Stuck> {
        self.unsay(change, |talk| talk.text = None).await?;
        self.forge.edit_pull(number, text).await?;
        self.said(change, number, text).await
    }

    async fn report(&self, change: &Change, head: CommitId, report: &Report, digest: String) -> Result<(), Stuck> {
        self.unsay(change, |talk| talk.report = None).await?;
        self.forge.report(head, report).await?;
        self.record(&change.id, move |change| change.talk.report = Some(digest)).await
    }

    /// Records that nobody knows what the forge shows by now: a call that fails may have had its effect all the same.
    async fn unsay(&self, change: &Change, forget: impl FnOnce(&mut Talk) + Send + 'static) -> Result<(), Stuck> {
        self.record(&change.id, move |change| forget(&mut change.talk)).await
    }

    /// Records what its pull request says now.
    async fn said(&self, change: &Change, number: u64, text: &PullText) -> Result<(), Stuck> {
        let digest = talk::digest(text);
        self.record(&change.id, move |change| (change.pull, change.talk.text) = (Some(number), Some(digest))).await
    }

    /// Records where a change rests, and why.
    async fn rest(
        &self,
        change: &Change,
        state: State,
        reason: Option<String>,
        sealed: bool,
        needs: BTreeSet<ChangeId>,
    ) -> Result<(), Stuck> {
        self.record(&change.id, move |change| {
            (change.state, change.reason, change.sealed, change.needs) = (state, reason, sealed, needs);
        })
        .await
    }

    /// Keeps what is pushed over because somebody asked for it: commits of people are never lost.
    async fn keep(&self, change: &Change, theirs: CommitId) -> Result<(), Stuck> {
        let (mirror, name) = (self.mirror.clone(), format!("{KEPT}{}/{theirs}", change.id));
        blocking(move || Ok(mirror.set_reference(&name, mirror.reference(&name)?, Some(theirs), "keep")?)).await
    }

    async fn commit(&self, view: &Ledger, change: &Change, work: &Work<'_>) -> Result<CommitId, Stuck> {
        let Some(base) = view.base.commit else { return Err(Stuck::NoMain) };
        let (mirror, author, signer) = (self.mirror.clone(), self.author.clone(), self.signer.clone());
        let time = self.clock.now().seconds();
        let (proposal, title, change) = (work.proposal.clone(), work.said.text.title.clone(), change.clone());
        blocking(move || {
            let signature = commit::Signature { author: &author, time, signer: signer.as_ref() };
            let commit = commit::propose(&mirror, &signature, base, &change, &proposal, &title)?;
            tracing::debug!(%commit, "committed");
            Ok(commit)
        })
        .await
    }

    /// Records what the branch holds.
    async fn hold(&self, change: &Change, head: CommitId, work: &Work<'_>) -> Result<(), Stuck> {
        let (digest, covers, touches) = (work.proposal.digest.clone(), work.covers, work.proposal.projects());
        let mirror = self.mirror.clone();
        let base = blocking(move || Ok(mirror.commit_info(head)?.parents.first().copied())).await?;
        self.record(&change.id, move |change| {
            (change.head, change.base, change.digest, change.covers) = (Some(head), base, Some(digest), covers);
            (change.touches, change.cancelled, change.talk.overwrites) = (touches, None, None);
            if change.state == State::Journaled {
                change.state = State::Planned;
            }
        })
        .await
    }
}
