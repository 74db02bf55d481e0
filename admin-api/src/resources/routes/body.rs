//! Reads a route: `{"provider","fallback"}` in short, `targets`, `strategy`, `retries`, `timeout` in full.

use fluxa_domain::route::{RouteRecord, RouteTarget, Strategy};
use fluxa_domain::validate;

use crate::json::{Fields, Given, Item};
use crate::problem::Problem;
use crate::resources::firewall;

/// Targets or fallbacks of one route: each may be tried for one errand.
const MAX_TARGETS: usize = 32;
/// The largest weight of a target.
const MAX_WEIGHT: u64 = 1_000_000;
/// Extra attempts at one target: more only multiplies an outage.
const MAX_RETRIES: u64 = 5;
/// The longest bound of a call: a day.
const MAX_TIMEOUT_MS: u64 = 86_400_000;

/// The route that the body describes.
pub(super) fn read(mut f: Fields, model: &str) -> Result<RouteRecord, Problem> {
    // A star stands for characters that a name may have.
    f.check(validate::name("model", &model.replace('*', "x")));
    if f.text("model").value().is_some_and(|given| given != model) {
        f.fault("model", "must be the path's; name another upstream model in targets");
    }
    let provider = f.text("provider");
    let targets = f.each("targets", MAX_TARGETS, target);
    let targets = match (provider, targets) {
        (Given::Value(provider), Given::Value(targets)) => {
            // An answer of ours has both; sent back, it must still mean one thing.
            if targets.first().is_some_and(|first| first.provider != provider) {
                f.fault("provider", "give either provider or targets");
            }
            targets
        }
        (Given::Value(provider), _) => vec![RouteTarget { provider, model: None, weight: 1 }],
        (_, Given::Value(targets)) => targets,
        _ => Vec::new(),
    };
    if targets.is_empty() && !f.is_faulty() {
        f.fault("provider", "is required (or targets)");
    }
    let fallback = f.each("fallback", MAX_TARGETS, |item| {
        if item.is_text() { item.text_as(|provider| Ok(RouteTarget { provider, model: None, weight: 1 })) } else { target(item) }
    });
    let strategy = f.text_as("strategy", Strategy::parse);
    let prompt_affinity = f.flag("prompt_affinity");
    let retries = f.count("retries", MAX_RETRIES).value().and_then(|n| u32::try_from(n).ok());
    let (timeout, number) = (f.duration_ms("timeout"), f.count("timeout_ms", MAX_TIMEOUT_MS));
    if timeout.is_given() && number.is_given() {
        f.fault("timeout_ms", "give either timeout or timeout_ms");
    }
    let timeout_ms = timeout.value().or(number.value());
    if let Some(ms) = timeout_ms {
        f.check(validate::timeout_ms("timeout", ms));
    }
    let firewall_policy = firewall::read_policy_name(&mut f, None);
    f.finish()?;
    Ok(RouteRecord {
        firewall_policy,
        model: model.to_owned(),
        targets,
        fallback: fallback.value().unwrap_or_default(),
        strategy: strategy.value().unwrap_or_default(),
        retries,
        timeout_ms,
        prompt_affinity: prompt_affinity.value().unwrap_or_default(),
    })
}

fn target(item: Item<'_>) -> Option<RouteTarget> {
    item.object(|t| {
        let provider = t.required_text("provider");
        let model = t.text_as("model", |model| validate::name("model", model).map(|()| model.to_owned()).map_err(|e| e.message)).value();
        let weight = t.count("weight", MAX_WEIGHT).or(1, 1);
        if weight == 0 {
            t.fault("weight", "must be at least 1");
        }
        RouteTarget { provider, model, weight: u32::try_from(weight).unwrap_or(1) }
    })
}
