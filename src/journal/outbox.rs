//! What sinks have yet to take, in a file of SQLite.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Transaction, params};

use crate::change::Timestamp;
use crate::change::announcement::{Announcement, Waiting};

/// Forgets what nobody has yet to take.
const TIDY: &str =
    "DELETE FROM announcements WHERE NOT EXISTS (SELECT 1 FROM awaited WHERE awaited.announcement = number)";

pub(super) fn announce(transaction: &Transaction<'_>, number: i64, waiting: &Waiting) -> rusqlite::Result<()> {
    let Announcement { at, subject, document, .. } = &*waiting.announcement;
    transaction
        .prepare_cached("INSERT INTO announcements (number, at, subject, document) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![number, at.0, subject, document])?;
    for sink in &waiting.awaited_by {
        transaction
            .prepare_cached("INSERT INTO awaited (announcement, sink) VALUES (?1, ?2)")?
            .execute(params![number, sink])?;
    }
    Ok(())
}

pub(super) fn taken(transaction: &Transaction<'_>, sink: &str, number: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM awaited WHERE announcement = ?1 AND sink = ?2")?
        .execute(params![number, sink])?;
    transaction.prepare_cached(&format!("{TIDY} AND number = ?1"))?.execute([number])?;
    Ok(())
}

pub(super) fn drop_up_to(transaction: &Transaction<'_>, up_to: i64) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM awaited WHERE announcement <= ?1")?.execute([up_to])?;
    transaction.prepare_cached("DELETE FROM announcements WHERE number <= ?1")?.execute([up_to])?;
    Ok(())
}

pub(super) fn keep_only(transaction: &Transaction<'_>, names: &BTreeSet<String>) -> rusqlite::Result<()> {
    let mut known = transaction.prepare_cached("SELECT DISTINCT sink FROM awaited")?;
    let known = known.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for gone in known.iter().filter(|name| !names.contains(*name)) {
        transaction.prepare_cached("DELETE FROM awaited WHERE sink = ?1")?.execute([gone])?;
    }
    transaction.prepare_cached(TIDY)?.execute([])?;
    Ok(())
}

pub(super) fn waiting(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Waiting>> {
    let mut awaited: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    let mut statement = transaction.prepare("SELECT announcement, sink FROM awaited")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for row in rows {
        let (number, sink) = row?;
        awaited.entry(number).or_default().insert(sink);
    }
    let mut statement =
        transaction.prepare("SELECT number, at, subject, document FROM announcements ORDER BY number")?;
    let rows = statement.query_map([], |row| {
        let number: i64 = row.get(0)?;
        let document: String = row.get(3)?;
        let announcement = Announcement {
            // It is above 0 by a rule of the table.
            number: number.unsigned_abs(),
            at: Timestamp(row.get(1)?),
            subject: row.get(2)?,
            document: document.into(),
        };
        let awaited_by = awaited.remove(&number).unwrap_or_default();
        Ok(Waiting { announcement: Arc::new(announcement), awaited_by })
    })?;
    rows.collect()
}
