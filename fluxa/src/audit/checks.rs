//! What is compared: counters with the ledger (I1, I2, I3), and sums with rows (I4, I6).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use anyhow::Result;
use fluxa_domain::budget::{Period, Unit, window};
use fluxa_domain::id::CallId;
use fluxa_domain::scope;
use fluxa_domain::time::Micros;
use fluxa_store::shared::{Inspection, RECORDED_AFTER};
use fluxa_store::{Shared, Spent, Store, SumsAudit};

use super::{Check, Violation};
use crate::wiring::now;

/// A call that was settled has its row after this, unless the database is away.
const ROW_AFTER: Duration = Duration::from_secs(60);
/// A difference must still be there, the same, after this: what was under way has arrived by then.
const SURE_AFTER: Duration = RECORDED_AFTER.saturating_add(Duration::from_secs(1));

/// Looking must have ended so long before a call that was counted meanwhile could be reported as recorded.
const MARGIN: Duration = Duration::from_secs(1);

const I1: &str = "every settled call has its row";
const I2: &str = "what counters say was spent is what the ledger says";
const I3: &str = "what is reserved is the sum of the open calls";
const I4: &str = "usage by the hour and spend hold the same money";
const I6: &str = "sums by scope are the sums of the rows: teams of their keys, organizations of all";

/// I1, I2 and I3, where counters are shared.
pub(super) async fn counters(store: &Store, shared: &Shared, organizations: &BTreeSet<String>) -> Result<Vec<Check>> {
    if !shared.counters.shared() {
        let found = "not read: the counters are in the process that serves";
        let check = |name, what| Check { name, what, found: String::from(found), violations: Vec::new() };
        return Ok(vec![check("I1", I1), check("I2", I2), check("I3", I3)]);
    }
    let first = look(store, shared, organizations).await?;
    let is_well = |seen: &Seen| seen.late.is_empty() && seen.spent.is_empty() && seen.reserved.is_empty();
    // Calls go on while this looks, so only what is wrong twice, with the same numbers, is wrong.
    let seen = if is_well(&first) {
        first
    } else {
        tokio::time::sleep(SURE_AFTER).await;
        let mut second = look(store, shared, organizations).await?;
        second.late.retain(|violation| first.late.contains(violation));
        second.spent.retain(|violation| first.spent.contains(violation));
        second.reserved.retain(|violation| first.reserved.contains(violation));
        second
    };
    let windows = seen.of_windows();
    Ok(vec![
        Check { name: "I1", what: I1, found: format!("{} calls not yet recorded", seen.unrecorded), violations: seen.late },
        Check { name: "I2", what: I2, found: windows, violations: seen.spent },
        Check { name: "I3", what: I3, found: format!("{} open calls", seen.open), violations: seen.reserved },
    ])
}

#[derive(Default)]
struct Seen {
    unrecorded: usize,
    open: usize,
    windows: usize,
    busy: usize,
    late: Vec<Violation>,
    spent: Vec<Violation>,
    reserved: Vec<Violation>,
}

impl Seen {
    fn of_windows(&self) -> String {
        let not = if self.busy == 0 { String::new() } else { format!(", {} of them not compared: looking took too long", self.busy) };
        format!("{} windows{not}", self.windows)
    }
}

async fn look(store: &Store, shared: &Shared, organizations: &BTreeSet<String>) -> Result<Seen> {
    let mut seen = Seen::default();
    for organization in organizations {
        look_at(store, shared, organization, &mut seen).await?;
    }
    Ok(seen)
}

