//! The sections `providers`, `routes`, `organizations`, `teams`, `keys` and `firewall`: what an empty database begins with.

pub mod firewall;
mod groups;

use std::collections::BTreeMap;

use fluxa_domain::budget::BudgetMode;
use fluxa_domain::key::{KeyRecord, public_id};
use fluxa_domain::provider::{ApiKey, MAX_CONCURRENCY, MAX_PROBE_S, MIN_PROBE_S, ProviderRecord, ProviderSecrets, Timeouts};
use fluxa_domain::route::{RouteRecord, RouteTarget, Strategy};
use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;
use fluxa_domain::validate::{self, FieldError};
use fluxa_domain::vendors::{VENDORS, vendor};

use super::error::{At, nearest};
use super::reader::{Fields, Reader};
use super::tree::{Node, Value};
use super::values;
pub use firewall::{SeedPolicy, SeedRule};
pub use groups::{SeedOrganization, SeedTeam};

/// The seeds of the file.
#[derive(Clone, Debug, Default)]
pub struct Seeds {
    /// Section `providers`.
    pub providers: Vec<SeedProvider>,
    /// Section `routes`.
    pub routes: Vec<SeedRoute>,
    /// Section `organizations`.
    pub organizations: Vec<SeedOrganization>,
    /// Section `teams`.
    pub teams: Vec<SeedTeam>,
    /// Section `keys`.
    pub keys: Vec<SeedKey>,
    /// `firewall.rules`.
    pub rules: Vec<SeedRule>,
    /// `firewall.policies`.
    pub policies: Vec<SeedPolicy>,
}

/// A provider of the file. Its times are not set yet.
#[derive(Clone, Debug)]
pub struct SeedProvider {
    /// What is stored in clear.
    pub record: ProviderRecord,
    /// What is sealed.
    pub secrets: ProviderSecrets,
    /// Where it stands.
    pub at: At,
}

/// A route of the file.
#[derive(Clone, Debug)]
pub struct SeedRoute {
    /// The route.
    pub record: RouteRecord,
    /// Where it stands.
    pub at: At,
}

/// A key of the file. Its id, last characters and times are not set yet.
#[derive(Clone, Debug)]
pub struct SeedKey {
    /// The key without its secret.
    pub record: KeyRecord,
    /// Its secret, where the file fixes it; else one is made and printed once.
    pub fixed: Option<Secret<String>>,
    /// Where it stands.
    pub at: At,
}

/// The largest weight, so that sums of weights stay small.
const MAX_WEIGHT: u64 = 1_000_000;
/// The most extra attempts at one target.
const MAX_RETRIES: u64 = 5;

/// Reads the five sections, beside what the section `firewall` holds.
pub fn read(r: &mut Reader<'_>, top: &mut Fields, (rules, policies): (Vec<SeedRule>, Vec<SeedPolicy>)) -> Seeds {
    let providers = each(r, top, "providers", provider);
    let routes = each(r, top, "routes", route);
    let keys = each(r, top, "keys", key);
    let organizations = each(r, top, "organizations", groups::organization);
    let teams = each(r, top, "teams", groups::team);
    let seeds = Seeds { providers, routes, organizations, teams, keys, rules, policies };
    cross_check(r, &seeds);
    groups::cross_check(r, &seeds);
    firewall::cross_check(r, &seeds);
    seeds
}

