//! Budget periods: which window a moment belongs to, as pure calendar arithmetic.
//!
//! No job ever resets a budget. A window's id is a function of (period, moment, time zone), so
//! replicas that never talk agree on it, and a call belongs to the window in which it began.
//! Never done here: counting. Start reading at [`window`].

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::key::KeyLimits;
use crate::time::Micros;

/// How a budget is reserved before a call is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BudgetMode {
    /// Reserves an upper bound: overshoot is zero, some headroom is refused near the limit.
    #[default]
    Strict,
    /// Reserves the likely amount: overshoot is at most the estimation error of the calls in flight.
    Balanced,
}

/// How long a budget lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// A calendar day.
    Day,
    /// An ISO week, Monday first.
    Week,
    /// A calendar month.
    Month,
    /// The life of the key.
    Total,
}

impl Period {
    /// `day`, `week`, `month` or `total`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Total => "total",
        }
    }
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nano-dollars.
    NanoUsd,
    /// Tokens, in and out.
    Tokens,
}

impl Unit {
    /// `nano_usd` or `tokens`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NanoUsd => "nano_usd",
            Self::Tokens => "tokens",
        }
    }
}

/// One window of a period.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// `d:2026-11-22@UTC`, `w:2026-W47@Asia/Shanghai`, `m:2026-11@UTC` or `total`.
    pub id: String,
    /// First microsecond that belongs to it; 0 for the total.
    pub starts_at: Micros,
    /// First microsecond that belongs to the next one; `None` for the total.
    pub ends_at: Option<Micros>,
}

/// One budget of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BudgetLimit {
    /// How long it lasts.
    pub period: Period,
    /// What it counts.
    pub unit: Unit,
    /// The limit in `unit`: nano-dollars or tokens.
    pub limit: i64,
}

/// The window of `period` that holds `now` in the IANA time zone `time_zone`.
///
/// An unknown zone counts as UTC (names are validated where they are set). A day whose midnight
/// falls into a daylight-saving gap starts at the first moment that exists; one whose midnight
/// happens twice starts at the first of the two.
#[must_use]
pub fn window(period: Period, now: Micros, time_zone: &str) -> Window {
    let total = || Window { id: String::from("total"), starts_at: Micros(0), ends_at: None };
    if period == Period::Total {
        return total();
    }
    let (zone, zone_name) = zone(time_zone);
    let Ok(moment) = Timestamp::from_microsecond(now.0) else { return total() };
    let today = zone.to_datetime(moment).date();
    let bounds = match period {
        Period::Day => Some((today, today.tomorrow().ok(), format!("d:{today}@{zone_name}"))),
        Period::Week => {
            let week = today.iso_week_date();
            let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok();
            monday.map(|first| (first, first.checked_add(7.days()).ok(), format!("w:{:04}-W{:02}@{zone_name}", week.year(), week.week())))
        }
        Period::Month => {
            let first = today.first_of_month();
            Some((first, first.checked_add(1.month()).ok(), format!("m:{:04}-{:02}@{zone_name}", today.year(), today.month())))
        }
        Period::Total => None,
    };
    let Some((first, next, id)) = bounds else { return total() };
    Window { id, starts_at: midnight(first, &zone).unwrap_or(Micros(0)), ends_at: next.and_then(|day| midnight(day, &zone)) }
}

/// True when `name` is a time zone this program knows.
#[must_use]
pub fn is_time_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// The budgets that `limits` set, shortest period first.
#[must_use]
pub fn limits(limits: &KeyLimits) -> Vec<BudgetLimit> {
    let usd = |period, amount: Option<crate::money::NanoUsd>| amount.map(|n| BudgetLimit { period, unit: Unit::NanoUsd, limit: n.0 });
    let tokens =
        |period, count: Option<u64>| count.map(|n| BudgetLimit { period, unit: Unit::Tokens, limit: i64::try_from(n).unwrap_or(i64::MAX) });
    [
        usd(Period::Day, limits.budget_usd_daily),
        tokens(Period::Day, limits.budget_tokens_daily),
        usd(Period::Week, limits.budget_usd_weekly),
        tokens(Period::Week, limits.budget_tokens_weekly),
        usd(Period::Month, limits.budget_usd_monthly),
        tokens(Period::Month, limits.budget_tokens_monthly),
        usd(Period::Total, limits.budget_usd_total),
        tokens(Period::Total, limits.budget_tokens_total),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn zone(name: &str) -> (TimeZone, Cow<'_, str>) {
    if name == "UTC" {
        return (TimeZone::UTC, Cow::Borrowed("UTC"));
    }
    match TimeZone::get(name) {
        Ok(zone) => {
            let canonical = zone.iana_name().map(str::to_owned);
            (zone, canonical.map_or(Cow::Borrowed(name), Cow::Owned))
        }
        Err(_) => (TimeZone::UTC, Cow::Borrowed("UTC")),
    }
}

fn midnight(day: Date, zone: &TimeZone) -> Option<Micros> {
    let start = day.to_zoned(zone.clone()).ok()?.start_of_day().ok()?;
    Some(Micros(start.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests;
