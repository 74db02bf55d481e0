//! Limits of keys, of their models, of teams and organisations; how long answers are kept.

use std::collections::BTreeMap;

use super::{FieldError, model_patterns};
use crate::cache::CachePolicy;
use crate::key::KeyLimits;
use crate::money::NanoUsd;

/// The largest budget: one million dollars. More is a typo, and small numbers keep sums far from overflow.
pub const MAX_BUDGET: NanoUsd = NanoUsd(1_000_000_000_000_000);
/// The largest token budget: 10¹⁵, above every budget in dollars at the lowest price on the market.
pub const MAX_TOKENS: u64 = 1_000_000_000_000_000;
/// The highest rate: 10⁹ requests a minute (tokens: [`MAX_TOKENS`]).
pub const MAX_RPM: u64 = 1_000_000_000;
/// The highest concurrency.
pub const MAX_CONCURRENCY: u64 = 1_000_000;
/// Most models of one key that have limits of their own; each is matched at every call.
pub const MAX_MODEL_LIMITS: usize = 100;
/// The longest that an answer is given again: 30 days. What is asked for less often is not worth its memory.
pub const MAX_CACHE_TTL_S: u32 = 30 * 86_400;

/// Reads the decimal text of a JSON number of dollars for `field`: 0 to [`MAX_BUDGET`], exact to a nano-dollar.
///
/// # Errors
/// Negative, absurd, malformed.
pub fn usd(field: &str, text: &str) -> Result<NanoUsd, FieldError> {
    let amount =
        NanoUsd::from_decimal_usd(text).ok_or_else(|| FieldError::new(field, "must be a number of dollars with at most nine decimals"))?;
    budget(field, amount)?;
    Ok(amount)
}

/// Checks every limit of a key.
///
/// # Errors
/// The first that is negative or absurd, by its name.
pub fn key_limits(limits: &KeyLimits) -> Result<(), FieldError> {
    for (field, amount) in [
        ("budget_usd_daily", limits.budget_usd_daily),
        ("budget_usd_weekly", limits.budget_usd_weekly),
        ("budget_usd_monthly", limits.budget_usd_monthly),
        ("budget_usd_total", limits.budget_usd_total),
    ] {
        amount.map_or(Ok(()), |amount| budget(field, amount))?;
    }
    for (field, count, most) in [
        ("budget_tokens_daily", limits.budget_tokens_daily, MAX_TOKENS),
        ("budget_tokens_weekly", limits.budget_tokens_weekly, MAX_TOKENS),
        ("budget_tokens_monthly", limits.budget_tokens_monthly, MAX_TOKENS),
        ("budget_tokens_total", limits.budget_tokens_total, MAX_TOKENS),
        ("rate_limit_rpm", limits.rate_limit_rpm, MAX_RPM),
        ("rate_limit_tpm", limits.rate_limit_tpm, MAX_TOKENS),
        ("max_concurrency", limits.max_concurrency, MAX_CONCURRENCY),
    ] {
        if count.is_some_and(|count| count > most) {
            return Err(FieldError::new(field, format!("must be at most {most}")));
        }
    }
    Ok(())
}

/// Checks the limits of single models: at most [`MAX_MODEL_LIMITS`] names or patterns, each with limits as [`key_limits`] has them.
///
/// # Errors
/// Too many, the first name that is none, or the first limit that is absurd, named `model_limits.gpt-4o.budget_usd_daily`.
pub fn model_limits(field: &str, limits: &BTreeMap<String, KeyLimits>) -> Result<(), FieldError> {
    if limits.len() > MAX_MODEL_LIMITS {
        return Err(FieldError::new(field, format!("must have at most {MAX_MODEL_LIMITS} entries")));
    }
    limits.iter().try_for_each(|(pattern, limits)| {
        let field = format!("{field}.{}", pattern.chars().take(64).collect::<String>());
        model_patterns("", std::slice::from_ref(pattern)).map_err(|error| FieldError::new(&field, error.message))?;
        key_limits(limits).map_err(|error| FieldError::new(format!("{field}.{}", error.field), error.message))
    })
}

/// Checks how long answers are kept.
///
/// # Errors
/// Zero, or more than [`MAX_CACHE_TTL_S`].
pub fn cache_policy(field: &str, policy: CachePolicy) -> Result<(), FieldError> {
    if (1..=MAX_CACHE_TTL_S).contains(&policy.ttl_s) {
        return Ok(());
    }
    Err(FieldError::new(format!("{field}.ttl_s"), format!("must be 1 to {MAX_CACHE_TTL_S} seconds")))
}

fn budget(field: &str, amount: NanoUsd) -> Result<(), FieldError> {
    if amount < NanoUsd::ZERO {
        return Err(FieldError::new(field, "must not be negative"));
    }
    if amount > MAX_BUDGET {
        return Err(FieldError::new(field, format!("must be at most {MAX_BUDGET}")));
    }
    Ok(())
}
