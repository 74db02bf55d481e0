//! The ways to a Redis Cluster, and the watch on its masters.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use tokio::time::sleep;

use super::breaker::Circuits;
use super::dial::{Dial, text_of, within};
use super::facts::{Met, ServerFacts};
use super::fault::Fault;
use super::task::Task;
use super::way::{Way, Wire};

/// How often the masters are asked who they are.
const CHECK: Duration = Duration::from_secs(1);

/// They are asked without haste: it is in no call's way.
const PATIENCE: Duration = Duration::from_secs(1);

/// Connects so many ways; the last has circuits of its own.
pub(super) async fn open(dial: &Arc<Dial>, timeout: Duration, count: usize) -> Result<(Arc<Met>, Vec<Way>, Vec<Task>), Fault> {
    let mut watch = dial.cluster(PATIENCE).await?;
    let facts = masters(&mut watch).await?;
    facts.check()?;
    let met = Arc::new(Met::first(facts));
    let circuits = Arc::new(Circuits::of_a_cluster());
    let mut ways = Vec::new();
    for number in 0..count {
        let circuits = if number + 1 == count { Arc::new(Circuits::of_a_cluster()) } else { Arc::clone(&circuits) };
        ways.push(Way { wire: Wire::Cluster(dial.cluster(timeout).await?), circuits });
    }
    let keeper = Task::start(watched(watch, Arc::clone(&met)));
    Ok((met, ways, vec![keeper]))
}

async fn watched(mut cluster: ClusterConnection, met: Arc<Met>) {
    loop {
        sleep(CHECK).await;
        // While a master is gone nobody knows who follows it.
        if let Ok(facts) = masters(&mut cluster).await
            && !facts.run_id.is_empty()
        {
            met.meet(facts);
        }
    }
}

/// What all masters say of themselves, as one.
async fn masters(cluster: &mut ClusterConnection) -> Result<ServerFacts, Fault> {
    let everyone = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
    let answer = match within(PATIENCE, cluster.route_command(redis::cmd("INFO"), everyone)).await {
        Ok(answer) => answer,
        Err(Fault::Refused(text)) if text.starts_with("NOPERM") => return Ok(ServerFacts { is_cluster: true, ..ServerFacts::default() }),
        Err(fault) => return Err(fault),
    };
    let mut each = Vec::new();
    collect(&answer, &mut each);
    each.sort_by(|one, other| one.run_id.cmp(&other.run_id));
    let mut together = each.first().cloned().unwrap_or_default();
    together.is_cluster = true;
    together.run_id = each.iter().map(|facts| facts.run_id.as_str()).collect::<Vec<_>>().join(",");
    together.evicts = each.iter().map(|facts| facts.evicts).reduce(|one, other| if one == Some(true) { one } else { other }).flatten();
    Ok(together)
}

/// One text a master, by its address.
fn collect(answer: &Value, each: &mut Vec<ServerFacts>) {
    match answer {
        Value::Map(pairs) => pairs.iter().for_each(|(_, info)| collect(info, each)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, each)),
        other => {
            let facts = ServerFacts::parse(&text_of(other));
            // The address of a master is a text too.
            if !facts.version.is_empty() {
                each.push(facts);
            }
        }
    }
}
