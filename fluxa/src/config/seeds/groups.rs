//! The sections `teams` and `organizations`, and the fields that they share with keys.

use std::collections::BTreeMap;

use fluxa_domain::cache::{CacheNamespace, CachePolicy};
use fluxa_domain::key::{KeyLimits, OnStoreError};
use fluxa_domain::team::{DEFAULT_ORGANIZATION, OrganizationRecord, TeamRecord};
use fluxa_domain::time::Micros;
use fluxa_domain::validate;

use super::super::error::{At, nearest};
use super::super::reader::{Fields, Reader};
use super::super::values;
use super::{Seeds, judge, not_empty, required, text_map};

/// A team of the file. Its times are not set yet.
#[derive(Clone, Debug)]
pub struct SeedTeam {
    /// The team.
    pub record: TeamRecord,
    /// Where it stands.
    pub at: At,
}

/// An organisation of the file. Its times are not set yet.
#[derive(Clone, Debug)]
pub struct SeedOrganization {
    /// The organisation.
    pub record: OrganizationRecord,
    /// Where it stands.
    pub at: At,
}

pub(super) fn team(r: &mut Reader<'_>, f: &mut Fields) -> Option<SeedTeam> {
    let name = required(r, f, "name");
    let record = TeamRecord {
        firewall_policy: r.optional(f, "firewall_policy", not_empty),
        name: name.unwrap_or_default(),
        organization: r.optional(f, "organization", not_empty),
        limits: limits(r, f),
        models: r.texts(f, "models").into_iter().map(|(_, text)| text).collect(),
        time_zone: r.optional(f, "time_zone", not_empty).unwrap_or_else(|| String::from("UTC")),
        enabled: r.optional(f, "enabled", values::boolean).unwrap_or(true),
        tags: text_map(r, f, "tags"),
        cache: cache(r, f),
        created_at: Micros(0),
        updated_at: Micros(0),
    };
    if !record.name.is_empty() {
        judge(r, f, validate::name("name", &record.name));
    }
    judge(r, f, validate::model_patterns("models", &record.models));
    judge(r, f, validate::key_limits(&record.limits));
    judge(r, f, validate::tags("tags", &record.tags));
    judge(r, f, validate::time_zone("time_zone", &record.time_zone));
    (!record.name.is_empty()).then_some(SeedTeam { record, at: f.at })
}

pub(super) fn organization(r: &mut Reader<'_>, f: &mut Fields) -> Option<SeedOrganization> {
    let name = required(r, f, "name");
    let record = OrganizationRecord {
        firewall_policy: r.optional(f, "firewall_policy", not_empty),
        name: name.unwrap_or_default(),
        limits: limits(r, f),
        models: r.texts(f, "models").into_iter().map(|(_, text)| text).collect(),
        time_zone: r.optional(f, "time_zone", not_empty).unwrap_or_else(|| String::from("UTC")),
        enabled: r.optional(f, "enabled", values::boolean).unwrap_or(true),
        created_at: Micros(0),
        updated_at: Micros(0),
    };
    if !record.name.is_empty() {
        judge(r, f, validate::name("name", &record.name));
    }
    judge(r, f, validate::model_patterns("models", &record.models));
    judge(r, f, validate::key_limits(&record.limits));
    judge(r, f, validate::time_zone("time_zone", &record.time_zone));
    (!record.name.is_empty()).then_some(SeedOrganization { record, at: f.at })
}

pub(super) fn limits(r: &mut Reader<'_>, f: &mut Fields) -> KeyLimits {
    let count = |text: &str| values::whole(text, 0, i64::MAX.unsigned_abs());
    KeyLimits {
        budget_usd_daily: r.optional(f, "budget_usd_daily", values::dollars),
        budget_usd_weekly: r.optional(f, "budget_usd_weekly", values::dollars),
        budget_usd_monthly: r.optional(f, "budget_usd_monthly", values::dollars),
        budget_usd_total: r.optional(f, "budget_usd_total", values::dollars),
        budget_tokens_daily: r.optional(f, "budget_tokens_daily", count),
        budget_tokens_weekly: r.optional(f, "budget_tokens_weekly", count),
        budget_tokens_monthly: r.optional(f, "budget_tokens_monthly", count),
        budget_tokens_total: r.optional(f, "budget_tokens_total", count),
        rate_limit_rpm: r.optional(f, "rate_limit_rpm", count),
        rate_limit_tpm: r.optional(f, "rate_limit_tpm", count),
        max_concurrency: r.optional(f, "max_concurrency", count),
    }
}

