//! Providers from the environment: one for each `<KIND>_API_KEY` that is set.
//!
//! `<KIND>_API_KEYS` takes several keys, comma-separated; `<KIND>_BASE_URL` overrides the address and is enough by
//! itself for vendors that need no key.

use std::collections::BTreeMap;

use fluxa_domain::provider::{ApiKey, Provider, ProviderRecord, ProviderSecrets, Timeouts};
use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;
use fluxa_domain::validate;
use fluxa_domain::vendors::{VENDORS, Vendor};

/// A provider of the environment.
#[derive(Clone, Debug)]
pub struct FromEnvironment {
    /// What is stored in clear; its times are not set yet.
    pub record: ProviderRecord,
    /// What is sealed.
    pub secrets: ProviderSecrets,
    /// The variable that made it.
    pub variable: String,
}

/// The kind that only `fluxa demo` starts.
const DEMO_KIND: &str = "echo";

/// `OPENAI` for `OPENAI_API_KEY`: the beginning of a vendor's variables.
fn prefixes(vendor: &Vendor) -> Vec<String> {
    let by_kind = vendor.kind.to_ascii_uppercase().replace(['-', '.'], "_");
    let by_row = vendor.env.strip_suffix("_API_KEY").map(str::to_owned);
    let mut out: Vec<String> = by_row.into_iter().collect();
    if !out.contains(&by_kind) {
        out.push(by_kind);
    }
    out
}

/// All providers that the environment makes, in the vendors' order.
///
/// # Errors
/// A sentence that names the variable.
pub fn providers(env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<FromEnvironment>, String> {
    let set = |name: String| env(&name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).map(|value| (name, value));
    let mut found = Vec::new();
    for vendor in VENDORS.iter().filter(|vendor| vendor.kind != DEMO_KIND) {
        let mut api_keys: Vec<ApiKey> = Vec::new();
        let mut variable: Option<String> = None;
        let mut base_url: Option<String> = None;
        for prefix in prefixes(vendor) {
            let one = set(format!("{prefix}_API_KEY"));
            let several = set(format!("{prefix}_API_KEYS"));
            for (name, value) in one.into_iter().chain(several) {
                let parts: Vec<&str> = if name.ends_with("S") {
                    value.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
                } else {
                    vec![&value]
                };
                for part in parts {
                    if !part.bytes().all(|b| b.is_ascii_graphic()) {
                        return Err(format!("{name} holds a character that no API key has (a space, a line break, or beyond ASCII)"));
                    }
                    if !api_keys.iter().any(|known| known.key.expose() == part) {
                        api_keys.push(ApiKey { key: Secret::new(part.to_owned()), weight: 1 });
                    }
                }
                variable = variable.or(Some(name));
            }
            if let Some((name, url)) = set(format!("{prefix}_BASE_URL")) {
                let url = url.trim_end_matches('/').to_owned();
                validate::base_url(&name, &url).map_err(|error| error.to_string())?;
                if vendor.key_optional {
                    variable = variable.or(Some(name));
                }
                base_url = base_url.or(Some(url));
            }
        }
        let Some(variable) = variable else { continue };
        found.push(FromEnvironment {
            record: record(vendor, base_url),
            secrets: ProviderSecrets { api_keys, ..ProviderSecrets::default() },
            variable,
        });
    }
    Ok(found)
}

fn record(vendor: &Vendor, base_url: Option<String>) -> ProviderRecord {
    ProviderRecord {
        name: vendor.kind.to_owned(),
        kind: vendor.kind.to_owned(),
        base_url,
        anthropic_base_url: None,
        headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        api_version: None,
        deployments: BTreeMap::new(),
        region: None,
        max_concurrency: None,
        probe_every_s: None,
        enabled: true,
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

/// What differs between the environment and a database that is not empty, one sentence each.
///
/// `from_environment` names the providers that the environment made at the first start; nothing is changed.
#[must_use]
pub fn drift(stored: &[Provider], from_environment: &[String], env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let Ok(now) = providers(env) else { return Vec::new() };
    let mut hints = Vec::new();
    for candidate in now {
        let name = &candidate.record.name;
        match stored.iter().find(|provider| provider.record.name == *name) {
            Some(provider) if from_environment.contains(name) && provider.secrets.api_keys != candidate.secrets.api_keys => hints.push(format!(
                "{} differs from the key stored for provider \"{name}\"; the stored one is used. To replace it: PATCH /admin/providers/{name} with {{\"api_key\":\"…\"}}",
                candidate.variable
            )),
            Some(_) => {}
            // A provider of that kind under another name is deliberate.
            None if stored.iter().any(|provider| provider.record.kind == candidate.record.kind) => {}
            None => hints.push(format!(
                "{} is set, but there is no provider \"{name}\" and the database is not empty. To add it: POST /admin/providers with {{\"name\":\"{name}\",\"kind\":\"{name}\",\"api_key\":\"…\"}}",
                candidate.variable
            )),
        }
    }
    hints
}
