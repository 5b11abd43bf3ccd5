//! Files that are not what they should be.

use std::fs;

use tempfile::TempDir;

use super::samples::{all, announced, id, put, puts, waiting};
use crate::change::journal::{Entry, Journal, JournalError};
use crate::journal::SqliteJournal;

fn refusal(directory: &TempDir) -> String {
    let error: JournalError = SqliteJournal::open(directory.path().join("journal")).unwrap_err();
    assert_eq!(error.what, "opened");
    error.to_string()
}

/// A journal with a few hundred writes, closed.
fn filled() -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut journal = SqliteJournal::open(directory.path().join("journal")).unwrap();
    journal.append(&puts(1..=500, 1)).unwrap();
    directory
}

fn execute(directory: &TempDir, sql: &str) {
    rusqlite::Connection::open(directory.path().join("journal")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_second_opener_is_told_that_somebody_has_it() {
    let directory = filled();
    let mut first = SqliteJournal::open(directory.path().join("journal")).unwrap();
    assert!(refusal(&directory).contains("another process has"), "{}", refusal(&directory));
    first.append(&puts([501], 1)).unwrap();
    drop(first);
    SqliteJournal::open(directory.path().join("journal")).unwrap();
}

#[test]
fn a_journal_of_a_newer_version_is_refused() {
    let directory = filled();
    execute(&directory, "INSERT INTO schema_version (number) VALUES (999)");
    assert!(refusal(&directory).contains("schema 999"), "{}", refusal(&directory));
}

#[test]
fn a_journal_of_an_older_version_is_brought_up_to_date() {
    let directory = filled();
    execute(
        &directory,
        "DROP TABLE announcements; DROP TABLE awaited; DELETE FROM counters WHERE name = 'last_announcement';
         DELETE FROM schema_version WHERE number > 2",
    );
    let mut journal = SqliteJournal::open(directory.path().join("journal")).unwrap();
    journal.append(&[Entry::Announce(waiting(7, &["a"]))]).unwrap();
    assert_eq!(announced(&mut journal), (vec![waiting(7, &["a"])], 7));
    assert_eq!(all(&mut journal).0.len(), 500);
}

#[test]
fn a_database_of_something_else_is_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    execute(&directory, "CREATE TABLE theirs (x)");
    assert!(refusal(&directory).contains("something else"), "{}", refusal(&directory));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("journal"), "hello, ".repeat(1_000)).unwrap();
    assert!(refusal(&directory).contains("is damaged"), "{}", refusal(&directory));
}

#[test]
fn damage_in_the_middle_of_the_file_is_noticed_at_once() {
    let directory = filled();
    let file = directory.path().join("journal");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    assert!(refusal(&directory).contains("is damaged"), "{}", refusal(&directory));
}

#[test]
fn a_truncated_file_is_refused() {
    let directory = filled();
    let file = fs::OpenOptions::new().write(true).open(directory.path().join("journal")).unwrap();
    file.set_len(8192).unwrap();
    assert!(refusal(&directory).contains("is damaged"), "{}", refusal(&directory));
}

#[test]
fn a_missing_directory_is_named() {
    let directory = TempDir::new().unwrap();
    let error = SqliteJournal::open(directory.path().join("nowhere/journal")).unwrap_err();
    assert!(error.to_string().contains("there is no directory"), "{error}");
}

#[test]
fn what_this_version_cannot_read_is_named() {
    for (sql, part) in [
        (
            r#"UPDATE writes SET body = '{"metadata": {"name": "p7"}, "spec": {"newer": 1}}' WHERE seq = 7"#,
            "/spec/newer",
        ),
        (r#"UPDATE writes SET body = '{"metadata": {"name": "other"}}' WHERE seq = 7"#, "the body is that of"),
        ("UPDATE writes SET body = '{' WHERE seq = 7", "body: "),
        ("UPDATE writes SET verb = 'graft', body = NULL WHERE seq = 7", "graft"),
    ] {
        let directory = filled();
        execute(&directory, sql);
        let error = SqliteJournal::open(directory.path().join("journal")).unwrap().load().unwrap_err();
        assert_eq!(error.what, "read");
        assert!(error.to_string().contains("`projects/p7`") && error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_copy_of_file_and_log_is_what_was_acknowledged() {
    // What power failure leaves: the log was synced, nothing was copied into the file yet, nobody closed it.
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut journal = SqliteJournal::open(here.path().join("journal")).unwrap();
    journal.append(&puts([1, 2], 1)).unwrap();
    journal.append(&[Entry::Forget(id(1), 1)]).unwrap();
    for name in ["journal", "journal-wal"] {
        fs::copy(here.path().join(name), there.path().join(name)).unwrap();
    }
    let mut copy = SqliteJournal::open(there.path().join("journal")).unwrap();
    assert_eq!(all(&mut copy), (vec![put(2, 1)], vec![], vec![], 2));
}

#[test]
fn a_log_that_was_cut_off_in_the_middle_of_a_batch_holds_the_batches_before() {
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut journal = SqliteJournal::open(here.path().join("journal")).unwrap();
    journal.append(&puts([1], 1)).unwrap();
    let before = fs::metadata(here.path().join("journal-wal")).unwrap().len();
    journal.append(&puts(2..=200, 1)).unwrap();
    let after = fs::metadata(here.path().join("journal-wal")).unwrap().len();
    for length in [before, before + 100, u64::midpoint(before, after), after - 1] {
        for name in ["journal", "journal-wal"] {
            fs::copy(here.path().join(name), there.path().join(name)).unwrap();
        }
        let log = fs::OpenOptions::new().write(true).open(there.path().join("journal-wal")).unwrap();
        log.set_len(length).unwrap();
        let mut copy = SqliteJournal::open(there.path().join("journal")).unwrap();
        assert_eq!(all(&mut copy), (vec![put(1, 1)], vec![], vec![], 1), "{length} of {after} bytes");
    }
}
