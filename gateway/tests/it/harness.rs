//! A data plane with a mock vendor, whose counters are shared by nobody else and may be switched off.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fluxa_domain::budget::BudgetMode;
use fluxa_domain::change::{Actor, Change};
use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::key::{KeyLimits, KeyRecord, OnStoreError, compose, hash};
use fluxa_domain::net::EgressPolicy;
use fluxa_domain::price::UnpricedPolicy;
use fluxa_domain::provider::{ApiKey, ProviderRecord, ProviderSecrets, Timeouts};
use fluxa_domain::rbac::Role;
use fluxa_domain::secret::Secret;
use fluxa_domain::team::{OrganizationRecord, TeamRecord};
use fluxa_domain::time::Micros;
use fluxa_gateway::{AwsAccess, AwsEnvironment, Gateway, Running, Settings};
use fluxa_loadtest::vendor::{Mock, MockConfig};
use fluxa_store::Store;
use fluxa_store::journal::Journal;
use fluxa_store::shared::{
    BoxFuture, ColdWindow, Counters, CountersHealth, Expired, Extended, Inspection, MemoryCounters, Recorded, ReserveAsk, Reserved,
    ScopeStanding, Settled, Settlement, Shared, WaitingRow, WarmError,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PEPPER: [u8; 32] = [7; 32];
/// How long a story waits for something to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Counters of one process that say they are shared, and can be away. What was settled, reserved and given back is kept.
#[derive(Default)]
pub(crate) struct Switched {
    pub(crate) inner: MemoryCounters,
    pub(crate) away: AtomicBool,
    /// Reservations are made and their answers lost.
    pub(crate) deaf: AtomicBool,
    /// Reservations are made and never answered.
    pub(crate) hangs: AtomicBool,
    pub(crate) settled: Mutex<Vec<Settlement>>,
    pub(crate) reserved: Mutex<Vec<Arc<ReserveAsk>>>,
    pub(crate) released: Mutex<Vec<CallId>>,
}

impl Switched {
    fn is_away(&self) -> bool {
        self.away.load(Ordering::SeqCst)
    }

    /// Waits until so many calls are settled.
    pub(crate) async fn settles(&self, count: usize) -> Vec<Settlement> {
        until(|| self.settled.lock().unwrap().len() >= count).await;
        self.settled.lock().unwrap().clone()
    }
}

/// Waits for something.
pub(crate) async fn until(happened: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < deadline, "it does not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Counters for Switched {
    fn reserve(&self, ask: Arc<ReserveAsk>) -> BoxFuture<'_, Reserved> {
        let away = || Reserved::Unavailable(String::from("switched off"));
        Box::pin(async move {
            if self.is_away() {
                return away();
            }
            let reserved = self.inner.reserve_now(Arc::clone(&ask));
            if matches!(reserved, Reserved::Granted(_)) {
                self.reserved.lock().unwrap().push(ask);
                if self.hangs.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                if self.deaf.load(Ordering::SeqCst) {
                    return away();
                }
            }
            reserved
        })
    }

    fn settle(&self, settlement: Arc<Settlement>) -> BoxFuture<'_, Settled> {
        Box::pin(async move {
            // Never at once, as over a network.
            tokio::task::yield_now().await;
            if self.is_away() {
                return Settled::Unavailable;
            }
            let Settlement { id, nanos, tokens, rate_tokens, .. } = *settlement;
            self.settled.lock().unwrap().push(Settlement::clone(&settlement));
            match self.inner.settle_now(id, nanos, tokens, rate_tokens) {
                Settled::AlreadyDone => Settled::Unknown,
                other => other,
            }
        })
    }

    fn release<'a>(&'a self, _: &'a str, id: CallId) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if self.is_away() || self.deaf.load(Ordering::SeqCst) {
                return false;
            }
            self.inner.release_now(id);
            self.released.lock().unwrap().push(id);
            true
        })
    }

    fn extend<'a>(&'a self, held: &'a [Arc<ReserveAsk>], deadline: Micros) -> BoxFuture<'a, Vec<Extended>> {
        self.inner.extend(held, deadline)
    }

    fn warm<'a>(&'a self, ledger: &'a Store, organization: &'a str, windows: &'a [ColdWindow]) -> BoxFuture<'a, Result<(), WarmError>> {
        self.inner.warm(ledger, organization, windows)
    }

    fn recorded<'a>(&'a self, calls: &'a [Recorded]) -> BoxFuture<'a, bool> {
        self.inner.recorded(calls)
    }

    fn charge<'a>(&'a self, organization: &'a str, scope: &'a str, at: Micros, nanos: i64, tokens: i64) -> BoxFuture<'a, ()> {
        self.inner.charge(organization, scope, at, nanos, tokens)
    }

    fn expired(&self, _: Micros) -> BoxFuture<'_, Vec<Expired>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    fn waiting(&self, _: Duration, _: usize) -> BoxFuture<'_, Vec<WaitingRow>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    fn chill<'a>(&'a self, organization: &'a str, scopes: &'a [String]) -> BoxFuture<'a, bool> {
        self.inner.chill(organization, scopes)
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
        CountersHealth { away: self.is_away().then(|| String::from("switched off")), ..CountersHealth::default() }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &'_ str| line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        self.head.lines().find(|text| line(text)).and_then(|text| text.split_once(':')).map(|(_, value)| value.trim())
    }
}