/// The ledger first, then the counters: a call that is in neither the ledger of that moment nor among the unrecorded calls of the counters
/// would have to be recorded within [`RECORDED_AFTER`] of its row.
async fn look_at(store: &Store, shared: &Shared, organization: &str, seen: &mut Seen) -> Result<()> {
    let began = Instant::now();
    let mut moment = store.ledger_moment().await?;
    // The first question makes the moment.
    moment.spent(&scope::organization(organization), now(), Some(now())).await?;
    let counted = shared.counters.inspect(organization).await?;
    let in_time = began.elapsed() + MARGIN < RECORDED_AFTER;
    let asked: Vec<CallId> = counted.unrecorded.iter().copied().chain(counted.open.iter().map(|(id, ..)| *id)).collect();
    let written: HashMap<CallId, Spent> = moment.charges(&asked).await?.into_iter().collect();
    seen.unrecorded += counted.unrecorded.len();
    seen.open += counted.open.len();
    let late = counted.unrecorded.iter().filter(|id| !written.contains_key(id) && is_late(**id, now()));
    seen.late.extend(late.map(|id| Violation {
        scope: format!("call {id}"),
        window: format!("org:{organization}"),
        expected: 1,
        found: 0,
        counter_of: None,
    }));
    reserved(&counted, organization, &mut seen.reserved);
    for (scope, standing) in &counted.scopes {
        for budget in &standing.budgets {
            let Some((from, to)) = bounds(&budget.window_id, now()) else { continue };
            seen.windows += 1;
            if !in_time {
                seen.busy += 1;
                continue;
            }
            let ledger = amount(budget.unit, moment.spent(scope, from, to).await?);
            let expected = ledger.saturating_add(on_its_way(&counted, &written, scope, budget.unit, (from, to)));
            if expected != budget.spent {
                seen.spent.push(Violation {
                    scope: scope.clone(),
                    window: format!("{} {}", budget.window_id, budget.unit.name()),
                    expected,
                    found: budget.spent,
                    counter_of: Some(organization.to_owned()),
                });
            }
        }
    }
    Ok(())
}

/// What the counter of a window holds and the ledger of the moment does not, less what it is the other way round.
fn on_its_way(
    counted: &Inspection,
    written: &HashMap<CallId, Spent>,
    scope: &str,
    unit: Unit,
    (from, to): (Micros, Option<Micros>),
) -> i64 {
    let covers = |at: Micros| at >= from && to.is_none_or(|to| at < to);
    let row = |id: &CallId| written.get(id).map_or(0, |spent| amount(unit, *spent));
    let charged = counted.charges.iter().filter(|charge| charge.scope == scope && covers(charge.at));
    let more: i64 = charged.map(|charge| amount(unit, Spent { nanos: charge.nanos, tokens: charge.tokens }) - row(&charge.id)).sum();
    // A call whose row was written before its charge: windows begin at whole seconds, and its id says the millisecond.
    let open = counted.open.iter().filter(|(id, scopes, ..)| covers(began(*id)) && scopes.iter().any(|of| of == scope));
    more - open.map(|(id, ..)| row(id)).sum::<i64>()
}

const fn amount(unit: Unit, spent: Spent) -> i64 {
    match unit {
        Unit::NanoUsd => spent.nanos,
        Unit::Tokens => spent.tokens,
    }
}

/// The id of a call begins with its moment in milliseconds.
fn began(id: CallId) -> Micros {
    Micros(i64::try_from(id.0.as_u128() >> 80).unwrap_or(0).saturating_mul(1_000))
}

fn is_late(id: CallId, now: Micros) -> bool {
    now.0.saturating_sub(began(id).0) > i64::try_from(ROW_AFTER.as_micros()).unwrap_or(i64::MAX)
}

fn reserved(counted: &Inspection, organization: &str, wrong: &mut Vec<Violation>) {
    let mut open: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for (_, scopes, nanos, tokens) in &counted.open {
        for scope in scopes {
            let sum = open.entry(scope).or_default();
            sum.0 += nanos;
            sum.1 += tokens;
        }
    }
    for (scope, standing) in &counted.scopes {
        let (nanos, tokens) = open.get(scope.as_str()).copied().unwrap_or_default();
        for budget in &standing.budgets {
            let most = if budget.unit == Unit::NanoUsd { nanos } else { tokens };
            // A call of yesterday's window is in the sum of the scope and not in today's, so a window may hold less than all.
            if budget.reserved < 0 || budget.reserved > most {
                wrong.push(Violation {
                    scope: scope.clone(),
                    window: format!("{} {}", budget.window_id, budget.unit.name()),
                    expected: most,
                    found: budget.reserved,
                    counter_of: Some(organization.to_owned()),
                });
            }
        }
    }
}

