//! Compares shared counters with the ledger, and has what differs read from the ledger again.
//!
//! The invariant: the ledger is never changed here, and a scope in which calls are under way is not judged. By the protocol
//! there is nothing to find; whatever is found is an error worth an alarm.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fluxa_domain::budget::{Period, Unit, window};
use fluxa_domain::id::CallId;
use fluxa_domain::team::DEFAULT_ORGANIZATION;
use fluxa_domain::time::Micros;
use fluxa_store::shared::{Inspection, RECORDED_AFTER, WarmError};

use crate::running::Gateway;

/// How often counters are compared.
const COMPARE_EVERY: Duration = Duration::from_secs(60);
/// How long the lease on this work lasts.
const LEASE: Duration = Duration::from_secs(90);
/// A difference must still be there, the same, after this: rows that were on their way have arrived by then.
const SURE_AFTER: Duration = RECORDED_AFTER.saturating_add(Duration::from_secs(1));

/// What differs in a scope: per window what the counter says and what the ledger says.
type Differences = BTreeMap<(String, String), (i64, i64)>;

/// Compares as long as the process runs.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    if !gateway.shared.counters.shared() {
        return;
    }
    loop {
        tokio::time::sleep(crate::clock::around(COMPARE_EVERY)).await;
        if !gateway.shared.nodes.lease("reconciler", &gateway.settings.node_id, LEASE).await {
            continue;
        }
        let mut organizations: BTreeSet<String> = gateway.view.load().organizations.keys().cloned().collect();
        organizations.insert(DEFAULT_ORGANIZATION.to_owned());
        for organization in organizations {
            if let Err(error) = compare(&gateway, &organization, SURE_AFTER).await {
                tracing::warn!(%error, %organization, "counters cannot be compared with the ledger");
            }
        }
    }
}

/// Compares one organisation, twice where something differs, and makes cold what differs both times.
pub(crate) async fn compare(gateway: &Gateway, organization: &str, sure_after: Duration) -> Result<(), WarmError> {
    let first = differences(gateway, organization).await?;
    if first.is_empty() {
        return Ok(());
    }
    tokio::time::sleep(sure_after).await;
    let second = differences(gateway, organization).await?;
    let wrong: Vec<_> = second.into_iter().filter(|(place, numbers)| first.get(place) == Some(numbers)).collect();
    for ((scope, window_id), (counted, ledger)) in &wrong {
        tracing::error!(%scope, %window_id, counted, ledger, "the counter of {scope} in {window_id} is not what the ledger says: it is read anew");
    }
    let scopes: BTreeSet<String> = wrong.into_iter().map(|((scope, _), _)| scope).collect();
    if !scopes.is_empty() && gateway.shared.counters.chill(organization, &scopes.iter().cloned().collect::<Vec<_>>()).await {
        gateway.metrics.background.corrected.fetch_add(scopes.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// Windows of quiet scopes whose sum is not the ledger's.
async fn differences(gateway: &Gateway, organization: &str) -> Result<Differences, WarmError> {
    let counters = &gateway.shared.counters;
    let before = counters.inspect(organization).await?;
    let mut moment = gateway.store.ledger_moment().await?;
    let written: HashSet<CallId> = moment.charges(&before.unrecorded).await?.into_iter().map(|(id, _)| id).collect();
    if before.unrecorded.iter().any(|id| !written.contains(id)) {
        // A row is on its way, nobody knows in which scopes.
        return Ok(Differences::new());
    }
    let now = crate::clock::now();
    let mut found = Differences::new();
    for ((scope, window_id, unit), counted) in sums(&before) {
        let Some((from, to)) = bounds(&window_id, now) else { continue };
        let spent = moment.spent(&scope, from, to).await?;
        let ledger = match unit {
            Unit::NanoUsd => spent.nanos,
            Unit::Tokens => spent.tokens,
        };
        if ledger != counted {
            found.insert((scope, format!("{}:{window_id}", unit.name())), (counted, ledger));
        }
    }
    drop(moment);
    if found.is_empty() {
        return Ok(found);
    }
    // What moved meanwhile was not quiet.
    let after = sums(&counters.inspect(organization).await?);
    let quiet: BTreeMap<(String, String), i64> =
        after.into_iter().map(|((scope, window_id, unit), spent)| ((scope, format!("{}:{window_id}", unit.name())), spent)).collect();
    found.retain(|place, (counted, _)| quiet.get(place) == Some(counted));
    Ok(found)
}

/// The sums of all warm windows in scopes without open calls.
fn sums(inspection: &Inspection) -> Vec<((String, String, Unit), i64)> {
    let busy: HashSet<&str> = inspection.open.iter().flat_map(|(_, scopes, ..)| scopes.iter().map(String::as_str)).collect();
    let quiet = inspection.scopes.iter().filter(|(scope, standing)| !busy.contains(scope.as_str()) && standing.in_flight == 0);
    quiet
        .flat_map(|(scope, standing)| {
            standing.budgets.iter().map(|budget| ((scope.clone(), budget.window_id.clone(), budget.unit), budget.spent))
        })
        .collect()
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

#[cfg(test)]
mod tests;
