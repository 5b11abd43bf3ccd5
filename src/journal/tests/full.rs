//! A disk without space.

use tempfile::TempDir;

use super::samples::{all, places, puts};
use crate::change::journal::Journal;
use crate::journal::SqliteJournal;

#[test]
fn a_full_disk_is_an_error_that_remembers_nothing_and_passes() {
    let directory = TempDir::new().unwrap();
    let mut journal = SqliteJournal::open(directory.path().join("journal")).unwrap();
    journal.append(&puts([1], 1)).unwrap();
    let before = all(&mut journal);
    let limit = |journal: &SqliteJournal, pages: i64| {
        journal.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(&journal, 1); // the pages that are in use stay
    for _ in 0..3 {
        let error = journal.append(&puts(2..=2_000, 1)).unwrap_err();
        assert_eq!(error.what, "written");
        assert!(error.to_string().contains("full"), "{error}");
        assert_eq!(all(&mut journal), before);
    }
    limit(&journal, 1 << 30);
    journal.append(&puts(2..=2_000, 1)).unwrap();
    drop(journal);
    let mut journal = SqliteJournal::open(directory.path().join("journal")).unwrap();
    assert_eq!(places(&mut journal).len(), 2_000);
}
