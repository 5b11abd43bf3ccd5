//! The schema, as a list of numbered steps that is only ever appended to.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

/// One step of the schema, with the text for each database.
struct Migration {
    number: i64,
    sqlite: &'static str,
}

/// All steps, oldest first.
const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        sqlite: "
        CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
        INSERT INTO counters (name, value) VALUES ('last_seq', 0);

        CREATE TABLE writes (
            seq       INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
            at        BIGINT NOT NULL,
            change    TEXT NOT NULL,
            anchor    TEXT NOT NULL,
            verb      TEXT NOT NULL,
            body      TEXT,
            requester TEXT NOT NULL
        );
        CREATE INDEX writes_by_change ON writes (change, seq);

        CREATE TABLE changes (
            place   INTEGER NOT NULL PRIMARY KEY,
            id      TEXT NOT NULL UNIQUE,
            branch  TEXT NOT NULL UNIQUE,
            created BIGINT NOT NULL,
            record  TEXT NOT NULL
        );

        CREATE TABLE answers (
            caller  TEXT NOT NULL,
            key     TEXT NOT NULL,
            digest  TEXT NOT NULL,
            receipt TEXT NOT NULL,
            at      BIGINT NOT NULL,
            PRIMARY KEY (caller, key)
        );
        CREATE INDEX answers_by_age ON answers (at);
    ",
    },
    Migration {
        number: 2,
        sqlite: "
        CREATE TABLE deliveries (id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL);
        CREATE INDEX deliveries_by_age ON deliveries (at);
    ",
    },
    Migration {
        number: 3,
        sqlite: "
        INSERT INTO counters (name, value) VALUES ('last_announcement', 0);

        CREATE TABLE announcements (
            number   INTEGER NOT NULL PRIMARY KEY CHECK (number > 0),
            at       BIGINT NOT NULL,
            subject  TEXT NOT NULL,
            document TEXT NOT NULL
        );

        CREATE TABLE awaited (
            announcement BIGINT NOT NULL,
            sink         TEXT NOT NULL,
            PRIMARY KEY (announcement, sink)
        ) WITHOUT ROWID;
    ",
    },
];

/// Why a file cannot be brought to the schema of this version.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrationError {
    #[error("it has schema {found}, this version knows {known} at most: it was written by a newer version")]
    Newer { found: i64, known: i64 },
    #[error("it is a database of something else")]
    Foreign,
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

/// Brings the database to the newest schema, all steps or none.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), MigrationError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let present = version(&transaction)?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.number);
    if present > known {
        return Err(MigrationError::Newer { found: present, known });
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > present) {
        transaction.execute_batch(migration.sqlite)?;
        transaction.execute("INSERT INTO schema_version (number) VALUES (?1)", [migration.number])?;
    }
    Ok(transaction.commit()?)
}

/// The number of the last step that was applied; 0 for an empty file.
fn version(transaction: &Transaction<'_>) -> Result<i64, MigrationError> {
    let tables = |condition: &str| {
        let query = format!("SELECT 1 FROM sqlite_master WHERE type = 'table' {condition} LIMIT 1");
        transaction.query_row(&query, [], |_| Ok(())).optional().map(|row| row.is_some())
    };
    if tables("AND name = 'schema_version'")? {
        return Ok(transaction.query_row("SELECT COALESCE(MAX(number), 0) FROM schema_version", [], |row| row.get(0))?);
    }
    if tables("")? {
        return Err(MigrationError::Foreign);
    }
    transaction.execute_batch("CREATE TABLE schema_version (number BIGINT NOT NULL PRIMARY KEY)")?;
    Ok(0)
}
