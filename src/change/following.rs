//! Following merged changes to clusters, by what GitOps engines tell of main.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use super::desk::Desk;
use super::id::{ChangeId, Timestamp};
use super::journal::Entry;
use super::ledger::Ledger;
use super::record::{Change, State};
use super::rollout::{Report, Rollout};
use super::stuck::{Stuck, blocking};
use super::submission::Refusal;
use super::worker::Worker;
use crate::repo::{CommitId, Mirror, RepoError};

/// How many merged changes are followed at once, the newest.
const FOLLOWED: usize = 300;

/// The most places that are recorded of a change: its record is written with each thing that is told of one.
const MOST_PLACES: usize = 500;

impl Worker {
    /// Follows merged changes for as long as the task runs: finds out where each has to come, and whether what was told
    /// already says that it is there.
    pub async fn follow(self: Arc<Self>) {
        let mut events = self.intake.events();
        loop {
            if let Err(stuck) = self.catch_up().await {
                tracing::warn!(%stuck, "how far merged changes have come on clusters is recorded later");
            }
            loop {
                tokio::select! {
                    () = self.reports.news() => break,
                    event = events.recv() => match event {
                        Ok(event) if event.state != State::Merged => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => return,
                    },
                }
            }
        }
    }

    async fn catch_up(&self) -> Result<(), Stuck> {
        let _turn = self.reports.turn().await;
        let found = self.look_into(self.reports.all()).await?;
        if found.is_empty() { Ok(()) } else { Ok(self.intake.record(move |ledger| noted(ledger, &found)).await?) }
    }

    async fn look_into(&self, reports: BTreeMap<String, Report>) -> Result<Vec<(ChangeId, Rollout)>, Stuck> {
        let (mirror, view, now) = (self.mirror.clone(), self.intake.view(), self.clock.now());
        blocking(move || Ok(look(&mirror, &view, &reports, now)?)).await
    }
}

impl Desk {
    /// Remembers durably that a webhook of an engine came in, together with what its report says of merged changes;
    /// whether it is new.
    ///
    /// # Errors
    /// When the repository cannot be read or the journal cannot be written: it is not remembered.
    pub async fn report(&self, delivery: String, mut report: Report) -> Result<bool, Refusal> {
        let worker = &self.worker;
        let _turn = worker.reports.turn().await;
        // A clock that is ahead must not have its report stand over later ones.
        report.at = report.at.min(worker.clock.now());
        worker.reports.keep(&report);
        let revision = report.revision;
        let found = worker.look_into(BTreeMap::from([(report.about(), report)])).await?;
        let (mirror, main) = (worker.mirror.clone(), self.view().base.commit);
        let seen = blocking(move || Ok(main.map_or(Ok(false), |main| holds(&mirror, main, revision))?)).await?;
        let new = worker.intake.deliver_with(delivery, move |ledger| noted(ledger, &found)).await?;
        if new && !seen {
            // Perhaps main went on meanwhile.
            worker.wake();
        }
        Ok(new)
    }
}

/// Whether `commit` is, or has among its ancestors, `ancestor`; not if one of them is not there.
fn holds(mirror: &Mirror, commit: CommitId, ancestor: CommitId) -> Result<bool, RepoError> {
    match mirror.is_ancestor(ancestor, commit) {
        Err(RepoError::NotFound { .. }) => Ok(false),
        other => other,
    }
}

/// What reports, by what they are about, tell of the newest merged changes that are not live yet: those of which
/// something new is known.
fn look(
    mirror: &Mirror,
    view: &Ledger,
    reports: &BTreeMap<String, Report>,
    now: Timestamp,
) -> Result<Vec<(ChangeId, Rollout)>, RepoError> {
    let Some(main) = view.base.commit else { return Ok(vec![]) };
    let on_its_way = |change: &&Change| {
        let live = change.rollout.as_ref().is_some_and(|rollout| rollout.live.is_some());
        change.state == State::Merged && change.astray.is_none() && !live
    };
    let mut followed: Vec<&Change> = view.changes.values().map(|change| &**change).filter(on_its_way).collect();
    followed.sort_by_key(|change| std::cmp::Reverse(change.ended));
    // Of many reports most tell of one commit.
    let mut answers: HashMap<(CommitId, CommitId), bool> = HashMap::new();
    let mut holds = |commit, ancestor| {
        if let Some(answer) = answers.get(&(commit, ancestor)) {
            return Ok(*answer);
        }
        let answer = holds(mirror, commit, ancestor)?;
        answers.insert((commit, ancestor), answer);
        Ok::<_, RepoError>(answer)
    };
    let mut found = vec![];
    for change in followed.into_iter().take(FOLLOWED) {
        let (Some(commit), merged) = (change.merged, change.ended.unwrap_or(change.last_write)) else { continue };
        let mut rollout = match &change.rollout {
            Some(rollout) => rollout.clone(),
            None => match begin(mirror, commit, merged) {
                Err(RepoError::NotFound { .. }) => continue,
                other => other?,
            },
        };
        for place in &mut rollout.places {
            for about in [place.path(), place.cluster.clone()] {
                let Some(report) = reports.get(&about).filter(|report| report.is_new_to(place)) else { continue };
                // What other branches hold is not told of main.
                if holds(main, report.revision)? && holds(report.revision, commit)? {
                    report.note(place, merged, now);
                }
            }
        }
        if change.rollout.as_ref() != Some(&rollout) {
            found.push((change.id.clone(), rollout));
        }
    }
    Ok(found)
}

/// Where the change has to come that a commit put on main.
fn begin(mirror: &Mirror, commit: CommitId, merged: Timestamp) -> Result<Rollout, RepoError> {
    let info = mirror.commit_info(commit)?;
    let Some(parent) = info.parents.first() else { return Ok(Rollout::begin(std::iter::empty(), merged)) };
    let changed = mirror.changed_paths(mirror.commit_info(*parent)?.tree, info.tree, super::audit::CLUSTERS)?;
    let mut rollout = Rollout::begin(changed.iter().map(|changed| changed.path.as_str()), merged);
    if rollout.places.len() > MOST_PLACES {
        tracing::warn!(%commit, places = rollout.places.len(), "only the first {MOST_PLACES} places of this merge are followed");
        rollout.places.truncate(MOST_PLACES);
    }
    Ok(rollout)
}

/// Notes what was found of changes as they are by now.
fn noted(ledger: &mut Ledger, found: &[(ChangeId, Rollout)]) -> Vec<Entry> {
    let mut entries = vec![];
    for (id, found) in found {
        let Some(current) = ledger.changes.get(id).filter(|change| change.state == State::Merged).cloned() else {
            continue;
        };
        let mut rollout = current.rollout.clone().unwrap_or_else(|| found.clone());
        rollout.join(found);
        if current.rollout.as_ref() != Some(&rollout) {
            entries.push(ledger.update(Change { rollout: Some(rollout), ..Change::clone(&current) }));
        }
    }
    entries
}