/// A running data plane.
pub(crate) struct Plane {
    pub(crate) store: Arc<Store>,
    pub(crate) running: Running,
    pub(crate) mock: Mock,
    issued: AtomicUsize,
}

impl Plane {
    /// One that counts by itself.
    pub(crate) async fn alone() -> Self {
        Self::start(Shared::in_memory()).await
    }

    /// One with counters that may be away.
    pub(crate) async fn switched() -> (Self, Arc<Switched>) {
        let counters = Arc::new(Switched::default());
        let shared = Shared { counters: Arc::clone(&counters) as Arc<dyn Counters>, ..Shared::in_memory() };
        (Self::start(shared).await, counters)
    }

    async fn start(shared: Shared) -> Self {
        let mock = Mock::start(MockConfig::default()).await.unwrap();
        let store = Arc::new(Store::in_memory().await.unwrap());
        let record = ProviderRecord {
            max_concurrency: None,
            probe_every_s: None,
            name: String::from("openai"),
            kind: String::from("openai"),
            base_url: Some(mock.base_url()),
            anthropic_base_url: None,
            headers: BTreeMap::new(),
            timeouts: Timeouts::default(),
            api_version: None,
            deployments: BTreeMap::new(),
            region: None,
            enabled: true,
            created_at: Micros(0),
            updated_at: Micros(0),
        };
        let api_keys = vec![ApiKey { key: Secret::new(String::from("sk-story-canary-77ab12")), weight: 1 }];
        let secrets = ProviderSecrets { api_keys, ..ProviderSecrets::default() };
        commit(&store, Change::CreateProvider { record, secrets }).await;
        let journal = Arc::new(Journal::none());
        let running = Gateway::start(settings(), Arc::clone(&store), shared, journal, None).await.unwrap();
        Self { store, running, mock, issued: AtomicUsize::new(0) }
    }

    /// Changes the configuration, and waits until it is in force.
    pub(crate) async fn change(&self, change: Change) {
        commit(&self.store, change).await;
        self.running.reload().await.unwrap();
    }

