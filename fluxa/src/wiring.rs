//! Who gets what: the only lines that know every room.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use axum::Router;
use axum::body::Body;
use fluxa_admin_api::{Admin, HealthSource, MasterKey, PeerIp, Probe, Reload, apply};
use fluxa_domain::change::Actor;
use fluxa_domain::entry::Entry;
use fluxa_domain::key::OnStoreError;
use fluxa_domain::provider::Provider;
use fluxa_domain::rbac::Role;
use fluxa_domain::time::Micros;
use fluxa_gateway::{AwsAccess, BoxError, Gateway, Mount, MountBody, Running, Settings};
use fluxa_store::journal::Journal;
use fluxa_store::{Shared, Store};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tower::ServiceExt as _;

use crate::aws_environment::aws_environment;
use crate::banner;
use crate::boot::{self, Opened, Seeded};
use crate::check::{BoxFuture, Reach, Reached};
use crate::cli::Cli;
use crate::config::Config;
use crate::config::reader::Source;
use crate::demo::echo::{self, Echo};
use crate::load::Loaded;
use crate::shutdown::{Drained, Signals};
use crate::telemetry::Format;
use crate::telemetry::listener::{self, Listener, Vitals};
use crate::telemetry::request_log::RequestLog;

/// After a second signal, usage is written out within this time.
const CUT_GRACE: Duration = Duration::from_secs(3);
/// Bytes of the journal in which rows may wait for the database before calls are refused.
const SPOOL_MAX_BYTES: u64 = 1 << 30;
/// Between the end of the drain and the exit, usage is written out within this time.
const FLUSH_GRACE: Duration = Duration::from_secs(20);

/// Serves until a signal ends it.
///
/// # Errors
/// Whatever keeps the process from starting.
pub async fn serve(_cli: &Cli, loaded: Loaded, demo: bool) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let config = &loaded.config;
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let opened = boot::open(config).await?;
    let echo = if demo { Some(echo::start(echo::PACE).await.context("cannot start the demo's provider")?) } else { None };
    let shared = Shared::in_memory();
    let journal = Arc::new(open_journal(config, &opened.store, &shared).await?);
    let plane: Arc<OnceLock<Arc<Running>>> = Arc::default();
    let admin = Arc::new(admin(config, &opened, &shared, &plane));
    let seeded = plant(&opened, &loaded, echo.as_ref(), &admin, demo).await?;
    let mount: Arc<dyn Mount> = Arc::new(Mounted { router: fluxa_admin_api::router(Arc::clone(&admin)) });
    let settings = settings(config, &opened);
    let running = Arc::new(Gateway::start(settings, Arc::clone(&opened.store), shared, journal, Some(mount)).await?);
    let _ = plane.set(Arc::clone(&running));
    let telemetry = match config.telemetry.listen {
        Some(address) => Some(listen_for_telemetry(config, address, Arc::new(Pulse(Arc::clone(&running)))).await?),
        None => None,
    };
    let facts =
        boot::facts(&opened, &loaded, &seeded, running.address(), telemetry.as_ref().map(listener::Listener::address), demo).await?;
    banner::announce(&facts);
    let mut jobs = tokio::task::JoinSet::new();
    if let Some(keep) = config.retention.logs {
        let store = Arc::clone(&opened.store);
        jobs.spawn(async move {
            let prune = |before| {
                let store = Arc::clone(&store);
                async move { store.prune(before).await.map_err(|error| error.to_string()) }
            };
            crate::jobs::retention(keep, now, prune).await;
        });
    }
    signals.until_drain(async || reload(&running).await).await;
    tracing::info!("stopping: no new connections, running calls may finish");
    let drain = config.server.drain_timeout;
    let outcome = signals.drain(drain + FLUSH_GRACE, running.shutdown(drain)).await;
    if outcome == Drained::Cut {
        // What was cut off is still written out; what is not by then, the next start finds in the journal.
        let _ = tokio::time::timeout(CUT_GRACE, running.shutdown(Duration::ZERO)).await;
    }
    jobs.abort_all();
    opened.store.close().await;
    tracing::info!("stopped");
    Ok(outcome.exit_code())
}

