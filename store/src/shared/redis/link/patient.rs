//! Commands that may take seconds, on connections of their own: what is fast never waits behind them.
//!
//! A pool, since each of these occupies its connection; `deadpool-redis` pings before it lends one, which only matters where a round trip does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_redis::{Manager, Pool, Runtime};
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Cmd, Value};
use tokio::sync::OnceCell;

use super::dial::{CONNECT_TIMEOUT, Dial, Place, late};
use super::fault::{self, Fault, Sense};

/// People and background work wait for so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Such commands that run at a time.
const CONNECTIONS: usize = 4;

/// The slow way.
pub(super) struct Patient {
    dial: Arc<Dial>,
    pool: Mutex<Option<(Place, Pool)>>,
    cluster: OnceCell<ClusterConnection>,
}

impl Patient {
    pub(super) fn new(dial: Arc<Dial>) -> Self {
        Self { dial, pool: Mutex::new(None), cluster: OnceCell::new() }
    }

    pub(super) async fn run(&self, command: &Cmd) -> Result<Value, (Sense, Fault)> {
        let away = |fault| (Sense::Busy, fault);
        let answer = tokio::time::timeout(PATIENCE, async {
            if self.dial.is_cluster() {
                let cluster = self.cluster.get_or_try_init(|| self.dial.cluster(PATIENCE)).await.map_err(away)?;
                return command.query_async(&mut cluster.clone()).await.map_err(|error| judged(&error));
            }
            let pool = self.pool().await.map_err(away)?;
            let mut connection = pool.get().await.map_err(|error| match error {
                deadpool_redis::PoolError::Backend(error) => judged(&error),
                other => away(Fault::Away(format!("no connection for a slow command: {other}"))),
            })?;
            command.query_async(&mut connection).await.map_err(|error| judged(&error))
        });
        answer.await.unwrap_or_else(|_| Err(away(late(PATIENCE))))
    }

    /// The pool to the server that is the right one now.
    async fn pool(&self) -> Result<Pool, Fault> {
        let (place, client) = self.dial.client().await?;
        let mut kept = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, pool)) = kept.as_ref()
            && *at == place
        {
            return Ok(pool.clone());
        }
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIMEOUT)).set_response_timeout(Some(PATIENCE));
        let manager = Manager::new_with_config(client.get_connection_info().clone(), config).map_err(|error| Fault::of(&error))?;
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Fault::Refused(format!("no pool for slow commands: {error}")))?;
        *kept = Some((place, pool.clone()));
        Ok(pool)
    }
}

fn judged(error: &redis::RedisError) -> (Sense, Fault) {
    let (sense, code) = fault::read(error);
    (sense, Fault::with(sense, &code, error))
}
