//! `/admin/teams`: keys that share limits. A key names its team; the name is for good, because counters and the ledger go by it.

use fluxa_domain::change::Change;
use fluxa_domain::scope;
use fluxa_domain::team::{DEFAULT_ORGANIZATION, TeamRecord};
use fluxa_domain::validate;
use serde_json::{Map, Value, json};

use super::{firewall, limits, spend};
use crate::answer::{self, Answer, segment};
use crate::json::{Fields, merge};
use crate::problem::Problem;
use crate::query::page_by_name;
use crate::serve::Errand;
use crate::show::members;

/// GET: all, by name.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let mut teams = errand.store().teams().await?;
    if let Some(organization) = errand.query.text("organization") {
        teams.retain(|team| organization_of(team) == organization);
    }
    let (rows, next) = page_by_name(teams, |team| &team.name, &ask)?;
    answer::page(rows.iter().map(|team| Value::Object(view(team))).collect(), next)
}

/// GET: one, with what its keys spent.
pub(crate) async fn get(errand: Errand) -> Answer {
    let team = find(&errand).await?;
    let mut shown = view(&team);
    let scope = scope::team(&team.name);
    let holder = spend::Holder { organization: organization_of(&team), scope: &scope, limits: &team.limits, time_zone: &team.time_zone };
    shown.insert(String::from("spend"), spend::standing(&errand, holder).await?);
    answer::ok(&shown)
}

/// POST.
pub(crate) async fn create(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let record = read(errand.fields()?, &blank(&errand), true)?;
    check_organization(&errand, &record).await?;
    firewall::check_policy_name(&errand, None, record.firewall_policy.as_ref()).await?;
    let (location, shown) = (format!("/admin/teams/{}", segment(&record.name)), view(&record));
    errand.apply(Change::CreateTeam { record }).await?;
    answer::created(&location, &shown)
}

/// PATCH: merges.
pub(crate) async fn update(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let current = find(&errand).await?;
    let mut record = read(errand.fields()?, &current, false)?;
    check_organization(&errand, &record).await?;
    firewall::check_policy_name(&errand, current.firewall_policy.as_ref(), record.firewall_policy.as_ref()).await?;
    record.updated_at = errand.now();
    let shown = view(&record);
    errand.apply(Change::UpdateTeam { record }).await?;
    answer::ok(&shown)
}

/// DELETE.
pub(crate) async fn delete(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    errand.apply(Change::DeleteTeam { name: errand.param("name").to_owned() }).await?;
    answer::nothing()
}

async fn find(errand: &Errand) -> Result<TeamRecord, Problem> {
    let name = errand.param("name");
    errand.store().team(name).await?.ok_or_else(|| Problem::not_found(format!("no team \"{name}\"")))
}

/// The organisation that a team names must exist; the default one always does.
async fn check_organization(errand: &Errand, record: &TeamRecord) -> Result<(), Problem> {
    match record.organization.as_deref() {
        None | Some(DEFAULT_ORGANIZATION) => Ok(()),
        Some(name) if errand.store().organization(name).await?.is_some() => Ok(()),
        Some(name) => Err(Problem::field("organization", format!("no organization \"{name}\""))),
    }
}

fn organization_of(team: &TeamRecord) -> &str {
    team.organization.as_deref().unwrap_or(DEFAULT_ORGANIZATION)
}

/// The team that the body makes of `current`.
fn read(mut f: Fields, current: &TeamRecord, is_new: bool) -> Result<TeamRecord, Problem> {
    let mut team = current.clone();
    f.read_only(&["created_at", "updated_at", "spend"]);
    team.name = read_name(&mut f, team.name, is_new);
    team.organization = f
        .text_as("organization", |text| validate::name("organization", text).map(|()| text.to_owned()).map_err(|e| e.message))
        .over(team.organization);
    limits::read(&mut f, &mut team.limits);
    team.models = limits::read_models(&mut f, team.models);
    team.time_zone = limits::read_time_zone(&mut f, team.time_zone);
    team.enabled = f.flag("enabled").or(team.enabled, true);
    let tags = f.map("tags", |_, _| Ok(()));
    team.tags = merge(tags, &team.tags);
    f.check(validate::tags("tags", &team.tags));
    team.cache = limits::read_cache(&mut f, team.cache);
    team.firewall_policy = firewall::read_policy_name(&mut f, team.firewall_policy);
    f.finish()?;
    Ok(team)
}

/// Reads the name of something new, or refuses another one for something that has its own.
pub(super) fn read_name(f: &mut Fields, current: String, is_new: bool) -> String {
    if !is_new {
        if f.text("name").value().is_some_and(|name| name != current) {
            f.fault("name", "cannot be changed: counters and the ledger go by it");
        }
        return current;
    }
    let name = f.required_text("name");
    if !name.is_empty() {
        f.check(validate::name("name", &name));
    }
    name
}

fn blank(errand: &Errand) -> TeamRecord {
    let now = errand.now();
    TeamRecord {
        firewall_policy: None,
        name: String::new(),
        organization: None,
        limits: Default::default(),
        models: Vec::new(),
        time_zone: String::from("UTC"),
        enabled: true,
        tags: Default::default(),
        cache: None,
        created_at: now,
        updated_at: now,
    }
}

fn view(team: &TeamRecord) -> Map<String, Value> {
    let mut shown = members(json!({ "name": team.name, "organization": team.organization }));
    limits::put(&mut shown, &team.limits);
    shown.extend(members(json!({
        "models": team.models,
        "time_zone": team.time_zone,
        "enabled": team.enabled,
        "tags": team.tags,
        "cache": team.cache,
        "firewall_policy": team.firewall_policy,
        "created_at": team.created_at.to_rfc3339(),
        "updated_at": team.updated_at.to_rfc3339(),
    })));
    shown
}
