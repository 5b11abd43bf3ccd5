//! Main that was forced back: what was merged may not be on it any more.

use super::id::{ChangeId, Timestamp};
use super::ledger::Ledger;
use super::record::{Change, State};
use crate::repo::{CommitId, Mirror, RepoError};

/// The merged changes whose commit left `main`, or is there again: each with whether it is there.
///
/// All of them are looked at when `main` does not follow from what it was. Otherwise those alone that had left it, and the
/// newest: it left first if main was forced back while nobody was looking.
pub(super) fn moved(
    mirror: &Mirror,
    view: &Ledger,
    main: CommitId,
    first: bool,
) -> Result<Vec<(ChangeId, bool)>, RepoError> {
    let there = |commit: CommitId| match mirror.is_ancestor(commit, main) {
        Err(RepoError::NotFound { .. }) => Ok(false),
        other => other,
    };
    let merged = || view.changes.values().filter_map(|change| change.merged.map(|commit| (change, commit)));
    let newest = merged().max_by_key(|(change, _)| change.ended);
    let mut forced = view.base.commit.map_or(Ok(true), there).map(|follows| !follows)?;
    if let Some((_, commit)) = newest.filter(|(change, _)| first && change.astray.is_none()) {
        forced |= !there(commit)?;
    }
    if forced {
        tracing::error!(%main, before = ?view.base.commit, "main was forced back: what was merged may not be on it any more");
    }
    let mut moved = vec![];
    for (change, commit) in merged().filter(|(change, _)| forced || change.astray.is_some()) {
        let there = there(commit)?;
        if there == change.astray.is_some() {
            moved.push((change.id.clone(), there));
        }
    }
    Ok(moved)
}

/// The same change, of which it is known whether its commit is on main. It stays final either way: its writes are gone
/// from the journal, and only people know what they meant by forcing main back.
pub(super) fn noted(change: &Change, there: bool, now: Timestamp) -> Change {
    let (astray, reason) = match (change.merged, there) {
        (Some(commit), false) => {
            let reason = format!(
                "its commit {commit} is no longer on main since {now}: main was forced back; post its intents again if \
                 they are still wanted"
            );
            (Some(now), Some(reason))
        }
        _ => (None, None),
    };
    debug_assert!(change.state == State::Merged, "only what was merged can leave main");
    Change { astray, reason, ..change.clone() }
}
