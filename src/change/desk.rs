//! The handle that the edge holds: asking for changes and looking at them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::announcement::Health;
use super::blame::blame;
use super::cut::cut;
use super::event::Event;
use super::forge::{Left, Review};
use super::id::ChangeId;
use super::judge::judge;
use super::ledger::Ledger;
use super::outbox::Tallies;
use super::plugins::PluginReport;
use super::proposal::Proposal;
use super::record::Change;
use super::sealing::{expired, seal, to_sealed};
use super::stuck::{Stuck, blocking};
use super::submission::{Cause, Receipt, Refusal, Submission};
use super::worker::Worker;
use crate::intent::{Anchor, Kind, layout, secrets};
use crate::render::{self, Manifest, Outside, Question, Scope};
use crate::repo::CommitId;

/// The longest reason why a part does not work, in bytes.
const LONGEST_REASON: usize = 1024;

/// How many problems such a reason names.
const NAMED_PROBLEMS: usize = 3;

/// Asks for changes, looks at them and reviews them. Cloning shares it.
#[derive(Clone)]
pub struct Desk {
    pub(super) worker: Arc<Worker>,
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
    pub async fn submit(&self, mut submission: Submission) -> Result<Receipt, Refusal> {
        if submission.idempotency.as_ref().is_some_and(|idempotency| secrets::holds_private_key(&idempotency.key)) {
            let message = "the Idempotency-Key holds a private key, which is never accepted; use a random text";
            return Err(Refusal::new(Cause::Invalid, "", message));
        }
        // Whatever may take long is done here, away from the one writer. What it gets has no private key any more.
        let mut judged = Ok(());
        let mut used = vec![];
        if submission.is_complete() || !submission.keys.is_empty() {
            let view = self.view();
            let work = move || {
                let sealed = seal(&view, &mut submission);
                let judged = sealed.and_then(|used| {
                    if submission.is_complete() {
                        judge(&view, &submission)?;
                    }
                    Ok(used)
                });
                Ok((submission, judged))
            };
            let (worked, found) = blocking(work).await.map_err(Refusal::from)?;
            submission = worked;
            match found {
                Ok(certificates) => used = certificates,
                Err(refusal) => judged = Err(refusal),
            }
        }
        let warnings = expired(&submission, &used, self.worker.clock.now());
        let mut receipt = self.worker.intake.submit(submission, judged).await?;
        receipt.warnings.extend(warnings);
        Ok(receipt)
    }