/// Metrics and probes. Where nobody asked for this port, another process that has it is no reason not to serve.
async fn listen_for_telemetry(config: &Config, address: SocketAddr, vitals: Arc<dyn Vitals>) -> Result<Listener> {
    let asked_for = config.effective.iter().any(|row| row.path == "telemetry.listen" && row.source != Source::Default);
    match listener::start(address, Arc::clone(&vitals)).await {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && !asked_for => {
            let other = listener::start(SocketAddr::new(address.ip(), 0), vitals).await?;
            tracing::warn!("{address} is taken, so metrics and probes are at {}; choose a port with telemetry.listen", other.address());
            Ok(other)
        }
        started => started.with_context(|| format!("cannot listen on {address} for telemetry")),
    }
}

/// Opens the journal and completes the ledger with what an earlier process left in it.
async fn open_journal(config: &Config, store: &Store, shared: &Shared) -> Result<Journal> {
    let mut folder = config.database.path.clone().into_os_string();
    folder.push(".journal");
    let journal = Journal::open(folder.as_ref())?;
    let recovered = fluxa_gateway::recover(store, shared, &journal).await?;
    if !recovered.is_empty() {
        tracing::warn!(
            rows = recovered.written,
            abandoned = recovered.abandoned,
            buried = recovered.buried,
            damaged = recovered.damaged,
            "the process ended without stopping; its usage was completed from the journal"
        );
        store.check_after_crash().await?;
    }
    Ok(journal)
}

async fn plant(opened: &Opened, loaded: &Loaded, echo: Option<&Echo>, admin: &Admin, demo: bool) -> Result<Seeded> {
    let actor = Actor { name: String::from(if demo { "demo" } else { "seed" }), role: Role::System, ip: None };
    boot::seed(opened, loaded, echo.map(Echo::address), now(), async |change| {
        apply(admin, &actor, change).await.map(drop).map_err(|error| error.to_string())
    })
    .await
}

async fn reload(running: &Running) {
    match running.reload().await {
        Ok(()) => tracing::info!("configuration read again"),
        Err(error) => tracing::error!(%error, "cannot read the configuration again; the former stays in force"),
    }
}

fn admin(config: &Config, opened: &Opened, shared: &Shared, plane: &Arc<OnceLock<Arc<Running>>>) -> Admin {
    Admin {
        store: Arc::clone(&opened.store),
        shared: shared.clone(),
        master: MasterKey::from_hash(opened.master.hash),
        pepper: opened.pepper,
        clock: Arc::new(now),
        egress: config.egress(),
        probe: Arc::new(Prober(Arc::clone(plane))),
        health: Arc::new(Prober(Arc::clone(plane))),
        reload: Arc::new(Prober(Arc::clone(plane))),
    }
}

fn settings(config: &Config, opened: &Opened) -> Settings {
    Settings {
        listen: config.listen(),
        workers: config.server.workers.unwrap_or(0),
        max_body_bytes: usize::try_from(config.server.max_body_bytes).unwrap_or(usize::MAX),
        max_connections_per_ip: config.server.max_connections_per_ip,
        trusted_proxies: config.server.trusted_proxies.clone(),
        egress: config.egress(),
        media_allow_private: config.upstream.media_allow_private.clone(),
        connect_timeout: config.upstream.connect_timeout,
        first_byte_timeout: config.upstream.first_byte_timeout,
        idle_timeout: config.upstream.idle_timeout,
        reservation_ttl: config.budget.reservation_ttl,
        on_store_error: OnStoreError::default(),
        unpriced: config.budget.unpriced.policy(),
        assumed_max_output: config.budget.assumed_max_output,
        store_content: config.logging.store_content,
        pepper: opened.pepper,
        aws: aws(),
        keep_responses: config.retention.responses,
        node_id: format!("{:016x}", getrandom::u64().unwrap_or_default()),
        role: String::from("serve"),
        spool_max_bytes: SPOOL_MAX_BYTES,
        request_log: Some(Arc::new(Lines(RequestLog::new(Format::of_stdout(config.logging.format))))),
    }
}

/// Who this process is to AWS.
fn aws() -> AwsAccess {
    AwsAccess::new(aws_environment(&crate::load::env))
}

