//! Reviewing: approving a change, asking for changes, merging it, taking it back.

use std::sync::Arc;
use std::time::Duration;

use super::commit;
use super::desk::Desk;
use super::forge::{Ends, ForgeError, Merged, Pull, PullState, Review, Verdict};
use super::id::ChangeId;
use super::person::Person;
use super::proposal::Proposal;
use super::record::{Change, State};
use super::stuck::{Stuck, blocking};
use super::submission::{Cause, Refusal};
use super::talk::Remark;
use crate::repo::{CommitId, Mirror};

/// How long a forge is left alone that did not answer somebody who waits for a merge.
const PAUSE: Duration = Duration::from_millis(200);

/// Which content of a change somebody means who reviews or merges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// What it holds when the request comes.
    Present,
    /// What this commit of its branch holds, by its full id.
    Head(String),
}

impl Meant {
    /// Refuses a change that holds something else by now.
    fn check(&self, change: &Change) -> Result<(), Refusal> {
        let Self::Head(meant) = self else { return Ok(()) };
        let head = change.head.map(|head| head.to_string()).unwrap_or_default();
        if head == *meant {
            return Ok(());
        }
        let message = format!("change {} holds commit {head} by now, not {meant}; look at it again", change.id);
        Err(Refusal::new(Cause::WrongState, change.id.as_str(), message))
    }
}

/// Who takes a step with a change, and under which conditions.
pub struct Ask<'a> {
    /// Who.
    pub by: Person,
    /// Their words; may be empty.
    pub words: String,
    /// Which content they mean.
    pub meant: Meant,
    /// Whether they may do it, asked of the change as it is when it is done: it may have grown since they asked.
    pub may: &'a (dyn Fn(&Change) -> Result<(), Refusal> + Send + Sync),
}

impl Desk {
    /// Records a review of a change's present content, and gives the change as it then is.
    ///
    /// # Errors
    /// When there is no such change, it has no open pull request, or the forge takes no reviews from here.
    pub async fn review(&self, id: &ChangeId, verdict: Verdict, ask: Ask<'_>) -> Result<Arc<Change>, Refusal> {
        // An approval is for what could be seen when it was given.
        let (seen, at) = (self.change(id)?.digest.clone(), self.worker.clock.now());
        if self.worker.forge.abilities().reviews {
            return Err(self.reviewed_there(id).await?);
        }
        let _turn = self.worker.turn.lock().await;
        self.worker.refresh_all().await?;
        self.worker.step(id, true).await?;
        let change = self.open_change(id)?;
        (ask.may)(&change)?;
        ask.meant.check(&change)?;
        let (number, head) = self.open_pull(&change).await?;
        let Ask { by, words, .. } = ask;
        if verdict == Verdict::Approve && change.requesters.iter().any(|requester| requester.is(&by) && !by.is_local())
        {
            let message = "a requester's own approval does not count; somebody else has to approve";
            return Err(Refusal::new(Cause::WrongState, id.as_str(), message));
        }
        if verdict == Verdict::Approve
            && !matches!(change.state, State::Proposed | State::ChangesRequested | State::Approved)
        {
            let reason = change.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let message = format!("change {id} is {}, so it cannot be approved yet{reason}", change.state);
            return Err(Refusal::new(Cause::WrongState, id.as_str(), message));
        }
        if change.digest != seen {
            let message = format!("what change {id} does became something else just now; look at it again");
            return Err(Refusal::new(Cause::WrongState, id.as_str(), message));
        }
        let review = Review { by, verdict, head, at, words };
        self.worker.forge.review(number, &review).await.map_err(Stuck::from)?;
        self.worker.step(id, true).await?;
        self.change(id)
    }

