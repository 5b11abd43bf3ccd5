//! The handle that the edge holds: asking for changes, reviewing them, and looking at them.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::admit::admit;
use super::commit;
use super::event::Event;
use super::forge::{ForgeError, Pull, PullState, Review, Verdict};
use super::id::ChangeId;
use super::judge::judge_topology;
use super::ledger::{ChangeTree, Ledger};
use super::person::Person;
use super::proposal::Proposal;
use super::record::{Change, State};
use super::stuck::{Stuck, blocking};
use super::submission::{Cause, Operation, Receipt, Refusal, Submission};
use super::worker::Worker;
use crate::intent::{Anchor, Kind, secrets};
use crate::render::{self, Manifest, Scope};
use crate::repo::{CommitId, RepoError};

/// Asks for changes, reviews them and looks at them. Cloning shares it.
#[derive(Clone)]
pub struct Desk {
    worker: Arc<Worker>,
}

impl Desk {
    /// A desk in front of `worker`.
    #[must_use]
    pub fn new(worker: Arc<Worker>) -> Self {
        Self { worker }
    }

    /// Everything as it is now: main, what is proposed, changes. A snapshot that does not move.
    #[must_use]
    pub fn view(&self) -> Arc<Ledger> {
        self.worker.intake.view()
    }

    /// Accepts a submission durably, or refuses all of it.
    ///
    /// # Errors
    /// Why nothing was accepted.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt, Refusal> {
        if submission.idempotency.as_ref().is_some_and(|idempotency| secrets::holds_private_key(&idempotency.key)) {
            let message = "the Idempotency-Key holds a private key, which is never accepted; use a random text";
            return Err(Refusal::new(Cause::Invalid, "", message));
        }
        let weighty = submission.bundle
            || submission.operations.iter().any(|o| !matches!(o, Operation::Put(_) | Operation::Create(_)));
        let judged = if weighty {
            let (view, submission) = (self.view(), submission.clone());
            blocking(move || Ok(judge_topology(&view, &submission)?)).await.map_err(refusal)
        } else {
            Ok(())
        };
        self.worker.intake.submit(submission, judged).await
    }

    /// What a bundle would change, without accepting it. Blocks for as long as rendering takes.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn plan(&self, submission: &Submission) -> Result<Arc<Proposal>, Refusal> {
        let view = self.view();
        judge_topology(&view, submission)?;
        let admitted = admit(&view, submission)?;
        let mut tree = view.base.tree.clone();
        let mut changed = BTreeSet::new();
        let mut findings = admitted.warnings;
        for (anchor, verb) in &admitted.writes {
            findings.extend(verb.apply(anchor, &mut tree).err());
            changed.insert(anchor.clone());
        }
        let change = ChangeTree { tree, changed: changed.into_iter().collect(), findings, covers: 0 };
        let files = view.base.commit.map(|commit| self.worker.mirror.snapshot(commit)).ok_or_else(no_main)?;
        files
            .and_then(|files| Proposal::make(&view.base, &files, &change))
            .map(Arc::new)
            .map_err(|error| refusal(error.into()))
    }

    /// The present plan of a change, or what a final one did or would have done. Blocks for as long as rendering takes.
    ///
    /// # Errors
    /// When there is no such change, or nothing is known of its plan.
    pub fn proposal(&self, id: &ChangeId) -> Result<Arc<Proposal>, Refusal> {
        let view = self.view();
        let change = self.change(id)?;
        if !change.state.is_final() {
            return Ok(self.worker.plan_now(&view, id).map_err(refusal)?.1);
        }
        let mirror = &self.worker.mirror;
        let ends = match (change.merged, change.base, change.head) {
            (Some(merged), _, _) => {
                let info = mirror.commit_info(merged).map_err(|error| refusal(error.into()))?;
                info.parents.first().map(|parent| (*parent, merged))
            }
            (None, Some(base), Some(head)) => Some((base, head)),
            _ => None,
        };
        let gone = || Refusal::new(Cause::NotFound, id.as_str(), format!("change {id} ended before it was planned"));
        let (from, to) = ends.ok_or_else(gone)?;
        Proposal::between(mirror, from, to).map(Arc::new).map_err(|error| refusal(error.into()))
    }

    /// The generated files of main that come from the servers of a deployment intent group. Blocks for as long as
    /// rendering takes.
    #[must_use]
    pub fn deployed(&self, group: &Anchor) -> Vec<Deployed> {
        let view = self.view();
        let base = &view.base;
        let servers: Vec<Anchor> =
            base.tree.below(group, Kind::Inbound).map(|server| server.anchor().clone()).collect();
        let rendered = render::render(&base.tree, &base.settings, &Scope::concerned(&base.tree, &base.tree, &servers));
        let own = |manifest: &&Manifest| manifest.intents.iter().any(|intent| intent.is_within(group));
        let deployed = |manifest: &Manifest| Deployed {
            cluster: manifest.path.split('/').skip(1).take(2).collect::<Vec<_>>().join("/"),
            kind: manifest.resource.kind_name().to_owned(),
            name: format!("{}/{}", manifest.resource.metadata.namespace, manifest.resource.metadata.name),
            path: manifest.path.clone(),
        };
        rendered.manifests.values().filter(own).map(deployed).collect()
    }

    /// The pull request of a change, if it has one.
    ///
    /// # Errors
    /// When there is no such change, or the forge does not answer.
    pub async fn pull(&self, id: &ChangeId) -> Result<Option<Pull>, Refusal> {
        let change = self.change(id)?;
        self.worker.forge.find_pull(&change.branch).await.map_err(|error| refusal(error.into()))
    }

    /// Records a review of a change's present content, and gives the change as it then is.
    ///
    /// # Errors
    /// When there is no such change, it has no open pull request, or the forge takes no reviews from here.
    pub async fn review(
        &self,
        id: &ChangeId,
        by: Person,
        verdict: Verdict,
        words: String,
    ) -> Result<Arc<Change>, Refusal> {
        // An approval is for what could be seen when it was given.
        let seen = self.change(id)?.digest.clone();
        let _turn = self.worker.turn.lock().await;
        self.worker.refresh().await.map_err(refusal)?;
        self.worker.step(id).await.map_err(refusal)?;
        let change = self.open_change(id)?;
        let pull = self.open_pull(&change).await?;
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
        let review = Review { by, verdict, head: pull.head, at: self.worker.clock.now(), words };
        self.worker.forge.review(pull.number, &review).await.map_err(|error| refusal(error.into()))?;
        self.worker.step(id).await.map_err(refusal)?;
        self.change(id)
    }

    /// Merges a change that is approved, and gives it as it then is.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn merge(&self, id: &ChangeId, by: Person) -> Result<Arc<Change>, Refusal> {
        let _turn = self.worker.turn.lock().await;
        let mut last = Refusal::new(Cause::Unavailable, id.as_str(), "main keeps moving; try again");
        for _ in 0..3 {
            self.worker.refresh().await.map_err(refusal)?;
            self.worker.step(id).await.map_err(refusal)?;
            let change = self.change(id)?;
            match change.state {
                State::Merged => return Ok(change),
                State::Approved => {}
                state => return Err(Refusal::new(Cause::WrongState, id.as_str(), not_mergeable(&change, state))),
            }
            match self.try_merge(&change, &by).await {
                Ok(()) | Err(Stuck::Forge(ForgeError::Moved(_))) => {}
                Err(stuck @ Stuck::Forge(ForgeError::Unavailable(_))) => last = refusal(stuck),
                Err(stuck) => return Err(refusal(stuck)),
            }
        }
        let change = self.change(id)?;
        if change.state == State::Merged { Ok(change) } else { Err(last) }
    }

    /// Merges after computing the tree that the merge will give, which must equal a fresh rendering on main.
    async fn try_merge(&self, change: &Change, by: &Person) -> Result<(), Stuck> {
        let worker = &self.worker;
        let view = self.view();
        let (_, proposal) = worker.plan(&view, &change.id).await?;
        let Some(pull) = worker.forge.find_pull(&change.branch).await? else { return Ok(()) };
        let standing = worker.weigh(&view, change, Some(&pull), &proposal).await?;
        let (Some(main), true) = (view.base.commit, standing.suffices()) else { return Ok(()) };
        let (mirror, head, fresh) = (worker.mirror.clone(), pull.head, proposal.clone());
        blocking(move || verify(&mirror, main, head, &fresh)).await?;
        worker.record(&change.id, |change| change.state = State::Merging).await?;
        let message =
            commit::merge_message(change, pull.number, &pull.title, &proposal.digest, &standing.approvals, by);
        worker.forge.merge(pull.number, head, &message).await?;
        worker.step(&change.id).await?;
        Ok(())
    }

    /// Takes a change back: its pull request is closed and its writes are dropped. With `reject` it is a reviewer who
    /// does so, and the change ends as rejected with their words.
    ///
    /// # Errors
    /// When there is no such change, or it is final.
    pub async fn withdraw(
        &self,
        id: &ChangeId,
        by: Person,
        words: String,
        reject: bool,
    ) -> Result<Arc<Change>, Refusal> {
        let _turn = self.worker.turn.lock().await;
        let change = self.open_change(id)?;
        if let Some(pull) = self.worker.forge.find_pull(&change.branch).await.map_err(|error| refusal(error.into()))? {
            if let PullState::Merged { .. } = pull.state {
                self.worker.step(id).await.map_err(refusal)?;
                return Err(Refusal::new(Cause::WrongState, id.as_str(), "it was merged meanwhile"));
            }
            let closing = self.worker.forge.close_pull(pull.number, Some(&by), &words).await;
            closing.map_err(|error| refusal(error.into()))?;
        }
        let state = if reject { State::Rejected } else { State::Withdrawn };
        let words = if words.is_empty() { format!("by {by}") } else { format!("{by}: {words}") };
        self.worker.end(&change, state, words, u64::MAX).await.map_err(refusal)?;
        self.change(id)
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.worker.events.subscribe()
    }

    /// What of the server's parts does not work, each with the reason; empty when all is well.
    #[must_use]
    pub fn troubles(&self) -> Vec<(&'static str, String)> {
        let problems = self.view().base.problems.values().flatten().map(ToString::to_string).collect::<Vec<_>>();
        let main = (!problems.is_empty()).then(|| problems.join("; "));
        let troubles = [("journal", self.worker.intake.trouble()), ("forge", self.worker.trouble()), ("main", main)];
        troubles.into_iter().filter_map(|(part, why)| Some((part, why?))).collect()
    }

    fn change(&self, id: &ChangeId) -> Result<Arc<Change>, Refusal> {
        let unknown = || Refusal::new(Cause::NotFound, id.as_str(), format!("there is no change {id}"));
        self.view().changes.get(id).cloned().ok_or_else(unknown)
    }

    fn open_change(&self, id: &ChangeId) -> Result<Arc<Change>, Refusal> {
        let change = self.change(id)?;
        if change.state.is_final() {
            let message = format!("change {id} is {} already; nothing more can be done with it", change.state);
            return Err(Refusal::new(Cause::WrongState, id.as_str(), message));
        }
        Ok(change)
    }

    async fn open_pull(&self, change: &Change) -> Result<Pull, Refusal> {
        let pull = self.worker.forge.find_pull(&change.branch).await.map_err(|error| refusal(error.into()))?;
        pull.filter(|pull| pull.state == PullState::Open).ok_or_else(|| {
            let message = format!("change {} has no open pull request yet; it is {}", change.id, change.state);
            Refusal::new(Cause::WrongState, change.id.as_str(), message)
        })
    }
}

