//! The journal in a file of SQLite.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rayon::prelude::*;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::migration::{self, MigrationError};
use super::outbox;
use super::row::{self, WriteRow};
use crate::change::journal::{Answer, Contents, Delivery, Entry, Journal, JournalError};
use crate::change::{Change, Timestamp, Write};

/// How large the log beside the file may stay after a bulk import, in bytes.
const LOG_LIMIT: i64 = 64 << 20;

/// A journal in one file, which one process has open at a time.
///
/// An append is one transaction and one sync of the write-ahead log. Beside the file lives its log (`-wal`): a copy of
/// the file alone is not a backup while a process has it open.
#[derive(Debug)]
pub struct SqliteJournal {
    pub(super) connection: Connection,
    path: PathBuf,
}

impl SqliteJournal {
    /// Opens the journal at `path`, or makes an empty one; its directory must exist.
    ///
    /// # Errors
    /// When another process has it open, a newer version wrote it, it is damaged or not a journal at all, or the
    /// directory cannot be written to.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref();
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !directory.is_dir() {
            return Err(opened(format!("there is no directory {}", directory.display())));
        }
        let fresh = !path.exists();
        let failed = |error: &rusqlite::Error| opened(explain(path, error));
        let mut connection = Connection::open(path).map_err(|error| failed(&error))?;
        configure(&connection).map_err(|error| failed(&error))?;
        migration::migrate(&mut connection).map_err(|error| match error {
            MigrationError::Database(error) => failed(&error),
            other => opened(format!("{}: {other}", path.display())),
        })?;
        check(&connection).map_err(|error| failed(&error))?.map_err(|damage| opened(damaged(path, &damage)))?;
        if fresh {
            // The log's first sync made the entry of the file durable as well; this does not rely on it.
            std::fs::File::open(directory)
                .and_then(|directory| directory.sync_all())
                .map_err(|error| opened(format!("sync {}: {error}", directory.display())))?;
        }
        Ok(Self { connection, path: path.to_owned() })
    }

    fn begin(&mut self, behavior: TransactionBehavior) -> rusqlite::Result<Transaction<'_>> {
        self.connection.transaction_with_behavior(behavior)
    }

    fn failed<T>(&self, what: &'static str, result: Result<T, Failure>) -> Result<T, JournalError> {
        result.map_err(|failure| match failure {
            Failure::Database(error) => JournalError { what, cause: explain(&self.path, &error) },
            Failure::Value(cause) => JournalError { what, cause: format!("{}: {cause}", self.path.display()) },
        })
    }
}

impl Journal for SqliteJournal {
    fn load(&mut self) -> Result<Contents, JournalError> {
        let result = self.begin(TransactionBehavior::Deferred).map_err(Failure::from).and_then(|t| contents(&t));
        self.failed("read", result)
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), JournalError> {
        if entries.is_empty() {
            return Ok(());
        }
        let result = self.begin(TransactionBehavior::Immediate).map_err(Failure::from).and_then(|transaction| {
            store(&transaction, entries)?;
            Ok(transaction.commit()?)
        });
        self.failed("written", result)
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        let result = self.begin(TransactionBehavior::Immediate).map_err(Failure::from).and_then(|transaction| {
            // The version as it is, which is written whatever it was.
            let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            transaction.pragma_update(None, "user_version", version)?;
            Ok(transaction.commit()?)
        });
        self.failed("written", result)
    }
}

/// What stops an operation: the database, or a value that it holds or should hold.
enum Failure {
    Database(rusqlite::Error),
    Value(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<String> for Failure {
    fn from(cause: String) -> Self {
        Self::Value(cause)
    }
}

fn opened(cause: String) -> JournalError {
    JournalError { what: "opened", cause }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // Whoever has the file keeps it until it ends: waiting would not help.
    connection.busy_timeout(Duration::ZERO)?;
    // Before the log is first looked at: its index then lives in this process and no other can join.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)
}

/// Looks for damage that would show only when the damaged page is read.
fn check(connection: &Connection) -> rusqlite::Result<Result<(), String>> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok(if verdict == "ok" { Ok(()) } else { Err(verdict) })
}

fn explain(path: &Path, error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("another process has {} open; stop that one, or use another data folder", path.display())
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(path, &error.to_string()),
        _ => format!("{}: {error}", path.display()),
    }
}

fn damaged(path: &Path, detail: &str) -> String {
    format!(
        "{} is damaged ({detail}); restore it, or move it away: what is on branches is found there again",
        path.display()
    )
}

