//! Opening the database: one file, one writing connection and two reading ones, and the schema brought up to date.
//!
//! The numbers here are chosen for a small idle process and a hard promise: a row whose `append` has returned is on the
//! disk. Never done here: reading or writing records; see `records.rs`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

mod options;

pub use options::{Migrate, PostgresOptions, StoreOptions};

use crate::error::StoreError;
use crate::seal::Sealer;

/// The schema, embedded.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Connections that read. Lists and exports are rare; each idle connection costs about 100 kB and a thread.
const READERS: u32 = 2;

/// Page cache of the writer in KiB (SQLite's default is 2,000): the ledger appends, it hardly re-reads.
const WRITER_CACHE_KIB: u32 = 1_024;

/// Page cache of each reader in KiB.
const READER_CACHE_KIB: u32 = 512;

/// How long a writer waits for another process's lock (`fluxa export` beside a running `fluxa serve`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a query waits for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages after which the write-ahead log is folded into the file (4 MiB): more would make restarts slow, fewer costs fsyncs.
const CHECKPOINT_PAGES: u32 = 1_000;

/// Files over this are not checked after an unclean stop: reading them would cost more than a cold start may.
const CHECK_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Sealed under the secret key when the database is made, so that another key is noticed at the door.
const SEAL_CHECK: &str = "fluxa seal check";

/// What is kept: configuration, audit log, ledger and sums. Cheap to clone; all clones share the connections.
#[derive(Clone, Debug)]
pub struct Store {
    writer: SqlitePool,
    reader: SqlitePool,
    sealer: Arc<Sealer>,
    path: Option<Arc<PathBuf>>,
}

impl Store {
    /// Opens the file, or makes it, and applies what is missing of the schema. `sealer` opens and closes the secrets in it.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the folder cannot be made, [`StoreError::WrongSecretKey`] when the file was made with
    /// another secret key, [`StoreError::Database`] and [`StoreError::Migrate`] for the rest.
    pub async fn open(options: StoreOptions, sealer: Sealer) -> Result<Self, StoreError> {
        let path = match options {
            StoreOptions::Sqlite { path } => path,
            StoreOptions::Postgres(_) => return Err(StoreError::Database(sqlx::Error::PoolClosed)),
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Io { path: folder.to_owned(), source })?;
        }
        // `FULL` costs one fsync a commit. Configuration changes are rare and the ledger commits in batches, so that is a few
        // a second; in exchange a journal segment may be deleted as soon as `append` returns, power cuts included.
        let writing = connect_options()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
            .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"));
        let writer = pool(1, 1).connect_with(writing).await?;
        MIGRATIONS.run(&writer).await?;
        let reading = connect_options()
            .filename(&path)
            .create_if_missing(false)
            .pragma("query_only", "1")
            .pragma("cache_size", format!("-{READER_CACHE_KIB}"));
        let reader = pool(0, READERS).connect_lazy_with(reading);
        let store = Self { writer, reader, sealer: Arc::new(sealer), path: Some(Arc::new(path)) };
        store.check_secret_key().await?;
        Ok(store)
    }

    /// A store that lives as long as its handles, with a secret key of its own: for tests and the demo.
    ///
    /// # Errors
    /// [`StoreError::Random`] when the system gives no random bytes; [`StoreError::Database`] otherwise.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(StoreError::Random)?;
        // A pool of one: every connection to `:memory:` would be a database of its own.
        let only = pool(1, 1).connect_with(connect_options().in_memory(true)).await?;
        MIGRATIONS.run(&only).await?;
        Ok(Self { writer: only.clone(), reader: only, sealer: Arc::new(Sealer::new(key)), path: None })
    }

    /// Waits for what is being written and closes all connections. Later calls fail.
    pub async fn close(&self) {
        // Readers first, so that the writer's is the last connection and SQLite folds the write-ahead log into the file.
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.reader).await?;
        Ok(())
    }

    /// Looks for damage after an unclean stop (the journal had entries). Files over 256 MiB are not read: it would take too long.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first finding.
    pub async fn check_after_crash(&self) -> Result<(), StoreError> {
        let bytes = match &self.path {
            Some(path) => std::fs::metadata(path.as_path()).map_or(0, |meta| meta.len()),
            None => 0,
        };
        if bytes > CHECK_MAX_BYTES {
            tracing::warn!(db.bytes = bytes, "database not checked after an unclean stop: too big");
            return Ok(());
        }
        let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&self.writer).await?;
        if found == "ok" { Ok(()) } else { Err(StoreError::Damaged(found)) }
    }

    /// The connection that writes. There is one, so changes stand in line without a busy loop.
    pub(crate) const fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// The connections that read.
    pub(crate) const fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// What opens and closes secrets.
    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    async fn check_secret_key(&self) -> Result<(), StoreError> {
        let name = "seal.check";
        // Through the writer, which is open already; the readers open when somebody lists something.
        let sealed: Option<String> =
            sqlx::query_scalar("SELECT value FROM settings WHERE name = $1").bind(name).fetch_optional(&self.writer).await?;
        if let Some(sealed) = sealed {
            return match self.sealer.open("settings", name, "value", &sealed) {
                Ok(_) => Ok(()),
                Err(_) => Err(StoreError::WrongSecretKey),
            };
        }
        let sealed = self.sealer.seal("settings", name, "value", SEAL_CHECK.as_bytes())?;
        self.put_setting(name, &sealed).await
    }
}

fn connect_options() -> SqliteConnectOptions {
    SqliteConnectOptions::new().foreign_keys(true).busy_timeout(BUSY_TIMEOUT).disable_statement_logging()
}

fn pool(min: u32, max: u32) -> SqlitePoolOptions {
    // No lifetimes and no idle timeout: a file does not hang up, and without them sqlx needs no reaper task.
    SqlitePoolOptions::new()
        .min_connections(min)
        .max_connections(max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_secret_key_is_noticed_at_the_door() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::Sqlite { path: folder.path().join("sub/fluxa.db") };
        Store::open(options.clone(), Sealer::new([1; 32])).await.unwrap().close().await;
        Store::open(options.clone(), Sealer::new([1; 32])).await.unwrap().close().await;
        let other = Store::open(options, Sealer::new([2; 32])).await;
        assert!(matches!(other, Err(StoreError::WrongSecretKey)), "{other:?}");
    }

    #[tokio::test]
    async fn a_store_in_memory_answers_and_is_whole() {
        let store = Store::in_memory().await.unwrap();
        store.ping().await.unwrap();
        store.check_after_crash().await.unwrap();
    }
}
