//! Whose limits a call counts against: those of its key, of the model within the key, of its team and of its organisation.
//!
//! The invariant: two calls of the same key, model, configuration and windows are asked about with one list, which nobody copies.
//! Never done here: counting, and what a call costs; see `admission.rs`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use fluxa_domain::budget::{limits, window};
use fluxa_domain::change::Revision;
use fluxa_domain::entry::Entry;
use fluxa_domain::key::{KeyLimits, KeyRecord};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::route::wildcard_matches;
use fluxa_domain::scope;
use fluxa_domain::team::{DEFAULT_ORGANIZATION, OrganizationRecord, TeamRecord};
use fluxa_domain::time::Micros;
use fluxa_store::shared::{BudgetAsk, ScopeAsk};

use crate::snapshot::View;

/// Keys whose scopes one thread keeps; beyond them all are worked out anew.
const MAX_KEYS: usize = 10_000;
/// Models of one key, where models have limits of their own: a client may make names up.
const MAX_MODELS: usize = 64;

/// The team and the organisation of a key, as far as they have records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups<'a> {
    team: Option<&'a TeamRecord>,
    organization: Option<&'a OrganizationRecord>,
    organization_name: &'a str,
}

impl<'a> Groups<'a> {
    /// The groups of `key`.
    pub(crate) fn of(view: &'a View, key: &KeyRecord) -> Self {
        Self::among(&view.teams, &view.organizations, key)
    }

    fn among(teams: &'a HashMap<String, TeamRecord>, organizations: &'a HashMap<String, OrganizationRecord>, key: &KeyRecord) -> Self {
        let team = key.team.as_ref().and_then(|name| teams.get(name));
        let organization_name = team.and_then(|team| team.organization.as_deref()).unwrap_or(DEFAULT_ORGANIZATION);
        Self { team, organization: organizations.get(organization_name), organization_name }
    }

    /// The firewall's policies of the team and the organisation.
    pub(crate) fn firewall_policies(&self) -> [Option<&'a str>; 2] {
        [
            self.team.and_then(|team| team.firewall_policy.as_deref()),
            self.organization.and_then(|organization| organization.firewall_policy.as_deref()),
        ]
    }

    /// What the organisation is called.
    pub(crate) const fn organization_name(&self) -> &'a str {
        self.organization_name
    }

    /// Whether they let their keys in at all.
    ///
    /// # Errors
    /// [`RefusalKind::InvalidApiKey`] when one of them is disabled.
    pub(crate) fn may_enter(&self) -> Result<(), Refusal> {
        if self.team.is_some_and(|team| !team.enabled) {
            return Err(Refusal::new(RefusalKind::InvalidApiKey, "this key's team is disabled"));
        }
        if self.organization.is_some_and(|organization| !organization.enabled) {
            return Err(Refusal::new(RefusalKind::InvalidApiKey, "this key's organization is disabled"));
        }
        Ok(())
    }

    /// Whether their keys may ask for `model`.
    ///
    /// # Errors
    /// [`RefusalKind::ModelNotAllowed`].
    pub(crate) fn may_use(&self, model: &str) -> Result<(), Refusal> {
        let lists = [
            ("team", self.team.map(|team| (&team.name, &team.models))),
            ("organization", self.organization.map(|organization| (&organization.name, &organization.models))),
        ];
        for (what, list) in lists {
            let Some((name, models)) = list else { continue };
            if !models.is_empty() && !models.iter().any(|pattern| wildcard_matches(pattern, model)) {
                let text = format!("{what} \"{name}\" may not use model \"{model}\"");
                return Err(Refusal::new(RefusalKind::ModelNotAllowed, text).param("model"));
            }
        }
        Ok(())
    }

    /// Puts the organisation into the row, and the team's tags beneath those that are there.
    pub(crate) fn label(&self, entry: &mut Entry) {
        if self.organization_name != DEFAULT_ORGANIZATION {
            self.organization_name.clone_into(&mut entry.organization);
        }
        for (name, value) in self.team.into_iter().flat_map(|team| &team.tags) {
            if !entry.tags.contains_key(name) {
                entry.tags.insert(name.clone(), value.clone());
            }
        }
    }
}

/// What a scope belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Key,
    /// Models of the key: their pattern.
    Model(String),
    Team(String),
    Organization(String),
}

/// The scopes of one call that have limits, with the windows of the moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CallScopes {
    /// Where they are counted.
    pub(crate) organization: Arc<str>,
    /// Key first, then its models, team and organisation.
    pub(crate) asks: Arc<[ScopeAsk]>,
    /// Beside each of them, whose it is.
    owners: Vec<Owner>,
    /// One of them has a budget.
    pub(crate) has_budget: bool,
    /// One of them has a budget in dollars.
    pub(crate) has_usd_budget: bool,
}

impl CallScopes {
    /// The scopes of a call that was made at `now`, worked out anew.
    pub(crate) fn of(key: &KeyRecord, groups: Groups<'_>, model: &str, now: Micros) -> Self {
        Self::work_out(key, groups, model, now).0
    }