    /// What a bundle would change, without accepting it, as far as outside plugins answered; it says why some did not. Blocks
    /// for as long as rendering takes.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn plan(&self, submission: &Submission) -> Result<Arc<Proposal>, Refusal> {
        let view = self.view();
        let submission = to_sealed(&view, submission)?;
        let change = judge(&view, &submission)?.change(&view.base.tree);
        let commit = view.base.commit.ok_or(Stuck::NoMain)?;
        let files = self.worker.mirror.snapshot(commit).map_err(Stuck::from)?;
        let plugins = &self.worker.plugins;
        let mut proposal = Proposal::make(&view.base, &files, &change, plugins.answers()).map_err(Stuck::from)?;
        proposal.explain(&plugins.faults(&proposal.unanswered));
        Ok(Arc::new(proposal))
    }

    /// Has outside plugins asked what a plan lacks, and waits until each answered or failed.
    pub async fn settle(&self, unanswered: &[Question]) {
        self.worker.plugins.settle(unanswered).await;
    }

    /// How the outside plugins are that main lists.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginReport> {
        self.worker.plugins.reports()
    }

    /// The present plan of a change, or what a final one did or would have done. Blocks for as long as rendering takes.
    ///
    /// # Errors
    /// When there is no such change, or nothing is known of its plan.
    pub fn proposal(&self, id: &ChangeId) -> Result<Arc<Proposal>, Refusal> {
        let view = self.view();
        let change = self.change(id)?;
        if !change.state.is_final() {
            return Ok(self.worker.plan_now(&view, id)?.1);
        }
        if let Some(proposal) = self.worker.done.get(id) {
            return Ok(proposal);
        }
        let mirror = &self.worker.mirror;
        let ends = match (change.merged, change.base, change.head) {
            (Some(merged), _, _) => {
                let info = mirror.commit_info(merged).map_err(Stuck::from)?;
                info.parents.first().map(|parent| (*parent, merged))
            }
            (None, Some(base), Some(head)) => Some((base, head)),
            _ => None,
        };
        let gone = || Refusal::new(Cause::NotFound, id.as_str(), format!("change {id} ended before it was planned"));
        let (from, to) = ends.ok_or_else(gone)?;
        let proposal = Arc::new(Proposal::between(mirror, from, to).map_err(Stuck::from)?);
        self.worker.done.put(id.clone(), proposal.clone());
        Ok(proposal)
    }

    /// What main has of a deployment intent group: the generated files that come from its servers, and the commits that
    /// put these and its intents there. Blocks for as long as rendering takes.
    #[must_use]
    pub fn deployed(&self, group: &Anchor) -> OnMain {
        let view = self.view();
        let base = &view.base;
        let renders = |anchor: &&Anchor| matches!(anchor.kind(), Kind::Inbound | Kind::Outbound);
        let intents = base.tree.within(group).map(|resource| resource.anchor());
        let intents: Vec<Anchor> = intents.filter(renders).cloned().collect();
        let scope = Scope::concerned(&base.tree, &base.tree, &intents);
        let rendered = render::render(&base.tree, &base.settings, &scope, Outside::AsMain(&base.plugin_files));
        let own = |manifest: &&Manifest| manifest.intents.iter().any(|intent| intent.is_within(group));
        let deployed = |manifest: &Manifest| Deployed {
            cluster: manifest.path.split('/').skip(1).take(2).collect::<Vec<_>>().join("/"),
            kind: manifest.resource.kind_name().to_owned(),
            name: format!("{}/{}", manifest.resource.metadata.namespace, manifest.resource.metadata.name),
            path: manifest.path.clone(),
        };
        let files: Vec<Deployed> = rendered.manifests.values().filter(own).map(deployed).collect();
        let intents = base.tree.within(group).map(|resource| layout::file_of(resource.anchor()));
        let paths = files.iter().map(|file| file.path.clone()).chain(intents).collect();
        let commits = base.commit.map(|main| blame(&self.worker.mirror, main, paths)).transpose();
        let commits = commits.unwrap_or_else(|error| {
            tracing::warn!(%error, "the commits behind a status cannot be read");
            None
        });
        let text = |(path, commit): (String, CommitId)| (path, commit.to_string());
        OnMain { files, commits: commits.into_iter().flatten().map(text).collect() }
    }

    /// The reviews of a change, oldest first, as the last look at its pull request found them; the forge is asked only
    /// when there was none.
    ///
    /// # Errors
    /// When there is no such change, or the forge does not answer.
    pub async fn reviews(&self, id: &ChangeId) -> Result<Vec<Review>, Refusal> {
        let change = self.change(id)?;
        if let Some(reviews) = self.worker.reviews.get(id) {
            return Ok(reviews);
        }
        let pull = self.worker.look_at_pull(&change).await?;
        Ok(pull.map(|pull| pull.reviews).unwrap_or_default())
    }

    /// Something happened on the forge, and was caused by a login of it as far as that is known: everything is looked at
    /// again soon, unless we did it ourselves.
    pub fn happened(&self, by: Option<&str>) {
        if !by.is_some_and(|login| self.worker.forge.is_own(login)) {
            self.worker.wake();
        }
    }

    /// Remembers durably that a webhook came in; whether it is new.
    ///
    /// # Errors
    /// When the journal cannot be written: it is not remembered.
    pub async fn deliver(&self, id: String) -> Result<bool, Refusal> {
        self.worker.intake.deliver(id).await
    }

    /// How many requests that create or change something the forge may still be sent; none where that is not bounded.
    #[must_use]
    pub fn left(&self) -> Option<Left> {
        self.worker.forge.left()
    }

    /// Has no more changes carried on by themselves: see [`Worker::stop`].
    pub fn stop(&self) {
        self.worker.stop();
    }

    /// Waits until nobody acts on a change.
    pub async fn rests(&self) {
        self.worker.rests().await;
    }

    /// Announces to the sinks how the parts are.
    ///
    /// # Errors
    /// When the journal cannot be written: it is not announced.
    pub async fn announce(&self, parts: Vec<Health>) -> Result<(), Refusal> {
        self.worker.intake.announce(parts).await
    }

    /// What is counted of the sinks that hear of changes.
    #[must_use]
    pub fn tallies(&self) -> Tallies {
        self.worker.intake.outbox().tallies()
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.worker.intake.events()
    }

    /// What of the server's parts does not work, each with the reason in at most 1 KiB; empty when all is well.
    #[must_use]
    pub fn troubles(&self) -> Vec<(&'static str, String)> {
        let view = self.view();
        let main = first(view.base.problems.values().flatten());
        let stopped = match (self.worker.is_stopping(), self.worker.has_stopped()) {
            (true, _) => Some("the server is stopping".to_owned()),
            (false, true) => Some("nobody carries changes any more; restart the server".to_owned()),
            (false, false) => None,
        };
        let troubles = [("journal", self.worker.intake.trouble()), ("worker", stopped), ("main", main)];
        let own = troubles.into_iter().filter_map(|(part, why)| Some((part, why?)));
        own.chain(self.worker.troubles()).map(|(part, why)| (part, cut(why, LONGEST_REASON))).collect()
    }

    /// What is known of a change.
    ///
    /// # Errors
    /// When there is no such change, or none any more.
    pub fn change(&self, id: &ChangeId) -> Result<Arc<Change>, Refusal> {
        let unknown = || Refusal::new(Cause::NotFound, id.as_str(), unknown(id));
        self.view().changes.get(id).cloned().ok_or_else(unknown)
    }
}

