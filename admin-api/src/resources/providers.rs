//! `/admin/providers`: vendors as configured. Keys go in and never come out again.

mod body;

use fluxa_domain::change::Change;
use fluxa_domain::provider::{Provider, ProviderRecord, ProviderSecrets, Timeouts};
use fluxa_domain::secret::Secret;
use serde_json::{Value, json};

use crate::answer::{self, Answer, segment};
use crate::problem::Problem;
use crate::query::page_by_name;
use crate::serve::Errand;

/// GET: all, by name.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let (rows, next) = page_by_name(errand.store().providers().await?, |provider| &provider.record.name, &ask)?;
    answer::page(rows.iter().map(view).collect(), next)
}

/// GET: one.
pub(crate) async fn get(errand: Errand) -> Answer {
    answer::ok(&view(&find(&errand).await?))
}

/// POST.
pub(crate) async fn create(errand: Errand) -> Answer {
    let blank = Provider { record: blank(&errand), secrets: ProviderSecrets::default() };
    let (record, secrets) = body::read(errand.fields()?, &blank, true, &errand.desk.admin.egress)?;
    let secrets = secrets.unwrap_or_default();
    let made = Provider { record: record.clone(), secrets: secrets.clone() };
    errand.apply(Change::CreateProvider { record, secrets }).await?;
    answer::created(&format!("/admin/providers/{}", segment(&made.record.name)), &view(&made))
}

/// PATCH: merges.
pub(crate) async fn update(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let current = find(&errand).await?;
    let (mut record, secrets) = body::read(errand.fields()?, &current, false, &errand.desk.admin.egress)?;
    record.updated_at = errand.now();
    let changed = Provider { record: record.clone(), secrets: secrets.clone().unwrap_or(current.secrets) };
    errand.apply(Change::UpdateProvider { record, secrets }).await?;
    answer::ok(&view(&changed))
}

/// DELETE.
pub(crate) async fn delete(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    errand.apply(Change::DeleteProvider { name: errand.param("name").to_owned() }).await?;
    answer::nothing()
}

/// POST …/test: one cheap request with the stored credentials.
pub(crate) async fn test(errand: Errand) -> Answer {
    errand.fields()?.finish()?;
    let provider = find(&errand).await?;
    answer::ok(&errand.desk.admin.probe.test(provider.record.name).await)
}

async fn find(errand: &Errand) -> Result<Provider, Problem> {
    let name = errand.param("name");
    errand.store().provider(name).await?.ok_or_else(|| Problem::not_found(format!("no provider \"{name}\"")))
}

fn blank(errand: &Errand) -> ProviderRecord {
    let now = errand.now();
    ProviderRecord {
        name: String::new(),
        kind: String::new(),
        base_url: None,
        anthropic_base_url: None,
        headers: Default::default(),
        timeouts: Timeouts::default(),
        api_version: None,
        deployments: Default::default(),
        region: None,
        max_concurrency: None,
        probe_every_s: None,
        enabled: true,
        created_at: now,
        updated_at: now,
    }
}

/// What may be seen of a provider: of its secrets, the last four characters.
fn view(provider: &Provider) -> Value {
    let Provider { record, secrets } = provider;
    let last4 = |secret: &Option<Secret<String>>| secret.as_ref().map(Secret::last4);
    let api_keys: Vec<Value> = secrets.api_keys.iter().map(|key| json!({ "last4": key.key.last4(), "weight": key.weight })).collect();
    json!({
        "name": record.name,
        "kind": record.kind,
        "base_url": record.base_url,
        "anthropic_base_url": record.anthropic_base_url,
        "api_keys": api_keys,
        "headers": record.headers,
        "timeouts": record.timeouts,
        "api_version": record.api_version,
        "deployments": record.deployments,
        "region": record.region,
        "max_concurrency": record.max_concurrency,
        "probe_every_s": record.probe_every_s,
        "access_key_id_last4": last4(&secrets.access_key_id),
        "has_secret_access_key": secrets.secret_access_key.is_some(),
        "has_session_token": secrets.session_token.is_some(),
        "enabled": record.enabled,
        "created_at": record.created_at.to_rfc3339(),
        "updated_at": record.updated_at.to_rfc3339(),
    })
}