fn store(transaction: &Transaction<'_>, entries: &[Entry]) -> Result<(), Failure> {
    let (mut last_seq, mut last_announcement) = (0, 0);
    for entry in entries {
        match entry {
            Entry::Write(write) => {
                last_seq = last_seq.max(write.seq);
                store_write(transaction, write)?;
            }
            Entry::Change(change) => store_change(transaction, change)?,
            Entry::Drop(change) => {
                transaction.prepare_cached("DELETE FROM changes WHERE id = ?1")?.execute([change.as_str()])?;
            }
            Entry::Forget(change, up_to) => {
                // More than the database can count is more than it holds.
                let up_to = i64::try_from(*up_to).unwrap_or(i64::MAX);
                transaction
                    .prepare_cached("DELETE FROM writes WHERE change = ?1 AND seq <= ?2")?
                    .execute(params![change.as_str(), up_to])?;
            }
            Entry::Move(from, to, after) => {
                let after = i64::try_from(*after).unwrap_or(i64::MAX);
                transaction
                    .prepare_cached("UPDATE writes SET change = ?2 WHERE change = ?1 AND seq > ?3")?
                    .execute(params![from.as_str(), to.as_str(), after])?;
            }
            Entry::Answer(answer) => store_answer(transaction, answer)?,
            Entry::Expire(before) => {
                transaction.prepare_cached("DELETE FROM answers WHERE at < ?1")?.execute([before.0])?;
            }
            Entry::Delivery(delivery) => {
                transaction
                    .prepare_cached("INSERT INTO deliveries (id, at) VALUES (?1, ?2)")?
                    .execute(params![delivery.id, delivery.at.0])?;
            }
            Entry::ExpireDeliveries(before) => {
                transaction.prepare_cached("DELETE FROM deliveries WHERE at < ?1")?.execute([before.0])?;
            }
            Entry::Announce(waiting) => {
                let number = row::integer(waiting.announcement.number)?;
                last_announcement = last_announcement.max(number);
                outbox::announce(transaction, number, waiting)?;
            }
            // More than the database can count is nothing that it holds, or all.
            Entry::Taken(sink, number) => {
                outbox::taken(transaction, sink, i64::try_from(*number).unwrap_or(i64::MAX))?;
            }
            Entry::DropAnnounced(up_to) => {
                outbox::drop_up_to(transaction, i64::try_from(*up_to).unwrap_or(i64::MAX))?;
            }
            Entry::Sinks(names) => outbox::keep_only(transaction, names)?,
        }
    }
    count_up(transaction, "last_seq", row::integer(last_seq)?)?;
    count_up(transaction, "last_announcement", last_announcement)?;
    Ok(())
}

/// Sets a counter that never falls; 0 is no news.
fn count_up(transaction: &Transaction<'_>, name: &str, value: i64) -> rusqlite::Result<()> {
    if value > 0 {
        transaction
            .prepare_cached("UPDATE counters SET value = ?2 WHERE name = ?1 AND value < ?2")?
            .execute(params![name, value])?;
    }
    Ok(())
}

fn store_write(transaction: &Transaction<'_>, write: &Write) -> Result<(), Failure> {
    let (verb, body) = row::verb(&write.verb);
    let requester = row::json(&write.requester)?;
    transaction
        .prepare_cached(
            "INSERT INTO writes (seq, at, change, anchor, verb, body, requester) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            row::integer(write.seq)?,
            write.at.0,
            write.change.as_str(),
            write.anchor.as_str(),
            verb,
            body,
            requester
        ])?;
    Ok(())
}

fn store_change(transaction: &Transaction<'_>, change: &Change) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "INSERT INTO changes (id, branch, created, record) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) \
             DO UPDATE SET branch = excluded.branch, created = excluded.created, record = excluded.record",
        )?
        .execute(params![change.id.as_str(), change.branch, change.created.0, row::json(change)?])?;
    Ok(())
}

fn store_answer(transaction: &Transaction<'_>, answer: &Answer) -> Result<(), Failure> {
    transaction
        .prepare_cached("INSERT INTO answers (caller, key, digest, receipt, at) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![answer.caller, answer.key, answer.digest, answer.receipt, answer.at.0])?;
    Ok(())
}

fn contents(transaction: &Transaction<'_>) -> Result<Contents, Failure> {
    let mut statement =
        transaction.prepare("SELECT seq, at, change, anchor, verb, body, requester FROM writes ORDER BY seq")?;
    let rows = statement.query_map([], |row| {
        Ok(WriteRow {
            seq: row.get(0)?,
            at: row.get(1)?,
            change: row.get(2)?,
            anchor: row.get(3)?,
            verb: row.get(4)?,
            body: row.get(5)?,
            requester: row.get(6)?,
        })
    })?;
    // Reading bodies is what takes the time.
    let writes = rows.collect::<Result<Vec<_>, _>>()?.into_par_iter().map(WriteRow::read).collect::<Result<_, _>>()?;
    let mut statement = transaction.prepare("SELECT id, record FROM changes ORDER BY created, place")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let changes = rows.map(|row| row.map_err(Failure::from).and_then(|(id, record)| Ok(row::change(&id, &record)?)));
    let changes = changes.collect::<Result<_, _>>()?;
    let mut statement =
        transaction.prepare("SELECT caller, key, digest, receipt, at FROM answers ORDER BY caller, key")?;
    let rows = statement.query_map([], |row| {
        let at = Timestamp(row.get(4)?);
        Ok(Answer { caller: row.get(0)?, key: row.get(1)?, digest: row.get(2)?, receipt: row.get(3)?, at })
    })?;
    let answers = rows.collect::<Result<_, _>>()?;
    let mut statement = transaction.prepare("SELECT id, at FROM deliveries ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok(Delivery { id: row.get(0)?, at: Timestamp(row.get(1)?) }))?;
    let deliveries = rows.collect::<Result<_, _>>()?;
    let waiting = outbox::waiting(transaction)?;
    let counter = |name: &str| {
        let value = transaction.query_row("SELECT value FROM counters WHERE name = ?1", [name], |row| row.get(0));
        Ok::<_, Failure>(row::number(value?)?)
    };
    let (last_seq, last_announcement) = (counter("last_seq")?, counter("last_announcement")?);
    Ok(Contents { writes, changes, answers, deliveries, waiting, last_announcement, last_seq })
}
