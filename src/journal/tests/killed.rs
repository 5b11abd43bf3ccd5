//! A process that is killed while it writes.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::samples::{places, puts};
use crate::change::journal::{Entry, Journal};
use crate::journal::SqliteJournal;

/// Where the writer below writes; without it, it writes a little and ends.
const JOURNAL: &str = "MESHWRIGHT_TEST_JOURNAL";

/// The child of the test that follows; a short run of its own otherwise.
#[test]
fn a_writer_says_what_it_has_appended() {
    let scratch = TempDir::new().unwrap();
    let (path, last) = match std::env::var_os(JOURNAL) {
        Some(path) => (path.into(), u64::MAX),
        None => (scratch.path().join("journal"), 20),
    };
    append(&path, last);
}

fn append(path: &Path, last: u64) {
    let mut journal = SqliteJournal::open(path).unwrap();
    let mut next = journal.load().unwrap().last_seq + 1;
    while next <= last {
        // A batch is told by its first place: all of it is there, or nothing.
        let size = 1 + next % 7;
        journal.append(&puts(next..next + size, next)).unwrap();
        next += size;
        println!("appended up to {}", next - 1);
    }
}

fn writer(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "journal::tests::killed::a_writer_says_what_it_has_appended"])
        .env(JOURNAL, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn all_that_a_killed_process_has_appended_is_found() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("journal");
    for round in 1..=5 {
        let mut child = writer(&path);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        let said = |line: &str| line.split_once("appended up to ")?.1.parse::<u64>().ok();
        for _ in 0..10 * round {
            acknowledged = lines.by_ref().find_map(|line| said(&line.unwrap())).unwrap();
        }
        let refused = SqliteJournal::open(&path).unwrap_err().to_string();
        assert!(refused.contains("another process has"), "{refused}");
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died is in the pipe.
        acknowledged = lines.filter_map(|line| said(&line.ok()?)).fold(acknowledged, u64::max);

        let mut journal = SqliteJournal::open(&path).unwrap();
        let found = places(&mut journal);
        let last = found.last().unwrap().0;
        assert!(last >= acknowledged, "{acknowledged} acknowledged, {last} found");
        assert!(found.iter().map(|(seq, _)| *seq).eq(1..=last));
        let batches: std::collections::BTreeSet<_> = found.iter().map(|(_, change)| change.as_str()).collect();
        for batch in batches {
            let first = u64::from_str_radix(batch, 16).unwrap();
            let size = found.iter().filter(|(_, change)| change.as_str() == batch).count();
            assert_eq!(size as u64, 1 + first % 7, "the batch from {first} on");
        }
        journal.append(&[Entry::Expire(crate::change::Timestamp(0))]).unwrap();
    }
}
