//! What a key, a team or an organisation spent in the window of each period, beside its limits. The ledger is the truth; where
//! the counters know the window they are ahead of it by the calls not yet written, and know what is reserved.

use fluxa_domain::budget::{Period, Unit, window};
use fluxa_domain::key::KeyLimits;
use fluxa_domain::money::NanoUsd;
use fluxa_store::shared::{BudgetStanding, ScopeStanding};
use serde_json::{Map, Value, json};

use crate::problem::Problem;
use crate::serve::Errand;
use crate::show::{members, moment, put_dollars};

/// What is asked about.
pub(super) struct Holder<'a> {
    /// The organisation under which its counters are kept.
    pub(super) organization: &'a str,
    /// Its scope ([`fluxa_domain::scope`]).
    pub(super) scope: &'a str,
    /// What it may spend.
    pub(super) limits: &'a KeyLimits,
    /// IANA name of the time zone of its periods.
    pub(super) time_zone: &'a str,
}

/// One row a period.
pub(super) async fn standing(errand: &Errand, holder: Holder<'_>) -> Result<Value, Problem> {
    let now = errand.now();
    let scope = errand.desk.admin.shared.counters.standing(holder.organization, holder.scope, now).await.unwrap_or_default();
    let l = holder.limits;
    let mut rows = Vec::new();
    for (period, name, dollars, tokens) in [
        (Period::Day, "daily", l.budget_usd_daily, l.budget_tokens_daily),
        (Period::Week, "weekly", l.budget_usd_weekly, l.budget_tokens_weekly),
        (Period::Month, "monthly", l.budget_usd_monthly, l.budget_tokens_monthly),
        (Period::Total, "total", l.budget_usd_total, l.budget_tokens_total),
    ] {
        let window = window(period, now, holder.time_zone);
        let ledger = errand.store().spent(holder.scope, window.starts_at, window.ends_at).await?;
        let (nanos, tokens_used) = (known(&scope, &window.id, Unit::NanoUsd), known(&scope, &window.id, Unit::Tokens));
        let mut row: Map<String, Value> = members(json!({
            "period": name,
            "window": window.id,
            "starts_at": moment(Some(window.starts_at)),
            "resets_at": moment(window.ends_at),
        }));
        put_dollars(&mut row, "limit_usd", dollars);
        put_dollars(&mut row, "used_usd", Some(NanoUsd(nanos.map_or(ledger.nanos, |known| known.spent))));
        put_dollars(&mut row, "reserved_usd", Some(NanoUsd(nanos.map_or(0, |known| known.reserved))));
        row.extend(members(json!({
            "limit_tokens": tokens,
            "used_tokens": tokens_used.map_or(ledger.tokens, |known| known.spent),
            "reserved_tokens": tokens_used.map_or(0, |known| known.reserved),
        })));
        rows.push(Value::Object(row));
    }
    Ok(Value::Array(rows))
}

fn known<'a>(scope: &'a ScopeStanding, window_id: &str, unit: Unit) -> Option<&'a BudgetStanding> {
    scope.budgets.iter().find(|budget| budget.window_id == window_id && budget.unit == unit)
}
