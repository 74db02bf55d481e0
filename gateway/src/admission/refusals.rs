//! What a caller is told whose limit, or whose team's, does not allow a call.

use fluxa_domain::budget::{Period, Unit};
use fluxa_domain::key::KeyRecord;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_store::shared::{Over, OverWhat};

use crate::scopes::CallScopes;

/// The counters or the ledger cannot say whether the call is allowed.
pub(super) fn unavailable() -> Refusal {
    Refusal::new(RefusalKind::BudgetStoreUnavailable, "budgets cannot be checked at the moment").retry_after(1)
}

/// A limit is reached.
pub(super) fn over(key: &KeyRecord, scopes: &CallScopes, over: &Over) -> Refusal {
    let name = scopes.called(&over.scope, key);
    match over.what {
        OverWhat::Requests => rate(&name, "requests a minute", over),
        OverWhat::Tokens => rate(&name, "tokens a minute", over),
        OverWhat::Concurrency => rate(&name, "calls at once", over),
        OverWhat::Budget { period, unit, limit, spent, reserved } => {
            let period_word = match period {
                Period::Day => "daily",
                Period::Week => "weekly",
                Period::Month => "monthly",
                Period::Total => "total",
            };
            let unit_word = match unit {
                Unit::NanoUsd => "dollar",
                Unit::Tokens => "token",
            };
            let mut text = format!("the {period_word} {unit_word} budget of {name} does not allow this call");
            if key.show_spend {
                let show = |amount: i64| match unit {
                    Unit::NanoUsd => NanoUsd(amount).to_string(),
                    Unit::Tokens => format!("{amount} tokens"),
                };
                text.push_str(&format!(" (limit {}, spent {}, reserved by calls in flight {})", show(limit), show(spent), show(reserved)));
            }
            match over.resets_at {
                Some(at) => text.push_str(&format!("; it resets at {}", at.to_rfc3339())),
                None => text.push_str("; it does not reset"),
            }
            Refusal::new(RefusalKind::BudgetExceeded, text)
        }
    }
}

/// This replica's share of a limit is used up, while the counters cannot be reached.
pub(super) fn over_share(key: &KeyRecord, scopes: &CallScopes, found: &Over) -> Refusal {
    let OverWhat::Budget { .. } = found.what else { return over(key, scopes, found) };
    let name = scopes.called(&found.scope, key);
    let text = format!("budgets cannot be checked at the moment, and what {name} may spend meanwhile is used up");
    Refusal::new(RefusalKind::BudgetStoreUnavailable, text).retry_after(1)
}

fn rate(name: &str, what: &str, over: &Over) -> Refusal {
    Refusal::new(RefusalKind::RateLimited, format!("{name} is over its limit of {what}")).retry_after(over.retry_after_s.unwrap_or(1))
}
