//! Which changes a round looks at: after a write those that it concerns, now and then all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::decide::{Timing, settled_at};
use super::id::{ChangeId, Timestamp};
use super::ledger::Ledger;
use super::record::Change;
use crate::repo::CommitId;

/// What the last look at each change came to.
#[derive(Debug, Default)]
pub(super) struct Rounds(Mutex<Looks>);

#[derive(Debug, Default)]
struct Looks {
    looks: HashMap<ChangeId, Look>,
    /// Those that wait for what is not part of the view.
    waiting: HashSet<ChangeId>,
}

/// What a change and main were when a look began, and when the change can go on by itself.
#[derive(Debug, Clone)]
struct Look {
    change: Arc<Change>,
    base: Option<CommitId>,
    due: Option<Timestamp>,
}

impl Rounds {
    /// The changes to look at, oldest first, and when the first of the others is due.
    ///
    /// A look at everything finds what nobody told: what somebody did to a branch or a pull request. Otherwise those
    /// are spared that are as they were, and those that wait for more writes. When one ends, others may wait for it.
    pub(super) fn choose(
        &self,
        view: &Ledger,
        everything: bool,
        now: Timestamp,
        timing: &Timing,
    ) -> (Vec<Arc<Change>>, Option<Timestamp>) {
        let active: Vec<Arc<Change>> = view.active().into_iter().cloned().collect();
        let looks = &mut self.looks().looks;
        let known = looks.len();
        looks.retain(|id, _| view.changes.get(id).is_some_and(|change| !change.state.is_final()));
        if everything || looks.len() < known {
            return (active, None);
        }
        let rests = |change: &Arc<Change>| {
            let settled = settled_at(change, timing);
            if now < settled {
                return Some(Some(settled));
            }
            let look = looks.get(&change.id).filter(|look| look.base == view.base.commit)?;
            let rests = Arc::ptr_eq(&look.change, change) && look.due.is_none_or(|due| now < due);
            rests.then_some(look.due)
        };
        let due = active.iter().filter_map(&rests).flatten().min();
        (active.into_iter().filter(|change| rests(change).is_none()).collect(), due)
    }

    /// A change waits for what outside plugins answer.
    pub(super) fn wait(&self, id: &ChangeId) {
        self.looks().waiting.insert(id.clone());
    }

    /// Something was answered: who waits for that is looked at again.
    pub(super) fn answered(&self) {
        let Looks { looks, waiting } = &mut *self.looks();
        waiting.drain().for_each(|id| drop(looks.remove(&id)));
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a look that went through, at `change` as it was when it began.
    pub(super) fn note(&self, view: &Ledger, change: Arc<Change>, due: Option<Timestamp>) {
        let (id, base) = (change.id.clone(), view.base.commit);
        self.looks().looks.insert(id, Look { change, base, due });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::change::State;

    const T: Timing = Timing { settle: 10, ready_after: 100, poll: 1000 };

    fn ledger(changes: &[&Change]) -> Ledger {
        let mut ledger = Ledger::default();
        for change in changes {
            drop(ledger.update(Change::clone(change)));
        }
        ledger
    }

    fn change(id: &str) -> Change {
        let mut change = Change::new(ChangeId::parse(id).unwrap(), BTreeSet::new(), Timestamp(0));
        (change.state, change.head, change.complete) = (State::Proposed, Some(CommitId::from([1; 20])), true);
        change
    }

    fn chosen(rounds: &Rounds, view: &Ledger, everything: bool, now: i64) -> Vec<String> {
        rounds.choose(view, everything, Timestamp(now), &T).0.iter().map(|change| change.id.to_string()).collect()
    }

    #[test]
    fn after_a_write_only_what_changed_is_looked_at() {
        let (rounds, one, two) = (Rounds::default(), change("000000000001"), change("000000000002"));
        let mut view = ledger(&[&one, &two]);
        assert_eq!(chosen(&rounds, &view, false, 5).len(), 2);
        for change in view.changes.values() {
            rounds.note(&view, change.clone(), None);
        }
        assert!(chosen(&rounds, &view, false, 5).is_empty());
        assert_eq!(chosen(&rounds, &view, true, 5).len(), 2, "a look at everything spares none");
        drop(view.update(Change { last_write: Timestamp(5), ..two.clone() }));
        assert_eq!(chosen(&rounds, &view, false, 5), ["000000000002"]);
        drop(view.update(one.ended(State::Rejected, Timestamp(5), None)));
        assert_eq!(chosen(&rounds, &view, false, 5), ["000000000002"]);
    }

    #[test]
    fn when_one_ends_all_others_are_looked_at() {
        let (rounds, one, two) = (Rounds::default(), change("000000000001"), change("000000000002"));
        let mut view = ledger(&[&one, &two]);
        for change in view.changes.values() {
            rounds.note(&view, change.clone(), None);
        }
        drop(view.update(one.ended(State::Rejected, Timestamp(5), None)));
        assert_eq!(chosen(&rounds, &view, false, 5), ["000000000002"]);
        assert!(chosen(&rounds, &ledger(&[]), false, 5).is_empty());
    }

    #[test]
    fn who_waits_for_a_plugin_is_looked_at_when_something_was_answered_and_not_before() {
        let (rounds, one, two) = (Rounds::default(), change("000000000001"), change("000000000002"));
        let view = ledger(&[&one, &two]);
        for change in view.changes.values() {
            rounds.note(&view, change.clone(), None);
        }
        rounds.wait(&one.id);
        assert!(chosen(&rounds, &view, false, 5).is_empty());
        rounds.answered();
        assert_eq!(chosen(&rounds, &view, false, 5), ["000000000001"]);
    }

    #[test]
    fn what_settles_is_looked_at_when_it_has_settled() {
        let (rounds, mut one) = (Rounds::default(), change("000000000001"));
        one.complete = false;
        let mut view = ledger(&[&one]);
        let first = view.changes.values().next().unwrap().clone();
        rounds.note(&view, first, Some(Timestamp(60)));
        one.last_write = Timestamp(40);
        drop(view.update(one.clone()));
        let due = |view: &Ledger, now| rounds.choose(view, false, Timestamp(now), &T).1;
        assert!(chosen(&rounds, &view, false, 45).is_empty());
        assert_eq!(due(&view, 45), Some(Timestamp(50)));
        assert_eq!(chosen(&rounds, &view, false, 50).len(), 1);
        one.last_write = Timestamp(48);
        drop(view.update(one.clone()));
        assert!(chosen(&rounds, &view, false, 50).is_empty(), "one more joined it");
        assert_eq!(due(&view, 50), Some(Timestamp(58)));
        one.complete = true;
        drop(view.update(one));
        assert_eq!(chosen(&rounds, &view, false, 50).len(), 1, "what is complete waits for nothing");
    }
}
