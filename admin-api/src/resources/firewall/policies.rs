//! `/admin/firewall/policies`: what is done about which rule. Keys, teams, organisations and routes name them.

use fluxa_domain::change::Change;
use fluxa_domain::firewall::PolicyRecord;
use fluxa_domain::validate;

use super::{Known, treatments};
use crate::answer::{self, Answer, segment};
use crate::json::Fields;
use crate::problem::Problem;
use crate::query::page_by_name;
use crate::serve::Errand;

/// GET: all, by name.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let (rows, next) = page_by_name(errand.store().firewall_policies().await?, |policy| &policy.name, &ask)?;
    answer::page(rows.iter().map(treatments::view).collect(), next)
}

/// GET: one.
pub(crate) async fn get(errand: Errand) -> Answer {
    let policy = find(&errand).await?;
    answer::ok(&treatments::view(&policy))
}

/// POST.
pub(crate) async fn create(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let known = Known::load(errand.store()).await?;
    let mut f = errand.fields()?;
    let name = f.required_text("name");
    if !name.is_empty() {
        f.check(validate::name("name", &name));
    }
    let record = read(f, PolicyRecord { name, ..treatments::blank(errand.now()) }, &known)?;
    if errand.store().firewall_policy(&record.name).await?.is_some() {
        let detail = format!("the name \"{}\" is taken", record.name);
        return Err(Problem::new(http::StatusCode::CONFLICT, "name_taken", detail));
    }
    made(&errand, record).await
}

/// PUT: makes or replaces.
pub(crate) async fn put(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let known = Known::load(errand.store()).await?;
    let name = errand.param("name").to_owned();
    let mut f = errand.fields()?;
    f.check(validate::name("name", &name));
    same_name(&mut f, &name);
    let current = errand.store().firewall_policy(&name).await?;
    let created_at = current.as_ref().map_or(errand.now(), |policy| policy.created_at);
    let record = read(f, PolicyRecord { name, created_at, ..treatments::blank(errand.now()) }, &known)?;
    if current.is_none() {
        return made(&errand, record).await;
    }
    let shown = treatments::view(&record);
    errand.apply(Change::PutFirewallPolicy { record }).await?;
    answer::ok(&shown)
}

/// PATCH: merges.
pub(crate) async fn update(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let current = find(&errand).await?;
    let known = Known::load(errand.store()).await?;
    let mut f = errand.fields()?;
    same_name(&mut f, &current.name);
    let mut record = read(f, current, &known)?;
    record.updated_at = errand.now();
    let shown = treatments::view(&record);
    errand.apply(Change::PutFirewallPolicy { record }).await?;
    answer::ok(&shown)
}

/// DELETE.
pub(crate) async fn delete(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    if errand.desk.admin.firewall_policy.as_deref() == Some(errand.param("name")) {
        find(&errand).await?;
        let detail = "the setting firewall.policy names it: calls for which nobody gives a policy would go unguarded";
        return Err(Problem::new(http::StatusCode::CONFLICT, "in_use", detail));
    }
    errand.apply(Change::DeleteFirewallPolicy { name: errand.param("name").to_owned() }).await?;
    answer::nothing()
}

async fn find(errand: &Errand) -> Result<PolicyRecord, Problem> {
    let name = errand.param("name");
    errand.store().firewall_policy(name).await?.ok_or_else(|| Problem::not_found(format!("no firewall policy \"{name}\"")))
}

async fn made(errand: &Errand, record: PolicyRecord) -> Answer {
    let (location, shown) = (format!("/admin/firewall/policies/{}", segment(&record.name)), treatments::view(&record));
    errand.apply(Change::PutFirewallPolicy { record }).await?;
    answer::created(&location, &shown)
}

fn read(mut f: Fields, mut policy: PolicyRecord, known: &Known) -> Result<PolicyRecord, Problem> {
    f.read_only(&["created_at", "updated_at"]);
    treatments::read(&mut f, &mut policy, known);
    f.finish()?;
    Ok(policy)
}

/// A name is for good: keys, teams, organisations and routes go by it.
fn same_name(f: &mut Fields, name: &str) {
    if f.text("name").value().is_some_and(|given| given != name) {
        f.fault("name", "cannot be changed: keys, teams, organizations and routes go by it");
    }
}
