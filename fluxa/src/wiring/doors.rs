//! The doors of the admin API into the running program: tests of providers, the report, the reload. With a data plane in this
//! process it is asked; without one, a provider is tried from here and the others are told to read again.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fluxa_admin_api::{BoxFuture, HealthSource, Probe, ProbeReport, Reload};
use fluxa_domain::change::Revision;
use fluxa_gateway::{Running, Settings};
use fluxa_store::shared::{NodeFacts, Notice};
use fluxa_store::{Shared, Store};
use serde_json::{Value, json};

/// What is said while the process is still starting.
const STARTING: &str = "the gateway is still starting";

/// The doors into a data plane of this process.
pub(super) struct Here {
    pub(super) plane: Arc<OnceLock<Arc<Running>>>,
}

/// The doors of a process without one.
pub(super) struct Elsewhere {
    pub(super) store: Arc<Store>,
    pub(super) shared: Shared,
    pub(super) settings: Settings,
    pub(super) roster: Arc<Roster>,
}

/// The processes of the cluster, as they were last heard of.
#[derive(Debug, Default)]
pub(super) struct Roster(Mutex<Vec<NodeFacts>>);

impl Roster {
    /// Asks again.
    pub(super) async fn refresh(&self, shared: &Shared) {
        let nodes = shared.nodes.list().await;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = nodes;
    }

    fn report(&self) -> Value {
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = nodes.iter().map(|node| node.revision).max().unwrap_or(0);
        // As the data plane shows them.
        let rows = nodes.iter().map(|node| {
            json!({
                "id": node.id, "role": node.role, "address": node.address, "version": node.version, "started_at": node.started_at.0,
                "seen_at": node.seen_at.0, "revision": node.revision, "lag": newest.saturating_sub(node.revision),
                "in_flight": node.in_flight, "ledger_waiting": node.ledger_waiting, "unready": node.unready,
            })
        });
        Value::Array(rows.collect())
    }
}

fn report_of(found: fluxa_gateway::ProbeReport) -> ProbeReport {
    ProbeReport { ok: found.ok, status: found.status, latency_ms: found.latency_ms, message: found.message, models: found.models }
}

fn failed(message: String) -> ProbeReport {
    ProbeReport { ok: false, status: None, latency_ms: 0, message, models: None }
}

impl Probe for Here {
    fn test(&self, provider: String) -> BoxFuture<'static, ProbeReport> {
        let running = self.plane.get().cloned();
        Box::pin(async move {
            match running {
                Some(running) => report_of(running.probe(&provider).await),
                None => failed(STARTING.to_owned()),
            }
        })
    }
}

impl HealthSource for Here {
    fn report(&self) -> Value {
        self.plane.get().map_or_else(|| json!({ "ready": false }), |running| running.report())
    }
}

impl Reload for Here {
    fn reload(&self) -> BoxFuture<'static, Result<(), String>> {
        let running = self.plane.get().cloned();
        Box::pin(async move {
            let running = running.ok_or_else(|| STARTING.to_owned())?;
            running.reload().await.map_err(|error| error.to_string())
        })
    }
}

impl Probe for Elsewhere {
    fn test(&self, provider: String) -> BoxFuture<'static, ProbeReport> {
        let (store, settings) = (Arc::clone(&self.store), self.settings.clone());
        Box::pin(async move {
            match store.provider(&provider).await {
                Ok(Some(found)) => report_of(fluxa_gateway::probe(found, settings).await),
                Ok(None) => failed(String::from("no such provider")),
                Err(error) => failed(error.to_string()),
            }
        })
    }
}

impl HealthSource for Elsewhere {
    fn report(&self) -> Value {
        let away = self.shared.counters.health().away;
        let degraded: &[&str] = if away.is_some() { &["counters_away"] } else { &[] };
        json!({
            "ready": true,
            "degraded": degraded,
            "counters": { "shared": true, "away": away },
            "node": self.settings.node_id,
            "nodes": self.roster.report(),
        })
    }
}

impl Reload for Elsewhere {
    fn reload(&self) -> BoxFuture<'static, Result<(), String>> {
        let (store, shared) = (Arc::clone(&self.store), self.shared.clone());
        Box::pin(async move {
            let revision: Revision = store.revision().await.map_err(|error| error.to_string())?;
            shared.bulletin.announce(Notice { revision, keys: Vec::new() }).await;
            Ok(())
        })
    }
}
