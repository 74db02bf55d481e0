//! Tells the other processes of the cluster how this one is, learns how many they are, and keeps the clock of the counters.
//!
//! Never done here: anything that a call waits for. What is learned is a hint: how limits are shared while the counters are away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fluxa_domain::scope;
use fluxa_domain::team::DEFAULT_ORGANIZATION;
use fluxa_domain::time::Micros;
use fluxa_store::shared::{NodeFacts, Shared};

use crate::running::Gateway;

/// How often the others are told, well within [`fluxa_store::shared::GONE_AFTER`].
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// The clock is compared so many times before the first call: the first answer waits for a connection.
const CLOCK_SAMPLES: u32 = 3;
/// How often it is looked whether the counters were emptied: until that is seen, they know too little.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Of so many looks one sets the clock: every second.
const LOOKS_PER_SETTING: u32 = 20;

/// Beats as long as the process runs.
pub(crate) async fn run(gateway: Arc<Gateway>, address: std::net::SocketAddr) {
    let started_at = crate::clock::now();
    loop {
        beat(&gateway, facts(&gateway, address.to_string(), started_at)).await;
        tokio::time::sleep(crate::clock::around(BEAT_EVERY)).await;
    }
}

/// Sets the clock before the first call: a window must not be taken from a clock that is wrong.
pub(crate) async fn set_clock(shared: &Shared) {
    if !shared.counters.shared() {
        return;
    }
    for _ in 0..CLOCK_SAMPLES {
        // Whatever it answers, it tells the time; one that is late does not count.
        shared.counters.standing(DEFAULT_ORGANIZATION, &scope::organization(DEFAULT_ORGANIZATION), crate::clock::now()).await;
    }
    crate::clock::follow(shared.counters.health().clock_ahead_us);
}

/// Follows the clock of the counters, as long as the process runs.
pub(crate) async fn follow_clock(gateway: Arc<Gateway>) {
    if !gateway.shared.counters.shared() {
        return;
    }
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut emptied = gateway.shared.counters.health().emptied;
    for look in (0..LOOKS_PER_SETTING).cycle() {
        tick.tick().await;
        let health = gateway.shared.counters.health();
        if look == 0 {
            crate::clock::follow(health.clock_ahead_us);
        }
        if std::mem::replace(&mut emptied, health.emptied) != health.emptied {
            tracing::warn!("the counters were emptied: what is in flight is told to them again");
            gateway.re_extend.notify_waiters();
            gateway.settling.tell_again();
        }
    }
}

/// One beat: tells, and counts who else serves calls.
pub(crate) async fn beat(gateway: &Gateway, facts: NodeFacts) {
    let nodes = &gateway.shared.nodes;
    nodes.beat(facts).await;
    let all = nodes.list().await;
    let serving = all.iter().filter(|node| serves_calls(&node.role)).count() as u64;
    gateway.live_nodes.store(serving.max(1), Ordering::Relaxed);
    let others = all.iter().filter(|node| node.id != gateway.settings.node_id);
    gateway.health.hint(others.flat_map(|node| node.tripped.iter().map(String::as_str)));
    gateway.seen_nodes.store(Arc::new(all));
}

fn serves_calls(role: &str) -> bool {
    matches!(role, "gateway" | "serve")
}

fn facts(gateway: &Gateway, address: String, started_at: Micros) -> NodeFacts {
    NodeFacts {
        id: gateway.settings.node_id.clone(),
        role: gateway.settings.role.clone(),
        address,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at,
        revision: gateway.view.load().revision.0,
        in_flight: u64::try_from(gateway.metrics.in_flight.load(Ordering::Relaxed)).unwrap_or(0),
        ledger_waiting: gateway.queue.waiting(),
        unready: gateway.unready().map(|why| why.trim_end().to_owned()),
        tripped: gateway.health.tripped(crate::clock::now()),
        ..NodeFacts::default()
    }
}
