//! The targets of a call: the pure plan, with the providers of the view behind it.

use std::sync::Arc;

use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::route::{Choosing, Load};
use fluxa_domain::time::Micros;
use hyper::header::HeaderMap;

use crate::snapshot::{ProviderView, View, Way};

/// One place to try.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) provider: Arc<ProviderView>,
    /// The model to ask of it; empty for pass-through calls that name none.
    pub(crate) model: String,
    pub(crate) retries: u32,
    /// As it is, or translated.
    pub(crate) way: Way,
}

/// What a choice among targets is made by, beside what is known of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    /// A random number.
    pub(crate) roll: u64,
    /// A hash of the prompt's beginning, where the route asks for it.
    pub(crate) prefix: Option<u64>,
    /// The call's moment: prices change.
    pub(crate) now: Micros,
}

/// Where a call goes, in order.
///
/// # Errors
/// [`RefusalKind::ModelNotFound`] when nothing serves the model, [`RefusalKind::NotTranslated`] when what serves it speaks another dialect.
pub(crate) fn plan(
    view: &View,
    headers: &HeaderMap,
    op: Op,
    dialect: Dialect,
    model: &str,
    chance: Chance,
) -> Result<Vec<Target>, Refusal> {
    if model.is_empty() {
        return without_model(view, headers, dialect);
    }
    let load = |provider: &str, model: &str| load(view, provider, model, chance.now);
    let choosing = Choosing { roll: chance.roll, prefix: chance.prefix, load: &load };
    let attempts = fluxa_domain::route::plan(&view.routes, &|name| view.facts(name), &view.prices, model, &choosing)?;
    let mut targets = Vec::with_capacity(attempts.len());
    let mut foreign = None;
    for attempt in attempts {
        let Some(provider) = view.providers.get(&*attempt.provider) else { continue };
        if let Some(way) = provider.way(dialect, op) {
            targets.push(Target { provider: Arc::clone(provider), model: attempt.model, retries: attempt.retries, way });
        } else {
            foreign = Some(provider);
        }
    }
    match (targets.is_empty(), foreign) {
        (false, _) => Ok(targets),
        (true, Some(provider)) => {
            let text = format!(
                "provider \"{}\" ({}) does not speak the {} dialect, and {} is not translated: ask it in its own dialect",
                provider.record.name,
                provider.vendor.name,
                dialect.name(),
                op.name(),
            );
            Err(Refusal::new(RefusalKind::NotTranslated, text))
        }
        (true, None) => Err(Refusal::new(RefusalKind::ModelNotFound, format!("no provider serves model \"{model}\"")).param("model")),
    }
}

/// What is known of a target at this moment.
fn load(view: &View, provider: &str, model: &str, now: Micros) -> Load {
    let Some(provider) = view.providers.get(provider) else { return Load::default() };
    let price = view.prices.find(&provider.record.kind, &provider.record.name, model, now);
    Load {
        in_flight: provider.state.in_flight(),
        latency_us: provider.state.latency_us(model),
        price: price.map(|row| row.rates.input.0.saturating_add(row.rates.output.0)),
    }
}

/// A pass-through call that names no model goes to the provider named in `x-fluxa-provider`, else to the dialect's own vendor, else to the only one there is.
fn without_model(view: &View, headers: &HeaderMap, dialect: Dialect) -> Result<Vec<Target>, Refusal> {
    let named = headers.get(&crate::reply::X_FLUXA_PROVIDER).and_then(|value| value.to_str().ok());
    let speaks = |provider: &&Arc<ProviderView>| provider.record.enabled && provider.door(dialect).is_some();
    let found = match named {
        Some(name) => view.providers.get(name).filter(speaks),
        None => {
            let own = view.providers.values().filter(speaks).find(|provider| provider.record.kind == dialect.name());
            own.or_else(|| view.providers.values().find(speaks))
        }
    };
    match found {
        Some(provider) => Ok(vec![Target { provider: Arc::clone(provider), model: String::new(), retries: 0, way: Way::Native }]),
        None => Err(Refusal::new(
            RefusalKind::ModelNotFound,
            "no provider for this path: name one in the x-fluxa-provider header, or configure a provider of this dialect",
        )),
    }
}
