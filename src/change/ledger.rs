//! All that is known between the journal and main, as one snapshot that costs little to derive from another.

mod leftover;
mod takeover;

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};

use super::base::Base;
use super::id::{ChangeId, Group, Timestamp};
use super::journal::{Contents, Entry};
use super::person::Person;
use super::record::{Change, State};
use super::write::{Verb, Write};
use crate::finding::Finding;
use crate::intent::{Anchor, Tree};

/// A snapshot of main, the pending writes and the changes they belong to.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The newest state of main.
    pub base: Arc<Base>,
    /// Main with every pending write applied.
    pub proposed: Tree,
    /// Every change that is known, final ones included.
    pub changes: OrdMap<ChangeId, Arc<Change>>,
    writes: OrdMap<ChangeId, Vector<Arc<Write>>>,
    owners: OrdMap<Anchor, ChangeId>,
    /// The changes that own a group and to which more can happen.
    open: OrdMap<Group, Vec<ChangeId>>,
    /// The changes that need attention: not final, or not yet cleared away.
    attention: OrdSet<ChangeId>,
    last_seq: u64,
}

/// The tree of one change: main with its writes.
#[derive(Debug, Clone)]
pub struct ChangeTree {
    /// The tree.
    pub tree: Tree,
    /// The resources that its writes name, once each.
    pub changed: Vec<Anchor>,
    /// Writes that cannot be applied any more.
    pub findings: Vec<Finding>,
}

impl Ledger {
    /// Whether a change is known and has not ended.
    #[must_use]
    pub fn is_open(&self, id: &ChangeId) -> bool {
        self.changes.get(id).is_some_and(|change| !change.state.is_final())
    }

    /// What a journal remembers, on top of `base`.
    #[must_use]
    pub fn restore(base: Arc<Base>, contents: Contents) -> Self {
        let mut ledger = Self { base, last_seq: contents.last_seq, ..Self::default() };
        for change in contents.changes {
            drop(ledger.update(change));
        }
        for write in contents.writes {
            ledger.last_seq = ledger.last_seq.max(write.seq);
            ledger.writes.entry(write.change.clone()).or_default().push_back(Arc::new(write));
        }
        ledger.replay();
        ledger
    }

    /// The change whose pending write decides the resource at `anchor`, if any.
    #[must_use]
    pub fn owner(&self, anchor: &Anchor) -> Option<&ChangeId> {
        self.owners.get(anchor)
    }

    /// The pending writes of a change, oldest first.
    pub fn writes(&self, id: &ChangeId) -> impl Iterator<Item = &Arc<Write>> {
        self.writes.get(id).into_iter().flatten()
    }

    /// The changes to which more can happen, oldest first.
    #[must_use]
    pub fn active(&self) -> Vec<&Arc<Change>> {
        let mut active: Vec<_> = self.attention().filter(|change| !change.state.is_final()).collect();
        active.sort_by(|a, b| age(a).cmp(&age(b)));
        active
    }

    /// The changes that are not final, or not yet cleared away.
    pub fn attention(&self) -> impl Iterator<Item = &Arc<Change>> {
        self.attention.iter().filter_map(|id| self.changes.get(id))
    }

    /// The changes to which more can happen and that own one of `groups`, oldest first.
    fn overlapping(&self, groups: &BTreeSet<Group>) -> Vec<&Arc<Change>> {
        let ids: BTreeSet<&ChangeId> = groups.iter().filter_map(|group| self.open.get(group)).flatten().collect();
        let mut changes: Vec<_> = ids.into_iter().filter_map(|id| self.changes.get(id)).collect();
        changes.sort_by(|a, b| age(a).cmp(&age(b)));
        changes
    }

