//! Entries to remember.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::change::announcement::{Announcement, Waiting};
use crate::change::journal::{Answer, Contents, Delivery, Entry, Journal};
use crate::change::person::Person;
use crate::change::{Change, ChangeId, Group, Timestamp, Verb, Write};
use crate::intent::{Anchor, testing};

pub(super) fn id(number: u64) -> ChangeId {
    ChangeId::parse(&format!("{number:012x}")).unwrap()
}

pub(super) fn person(name: &str) -> Person {
    Person { name: name.to_owned(), logins: vec![format!("github:{name}")] }
}

/// A write that puts the project `p<seq>` into the change `change`.
pub(super) fn put(seq: u64, change: u64) -> Write {
    let path = format!("projects/p{seq}");
    let body = format!(r#"{{"metadata": {{"name": "p{seq}", "description": "größer \u0001 {seq}"}}}}"#);
    let resource = testing::resource(&path, &body);
    write(seq, change, &path, Verb::Put(Arc::new(resource)))
}

pub(super) fn write(seq: u64, change: u64, path: &str, verb: Verb) -> Write {
    let at = Timestamp(1_700_000_000_000 + i64::try_from(seq).unwrap());
    let anchor = Anchor::parse(path).unwrap();
    Write { seq, at, change: id(change), anchor, verb, requester: person("alice") }
}

pub(super) fn change(number: u64, created: i64) -> Change {
    let group = Group::natural(&Anchor::parse(&format!("projects/p{number}")).unwrap());
    let mut change = Change::new(id(number), BTreeSet::from([group]), Timestamp(created));
    change.requesters.insert(person("alice"));
    change
}

pub(super) fn answer(caller: &str, key: &str, at: i64) -> Answer {
    let text = |text: &str| text.to_owned();
    Answer { caller: text(caller), key: text(key), digest: text("d"), receipt: text("{}"), at: Timestamp(at) }
}

pub(super) fn puts(places: impl IntoIterator<Item = u64>, change: u64) -> Vec<Entry> {
    places.into_iter().map(|seq| Entry::Write(put(seq, change))).collect()
}

/// The places of the writes that are remembered, with their changes.
pub(super) fn places(journal: &mut dyn Journal) -> Vec<(u64, ChangeId)> {
    journal.load().unwrap().writes.into_iter().map(|write| (write.seq, write.change)).collect()
}

pub(super) fn delivery(id: &str, at: i64) -> Entry {
    Entry::Delivery(Delivery { id: id.to_owned(), at: Timestamp(at) })
}

/// The ids of the webhooks that are remembered.
pub(super) fn deliveries(journal: &mut dyn Journal) -> Vec<String> {
    journal.load().unwrap().deliveries.into_iter().map(|delivery| delivery.id).collect()
}

/// An event that these sinks have yet to take.
pub(super) fn waiting(number: u64, sinks: &[&str]) -> Waiting {
    let at = Timestamp(1_700_000_000_000);
    let document = format!("{{\"id\":\"{number} größer\"}}").into();
    let announcement = Announcement { number, at, subject: format!("s{number}"), document };
    let awaited_by = sinks.iter().map(|&name| name.to_owned()).collect();
    Waiting { announcement: Arc::new(announcement), awaited_by }
}

/// The events that are remembered, and the highest number that was given to one.
pub(super) fn announced(journal: &mut dyn Journal) -> (Vec<Waiting>, u64) {
    let Contents { waiting, last_announcement, .. } = journal.load().unwrap();
    (waiting, last_announcement)
}

/// Everything but webhooks and events, comparable.
pub(super) fn all(journal: &mut dyn Journal) -> (Vec<Write>, Vec<Change>, Vec<Answer>, u64) {
    let Contents { writes, changes, answers, last_seq, .. } = journal.load().unwrap();
    (writes, changes, answers, last_seq)
}