/// What main has of a deployment intent group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnMain {
    /// The generated files that come from its servers.
    pub files: Vec<Deployed>,
    /// The commits that put files there, by path; a path whose commit is long ago has none.
    pub commits: BTreeMap<String, String>,
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

/// What is said of a change that is not known.
fn unknown(id: &ChangeId) -> String {
    format!(
        "there is no change {id}: it never was, or it ended so long ago that it is remembered in the config repository \
         alone; there `git log --grep 'Change-Id: {id}'` finds it if it was merged"
    )
}

/// The first problems in words, and how many more there are; none where there is none.
fn first<P: ToString>(problems: impl Iterator<Item = P> + Clone) -> Option<String> {
    // Each has its share, so that none is lost and the count has room behind them.
    let share = LONGEST_REASON / (NAMED_PROBLEMS + 1);
    let named: Vec<_> = problems.clone().take(NAMED_PROBLEMS).map(|it| cut(it.to_string(), share)).collect();
    let more = problems.count() - named.len();
    let counted = (more > 0).then(|| format!("and {more} more"));
    (!named.is_empty()).then(|| named.into_iter().chain(counted).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_problems_the_first_are_named_and_the_others_counted() {
        let some =
            |count: usize, length: usize| first((0..count).map(move |index| format!("{index}{}", "ä".repeat(length))));
        assert_eq!(some(0, 0), None);
        assert_eq!(some(3, 0).unwrap(), "0; 1; 2");
        assert_eq!(some(3000, 0).unwrap(), "0; 1; 2; and 2997 more");
        let long = some(3000, 1000).unwrap();
        assert!(long.len() <= LONGEST_REASON && long.contains("…; 2ä") && long.ends_with("…; and 2997 more"), "{long}");
    }
}