    /// The change that must end before this one can be proposed, because they share a group: it holds earlier writes. Where
    /// nobody knows which came first, as of changes that were taken over without a journal, it is the one that began first.
    #[must_use]
    pub fn waits_for(&self, change: &Change) -> Option<&ChangeId> {
        let known = change.after.iter().filter_map(|id| self.changes.get(id)).filter(|other| !other.state.is_final());
        if let Some(first) = known.min_by(|a, b| age(a).cmp(&age(b))) {
            return Some(&first.id);
        }
        let older = |other: &&Arc<Change>| age(other) < age(change) && !other.after.contains(&change.id);
        self.overlapping(&change.groups).into_iter().find(older).map(|other| &other.id)
    }

    /// Main with the writes of one change, and of no other.
    #[must_use]
    pub fn tree_of(&self, id: &ChangeId) -> ChangeTree {
        let mut result = ChangeTree { tree: self.base.tree.clone(), changed: vec![], findings: vec![] };
        let mut changed = BTreeSet::new();
        for write in self.writes(id) {
            result.findings.extend(write.apply(&mut result.tree).err());
            changed.insert(write.anchor.clone());
        }
        result.changed = changed.into_iter().collect();
        result
    }

    /// The groups that a write about `anchor` belongs to: its own, and that of the outermost resource it lives under which
    /// is itself only pending.
    #[must_use]
    pub fn groups_of(&self, anchor: &Anchor) -> BTreeSet<Group> {
        let pending =
            anchor.lineage().filter(|a| self.base.tree.get(a).is_none() && self.owners.contains_key(a)).last();
        pending.iter().chain([anchor]).map(Group::natural).collect()
    }

    /// The change that writes of `groups` would join now; none when they would begin one.
    #[must_use]
    pub fn destination(&self, groups: &BTreeSet<Group>) -> Option<&Arc<Change>> {
        self.joinable(groups).into_iter().next()
    }

    /// The open changes that writes of `groups` belong to, oldest first: all that share a group with these, or with each
    /// other, become one. While one of them is sealed, only a change that waits behind it can be joined, the last one.
    ///
    /// So of two open changes that share a group one has all the earlier writes of it, and `after` says which.
    fn joinable(&self, groups: &BTreeSet<Group>) -> Vec<&Arc<Change>> {
        let (mut wide, mut all) = (groups.clone(), self.overlapping(groups));
        loop {
            let known = wide.len();
            wide.extend(all.iter().flat_map(|change| &change.groups).cloned());
            if wide.len() == known {
                break;
            }
            all = self.overlapping(&wide);
        }
        if !all.iter().any(|change| is_closed(change)) {
            return all;
        }
        let waited_for: BTreeSet<&ChangeId> = self.active().into_iter().flat_map(|change| &change.after).collect();
        let last =
            |change: &&Arc<Change>| !is_closed(change) && change.head.is_none() && !waited_for.contains(&change.id);
        self.overlapping(groups).into_iter().rfind(last).into_iter().collect()
    }

    /// Takes writes in that were admitted: gives them places, a change, and the entries that make them durable. They are
    /// `complete` when a bundle or a lifecycle call said so.
    pub fn accept(
        &mut self,
        writes: Vec<(Anchor, Verb)>,
        complete: bool,
        by: &Person,
        at: Timestamp,
    ) -> (ChangeId, Vec<Entry>) {
        let groups: BTreeSet<Group> = writes.iter().flat_map(|(anchor, _)| self.groups_of(anchor)).collect();
        let mut entries = vec![];
        let joinable: Vec<Arc<Change>> = self.joinable(&groups).into_iter().cloned().collect();
        let earlier: BTreeSet<ChangeId> =
            self.overlapping(&groups).into_iter().map(|change| change.id.clone()).collect();
        let mut change = match joinable.split_first() {
            None => {
                let sorted: Vec<_> = groups.iter().cloned().collect();
                Change { after: earlier, ..Change::new(ChangeId::new(&sorted, at, self.last_seq + 1), groups, at) }
            }
            Some((oldest, others)) => {
                let mut change = Change::clone(oldest);
                change.groups.extend(groups);
                change.after.extend(earlier);
                for joined in &joinable {
                    change.after.remove(&joined.id);
                }
                for other in others {
                    entries.extend(self.supersede(other, &mut change, at));
                }
                change
            }
        };
        let last = self.writes.get(&change.id).and_then(|writes| writes.last()).map(|write| write.seq);
        if last.is_some_and(|last| change.holds(last)) {
            change.unsettled = at;
        }
        // What its branch holds is not what it is about any more.
        (change.state, change.reason) = (State::Journaled, None);
        change.last_write = at;
        change.ready |= complete;
        change.complete = complete;
        change.requesters.insert(by.clone());
        for (anchor, verb) in writes {
            self.last_seq += 1;
            let write = Arc::new(Write {
                seq: self.last_seq,
                at,
                change: change.id.clone(),
                anchor,
                verb,
                requester: by.clone(),
            });
            // Admission applied it to the same tree already, so that it cannot fail here.
            drop(write.apply(&mut self.proposed));
            self.owners.insert(write.anchor.clone(), change.id.clone());
            entries.push(Entry::Write(Write::clone(&write)));
            self.writes.entry(change.id.clone()).or_default().push_back(write);
        }
        let id = change.id.clone();
        // The change comes first, so that no write is ever remembered without it.
        entries.insert(0, self.update(change));
        (id, entries)
    }

