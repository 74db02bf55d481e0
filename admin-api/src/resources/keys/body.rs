//! Reads a key from a body, over the current one (or over a blank one).

use fluxa_domain::budget::BudgetMode;
use fluxa_domain::key::KeyRecord;
use fluxa_domain::net::Cidr;
use fluxa_domain::validate::{self, MAX_CONCURRENCY, MAX_RPM, MAX_TOKENS};
use fluxa_store::KeyFilter;

use crate::json::{Fields, Given, merge};
use crate::problem::Problem;
use crate::query::Query;

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
    key.models = f.each("models", validate::MAX_PATTERNS, |item| item.text_as(Ok)).or_default(key.models);
    f.check(validate::model_patterns("models", &key.models));
    read_limits(&mut f, &mut key);
    key.budget_mode = f
        .text_as("budget_mode", |text| match text {
            "strict" => Ok(BudgetMode::Strict),
            "balanced" => Ok(BudgetMode::Balanced),
            _ => Err(String::from("must be strict or balanced")),
        })
        .or_default(key.budget_mode);
    key.budget_clamp = f.flag("budget_clamp").or_default(key.budget_clamp);
    key.time_zone = f
        .text_as("time_zone", |text| validate::time_zone("time_zone", text).map(|()| text.to_owned()).map_err(|e| e.message))
        .or(key.time_zone, String::from("UTC"));
    key.show_spend = f.flag("show_spend").or_default(key.show_spend);
    key.expires_at = f.moment("expires_at").over(key.expires_at);
    key.ip_allowlist = f.each("ip_allowlist", MAX_RANGES, |item| item.text_as(|text| text.parse::<Cidr>())).or_default(key.ip_allowlist);
    key.enabled = f.flag("enabled").or(key.enabled, true);
    key.team = f.text_as("team", |text| validate::name("team", text).map(|()| text.to_owned()).map_err(|e| e.message)).over(key.team);
    let tags = f.map("tags", |_, _| Ok(()));
    key.tags = merge(tags, &key.tags);
    f.check(validate::tags("tags", &key.tags));
    refuse_firewall(&mut f);
    f.finish()?;
    Ok(key)
}

fn read_limits(f: &mut Fields, key: &mut KeyRecord) {
    let l = &mut key.limits;
    for (name, nanos, slot) in [
        ("budget_usd_daily", "budget_usd_daily_nanos", &mut l.budget_usd_daily),
        ("budget_usd_weekly", "budget_usd_weekly_nanos", &mut l.budget_usd_weekly),
        ("budget_usd_monthly", "budget_usd_monthly_nanos", &mut l.budget_usd_monthly),
        ("budget_usd_total", "budget_usd_total_nanos", &mut l.budget_usd_total),
    ] {
        f.read_only(&[nanos]);
        *slot = f.dollars(name).over(*slot);
    }
    for (name, max, slot) in [
        ("budget_tokens_daily", MAX_TOKENS, &mut l.budget_tokens_daily),
        ("budget_tokens_weekly", MAX_TOKENS, &mut l.budget_tokens_weekly),
        ("budget_tokens_monthly", MAX_TOKENS, &mut l.budget_tokens_monthly),
        ("budget_tokens_total", MAX_TOKENS, &mut l.budget_tokens_total),
        ("rate_limit_rpm", MAX_RPM, &mut l.rate_limit_rpm),
        ("rate_limit_tpm", MAX_TOKENS, &mut l.rate_limit_tpm),
        ("max_concurrency", MAX_CONCURRENCY, &mut l.max_concurrency),
    ] {
        *slot = f.count(name, max).over(*slot);
    }
    f.check(validate::key_limits(l));
}

/// A policy that is accepted and not applied would be worse than none.
fn refuse_firewall(f: &mut Fields) {
    f.refuse("firewall_policy", "is not available yet: this version has no content firewall");
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