/// The bounds of a window that is not over, from its id.
fn bounds(window_id: &str, now: Micros) -> Option<(Micros, Option<Micros>)> {
    let period = match window_id.split_once(':') {
        Some(("d", _)) => Period::Day,
        Some(("w", _)) => Period::Week,
        Some(("m", _)) => Period::Month,
        _ if window_id == "total" => Period::Total,
        _ => return None,
    };
    let zone = window_id.rsplit_once('@').map_or("UTC", |(_, zone)| zone);
    let current = window(period, now, zone);
    (current.id == window_id).then_some((current.starts_at, current.ends_at))
}

/// I4 and I6: the tables among themselves, at one moment.
pub(super) async fn sums(store: &Store) -> Result<Vec<Check>> {
    let mut moment = store.ledger_moment().await?;
    let usage = moment.audit_usage().await?;
    let rows = moment.audit_rows().await?;
    Ok(vec![
        Check { name: "I4", what: I4, found: format!("{} hours", usage.compared), violations: violations(usage) },
        Check { name: "I6", what: I6, found: format!("{} rows", rows.compared), violations: violations(rows) },
    ])
}

fn violations(audit: SumsAudit) -> Vec<Violation> {
    let mut found = Vec::new();
    for wrong in audit.wrong {
        let numbers = [("usd", wrong.expected.nanos, wrong.found.nanos), ("tokens", wrong.expected.tokens, wrong.found.tokens)];
        for (unit, expected, sum) in numbers.into_iter().filter(|(_, expected, sum)| expected != sum) {
            let window = format!("{} {unit}", wrong.from.to_rfc3339());
            found.push(Violation { scope: wrong.scope.clone(), window, expected, found: sum, counter_of: None });
        }
    }
    found
}

/// Makes the counters cold that differ; they are read from the ledger when they are next asked.
pub(super) async fn repair(shared: &Shared, checks: &[Check]) -> Vec<String> {
    let mut by_organization: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for violation in checks.iter().flat_map(|check| &check.violations) {
        if let Some(organization) = &violation.counter_of {
            by_organization.entry(organization).or_default().insert(violation.scope.clone());
        }
    }
    let mut repaired = Vec::new();
    for (organization, scopes) in by_organization {
        let scopes: Vec<String> = scopes.into_iter().collect();
        if shared.counters.chill(organization, &scopes).await {
            repaired.extend(scopes);
        }
    }
    repaired
}

#[cfg(test)]
mod tests {
    use fluxa_store::shared::UnrecordedCharge;

    use super::*;

    #[test]
    fn a_call_is_late_a_minute_after_it_began() {
        let at = Micros(1_800_000_000_000_000);
        let id = CallId::new(at, [7; 10]);
        assert!(!is_late(id, at) && !is_late(id, Micros(at.0 + 60_000_000)) && is_late(id, Micros(at.0 + 61_000_000)));
    }

    #[test]
    fn what_only_one_side_has_is_taken_into_account() {
        let (from, to) = (Micros(1_800_000_000_000_000), Some(Micros(1_800_000_010_000_000)));
        let id = |second: i64, number: u8| CallId::new(Micros(from.0 + second * 1_000_000), [number; 10]);
        let charge =
            |scope: &str, id: CallId, nanos: i64| UnrecordedCharge { scope: scope.to_owned(), id, at: began(id), nanos, tokens: 1 };
        let [new, corrected, early, yesterday] = [id(1, 1), id(2, 2), id(3, 3), id(-1, 4)];
        let counted = Inspection {
            open: vec![(early, vec![String::from("key:a")], 9, 9), (yesterday, vec![String::from("key:a")], 9, 9)],
            charges: vec![
                charge("key:a", new, 50),
                charge("key:a", corrected, 30),
                charge("key:b", new, 50),
                charge("key:a", id(-2, 5), 7),
            ],
            ..Inspection::default()
        };
        let row = |nanos| Spent { nanos, tokens: 1 };
        let written = HashMap::from([(corrected, row(25)), (early, row(4)), (yesterday, row(4))]);
        let sum = |scope, unit| on_its_way(&counted, &written, scope, unit, (from, to));
        assert_eq!(sum("key:a", Unit::NanoUsd), 50 + (30 - 25) - 4);
        assert_eq!((sum("key:a", Unit::Tokens), sum("key:b", Unit::NanoUsd), sum("key:c", Unit::NanoUsd)), (0, 50, 0));
    }
}
