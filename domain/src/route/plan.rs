//! The plan of one call: which targets are tried, in which order.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::choice::{Candidate, Choosing, order};
use super::{RouteRecord, RouteTarget, wildcard_matches};
use crate::price::PriceTable;
use crate::refusal::{Refusal, RefusalKind};

/// Extra attempts at one target where a route says nothing.
pub const DEFAULT_RETRIES: u32 = 1;
/// Most extra attempts at one target.
pub const MAX_RETRIES: u32 = 5;
/// Most models that a refusal lists.
const NAMED_MODELS: usize = 8;

/// All routes, ready to be looked up.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    exact: HashMap<String, RouteRecord>,
    /// Longest literal part first; of equals, the longest beginning without a star.
    wildcards: Vec<RouteRecord>,
}

impl Routes {
    /// Orders `routes` for look-up; of two for the same model the last one counts.
    #[must_use]
    pub fn new(routes: Vec<RouteRecord>) -> Self {
        let (mut wildcards, exact): (Vec<_>, Vec<_>) = routes.into_iter().partition(|route| route.model.contains('*'));
        wildcards.sort_by_key(|route| (Reverse(literal_bytes(&route.model)), Reverse(route.model.find('*')), route.model.clone()));
        Self { exact: exact.into_iter().map(|route| (route.model.clone(), route)).collect(), wildcards }
    }

    /// The route of `model`: its own, else the wildcard with the longest literal part.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<&RouteRecord> {
        self.exact.get(model).or_else(|| self.wildcards.iter().find(|route| wildcard_matches(&route.model, model)))
    }

    /// Every route, those without wildcards first, by name.
    pub fn iter(&self) -> impl Iterator<Item = &RouteRecord> {
        let mut exact: Vec<&RouteRecord> = self.exact.values().collect();
        exact.sort_by(|a, b| a.model.cmp(&b.model));
        exact.into_iter().chain(&self.wildcards)
    }
}

/// What a plan must know of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderFacts {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// A disabled one gets no calls.
    pub enabled: bool,
}

/// One target to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The model to ask of it.
    pub model: String,
    /// How often it may be asked again after a failure that a retry can mend.
    pub retries: u32,
}

/// The targets for `model`, first choice first; never empty.
///
/// An explicit route decides (exact, then wildcard), then the form `provider/model`, then whoever lists the model
/// in the price table. `providers` finds a provider by its name or, if none has it, an enabled one by its kind.
/// `choosing` is what the choice among a route's targets is made by.
///
/// # Errors
/// [`RefusalKind::ModelNotFound`] when nothing serves the model, [`RefusalKind::Overloaded`] when what does is disabled.
pub fn plan(
    routes: &Routes,
    providers: &dyn Fn(&str) -> Option<ProviderFacts>,
    prices: &PriceTable,
    model: &str,
    choosing: &Choosing<'_>,
) -> Result<Vec<Attempt>, Refusal> {
    if let Some(route) = routes.find(model) {
        return by_route(route, providers, model, choosing);
    }
    if let Some((name, upstream)) = model.split_once('/')
        && let Some(provider) = providers(name)
        && !upstream.is_empty()
    {
        return single(provider, upstream);
    }
    let owners: Vec<ProviderFacts> = prices.owner(model).into_iter().filter_map(providers).collect();
    match owners.iter().find(|provider| provider.enabled).or_else(|| owners.first()) {
        Some(provider) => single(provider.clone(), model),
        None => Err(not_found(routes, model)),
    }
}

fn by_route(
    route: &RouteRecord,
    providers: &dyn Fn(&str) -> Option<ProviderFacts>,
    model: &str,
    choosing: &Choosing<'_>,
) -> Result<Vec<Attempt>, Refusal> {
    let usable = |targets: &[RouteTarget]| -> Vec<(RouteTarget, ProviderFacts)> {
        targets
            .iter()
            .filter_map(|target| Some((target.clone(), providers(&target.provider).filter(|provider| provider.enabled)?)))
            .collect()
    };
    let chosen = usable(&route.targets);
    let candidates: Vec<Candidate<'_>> = chosen
        .iter()
        .map(|(target, provider)| Candidate {
            provider: &provider.name,
            model: target.model.as_deref().unwrap_or(model),
            weight: target.weight,
        })
        .collect();
    let prefix = choosing.prefix.filter(|_| route.prompt_affinity);
    let order = order(&candidates, route.strategy, &Choosing { prefix, ..*choosing });
    let mut targets: Vec<_> = order.into_iter().filter_map(|at| chosen.get(at).cloned()).collect();
    targets.extend(usable(&route.fallback));
    let retries = route.retries.unwrap_or(DEFAULT_RETRIES).min(MAX_RETRIES);
    let mut attempts: Vec<Attempt> = Vec::with_capacity(targets.len());
    for (target, provider) in targets {
        let attempt = Attempt { provider: provider.name, model: target.model.unwrap_or_else(|| model.to_owned()), retries };
        if !attempts.contains(&attempt) {
            attempts.push(attempt);
        }
    }
    if attempts.is_empty() {
        return Err(Refusal::new(RefusalKind::Overloaded, format!("no provider of model \"{model}\" is in service")));
    }
    Ok(attempts)
}

fn single(provider: ProviderFacts, upstream_model: &str) -> Result<Vec<Attempt>, Refusal> {
    if !provider.enabled {
        return Err(Refusal::new(RefusalKind::Overloaded, format!("provider \"{}\" is disabled", provider.name)));
    }
    Ok(vec![Attempt { provider: provider.name, model: upstream_model.to_owned(), retries: DEFAULT_RETRIES }])
}

fn not_found(routes: &Routes, model: &str) -> Refusal {
    let named: Vec<&str> = routes.iter().map(|route| route.model.as_str()).take(NAMED_MODELS).collect();
    let hint = if named.is_empty() {
        String::from("there are no routes; \"provider/model\" names a provider directly")
    } else {
        format!("routes exist for {}; \"provider/model\" names a provider directly", named.join(", "))
    };
    Refusal::new(RefusalKind::ModelNotFound, format!("unknown model \"{model}\": {hint}")).param("model")
}

fn literal_bytes(pattern: &str) -> usize {
    pattern.bytes().filter(|b| *b != b'*').count()
}