/// A generated file of main.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// `provider/cluster`.
    pub cluster: String,
    /// The Kubernetes kind.
    pub kind: String,
    /// `namespace/name`.
    pub name: String,
    /// Its path in the config repository.
    pub path: String,
}

/// The merge of `head` into `main`, by path, must give what rendering afresh on main gives.
fn verify(mirror: &crate::repo::Mirror, main: CommitId, head: CommitId, fresh: &Proposal) -> Result<(), Stuck> {
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

fn no_main() -> Refusal {
    Refusal::new(Cause::Unavailable, "", "the config repository has no main branch yet")
}

/// What the caller is told of what went wrong inside.
fn refusal(stuck: Stuck) -> Refusal {
    let (cause, message) = match stuck {
        Stuck::Journal(refusal) => return refusal,
        Stuck::Forge(ForgeError::Refused(why)) => (Cause::WrongState, why),
        Stuck::Forge(error @ (ForgeError::NotFound(_) | ForgeError::Moved(_))) => {
            (Cause::WrongState, error.to_string())
        }
        Stuck::Repo(RepoError::Conflict { paths }) => {
            (Cause::WrongState, format!("main and the change both changed {}; it is rendered again", paths.join(", ")))
        }
        Stuck::Repo(RepoError::Path { path, why }) => {
            (Cause::WrongState, format!("{path} on main {why}; move what stands there and try again"))
        }
        Stuck::Stopped => (Cause::Unavailable, "the server is stopping; nothing was done".to_owned()),
        stuck => {
            tracing::error!(%stuck, "a request could not be carried out");
            (Cause::Unavailable, "the forge or the repository could not be used; try again in a moment".to_owned())
        }
    };
    Refusal::new(cause, "", message)
}
