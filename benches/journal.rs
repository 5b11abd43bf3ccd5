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
use meshwright::intent::{Anchor, Resource};
use meshwright::journal::{MemoryJournal, SqliteJournal};

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(3);

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let syncs = sync_rate(&directory.path().join("yardstick"));
    println!("disk: {syncs:.0} syncs/s (4 KiB and fdatasync each)\n");
    println!("{:>6} {:>12} {:>11} {:>14} {:>16}", "batch", "entries/s", "batches/s", "batches/sync", "in memory, e/s");
    for size in [1, 8, 64, 512] {
        let mut file = SqliteJournal::open(directory.path().join(format!("journal-{size}"))).unwrap();
        let rate = append_rate(&mut file, size);
        let batches = rate / f64::from(size);
        let memory = append_rate(&mut MemoryJournal::new(), size);
        println!("{size:>6} {rate:>12.0} {batches:>11.0} {:>14.2} {memory:>16.0}", batches / syncs);
    }
    println!();
    for count in [1_000, 10_000, 100_000] {
        let path = directory.path().join(format!("load-{count}"));
        let mut journal = SqliteJournal::open(&path).unwrap();
        journal.append(&(1..=count).map(|seq| Entry::Write(write(seq))).collect::<Vec<_>>()).unwrap();
        drop(journal);
        let start = Instant::now();
        let mut journal = SqliteJournal::open(&path).unwrap();
        let opened = start.elapsed();
        let loaded = journal.load().unwrap().writes.len();
        let total = start.elapsed();
        println!("{loaded:>7} writes: opened in {opened:>8.1?}, read back in {:>8.1?}", total.saturating_sub(opened));
    }
}

fn sync_rate(path: &std::path::Path) -> f64 {
    let mut file = File::create(path).unwrap();
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < SPAN {
        file.write_all(&[0x5a; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// Entries in a second: batches of writes, each with the change they belong to as the worker would note it now and then.
fn append_rate(journal: &mut dyn Journal, size: u32) -> f64 {
    let mut next = 1;
    let mut spent = Duration::ZERO;
    let mut count = 0_u32;
    while spent < SPAN {
        let mut batch: Vec<_> = (next..next + u64::from(size)).map(|seq| Entry::Write(write(seq))).collect();
        next += u64::from(size);
        if next % 64 < u64::from(size) {
            batch.push(Entry::Change(Box::new(change())));
            batch.push(Entry::Forget(change().id, next.saturating_sub(10_000)));
        }
        let start = Instant::now();
        journal.append(&batch).unwrap();
        spent += start.elapsed();
        count += size;
    }
    f64::from(count) / spent.as_secs_f64()
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

/// An inbound intent as a client would post it.
fn write(seq: u64) -> Write {
    let body = serde_json::json!({
        "metadata": {"name": format!("service-{seq}"), "description": "one service of many"},
        "spec": {
            "app": "cart", "appLabel": "app=cartservice", "serviceName": format!("service-{seq}"),
            "port": 7070, "targetPort": 7070, "protocol": "GRPC", "serviceMesh": "istio"
        }
    });
    let kind = meshwright::intent::Kind::Inbound;
    let resource = Resource::read(Some(&parent()), kind, &body).unwrap();
    let anchor = resource.anchor().clone();
    let requester = Person { name: "github:alice".to_owned(), logins: vec![] };
    Write { seq, at: Timestamp(0), change: change().id, anchor, verb: Verb::Put(Arc::new(resource)), requester }
}
