//! Rules and policies of one configuration, made ready when they are needed.
//!
//! The invariant: without a policy nothing is compiled, and rules that did not change are compiled once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use fluxa_domain::firewall::{Direction, PolicyRecord, RuleMode, RuleRecord};
use fluxa_firewall::{Plan, Ruleset};
use sha2::{Digest as _, Sha256};

/// Sets of policies that are kept ready; beyond them all are made anew. A key, its team, organization and route name at most four.
const MAX_SETS: usize = 1_024;

/// The firewall's part of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Rulebook {
    policies: BTreeMap<String, PolicyRecord>,
    rules: Option<Rules>,
    /// By the names of the policies.
    plans: Mutex<HashMap<String, Option<Arc<Plans>>>>,
}

/// Rules made ready.
#[derive(Clone, Debug)]
struct Rules {
    ruleset: Arc<Ruleset>,
    /// A hash of the operator's own rules.
    digest: [u8; 32],
    /// Rules that cannot be used, and why.
    left_out: Arc<[(String, String)]>,
}

/// What policies together make of the texts of a call.
#[derive(Debug)]
pub(crate) struct Plans {
    pub(super) ruleset: Arc<Ruleset>,
    pub(super) request: Option<Arc<Plan>>,
    pub(super) response: Option<Arc<Plan>>,
    pub(super) fingerprint: [u8; 32],
}

impl Rulebook {
    /// Makes rules and policies ready, with what is left of the former ones. `usual` is the policy of the settings.
    pub(crate) fn of(rules: &[RuleRecord], policies: Vec<PolicyRecord>, usual: Option<&str>, former: Option<&Self>) -> Self {
        let policies: BTreeMap<String, PolicyRecord> = policies.into_iter().map(|policy| (policy.name.clone(), policy)).collect();
        if let Some(usual) = usual.filter(|usual| !policies.contains_key(*usual)) {
            tracing::error!(
                policy = usual,
                "the setting firewall.policy names a policy that does not exist: calls are refused until it does"
            );
        }
        let rules = (!policies.is_empty()).then(|| {
            let digest = digest(rules);
            let same = former.and_then(|former| former.rules.clone()).filter(|former| former.digest == digest);
            same.unwrap_or_else(|| compile(rules, digest))
        });
        Self { policies, rules, plans: Mutex::default() }
    }

    /// The operator's rules that cannot be used: name, and what is wrong.
    pub(crate) fn left_out(&self) -> &[(String, String)] {
        self.rules.as_ref().map_or(&[], |rules| &rules.left_out)
    }

    /// What these policies together make of a call; nothing where they do nothing.
    ///
    /// # Errors
    /// The name of one that is not here.
    pub(super) fn plans(&self, names: &[Option<&str>]) -> Result<Option<Arc<Plans>>, String> {
        let mut names: Vec<&str> = names.iter().copied().flatten().collect();
        names.sort_unstable();
        names.dedup();
        let set = names.join("\n");
        let mut all = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&set) {
            return Ok(known.clone());
        }
        let mut policies = Vec::with_capacity(names.len());
        for name in names {
            policies.push(self.policies.get(name).ok_or_else(|| name.to_owned())?);
        }
        let made = self.rules.as_ref().and_then(|rules| make(rules, &policies)).map(Arc::new);
        if all.len() >= MAX_SETS {
            all.clear();
        }
        all.insert(set, made.clone());
        Ok(made)
    }
}

fn make(rules: &Rules, policies: &[&PolicyRecord]) -> Option<Plans> {
    let plan = |way| Plan::of(&rules.ruleset, policies, way).map(Arc::new);
    let (request, response) = (plan(Direction::Request), plan(Direction::Response));
    if request.is_none() && response.is_none() {
        return None;
    }
    let mut hash = Sha256::new();
    // What checks do is the program's; the rest is in the plans.
    hash.update(env!("CARGO_PKG_VERSION").as_bytes());
    hash.update(rules.digest);
    for plan in [&request, &response] {
        hash.update(plan.as_ref().map_or(0, |plan| plan.fingerprint()).to_le_bytes());
    }
    Some(Plans { ruleset: Arc::clone(&rules.ruleset), request, response, fingerprint: hash.finalize().into() })
}

fn digest(rules: &[RuleRecord]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for rule in rules {
        hash.update(serde_json::to_vec(rule).unwrap_or_default());
        hash.update(b"\n");
    }
    hash.finalize().into()
}

/// A rule that cannot be used is left out, so that the others hold.
fn compile(rules: &[RuleRecord], digest: [u8; 32]) -> Rules {
    let mut rules: Vec<RuleRecord> = rules.iter().filter(|rule| rule.mode != RuleMode::Off).cloned().collect();
    let mut left_out = Vec::new();
    let ruleset = loop {
        let fault = match Ruleset::with(&rules) {
            Ok(ruleset) => break ruleset,
            Err(fault) => fault,
        };
        tracing::error!(rule = %fault.rule, field = %fault.field, error = %fault.what, "a firewall rule cannot be used: it is left out");
        let before = rules.len();
        rules.retain(|rule| rule.name != fault.rule);
        left_out.push((fault.rule, fault.what));
        if rules.len() == before {
            break Ruleset::built_in();
        }
    };
    Rules { ruleset, digest, left_out: left_out.into() }
}

#[cfg(test)]
mod tests;
