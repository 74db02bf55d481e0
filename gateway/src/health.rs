//! What the data plane has learned about providers: circuits, resting keys, load, speed, refused options.
//!
//! All of it is advice and may be lost: it survives changes of the configuration, not a restart.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fluxa_domain::time::Micros;

mod circuits;

pub(crate) use circuits::Blame;
use circuits::Circuits;

/// How long a key rests after a 401 or a 429 that names no time, in seconds.
const KEY_REST_S: i64 = 30;
/// How long it is believed that a model refuses `stream_options`: servers are brought up to date.
const LEARNED_FOR_S: i64 = 3_600;
/// Models a provider of which that is remembered; the names are clients' words, so there is a bound.
const MAX_LEARNED: usize = 1_000;

/// Open circuits that other replicas are told of.
const MAX_TOLD: usize = 64;

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
    /// Calls in flight there, until the last byte of their answers.
    in_flight: AtomicU64,
    /// Somebody chooses by speed, so it is measured.
    measured: AtomicBool,
    /// Microseconds to the first byte by model, smoothed.
    latencies: Mutex<HashMap<String, u64>>,
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
    circuits: Circuits,
    /// By index of the key, and by the model it rests for (`None`: all of them): until when.
    resting: BTreeMap<(usize, Option<String>), Micros>,
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

    /// Circuits that are open here, as other replicas are told: `provider`, or `provider/model`.
    pub(crate) fn tripped(&self, now: Micros) -> Vec<String> {
        let providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        let troubled = providers.iter().filter(|(_, state)| state.troubled.load(Ordering::Relaxed));
        let open = troubled.flat_map(|(name, state)| {
            let open = state.lock().circuits.open(now).iter().map(|(model, _)| model.map(str::to_owned)).collect::<Vec<_>>();
            open.into_iter().map(move |model| model.map_or_else(|| name.clone(), |model| format!("{name}/{model}")))
        });
        open.take(MAX_TOLD).collect()
    }

    /// What other replicas have open: one more failure here is enough then. A hint and no more.
    pub(crate) fn hint<'a>(&self, tripped: impl Iterator<Item = &'a str>) {
        let providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        for told in tripped {
            let (name, model) = match told.split_once('/') {
                Some((name, model)) if !providers.contains_key(told) => (name, Some(model)),
                _ => (told, None),
            };
            if let Some(state) = providers.get(name) {
                state.lock().circuits.hint(model);
                state.troubled.store(true, Ordering::Relaxed);
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
                "state": if inner.circuits.open(now).is_empty() { "closed" } else { "open" },
                "open_circuits": inner.circuits.open(now).iter().map(|(model, keys)| serde_json::json!({ "model": model, "keys": keys })).collect::<Vec<_>>(),
                "in_flight": state.in_flight.load(Ordering::Relaxed),
                "resting_keys": resting,
                "last_error": inner.last_error,
            })
        });
        rows.collect()
    }
}

/// A call in flight at a provider. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Busy(Arc<ProviderState>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A provider's key as it is chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyChoice<'a> {
    /// The shares of the keys.
    pub(crate) weights: &'a [u32],
    /// The model that is asked.
    pub(crate) model: &'a str,
    /// Keys that this call has tried.
    pub(crate) tried: &'a [usize],
    /// A hash of the prompt's beginning, where calls with the same one should meet the same key.
    pub(crate) prefix: Option<u64>,
}

impl ProviderState {
    /// Whether the circuits let a call for `model` through.
    pub(crate) fn allows(&self, now: Micros, model: &str, keys: usize) -> bool {
        !self.troubled.load(Ordering::Relaxed) || self.lock().circuits.allow(now, model, keys)
    }

