//! I5: nobody has spent more than the limits of today's windows, by the ledger.

use anyhow::Result;
use fluxa_domain::budget::{Unit, limits, window};
use fluxa_domain::key::KeyLimits;
use fluxa_domain::scope;
use fluxa_domain::time::Micros;
use fluxa_store::{KeyFilter, LedgerMoment, Store};

use super::{Check, Violation};

/// Keys that are read at a time.
const PAGE: u32 = 500;

/// Compares every budget of keys, their models, teams and organizations.
pub(super) async fn check(store: &Store, only: Option<&str>, now: Micros) -> Result<Check> {
    let mut limited: Vec<(String, KeyLimits, String)> = Vec::new();
    let teams = store.teams().await?;
    for record in store.organizations().await? {
        if only.is_none_or(|only| only == record.name) {
            limited.push((scope::organization(&record.name), record.limits, record.time_zone));
        }
    }
    for record in teams {
        if only.is_none() || record.organization.as_deref() == only {
            limited.push((scope::team(&record.name), record.limits, record.time_zone));
        }
    }
    let mut cursor = None;
    loop {
        let page = store.keys(&KeyFilter::default(), PAGE, cursor.as_deref()).await?;
        for key in page.rows {
            for (model, limits) in key.model_limits {
                limited.push((scope::key_model(&key.id, &model), limits, key.time_zone.clone()));
            }
            limited.push((scope::key(&key.id), key.limits, key.time_zone));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut moment = store.ledger_moment().await?;
    let (mut count, mut violations) = (0, Vec::new());
    for (scope, of, zone) in limited {
        count += over(&mut moment, &scope, &of, &zone, now, &mut violations).await?;
    }
    let found = format!("{count} budgets; a limit that was lowered, and on_store_error: allow, may be passed");
    Ok(Check { name: "I5", what: "nobody spent more than a limit allows", found, violations })
}

async fn over(
    moment: &mut LedgerMoment,
    scope: &str,
    of: &KeyLimits,
    zone: &str,
    now: Micros,
    violations: &mut Vec<Violation>,
) -> Result<usize> {
    let budgets = limits(of);
    for budget in &budgets {
        let window = window(budget.period, now, zone);
        let spent = moment.spent(scope, window.starts_at, window.ends_at).await?;
        let spent = if budget.unit == Unit::NanoUsd { spent.nanos } else { spent.tokens };
        if spent > budget.limit {
            let window = format!("{} {}", window.id, budget.unit.name());
            violations.push(Violation { scope: scope.to_owned(), window, expected: budget.limit, found: spent, counter_of: None });
        }
    }
    Ok(budgets.len())
}
