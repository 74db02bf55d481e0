//! Limits of a key.

use super::FieldError;
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

fn budget(field: &str, amount: NanoUsd) -> Result<(), FieldError> {
    if amount < NanoUsd::ZERO {
        return Err(FieldError::new(field, "must not be negative"));
    }
    if amount > MAX_BUDGET {
        return Err(FieldError::new(field, format!("must be at most {MAX_BUDGET}")));
    }
    Ok(())
}
