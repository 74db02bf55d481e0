//! One file: one writing connection and two reading ones.
//!
//! The numbers here are chosen for a small idle process and a hard promise: a row whose `append` has returned is on the disk.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::schema::{self, Engine};
use crate::error::StoreError;
use crate::sql::Pool;

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

/// The writer and the readers of the file, made when missing.
pub(super) async fn open(path: &Path) -> Result<(Pool, Pool), StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Io { path: folder.to_owned(), source })?;
    }
    // `FULL` costs one fsync a commit. Configuration changes are rare and the ledger commits in batches, so that is a few
    // a second; in exchange a journal segment may be deleted as soon as `append` returns, power cuts included.
    let writing = connect_options()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
        .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"));
    let writer = pool(1, 1).connect_with(writing).await?;
    schema::migrations(Engine::Sqlite).run(&writer).await?;
    let reading = connect_options()
        .filename(path)
        .create_if_missing(false)
        .pragma("query_only", "1")
        .pragma("cache_size", format!("-{READER_CACHE_KIB}"));
    Ok((Pool::Sqlite(writer), Pool::Sqlite(pool(0, READERS).connect_lazy_with(reading))))
}

/// A pool of one: every connection to `:memory:` would be a database of its own.
pub(super) async fn in_memory() -> Result<Pool, StoreError> {
    let only = pool(1, 1).connect_with(connect_options().in_memory(true)).await?;
    schema::migrations(Engine::Sqlite).run(&only).await?;
    Ok(Pool::Sqlite(only))
}

/// Reads the file through, if it is not too big.
pub(super) async fn check(writer: &SqlitePool, path: Option<&Path>) -> Result<(), StoreError> {
    let bytes = path.map_or(0, |path| std::fs::metadata(path).map_or(0, |meta| meta.len()));
    if bytes > CHECK_MAX_BYTES {
        tracing::warn!(db.bytes = bytes, "database not checked after an unclean stop: too big");
        return Ok(());
    }
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(writer).await?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Damaged(found)) }
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
