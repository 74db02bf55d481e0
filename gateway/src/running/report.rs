//! What the data plane tells of itself: metrics for machines, a report for people.

use std::sync::atomic::Ordering;

use super::Running;
use crate::metrics::Gauges;

impl Running {
    /// The text of `/metrics`.
    #[must_use]
    pub fn metrics(&self) -> String {
        let gateway = &self.gateway;
        let counters = gateway.shared.counters.health();
        gateway.metrics.render(Gauges {
            ledger_waiting: gateway.queue.waiting(),
            ledger_failing: gateway.queue.failing(),
            ready: gateway.unready().is_none(),
            revision: gateway.view.load().revision.0,
            spooled_rows: gateway.queue.spooled(),
            spool_bytes: gateway.queue.spool_bytes(),
            pending_settles: gateway.settling.pending() as u64,
            counters_away: counters.away.is_some(),
            counter_commands: counters.commands,
            nodes_live: gateway.live_nodes.load(Ordering::Relaxed),
        })
    }

    /// A report of the data plane for people.
    #[must_use]
    pub fn report(&self) -> serde_json::Value {
        let gateway = &self.gateway;
        serde_json::json!({
            "ready": gateway.unready().is_none(),
            "degraded": gateway.degraded(),
            "revision": gateway.view.load().revision.0,
            "in_flight": gateway.metrics.in_flight.load(Ordering::Relaxed),
            "settles_pending": gateway.settling.pending(),
            "ledger": { "waiting_rows": gateway.queue.waiting(), "failing": gateway.queue.failing(), "spooled_rows": gateway.queue.spooled(), "spool_bytes": gateway.queue.spool_bytes() },
            "counters": { "shared": gateway.shared.counters.shared(), "away": gateway.shared.counters.health().away },
            "node": gateway.settings.node_id,
            "nodes": self.nodes(),
            "firewall": { "rules_left_out": gateway.view.load().rulebook.left_out().iter().map(|(rule, why)| serde_json::json!({"rule": rule, "why": why})).collect::<Vec<_>>() },
            "providers": gateway.health.report(crate::clock::now()),
        })
    }

    /// The processes of the cluster as they were last heard of, this one included: each with its revision, and how many
    /// revisions it is behind the newest that any has.
    #[must_use]
    pub fn nodes(&self) -> serde_json::Value {
        let nodes = self.gateway.seen_nodes.load();
        let newest = nodes.iter().map(|node| node.revision).max().unwrap_or(0);
        nodes
            .iter()
            .map(|node| {
                serde_json::json!({
                    "id": node.id,
                    "role": node.role,
                    "address": node.address,
                    "version": node.version,
                    "started_at": node.started_at.0,
                    "seen_at": node.seen_at.0,
                    "revision": node.revision,
                    "lag": newest.saturating_sub(node.revision),
                    "in_flight": node.in_flight,
                    "ledger_waiting": node.ledger_waiting,
                    "unready": node.unready,
                })
            })
            .collect()
    }
}