    /// Merges a change that is approved, and gives it as it then is.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn merge(&self, id: &ChangeId, ask: Ask<'_>) -> Result<Arc<Change>, Refusal> {
        let _turn = self.worker.turn.lock().await;
        let mut last = Refusal::new(Cause::Unavailable, id.as_str(), "main keeps moving; try again");
        let mut queued = false;
        for _ in 0..3 {
            // A review that was taken back a moment ago must not count.
            self.worker.forge.forget(&self.change(id)?.branch);
            self.worker.refresh_all().await?;
            self.worker.step(id, true).await?;
            let change = self.change(id)?;
            (ask.may)(&change)?;
            match change.state {
                State::Merged => return Ok(change),
                State::Merging if queued => return Ok(change),
                State::Approved if change.reason.is_none() => ask.meant.check(&change)?,
                state => return Err(Refusal::new(Cause::WrongState, id.as_str(), not_mergeable(&change, state))),
            }
            match self.try_merge(&change, &ask.by).await {
                Ok(merged) => queued = merged == Some(Merged::Queued),
                Err(Stuck::Forge(ForgeError::Moved(_))) => {}
                Err(stuck @ Stuck::Forge(ForgeError::Unavailable(_))) => {
                    last = stuck.into();
                    tokio::time::sleep(PAUSE).await;
                }
                Err(stuck) => return Err(stuck.into()),
            }
        }
        let change = self.change(id)?;
        if change.state == State::Merged || queued { Ok(change) } else { Err(last) }
    }

    /// Merges after computing the tree that the merge will give, which must equal a fresh rendering on main. None when
    /// there is nothing that could be merged.
    async fn try_merge(&self, change: &Change, by: &Person) -> Result<Option<Merged>, Stuck> {
        let worker = &self.worker;
        let view = self.view();
        let (_, proposal) = worker.plan(&view, &change.id).await?;
        if !proposal.unanswered.is_empty() {
            return Ok(None);
        }
        let pull = worker.forge.find_pull(&change.branch).await?;
        let (Some(pull), Some(head)) = (pull, change.head) else { return Ok(None) };
        let standing = worker.weigh(&view, change, Some(&pull), &proposal).await?;
        let (Some(main), true) = (view.base.commit, standing.suffices()) else { return Ok(None) };
        let (mirror, fresh) = (worker.mirror.clone(), proposal.clone());
        blocking(move || verify(&mirror, main, head, &fresh)).await?;
        worker.record(&change.id, |change| change.state = State::Merging).await?;
        let message =
            commit::merge_message(change, pull.number, &pull.title, &proposal.digest, &standing.approvals, by);
        let merged = worker.forge.merge(pull.number, Ends { main: Some(main), head }, &message).await?;
        worker.step(&change.id, true).await?;
        Ok(Some(merged))
    }

    /// Takes a change back: its pull request is closed and its writes are dropped. With `reject` it is a reviewer who
    /// does so, and the change ends as rejected with their words.
    ///
    /// # Errors
    /// When there is no such change, or it is final.
    pub async fn withdraw(&self, id: &ChangeId, reject: bool, ask: Ask<'_>) -> Result<Arc<Change>, Refusal> {
        let _turn = self.worker.turn.lock().await;
        // What joins it from here on is none of what is taken back.
        let view = self.view();
        let change = self.open_change(id)?;
        let up_to = view.writes(id).map(|write| write.seq).max().unwrap_or(0);
        (ask.may)(&change)?;
        let pull = self.worker.forge.find_pull(&change.branch).await.map_err(Stuck::from)?;
        if let Some(Pull { state: PullState::Merged { .. }, .. }) = pull {
            self.worker.step(id, true).await?;
            if self.change(id)?.state.is_final() {
                return Err(Refusal::new(Cause::WrongState, id.as_str(), "it was merged meanwhile"));
            }
            // It was merged into something else than main, or main was forced back since.
        }
        let state = if reject { State::Rejected } else { State::Withdrawn };
        let remark = Remark { by: ask.by, words: ask.words };
        self.worker.take_back(&change, state, remark, up_to).await?;
        self.change(id)
    }

    /// What is said to who reviews here although the forge has reviews of its own.
    async fn reviewed_there(&self, id: &ChangeId) -> Result<Refusal, Stuck> {
        let change = self.open_change(id)?;
        let pull = self.worker.forge.find_pull(&change.branch).await?;
        let place =
            pull.map_or_else(|| "there, once its pull request is open".to_owned(), |pull| format!("at {}", pull.url));
        let message = format!("reviews of this repository are given on the forge: review change {id} {place}");
        Ok(Refusal::new(Cause::WrongState, id.as_str(), message))
    }

    fn open_change(&self, id: &ChangeId) -> Result<Arc<Change>, Refusal> {
        let change = self.change(id)?;
        if change.state.is_final() {
            let message = format!("change {id} is {} already; nothing more can be done with it", change.state);
            return Err(Refusal::new(Cause::WrongState, id.as_str(), message));
        }
        Ok(change)
    }

    /// The number of the open pull request of a change, and the head that is recorded for it.
    async fn open_pull(&self, change: &Change) -> Result<(u64, CommitId), Refusal> {
        let pull = self.worker.forge.find_pull(&change.branch).await.map_err(Stuck::from)?;
        let open = pull.filter(|pull| pull.state == PullState::Open).map(|pull| pull.number);
        open.zip(change.head).ok_or_else(|| {
            let message = format!("change {} has no open pull request yet; it is {}", change.id, change.state);
            Refusal::new(Cause::WrongState, change.id.as_str(), message)
        })
    }
}

/// The merge of `head` into `main`, by path, must give what rendering afresh on main gives.
fn verify(mirror: &Mirror, main: CommitId, head: CommitId, fresh: &Proposal) -> Result<(), Stuck> {
    let (ours, theirs) = (mirror.commit_info(main)?.tree, mirror.commit_info(head)?.tree);
    let Some(fork) = mirror.merge_base(main, head)? else {
        return Err(ForgeError::Refused("the branch has no history in common with main".into()).into());
    };
    let merged = mirror.merge_trees(mirror.commit_info(fork)?.tree, ours, theirs)?;
    if merged == mirror.tree_with(ours, &fresh.edits)? {
        Ok(())
    } else {
        Err(ForgeError::Refused("merging would give something else than rendering on main; nothing was merged".into())
            .into())
    }
}

fn not_mergeable(change: &Change, state: State) -> String {
    let reason = change.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("change {} is {state}, only an approved change can be merged{reason}", change.id)
}
