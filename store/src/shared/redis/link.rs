//! The way to Redis: one multiplexed connection, short timeouts, and an error for everything else.
//!
//! The invariant: no call here takes longer than the timeout. Never done here: what a command means.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, Value};

/// Commands answer in well under a millisecond; what takes longer than this is not waited for.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(50);

/// Where Redis is.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// `redis://`, `rediss://`, `redis+sentinel://`, `redis+cluster://`.
    pub url: String,
}

/// Why a command was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It may or may not have been carried out: no connection, no answer in time, a server that cannot serve now.
    #[error("{0}")]
    Away(String),
    /// The server refused it, and will again.
    #[error("{0}")]
    Refused(String),
}

/// A Lua script, known to the server by its hash.
#[derive(Debug)]
pub struct Script {
    script: redis::Script,
}

impl Script {
    /// A script from its text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { script: redis::Script::new(text) }
    }
}

/// The way to Redis. Cheap to clone.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    manager: ConnectionManager,
    commands: AtomicU64,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// [`Fault`], when the address is wrong or nobody answers there.
    pub async fn open(options: LinkOptions) -> Result<Self, Fault> {
        let client = redis::Client::open(options.url).map_err(|error| fault(&error))?;
        let config = ConnectionManagerConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        let manager = ConnectionManager::new_with_config(client, config).await.map_err(|error| fault(&error))?;
        Ok(Self { inner: Arc::new(Inner { manager, commands: AtomicU64::new(0) }) })
    }

    /// Runs a script, whose keys all have one hash tag: one round trip.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn script(&self, script: &Script, keys: &[&str], arguments: &[&[u8]]) -> Result<Value, Fault> {
        let mut invocation = script.script.prepare_invoke();
        for key in keys {
            invocation.key(*key);
        }
        for argument in arguments {
            invocation.arg(*argument);
        }
        self.inner.commands.fetch_add(1, Ordering::Relaxed);
        invocation.invoke_async(&mut self.inner.manager.clone()).await.map_err(|error| fault(&error))
    }

    /// Runs a command.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn command(&self, command: &Cmd) -> Result<Value, Fault> {
        self.inner.commands.fetch_add(1, Ordering::Relaxed);
        command.query_async(&mut self.inner.manager.clone()).await.map_err(|error| fault(&error))
    }

    /// Why commands are not sent at the moment; `None` when they are.
    #[must_use]
    pub fn away(&self) -> Option<String> {
        None
    }

    /// Commands sent since the start; a script is one.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.inner.commands.load(Ordering::Relaxed)
    }
}

fn fault(error: &redis::RedisError) -> Fault {
    Fault::Away(error.to_string())
}
