//! Stores to tell stories on, and records to fill them with.

use std::collections::BTreeMap;

use fluxa_domain::budget::BudgetMode;
use fluxa_domain::change::Actor;
use fluxa_domain::entry::{AttemptRow, CostState, Entry};
use fluxa_domain::id::CallId;
use fluxa_domain::key::{KeyLimits, KeyRecord};
use fluxa_domain::money::NanoUsd;
use fluxa_domain::provider::{ApiKey, ProviderRecord, ProviderSecrets, Timeouts};
use fluxa_domain::rbac::Role;
use fluxa_domain::route::{RouteRecord, RouteTarget, Strategy};
use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::{Usage, UsageState};
use fluxa_loadtest::backends::Postgres;
use fluxa_store::{PostgresOptions, Sealer, Store, StoreOptions};

/// 2026-11-22T10:00:00Z.
pub(crate) const NOW: Micros = Micros(1_795_341_600_000_000);

/// A store, and what it lives on.
pub(crate) struct Place {
    pub(crate) store: Store,
    /// The folder of a file.
    pub(crate) folder: Option<tempfile::TempDir>,
    /// The server, which ends with the place.
    pub(crate) server: Option<Server>,
}

/// A server and a database of its own on it.
pub(crate) struct Server {
    pub(crate) postgres: Postgres,
    pub(crate) url: String,
}

/// One store in memory, one in a file and one on a server.
pub(crate) async fn places() -> [Place; 3] {
    [Place { store: Store::in_memory().await.unwrap(), folder: None, server: None }, file().await, server().await]
}

/// A store in a file.
pub(crate) async fn file() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions::Sqlite { path: folder.path().join("fluxa.db") }, sealer()).await.unwrap();
    Place { store, folder: Some(folder), server: None }
}

/// A store on a server.
pub(crate) async fn server() -> Place {
    let postgres = Postgres::shared().unwrap();
    let url = postgres.database().unwrap();
    let store = Store::open(StoreOptions::Postgres(PostgresOptions::new(url.as_str())), sealer()).await.unwrap();
    Place { store, folder: None, server: Some(Server { postgres, url }) }
}

pub(crate) fn sealer() -> Sealer {
    Sealer::new([9; 32])
}

pub(crate) fn actor() -> Actor {
    Actor { name: String::from("master-key"), role: Role::Owner, ip: Some(String::from("10.0.0.1")) }
}

pub(crate) fn provider(name: &str) -> ProviderRecord {
    ProviderRecord {
        name: name.to_owned(),
        kind: String::from("openai"),
        base_url: Some(String::from("https://api.example.com/v1")),
        anthropic_base_url: None,
        headers: BTreeMap::from([(String::from("x-proxy-token"), String::from("header-value-in-clear"))]),
        timeouts: Timeouts::default(),
        api_version: None,
        deployments: BTreeMap::new(),
        region: None,
        max_concurrency: None,
        probe_every_s: None,
        enabled: true,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn secrets(key: &str) -> ProviderSecrets {
    let key = ApiKey { key: Secret::new(key.to_owned()), weight: 2 };
    ProviderSecrets { api_keys: vec![key], session_token: Some(Secret::new(String::from("session-token-in-clear"))), ..Default::default() }
}

pub(crate) fn route(model: &str, provider: &str, fallback: &str) -> RouteRecord {
    let target = |name: &str| RouteTarget { provider: name.to_owned(), model: None, weight: 1 };
    RouteRecord {
        firewall_policy: None,
        model: model.to_owned(),
        targets: vec![target(provider)],
        fallback: vec![target(fallback)],
        strategy: Strategy::default(),
        retries: None,
        timeout_ms: None,
        prompt_affinity: false,
    }
}

pub(crate) fn key(id: &str, name: &str) -> KeyRecord {
    KeyRecord {
        firewall_policy: None,
        id: id.to_owned(),
        name: name.to_owned(),
        models: vec![String::from("gpt-*")],
        limits: KeyLimits { budget_usd_daily: Some(NanoUsd(5)), ..KeyLimits::default() },
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
        team: Some(String::from("red")),
        tags: BTreeMap::from([(String::from("env"), String::from("prod"))]),
        last4: String::from("abcd"),
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn call_id(n: u64) -> CallId {
    call_id_at(NOW.plus_seconds(i64::try_from(n).unwrap()), n)
}

/// The id of a call that came in at `at`: ids are in the order of time.
pub(crate) fn call_id_at(at: Micros, n: u64) -> CallId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    CallId::new(at, random)
}

/// The n-th call: one second after the one before, by one of three keys.
pub(crate) fn entry(n: u64) -> Entry {
    Entry {
        firewall: Vec::new(),
        id: call_id(n),
        request_id: format!("req-{n}"),
        at: NOW.plus_seconds(i64::try_from(n).unwrap()),
        key_id: format!("key{}", n % 3),
        key_name: format!("name {}", n % 3),
        team: String::from("red"),
        organization: String::new(),
        tags: BTreeMap::from([(String::from("env"), String::from(if n.is_multiple_of(2) { "prod" } else { "dev" }))]),
        model: String::from("gpt-4o"),
        provider: String::from("openai"),
        upstream_model: String::from("gpt-4o-2024-11-20"),
        dialect_in: String::from("openai"),
        dialect_out: String::from("openai"),
        op: String::from("chat"),
        stream: n.is_multiple_of(2),
        status: 200,
        usage: Usage { input_uncached: 10, cache_read: 5, output: 20, reasoning: 3, ..Usage::default() },
        usage_state: UsageState::Reported,
        cost: NanoUsd(1_000 + i64::try_from(n).unwrap()),
        cost_state: CostState::Exact,
        price_version: String::from("2026-11-22"),
        ttfb_ms: Some(12),
        latency_ms: 34,
        attempts: vec![AttemptRow {
            provider: String::from("openai"),
            model: String::from("gpt-4o"),
            status: 200,
            ms: 30,
            why: String::new(),
        }],
        finish: String::from("stop"),
        error: String::new(),
        client_closed: false,
        abandoned: false,
        cached: false,
        request_body: None,
        response_body: None,
    }
}

/// The n-th call, cut off, with another estimate.
pub(crate) fn abandoned(n: u64) -> Entry {
    Entry {
        abandoned: true,
        status: 0,
        error: String::from("abandoned"),
        cost: NanoUsd(99_999),
        usage: Usage { input_uncached: 500, output: 700, ..Usage::default() },
        usage_state: UsageState::Estimated,
        cost_state: CostState::Estimated,
        ..entry(n)
    }
}
