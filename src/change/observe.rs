//! Looking: what a change comes to on the newest main, where its branch is, and what its reviews say.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use super::approval::{Needed, Standing, Votes};
use super::commit;
use super::decide::Branch;
use super::forge::Pull;
use super::id::ChangeId;
use super::ledger::Ledger;
use super::owning;
use super::person::Person;
use super::proposal::Proposal;
use super::record::Change;
use super::stuck::{Stuck, blocking};
use super::worker::Worker;
use crate::repo::{CommitId, RepoError};

impl Worker {
    /// The plan of a change on the newest main; blocks while it is made.
    pub(super) fn plan_now(&self, view: &Ledger, id: &ChangeId) -> Result<(u64, Arc<Proposal>), Stuck> {
        let Some(commit) = view.base.commit else { return Err(Stuck::NoMain) };
        let covers = view.writes(id).map(|write| write.seq).max().unwrap_or(0);
        let cached = self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some((base, of, proposal)) = cached
            && (base, of) == (commit, covers)
        {
            return Ok((covers, proposal));
        }
        let files = self.mirror.snapshot(commit)?;
        let proposal = Arc::new(Proposal::make(&view.base, &files, &view.tree_of(id), self.plugins.answers())?);
        if !proposal.unanswered.is_empty() {
            return Ok((covers, proposal));
        }
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

    /// Forgets what is kept of a change only while it is open.
    pub(super) fn forget(&self, id: &ChangeId) {
        self.refusals.forget(id);
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The newest pull request of a change, whose reviews are remembered for those who only want to read them.
    pub(super) async fn look_at_pull(&self, change: &Change) -> Result<Option<Pull>, Stuck> {
        let pull = self.forge.find_pull(&change.branch).await?;
        let reviews = pull.as_ref().map(|pull| pull.reviews.clone()).unwrap_or_default();
        self.reviews.put(change.id.clone(), reviews);
        Ok(pull)
    }

    /// Where the branch of a change is, and whether what it holds is ours.
    pub(super) async fn look_at_branch(&self, change: &Change) -> Result<Option<Branch>, Stuck> {
        let Some(head) = self.forge.branch(&change.branch).await? else { return Ok(None) };
        if change.talk.overwrites == Some(head) {
            // Whatever it holds is pushed over: somebody asked for it.
            return Ok(Some(Branch { head, digest: Some(String::new()) }));
        }
        let (mirror, id, is_recorded) = (self.mirror.clone(), change.id.clone(), change.head == Some(head));
        let digest = move || match commit::own_digest(&mirror, &id, head) {
            // A disk lost our own commit: it is ours, and whatever it held has to be pushed anew.
            Err(RepoError::NotFound { what }) if is_recorded => {
                tracing::warn!(change = %id, %head, what, "the commit of a branch is gone and is made anew");
                Ok(Some(String::new()))
            }
            digest => Ok(digest?),
        };
        Ok(Some(Branch { head, digest: blocking(digest).await? }))
    }

    /// Those who asked for what the head of a change holds, as its commit names them.
    pub(super) async fn named_by_head(&self, change: &Change) -> Result<BTreeSet<Person>, Stuck> {
        let Some(head) = change.head else { return Ok(BTreeSet::new()) };
        let mirror = self.mirror.clone();
        blocking(move || match mirror.commit_info(head) {
            // It is made anew.
            Err(RepoError::NotFound { .. }) => Ok(BTreeSet::new()),
            info => Ok(commit::requesters(&info?)),
        })
        .await
    }

    /// What the reviews come to. An approval holds for the content: a commit counts while the recorded head holds the same,
    /// also where what is desired is something else by now.
    pub(super) async fn weigh(
        &self,
        view: &Ledger,
        change: &Change,
        pull: Option<&Pull>,
        proposal: &Proposal,
    ) -> Result<Standing, Stuck> {
        let reviews = pull.map(|pull| pull.reviews.clone()).unwrap_or_default();
        let requesters = view.requesters_of_head(change, &self.named_by_head(change).await?);
        let (mirror, id, held) = (self.mirror.clone(), change.id.clone(), change.digest.clone());
        let asked = requesters.clone();
        let votes = blocking(move || {
            let holds = |head: CommitId| {
                let digest = commit::own_digest(&mirror, &id, head).ok().flatten();
                digest.is_some() && digest == held
            };
            Ok(Votes::of(&asked, &reviews, holds))
        });
        let votes = votes.await?;
        let (owned, hangs) = (&proposal.owned, !votes.approvals.is_empty());
        let teams = owning::teams_that_matter(owned, &votes.approvals);
        let teams = self.rosters.of(&*self.forge, teams, self.clock.now(), hangs).await;
        let approvals = view.base.settings.approvals;
        let standing = Standing::of(&requesters, votes, &Needed { approvals, owned, teams: &teams });
        Ok(Standing { outdated: change.digest.as_ref() != Some(&proposal.digest), ..standing })
    }
}
