//! An admin API with a clock that stands still until it is moved, and requests without a socket.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use fluxa_admin_api::{Admin, BoxFuture, HealthSource, MasterKey, PeerIp, Probe, ProbeReport, Reload, router};
use fluxa_domain::net::EgressPolicy;
use fluxa_domain::time::Micros;
use fluxa_store::{Shared, Store};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The master key of every test.
pub(crate) const MASTER: &str = "test-master-key-canary-0451";
/// The pepper of every test.
pub(crate) const PEPPER: [u8; 32] = [7; 32];

/// The API and what it stands on.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) store: Arc<Store>,
    pub(crate) shared: Shared,
    clock: Arc<AtomicI64>,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// Asserts the status and gives the body as JSON.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// Asserts a 422 and gives the names of the fields at fault.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<String> {
        let body = self.expect(422);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        body["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let store = Arc::new(Store::in_memory().await.unwrap());
        let shared = Shared::in_memory();
        let clock = Arc::new(AtomicI64::new(Micros::from_rfc3339("2026-11-22T10:00:00Z").unwrap().0));
        let read = Arc::clone(&clock);
        let router = router(Arc::new(Admin {
            store: Arc::clone(&store),
            shared: shared.clone(),
            master: MasterKey::of(&PEPPER, MASTER),
            pepper: PEPPER,
            clock: Arc::new(move || Micros(read.load(Ordering::SeqCst))),
            egress: EgressPolicy { allow_loopback: true, allow_private_ranges: true, ..EgressPolicy::default() },
            firewall_policy: Some(String::from("of_the_settings")),
            probe: Arc::new(Fixed),
            health: Arc::new(Fixed),
            reload: Arc::new(Fixed),
        }));
        Self { router, store, shared, clock }
    }

    pub(crate) fn now(&self) -> Micros {
        Micros(self.clock.load(Ordering::SeqCst))
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * Micros::PER_SECOND, Ordering::SeqCst);
    }

    pub(crate) async fn raw(&self, mut request: Request<Body>) -> Reply {
        request.extensions_mut().insert(PeerIp(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Reply { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// A request with the master key; `body` is sent as JSON unless empty.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {MASTER}"));
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        self.raw(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, &body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, &body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send("PATCH", path, &body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, "").await
    }

    /// Makes a provider of this name.
    pub(crate) async fn provider(&self, name: &str) {
        self.post("/admin/providers", json!({ "name": name, "kind": "openai", "api_key": format!("sk-secret-of-{name}") }))
            .await
            .expect(201);
    }
}

struct Fixed;

impl Probe for Fixed {
    fn test(&self, provider: String) -> BoxFuture<'static, ProbeReport> {
        Box::pin(async move {
            ProbeReport { ok: true, status: Some(200), latency_ms: 12, message: format!("{provider} answers"), models: Some(3) }
        })
    }
}

impl HealthSource for Fixed {
    fn report(&self) -> Value {
        json!({ "breakers": [] })
    }
}

impl Reload for Fixed {
    fn reload(&self) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}
