//! What the data plane has learned about providers: breakers, resting keys, refused options.
//!
//! All of it is advice and may be lost: it survives changes of the configuration, not a restart.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fluxa_domain::breaker::Breaker;
use fluxa_domain::time::Micros;

/// How long a key rests after a 401 or a 429 that names no time, in seconds.
const KEY_REST_S: i64 = 30;
/// How long it is believed that a model refuses `stream_options`: servers are brought up to date.
const LEARNED_FOR_S: i64 = 3_600;
/// Models a provider of which that is remembered; the names are clients' words, so there is a bound.
const MAX_LEARNED: usize = 1_000;

/// The state of every provider, by name.
#[derive(Debug, Default)]
pub(crate) struct Health {
    providers: Mutex<BTreeMap<String, Arc<ProviderState>>>,
}

/// The state of one provider.
#[derive(Debug, Default)]
pub(crate) struct ProviderState {
    /// Nothing is wrong: the hot path reads this and nothing else.
    troubled: AtomicBool,
    inner: Mutex<Inner>,
    turn: AtomicU64,
    /// Some model is in `Inner::no_stream_options`.
    refuses_stream_options: AtomicBool,
}

/// A provider with a new configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changed<'a> {
    pub(crate) name: &'a str,
    /// Its keys are others: what was known of the old ones is nothing.
    pub(crate) keys: bool,
}

#[derive(Debug, Default)]
struct Inner {
    breaker: Breaker,
    /// By index of the key: until when it rests.
    resting: BTreeMap<usize, Micros>,
    last_error: String,
    /// Models that refused `stream_options`, and until when that is believed.
    no_stream_options: BTreeMap<String, Micros>,
}

impl Health {
    pub(crate) fn provider(&self, name: &str) -> Arc<ProviderState> {
        let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(providers.entry(name.to_owned()).or_default())
    }

    /// Forgets providers that are gone, and what was learned of those that were `changed`.
    pub(crate) fn keep(&self, stays: impl Fn(&str) -> bool, changed: &[Changed<'_>]) {
        let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        providers.retain(|name, _| stays(name));
        for Changed { name, keys } in changed {
            if let Some(state) = providers.get(*name) {
                state.changed(*keys);
            }
        }
    }

    /// A report for people: provider, whether it gets calls, resting keys, its last error.
    pub(crate) fn report(&self, now: Micros) -> serde_json::Value {
        let providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = providers.iter().map(|(name, state)| {
            let inner = state.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let resting = inner.resting.values().filter(|until| **until > now).count();
            serde_json::json!({
                "provider": name,
                "state": if inner.breaker.clone().allows(now) { "closed" } else { "open" },
                "resting_keys": resting,
                "last_error": inner.last_error,
            })
        });
        rows.collect()
    }
}

impl ProviderState {
    /// Whether the breaker lets a call through.
    pub(crate) fn allows(&self, now: Micros) -> bool {
        !self.troubled.load(Ordering::Relaxed) || self.lock().breaker.allows(now)
    }

