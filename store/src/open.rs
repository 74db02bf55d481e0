//! Opening the database, whichever engine it is, with the schema brought up to date.
//!
//! The promise is the same on both: a row whose `append` has returned is on the disk. What an engine needs is in `sqlite.rs` and
//! `postgres.rs`; the schema's versions are in `schema.rs`. Never done here: reading or writing records; see `records.rs`.

use std::path::PathBuf;
use std::sync::Arc;

mod facts;
mod options;
mod postgres;
mod schema;
mod sqlite;

pub use facts::ServerState;
pub use options::{Migrate, PostgresOptions, StoreOptions};
pub(crate) use postgres::SCHEMA_LOCK;

use crate::error::StoreError;
use crate::seal::Sealer;
use crate::sql::{self, Pool};

/// Sealed under the secret key when the database is made, so that another key is noticed at the door.
const SEAL_CHECK: &str = "fluxa seal check";

/// What is kept: configuration, audit log, ledger and sums. Cheap to clone; all clones share the connections.
#[derive(Clone, Debug)]
pub struct Store {
    ledger: Pool,
    writer: Pool,
    reader: Pool,
    sealer: Arc<Sealer>,
    path: Option<Arc<PathBuf>>,
}

impl Store {
    /// Opens the database and sees to its schema: a file is made when missing, a server's database must exist. `sealer` opens and
    /// closes the secrets in it.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a folder cannot be made, [`StoreError::WrongSecretKey`] when the database was made with another
    /// secret key, [`StoreError::OldSchema`] when somebody else should have brought the schema up to date, [`StoreError::Pooler`]
    /// when a connection pooler loses prepared statements, [`StoreError::Database`] and [`StoreError::Migrate`] for the rest.
    pub async fn open(options: StoreOptions, sealer: Sealer) -> Result<Self, StoreError> {
        let sealer = Arc::new(sealer);
        let store = match options {
            StoreOptions::Sqlite { path } => {
                let (writer, reader) = sqlite::open(&path).await?;
                Self { ledger: writer.clone(), writer, reader, sealer, path: Some(Arc::new(path)) }
            }
            StoreOptions::Postgres(options) => {
                let (ledger, admin) = postgres::open(&options).await?;
                Self { ledger, writer: admin.clone(), reader: admin, sealer, path: None }
            }
        };
        store.check_secret_key().await.map_err(StoreError::or_pooler)?;
        Ok(store)
    }

    /// Brings the schema of the Postgres database at `url` up to date, one process at a time: others wait, then find it done.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Migrate`]; then the schema is as it was.
    pub async fn migrate(url: &str) -> Result<(), StoreError> {
        postgres::migrate(url).await.map_err(StoreError::or_pooler)
    }

    /// A store that lives as long as its handles, with a secret key of its own: for tests and the demo.
    ///
    /// # Errors
    /// [`StoreError::Random`] when the system gives no random bytes; [`StoreError::Database`] otherwise.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(StoreError::Random)?;
        let only = sqlite::in_memory().await?;
        Ok(Self { ledger: only.clone(), writer: only.clone(), reader: only, sealer: Arc::new(Sealer::new(key)), path: None })
    }

    /// Waits for what is being written and closes all connections. Later calls fail.
    pub async fn close(&self) {
        // Readers first, so that the writer's is the last connection and SQLite folds the write-ahead log into the file.
        self.reader.close().await;
        self.writer.close().await;
        self.ledger.close().await;
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sql::query("SELECT 1").execute(&self.reader).await?;
        Ok(())
    }

    /// Looks for damage after an unclean stop (the journal had entries). A server sees to that itself, and files over 256 MiB are
    /// not read: it would take too long.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first finding.
    pub async fn check_after_crash(&self) -> Result<(), StoreError> {
        match &self.writer {
            Pool::Sqlite(writer) => sqlite::check(writer, self.path.as_deref().map(PathBuf::as_path)).await,
            Pool::Postgres(..) => Ok(()),
        }
    }

    /// What writes the ledger. On a file it is the one connection that writes, so changes stand in line without a busy loop.
    pub(crate) const fn ledger_writer(&self) -> &Pool {
        &self.ledger
    }

    /// What writes the rest.
    pub(crate) const fn writer(&self) -> &Pool {
        &self.writer
    }

    /// What reads.
    pub(crate) const fn reader(&self) -> &Pool {
        &self.reader
    }

    /// What opens and closes secrets.
    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    async fn check_secret_key(&self) -> Result<(), StoreError> {
        let name = "seal.check";
        let sealed = self.sealer.seal("settings", name, "value", SEAL_CHECK.as_bytes())?;
        // Of many that open a new database at once, one writes; all compare with what it wrote.
        sql::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(sealed)
            .execute(&self.writer)
            .await?;
        // Through the writer, which is open already; the readers open when somebody lists something.
        let sealed: String = sql::query_scalar("SELECT value FROM settings WHERE name = $1").bind(name).fetch_one(&self.writer).await?;
        self.sealer.open("settings", name, "value", &sealed).map(|_| ()).map_err(|_| StoreError::WrongSecretKey)
    }
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
