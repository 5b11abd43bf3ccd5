//! Writes that a journal makes durable in a second, against what the disk can sync.
//!
//! `TMPDIR` says which disk. The yardstick is a file that grows by 4 KiB and is synced each time: a journal cannot
//! acknowledge more batches than that, and should acknowledge nearly as many.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may end when it cannot go on"
)]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meshwright::change::journal::{Entry, Journal};
use meshwright::change::{Change, ChangeId, Group, Person, Timestamp, Verb, Write};
use meshwright::intent::{Anchor, Kind, Resource};
use meshwright::journal::{MemoryJournal, SqliteJournal};

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(3);

fn main() {
    let directory = tempfile::tempdir().unwrap();
    println!(
        "{:>6} {:>12} {:>11} {:>11} {:>14} {:>16}",
        "batch", "entries/s", "batches/s", "syncs/s", "batches/sync", "in memory, e/s"
    );
    for size in [1, 8, 64, 512] {
        let mut yardstick = File::create(directory.path().join(format!("yardstick-{size}"))).unwrap();
        let mut file = SqliteJournal::open(directory.path().join(format!("journal-{size}"))).unwrap();
        let (rate, syncs) = append_rate(&mut file, size, Some(&mut yardstick));
        let batches = rate / f64::from(size);
        let (memory, _) = append_rate(&mut MemoryJournal::new(), size, None);
        println!("{size:>6} {rate:>12.0} {batches:>11.0} {syncs:>11.0} {:>14.2} {memory:>16.0}", batches / syncs);
    }
    println!();
    for count in [1_000, 10_000] {
        let path = directory.path().join(format!("load-{count}"));
        let mut journal = SqliteJournal::open(&path).unwrap();
        let sample = sample();
        let writes = (1..=count).map(|seq| Entry::Write(Write { seq, ..sample.clone() }));
        journal.append(&writes.collect::<Vec<_>>()).unwrap();
        drop(journal);
        let start = Instant::now();
        let mut journal = SqliteJournal::open(&path).unwrap();
        let opened = start.elapsed();
        let loaded = journal.load().unwrap().writes.len();
        let total = start.elapsed();
        println!("{loaded:>7} writes: opened in {opened:>8.1?}, read back in {:>8.1?}", total.saturating_sub(opened));
    }
}

/// Entries in a second, and syncs of the yardstick in a second, one after each batch: a disk that others use as well
/// is as slow for the one as for the other.
fn append_rate(journal: &mut dyn Journal, size: u32, mut yardstick: Option<&mut File>) -> (f64, f64) {
    let (sample, change) = (sample(), change());
    let (mut spent, mut syncing) = (Duration::ZERO, Duration::ZERO);
    let (mut batches, mut next) = (0_u32, 1);
    while spent < SPAN {
        let places = next..next + u64::from(size);
        next = places.end;
        let mut batch: Vec<_> = places.map(|seq| Entry::Write(Write { seq, ..sample.clone() })).collect();
        // Now and then a change goes on, and what is long on main is forgotten.
        if next % 64 < u64::from(size) {
            batch.push(Entry::Change(Box::new(change.clone())));
            batch.push(Entry::Forget(change.id.clone(), next.saturating_sub(10_000)));
        }
        let start = Instant::now();
        journal.append(&batch).unwrap();
        spent += start.elapsed();
        batches += 1;
        if let Some(file) = &mut yardstick {
            let start = Instant::now();
            file.write_all(&[0x5a; 4096]).unwrap();
            file.sync_data().unwrap();
            syncing += start.elapsed();
        }
    }
    let rate = |time: Duration| f64::from(batches) / time.as_secs_f64();
    (rate(spent) * f64::from(size), rate(syncing))
}

fn parent() -> Anchor {
    let group = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web";
    Anchor::parse(group).unwrap()
}

fn change() -> Change {
    let groups = [Group::natural(&parent())];
    let id = ChangeId::new(&groups, Timestamp(0), 1);
    Change::new(id, BTreeSet::from(groups), Timestamp(0))
}

/// An inbound intent as a client would post it, read once: what is measured is remembering it.
fn sample() -> Write {
    let body = serde_json::json!({
        "metadata": {"name": "cart", "description": "one service of many"},
        "spec": {
            "app": "cart", "appLabel": "app=cartservice", "serviceName": "cartservice",
            "port": 7070, "targetPort": 7070, "protocol": "GRPC", "serviceMesh": "istio"
        }
    });
    let resource = Resource::read(Some(&parent()), Kind::Inbound, &body).unwrap();
    let anchor = resource.anchor().clone();
    let requester = Person { name: "github:alice".to_owned(), logins: vec![] };
    let verb = Verb::Put(Arc::new(resource));
    Write { seq: 0, at: Timestamp(0), change: change().id, anchor, verb, requester }
}
