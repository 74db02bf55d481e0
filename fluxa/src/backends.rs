//! Where data is kept and shared: from settings to an open store and open counters. The only lines that name an engine.
//!
//! Start reading at [`open_store`].

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use fluxa_domain::time::Micros;
use fluxa_store::shared::redis::{Fault, Link, LinkOptions, LinkTuning, RedisCounters};
use fluxa_store::{Migrate, PostgresOptions, Sealer, SecretKey, Shared, Store, StoreError, StoreOptions, load_or_create_secret_key};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::config::Config;
use crate::config::addresses::redacted;
use crate::config::cluster;

/// Of the connections to Postgres, one in so many writes the ledger; the others read keys, lists and reports.
const LEDGER_SHARE: u32 = 4;

/// Rows that were settled on a server that is lost are in the database after this.
const SECOND_LOOK: Duration = Duration::from_secs(10);

/// The label under which the key that seals kept answers comes from the secret key.
const KEPT_ANSWERS: &str = "fluxa/v1/kept-answers";

/// A start waits so long for Redis: whoever begins while it answers should find its counters at once, and be ready within a second
/// while it does not.
const FIRST_ANSWER: Duration = Duration::from_millis(300);

/// Between two questions to counters that do not answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The secret key: given, or, beside a SQLite file, made.
///
/// # Errors
/// When it is malformed or cannot be kept.
pub fn secret_key(config: &Config) -> Result<SecretKey> {
    let given = config.server.secret_key.as_ref().map(|key| key.expose().as_str());
    Ok(load_or_create_secret_key(&config.database.path, given)?)
}

/// Which database, and how.
#[must_use]
pub fn store_options(config: &Config) -> StoreOptions {
    let Some(url) = &config.database.url else { return StoreOptions::Sqlite { path: config.database.path.clone() } };
    let ledger_connections = (config.database.connections / LEDGER_SHARE).max(1);
    StoreOptions::Postgres(PostgresOptions {
        migrate: match config.database.migrate {
            cluster::Migrate::Auto => Migrate::Apply,
            cluster::Migrate::Require => Migrate::Require,
        },
        ledger_connections,
        admin_connections: config.database.connections.saturating_sub(ledger_connections).max(1),
        ..PostgresOptions::new(url.expose().clone())
    })
}

/// The database as people know it, without a password.
#[must_use]
pub fn database_name(config: &Config) -> String {
    config.database.url.as_ref().map_or_else(|| config.database.path.display().to_string(), |url| redacted(url.expose()))
}

/// Opens the database.
///
/// # Errors
/// When it cannot be reached, is too old, or was made with another secret key.
pub async fn open_store(config: &Config, secret_key: &SecretKey) -> Result<Store, StoreError> {
    Store::open(store_options(config), secret_key.sealer()).await
}

/// Opens the database without asking it anything, for a start while it does not answer: connections are made as they are needed.
///
/// # Errors
/// When its address is wrong.
pub fn open_store_later(config: &Config, secret_key: &SecretKey) -> Result<Store, StoreError> {
    Store::open_later(&store_options(config), secret_key.sealer())
}

/// What is said of a database that cannot be opened.
#[must_use]
pub fn cannot_open(config: &Config) -> String {
    format!("cannot open database {}", database_name(config))
}

/// The way to Redis, where there is one.
///
/// # Errors
/// When its address or password is wrong, when it will not do, and when nobody answers there.
pub async fn open_link(config: &Config) -> Result<Option<Link>> {
    let Some(url) = &config.redis.url else { return Ok(None) };
    connect(config, url.expose()).await.map(Some).map_err(|fault| anyhow!("cannot use {}: {fault}", redacted(url.expose())))
}

async fn connect(config: &Config, url: &str) -> Result<Link, Fault> {
    Link::open_with(LinkOptions { url: url.to_owned() }, tuning(config)).await
}

fn tuning(config: &Config) -> LinkTuning {
    LinkTuning { timeout: config.redis.timeout, ..LinkTuning::default() }
}

/// The same for a process that goes on without it: one that does not answer now is looked for in the background.
async fn link_or_later(config: &Config) -> Result<Option<Link>> {
    let Some(url) = &config.redis.url else { return Ok(None) };
    let url = url.expose();
    let cannot = |fault: Fault| anyhow!("cannot use {}: {fault}", redacted(url));
    let why = match tokio::time::timeout(FIRST_ANSWER, connect(config, url)).await {
        Ok(Ok(link)) => return Ok(Some(link)),
        Ok(Err(Fault::Away(why))) => why,
        Ok(Err(fault @ Fault::Refused(_))) => return Err(cannot(fault)),
        Err(_) => format!("no answer within {} ms", FIRST_ANSWER.as_millis()),
    };
    tracing::warn!("{} does not answer: {why}; starting without it, budgets go by budget.on_store_error until it does", redacted(url));
    Link::open_later(LinkOptions { url: url.to_owned() }, tuning(config)).await.map(Some).map_err(cannot)
}

/// What is shared, and what has to be done for it as long as the process runs.
pub struct Opened {
    /// What is shared.
    pub shared: Shared,
    /// Makes counters cold when another server answers than before; nothing where they are in this process.
    pub follow: Option<BoxFuture<'static, ()>>,
}

/// Opens what is shared between processes; a Redis that does not answer is looked for in the background. `clock` is this process's own,
/// which is compared with the server's.
///
/// # Errors
/// When the address or password of Redis is wrong, and when it will not do.
pub async fn open_shared(config: &Config, secret_key: &SecretKey, clock: fn() -> Micros) -> Result<Opened> {
    Ok(with_link(config, secret_key, clock, link_or_later(config).await?))
}

/// The same for a command that is of no use without Redis.
///
/// # Errors
/// As [`open_link`].
pub async fn open_shared_now(config: &Config, secret_key: &SecretKey, clock: fn() -> Micros) -> Result<Shared> {
    Ok(with_link(config, secret_key, clock, open_link(config).await?).shared)
}

fn with_link(config: &Config, secret_key: &SecretKey, clock: fn() -> Micros, link: Option<Link>) -> Opened {
    let Some(link) = link else { return Opened { shared: Shared::in_memory(), follow: None } };
    let counters = Arc::new(RedisCounters::new(link.clone()).with_clock(clock).with_stream_rows(config.ledger.stream_max));
    let follow = Box::pin(follow(link.server_changes(), Arc::clone(&counters)));
    Opened { shared: Shared::in_redis(link, counters, Sealer::new(secret_key.derive(KEPT_ANSWERS))), follow: Some(follow) }
}

/// A server that takes another's place may have old data: what was counted last is missing there. Rows settled on the lost one are
/// in the database a little later, so the counters are read from there at once and once more.
async fn follow(mut changes: watch::Receiver<u64>, counters: Arc<RedisCounters>) {
    while changes.changed().await.is_ok() {
        tracing::warn!("another server answers for the counters than before: they are read from the ledger anew");
        for pause in [Duration::ZERO, SECOND_LOOK] {
            tokio::time::sleep(pause).await;
            while !counters.new_epoch().await {
                tokio::time::sleep(ASK_AGAIN).await;
            }
        }
    }
}
