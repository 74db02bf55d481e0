//! A gateway without threads, for tests of what runs beside calls; and counters that say they are shared.

use std::collections::HashSet;

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::net::EgressPolicy;
use fluxa_domain::time::Micros;
use fluxa_store::shared::{
    BoxFuture, ColdWindow, Counters, CountersHealth, Expired, Extended, Inspection, MemoryCounters, ReserveAsk, Reserved, ScopeStanding,
    Settled, Settlement, WaitingRow, WarmError,
};

use super::*;
use crate::aws::{AwsAccess, AwsEnvironment};

/// Memory's counters, as if other processes counted there too; what is asked of them is noted.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) inner: MemoryCounters,
    pub(crate) rows: Mutex<Vec<WaitingRow>>,
    pub(crate) settled: Mutex<Vec<Settlement>>,
    pub(crate) recorded: Mutex<HashSet<CallId>>,
    pub(crate) chilled: Mutex<Vec<String>>,
    pub(crate) away: AtomicBool,
}

impl Noted {
    fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }
}

impl Counters for Noted {
    fn reserve(&self, ask: Arc<ReserveAsk>) -> BoxFuture<'_, Reserved> {
        self.inner.reserve(ask)
    }

    fn settle(&self, settlement: Arc<Settlement>) -> BoxFuture<'_, Settled> {
        if self.is_away() {
            return Box::pin(std::future::ready(Settled::Unavailable));
        }
        self.settled.lock().unwrap().push((*settlement).clone());
        Box::pin(std::future::ready(Settled::Late))
    }

    fn release<'a>(&'a self, organization: &'a str, id: CallId) -> BoxFuture<'a, bool> {
        self.inner.release(organization, id)
    }

    fn extend<'a>(&'a self, held: &'a [Arc<ReserveAsk>], deadline: Micros) -> BoxFuture<'a, Vec<Extended>> {
        self.inner.extend(held, deadline)
    }

    fn warm<'a>(&'a self, ledger: &'a Store, organization: &'a str, windows: &'a [ColdWindow]) -> BoxFuture<'a, Result<(), WarmError>> {
        self.inner.warm(ledger, organization, windows)
    }

    fn recorded<'a>(&'a self, calls: &'a [Recorded]) -> BoxFuture<'a, bool> {
        let here = !self.is_away();
        if here {
            self.recorded.lock().unwrap().extend(calls.iter().map(|call| call.id));
        }
        Box::pin(std::future::ready(here))
    }

    fn charge<'a>(&'a self, organization: &'a str, scope: &'a str, at: Micros, nanos: i64, tokens: i64) -> BoxFuture<'a, ()> {
        self.inner.charge(organization, scope, at, nanos, tokens)
    }

    fn expired(&self, now: Micros) -> BoxFuture<'_, Vec<Expired>> {
        self.inner.expired(now)
    }

    fn waiting(&self, _age: Duration, limit: usize) -> BoxFuture<'_, Vec<WaitingRow>> {
        let rows = self.rows.lock().unwrap().iter().take(limit).cloned().collect();
        Box::pin(std::future::ready(rows))
    }

    fn chill<'a>(&'a self, _organization: &'a str, scopes: &'a [String]) -> BoxFuture<'a, bool> {
        self.chilled.lock().unwrap().extend_from_slice(scopes);
        Box::pin(std::future::ready(true))
    }

    fn forget<'a>(&'a self, organization: &'a str, scope: &'a str) -> BoxFuture<'a, ()> {
        self.inner.forget(organization, scope)
    }

    fn standing<'a>(&'a self, organization: &'a str, scope: &'a str, now: Micros) -> BoxFuture<'a, Option<ScopeStanding>> {
        self.inner.standing(organization, scope, now)
    }

    fn inspect<'a>(&'a self, organization: &'a str) -> BoxFuture<'a, Result<Inspection, WarmError>> {
        self.inner.inspect(organization)
    }

    fn shared(&self) -> bool {
        true
    }

    fn gate(&self) -> Option<&tokio::sync::Mutex<()>> {
        None
    }

    fn health(&self) -> CountersHealth {
        CountersHealth::default()
    }
}

pub(crate) fn settings() -> Settings {
    let second = Duration::from_secs(1);
    Settings {
        last_known: None,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        workers: 1,
        max_body_bytes: 1 << 20,
        max_connections_per_ip: 16,
        trusted_proxies: Vec::new(),
        egress: EgressPolicy { allow_loopback: true, allow_private_ranges: true, allow_private: Vec::new(), allow_metadata: false },
        media_allow_private: Vec::new(),
        firewall_policy: None,
        firewall_webhook: None,
        connect_timeout: second,
        first_byte_timeout: second,
        idle_timeout: second,
        reservation_ttl: second,
        on_store_error: fluxa_domain::key::OnStoreError::default(),
        unpriced: fluxa_domain::price::UnpricedPolicy::Refuse,
        assumed_max_output: 1_000,
        store_content: false,
        pepper: [7; 32],
        aws: AwsAccess::new(AwsEnvironment::default()),
        keep_responses: None,
        node_id: String::from("node-1"),
        role: String::from("gateway"),
        spool_max_bytes: 1 << 30,
        request_log: None,
    }
}

/// A gateway that only its services run in.
pub(crate) async fn gateway(counters: Arc<dyn Counters>, store: Store, journal: Journal) -> Arc<Gateway> {
    let shared = Shared { counters, ..Shared::in_memory() };
    Gateway::prepare(settings(), Arc::new(store), shared, Arc::new(journal), None).await.unwrap()
}

/// A finished call of key `K`, which cost something.
pub(crate) fn entry(n: u32) -> Entry {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&n.to_be_bytes());
    let at = Micros(1_795_341_600_000_000);
    let mut entry = Entry::new(CallId::new(at, random), at);
    entry.key_id = String::from("K");
    entry.model = String::from("m");
    entry.cost.0 = 10;
    entry.usage.output = 2;
    entry
}

#[tokio::test]
async fn a_node_is_seen_by_itself_and_counts_as_one_that_serves() {
    let gateway = gateway(Arc::new(Noted::default()), Store::in_memory().await.unwrap(), Journal::none()).await;
    let facts = |id: &str, role: &str| NodeFacts { id: id.into(), role: role.into(), revision: 3, ..NodeFacts::default() };
    crate::heartbeat::beat(&gateway, facts("a", "admin")).await;
    assert_eq!(gateway.live_nodes.load(Ordering::Relaxed), 1, "at least this one, whatever is known");
    assert_eq!(gateway.seen_nodes.load().len(), 1);
    gateway.shared.nodes.leave("a").await;
    crate::heartbeat::beat(&gateway, facts("b", "gateway")).await;
    assert_eq!(gateway.live_nodes.load(Ordering::Relaxed), 1);
    assert_eq!(gateway.seen_nodes.load()[0].revision, 3);
}
