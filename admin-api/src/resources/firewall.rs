//! `/admin/firewall`: rules, policies, trying them out, and what was found. Here: the rules made ready, and who names a policy.
//!
//! Never done here: finding anything (`fluxa_firewall`), or keeping a text that was tried.

use std::collections::BTreeSet;
use std::sync::Arc;

use fluxa_domain::change::Revision;
use fluxa_domain::firewall::{RuleMode, RuleRecord};
use fluxa_domain::validate;
use fluxa_firewall::Ruleset;
use fluxa_firewall::rule::Pack;
use fluxa_store::Store;
use tokio::sync::Mutex;

use crate::json::Fields;
use crate::problem::Problem;
use crate::serve::Errand;

pub(crate) mod findings;
mod leaves;
pub(crate) mod policies;
pub(crate) mod rules;
mod speed;
mod treatments;
pub(crate) mod trial;
mod verdict;
pub(crate) mod what_if;

/// The pack of every rule of the operator's own.
const CUSTOM: &str = "custom";

/// The rules of the database, made ready once for each revision that somebody asks about.
#[derive(Debug, Default)]
pub(crate) struct Rules(Mutex<Option<(Revision, Ready)>>);

/// The rules of one revision.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    /// As the gateway uses them.
    pub(super) live: Arc<Ruleset>,
    /// Those that only observe may do what they are told.
    pub(super) let_loose: Arc<Ruleset>,
}

/// The names that a policy may use.
#[derive(Debug)]
pub(super) struct Known(BTreeSet<String>);

impl Rules {
    /// The rules as they are in the database now.
    pub(super) async fn ready(&self, store: &Store) -> Result<Ready, Problem> {
        let mut kept = self.0.lock().await;
        let revision = store.revision().await?;
        if let Some((_, ready)) = kept.as_ref().filter(|(of, _)| *of == revision) {
            return Ok(ready.clone());
        }
        let records = store.firewall_rules().await?;
        // A list of 100,000 words takes its time.
        let made = tokio::task::spawn_blocking(move || Ready::of(&records)).await.map_err(|e| Problem::internal(&e))?;
        let ready = made.map_err(|fault| Problem::internal(&fault))?;
        *kept = Some((revision, ready.clone()));
        Ok(ready)
    }
}

impl Ready {
    fn of(records: &[RuleRecord]) -> Result<Self, fluxa_firewall::ruleset::RuleFault> {
        let live = Ruleset::with(records)?;
        if records.iter().all(|record| record.mode != RuleMode::Observe) {
            return Ok(Self { let_loose: Arc::clone(&live), live });
        }
        let loose = |record: &RuleRecord| {
            let mode = if record.mode == RuleMode::Observe { RuleMode::Enforce } else { record.mode };
            RuleRecord { mode, ..record.clone() }
        };
        Ok(Self { live, let_loose: Ruleset::with(&records.iter().map(loose).collect::<Vec<_>>())? })
    }
}

impl Known {
    /// All rules, those that are off too, and all packs.
    pub(super) async fn load(store: &Store) -> Result<Self, Problem> {
        let own = store.firewall_rules().await?;
        let packs = Pack::NAMES.iter().map(|(name, _)| (*name).to_owned()).chain([CUSTOM.to_owned()]);
        let built_in = Ruleset::built_in();
        let names = built_in.rules().iter().map(|rule| rule.id.clone()).chain(packs);
        Ok(Self(names.chain(own.into_iter().flat_map(|rule| rule.packs.into_iter().chain([rule.name]))).collect()))
    }

    /// Notes the name that is none, with the nearest that is one.
    pub(super) fn check(&self, f: &mut Fields, field: &str, name: &str) {
        if self.0.contains(name) {
            return;
        }
        let known: Vec<&str> = self.0.iter().map(String::as_str).collect();
        let near = validate::nearest(name, &known).map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        f.fault(field, format!("no rule and no pack has this name{near}"));
    }
}

/// Reads `firewall_policy` over the current one; `null` takes it away.
pub(super) fn read_policy_name(f: &mut Fields, current: Option<String>) -> Option<String> {
    let read = |text: &str| validate::name("firewall_policy", text).map(|()| text.to_owned()).map_err(|error| error.message);
    f.text_as("firewall_policy", read).over(current)
}

/// A policy that is newly named must exist.
pub(super) async fn check_policy_name(errand: &Errand, current: Option<&String>, wanted: Option<&String>) -> Result<(), Problem> {
    let Some(name) = wanted.filter(|name| current != Some(name)) else { return Ok(()) };
    if errand.store().firewall_policy(name).await?.is_some() {
        return Ok(());
    }
    Err(Problem::field("firewall_policy", format!("no firewall policy \"{name}\"")))
}
