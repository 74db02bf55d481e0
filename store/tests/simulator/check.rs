//! What must hold when all is over: one row for every call that a vendor was asked for, and counters that say what the ledger says.

use std::collections::BTreeSet;

use fluxa_domain::budget::{self, Period};
use fluxa_domain::time::Micros;

use crate::world::{SCOPES, World};

/// Everything that is wrong, in words; empty when nothing is.
pub(crate) fn check(world: &World) -> Vec<String> {
    let mut wrong = money(world);
    let (_, held, rows) = world.model.left();
    if !held.is_empty() {
        wrong.push(format!("never recorded: {held:?}"));
    }
    if rows > 0 {
        wrong.push(format!("{rows} rows wait for ever"));
    }
    wrong
}

/// What is wrong with rows, sums and reservations, and not only left behind.
pub(crate) fn money(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    // Two faults at once may lose a row: the node with its disk, and what the counters kept of the call.
    let mut excused = BTreeSet::new();
    for (id, truth) in &world.truth {
        let twice = truth.disk_lost && (truth.degraded || truth.forgotten);
        if twice {
            excused.extend(truth.scopes.iter().cloned());
        }
        let row = world.ledger.row(*id);
        match (truth.sent, row) {
            (Some(_), None) if !twice => wrong.push(format!("{id}: the vendor was asked, and no row")),
            (Some(nanos), Some(row)) => {
                let certain = truth.ended && !truth.disk_lost || !truth.crashed;
                if certain && (row.draft || row.nanos != nanos) {
                    wrong.push(format!("{id}: billed {nanos}, the row says {} (draft: {})", row.nanos, row.draft));
                }
                if row.nanos != nanos && row.nanos != truth.estimate {
                    wrong.push(format!("{id}: billed {nanos}, estimated {}, the row says {}", truth.estimate, row.nanos));
                }
            }
            (None, Some(row)) if row.nanos != 0 && !truth.crashed => {
                wrong.push(format!("{id}: the vendor was not asked, and the row says {}", row.nanos));
            }
            _ => {}
        }
    }
    for (scope, from, to, spent, reserved) in world.model.standing() {
        if reserved != 0 {
            wrong.push(format!("{scope} from {}: {reserved} reserved by nobody", from.0));
        }
        let ledger = world.ledger.spent(scope, from, to);
        if let Some(spent) = spent.filter(|spent| *spent != ledger && !excused.contains(scope)) {
            wrong.push(format!("{scope} from {}: spent {spent}, the ledger says {ledger}", from.0));
        }
    }
    let (open, ..) = world.model.left();
    if !open.is_empty() {
        wrong.push(format!("open for ever: {open:?}"));
    }
    if world.calm {
        wrong.extend(overspent(world));
    }
    wrong
}

/// Where the counters lost nothing, no budget that held from the beginning is overspent by a single nano-dollar.
fn overspent(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    for (scope, period, limit) in SCOPES.iter().filter(|(scope, ..)| *scope != "key:c") {
        let moments: BTreeSet<(Micros, Option<Micros>)> = world
            .truth
            .values()
            .map(|truth| {
                let window = budget::window(*period, truth.at, "UTC");
                (window.starts_at, window.ends_at)
            })
            .collect();
        for (from, to) in moments {
            let within = |at: Micros| from <= at && to.is_none_or(|to| at < to);
            let billed: i64 = world
                .truth
                .values()
                .filter(|truth| truth.scopes.iter().any(|own| own == scope) && within(truth.at))
                .filter_map(|truth| truth.sent)
                .sum();
            if billed > *limit {
                wrong.push(format!("{scope} {}: billed {billed} of {limit}", Period::name(*period)));
            }
        }
    }
    wrong
}
