//! What listeners are told.

use std::collections::BTreeMap;

use super::announcement::{Happened, What};
use super::id::{ChangeId, Timestamp};
use super::journal::Entry;
use super::ledger::Ledger;
use super::record::{Change, State};
use super::rollout::Rollout;

/// A change came into another state, or for another reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// Its place in the stream, from 1; starts anew with the server.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The change.
    pub change: ChangeId,
    /// Its state.
    pub state: State,
    /// Why, when that needs saying.
    pub reason: Option<String>,
}

impl Event {
    /// That a change came into its state, if that is what happened; it has no place yet.
    pub(super) fn of(Happened { change, what }: Happened<'_>, at: Timestamp) -> Option<Self> {
        let What::State(_) = what else { return None };
        Some(Self { seq: 0, at, change: change.id.clone(), state: change.state, reason: change.reason.clone() })
    }
}

/// All that happened to changes by these entries.
pub(super) fn happened<'a>(before: &Ledger, entries: &'a [Entry]) -> Vec<Happened<'a>> {
    let mut latest: BTreeMap<&ChangeId, &Change> = BTreeMap::new();
    let mut happened = vec![];
    for entry in entries {
        let Entry::Change(change) = entry else { continue };
        let known = latest.insert(&change.id, change).or_else(|| before.changes.get(&change.id).map(|c| &**c));
        if known.is_none_or(|known| (known.state, &known.reason) != (change.state, &change.reason)) {
            happened.push(Happened { change, what: What::State(known.map(|known| known.state)) });
        }
        let came = |change: &Change| change.rollout.as_ref().and_then(Rollout::stage);
        let stage = came(change).filter(|stage| known.and_then(came) != Some(*stage));
        happened.extend(stage.map(|stage| Happened { change, what: What::Rollout(stage) }));
    }
    happened
}

#[cfg(test)]
mod tests {
    use super::super::rollout::Stage;
    use super::*;

    #[test]
    fn a_merged_change_is_told_of_again_when_it_is_synced_and_when_it_is_live() {
        let id = ChangeId::parse("0123456789ab").unwrap();
        let merged = Change { state: State::Merged, ..Change::new(id, [].into(), Timestamp(0)) };
        let mut rollout = Rollout::begin(
            ["clusters/gke/east/shop/a.yaml", "clusters/gke/west/shop/a.yaml"].into_iter(),
            Timestamp(1),
        );
        let mut entries = vec![Entry::Change(merged.clone().into())];
        let steps: [fn(&mut Rollout); 5] = [
            |_| {},
            |rollout| rollout.places[0].synced = Some(Timestamp(2)),
            |rollout| rollout.places[1].synced = Some(Timestamp(3)),
            |rollout| rollout.places[0].live = Some(Timestamp(4)),
            |rollout| rollout.live = Some(Timestamp(5)),
        ];
        for step in steps {
            step(&mut rollout);
            entries.push(Entry::Change(Change { rollout: Some(rollout.clone()), ..merged.clone() }.into()));
        }
        let told: Vec<What> = happened(&Ledger::default(), &entries).iter().map(|it| it.what).collect();
        assert_eq!(told, [What::State(None), What::Rollout(Stage::Synced), What::Rollout(Stage::Live)]);
    }
}