    /// Issues a key.
    pub(crate) async fn key(&self, edit: impl FnOnce(&mut KeyRecord)) -> String {
        let n = self.issued.fetch_add(1, Ordering::SeqCst);
        let (id, text) = compose([u8::try_from(n).unwrap() + 1; 6], [9; 32]);
        let mut record = KeyRecord {
            firewall_policy: None,
            id,
            name: format!("app-{n}"),
            models: Vec::new(),
            limits: KeyLimits::default(),
            model_limits: BTreeMap::new(),
            on_store_error: None,
            cache: None,
            budget_mode: BudgetMode::Strict,
            budget_clamp: false,
            time_zone: String::from("UTC"),
            show_spend: false,
            expires_at: None,
            ip_allowlist: Vec::new(),
            enabled: true,
            team: None,
            tags: BTreeMap::new(),
            last4: String::from("last"),
            created_at: Micros(0),
            updated_at: Micros(0),
        };
        edit(&mut record);
        self.change(Change::IssueKey { record, hash: hash(&PEPPER, &text) }).await;
        text
    }

    /// Sends a chat call; the connection is the answer's.
    pub(crate) async fn send(&self, key: &str, model: &str, headers: &str) -> TcpStream {
        let body = format!(r#"{{"model":"{model}","max_tokens":50,"messages":[{{"role":"user","content":"hello"}}]}}"#);
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        let mut socket = TcpStream::connect(self.running.address()).await.unwrap();
        socket.write_all((head + &body).as_bytes()).await.unwrap();
        socket
    }

    /// One chat call.
    pub(crate) async fn chat(&self, key: &str, model: &str) -> Answer {
        let mut socket = self.send(key, model, "").await;
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The row of an answer.
    pub(crate) async fn row(&self, answer: &Answer) -> Entry {
        let (id, deadline) = (answer.header("x-fluxa-id").unwrap(), Instant::now() + PATIENCE);
        loop {
            if let Some(entry) = self.store.entry(id).await.unwrap() {
                return entry;
            }
            assert!(Instant::now() < deadline, "no row of {id}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn commit(store: &Store, change: Change) {
    let actor = Actor { name: String::from("story"), role: Role::Owner, ip: None };
    store.commit(&actor, &change, Micros(1)).await.unwrap();
}

/// A team without limits.
pub(crate) fn team(name: &str, edit: impl FnOnce(&mut TeamRecord)) -> TeamRecord {
    let mut record = TeamRecord {
        firewall_policy: None,
        name: name.to_owned(),
        organization: None,
        limits: KeyLimits::default(),
        models: Vec::new(),
        time_zone: String::from("UTC"),
        enabled: true,
        tags: BTreeMap::new(),
        cache: None,
        created_at: Micros(0),
        updated_at: Micros(0),
    };
    edit(&mut record);
    record
}

/// An organisation with these limits.
pub(crate) fn organization(name: &str, limits: KeyLimits) -> OrganizationRecord {
    OrganizationRecord {
        firewall_policy: None,
        name: name.to_owned(),
        limits,
        models: Vec::new(),
        time_zone: String::from("UTC"),
        enabled: true,
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

fn settings() -> Settings {
    Settings {
        last_known: None,
        node_id: String::from("story"),
        role: String::from("serve"),
        spool_max_bytes: 1 << 30,
        listen: SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 0),
        workers: 2,
        max_body_bytes: 1 << 20,
        max_connections_per_ip: 100,
        trusted_proxies: Vec::new(),
        egress: EgressPolicy { allow_loopback: true, ..EgressPolicy::default() },
        media_allow_private: Vec::new(),
        firewall_policy: None,
        firewall_webhook: None,
        connect_timeout: Duration::from_secs(5),
        first_byte_timeout: Duration::from_secs(20),
        idle_timeout: Duration::from_secs(20),
        reservation_ttl: Duration::from_secs(120),
        on_store_error: OnStoreError::LocalShare,
        unpriced: UnpricedPolicy::Refuse,
        assumed_max_output: 8_192,
        store_content: false,
        pepper: PEPPER,
        aws: AwsAccess::new(AwsEnvironment::default()),
        keep_responses: None,
        request_log: None,
    }
}
