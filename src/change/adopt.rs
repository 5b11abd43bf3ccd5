//! What can be known without a journal: main, and the pull requests with the intents that their commits hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::commit::{CHANGE_ID, own_digest, requesters};
use super::declared::resources_of;
use super::forge::{Forge, Pull};
use super::id::{ChangeId, Group, Timestamp};
use super::ledger::Ledger;
use super::record::{Change, State};
use super::stuck::{Stuck, blocking};
use super::write::Verb;
use crate::intent::{Anchor, Resource};
use crate::repo::{CommitId, Mirror, RepoError};

/// A change that the forge knows and the journal does not, and the writes that its commit holds.
pub type Adopted = (Change, Vec<(Anchor, Verb)>);

/// The changes behind the open pull requests that nothing is remembered of. What ended is known to main and to the forge
/// alone.
///
/// # Errors
/// When the forge does not answer or the mirror cannot be read.
pub async fn unknown(
    ledger: &Ledger,
    forge: &dyn Forge,
    mirror: &Mirror,
    now: Timestamp,
) -> Result<Vec<Adopted>, Stuck> {
    let known: BTreeSet<&str> = ledger.changes.values().map(|change| change.branch.as_str()).collect();
    let mut found = vec![];
    for pull in forge.open_pulls().await?.into_iter().filter(|pull| !known.contains(pull.branch.as_str())) {
        let owned = mirror.clone();
        let number = pull.number;
        let read = move || match read(&owned, &pull) {
            Err(RepoError::NotFound { .. }) => Ok(None),
            read => Ok(read?),
        };
        match blocking(read).await? {
            Some((change, writes)) => {
                // A forge may have another idea of the time, and what lies ahead would be waited for.
                let at = change.created.min(now);
                found.push((Change { created: at, last_write: at, unsettled: at, ..change }, writes));
            }
            None => {
                tracing::warn!(pull = number, "the commit of this pull request is gone, or not ours; it is left alone")
            }
        }
    }
    if !found.is_empty() {
        tracing::info!(changes = found.len(), "took over pull requests that the journal does not know");
    }
    Ok(found)
}

/// The change behind an open pull request; none where its commit is not ours.
fn read(mirror: &Mirror, pull: &Pull) -> Result<Option<Adopted>, RepoError> {
    let info = mirror.commit_info(pull.head)?;
    let id = info.trailer(CHANGE_ID).and_then(|id| ChangeId::parse(&id));
    let (Some(id), Some(parent)) = (id, info.parents.first().copied()) else { return Ok(None) };
    let Some(digest) = own_digest(mirror, &id, pull.head)? else { return Ok(None) };
    let writes = differences(mirror, parent, pull.head)?;
    let groups = writes.iter().map(|(anchor, _)| Group::natural(anchor)).collect();
    let mut change = Change::new(id, groups, Timestamp(info.time * 1000));
    change.branch.clone_from(&pull.branch);
    change.requesters = requesters(&info);
    (change.pull, change.head, change.base, change.digest) =
        (Some(pull.number), Some(pull.head), Some(parent), Some(digest));
    (change.ready, change.complete) = (!pull.draft, true);
    change.state = State::Proposed;
    Ok(Some((change, writes)))
}

/// The writes that lead from one commit's intents to the other's, parents first.
pub(super) fn differences(mirror: &Mirror, from: CommitId, to: CommitId) -> Result<Vec<(Anchor, Verb)>, RepoError> {
    let (old, new) = (mirror.snapshot(from)?, mirror.snapshot(to)?);
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    for path in mirror.changed_paths(old.tree_id(), new.tree_id(), "")? {
        let index = |resources: Vec<Resource>| {
            resources.into_iter().map(|r| (r.anchor().clone(), r)).collect::<BTreeMap<_, _>>()
        };
        before.extend(index(resources_of(&old, &path.path)?.unwrap_or_default()));
        after.extend(index(resources_of(&new, &path.path)?.unwrap_or_default()));
    }
    let mut writes = vec![];
    let gone: Vec<&Anchor> = before.keys().rev().filter(|anchor| !after.contains_key(anchor)).collect();
    for (anchor, resource) in &after {
        let was = before.get(anchor);
        // A client that came and went within the change has closed its server, and is in neither commit.
        let closes = |was: &Resource| resource.state.closed && !was.state.closed;
        if was.is_none_or(|was| was.body() != resource.body() || closes(was)) {
            writes.push((anchor.clone(), Verb::Put(Arc::new(resource.clone()))));
        }
        let terminated = was.is_some_and(|was| was.state.terminated);
        match (terminated, resource.state.terminated) {
            (false, true) => writes.push((anchor.clone(), Verb::Terminate)),
            (true, false) => writes.push((anchor.clone(), Verb::Instantiate)),
            _ => {}
        }
    }
    writes.extend(gone.into_iter().map(|anchor| (anchor.clone(), Verb::Delete)));
    Ok(writes)
}