/// The wall clock.
#[must_use]
pub fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Request lines on standard output.
struct Lines(RequestLog);

impl fluxa_gateway::RequestLog for Lines {
    fn write(&self, entries: &mut dyn Iterator<Item = &Entry>) {
        self.0.write(entries);
    }
}

/// The admin API on the data plane's port.
struct Mounted {
    router: Router,
}

impl Mount for Mounted {
    fn call(&self, request: Request<Incoming>, peer: IpAddr) -> futures_util::future::BoxFuture<'static, Response<MountBody>> {
        let router = self.router.clone();
        Box::pin(async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(PeerIp(peer));
            let response = match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            response.map(|body| body.map_err(|error| BoxError::from(error.to_string())).boxed_unsync())
        })
    }
}

/// What the telemetry listener asks.
struct Pulse(Arc<Running>);

impl Vitals for Pulse {
    fn metrics(&self) -> String {
        self.0.metrics()
    }

    fn ready(&self) -> Result<(), String> {
        self.0.unready().map_or(Ok(()), |why| Err(why.trim_end().to_owned()))
    }
}

/// The doors of the admin API into the running data plane.
struct Prober(Arc<OnceLock<Arc<Running>>>);

/// What is said while the process is still starting.
const STARTING: &str = "the gateway is still starting";

impl Probe for Prober {
    fn test(&self, provider: String) -> fluxa_admin_api::BoxFuture<'static, fluxa_admin_api::ProbeReport> {
        let running = self.0.get().cloned();
        Box::pin(async move {
            let Some(running) = running else {
                return fluxa_admin_api::ProbeReport { ok: false, status: None, latency_ms: 0, message: STARTING.to_owned(), models: None };
            };
            let found = running.probe(&provider).await;
            fluxa_admin_api::ProbeReport {
                ok: found.ok,
                status: found.status,
                latency_ms: found.latency_ms,
                message: found.message,
                models: found.models,
            }
        })
    }
}

impl HealthSource for Prober {
    fn report(&self) -> serde_json::Value {
        self.0.get().map_or_else(|| serde_json::json!({ "ready": false }), |running| running.report())
    }
}

impl Reload for Prober {
    fn reload(&self) -> fluxa_admin_api::BoxFuture<'static, Result<(), String>> {
        let running = self.0.get().cloned();
        Box::pin(async move {
            let running = running.ok_or_else(|| STARTING.to_owned())?;
            running.reload().await.map_err(|error| error.to_string())
        })
    }
}

/// Tries providers for `fluxa check`.
///
/// # Errors
/// None at present; the signature leaves room for a setup that can fail.
pub fn reach(config: &Config) -> Result<Box<dyn Reach>> {
    let mut pepper = [0; 32];
    getrandom::fill(&mut pepper).map_err(|error| anyhow!("the system has no random numbers: {error}"))?;
    Ok(Box::new(Reacher {
        settings: Settings {
            listen: config.listen(),
            workers: 1,
            max_body_bytes: 0,
            max_connections_per_ip: 0,
            trusted_proxies: Vec::new(),
            egress: config.egress(),
            media_allow_private: Vec::new(),
            connect_timeout: config.upstream.connect_timeout,
            first_byte_timeout: config.upstream.first_byte_timeout,
            idle_timeout: config.upstream.idle_timeout,
            reservation_ttl: config.budget.reservation_ttl,
            on_store_error: OnStoreError::default(),
            unpriced: config.budget.unpriced.policy(),
            assumed_max_output: config.budget.assumed_max_output,
            store_content: false,
            pepper,
            aws: aws(),
            keep_responses: None,
            node_id: String::new(),
            role: String::new(),
            spool_max_bytes: 0,
            request_log: None,
        },
    }))
}

struct Reacher {
    settings: Settings,
}

impl Reach for Reacher {
    fn reach<'a>(&'a self, provider: &'a Provider) -> BoxFuture<'a, Reached> {
        Box::pin(async move {
            let found = fluxa_gateway::probe(provider.clone(), self.settings.clone()).await;
            Reached { ok: found.ok, status: found.status, latency_ms: found.latency_ms, message: found.message }
        })
    }
}
