//! What the data plane tells of itself: metrics for machines, a report for people.

use std::sync::atomic::Ordering;

use super::Running;
use crate::metrics::Gauges;

impl Running {
    /// The text of `/metrics`.
    #[must_use]
    pub fn metrics(&self) -> String {
        let gateway = &self.gateway;
        gateway.metrics.render(Gauges {
            ledger_waiting: gateway.queue.waiting(),
            ledger_failing: gateway.queue.failing(),
            ready: gateway.unready().is_none(),
            revision: gateway.view.load().revision.0,
        })
    }

    /// A report of the data plane for people.
    #[must_use]
    pub fn report(&self) -> serde_json::Value {
        let gateway = &self.gateway;
        serde_json::json!({
            "ready": gateway.unready().is_none(),
            "revision": gateway.view.load().revision.0,
            "in_flight": gateway.metrics.in_flight.load(Ordering::Relaxed),
            "ledger": { "waiting_rows": gateway.queue.waiting(), "failing": gateway.queue.failing() },
            "providers": gateway.health.report(crate::clock::now()),
        })
    }
}
