//! What every journal promises, in a file or in memory.

use tempfile::TempDir;

use super::samples::{all, announced, answer, change, deliveries, delivery, id, places, put, puts, waiting, write};
use crate::change::journal::{Entry, Journal};
use crate::change::{State, Timestamp, Verb};
use crate::journal::{MemoryJournal, SqliteJournal};

/// A place for a journal, at which a new process finds what the last one left.
trait Place {
    fn open(&self) -> Box<dyn Journal>;
}

impl Place for MemoryJournal {
    fn open(&self) -> Box<dyn Journal> {
        Box::new(self.clone())
    }
}

impl Place for TempDir {
    fn open(&self) -> Box<dyn Journal> {
        Box::new(SqliteJournal::open(self.path().join("journal")).unwrap())
    }
}

fn everywhere(promise: impl Fn(&dyn Place)) {
    promise(&MemoryJournal::new());
    promise(&TempDir::new().unwrap());
}

#[test]
fn a_new_journal_remembers_nothing() {
    everywhere(|place| assert_eq!(all(&mut *place.open()), (vec![], vec![], vec![], 0)));
}

#[test]
fn what_was_appended_is_there_after_a_restart() {
    everywhere(|place| {
        let mut whole = change(1, 5);
        whole.state = State::Blocked;
        whole.reason = Some("because\n\"of\" this".to_owned());
        let project = "projects/p/composite-apps/a/v1/deployment-intent-groups/d";
        let writes = vec![
            put(1, 1),
            write(2, 1, "projects/p1", Verb::Delete),
            write(3, 1, project, Verb::Terminate),
            write(4, 1, project, Verb::Instantiate),
        ];
        let entries = [Entry::Change(Box::new(whole.clone())), Entry::Answer(answer("alice", "k", 1))];
        let entries: Vec<_> = entries.into_iter().chain(writes.iter().cloned().map(Entry::Write)).collect();
        place.open().append(&entries).unwrap();
        assert_eq!(all(&mut *place.open()), (writes, vec![whole], vec![answer("alice", "k", 1)], 4));
    });
}

#[test]
fn a_resource_comes_back_with_its_state() {
    everywhere(|place| {
        let mut closed = put(1, 1);
        let Verb::Put(resource) = &closed.verb else { unreachable!() };
        let mut resource = (**resource).clone();
        resource.state.closed = true;
        resource.state.terminated = true;
        closed.verb = Verb::Put(resource.into());
        place.open().append(&[Entry::Write(closed.clone())]).unwrap();
        assert_eq!(all(&mut *place.open()).0, [closed]);
    });
}

#[test]
fn writes_come_in_the_order_of_their_places() {
    everywhere(|place| {
        let mut journal = place.open();
        journal.append(&puts([300, 2], 1)).unwrap();
        journal.append(&puts([10], 2)).unwrap();
        assert_eq!(places(&mut *journal), [(2, id(1)), (10, id(2)), (300, id(1))]);
    });
}

#[test]
fn changes_come_in_the_order_of_their_creation() {
    everywhere(|place| {
        let mut journal = place.open();
        for (number, created) in [(3, 20), (9, 10), (1, 20), (2, 10)] {
            journal.append(&[Entry::Change(Box::new(change(number, created)))]).unwrap();
        }
        journal.append(&[Entry::Change(Box::new(change(9, 10)))]).unwrap();
        let order: Vec<_> = all(&mut *journal).1.into_iter().map(|change| change.id).collect();
        assert_eq!(order, [9, 2, 3, 1].map(id));
    });
}

#[test]
fn a_change_replaces_what_was_remembered_of_it() {
    everywhere(|place| {
        let mut journal = place.open();
        let mut change = change(1, 5);
        journal.append(&[Entry::Change(Box::new(change.clone()))]).unwrap();
        change.state = State::Merged;
        change.branch = "meshwright/other".to_owned();
        journal.append(&[Entry::Change(Box::new(change.clone()))]).unwrap();
        assert_eq!(all(&mut *journal).1, [change]);
    });
}

#[test]
fn a_change_that_is_dropped_is_gone_and_its_branch_free() {
    everywhere(|place| {
        let mut journal = place.open();
        for number in [1, 2, 3] {
            journal.append(&[Entry::Change(Box::new(change(number, 5)))]).unwrap();
        }
        journal.append(&[Entry::Drop(id(2)), Entry::Drop(id(9))]).unwrap();
        let mut next = change(4, 5);
        next.branch = change(2, 5).branch;
        journal.append(&[Entry::Change(Box::new(next))]).unwrap();
        drop(journal);
        let left: Vec<_> = all(&mut *place.open()).1.into_iter().map(|change| change.id).collect();
        assert_eq!(left, [1, 3, 4].map(id));
    });
}

