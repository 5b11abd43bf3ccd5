use super::*;
use crate::change::announcement::What;
use crate::change::id::{ChangeId, Group};
use crate::change::record::{Change, State};
use crate::intent::Anchor;

fn outbox(most: usize, bytes: usize) -> Outbox {
    let outbox = Outbox::restore(vec![], 0, "urn:test".into());
    Outbox { bounds: Bounds { most, bytes, ..outbox.bounds }, ..outbox }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A change that was not known before.
fn new(change: &Change) -> Happened<'_> {
    Happened { change, what: What::State(None) }
}

fn change(state: State) -> Change {
    let group = Group::natural(&Anchor::parse("projects/shop").unwrap());
    let id = ChangeId::parse("abcdef012345").unwrap();
    Change { state, ..Change::new(id, BTreeSet::from([group]), Timestamp(1)) }
}

/// What the one writer does.
fn write(outbox: &Outbox, changes: &[Change], posts: Vec<Post>, at: i64) -> Vec<Entry> {
    let happened: Vec<_> = changes.iter().map(new).collect();
    let entries = outbox.entries(&happened, posts, Timestamp(at));
    outbox.apply(&entries);
    entries
}

fn numbers(outbox: &Outbox, sink: &str) -> Vec<u64> {
    outbox.news(sink, 0).events.iter().map(|event| event.number).collect()
}

#[test]
fn without_sinks_nothing_is_stored() {
    let outbox = outbox(100, 1 << 20);
    assert_eq!(write(&outbox, &[change(State::Merged)], vec![], 1), []);
    assert_eq!(write(&outbox, &[], vec![Post::Sinks(names(&[])), Post::Parts(vec![]), Post::Sweep], 1), []);
    assert_eq!(outbox.tallies(), Tallies::default());
}

#[test]
fn an_event_waits_until_every_sink_has_it_and_the_numbers_go_on() {
    let outbox = outbox(100, 1 << 20);
    write(&outbox, &[], vec![Post::Sinks(names(&["a", "b"]))], 1);
    write(&outbox, &[change(State::Proposed), change(State::Approved)], vec![Post::Parts(vec![])], 1);
    assert_eq!((numbers(&outbox, "a"), numbers(&outbox, "b")), (vec![1, 2, 3], vec![1, 2, 3]));
    let taken = |sink: &str, number| Post::Taken(sink.to_owned(), number);
    write(&outbox, &[], vec![taken("a", 1), taken("a", 3), taken("b", 3), taken("b", 3), taken("c", 2)], 1);
    assert_eq!((numbers(&outbox, "a"), numbers(&outbox, "b")), (vec![2], vec![1, 2]));
    let waiting = |sink| outbox.tallies().sinks.get(sink).map(|tally: &Tally| tally.waiting);
    assert_eq!((waiting("a"), waiting("b")), (Some(1), Some(2)));
    write(&outbox, &[change(State::Merged)], vec![], 1);
    assert_eq!(numbers(&outbox, "a"), [2, 4]);
    assert_eq!(outbox.news("a", 2).events.len(), 1, "what was seen is not shown again");
}

#[test]
fn what_was_not_written_is_not_so() {
    let outbox = outbox(100, 1 << 20);
    write(&outbox, &[], vec![Post::Sinks(names(&["a"]))], 1);
    let change = change(State::Proposed);
    let first = outbox.entries(&[new(&change)], vec![], Timestamp(1));
    let again = outbox.entries(&[new(&change)], vec![], Timestamp(1));
    assert_eq!(first, again);
    assert!(numbers(&outbox, "a").is_empty());
}

