//! Reads a provider from a body, over the current one (or over a blank one).

use std::net::IpAddr;

use fluxa_domain::net::{EgressPolicy, egress_allowed};
use fluxa_domain::provider::{ApiKey, MAX_CONCURRENCY, MAX_PROBE_S, MIN_PROBE_S, Provider, ProviderRecord, ProviderSecrets, Timeouts};
use fluxa_domain::secret::Secret;
use fluxa_domain::validate;
use fluxa_domain::vendors::{Style, VENDORS, vendor};

use crate::json::{Fields, Given, merge};
use crate::problem::Problem;

/// API keys of one provider: a rotation of more is a mistake.
const MAX_API_KEYS: usize = 64;
/// The largest weight of a key; shares finer than a thousandth are noise.
const MAX_WEIGHT: u64 = 1_000;
/// A timeout in milliseconds as a number; the rule behind it is [`validate::timeout_ms`].
const MAX_TIMEOUT_MS: u64 = 86_400_000;

/// The provider that the body makes of `current`; secrets are `None` when the body has none.
pub(super) fn read(
    mut f: Fields,
    current: &Provider,
    is_new: bool,
    egress: &EgressPolicy,
) -> Result<(ProviderRecord, Option<ProviderSecrets>), Problem> {
    let mut record = current.record.clone();
    f.read_only(&["created_at", "updated_at"]);
    read_name_and_kind(&mut f, &mut record, is_new);
    for (field, slot) in [("base_url", &mut record.base_url), ("anthropic_base_url", &mut record.anthropic_base_url)] {
        let url = f.text_as(field, |text| base_url(text, egress));
        *slot = url.over(slot.take());
    }
    let headers = f.map("headers", |_, _| Ok(()));
    record.headers = merge(headers, &record.headers);
    f.check(validate::headers("headers", &record.headers));
    record.timeouts = f.object("timeouts", |t| timeouts(t, current.record.timeouts)).or_default(record.timeouts);
    record.api_version = f.text_as("api_version", api_version).over(record.api_version);
    let deployments = f.map("deployments", |model, deployment| {
        validate::name("deployments", model).and_then(|()| validate::name("deployments", deployment)).map_err(|e| e.message)
    });
    record.deployments = merge(deployments, &record.deployments);
    record.region = f.text_as("region", region).over(record.region);
    record.max_concurrency = number(f.count("max_concurrency", MAX_CONCURRENCY), record.max_concurrency);
    record.probe_every_s = number(f.count("probe_every_s", MAX_PROBE_S), record.probe_every_s);
    if record.max_concurrency == Some(0) {
        f.fault("max_concurrency", "must be at least 1; a provider that is to get no calls is disabled");
    }
    if record.probe_every_s.is_some_and(|s| u64::from(s) < MIN_PROBE_S) {
        f.fault("probe_every_s", format!("must be at least {MIN_PROBE_S}"));
    }
    record.enabled = f.flag("enabled").or(record.enabled, true);
    let secrets = read_secrets(&mut f, &current.secrets);
    check_whole(&mut f, &record, secrets.as_ref().unwrap_or(&current.secrets));
    f.finish()?;
    Ok((record, secrets))
}

fn number(given: Given<u64>, former: Option<u32>) -> Option<u32> {
    given.over(former.map(u64::from)).and_then(|n| u32::try_from(n).ok())
}

fn read_name_and_kind(f: &mut Fields, record: &mut ProviderRecord, is_new: bool) {
    if is_new {
        record.name = f.required_text("name");
        if !record.name.is_empty() {
            f.check(validate::name("name", &record.name));
        }
        record.kind = f.required_text("kind");
    } else {
        if f.text("name").value().is_some_and(|name| name != record.name) {
            f.fault("name", "cannot be changed: routes refer to it");
        }
        if let Given::Value(kind) = f.text("kind") {
            record.kind = kind;
        }
    }
    if !record.kind.is_empty() && vendor(&record.kind).is_none() {
        let known: Vec<_> = VENDORS.iter().map(|vendor| vendor.kind).collect();
        f.fault("kind", format!("is no known vendor; known are {}", known.join(", ")));
    }
}

