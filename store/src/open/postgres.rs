//! A server: a pool for the ledger, so that a slow list never keeps rows waiting, and one for everything else.
//!
//! Nothing here needs a session of its own, so a pooler that follows named statements may stand between (PgBouncer in session mode,
//! or from 1.21 on in transaction mode with `max_prepared_statements`). Under transaction pooling the statement timeout belongs to
//! the role (`ALTER ROLE … SET statement_timeout`), since connections of the server are shared.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use super::options::{Migrate, PostgresOptions};
use super::schema::{self, Engine};
use crate::error::StoreError;
use crate::sql::Pool;

/// How long a query waits for a connection: rows wait in their queue and people ask again, so nobody should wait long here.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// What an answer may take beyond the server's own timeout, before the way to the server is held to be cut.
const GRACE: Duration = Duration::from_secs(2);

/// The lock under which schema and partitions are changed: any number that is nobody else's.
pub(crate) const SCHEMA_LOCK: i64 = 0x666c_7578_6100;

/// A row whose `append` has returned is on the disk, even where the server's owner prefers speed. Stronger wishes stay as they are.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off'";

/// The pools of the ledger and of the rest.
pub(super) async fn open(options: &PostgresOptions) -> Result<(Pool, Pool), StoreError> {
    let connect = connect_options(options.url.expose())?;
    match options.migrate {
        Migrate::Apply => migrate(options.url.expose()).await,
        Migrate::Require => require(&connect).await,
    }
    .map_err(StoreError::or_pooler)?;
    let (ledger, admin) = pools(options, &connect);
    // A wrong password is told now.
    drop(admin.acquire().await?);
    Ok(as_pools(options, ledger, admin))
}

/// The same without asking the server anything.
pub(super) fn open_later(options: &PostgresOptions) -> Result<(Pool, Pool), StoreError> {
    let (ledger, admin) = pools(options, &connect_options(options.url.expose())?);
    Ok(as_pools(options, ledger, admin))
}

fn as_pools(options: &PostgresOptions, ledger: PgPool, admin: PgPool) -> (Pool, Pool) {
    let limit = options.statement_timeout + ACQUIRE_TIMEOUT + GRACE;
    (Pool::Postgres(ledger, limit), Pool::Postgres(admin, limit))
}

fn pools(options: &PostgresOptions, connect: &PgConnectOptions) -> (PgPool, PgPool) {
    let settings = format!("SET statement_timeout = {}; {DURABLE}", options.statement_timeout.as_millis());
    let pool = |most: u32| {
        PgPoolOptions::new().max_connections(most.max(1)).acquire_timeout(ACQUIRE_TIMEOUT).after_connect({
            let settings = settings.clone();
            move |connection, _| {
                let settings = AssertSqlSafe(settings.clone());
                Box::pin(async move { connection.execute(settings).await.map(|_| ()) })
            }
        })
    };
    let lazy = |most: u32| pool(most).connect_lazy_with(connect.clone());
    (lazy(options.ledger_connections), lazy(options.admin_connections))
}

/// Brings the schema up to date, all of it or nothing, in one transaction under a lock that ends with it.
pub(super) async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = connect_options(url)?.connect().await?;
    let mut tx = connection.begin().await?;
    // A migration takes the time it needs, and so does waiting for another process's.
    tx.execute("SET LOCAL statement_timeout = 0").await?;
    tx.execute(DURABLE).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(SCHEMA_LOCK).execute(&mut *tx).await?;
    let mut migrations = schema::migrations(Engine::Postgres);
    // Newer code may have been here: migrations only add, so this code runs beside the newer schema.
    migrations.set_ignore_missing(true).set_locking(false);
    migrations.run_direct(None, &mut *tx, false).await?;
    tx.commit().await?;
    connection.close().await?;
    Ok(())
}

/// Refuses a schema that is older than this code.
async fn require(connect: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = connect.connect().await?;
    let found = version(&mut connection).await?;
    connection.close().await?;
    let needed = schema::newest();
    if found < needed { Err(StoreError::OldSchema { found, needed }) } else { Ok(()) }
}

pub(super) async fn version(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *connection).await?;
    if !there {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success").fetch_one(connection).await
}

pub(super) fn connect_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    Ok(PgConnectOptions::from_str(url)?.application_name("fluxa").disable_statement_logging())
}
