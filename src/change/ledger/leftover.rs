//! What of the writes of a change goes on in another: those that its head does not hold when it ends or is sealed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Ledger;
use crate::change::id::{ChangeId, Group};
use crate::change::journal::Entry;
use crate::change::person::Person;
use crate::change::record::Change;
use crate::change::write::Write;
use crate::repo::CommitId;

impl Ledger {
    /// Ends a change: its writes up to `up_to` leave the proposed view; later ones begin the next change of its groups.
    ///
    /// Who says so has looked at the change a moment ago. If it took others' writes over since, nothing is known of what
    /// was done, and all of them go on: what is on main by then comes to nothing there.
    pub fn finish(&mut self, change: Change, up_to: u64) -> Vec<Entry> {
        let up_to = if up_to > change.absorbed { up_to } else { 0 };
        let mut entries = vec![self.update(change.clone()), Entry::Forget(change.id.clone(), up_to)];
        let all = self.writes.remove(&change.id).unwrap_or_default();
        let left: Vec<_> = all.into_iter().filter(|write| write.seq > up_to).collect();
        let groups = left.iter().map(|write| Group::natural(&write.anchor)).collect();
        entries.extend(self.begin_next(&change, up_to, &left, groups, change.after.clone()));
        self.replay();
        entries
    }

    /// Gives the writes that came after a change was sealed at `head`, and which that does not hold, to the next change of
    /// its groups. `named` are those who asked for the commit. Nothing is done where the change is not as it was.
    pub fn split(&mut self, id: &ChangeId, head: CommitId, named: &BTreeSet<Person>) -> Vec<Entry> {
        let Some(change) = self.changes.get(id).filter(|change| change.held_by(head).is_some()).cloned() else {
            return vec![];
        };
        let all = self.writes.get(id).cloned().unwrap_or_default();
        let (held, late): (Vec<_>, Vec<_>) = all.into_iter().partition(|write| change.holds(write.seq));
        let Some(last) = held.last().filter(|_| !late.is_empty() && !change.state.is_final()) else { return vec![] };
        let groups = |writes: &[Arc<Write>]| -> BTreeSet<Group> {
            writes.iter().flat_map(|write| self.groups_of(&write.anchor)).collect()
        };
        let (its, next) = (groups(&held), groups(&late));
        let sealed = Change {
            groups: change.groups.intersection(&its).cloned().collect(),
            requesters: self.requesters_of_head(&change, named),
            last_write: last.at,
            unsettled: last.at,
            complete: true,
            ..Change::clone(&change)
        };
        let after = change.after.iter().chain([id]).cloned().collect();
        self.writes.insert(id.clone(), held.into_iter().collect());
        let mut entries = vec![self.update(sealed)];
        entries.extend(self.begin_next(&change, change.covers, &late, next, after));
        self.replay();
        entries
    }

    /// Who asked for what the head of a change holds: all its requesters but those of later writes alone. `named` are those
    /// whom the commit names, because the writes of a change that was taken over from the forge tell one requester only.
    #[must_use]
    pub fn requesters_of_head(&self, change: &Change, named: &BTreeSet<Person>) -> BTreeSet<Person> {
        let (held, late): (Vec<_>, Vec<_>) = self.writes(&change.id).partition(|write| change.holds(write.seq));
        let among = |writes: &[&Arc<Write>], person: &Person| writes.iter().any(|write| write.requester == *person);
        let asked = |person: &&Person| {
            !among(&late, person) || among(&held, person) || named.iter().any(|named| named.is(person))
        };
        // Which of its writes the head holds is not known after others' were taken over.
        if held.is_empty() {
            change.requesters.clone()
        } else {
            change.requesters.iter().filter(asked).cloned().collect()
        }
    }

