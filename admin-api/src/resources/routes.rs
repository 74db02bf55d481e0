//! `/admin/routes`: where calls for a model go. A model's name may hold slashes and `*`, so it is the
//! whole rest of the path.

mod body;

use fluxa_domain::change::Change;
use fluxa_domain::route::{RouteRecord, RouteTarget};
use serde_json::{Value, json};

use crate::answer::{self, Answer, segment};
use crate::problem::{FieldFault, Problem};
use crate::query::page_by_name;
use crate::resources::firewall;
use crate::serve::Errand;

/// GET: all, by model.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let (rows, next) = page_by_name(errand.store().routes().await?, |route| &route.model, &ask)?;
    answer::page(rows.iter().map(view).collect(), next)
}

/// GET: one.
pub(crate) async fn get(errand: Errand) -> Answer {
    let model = errand.param("model");
    let route = errand.store().route(model).await?.ok_or_else(|| Problem::not_found(format!("no route \"{model}\"")))?;
    answer::ok(&view(&route))
}

/// PUT: makes or replaces.
pub(crate) async fn put(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let record = body::read(errand.fields()?, errand.param("model"))?;
    check_providers(&errand, &record).await?;
    let current = errand.store().route(&record.model).await?;
    let former_policy = current.as_ref().and_then(|route| route.firewall_policy.as_ref());
    firewall::check_policy_name(&errand, former_policy, record.firewall_policy.as_ref()).await?;
    let is_new = current.is_none();
    let (location, shown) = (format!("/admin/routes/{}", segment(&record.model)), view(&record));
    errand.apply(Change::PutRoute { record }).await?;
    if is_new { answer::created(&location, &shown) } else { answer::ok(&shown) }
}

/// DELETE.
pub(crate) async fn delete(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    errand.apply(Change::DeleteRoute { model: errand.param("model").to_owned() }).await?;
    answer::nothing()
}

/// Every provider that the route names must exist.
async fn check_providers(errand: &Errand, record: &RouteRecord) -> Result<(), Problem> {
    let known: Vec<String> = errand.store().providers().await?.into_iter().map(|provider| provider.record.name).collect();
    let unknown = |field: &str, targets: &[RouteTarget]| {
        targets
            .iter()
            .enumerate()
            .filter(|(_, target)| !known.contains(&target.provider))
            .map(|(at, target)| FieldFault {
                field: if field == "provider" { String::from(field) } else { format!("{field}[{at}].provider") },
                message: format!("no provider \"{}\"", target.provider),
            })
            .collect::<Vec<_>>()
    };
    // A body with `provider` has exactly one target of weight 1 without a model; name the field it was in.
    let field = match record.targets.as_slice() {
        [RouteTarget { model: None, weight: 1, .. }] => "provider",
        _ => "targets",
    };
    let mut faults = unknown(field, &record.targets);
    faults.extend(unknown("fallback", &record.fallback));
    if faults.is_empty() { Ok(()) } else { Err(Problem::fields(faults)) }
}

fn view(route: &RouteRecord) -> Value {
    let fallback: Vec<Value> = route
        .fallback
        .iter()
        .map(|target| match &target.model {
            None => json!(target.provider),
            Some(model) => json!({ "provider": target.provider, "model": model }),
        })
        .collect();
    json!({
        "model": route.model,
        "provider": route.targets.first().map(|target| &target.provider),
        "targets": route.targets,
        "fallback": fallback,
        "strategy": route.strategy,
        "retries": route.retries,
        "timeout_ms": route.timeout_ms,
        "prompt_affinity": route.prompt_affinity,
        "firewall_policy": route.firewall_policy,
    })
}
