//! Writes that a journal makes durable in a second, against what the disk can sync; and reading them back.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meshwright::change::journal::{Entry, Journal};
use meshwright::change::{Change, ChangeId, Group, Person, Timestamp, Verb, Write};
use meshwright::intent::{Anchor, Kind};
use meshwright::journal::{MemoryJournal, SqliteJournal};

use crate::plan::{Plan, inbound, resource};
use crate::report::{milliseconds, time};
use crate::{Outcome, Setting};

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(2);

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    let folder = setting.folder.join("journal");
    std::fs::create_dir(&folder)?;
    let syncs = sync_rate(&folder.join("yardstick"))?;
    println!("yardstick: {syncs:.0} syncs/s (4 KiB and fdatasync each)");
    println!("{:>6} {:>12} {:>11} {:>14} {:>16}", "batch", "entries/s", "batches/s", "batches/sync", "in memory, e/s");
    for size in [1, 8, 64, 512] {
        let mut file = SqliteJournal::open(folder.join(format!("journal-{size}")))?;
        let rate = append_rate(&mut file, size)?;
        let batches = rate / f64::from(size);
        let memory = append_rate(&mut MemoryJournal::new(), size)?;
        println!("{size:>6} {rate:>12.0} {batches:>11.0} {:>14.2} {memory:>16.0}", batches / syncs);
    }
    let counts: &[u64] = if setting.quick { &[1_000, 10_000] } else { &[1_000, 10_000, 100_000] };
    for count in counts {
        let path = folder.join(format!("load-{count}"));
        let entries = (1..=*count).map(|seq| Ok(Entry::Write(write(seq)?))).collect::<Outcome<Vec<_>>>()?;
        SqliteJournal::open(&path)?.append(&entries)?;
        let (opened, journal) = time(|| SqliteJournal::open(&path));
        let mut journal = journal?;
        let (read, contents) = time(|| journal.load());
        let (opened, read) = (milliseconds(opened), milliseconds(read));
        println!("{:>7} writes: opened in {opened:>10}, read back in {read:>10}", contents?.writes.len());
    }
    Ok(())
}

/// How often a second the disk makes a write of 4 KiB durable.
pub(crate) fn sync_rate(path: &Path) -> Outcome<f64> {
    let mut file = File::create(path)?;
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < SPAN {
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// Entries in a second: batches of writes, each with the change they belong to as the worker would note it now and then.
fn append_rate(journal: &mut dyn Journal, size: u32) -> Outcome<f64> {
    let mut next = 1;
    let mut spent = Duration::ZERO;
    let mut count = 0_u32;
    while spent < SPAN {
        let mut batch =
            (next..next + u64::from(size)).map(|seq| Ok(Entry::Write(write(seq)?))).collect::<Outcome<Vec<_>>>()?;
        next += u64::from(size);
        if next % 64 < u64::from(size) {
            let change = change()?;
            batch.push(Entry::Forget(change.id.clone(), next.saturating_sub(10_000)));
            batch.push(Entry::Change(Box::new(change)));
        }
        let (took, appended) = time(|| journal.append(&batch));
        appended?;
        spent += took;
        count += size;
    }
    Ok(f64::from(count) / spent.as_secs_f64())
}

fn change() -> Outcome<Change> {
    let groups = [Group::natural(&Anchor::parse(&Plan::group(0))?)];
    let id = ChangeId::new(&groups, Timestamp(0), 1);
    Ok(Change::new(id, BTreeSet::from(groups), Timestamp(0)))
}

fn write(seq: u64) -> Outcome<Write> {
    let resource = resource(&Plan::group(0), Kind::Inbound, &inbound(&format!("service-{seq}")))?;
    let anchor = resource.anchor().clone();
    let requester = Person { name: "github:alice".to_owned(), logins: vec![] };
    Ok(Write { seq, at: Timestamp(0), change: change()?.id, anchor, verb: Verb::Put(Arc::new(resource)), requester })
}