fn each<T>(r: &mut Reader<'_>, top: &mut Fields, name: &'static str, read: fn(&mut Reader<'_>, &mut Fields) -> Option<T>) -> Vec<T> {
    let Some(node) = top.take(name) else { return Vec::new() };
    let mut out = Vec::new();
    let path = top.path_of(name);
    for (path, node) in r.list(node, &path) {
        let Some(mut fields) = r.fields(node, &path) else { continue };
        let item = read(r, &mut fields);
        r.finish(fields);
        out.extend(item);
    }
    out
}

fn provider(r: &mut Reader<'_>, f: &mut Fields) -> Option<SeedProvider> {
    let name = required(r, f, "name");
    let kind = r.optional(f, "kind", |text| match vendor(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(unknown_kind(text)),
    });
    let single = r.optional(f, "api_key", key_text);
    let mut api_keys: Vec<ApiKey> = single.into_iter().map(|key| ApiKey { key: Secret::new(key), weight: 1 }).collect();
    api_keys.extend(weighted_keys(r, f));
    let secret = |text: &str| key_text(text).map(Secret::new);
    let secrets = ProviderSecrets {
        api_keys,
        access_key_id: r.optional(f, "access_key_id", secret),
        secret_access_key: r.optional(f, "secret_access_key", secret),
        session_token: r.optional(f, "session_token", secret),
    };
    let record = ProviderRecord {
        name: String::new(),
        kind: String::new(),
        base_url: r.optional(f, "base_url", base_url),
        anthropic_base_url: r.optional(f, "anthropic_base_url", base_url),
        headers: text_map(r, f, "headers"),
        timeouts: timeouts(r, f),
        api_version: r.optional(f, "api_version", not_empty),
        deployments: text_map(r, f, "deployments"),
        region: r.optional(f, "region", not_empty),
        max_concurrency: r
            .optional(f, "max_concurrency", |text| values::whole(text, 1, MAX_CONCURRENCY))
            .and_then(|n| u32::try_from(n).ok()),
        probe_every_s: r
            .optional(f, "probe_every_s", |text| values::whole(text, MIN_PROBE_S, MAX_PROBE_S))
            .and_then(|n| u32::try_from(n).ok()),
        enabled: r.optional(f, "enabled", values::boolean).unwrap_or(true),
        created_at: Micros(0),
        updated_at: Micros(0),
    };
    let name = name?;
    judge(r, f, validate::name("name", &name));
    judge(r, f, validate::headers("headers", &record.headers));
    if let Some(region) = &record.region {
        judge(r, f, validate::region("region", region));
    }
    // `name: openai` alone says enough.
    let kind = match kind.or_else(|| vendor(&name).map(|v| v.kind.to_owned())) {
        Some(kind) => kind,
        None => {
            if !r.errors.iter().any(|error| error.key == f.path_of("kind")) {
                r.error(f.at, &f.path_of("kind"), format!("is missing; {}", kinds()));
            }
            return None;
        }
    };
    let needs_key = vendor(&kind).is_some_and(|v| !v.key_optional) && kind != "bedrock";
    if needs_key && secrets.api_keys.is_empty() && !r.errors.iter().any(|error| error.key.starts_with(&f.path_of("api_key"))) {
        r.error(f.at, &f.path_of("api_key"), format!("is missing: a provider of kind \"{kind}\" needs one"));
    }
    Some(SeedProvider { record: ProviderRecord { name, kind, ..record }, secrets, at: f.at })
}

fn weighted_keys(r: &mut Reader<'_>, f: &mut Fields) -> Vec<ApiKey> {
    let Some(node) = f.take("api_keys") else { return Vec::new() };
    let path = f.path_of("api_keys");
    let mut keys = Vec::new();
    for (path, node) in r.list(node, &path) {
        if let Value::Map(_) = node.value {
            let Some(mut fields) = r.fields(node, &path) else { continue };
            let key = required_as(r, &mut fields, "key", key_text);
            let weight = weight(r, &mut fields);
            r.finish(fields);
            keys.extend(key.map(|key| ApiKey { key: Secret::new(key), weight }));
        } else if let Some(text) = r.text(&node, &path) {
            match key_text(&text) {
                Ok(key) => keys.push(ApiKey { key: Secret::new(key), weight: 1 }),
                Err(message) => r.error(node.at, &path, message),
            }
        }
    }
    keys
}

fn timeouts(r: &mut Reader<'_>, f: &mut Fields) -> Timeouts {
    let Some(node) = f.take("timeouts") else { return Timeouts::default() };
    let Some(mut fields) = r.fields(node, &f.path_of("timeouts")) else { return Timeouts::default() };
    let ms = |text: &str| values::positive_duration(text).map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
    let timeouts = Timeouts {
        connect_ms: r.optional(&mut fields, "connect", ms),
        first_byte_ms: r.optional(&mut fields, "first_byte", ms),
        idle_ms: r.optional(&mut fields, "idle", ms),
    };
    r.finish(fields);
    timeouts
}

fn route(r: &mut Reader<'_>, f: &mut Fields) -> Option<SeedRoute> {
    let model = required(r, f, "model");
    let single = r.optional(f, "provider", not_empty);
    let targets = f.take("targets").map(|node| targets(r, node, &f.path_of("targets")));
    let fallback = f.take("fallback").map(|node| self::targets(r, node, &f.path_of("fallback"))).unwrap_or_default();
    let strategy = r.optional(f, "strategy", Strategy::parse);
    let prompt_affinity = r.optional(f, "prompt_affinity", values::boolean);
    let retries = r.optional(f, "retries", |text| values::whole(text, 0, MAX_RETRIES));
    let timeout = r.optional(f, "timeout", values::positive_duration);
    let firewall_policy = r.optional(f, "firewall_policy", not_empty);
    let targets = match (single, targets) {
        (Some(provider), None) => vec![RouteTarget { provider, model: None, weight: 1 }],
        (None, Some(targets)) if !targets.is_empty() => targets,
        (Some(_), Some(_)) => {
            r.error(f.at, &f.path, "give either provider or targets, not both");
            return None;
        }
        (None, _) => {
            r.error(f.at, &f.path, "needs a provider (or targets)");
            return None;
        }
    };
    let record = RouteRecord {
        firewall_policy,
        model: model?,
        targets,
        fallback,
        strategy: strategy.unwrap_or_default(),
        retries: retries.and_then(|n| u32::try_from(n).ok()),
        timeout_ms: timeout.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        prompt_affinity: prompt_affinity.unwrap_or_default(),
    };
    Some(SeedRoute { record, at: f.at })
}

/// Entries are provider names, or `{provider, model, weight}`.
fn targets(r: &mut Reader<'_>, node: Node, path: &str) -> Vec<RouteTarget> {
    let mut out = Vec::new();
    for (path, node) in r.list(node, path) {
        if let Value::Map(_) = node.value {
            let Some(mut fields) = r.fields(node, &path) else { continue };
            let provider = required(r, &mut fields, "provider");
            let model = r.optional(&mut fields, "model", not_empty);
            let weight = weight(r, &mut fields);
            r.finish(fields);
            out.extend(provider.map(|provider| RouteTarget { provider, model, weight }));
        } else if let Some(provider) = r.text(&node, &path) {
            out.push(RouteTarget { provider, model: None, weight: 1 });
        }
    }
    out
}

fn key(r: &mut Reader<'_>, f: &mut Fields) -> Option<SeedKey> {
    let name = required(r, f, "name");
    let fixed = r.optional(f, "key", |text| match public_id(text) {
        Some(_) => Ok(Secret::new(text.to_owned())),
        None => Err(String::from("is no key made by fluxa (vk-…, with its checksum); leave it out and one is made and printed once")),
    });
    let limits = groups::limits(r, f);
    let models = r.texts(f, "models").into_iter().map(|(_, text)| text).collect();
    let mut ip_allowlist = Vec::new();
    for (at, text) in r.texts(f, "ip_allowlist") {
        match values::cidr(&text) {
            Ok(range) => ip_allowlist.push(range),
            Err(message) => r.error(at, &f.path_of("ip_allowlist"), message),
        }
    }
    let budget_mode = r.optional(f, "budget_mode", |text| match text {
        "strict" => Ok(BudgetMode::Strict),
        "balanced" => Ok(BudgetMode::Balanced),
        _ => Err(format!("expected strict or balanced, not \"{}\"", values::clip(text))),
    });
    let record = KeyRecord {
        firewall_policy: r.optional(f, "firewall_policy", not_empty),
        id: String::new(),
        name: name.unwrap_or_default(),
        models,
        limits,
        model_limits: groups::model_limits(r, f),
        on_store_error: groups::on_store_error(r, f),
        cache: groups::cache(r, f),
        budget_mode: budget_mode.unwrap_or_default(),
        budget_clamp: r.optional(f, "budget_clamp", values::boolean).unwrap_or(false),
        time_zone: r.optional(f, "time_zone", not_empty).unwrap_or_else(|| String::from("UTC")),
        show_spend: r.optional(f, "show_spend", values::boolean).unwrap_or(false),
        expires_at: r.optional(f, "expires_at", values::moment),
        ip_allowlist,
        enabled: r.optional(f, "enabled", values::boolean).unwrap_or(true),
        team: r.optional(f, "team", not_empty),
        tags: text_map(r, f, "tags"),
        last4: String::new(),
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
    (!record.name.is_empty()).then_some(SeedKey { record, fixed, at: f.at })
}

/// Names that stand twice, and routes to providers that nobody configured.
fn cross_check(r: &mut Reader<'_>, seeds: &Seeds) {
    let mut names: Vec<&str> = Vec::new();
    for (index, provider) in seeds.providers.iter().enumerate() {
        if names.contains(&provider.record.name.as_str()) {
            r.error(provider.at, &format!("providers[{index}].name"), format!("\"{}\" stands twice", provider.record.name));
        }
        names.push(&provider.record.name);
    }
    let twice = |texts: Vec<(&str, At)>| -> Option<(String, At)> {
        texts
            .iter()
            .enumerate()
            .find(|(i, (name, _))| texts.iter().take(*i).any(|(other, _)| other == name))
            .map(|(_, (name, at))| ((*name).to_owned(), *at))
    };
    if let Some((name, at)) = twice(seeds.routes.iter().map(|route| (route.record.model.as_str(), route.at)).collect()) {
        r.error(at, "routes", format!("model \"{name}\" has two routes; put both providers into one"));
    }
    if let Some((name, at)) = twice(seeds.keys.iter().map(|key| (key.record.name.as_str(), key.at)).collect()) {
        r.error(at, "keys", format!("the name \"{name}\" stands twice"));
    }
    // Without providers in the file, those of the environment are meant, and they are named after their kinds.
    if seeds.providers.is_empty() {
        names = VENDORS.iter().map(|v| v.kind).collect();
    }
    for (index, route) in seeds.routes.iter().enumerate() {
        for target in route.record.targets.iter().chain(&route.record.fallback) {
            if !names.contains(&target.provider.as_str()) {
                let near = nearest(&target.provider, &names).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
                r.error(
                    route.at,
                    &format!("routes[{index}]"),
                    format!("no provider is called \"{}\"{near}", values::clip(&target.provider)),
                );
            }
        }
    }
}

fn required(r: &mut Reader<'_>, f: &mut Fields, name: &'static str) -> Option<String> {
    required_as(r, f, name, not_empty)
}

fn required_as(r: &mut Reader<'_>, f: &mut Fields, name: &'static str, parse: fn(&str) -> Result<String, String>) -> Option<String> {
    let before = r.errors.len();
    let value = r.optional(f, name, parse);
    if value.is_none() && r.errors.len() == before {
        r.error(f.at, &f.path_of(name), "is missing");
    }
    value
}

fn weight(r: &mut Reader<'_>, f: &mut Fields) -> u32 {
    r.optional(f, "weight", |text| values::whole(text, 1, MAX_WEIGHT)).and_then(|n| u32::try_from(n).ok()).unwrap_or(1)
}

fn text_map(r: &mut Reader<'_>, f: &mut Fields, name: &'static str) -> BTreeMap<String, String> {
    let Some(node) = f.take(name) else { return BTreeMap::new() };
    let path = f.path_of(name);
    let Some(mut fields) = r.fields(node, &path) else { return BTreeMap::new() };
    let mut out = BTreeMap::new();
    for pair in fields.take_all() {
        let path = fields.path_of(&pair.key);
        if let Some(text) = r.text(&pair.node, &path) {
            out.insert(pair.key, text);
        }
    }
    out
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err(String::from("is empty")) } else { Ok(text.to_owned()) }
}

/// A secret of a vendor: it is sent in a header. A line break at its end comes from a file and is no part of it.
fn key_text(text: &str) -> Result<String, String> {
    let text = not_empty(text)?;
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(String::from("holds a character that no key has (a space, a line break, or beyond ASCII)"))
}

/// The same check as the admin API's; a slash at the end means nothing.
fn base_url(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    validate::base_url("", text).map(|()| text.to_owned()).map_err(|error| error.message)
}

/// Notes what the admin API would refuse: seeds come in by another door, so they are judged here.
fn judge(r: &mut Reader<'_>, f: &Fields, verdict: Result<(), FieldError>) {
    if let Err(error) = verdict {
        let key = f.path_of(&error.field);
        r.error(f.at, &key, error.message);
    }
}

fn unknown_kind(text: &str) -> String {
    let known: Vec<&str> = VENDORS.iter().map(|v| v.kind).collect();
    match nearest(text, &known) {
        Some(near) => format!("unknown kind \"{}\"; did you mean \"{near}\"?", values::clip(text)),
        None => format!("unknown kind \"{}\"; {}", values::clip(text), kinds()),
    }
}

fn kinds() -> String {
    let known: Vec<&str> = VENDORS.iter().map(|v| v.kind).collect();
    format!("known kinds: {}", known.join(", "))
}
