//! The ways to a Redis Cluster, and the watch on its masters.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::Value;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use tokio::time::sleep;

use super::breaker::Circuits;
use super::dial::{Dial, text_of, within};
use super::facts::{Met, ServerFacts};
use super::fault::Fault;
use super::kept;
use super::task::{Task, jitter};
use super::way::{Way, Wire};

/// How often the masters are asked who they are.
const CHECK: Duration = Duration::from_secs(1);

/// They are asked without haste: it is in no call's way.
const PATIENCE: Duration = Duration::from_secs(1);

/// The connection of one way; the client keeps it itself once it is there.
pub(super) struct Joined {
    state: Mutex<Result<ClusterConnection, Fault>>,
}

impl Joined {
    /// The connection, or why there is none.
    pub(super) fn connection(&self) -> Result<ClusterConnection, Fault> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: Result<ClusterConnection, Fault>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// All connections at once.
struct Connected {
    watch: ClusterConnection,
    facts: ServerFacts,
    each: Vec<ClusterConnection>,
}

/// So many ways; the last has circuits of its own. They are connected now, or, when that is not `wanted`, in the background.
pub(super) async fn open(
    dial: &Arc<Dial>,
    timeout: Duration,
    count: usize,
    wanted: bool,
) -> Result<(Arc<Met>, Vec<Way>, Vec<Task>), Fault> {
    let first = if wanted { Some(connect(dial, timeout, count).await?) } else { None };
    let met = Arc::new(Met::first(first.as_ref().map(|first| first.facts.clone())));
    let circuits = Arc::new(Circuits::of_a_cluster());
    let (mut ways, mut each) = (Vec::new(), Vec::new());
    for number in 0..count {
        let circuits = if number + 1 == count { Arc::new(Circuits::of_a_cluster()) } else { Arc::clone(&circuits) };
        let joined = Arc::new(Joined { state: Mutex::new(Err(kept::not_yet())) });
        each.push(Arc::clone(&joined));
        ways.push(Way { wire: Wire::Cluster(joined), circuits });
    }
    let watch = first.map(|first| join(first, &each));
    let keeper = Task::start(keep(watch, Arc::clone(dial), timeout, Arc::clone(&met), each));
    Ok((met, ways, vec![keeper]))
}

/// Connects so many ways to masters that may be used.
async fn connect(dial: &Dial, timeout: Duration, count: usize) -> Result<Connected, Fault> {
    let mut watch = dial.cluster(PATIENCE).await?;
    let facts = masters(&mut watch).await?;
    facts.check()?;
    facts.warn_if_silent();
    let mut each = Vec::new();
    for _ in 0..count {
        each.push(dial.cluster(timeout).await?);
    }
    Ok(Connected { watch, facts, each })
}

fn join(connected: Connected, ways: &[Arc<Joined>]) -> ClusterConnection {
    for (way, connection) in ways.iter().zip(connected.each) {
        way.set(Ok(connection));
    }
    connected.watch
}

/// Connects where nobody is connected, then watches the masters.
async fn keep(watch: Option<ClusterConnection>, dial: Arc<Dial>, timeout: Duration, met: Arc<Met>, ways: Vec<Arc<Joined>>) {
    let mut told = None;
    let watch = match watch {
        Some(watch) => watch,
        None => loop {
            match connect(&dial, timeout, ways.len()).await {
                Ok(connected) => {
                    met.meet(connected.facts.clone());
                    tracing::info!("redis is connected: {} masters", connected.facts.run_id.split(',').count());
                    break join(connected, &ways);
                }
                Err(fault) => {
                    kept::tell(&fault, &mut told);
                    met.missed();
                    ways.iter().for_each(|way| way.set(Err(fault.clone())));
                }
            }
            sleep(CHECK * (896 + u32::from(jitter())) / 1024).await;
        },
    };
    watched(watch, met).await;
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