#[test]
fn forgetting_takes_the_writes_of_one_change_up_to_one_place() {
    everywhere(|place| {
        let mut journal = place.open();
        journal.append(&puts([1, 3, 4], 1)).unwrap();
        journal.append(&puts([2, 5], 2)).unwrap();
        journal.append(&[Entry::Forget(id(1), 3)]).unwrap();
        assert_eq!(places(&mut *journal), [(2, id(2)), (4, id(1)), (5, id(2))]);
        journal.append(&[Entry::Forget(id(2), u64::MAX)]).unwrap();
        assert_eq!(places(&mut *journal), [(4, id(1))]);
    });
}

#[test]
fn moving_gives_all_writes_of_a_change_to_another() {
    everywhere(|place| {
        let mut journal = place.open();
        journal.append(&puts([1, 3], 1)).unwrap();
        journal.append(&puts([2], 2)).unwrap();
        journal.append(&[Entry::Move(id(1), id(2), 0)]).unwrap();
        assert_eq!(places(&mut *journal), [1, 2, 3].map(|seq| (seq, id(2))));
        assert_eq!(all(&mut *journal).0[0], put(1, 2));
        journal.append(&[Entry::Move(id(2), id(3), 2), Entry::Move(id(2), id(4), u64::MAX)]).unwrap();
        assert_eq!(places(&mut *journal), [(1, id(2)), (2, id(2)), (3, id(3))], "those after a place alone");
    });
}

#[test]
fn entries_of_a_batch_take_effect_in_order() {
    everywhere(|place| {
        let mut journal = place.open();
        let mut batch = puts([1], 1);
        batch.push(Entry::Move(id(1), id(2), 0));
        batch.extend(puts([2], 1));
        batch.push(Entry::Forget(id(2), 9));
        batch.push(Entry::Answer(answer("a", "k", 1)));
        batch.push(Entry::Expire(Timestamp(2)));
        batch.push(Entry::Answer(answer("a", "k", 3)));
        journal.append(&batch).unwrap();
        assert_eq!(all(&mut *journal), (vec![put(2, 1)], vec![], vec![answer("a", "k", 3)], 2));
    });
}

#[test]
fn answers_expire_when_they_were_given_before_that_moment() {
    everywhere(|place| {
        let mut journal = place.open();
        let answers = [answer("a", "k", 1), answer("a", "l", 2), answer("b", "k", 3)];
        journal.append(&answers.clone().map(Entry::Answer)).unwrap();
        journal.append(&[Entry::Expire(Timestamp(2))]).unwrap();
        assert_eq!(all(&mut *journal).2, answers[1..]);
    });
}

#[test]
fn webhooks_are_remembered_once_each_and_expire() {
    everywhere(|place| {
        let mut journal = place.open();
        journal.append(&[delivery("github:a", 1), delivery("github:b", 2)]).unwrap();
        let again = [delivery("github:c", 3), delivery("github:a", 3), Entry::ExpireDeliveries(Timestamp(9))];
        assert_eq!(journal.append(&again).unwrap_err().what, "written");
        drop(journal);
        assert_eq!(deliveries(&mut *place.open()), ["github:a", "github:b"]);
        place.open().append(&[Entry::ExpireDeliveries(Timestamp(2)), delivery("github:a", 4)]).unwrap();
        assert_eq!(deliveries(&mut *place.open()), ["github:a", "github:b"]);
        place.open().append(&[Entry::ExpireDeliveries(Timestamp(3))]).unwrap();
        assert_eq!(deliveries(&mut *place.open()), ["github:a"]);
    });
}

#[test]
fn an_event_is_remembered_until_every_sink_has_taken_it() {
    everywhere(|place| {
        let all = ["a", "b"];
        place.open().append(&[1, 2, 3].map(|number| Entry::Announce(waiting(number, &all)))).unwrap();
        let taken = |sink: &str, number| Entry::Taken(sink.to_owned(), number);
        place.open().append(&[taken("a", 1), taken("b", 2), taken("a", 2), taken("c", 3), taken("a", 9)]).unwrap();
        assert_eq!(announced(&mut *place.open()), (vec![waiting(1, &["b"]), waiting(3, &all)], 3));
        place.open().append(&[taken("b", 1), taken("a", 3), taken("b", 3)]).unwrap();
        assert_eq!(announced(&mut *place.open()), (vec![], 3), "no number is given twice");
    });
}

#[test]
fn events_are_given_up_up_to_a_number_or_with_the_sinks_that_they_are_for() {
    everywhere(|place| {
        let mut journal = place.open();
        let sinks: [&[&str]; 4] = [&["a", "b"], &["b"], &["a", "b"], &["a"]];
        let events = (1..).zip(sinks).map(|(number, sinks)| Entry::Announce(waiting(number, sinks)));
        journal.append(&events.collect::<Vec<_>>()).unwrap();
        journal.append(&[Entry::Sinks(["a".to_owned(), "c".to_owned()].into())]).unwrap();
        assert_eq!(announced(&mut *journal).0, [1, 3, 4].map(|number| waiting(number, &["a"])));
        journal.append(&[Entry::DropAnnounced(3)]).unwrap();
        assert_eq!(announced(&mut *journal), (vec![waiting(4, &["a"])], 4));
        journal.append(&[Entry::Sinks([].into())]).unwrap();
        assert_eq!(announced(&mut *journal), (vec![], 4));
    });
}