    /// Begins a change with the writes of `change` after `up_to`, which are `left`.
    fn begin_next(
        &mut self,
        change: &Change,
        up_to: u64,
        left: &[Arc<Write>],
        groups: BTreeSet<Group>,
        after: BTreeSet<ChangeId>,
    ) -> Vec<Entry> {
        let (Some(first), Some(last)) = (left.first(), left.last()) else { return vec![] };
        let id = &change.id;
        let sorted: Vec<_> = groups.iter().cloned().collect();
        // A number that no write has yet: the first of these may have begun a change that was superseded.
        let mut names = (self.last_seq + 1..).map(|seq| ChangeId::new(&sorted, first.at, seq));
        let name = names.find(|name| !self.changes.contains_key(name)).unwrap_or_else(|| id.clone());
        let mut next = Change::new(name.clone(), groups, first.at);
        next.last_write = last.at;
        (next.ready, next.complete, next.after) = (change.ready, change.complete, after);
        next.requesters = left.iter().map(|write| write.requester.clone()).collect();
        let mut entries = vec![];
        // What waited for the change waits for what is left of it.
        let waiting = self.active().into_iter().filter(|other| other.after.contains(id)).cloned();
        for other in waiting.collect::<Vec<_>>() {
            let mut other = Change::clone(&other);
            other.after.insert(name.clone());
            entries.push(self.update(other));
        }
        entries.extend([self.update(next), Entry::Move(id.clone(), name.clone(), up_to)]);
        let renamed = left.iter().map(|w| Arc::new(Write { change: name.clone(), ..Write::clone(w) })).collect();
        self.writes.insert(name, renamed);
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Timestamp;
    use crate::change::write::Verb;
    use crate::intent::Anchor;

    fn person(name: &str) -> Person {
        Person { name: name.into(), logins: vec![] }
    }

    fn write(ledger: &mut Ledger, projects: &[&str], by: &str) -> ChangeId {
        let anchor = |name: &&str| Anchor::parse(&format!("projects/{name}")).unwrap();
        let writes = projects.iter().map(|name| (anchor(name), Verb::Delete)).collect();
        let at = Timestamp(i64::try_from(ledger.last_seq).unwrap());
        ledger.accept(writes, false, &person(by), at).0
    }

    fn head() -> CommitId {
        CommitId::from([1; 20])
    }

    fn push(ledger: &mut Ledger, id: &ChangeId, covers: u64) {
        drop(ledger.update(Change { head: Some(head()), covers, ..Change::clone(&ledger.changes[id]) }));
    }

    fn places(ledger: &Ledger, id: &ChangeId) -> Vec<u64> {
        ledger.writes(id).map(|write| write.seq).collect()
    }

    #[test]
    fn what_came_after_a_change_was_sealed_begins_the_next_one_behind_it() {
        let mut ledger = Ledger::default();
        let id = write(&mut ledger, &["one"], "github:alice");
        push(&mut ledger, &id, 1);
        assert_eq!(write(&mut ledger, &["one", "two"], "github:bob"), id);
        write(&mut ledger, &["one"], "github:alice");
        let named = [person("github:alice")].into();
        let entries = ledger.split(&id, head(), &named);
        let next = ledger.active().into_iter().find(|change| change.id != id).unwrap().id.clone();
        assert_eq!((places(&ledger, &id), places(&ledger, &next)), (vec![1], vec![2, 3, 4]));
        assert!(entries.contains(&Entry::Move(id.clone(), next.clone(), 1)));
        assert_eq!(ledger.waits_for(&ledger.changes[&next]), Some(&id));
        assert_eq!(ledger.owner(&Anchor::parse("projects/one").unwrap()), Some(&next));
        let (sealed, next) = (&ledger.changes[&id], &ledger.changes[&next]);
        assert_eq!(sealed.groups, [Group::natural(&Anchor::parse("projects/one").unwrap())].into());
        assert_eq!(sealed.requesters, named);
        assert_eq!((sealed.last_write, sealed.complete), (Timestamp(0), true));
        assert_eq!((next.groups.len(), next.requesters.len(), next.last_write), (2, 2, Timestamp(3)));
        assert_eq!(ledger.split(&id, head(), &named), [], "nothing is left to split");
    }

    #[test]
    fn what_waited_for_the_sealed_change_waits_for_what_was_split_off_too() {
        let mut ledger = Ledger::default();
        let id = write(&mut ledger, &["one"], "github:alice");
        push(&mut ledger, &id, 1);
        write(&mut ledger, &["one"], "github:alice");
        drop(ledger.update(Change { sealed: true, ..Change::clone(&ledger.changes[&id]) }));
        let behind = write(&mut ledger, &["one"], "github:alice");
        assert_ne!(behind, id);
        drop(ledger.split(&id, head(), &BTreeSet::new()));
        let ended = ledger.changes[&id].ended(crate::change::State::Merged, Timestamp(9), None);
        drop(ledger.finish(ended, 1));
        let first = ledger.waits_for(&ledger.changes[&behind]).unwrap().clone();
        assert_eq!((places(&ledger, &first), places(&ledger, &behind)), (vec![2], vec![3]));
        assert_eq!(ledger.waits_for(&ledger.changes[&first]), None);
    }

    #[test]
    fn a_change_is_not_split_where_nobody_knows_what_its_head_holds() {
        let mut ledger = Ledger::default();
        let id = write(&mut ledger, &["one"], "github:alice");
        write(&mut ledger, &["two"], "github:bob");
        push(&mut ledger, &id, 1);
        assert_eq!(write(&mut ledger, &["one", "two"], "github:carol"), id);
        assert_eq!(ledger.split(&id, head(), &BTreeSet::new()), [], "it took older writes over");
        assert_eq!(ledger.requesters_of_head(&ledger.changes[&id], &BTreeSet::new()).len(), 3);
        let id = write(&mut ledger, &["three"], "github:alice");
        push(&mut ledger, &id, 5);
        write(&mut ledger, &["three"], "github:alice");
        assert_eq!(ledger.split(&id, CommitId::from([2; 20]), &BTreeSet::new()), [], "that is not its head");
        assert!(!ledger.split(&id, head(), &BTreeSet::new()).is_empty());
    }

    #[test]
    fn who_asked_for_what_the_head_holds_is_told_from_who_came_later() {
        let mut ledger = Ledger::default();
        let id = write(&mut ledger, &["one"], "github:alice");
        push(&mut ledger, &id, 1);
        for late in ["github:alice", "github:bob", "github:carol"] {
            write(&mut ledger, &["one"], late);
        }
        // The commit names somebody to whom no write is ascribed, as after the journal was lost.
        let named = [person("github:Carol")].into();
        let requesters = ledger.requesters_of_head(&ledger.changes[&id], &named);
        assert_eq!(requesters, [person("github:alice"), person("github:carol")].into());
    }
}