    /// Works out the scopes of a call, and the moments from and until which they hold.
    fn work_out(key: &KeyRecord, groups: Groups<'_>, model: &str, now: Micros) -> (Self, Micros, Micros) {
        let mut found: Vec<(ScopeAsk, Owner)> = Vec::with_capacity(4);
        let (mut has_budget, mut has_usd_budget) = (false, false);
        let (mut from, mut until) = (Micros(i64::MIN), Micros(i64::MAX));
        let mut add = |name: String, owner: Owner, of: &KeyLimits, time_zone: &str| {
            if *of == KeyLimits::default() {
                return;
            }
            has_budget |= of.has_budget();
            has_usd_budget |= of.has_usd_budget();
            let budgets = limits(of).into_iter().map(|budget| {
                let window = window(budget.period, now, time_zone);
                from = from.max(window.starts_at);
                until = window.ends_at.map_or(until, |ends_at| until.min(ends_at));
                BudgetAsk { window, period: budget.period, unit: budget.unit, limit: budget.limit }
            });
            let budgets = budgets.collect();
            let (rpm, tpm, concurrency) = (of.rate_limit_rpm, of.rate_limit_tpm, of.max_concurrency);
            found.push((ScopeAsk { scope: name, rpm, tpm, concurrency, budgets }, owner));
        };
        add(scope::key(&key.id), Owner::Key, &key.limits, &key.time_zone);
        for (pattern, of) in matching(&key.model_limits, model) {
            add(scope::key_model(&key.id, pattern), Owner::Model(pattern.clone()), of, &key.time_zone);
        }
        if let Some(team) = groups.team {
            add(scope::team(&team.name), Owner::Team(team.name.clone()), &team.limits, &team.time_zone);
        }
        if let Some(of) = groups.organization {
            add(scope::organization(&of.name), Owner::Organization(of.name.clone()), &of.limits, &of.time_zone);
        }
        let (asks, owners): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let scopes = Self { organization: groups.organization_name.into(), asks: asks.into(), owners, has_budget, has_usd_budget };
        (scopes, from, until)
    }

    /// How people call the scope of this name: `team "red"`.
    pub(crate) fn called(&self, scope: &str, key: &KeyRecord) -> String {
        let at = self.asks.iter().position(|ask| ask.scope == scope);
        match at.and_then(|at| self.owners.get(at)) {
            Some(Owner::Model(pattern)) => format!("model \"{pattern}\" of key \"{}\"", key.name),
            Some(Owner::Team(name)) => format!("team \"{name}\""),
            Some(Owner::Organization(name)) => format!("organization \"{name}\""),
            Some(Owner::Key) | None => format!("key \"{}\"", key.name),
        }
    }
}

fn matching<'a>(limits: &'a BTreeMap<String, KeyLimits>, model: &'a str) -> impl Iterator<Item = (&'a String, &'a KeyLimits)> {
    limits.iter().filter(move |(pattern, _)| wildcard_matches(pattern, model))
}

/// The scopes of keys in use, kept by one thread: working them out takes time zones, using them does not.
#[derive(Debug, Default)]
pub(crate) struct Scopes(RefCell<HashMap<String, Known>>);

#[derive(Debug)]
struct Known {
    key_updated_at: Micros,
    revision: Revision,
    from: Micros,
    until: Micros,
    /// Where the models of the key have no limits of their own.
    plain: Option<Rc<CallScopes>>,
    by_model: HashMap<String, Rc<CallScopes>>,
}

impl Scopes {
    /// The scopes of a call of `key` for `model` at `now`, under the configuration of this revision.
    pub(crate) fn of(&self, key: &KeyRecord, groups: Groups<'_>, revision: Revision, model: &str, now: Micros) -> Rc<CallScopes> {
        let mut all = self.0.borrow_mut();
        let has_models = !key.model_limits.is_empty();
        let holds = |known: &Known| {
            known.key_updated_at == key.updated_at && known.revision == revision && (known.from..known.until).contains(&now)
        };
        if let Some(known) = all.get(&key.id).filter(|known| holds(known)) {
            let found = if has_models { known.by_model.get(model) } else { known.plain.as_ref() };
            if let Some(found) = found {
                return Rc::clone(found);
            }
        }
        let (scopes, from, until) = CallScopes::work_out(key, groups, model, now);
        let scopes = Rc::new(scopes);
        if all.len() >= MAX_KEYS && !all.contains_key(&key.id) {
            all.clear();
        }
        let fresh = || Known { key_updated_at: key.updated_at, revision, from, until, plain: None, by_model: HashMap::new() };
        let known = all.entry(key.id.clone()).or_insert_with(fresh);
        if !holds(known) {
            *known = fresh();
        }
        // Of two models one may have a shorter window.
        (known.from, known.until) = (known.from.max(from), known.until.min(until));
        if has_models {
            if known.by_model.len() >= MAX_MODELS {
                known.by_model.clear();
            }
            known.by_model.insert(model.to_owned(), Rc::clone(&scopes));
        } else {
            known.plain = Some(Rc::clone(&scopes));
        }
        scopes
    }
}

#[cfg(test)]
mod tests;