#[test]
fn sinks_that_are_gone_hold_nothing_and_new_ones_hear_what_is_new() {
    let outbox = outbox(100, 1 << 20);
    write(&outbox, &[], vec![Post::Sinks(names(&["a", "b"]))], 1);
    write(&outbox, &[change(State::Proposed)], vec![], 1);
    write(&outbox, &[], vec![Post::Taken("b".into(), 1)], 1);
    let entries = write(&outbox, &[], vec![Post::Sinks(names(&["b", "c"]))], 1);
    assert_eq!(entries, [Entry::Sinks(names(&["b", "c"]))]);
    write(&outbox, &[change(State::Approved)], vec![], 1);
    let seen = ["a", "b", "c"].map(|sink| numbers(&outbox, sink));
    assert_eq!(seen, [vec![], vec![2], vec![2]]);
    assert_eq!(write(&outbox, &[], vec![Post::Sinks(names(&["b", "c"]))], 1), [], "nothing changes");

    // What a journal remembers of a sink that is not configured any more goes as soon as that is known.
    let left = outbox.content().waiting.values().cloned().collect();
    let restored = Outbox::restore(left, 2, "urn:test".into());
    assert_eq!(write(&restored, &[], vec![Post::Sinks(names(&[]))], 1), [Entry::Sinks(names(&[]))]);
    assert!(restored.content().waiting.is_empty() && restored.content().bytes == 0);
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let outbox = outbox(100, 1 << 20);
    write(&outbox, &[], vec![Post::Sinks(names(&["a", "b"]))], 1);
    write(&outbox, &[change(State::Proposed), change(State::Merged)], vec![], 1);
    write(&outbox, &[], vec![Post::Taken("a".into(), 1)], 1);
    let left: Vec<_> = outbox.content().waiting.values().cloned().collect();
    let restored = Outbox::restore(left, 2, "urn:other".into());
    write(&restored, &[], vec![Post::Sinks(names(&["a", "b"]))], 1);
    assert_eq!((numbers(&restored, "a"), numbers(&restored, "b")), (vec![2], vec![1, 2]));
    assert_eq!(restored.tallies().sinks["b"].waiting, 2);
    let documents = |outbox: &Outbox| outbox.news("b", 0).events;
    assert_eq!(documents(&outbox), documents(&restored), "to the byte, whatever the server is called by now");
    write(&restored, &[change(State::Merged)], vec![], 1);
    assert_eq!(numbers(&restored, "a"), [2, 3]);
}

#[test]
fn of_too_many_the_oldest_are_dropped_and_counted() {
    let outbox = outbox(20, 1 << 20);
    write(&outbox, &[], vec![Post::Sinks(names(&["a"]))], 1);
    for _ in 0..20 {
        write(&outbox, &[change(State::Proposed)], vec![], 1);
    }
    assert_eq!(outbox.tallies().dropped, 0);
    let entries = write(&outbox, &[change(State::Proposed)], vec![], 1);
    assert_eq!(entries[0], Entry::DropAnnounced(3), "a tenth more than there must");
    let News { events, last, floor } = outbox.news("a", 0);
    assert_eq!((floor, last, events.len(), events[0].number, outbox.tallies().dropped), (4, 21, 18, 4, 3));
    assert_eq!(outbox.news("b", 0).last, 21, "nobody looks twice for what is for others");
    assert_eq!(outbox.tallies().sinks["a"].waiting, 18);
}

#[test]
fn of_too_many_bytes_the_oldest_are_dropped() {
    let one = |outbox: &Outbox| write(outbox, &[change(State::Proposed)], vec![], 1);
    let first = outbox(100, 1 << 20);
    write(&first, &[], vec![Post::Sinks(names(&["a"]))], 1);
    one(&first);
    let small = outbox(100, first.content().bytes * 10);
    write(&small, &[], vec![Post::Sinks(names(&["a"]))], 1);
    (0..30).for_each(|_| drop(one(&small)));
    assert!(small.content().bytes <= small.bounds.bytes && small.tallies().dropped >= 20);
}

#[test]
fn what_waits_for_more_than_a_week_is_dropped_within_an_hour() {
    let outbox = outbox(100, 1 << 20);
    write(&outbox, &[], vec![Post::Sinks(names(&["a"]))], 0);
    write(&outbox, &[change(State::Proposed)], vec![], 0);
    write(&outbox, &[change(State::Approved)], vec![], 1000);
    write(&outbox, &[], vec![Post::Sweep], LIFE + SLACK);
    assert_eq!(numbers(&outbox, "a"), [1, 2]);
    write(&outbox, &[], vec![Post::Sweep], LIFE + SLACK + 1);
    assert!(numbers(&outbox, "a").is_empty() && outbox.tallies().dropped == 2);
    write(&outbox, &[change(State::Merged)], vec![], 2 * LIFE);
    assert_eq!(numbers(&outbox, "a"), [3]);
}

#[test]
fn attempts_are_counted_of_sinks_that_there_are() {
    let outbox = outbox(100, 1 << 20);
    write(&outbox, &[], vec![Post::Sinks(names(&["a"]))], 0);
    for (sink, attempt) in
        [("a", Attempt::Taken), ("a", Attempt::Taken), ("a", Attempt::Failed), ("gone", Attempt::Taken)]
    {
        outbox.count(sink, attempt);
    }
    let tallies = outbox.tallies();
    assert_eq!(tallies.sinks.len(), 1);
    assert_eq!(tallies.sinks["a"].attempts, BTreeMap::from([(Attempt::Taken, 2), (Attempt::Failed, 1)]));
}
