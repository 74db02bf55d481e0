//! Who asks: virtual keys, looked up in a bounded cache with the store behind it.

use std::sync::Arc;
use std::time::Duration;

use fluxa_domain::key::{KeyAccess, hash, public_id};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::time::Micros;
use fluxa_store::Store;
use moka::sync::Cache;
use subtle::ConstantTimeEq;

/// Keys kept in memory: the ones in use, not all there are.
const MAX_CACHED: u64 = 20_000;
/// Unknown ids kept, so that made-up keys do not reach the store each time.
const MAX_UNKNOWN: u64 = 10_000;
/// How long an id counts as unknown. A new key announces itself, so this is only a bound.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// The cache of keys.
#[derive(Debug)]
pub(crate) struct Keys {
    known: Cache<String, Arc<KeyAccess>>,
    unknown: Cache<String, ()>,
    pepper: [u8; 32],
}

impl Keys {
    pub(crate) fn new(pepper: [u8; 32]) -> Self {
        Self {
            known: Cache::new(MAX_CACHED),
            unknown: Cache::builder().max_capacity(MAX_UNKNOWN).time_to_live(UNKNOWN_FOR).build(),
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
        let stranger = || Refusal::new(RefusalKind::InvalidApiKey, "this API key is not valid here: use a virtual key (vk-…) of this gateway");
        let id = public_id(token).ok_or_else(stranger)?;
        let access = match self.known.get(id) {
            Some(access) => access,
            None if self.unknown.contains_key(id) => return Err(stranger()),
            None => match store.key_access(id).await {
                Ok(Some(access)) => {
                    let access = Arc::new(access);
                    self.known.insert(id.to_owned(), Arc::clone(&access));
                    access
                }
                Ok(None) => {
                    self.unknown.insert(id.to_owned(), ());
                    return Err(stranger());
                }
                Err(error) => {
                    tracing::error!(%error, "cannot look up a key");
                    return Err(Refusal::new(RefusalKind::BudgetStoreUnavailable, "keys cannot be looked up at the moment").retry_after(1));
                }
            },
        };
        let given = hash(&self.pepper, token);
        let opens = access.doors.iter().any(|door| {
            let same: bool = door.hash.ct_eq(&given).into();
            same && door.until.is_none_or(|until| now < until)
        });
        if opens { Ok(access) } else { Err(stranger()) }
    }

    /// Forgets what is known about these ids, so that a change is seen by the next call.
    pub(crate) fn forget(&self, ids: &[String]) {
        for id in ids {
            self.known.invalidate(id);
            self.unknown.invalidate(id);
        }
    }

    /// Forgets everything: the way out when a notice may have been lost.
    pub(crate) fn forget_all(&self) {
        self.known.invalidate_all();
        self.unknown.invalidate_all();
    }
}