    /// Moves the writes of `other` to `change`.
    fn supersede(&mut self, other: &Change, change: &mut Change, at: Timestamp) -> Vec<Entry> {
        change.groups.extend(other.groups.iter().cloned());
        change.requesters.extend(other.requesters.iter().cloned());
        change.ready |= other.ready;
        change.absorbed = self.last_seq;
        let mut moved = self.writes.remove(&other.id).unwrap_or_default();
        for write in moved.iter_mut() {
            let mut renamed = Write::clone(write);
            renamed.change = change.id.clone();
            self.owners.insert(renamed.anchor.clone(), change.id.clone());
            *write = Arc::new(renamed);
        }
        let mut all: Vec<_> = self.writes.remove(&change.id).unwrap_or_default().into_iter().chain(moved).collect();
        all.sort_by_key(|write| write.seq);
        self.writes.insert(change.id.clone(), all.into_iter().collect());
        let mut superseded =
            other.ended(State::Superseded, at, Some(format!("its writes went on in change {}", change.id)));
        superseded.superseded_by = Some(change.id.clone());
        vec![Entry::Move(other.id.clone(), change.id.clone(), 0), self.update(superseded)]
    }

    /// Replaces what is known of a change.
    pub fn update(&mut self, change: Change) -> Entry {
        let entry = Entry::Change(Box::new(change.clone()));
        let id = change.id.clone();
        let before = self.changes.get(&id).map(|before| before.groups.clone()).unwrap_or_default();
        for group in before.union(&change.groups) {
            let mut ids = self.open.get(group).cloned().unwrap_or_default();
            ids.retain(|other| *other != id);
            if !change.state.is_final() {
                ids.push(id.clone());
            }
            if ids.is_empty() {
                self.open.remove(group)
            } else {
                self.open.insert(group.clone(), ids)
            };
        }
        if change.state.is_final() && !change.untidy {
            self.attention.remove(&id);
        } else {
            self.attention.insert(id.clone());
        }
        self.changes.insert(id, Arc::new(change));
        entry
    }

    /// Forgets final changes of which nothing is left to clear away; what they did remains in Git.
    pub fn forget(&mut self, ids: &[ChangeId]) -> Vec<Entry> {
        let mut entries = vec![];
        for id in ids {
            if self.changes.get(id).is_some_and(|change| change.state.is_final() && !change.untidy) {
                self.changes.remove(id);
                entries.push(Entry::Drop(id.clone()));
            }
        }
        entries
    }

    /// Puts the pending writes on a newer state of main.
    pub fn advance(&mut self, base: Arc<Base>) {
        self.base = base;
        self.replay();
    }