/// `model_limits`: a mapping from models or patterns to limits.
pub(super) fn model_limits(r: &mut Reader<'_>, f: &mut Fields) -> BTreeMap<String, KeyLimits> {
    let Some(node) = f.take("model_limits") else { return BTreeMap::new() };
    let Some(mut models) = r.fields(node, &f.path_of("model_limits")) else { return BTreeMap::new() };
    let mut out = BTreeMap::new();
    for pair in models.take_all() {
        let Some(mut fields) = r.fields(pair.node, &models.path_of(&pair.key)) else { continue };
        let limits = limits(r, &mut fields);
        r.finish(fields);
        out.insert(pair.key, limits);
    }
    judge(r, f, validate::model_limits("model_limits", &out));
    out
}

pub(super) fn on_store_error(r: &mut Reader<'_>, f: &mut Fields) -> Option<OnStoreError> {
    r.optional(f, "on_store_error", |text| match text {
        "deny" => Ok(OnStoreError::Deny),
        "local_share" => Ok(OnStoreError::LocalShare),
        "allow" => Ok(OnStoreError::Allow),
        _ => Err(format!("expected deny, local_share or allow, not \"{}\"", values::clip(text))),
    })
}

/// `cache`: `{ ttl_s, shared }`.
pub(super) fn cache(r: &mut Reader<'_>, f: &mut Fields) -> Option<CachePolicy> {
    let node = f.take("cache")?;
    let mut fields = r.fields(node, &f.path_of("cache"))?;
    let before = r.errors.len();
    let ttl_s = r.optional(&mut fields, "ttl_s", |text| values::whole(text, 1, u64::from(validate::MAX_CACHE_TTL_S)));
    let shared = r.optional(&mut fields, "shared", |text| match text {
        "key" => Ok(CacheNamespace::Key),
        "team" => Ok(CacheNamespace::Team),
        _ => Err(format!("expected key or team, not \"{}\"", values::clip(text))),
    });
    if ttl_s.is_none() && r.errors.len() == before {
        r.error(fields.at, &fields.path_of("ttl_s"), "is missing");
    }
    r.finish(fields);
    Some(CachePolicy { ttl_s: u32::try_from(ttl_s?).ok()?, shared: shared.unwrap_or_default() })
}

/// Names that stand twice, and teams of organisations that nobody configured.
pub(super) fn cross_check(r: &mut Reader<'_>, seeds: &Seeds) {
    let organizations: Vec<&str> = seeds.organizations.iter().map(|seed| seed.record.name.as_str()).collect();
    for (index, name) in organizations.iter().enumerate() {
        if let Some(seed) = seeds.organizations.get(index).filter(|_| organizations.iter().take(index).any(|other| other == name)) {
            r.error(seed.at, &format!("organizations[{index}].name"), format!("\"{name}\" stands twice"));
        }
    }
    for (index, seed) in seeds.teams.iter().enumerate() {
        let name = &seed.record.name;
        if seeds.teams.iter().take(index).any(|other| other.record.name == *name) {
            r.error(seed.at, &format!("teams[{index}].name"), format!("\"{name}\" stands twice"));
        }
        let Some(organization) = seed.record.organization.as_deref() else { continue };
        if organization != DEFAULT_ORGANIZATION && !organizations.contains(&organization) {
            let near = nearest(organization, &organizations).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            let message = format!("no organization is called \"{}\"{near}", values::clip(organization));
            r.error(seed.at, &format!("teams[{index}].organization"), message);
        }
    }
}