    pub(crate) fn succeeded(&self) {
        if self.troubled.load(Ordering::Relaxed) {
            let mut inner = self.lock();
            inner.breaker.on_success();
            if inner.resting.is_empty() {
                self.troubled.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Counts a failure that says something about the provider (not about the request).
    pub(crate) fn failed(&self, now: Micros, why: &str) {
        let mut inner = self.lock();
        inner.breaker.on_failure(now);
        why.clone_into(&mut inner.last_error);
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// Lets one key rest after a 401 or a 429.
    pub(crate) fn rest_key(&self, index: usize, now: Micros, retry_after_ms: Option<u64>) {
        let rest_ms = retry_after_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(KEY_REST_S * 1_000);
        let mut inner = self.lock();
        inner.resting.insert(index, Micros(now.0.saturating_add(rest_ms.saturating_mul(1_000))));
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// Whether there is a key that this call has not tried and that does not rest.
    pub(crate) fn has_another_key(&self, keys: usize, now: Micros, tried: &[usize]) -> bool {
        let inner = self.lock();
        (0..keys).any(|index| !tried.contains(&index) && inner.resting.get(&index).is_none_or(|until| *until <= now))
    }

    /// The next key by weighted rotation, resting ones last; `skip` are those this call has tried.
    pub(crate) fn choose_key(&self, weights: &[u32], now: Micros, skip: &[usize]) -> Option<usize> {
        match weights {
            [] => None,
            [_] => (!skip.contains(&0)).then_some(0),
            _ => {
                let total: u64 = weights.iter().map(|&w| u64::from(w)).sum();
                let mut at = self.turn.fetch_add(1, Ordering::Relaxed) % total.max(1);
                let first = weights
                    .iter()
                    .position(|&weight| {
                        let weight = u64::from(weight);
                        let hit = at < weight;
                        at = at.saturating_sub(weight);
                        hit
                    })
                    .unwrap_or(0);
                let order = (0..weights.len()).map(|step| (first + step) % weights.len()).filter(|index| !skip.contains(index));
                if !self.troubled.load(Ordering::Relaxed) {
                    return order.into_iter().next();
                }
                let mut inner = self.lock();
                inner.resting.retain(|_, until| *until > now);
                let order: Vec<usize> = order.collect();
                order.iter().copied().find(|index| !inner.resting.contains_key(index)).or_else(|| order.first().copied())
            }
        }
    }

    /// Remembers that a model refuses `stream_options`: it answered when asked without.
    pub(crate) fn learn_no_stream_options(&self, model: &str, now: Micros) {
        let mut inner = self.lock();
        if inner.no_stream_options.len() >= MAX_LEARNED {
            inner.no_stream_options.clear();
        }
        inner.no_stream_options.insert(model.to_owned(), now.plus_seconds(LEARNED_FOR_S));
        self.refuses_stream_options.store(true, Ordering::Relaxed);
    }

    pub(crate) fn refuses_stream_options(&self, model: &str, now: Micros) -> bool {
        if !self.refuses_stream_options.load(Ordering::Relaxed) {
            return false;
        }
        let mut inner = self.lock();
        inner.no_stream_options.retain(|_, until| now < *until);
        self.refuses_stream_options.store(!inner.no_stream_options.is_empty(), Ordering::Relaxed);
        inner.no_stream_options.contains_key(model)
    }

    /// The operator has changed the provider: what was learned of it may be wrong now.
    fn changed(&self, keys: bool) {
        let mut inner = self.lock();
        inner.no_stream_options.clear();
        self.refuses_stream_options.store(false, Ordering::Relaxed);
        if keys {
            inner.resting.clear();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_000_000_000);

    #[test]
    fn refused_options_are_known_by_model_and_for_an_hour() {
        let health = Health::default();
        let state = health.provider("p");
        state.learn_no_stream_options("old", NOW);
        assert!(state.refuses_stream_options("old", NOW));
        assert!(!state.refuses_stream_options("new", NOW));
        assert!(!state.refuses_stream_options("old", NOW.plus_seconds(LEARNED_FOR_S)));
        state.learn_no_stream_options("old", NOW);
        health.keep(|_| true, &[Changed { name: "p", keys: false }]);
        assert!(!state.refuses_stream_options("old", NOW));
    }

    #[test]
    fn resting_keys_are_not_tried_one_after_another() {
        let health = Health::default();
        let state = health.provider("p");
        assert!(state.has_another_key(3, NOW, &[0]));
        for key in 0..3 {
            state.rest_key(key, NOW, None);
        }
        assert!(!state.has_another_key(3, NOW, &[0]));
        assert!(state.has_another_key(3, NOW.plus_seconds(KEY_REST_S), &[0]));
        health.keep(|_| true, &[Changed { name: "p", keys: true }]);
        assert!(state.has_another_key(3, NOW, &[0]));
    }

    #[test]
    fn providers_that_are_gone_are_forgotten() {
        let health = Health::default();
        health.provider("a").failed(NOW, "x");
        health.provider("b");
        health.keep(|name| name == "b", &[]);
        assert_eq!(health.report(NOW).as_array().map(Vec::len), Some(1));
    }
}