#[test]
fn a_batch_that_fails_leaves_events_as_they_were() {
    everywhere(|place| {
        let mut journal = place.open();
        journal.append(&[Entry::Announce(waiting(1, &["a", "b"])), Entry::Announce(waiting(2, &["b"]))]).unwrap();
        let before = announced(&mut *journal);
        for wrong in [waiting(1, &["a"]), waiting(0, &["a"]), waiting(u64::MAX, &["a"])] {
            let batch = [
                Entry::Announce(waiting(3, &["a"])),
                Entry::Taken("a".to_owned(), 1),
                Entry::Sinks(["a".to_owned()].into()),
                Entry::Announce(waiting(4, &["a"])),
                Entry::DropAnnounced(2),
                Entry::Announce(waiting(2, &["a"])),
                Entry::Announce(wrong.clone()),
                Entry::Announce(wrong),
            ];
            assert_eq!(journal.append(&batch).unwrap_err().what, "written");
            assert_eq!(announced(&mut *journal), before);
        }
    });
}

#[test]
fn the_last_place_is_never_given_twice_even_when_all_is_forgotten() {
    everywhere(|place| {
        place.open().append(&puts([7, 9, 8], 1)).unwrap();
        place.open().append(&[Entry::Forget(id(1), 9)]).unwrap();
        assert_eq!(all(&mut *place.open()), (vec![], vec![], vec![], 9));
        place.open().append(&puts([3], 1)).unwrap();
        assert_eq!(all(&mut *place.open()).3, 9);
    });
}

#[test]
fn a_batch_is_remembered_as_a_whole_or_not_at_all() {
    let mut other = change(4, 5);
    other.branch = change(1, 5).branch;
    let refused = [
        Entry::Write(put(1, 1)),
        Entry::Write(crate::change::Write { seq: 0, ..put(5, 1) }),
        Entry::Write(crate::change::Write { seq: u64::MAX, ..put(5, 1) }),
        Entry::Change(Box::new(other)),
        Entry::Answer(answer("alice", "k", 9)),
    ];
    everywhere(|place| {
        let mut journal = place.open();
        let mut first = puts([1, 2], 1);
        first.extend([Entry::Change(Box::new(change(1, 5))), Entry::Answer(answer("alice", "k", 1))]);
        journal.append(&first).unwrap();
        let before = all(&mut *journal);
        for last in &refused {
            let mut renamed = change(1, 5);
            renamed.branch = "meshwright/renamed".to_owned();
            let mut batch = puts([10, 11], 3);
            batch.push(Entry::Answer(answer("bob", "k", 1)));
            batch.push(Entry::Change(Box::new(change(3, 1))));
            batch.push(Entry::Move(id(1), id(3), 0));
            batch.push(Entry::Forget(id(3), 1));
            if !matches!(last, Entry::Change(_)) {
                batch.push(Entry::Change(Box::new(renamed)));
            }
            batch.push(Entry::Expire(Timestamp(0)));
            batch.push(match last {
                Entry::Write(write) if write.seq == 1 => Entry::Write(put(2, 1)),
                other => other.clone(),
            });
            let error = journal.append(&batch).unwrap_err();
            assert_eq!(error.what, "written", "{last:?}");
            assert_eq!(all(&mut *journal), before, "{last:?}");
        }
        journal.append(&puts([10], 3)).unwrap();
    });
}

#[test]
fn a_batch_may_be_empty_or_hold_thousands() {
    everywhere(|place| {
        let mut journal = place.open();
        journal.append(&[]).unwrap();
        journal.append(&puts(1..=3_000, 1)).unwrap();
        assert_eq!(places(&mut *journal).len(), 3_000);
    });
}

#[test]
fn what_is_written_to_see_whether_it_can_be_changes_nothing() {
    everywhere(|place| {
        let mut journal = place.open();
        journal.append(&puts([1], 1)).unwrap();
        let before = all(&mut *journal);
        journal.probe().unwrap();
        drop(journal);
        assert_eq!(all(&mut *place.open()), before);
    });
    let directory = tempfile::tempdir().unwrap();
    let mut journal = SqliteJournal::open(directory.path().join("journal")).unwrap();
    let length = || std::fs::metadata(directory.path().join("journal-wal")).unwrap().len();
    let before = length();
    journal.probe().unwrap();
    assert!(length() > before, "it is really written");
    let mut journal = MemoryJournal::new();
    journal.fail_next(1);
    assert!(journal.probe().is_err() && journal.probe().is_ok());
}

#[test]
fn a_journal_in_memory_fails_as_often_as_it_is_told() {
    let mut journal = MemoryJournal::new();
    journal.fail_next(2);
    for _ in 0..2 {
        assert_eq!(journal.append(&puts([1], 1)).unwrap_err().what, "written");
    }
    assert!(places(&mut journal).is_empty());
    journal.append(&puts([1], 1)).unwrap();
    assert_eq!(places(&mut journal.clone()), [(1, id(1))]);
}
