//! Who asks: virtual keys, looked up in a bounded cache with the store behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fluxa_domain::key::{KeyAccess, hash, public_id};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::time::Micros;
use fluxa_store::Store;
use moka::sync::Cache;
use subtle::ConstantTimeEq;

/// Keys kept in memory: the ones in use, not all there are.
const MAX_CACHED: u64 = 20_000;
/// How long a key is believed without asking the store. A change announces itself, so this is only a second bound.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// Unknown ids kept, so that made-up keys do not reach the store each time.
const MAX_UNKNOWN: u64 = 10_000;
/// How long an id counts as unknown. A new key announces itself, so this is only a bound.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// The cache of keys.
#[derive(Debug)]
pub(crate) struct Keys {
    known: Cache<String, Arc<KeyAccess>>,
    unknown: Cache<String, ()>,
    /// Counts what was forgotten: a row read from the store before that is not kept.
    epoch: AtomicU64,
    pepper: [u8; 32],
}

impl Keys {
    pub(crate) fn new(pepper: [u8; 32]) -> Self {
        Self {
            known: Cache::builder().max_capacity(MAX_CACHED).time_to_live(KNOWN_FOR).build(),
            unknown: Cache::builder().max_capacity(MAX_UNKNOWN).time_to_live(UNKNOWN_FOR).build(),
            epoch: AtomicU64::new(0),
            pepper,
        }
    }

    /// The key that `token` opens.
    ///
    /// Every failure is the same 401: a stranger learns nothing about which keys exist.
    pub(crate) async fn identify(&self, store: &Store, token: Option<&str>, now: Micros) -> Result<Arc<KeyAccess>, Refusal> {
        let Some(token) = token else {
            return Err(Refusal::new(
                RefusalKind::InvalidApiKey,
                "no API key: send a virtual key (vk-…) as `Authorization: Bearer` or `x-api-key`",
            ));
        };
        let stranger =
            || Refusal::new(RefusalKind::InvalidApiKey, "this API key is not valid here: use a virtual key (vk-…) of this gateway");
        let id = public_id(token).ok_or_else(stranger)?;
        let access = match self.known.get(id) {
            Some(access) => access,
            None if self.unknown.contains_key(id) => return Err(stranger()),
            None => self.look_up(store, id).await?.ok_or_else(stranger)?,
        };
        let given = hash(&self.pepper, token);
        let opens = access.doors.iter().any(|door| {
            let same: bool = door.hash.ct_eq(&given).into();
            same && door.until.is_none_or(|until| now < until)
        });
        if opens { Ok(access) } else { Err(stranger()) }
    }

    async fn look_up(&self, store: &Store, id: &str) -> Result<Option<Arc<KeyAccess>>, Refusal> {
        let before = self.epoch.load(Ordering::SeqCst);
        let found = store.key_access(id).await.map_err(|error| {
            tracing::error!(%error, "cannot look up a key");
            Refusal::new(RefusalKind::BudgetStoreUnavailable, "keys cannot be looked up at the moment").retry_after(1)
        })?;
        let access = found.map(Arc::new);
        match &access {
            Some(access) => self.known.insert(id.to_owned(), Arc::clone(access)),
            None => self.unknown.insert(id.to_owned(), ()),
        }
        // Looked at after the insertion: whoever forgets counts first and invalidates then, so one of the two sees the other.
        if self.epoch.load(Ordering::SeqCst) != before {
            self.known.invalidate(id);
            self.unknown.invalidate(id);
        }
        Ok(access)
    }

    /// All that are in memory.
    pub(crate) fn known(&self) -> Vec<Arc<KeyAccess>> {
        self.known.iter().map(|(_, access)| access).collect()
    }

    /// Takes keys from another source than the store, which cannot be asked.
    pub(crate) fn remember(&self, keys: Vec<KeyAccess>) {
        for access in keys {
            self.known.insert(access.key.id.clone(), Arc::new(access));
        }
    }

    /// Forgets what is known about these ids, so that a change is seen by the next call.
    pub(crate) fn forget(&self, ids: &[String]) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        for id in ids {
            self.known.invalidate(id);
            self.unknown.invalidate(id);
        }
    }

    /// Forgets everything: the way out when a notice may have been lost.
    pub(crate) fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate_all();
        self.unknown.invalidate_all();
    }
}
