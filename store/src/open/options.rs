//! Where the database is, and how it is to be used. Nothing is opened here.

use std::path::PathBuf;
use std::time::Duration;

use fluxa_domain::secret::Secret;

/// Connections that write the ledger: a batch is written by one, and a second lets a replay run beside it.
const LEDGER_CONNECTIONS: u32 = 2;

/// Connections for everything else: lists, changes, keys that are looked up.
const ADMIN_CONNECTIONS: u32 = 4;

/// A statement that takes longer is given up. Migrations and partitions take the time they need.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Which database, and how.
#[derive(Clone, Debug)]
pub enum StoreOptions {
    /// A file of this process; made when missing, its folder too.
    Sqlite {
        /// The database file.
        path: PathBuf,
    },
    /// A server that many processes share.
    Postgres(PostgresOptions),
}

/// How to use a Postgres server.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `?sslmode=` as libpq knows it. Shown by nothing, since it may hold a password.
    pub url: Secret<String>,
    /// What to do about a schema that is older than this code.
    pub migrate: Migrate,
    /// Connections that write the ledger, at most.
    pub ledger_connections: u32,
    /// Connections for everything else, at most.
    pub admin_connections: u32,
    /// How long a statement may take.
    pub statement_timeout: Duration,
}

/// What to do about a schema that is older than this code. A newer one is always accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Migrate {
    /// Bring it up to date, one process at a time.
    #[default]
    Apply,
    /// Refuse to open: somebody else brings it up to date ([`crate::Store::migrate`]).
    Require,
}

impl PostgresOptions {
    /// The usual way to use the server at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url.into()),
            migrate: Migrate::default(),
            ledger_connections: LEDGER_CONNECTIONS,
            admin_connections: ADMIN_CONNECTIONS,
            statement_timeout: STATEMENT_TIMEOUT,
        }
    }
}