    /// Takes a place at the provider, unless `most` are taken.
    pub(crate) fn enter(self: &Arc<Self>, most: Option<u32>) -> Option<Busy> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        // Made before the comparison, so that a place refused is given back.
        let busy = Busy(Arc::clone(self));
        most.is_none_or(|most| before < u64::from(most)).then_some(busy)
    }

    /// Calls in flight there.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How fast `model` has answered of late, in microseconds. Being asked makes it measure from now on.
    pub(crate) fn latency_us(&self, model: &str) -> Option<u64> {
        self.measured.store(true, Ordering::Relaxed);
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).get(model).copied()
    }

    /// A call for `model` with this key went well, and its answer began after `ms` milliseconds.
    pub(crate) fn succeeded(&self, model: &str, key: Option<usize>, ms: u64) {
        if self.measured.load(Ordering::Relaxed) {
            let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
            if latencies.len() >= MAX_LEARNED && !latencies.contains_key(model) {
                latencies.clear();
            }
            let now_us = ms.saturating_mul(1_000);
            // A fifth of the newest: a change shows within a few calls, one odd call does not.
            latencies.entry(model.to_owned()).and_modify(|us| *us = (*us / 5).saturating_mul(4) + now_us / 5).or_insert(now_us);
        }
        if self.troubled.load(Ordering::Relaxed) {
            let mut inner = self.lock();
            inner.circuits.succeeded(model, key);
            if inner.resting.is_empty() && inner.circuits.are_spotless() {
                self.troubled.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Counts a failure that says something about the provider (not about the request). `roll` is a random number.
    pub(crate) fn failed(&self, blame: Blame<'_>, now: Micros, roll: u64, why: &str) {
        let mut inner = self.lock();
        inner.circuits.failed(blame, now, roll);
        why.clone_into(&mut inner.last_error);
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// It was asked without a client's call, and answered.
    pub(crate) fn is_there(&self) {
        if self.troubled.load(Ordering::Relaxed) {
            self.lock().circuits.is_there();
        }
    }

    /// Lets one key rest after a 401 (for all models) or a 429 (for the one asked).
    pub(crate) fn rest_key(&self, index: usize, model: Option<&str>, now: Micros, retry_after_ms: Option<u64>) {
        let rest_ms = retry_after_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(KEY_REST_S * 1_000);
        let mut inner = self.lock();
        inner.resting.retain(|_, until| *until > now);
        if inner.resting.len() < MAX_LEARNED {
            inner.resting.insert((index, model.map(str::to_owned)), Micros(now.0.saturating_add(rest_ms.saturating_mul(1_000))));
        }
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// Whether there is a key that this call has not tried and that does not rest.
    pub(crate) fn has_another_key(&self, keys: usize, model: &str, now: Micros, tried: &[usize]) -> bool {
        let inner = self.lock();
        (0..keys).any(|index| !tried.contains(&index) && !inner.rests(index, model, now))
    }

    /// The next key by weighted rotation, or by the prompt's beginning; those that rest or whose circuit is open come last.
    pub(crate) fn choose_key(&self, choice: KeyChoice<'_>, now: Micros) -> Option<usize> {
        let KeyChoice { weights, model, tried, prefix } = choice;
        let order = match weights {
            [] => return None,
            [_] => vec![0],
            _ => {
                let total: u64 = weights.iter().map(|&w| u64::from(w)).sum();
                let turn = prefix.unwrap_or_else(|| self.turn.fetch_add(1, Ordering::Relaxed));
                let mut at = turn % total.max(1);
                let first = weights
                    .iter()
                    .position(|&weight| {
                        let weight = u64::from(weight);
                        let hit = at < weight;
                        at = at.saturating_sub(weight);
                        hit
                    })
                    .unwrap_or(0);
                (0..weights.len()).map(|step| (first + step) % weights.len()).collect()
            }
        };
        let mut order = order.into_iter().filter(|index| !tried.contains(index));
        if !self.troubled.load(Ordering::Relaxed) {
            return order.next();
        }
        let mut inner = self.lock();
        inner.resting.retain(|_, until| *until > now);
        let order: Vec<usize> = order.collect();
        let fit = |index: &usize| !inner.rests(*index, model, now) && !inner.circuits.refuses_key(now, model, *index);
        let chosen = order.iter().copied().find(fit).or_else(|| order.first().copied());
        if let Some(key) = chosen {
            inner.circuits.chose_key(now, model, key);
        }
        chosen
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
            inner.circuits.forget_keys();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn rests(&self, index: usize, model: &str, now: Micros) -> bool {
        self.resting.iter().any(|((key, of), until)| *key == index && of.as_deref().is_none_or(|of| of == model) && *until > now)
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
        assert!(state.has_another_key(3, "m", NOW, &[0]));
        for key in 0..3 {
            state.rest_key(key, None, NOW, None);
        }
        assert!(!state.has_another_key(3, "m", NOW, &[0]));
        assert!(state.has_another_key(3, "m", NOW.plus_seconds(KEY_REST_S), &[0]));
        health.keep(|_| true, &[Changed { name: "p", keys: true }]);
        assert!(state.has_another_key(3, "m", NOW, &[0]));
    }

    #[test]
    fn providers_that_are_gone_are_forgotten() {
        let health = Health::default();
        health.provider("a").failed(Blame::Provider, NOW, 0, "x");
        health.provider("b");
        health.keep(|name| name == "b", &[]);
        assert_eq!(health.report(NOW).as_array().map(Vec::len), Some(1));
    }
}
