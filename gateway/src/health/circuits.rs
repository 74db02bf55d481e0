//! The circuits of one provider: one for the provider as a whole, one for each model and key that has failed.
//!
//! Nobody there (no answer at all) is held against the provider; a bad answer against the model and the key that got it.
//! What a client can bring about is held against nobody; the caller decides that.

use std::collections::{BTreeMap, BTreeSet};

use fluxa_domain::breaker::Breaker;
use fluxa_domain::time::Micros;

/// Models and keys of one provider of which something is remembered; the names of models are clients' words.
const MOST: usize = 1_000;

/// What is to blame for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame<'a> {
    /// Nobody answered: the provider as a whole.
    Provider,
    /// The answer was bad: this model, asked with this key.
    Target {
        /// The model asked.
        model: &'a str,
        /// The key's index; `None` where the provider has none.
        key: Option<usize>,
    },
}

/// A provider's circuits.
#[derive(Debug, Default)]
pub(crate) struct Circuits {
    whole: Breaker,
    /// Models that other replicas have trouble with.
    hinted: BTreeSet<String>,
    /// Only those that have failed since their last success, by model and key.
    parts: BTreeMap<String, BTreeMap<Option<usize>, Breaker>>,
}

impl Circuits {
    /// Whether the provider may be asked for `model` at all, with one of `keys` keys. Saying yes may make the call the probe.
    pub(crate) fn allow(&mut self, now: Micros, model: &str, keys: usize) -> bool {
        let open = match self.parts.get(model) {
            None => false,
            Some(parts) if keys == 0 => parts.get(&None).is_some_and(|part| part.refuses(now)),
            Some(parts) => (0..keys).all(|key| parts.get(&Some(key)).is_some_and(|part| part.refuses(now))),
        };
        if open || !self.whole.allows(now) {
            return false;
        }
        // A call without a key chooses none, so it is the probe here.
        if keys == 0
            && let Some(part) = self.parts.get_mut(model).and_then(|parts| parts.get_mut(&None))
        {
            return part.allows(now);
        }
        true
    }

    /// Whether the circuit of this key is open for `model`; asking changes nothing.
    pub(crate) fn refuses_key(&self, now: Micros, model: &str, key: usize) -> bool {
        self.parts.get(model).and_then(|parts| parts.get(&Some(key))).is_some_and(|part| part.refuses(now))
    }

    /// This key was chosen for `model`: if its circuit was open, the call is its probe.
    pub(crate) fn chose_key(&mut self, now: Micros, model: &str, key: usize) {
        if let Some(part) = self.parts.get_mut(model).and_then(|parts| parts.get_mut(&Some(key))) {
            part.allows(now);
        }
    }

    pub(crate) fn succeeded(&mut self, model: &str, key: Option<usize>) {
        self.whole.on_success();
        self.hinted.remove(model);
        if let Some(parts) = self.parts.get_mut(model) {
            parts.remove(&key);
            if parts.is_empty() {
                self.parts.remove(model);
            }
        }
    }

    pub(crate) fn failed(&mut self, blame: Blame<'_>, now: Micros, roll: u64) {
        match blame {
            Blame::Provider => self.whole.on_failure(now, roll),
            Blame::Target { model, key } => {
                if self.parts.len() >= MOST && !self.parts.contains_key(model) {
                    self.parts.retain(|_, parts| parts.values().any(Breaker::is_open));
                }
                // With as many open circuits as that, it is the provider.
                if self.parts.len() >= MOST && !self.parts.contains_key(model) {
                    return self.whole.on_failure(now, roll);
                }
                let part = self.parts.entry(model.to_owned()).or_default().entry(key).or_default();
                if self.hinted.remove(model) {
                    part.on_hint();
                }
                part.on_failure(now, roll);
            }
        }
    }

    /// A probe without a client found the provider well: nobody there is no reason any more.
    pub(crate) const fn is_there(&mut self) {
        self.whole.on_success();
    }

    /// Other replicas have this open: nothing for the provider as a whole.
    pub(crate) fn hint(&mut self, model: Option<&str>) {
        match model {
            None => self.whole.on_hint(),
            Some(model) if self.hinted.len() < MOST => {
                self.hinted.insert(model.to_owned());
            }
            Some(_) => {}
        }
    }

