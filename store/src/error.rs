//! What may go wrong in the store, in small enums.
//!
//! Nothing here holds a secret, a prompt or a value that was bound to a query.

use std::borrow::Cow;
use std::path::PathBuf;

/// A read or a write that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, failed or is away.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The schema is older than this code, and somebody else is to bring it up to date.
    #[error("the database's schema is at version {found}, this program needs {needed}; run: fluxa migrate")]
    OldSchema {
        /// The newest migration there.
        found: i64,
        /// The newest migration of this code.
        needed: i64,
    },
    /// A connection pooler between us and the server loses prepared statements.
    #[error(
        "the connection pooler loses prepared statements; use PgBouncer's session mode, or 1.21 and later with max_prepared_statements = 200: {0}"
    )]
    Pooler(sqlx::Error),
    /// A column holds what this version does not understand.
    #[error("unreadable {what} in the database: {why}")]
    Corrupt {
        /// The record and its key.
        what: String,
        /// What the parser said.
        why: String,
    },
    /// A sealed value does not open: another secret key, or somebody changed the row.
    #[error("cannot open the sealed {what}: wrong secret key, or the row was changed")]
    Sealed {
        /// The record and its key.
        what: String,
    },
    /// The secret key is not the one this database was made with.
    #[error("the secret key is not the one this database was made with (FLUXA_SECRET_KEY, or the key file beside the database)")]
    WrongSecretKey,
    /// A cursor that this list did not give.
    #[error("unknown cursor")]
    BadCursor,
    /// `PRAGMA quick_check` found damage.
    #[error("the database file is damaged: {0}")]
    Damaged(String),
    /// No random bytes from the system.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    /// The folder or the file of the database cannot be made.
    #[error("cannot open {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl StoreError {
    /// True when rows that were to be written are at fault, so that the same rows fail for ever; false when the database is away,
    /// busy, full or damaged, and for everything that is not known: then the rows wait.
    #[must_use]
    pub fn blames_rows(&self) -> bool {
        match self {
            Self::Corrupt { .. } | Self::Database(sqlx::Error::Encode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
                true
            }
            _ => match self.code() {
                // TOOBIG, CONSTRAINT, MISMATCH and RANGE.
                Some(Code::Sqlite(code)) => matches!(code, 18..=20 | 25),
                // Data and integrity.
                Some(Code::Postgres(code)) => (code.starts_with("22") || code.starts_with("23")) && !is_conflict(&code),
                None => false,
            },
        }
    }

    /// True when the database cannot be asked now, and the same may go well later: it is down, starting, full, read-only, or too slow.
    #[must_use]
    pub fn is_away(&self) -> bool {
        use sqlx::Error;
        match (self.database(), self.code()) {
            // BUSY, LOCKED, READONLY, IOERR, FULL and CANTOPEN.
            (_, Some(Code::Sqlite(code))) => matches!(code, 5 | 6 | 8 | 10 | 13 | 14),
            // Connections, resources, operators (a timeout among them), the server's disk; read-only; locks that were not got.
            (_, Some(Code::Postgres(code))) => {
                ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                    || matches!(&*code, "25006" | "55P03")
                    || is_conflict(&code)
            }
            (Some(error), None) => matches!(
                error,
                Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed | Error::BeginFailed
            ),
            (None, None) => false,
        }
    }

    /// True when the disk is full: the rows are not written, and nobody should be admitted whose use must be recorded.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self.code() {
            Some(Code::Sqlite(code)) => code == 13,
            Some(Code::Postgres(code)) => code == "53100",
            None => false,
        }
    }

    /// True when another transaction was in the way, and the same transaction may be tried again at once.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self.code(), Some(Code::Postgres(code)) if is_conflict(&code))
    }

    /// Names the pooler where the error is one that only a pooler makes.
    pub(crate) fn or_pooler(self) -> Self {
        let loses = matches!(self.code(), Some(Code::Postgres(code)) if code == "42P05" || code == "26000");
        match self {
            Self::Database(error) if loses => Self::Pooler(error),
            error => error,
        }
    }

    fn database(&self) -> Option<&sqlx::Error> {
        use sqlx::migrate::MigrateError;
        match self {
            Self::Database(error)
            | Self::Pooler(error)
            | Self::Migrate(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Some(error),
            _ => None,
        }
    }

    fn code(&self) -> Option<Code<'_>> {
        let Some(sqlx::Error::Database(error)) = self.database() else { return None };
        let code = error.code()?;
        match code.parse::<u32>() {
            // The low byte is the code, the rest says more of it.
            Ok(number) if code.len() < 5 => Some(Code::Sqlite(number & 0xff)),
            _ => Some(Code::Postgres(code)),
        }
    }
}

/// Serialization, deadlock, and a check: the ledger has none of its own, so it is a row's partition that was made meanwhile.
fn is_conflict(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "23514")
}

/// What an engine calls an error: SQLite has numbers, Postgres five characters whose first two are a class.
enum Code<'a> {
    Sqlite(u32),
    Postgres(Cow<'a, str>),
}

/// A change that was not made.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another record has this name.
    #[error("the name \"{0}\" is taken")]
    NameTaken(String),
    /// Nothing has this name or id.
    #[error("no such {0}")]
    NotFound(String),
    /// Something else still names it.
    #[error("still in use by {0}")]
    InUse(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for CommitError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(StoreError::Database(error))
    }
}

/// A secret key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// Not base64, or not 32 bytes.
    #[error("{origin} must be 32 bytes in base64; {why}")]
    Malformed {
        /// The variable or the file.
        origin: String,
        /// What is wrong, without the value.
        why: String,
    },
    /// Others may read the file.
    #[error("{path} may be read by others (mode {mode:04o}); run: chmod 600 {path}")]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file cannot be read or made.
    #[error("cannot use the key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No random bytes from the system.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
}
