//! The fields that keys, teams and organisations share: limits, models, the time zone, and how answers are kept.

use std::collections::BTreeMap;

use fluxa_domain::cache::{CacheNamespace, CachePolicy};
use fluxa_domain::key::KeyLimits;
use fluxa_domain::validate::{self, MAX_CACHE_TTL_S, MAX_CONCURRENCY, MAX_MODEL_LIMITS, MAX_RPM, MAX_TOKENS};
use serde_json::{Map, Value, json};

use crate::json::{Fields, Given};
use crate::show::{members, put_dollars};

/// Reads limits over the current ones; a `null` takes one away.
pub(super) fn read(f: &mut Fields, l: &mut KeyLimits) {
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

/// Reads `model_limits` over the current ones: a model that is not named keeps its limits, `null` takes them away (RFC 7396).
pub(super) fn read_by_model(f: &mut Fields, current: &BTreeMap<String, KeyLimits>) -> BTreeMap<String, KeyLimits> {
    let given = f.objects("model_limits", MAX_MODEL_LIMITS, |model, inner| {
        let mut limits = current.get(model).cloned().unwrap_or_default();
        read(inner, &mut limits);
        limits
    });
    let merged = match given {
        Given::Absent => return current.clone(),
        Given::Null => return BTreeMap::new(),
        Given::Value(given) => {
            let mut merged = current.clone();
            for (model, limits) in given {
                match limits {
                    Some(limits) => merged.insert(model, limits),
                    None => merged.remove(&model),
                };
            }
            merged
        }
    };
    // What is wrong with the limits themselves was noted while they were read, and would be told twice.
    if !f.is_faulty() {
        f.check(validate::model_limits("model_limits", &merged));
    }
    merged
}

/// Reads `models`: which ones may be asked for.
pub(super) fn read_models(f: &mut Fields, current: Vec<String>) -> Vec<String> {
    let models = f.each("models", validate::MAX_PATTERNS, |item| item.text_as(Ok)).or_default(current);
    f.check(validate::model_patterns("models", &models));
    models
}

/// Reads `time_zone`; `null` means UTC.
pub(super) fn read_time_zone(f: &mut Fields, current: String) -> String {
    f.text_as("time_zone", |text| validate::time_zone("time_zone", text).map(|()| text.to_owned()).map_err(|e| e.message))
        .or(current, String::from("UTC"))
}

/// Reads `cache` over the current policy; `null` takes it away.
pub(super) fn read_cache(f: &mut Fields, current: Option<CachePolicy>) -> Option<CachePolicy> {
    let given = f.object("cache", |c| {
        let ttl_s = c.count("ttl_s", u64::from(MAX_CACHE_TTL_S));
        let named = ttl_s.is_given();
        let shared = c
            .text_as("shared", |text| match text {
                "key" => Ok(CacheNamespace::Key),
                "team" => Ok(CacheNamespace::Team),
                _ => Err(String::from("must be key or team")),
            })
            .or_default(current.map(|policy| policy.shared).unwrap_or_default());
        let Some(ttl_s) = ttl_s.over(current.map(|policy| u64::from(policy.ttl_s))) else {
            if !named && !c.is_faulty() {
                c.fault("ttl_s", "is required");
            } else if named {
                c.fault("ttl_s", "cannot be cleared; clear cache as a whole");
            }
            return None;
        };
        Some(CachePolicy { ttl_s: u32::try_from(ttl_s).unwrap_or(u32::MAX), shared })
    });
    let policy = match given {
        Given::Absent => current,
        Given::Null => None,
        Given::Value(policy) => policy,
    };
    if let Some(policy) = policy {
        f.check(validate::cache_policy("cache", policy));
    }
    policy
}

/// Puts every limit, those that are not set as null.
pub(super) fn put(shown: &mut Map<String, Value>, l: &KeyLimits) {
    put_dollars(shown, "budget_usd_daily", l.budget_usd_daily);
    put_dollars(shown, "budget_usd_weekly", l.budget_usd_weekly);
    put_dollars(shown, "budget_usd_monthly", l.budget_usd_monthly);
    put_dollars(shown, "budget_usd_total", l.budget_usd_total);
    shown.extend(members(json!({
        "budget_tokens_daily": l.budget_tokens_daily,
        "budget_tokens_weekly": l.budget_tokens_weekly,
        "budget_tokens_monthly": l.budget_tokens_monthly,
        "budget_tokens_total": l.budget_tokens_total,
        "rate_limit_rpm": l.rate_limit_rpm,
        "rate_limit_tpm": l.rate_limit_tpm,
        "max_concurrency": l.max_concurrency,
    })));
}

/// The limits of each model; only those that are set.
pub(super) fn by_model(limits: &BTreeMap<String, KeyLimits>) -> Value {
    let one = |l: &KeyLimits| {
        let mut shown = Map::new();
        put(&mut shown, l);
        shown.retain(|_, value| !value.is_null());
        Value::Object(shown)
    };
    Value::Object(limits.iter().map(|(model, limits)| (model.clone(), one(limits))).collect())
}