    /// The keys are others.
    pub(crate) fn forget_keys(&mut self) {
        self.parts.clear();
    }

    pub(crate) fn are_spotless(&self) -> bool {
        self.whole.is_spotless() && self.parts.is_empty() && self.hinted.is_empty()
    }

    /// What is open: nothing for the provider as a whole, or a model with the number of its keys that are.
    pub(crate) fn open(&self, now: Micros) -> Vec<(Option<&str>, usize)> {
        let whole = self.whole.refuses(now).then_some((None, 0));
        let parts = self.parts.iter().filter_map(|(model, parts)| {
            let open = parts.values().filter(|part| part.refuses(now)).count();
            (open > 0).then_some((Some(model.as_str()), open))
        });
        whole.into_iter().chain(parts).collect()
    }
}

#[cfg(test)]
mod tests {
    use fluxa_domain::breaker::FAILURES;

    use super::*;

    const NOW: Micros = Micros(1_000_000_000);

    fn fail(circuits: &mut Circuits, blame: Blame<'_>) {
        (0..FAILURES).for_each(|_| circuits.failed(blame, NOW, 20));
    }

    #[test]
    fn a_bad_model_of_a_key_leaves_the_others_alone() {
        let mut circuits = Circuits::default();
        fail(&mut circuits, Blame::Target { model: "a", key: Some(0) });
        assert!(circuits.refuses_key(NOW, "a", 0));
        assert!(!circuits.refuses_key(NOW, "a", 1) && !circuits.refuses_key(NOW, "b", 0));
        assert!(circuits.allow(NOW, "a", 2) && circuits.allow(NOW, "b", 1), "another key, another model");
        assert!(!circuits.allow(NOW, "a", 1));
        assert_eq!(circuits.open(NOW), [(Some("a"), 1)]);
        circuits.succeeded("a", Some(0));
        assert!(circuits.are_spotless());
    }

    #[test]
    fn nobody_there_is_held_against_the_provider() {
        let mut circuits = Circuits::default();
        fail(&mut circuits, Blame::Provider);
        assert!(!circuits.allow(NOW, "any", 3));
        assert!(circuits.allow(NOW.plus_seconds(2), "any", 3), "the probe");
        assert!(!circuits.allow(NOW.plus_seconds(2), "other", 3), "one");
        circuits.is_there();
        assert!(circuits.allow(NOW.plus_seconds(2), "other", 3));
    }

    #[test]
    fn one_probe_a_key_and_one_where_there_is_none() {
        let mut circuits = Circuits::default();
        fail(&mut circuits, Blame::Target { model: "a", key: None });
        fail(&mut circuits, Blame::Target { model: "b", key: Some(0) });
        let later = NOW.plus_seconds(2);
        assert!(circuits.allow(later, "a", 0) && !circuits.allow(later, "a", 0));
        assert!(circuits.allow(later, "b", 1) && !circuits.refuses_key(later, "b", 0));
        circuits.chose_key(later, "b", 0);
        assert!(circuits.refuses_key(later, "b", 0) && !circuits.allow(later, "b", 1));
    }

    #[test]
    fn after_a_hint_one_failure_is_enough() {
        let mut circuits = Circuits::default();
        circuits.hint(Some("a"));
        circuits.hint(None);
        assert!(circuits.allow(NOW, "a", 1) && circuits.allow(NOW, "b", 1), "a hint closes nothing");
        circuits.failed(Blame::Target { model: "a", key: Some(0) }, NOW, 20);
        assert!(!circuits.allow(NOW, "a", 1));
        circuits.failed(Blame::Provider, NOW, 20);
        assert!(!circuits.allow(NOW, "b", 1));
    }

    #[test]
    fn made_up_models_do_not_fill_the_memory() {
        let mut circuits = Circuits::default();
        for n in 0..MOST * 3 {
            circuits.failed(Blame::Target { model: &format!("m{n}"), key: None }, NOW, 0);
        }
        assert!(circuits.parts.len() <= MOST);
    }
}