    /// Derives the proposed view anew.
    fn replay(&mut self) {
        let mut all: Vec<_> = self.writes.values().flatten().cloned().collect();
        all.sort_by_key(|write| write.seq);
        self.proposed = self.base.tree.clone();
        self.owners = OrdMap::new();
        for write in all {
            // A write that cannot be applied any more blocks its own change; see `tree_of`.
            if write.apply(&mut self.proposed).is_ok() {
                self.owners.insert(write.anchor.clone(), write.change.clone());
            }
        }
    }
}

/// Changes in the order they are proposed in: those that are sealed or being merged before all others, then as they
/// began; of two that began together, the one that came further first.
fn age(change: &Change) -> (bool, Timestamp, bool, &ChangeId) {
    (!is_closed(change), change.created, change.head.is_none(), &change.id)
}

/// Whether nothing may join it any more.
fn is_closed(change: &Change) -> bool {
    change.sealed || change.state == State::Merging
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::CommitId;

    /// Writes to each of `projects`, at a moment of its own.
    fn write(ledger: &mut Ledger, projects: &[&str]) -> ChangeId {
        let anchor = |name: &&str| Anchor::parse(&format!("projects/{name}")).unwrap();
        let writes = projects.iter().map(|name| (anchor(name), Verb::Delete)).collect();
        let at = Timestamp(i64::try_from(ledger.last_seq).unwrap());
        ledger.accept(writes, false, &Person::local(), at).0
    }

    fn seal(ledger: &mut Ledger, id: &ChangeId) {
        let change = Change { sealed: true, ..Change::clone(&ledger.changes[id]) };
        drop(ledger.update(change));
    }

    #[test]
    fn no_sealed_change_comes_to_wait_for_one_that_waits_for_it() {
        let mut ledger = Ledger::default();
        let first = write(&mut ledger, &["two"]);
        seal(&mut ledger, &first);
        let waiting = write(&mut ledger, &["two"]);
        let sealed = write(&mut ledger, &["one"]);
        seal(&mut ledger, &sealed);
        let both = write(&mut ledger, &["one", "two"]);
        assert_eq!(both, waiting, "it waits behind both sealed changes");
        assert_eq!(ledger.waits_for(&ledger.changes[&sealed]), None);
        assert_eq!(ledger.waits_for(&ledger.changes[&first]), None);
        assert_eq!(write(&mut ledger, &["two"]), both, "what comes later is not done earlier");
        assert_eq!(write(&mut ledger, &["one"]), both);
        assert_eq!(ledger.waits_for(&ledger.changes[&both]), Some(&first));
    }

    #[test]
    fn what_shares_a_group_with_what_is_joined_is_joined_too() {
        let mut ledger = Ledger::default();
        let two = write(&mut ledger, &["two"]);
        let one = write(&mut ledger, &["one"]);
        let sealed = write(&mut ledger, &["zero"]);
        for id in [&two, &one] {
            let pushed = Change { head: Some(CommitId::from([1; 20])), ..Change::clone(&ledger.changes[id]) };
            drop(ledger.update(pushed));
        }
        seal(&mut ledger, &sealed);
        let all = write(&mut ledger, &["zero", "one", "two"]);
        assert!(![&one, &two, &sealed].contains(&&all), "nobody knows how long the sealed one stays");
        assert_eq!(ledger.waits_for(&ledger.changes[&all]), Some(&sealed));
        let ended = ledger.changes[&sealed].ended(State::Merged, Timestamp(9), None);
        drop(ledger.finish(ended, ledger.last_seq));
        assert!(ledger.waits_for(&ledger.changes[&all]).is_some(), "the others hold earlier writes");
        assert_eq!(ledger.waits_for(&ledger.changes[&one]), None);
        // Its writes to `one` are later than those of `one`: they must not be merged before these.
        assert_eq!(write(&mut ledger, &["two"]), two);
        assert_eq!(ledger.active().len(), 1);
        assert_eq!(ledger.changes[&one].state, State::Superseded);
    }

    #[test]
    fn who_waits_behind_a_sealed_change_goes_on_waiting_when_that_is_not_sealed_any_more() {
        let mut ledger = Ledger::default();
        let waiting = write(&mut ledger, &["two"]);
        let sealed = write(&mut ledger, &["one"]);
        seal(&mut ledger, &sealed);
        assert_eq!(write(&mut ledger, &["one", "two"]), waiting, "which began before the sealed one");
        let unsealed = Change { sealed: false, ..Change::clone(&ledger.changes[&sealed]) };
        drop(ledger.update(unsealed));
        assert_eq!(ledger.waits_for(&ledger.changes[&waiting]), Some(&sealed));
        assert_eq!(ledger.waits_for(&ledger.changes[&sealed]), None);
        let merged = ledger.changes[&sealed].ended(State::Merged, Timestamp(9), None);
        drop(ledger.finish(merged, 0));
        let left = ledger.waits_for(&ledger.changes[&waiting]).unwrap().clone();
        assert_ne!(left, sealed, "it waits for what is left of it");
        assert_eq!(ledger.waits_for(&ledger.changes[&left]), None);
    }

    #[test]
    fn a_single_write_has_to_settle_even_in_a_change_that_was_complete() {
        let mut ledger = Ledger::default();
        let put = |ledger: &mut Ledger, complete| {
            let writes = vec![(Anchor::parse("projects/one").unwrap(), Verb::Delete)];
            let (id, _) = ledger.accept(writes, complete, &Person::local(), Timestamp(0));
            (ledger.changes[&id].ready, ledger.changes[&id].complete)
        };
        assert_eq!(put(&mut ledger, false), (false, false));
        assert_eq!(put(&mut ledger, true), (true, true));
        assert_eq!(put(&mut ledger, false), (true, false));
    }

    #[test]
    fn older_writes_that_a_change_took_over_are_not_among_those_that_its_head_held() {
        let mut ledger = Ledger::default();
        let oldest = write(&mut ledger, &["one"]);
        write(&mut ledger, &["two"]);
        write(&mut ledger, &["one"]);
        let seen = ledger.last_seq;
        assert_eq!(write(&mut ledger, &["one", "two"]), oldest);
        let mut stale = ledger.clone();
        let merged = |ledger: &Ledger| ledger.changes[&oldest].ended(State::Merged, Timestamp(9), None);
        drop(stale.finish(merged(&stale), seen));
        let left: Vec<_> = stale.writes(&stale.active()[0].id).map(|write| write.seq).collect();
        assert_eq!(left, [1, 2, 3, 4, 5]);
        drop(ledger.finish(merged(&ledger), ledger.last_seq));
        assert!(ledger.active().is_empty());
    }

    #[test]
    fn what_waits_to_settle_begins_with_the_first_write_that_the_head_lacks() {
        let mut ledger = Ledger::default();
        let id = write(&mut ledger, &["one"]);
        write(&mut ledger, &["one"]);
        assert_eq!(ledger.changes[&id].unsettled, Timestamp(0));
        let pushed = Change { covers: 2, ..Change::clone(&ledger.changes[&id]) };
        drop(ledger.update(pushed));
        write(&mut ledger, &["one"]);
        write(&mut ledger, &["one"]);
        assert_eq!(ledger.changes[&id].unsettled, Timestamp(2));
    }

    #[test]
    fn writes_that_are_left_when_a_change_ends_begin_a_change_of_another_name() {
        let mut ledger = Ledger::default();
        let oldest = write(&mut ledger, &["one"]);
        let superseded = write(&mut ledger, &["two"]);
        assert_eq!(write(&mut ledger, &["one", "two"]), oldest);
        let ended = ledger.changes[&oldest].ended(State::Withdrawn, Timestamp(9), None);
        drop(ledger.finish(ended, 1));
        let active = ledger.active();
        assert_eq!(active.len(), 1);
        assert!(active[0].id != oldest && active[0].id != superseded);
        assert_eq!(ledger.writes(&active[0].id).count(), 4);
        assert_eq!(ledger.changes[&superseded].state, State::Superseded);
    }
}
