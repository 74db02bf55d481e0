//! `/admin/organizations`: teams that share limits. Who is in no other belongs to `default`, which may have a record too.

use fluxa_domain::change::Change;
use fluxa_domain::scope;
use fluxa_domain::team::OrganizationRecord;
use serde_json::{Map, Value, json};

use super::teams::read_name;
use super::{firewall, limits, spend};
use crate::answer::{self, Answer, segment};
use crate::json::Fields;
use crate::problem::Problem;
use crate::query::page_by_name;
use crate::serve::Errand;
use crate::show::members;

/// GET: all, by name.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let (rows, next) = page_by_name(errand.store().organizations().await?, |record| &record.name, &ask)?;
    answer::page(rows.iter().map(|record| Value::Object(view(record))).collect(), next)
}

/// GET: one, with what was spent in it.
pub(crate) async fn get(errand: Errand) -> Answer {
    let record = find(&errand).await?;
    let mut shown = view(&record);
    let scope = scope::organization(&record.name);
    let holder = spend::Holder { organization: &record.name, scope: &scope, limits: &record.limits, time_zone: &record.time_zone };
    shown.insert(String::from("spend"), spend::standing(&errand, holder).await?);
    answer::ok(&shown)
}

/// POST.
pub(crate) async fn create(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let record = read(errand.fields()?, &blank(&errand), true)?;
    firewall::check_policy_name(&errand, None, record.firewall_policy.as_ref()).await?;
    let (location, shown) = (format!("/admin/organizations/{}", segment(&record.name)), view(&record));
    errand.apply(Change::CreateOrganization { record }).await?;
    answer::created(&location, &shown)
}

/// PATCH: merges.
pub(crate) async fn update(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let current = find(&errand).await?;
    let mut record = read(errand.fields()?, &current, false)?;
    firewall::check_policy_name(&errand, current.firewall_policy.as_ref(), record.firewall_policy.as_ref()).await?;
    record.updated_at = errand.now();
    let shown = view(&record);
    errand.apply(Change::UpdateOrganization { record }).await?;
    answer::ok(&shown)
}

/// DELETE.
pub(crate) async fn delete(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    errand.apply(Change::DeleteOrganization { name: errand.param("name").to_owned() }).await?;
    answer::nothing()
}

async fn find(errand: &Errand) -> Result<OrganizationRecord, Problem> {
    let name = errand.param("name");
    errand.store().organization(name).await?.ok_or_else(|| Problem::not_found(format!("no organization \"{name}\"")))
}

/// The organisation that the body makes of `current`.
fn read(mut f: Fields, current: &OrganizationRecord, is_new: bool) -> Result<OrganizationRecord, Problem> {
    let mut record = current.clone();
    f.read_only(&["created_at", "updated_at", "spend"]);
    record.name = read_name(&mut f, record.name, is_new);
    limits::read(&mut f, &mut record.limits);
    record.models = limits::read_models(&mut f, record.models);
    record.time_zone = limits::read_time_zone(&mut f, record.time_zone);
    record.enabled = f.flag("enabled").or(record.enabled, true);
    record.firewall_policy = firewall::read_policy_name(&mut f, record.firewall_policy);
    f.finish()?;
    Ok(record)
}

fn blank(errand: &Errand) -> OrganizationRecord {
    let now = errand.now();
    OrganizationRecord {
        firewall_policy: None,
        name: String::new(),
        limits: Default::default(),
        models: Vec::new(),
        time_zone: String::from("UTC"),
        enabled: true,
        created_at: now,
        updated_at: now,
    }
}

fn view(record: &OrganizationRecord) -> Map<String, Value> {
    let mut shown = members(json!({ "name": record.name }));
    limits::put(&mut shown, &record.limits);
    shown.extend(members(json!({
        "models": record.models,
        "time_zone": record.time_zone,
        "enabled": record.enabled,
        "firewall_policy": record.firewall_policy,
        "created_at": record.created_at.to_rfc3339(),
        "updated_at": record.updated_at.to_rfc3339(),
    })));
    shown
}
