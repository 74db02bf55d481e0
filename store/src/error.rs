//! What may go wrong in the store, in small enums.
//!
//! Nothing here holds a secret, a prompt or a value that was bound to a query.

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
            // SQLite's TOOBIG, CONSTRAINT, MISMATCH and RANGE (the low byte is the code, the rest says more of it), and Postgres'
            // classes 22 (data) and 23 (integrity), whose codes have five characters.
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| match code.parse::<u32>() {
                Ok(number) if code.len() < 5 => matches!(number & 0xff, 18..=20 | 25),
                _ => code.starts_with("22") || code.starts_with("23"),
            }),
            _ => false,
        }
    }

    /// True when the disk is full: the rows are not written, and nobody should be admitted whose use must be recorded.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        // SQLITE_FULL is 13; the code is text because engines differ.
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.code().as_deref() == Some("13"))
    }
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