/// What fits together or does not, once every field is read.
fn check_whole(f: &mut Fields, record: &ProviderRecord, secrets: &ProviderSecrets) {
    let Some(vendor) = vendor(&record.kind) else { return };
    if secrets.access_key_id.is_some() != secrets.secret_access_key.is_some() {
        f.fault("secret_access_key", "access_key_id and secret_access_key belong together");
    }
    if vendor.base_url.is_empty() && record.base_url.is_none() && !vendor.key_optional {
        f.fault("base_url", format!("is required for kind {}, which has no address of its own", vendor.kind));
    }
    let has_key = !secrets.api_keys.is_empty() || secrets.access_key_id.is_some();
    // A server of one's own at `base_url` may well take no key; the vendor's own address never does.
    // Signed requests can do with the credentials of the environment.
    let may_lack_key = vendor.key_optional || vendor.style == Style::Bedrock;
    if !has_key && !may_lack_key && record.base_url.is_none() && !vendor.base_url.is_empty() {
        f.fault("api_key", format!("is required for kind {} at its own address", vendor.kind));
    }
}

fn read_secrets(f: &mut Fields, current: &ProviderSecrets) -> Option<ProviderSecrets> {
    let one = f.text_as("api_key", |text| secret(text).map(|key| vec![ApiKey { key, weight: 1 }]));
    let many = f.each("api_keys", MAX_API_KEYS, |item| {
        if item.is_text() {
            return item.text_as(|text| secret(&text).map(|key| ApiKey { key, weight: 1 }));
        }
        item.object(|k| {
            if !k.has("key") {
                k.fault("key", "is required");
            }
            let key = k.text_as("key", secret).value();
            let weight = k.count("weight", MAX_WEIGHT).or(1, 1);
            if weight == 0 {
                k.fault("weight", "must be at least 1");
            }
            key.map(|key| ApiKey { key, weight: u32::try_from(weight).unwrap_or(1) })
        })
        .flatten()
    });
    if one.is_given() && many.is_given() {
        f.fault("api_keys", "give either api_key or api_keys");
    }
    let aws = ["access_key_id", "secret_access_key", "session_token"].map(|field| f.text_as(field, secret));
    let keys = if one.is_given() { one } else { many };
    if !keys.is_given() && !aws.iter().any(Given::is_given) {
        return None;
    }
    let [access_key_id, secret_access_key, session_token] = aws;
    Some(ProviderSecrets {
        api_keys: keys.or_default(current.api_keys.clone()),
        access_key_id: access_key_id.over(current.access_key_id.clone()),
        secret_access_key: secret_access_key.over(current.secret_access_key.clone()),
        session_token: session_token.over(current.session_token.clone()),
    })
}

/// A secret goes into a header, so it is printable ASCII; the message never repeats it.
fn secret(text: &str) -> Result<Secret<String>, String> {
    if text.is_empty() {
        return Err(String::from("must not be empty"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(String::from("must be printable ASCII without spaces"));
    }
    Ok(Secret::new(text.to_owned()))
}

fn timeouts(t: &mut Fields, current: Timeouts) -> Timeouts {
    Timeouts {
        connect_ms: timeout(t, "connect", "connect_ms", current.connect_ms),
        first_byte_ms: timeout(t, "first_byte", "first_byte_ms", current.first_byte_ms),
        idle_ms: timeout(t, "idle", "idle_ms", current.idle_ms),
    }
}

fn timeout(t: &mut Fields, name: &'static str, name_ms: &'static str, current: Option<u64>) -> Option<u64> {
    let (text, number) = (t.duration_ms(name), t.count(name_ms, MAX_TIMEOUT_MS));
    if text.is_given() && number.is_given() {
        t.fault(name_ms, format!("give either {name} or {name_ms}"));
    }
    let given = if text.is_given() { text } else { number };
    if let Given::Value(ms) = given {
        t.check(validate::timeout_ms(name, ms));
    }
    given.over(current)
}

fn base_url(text: &str, egress: &EgressPolicy) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    validate::base_url("base_url", url).map_err(|e| e.message)?;
    // Names are judged when connecting; a literal address can be judged now, and said so at once.
    if let Some(ip) = literal_address(url) {
        egress_allowed(egress, ip).map_err(|why| {
            let setting = if why.contains("metadata") { "upstream.allow_metadata" } else { "upstream.allow_private" };
            format!("leads to {why}, which this installation does not allow (see {setting})")
        })?;
    }
    Ok(url.to_owned())
}

fn literal_address(url: &str) -> Option<IpAddr> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?.parse().ok().map(IpAddr::V6),
        None => authority.split(':').next()?.parse().ok(),
    }
}

fn api_version(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if fits { Ok(text.to_owned()) } else { Err(String::from("must be like 2024-10-21")) }
}

fn region(text: &str) -> Result<String, String> {
    validate::region("region", text).map(|()| text.to_owned()).map_err(|error| error.message)
}
