//! Reads a key from a body, over the current one (or over a blank one).

use fluxa_domain::budget::BudgetMode;
use fluxa_domain::key::{KeyRecord, OnStoreError};
use fluxa_domain::net::Cidr;
use fluxa_domain::validate;
use fluxa_store::KeyFilter;

use crate::json::{Fields, Given, merge};
use crate::problem::Problem;
use crate::query::Query;
use crate::resources::{firewall, limits};

/// Ranges on one key's list; each call is compared with all of them.
const MAX_RANGES: usize = 256;
/// The longest grace of a rotated secret: 30 days.
const MAX_GRACE_MS: u64 = 30 * 86_400_000;

/// The key that the body makes of `current`.
pub(super) fn read(mut f: Fields, current: &KeyRecord, is_new: bool) -> Result<KeyRecord, Problem> {
    let mut key = current.clone();
    f.read_only(&["id", "key", "prefix", "last4", "created_at", "updated_at", "spend"]);
    if is_new {
        key.name = f.required_text("name");
    } else if let Given::Value(name) = f.text("name") {
        key.name = name;
    }
    if !(is_new && key.name.is_empty()) {
        f.check(validate::name("name", &key.name));
    }
    key.models = limits::read_models(&mut f, key.models);
    limits::read(&mut f, &mut key.limits);
    key.model_limits = limits::read_by_model(&mut f, &key.model_limits);
    key.on_store_error = f
        .text_as("on_store_error", |text| match text {
            "deny" => Ok(OnStoreError::Deny),
            "local_share" => Ok(OnStoreError::LocalShare),
            "allow" => Ok(OnStoreError::Allow),
            _ => Err(String::from("must be deny, local_share or allow")),
        })
        .over(key.on_store_error);
    key.budget_mode = f
        .text_as("budget_mode", |text| match text {
            "strict" => Ok(BudgetMode::Strict),
            "balanced" => Ok(BudgetMode::Balanced),
            _ => Err(String::from("must be strict or balanced")),
        })
        .or_default(key.budget_mode);
    key.budget_clamp = f.flag("budget_clamp").or_default(key.budget_clamp);
    key.time_zone = limits::read_time_zone(&mut f, key.time_zone);
    key.show_spend = f.flag("show_spend").or_default(key.show_spend);
    key.expires_at = f.moment("expires_at").over(key.expires_at);
    key.ip_allowlist = f.each("ip_allowlist", MAX_RANGES, |item| item.text_as(|text| text.parse::<Cidr>())).or_default(key.ip_allowlist);
    key.enabled = f.flag("enabled").or(key.enabled, true);
    key.team = f.text_as("team", |text| validate::name("team", text).map(|()| text.to_owned()).map_err(|e| e.message)).over(key.team);
    let tags = f.map("tags", |_, _| Ok(()));
    key.tags = merge(tags, &key.tags);
    f.check(validate::tags("tags", &key.tags));
    key.cache = limits::read_cache(&mut f, key.cache);
    key.firewall_policy = firewall::read_policy_name(&mut f, key.firewall_policy);
    f.finish()?;
    Ok(key)
}

/// The grace that the body of a rotation asks for.
pub(super) fn grace_ms(mut f: Fields) -> Result<Option<u64>, Problem> {
    let (text, seconds) = (f.duration_ms("grace"), f.count("grace_s", MAX_GRACE_MS / 1_000));
    if text.is_given() && seconds.is_given() {
        f.fault("grace_s", "give either grace or grace_s");
    }
    f.finish()?;
    Ok(text.value().or_else(|| seconds.value().map(|s| s.saturating_mul(1_000))))
}

/// Which keys a list asks for.
pub(super) fn filter(query: &Query) -> Result<KeyFilter, Problem> {
    Ok(KeyFilter { name: query.owned("name"), team: query.owned("team"), enabled: query.flag("enabled")? })
}
