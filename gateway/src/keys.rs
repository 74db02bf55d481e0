//! Who asks: virtual keys, looked up in a bounded cache with the store behind it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxa_domain::change::Revision;
use fluxa_domain::key::{KeyAccess, hash, public_id};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::time::Micros;
use fluxa_store::{Store, StoreError};
use moka::sync::Cache;
use subtle::ConstantTimeEq;
use tokio::time::Instant;

/// Keys kept in memory: the ones in use, not all there are.
const MAX_CACHED: u64 = 20_000;
/// How long a key is believed without asking the store. A change announces itself, so this is only a second bound.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// A key whose row cannot be read again stays good for so long: the store may be away for hours.
const KEPT_FOR: Duration = Duration::from_hours(24);
/// While the store does not answer, it is asked again about a known key after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A known key does not wait longer than this for a store that does not answer.
const REFRESH_TIMEOUT: Duration = Duration::from_millis(500);
/// Unknown ids kept, so that made-up keys do not reach the store each time.
const MAX_UNKNOWN: u64 = 10_000;
/// How long an id counts as unknown. A new key announces itself, so this is only a bound.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// The cache of keys.
#[derive(Debug)]
pub(crate) struct Keys {
    known: Cache<String, Arc<Known>>,
    unknown: Cache<String, ()>,
    /// Counts what was forgotten: a row read from the store before that is not kept.
    epoch: AtomicU64,
    pepper: [u8; 32],
}

/// A key as the store had it.
#[derive(Debug)]
struct Known {
    access: Arc<KeyAccess>,
    /// The configuration that the store had when it gave the key: the teams and limits that the key came with are in it.
    revision: Revision,
    /// When it is to be read again. One call does so; the others go on with what is known.
    due: Mutex<Instant>,
}

impl Known {
    fn new(access: Arc<KeyAccess>, revision: Revision) -> Self {
        Self { access, revision, due: Mutex::new(Instant::now() + KNOWN_FOR) }
    }

    /// Whether this call is the one that reads the key again.
    fn is_due(&self) -> bool {
        let now = Instant::now();
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = *due <= now;
        if is_due {
            *due = now + ASK_AGAIN;
        }
        is_due
    }
}

impl Keys {
    pub(crate) fn new(pepper: [u8; 32]) -> Self {
        Self {
            known: Cache::builder().max_capacity(MAX_CACHED).time_to_live(KEPT_FOR).build(),
            unknown: Cache::builder().max_capacity(MAX_UNKNOWN).time_to_live(UNKNOWN_FOR).build(),
            epoch: AtomicU64::new(0),
            pepper,
        }
    }

    /// The key that `token` opens, and the configuration that it needs at least.
    ///
    /// Every failure is the same 401: a stranger learns nothing about which keys exist.
    pub(crate) async fn identify(&self, store: &Store, token: Option<&str>, now: Micros) -> Result<(Arc<KeyAccess>, Revision), Refusal> {
        let Some(token) = token else {
            return Err(Refusal::new(
                RefusalKind::InvalidApiKey,
                "no API key: send a virtual key (vk-…) as `Authorization: Bearer` or `x-api-key`",
            ));
        };
        let stranger =
            || Refusal::new(RefusalKind::InvalidApiKey, "this API key is not valid here: use a virtual key (vk-…) of this gateway");
        let id = public_id(token).ok_or_else(stranger)?;
        let found = match self.known.get(id) {
            Some(known) if known.is_due() => self.again(store, id, &known).await.ok_or_else(stranger)?,
            Some(known) => known,
            None if self.unknown.contains_key(id) => return Err(stranger()),
            None => self.look_up(store, id).await?.ok_or_else(stranger)?,
        };
        let given = hash(&self.pepper, token);
        let opens = found.access.doors.iter().any(|door| {
            let same: bool = door.hash.ct_eq(&given).into();
            same && door.until.is_none_or(|until| now < until)
        });
        if opens { Ok((Arc::clone(&found.access), found.revision)) } else { Err(stranger()) }
    }

    /// Reads a key again that has been known for a while. What cannot be read stays as it was.
    async fn again(&self, store: &Store, id: &str, known: &Arc<Known>) -> Option<Arc<Known>> {
        match tokio::time::timeout(REFRESH_TIMEOUT, self.read(store, id)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a known key cannot be read again; it stays in force as it was");
                Some(Arc::clone(known))
            }
            Err(_) => Some(Arc::clone(known)),
        }
    }

    async fn look_up(&self, store: &Store, id: &str) -> Result<Option<Arc<Known>>, Refusal> {
        self.read(store, id).await.map_err(|error| {
            tracing::error!(%error, "cannot look up a key");
            Refusal::new(RefusalKind::BudgetStoreUnavailable, "keys cannot be looked up at the moment").retry_after(1)
        })
    }

    async fn read(&self, store: &Store, id: &str) -> Result<Option<Arc<Known>>, StoreError> {
        let before = self.epoch.load(Ordering::SeqCst);
        let found = match store.key_access(id).await? {
            // Asked after the key: whatever was committed before it is in this configuration.
            Some(access) => Some(Arc::new(Known::new(Arc::new(access), store.revision().await?))),
            None => None,
        };
        match &found {
            Some(known) => self.known.insert(id.to_owned(), Arc::clone(known)),
            None => {
                self.known.invalidate(id);
                self.unknown.insert(id.to_owned(), ());
            }
        }
        // Looked at after the insertion: whoever forgets counts first and invalidates then, so one of the two sees the other.
        if self.epoch.load(Ordering::SeqCst) != before {
            self.known.invalidate(id);
            self.unknown.invalidate(id);
        }
        Ok(found)
    }

    /// A key, if it is in memory.
    pub(crate) fn peek(&self, id: &str) -> Option<Arc<KeyAccess>> {
        self.known.get(id).map(|known| Arc::clone(&known.access))
    }

    /// All that are in memory.
    pub(crate) fn known(&self) -> Vec<Arc<KeyAccess>> {
        self.known.iter().map(|(_, known)| Arc::clone(&known.access)).collect()
    }

    /// Takes keys from another source than the store, which cannot be asked.
    pub(crate) fn remember(&self, keys: Vec<KeyAccess>) {
        for access in keys {
            let known = Known::new(Arc::new(access), Revision::default());
            self.known.insert(known.access.key.id.clone(), Arc::new(known));
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

    /// Any key may have changed, because a notice may have been lost: each is read again before it is next believed, but one that cannot be
    /// read stays good.
    pub(crate) fn doubt_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        let now = Instant::now();
        for (_, known) in &self.known {
            *known.due.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
        self.unknown.invalidate_all();
    }

    /// Forgets everything: what the store has now is other than what was known.
    pub(crate) fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate_all();
        self.unknown.invalidate_all();
    }
}

#[cfg(test)]
mod tests;
