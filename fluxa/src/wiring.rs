//! Who gets what: the only lines that know every room. Start reading at [`serve`].

mod desk;
mod doors;
mod last_known;
mod plane;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result};
use fluxa_admin_api::{Admin, HealthSource, MasterKey, Probe, Reload, apply};
use fluxa_domain::change::Actor;
use fluxa_domain::rbac::Role as Rights;
use fluxa_domain::time::Micros;
use fluxa_gateway::{Gateway, Mount, Recovery, Running};
use fluxa_store::journal::Journal;
use fluxa_store::shared::NodeFacts;
use fluxa_store::{Shared, Store};
use tokio::task::JoinSet;

use crate::admin_listener::{AdminListener, Limits};
use crate::banner::{self, Facts};
use crate::boot::{self, Opened, Seeded};
use crate::config::Config;
use crate::config::mode::{self, Role};
use crate::config::reader::Source;
use crate::demo::echo::{self, Echo};
use crate::load::Loaded;
use crate::shutdown::{Drained, Signals};
use crate::telemetry::listener::{self, Listener, Vitals};
use crate::{backends, jobs, node_name};

use desk::Desk;
use doors::{Elsewhere, Here, Roster};
use plane::{Mounted, Pulse};

pub(crate) use last_known::file as last_known_file;
pub use plane::reach;

/// After a second signal, usage is written out within this time.
const CUT_GRACE: Duration = Duration::from_secs(3);
/// Between the end of the drain and the exit, usage is written out within this time.
const FLUSH_GRACE: Duration = Duration::from_secs(20);
/// Heartbeats, and looks at those of others, well within `GONE_AFTER`.
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// What a heartbeat waits for the database.
const REVISION_WITHIN: Duration = Duration::from_millis(500);

/// Serves calls until a signal ends it; the admin API too, unless the role is that of a gateway.
///
/// # Errors
/// Whatever keeps the process from starting.
pub async fn serve(loaded: Loaded, role: Role, demo: bool) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let config = &loaded.config;
    let mode = mode::judge(config, role)?;
    let node = node_name::of(config);
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    tracing::info!(node, "{}", mode.sentence());
    let opened = boot::open(config, mode).await?;
    let echo = if demo { Some(echo::start(echo::PACE).await.context("cannot start the demo's provider")?) } else { None };
    let backends::Opened { shared, follow } = backends::open_shared(config, &opened.secret_key, now).await?;
    let (journal, recovered) = open_journal(config, &opened, &shared).await?;
    let place: Arc<OnceLock<Arc<Running>>> = Arc::default();
    let doors = Arc::new(Here { plane: Arc::clone(&place) });
    let admin = Arc::new(admin(config, &opened, &shared, role, doors));
    // Without the database there is nothing to plant in.
    let seeded = if role == Role::Serve && opened.recalled.is_none() {
        plant(&opened, &loaded, echo.as_ref(), &admin, demo).await?
    } else {
        Seeded::default()
    };
    let router = || fluxa_admin_api::router(Arc::clone(&admin));
    let mount = (role == Role::Serve).then(|| Arc::new(Mounted { router: router() }) as Arc<dyn Mount>);
    let settings = plane::settings(config, opened.pepper, &node, role, last_known::of(config, &opened, mode));
    let running = Arc::new(Gateway::start(settings, Arc::clone(&opened.store), shared.clone(), Arc::new(journal), mount).await?);
    if opened.recalled.is_some() {
        running.recover_later();
    }
    running.settle_later(recovered.unsettled);
    running.recorded(recovered.recorded);
    let _ = place.set(Arc::clone(&running));
    let telemetry = match config.telemetry.listen {
        Some(address) => Some(listen_for_telemetry(config, address, Arc::new(Pulse(Arc::clone(&running)))).await?),
        None => None,
    };
    let telemetry = telemetry.as_ref().map(listener::Listener::address);
    let facts = boot::facts(&opened, &loaded, &seeded, running.address(), telemetry, demo).await?;
    banner::announce(&Facts { role, ..facts });
    let mut tasks = JoinSet::new();
    retention(&mut tasks, config, &opened.store, &shared, &node);
    if let Some(follow) = follow {
        tasks.spawn(follow);
    }
    signals.until_drain(async || reload(&running).await).await;
    let outcome = drain(config, &mut signals, &running).await;
    tasks.abort_all();
    shared.nodes.leave(&node).await;
    opened.store.close().await;
    tracing::info!("stopped");
    Ok(outcome.exit_code())
}

/// Serves the admin API alone, until a signal ends it.
///
/// # Errors
/// Whatever keeps the process from starting.
pub async fn administer(loaded: Loaded) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let config = &loaded.config;
    mode::judge(config, Role::Admin)?;
    let node = node_name::of(config);
    let opened = boot::open_for_admin(config).await?;
    let backends::Opened { shared, .. } = backends::open_shared(config, &opened.secret_key, now).await?;
    let roster = Arc::new(Roster::default());
    let doors = Arc::new(Elsewhere {
        store: Arc::clone(&opened.store),
        shared: shared.clone(),
        settings: plane::settings(config, opened.pepper, &node, Role::Admin, None),
        roster: Arc::clone(&roster),
    });
    let admin = Arc::new(admin(config, &opened, &shared, Role::Admin, doors));
    let seeded = plant(&opened, &loaded, None, &admin, false).await?;
    let limits = Limits { per_address: config.server.max_connections_per_ip, trusted_proxies: config.server.trusted_proxies.clone() };
    let vitals = Arc::new(Desk::new(shared.clone(), now()));
    let router = desk::counted(fluxa_admin_api::router(Arc::clone(&admin)), &vitals);
    let listening = AdminListener::start(config.listen(), router, limits).await;
    let mut listener = listening.with_context(|| format!("cannot listen on {}", config.listen()))?;
    let telemetry = match config.telemetry.listen {
        Some(address) => Some(listen_for_telemetry(config, address, Arc::clone(&vitals) as Arc<dyn Vitals>).await?),
        None => None,
    };
    let telemetry = telemetry.as_ref().map(listener::Listener::address);
    let facts = boot::facts(&opened, &loaded, &seeded, listener.address(), telemetry, false).await?;
    banner::announce(&Facts { role: Role::Admin, ..facts });
    let mut tasks = JoinSet::new();
    retention(&mut tasks, config, &opened.store, &shared, &node);
    let me = NodeFacts {
        id: node.clone(),
        role: String::from(Role::Admin.name()),
        address: listener.address().to_string(),
        version: String::from(env!("CARGO_PKG_VERSION")),
        started_at: now(),
        ..NodeFacts::default()
    };
    tasks.spawn(beat(me, Arc::clone(&opened.store), shared.clone(), roster));
    signals.until_drain(async || tracing::info!("the admin API reads the database anew with every request")).await;
    vitals.announce_stop();
    tokio::time::sleep(config.server.shutdown_delay).await;
    tracing::info!("stopping: no new connections, running requests may finish");
    let outcome = signals.drain(config.server.drain_timeout, listener.shutdown()).await;
    tasks.abort_all();
    shared.nodes.leave(&node).await;
    opened.store.close().await;
    tracing::info!("stopped");
    Ok(outcome.exit_code())
}

/// Not welcome any more, then no new connections, then the end of what runs, then what is left to be written.
async fn drain(config: &Config, signals: &mut Signals, running: &Running) -> Drained {
    running.announce_stop();
    let delay = config.server.shutdown_delay;
    if !delay.is_zero() {
        tracing::info!("stopping in {delay:?}: calls are still taken, so that load balancers notice");
        if signals.drain(delay, std::future::pending()).await == Drained::Stopped {
            let _ = tokio::time::timeout(CUT_GRACE, running.shutdown(Duration::ZERO)).await;
            return Drained::Stopped;
        }
    }
    tracing::info!("stopping: no new connections, running calls may finish");
    let drain = config.server.drain_timeout;
    let outcome = signals.drain(drain + FLUSH_GRACE, running.shutdown(drain)).await;
    if outcome != Drained::Clean {
        // What was cut off is still written out; what is not by then, the next start finds in the journal.
        let _ = tokio::time::timeout(CUT_GRACE, running.shutdown(Duration::ZERO)).await;
    }
    let waiting = running.report().pointer("/ledger/waiting_rows").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if waiting > 0 {
        let journal = mode::journal_folder(config);
        tracing::warn!(
            rows = waiting,
            "{waiting} rows of usage are not in the database yet; they are in {}, and the next start writes them",
            journal.display()
        );
    }
    outcome
}

/// Tells the others of this process, and keeps in mind what they tell.
async fn beat(mut me: NodeFacts, store: Arc<Store>, shared: Shared, roster: Arc<Roster>) {
    let mut clock = tokio::time::interval(BEAT_EVERY);
    loop {
        clock.tick().await;
        // A database that does not answer is no reason not to be heard of.
        if let Ok(Ok(revision)) = tokio::time::timeout(REVISION_WITHIN, store.revision()).await {
            me.revision = revision.0;
        }
        shared.nodes.beat(me.clone()).await;
        roster.refresh(&shared).await;
    }
}

/// Old rows are removed by one process at a time.
fn retention(tasks: &mut JoinSet<()>, config: &Config, store: &Arc<Store>, shared: &Shared, node: &str) {
    let (store, shared, node) = (Arc::clone(store), shared.clone(), node.to_owned());
    let keep = config.retention.logs;
    tasks.spawn(async move {
        let may = || {
            let (shared, node) = (shared.clone(), node.clone());
            async move { shared.nodes.lease(jobs::RETENTION, &node, jobs::LEASE).await }
        };
        let prune = |before| {
            let store = Arc::clone(&store);
            async move { store.prune(before).await.map_err(|error| error.to_string()) }
        };
        let prepare = || {
            let store = Arc::clone(&store);
            async move { store.prepare_partitions(now()).await.map(drop).map_err(|error| error.to_string()) }
        };
        jobs::retention(keep, now, may, prepare, prune).await;
    });
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

/// Opens the journal and completes the ledger with what an earlier process left in it; later, where the database is away.
async fn open_journal(config: &Config, opened: &Opened, shared: &Shared) -> Result<(Journal, Recovery)> {
    let journal = Journal::open(&mode::journal_folder(config))?;
    if opened.recalled.is_some() {
        return Ok((journal, Recovery::default()));
    }
    let recovered = fluxa_gateway::recover(&opened.store, shared, &journal).await?;
    if !recovered.is_empty() {
        tracing::warn!(
            rows = recovered.written,
            abandoned = recovered.abandoned,
            buried = recovered.buried,
            damaged = recovered.damaged,
            "the process ended without stopping; its usage was completed from the journal"
        );
        opened.store.check_after_crash().await?;
    }
    Ok((journal, recovered))
}

async fn plant(opened: &Opened, loaded: &Loaded, echo: Option<&Echo>, admin: &Admin, demo: bool) -> Result<Seeded> {
    let actor = Actor { name: String::from(if demo { "demo" } else { "seed" }), role: Rights::System, ip: None };
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

fn admin<D: Probe + HealthSource + Reload + 'static>(
    config: &Config,
    opened: &Opened,
    shared: &Shared,
    role: Role,
    doors: Arc<D>,
) -> Admin {
    Admin {
        store: Arc::clone(&opened.store),
        shared: shared.clone(),
        master: MasterKey::from_hash(opened.master.hash),
        pepper: opened.pepper,
        clock: Arc::new(now),
        egress: config.egress(role),
        firewall_policy: config.firewall.policy.clone(),
        probe: Arc::clone(&doors) as Arc<dyn Probe>,
        health: Arc::clone(&doors) as Arc<dyn HealthSource>,
        reload: doors,
    }
}

/// The wall clock.
#[must_use]
pub fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
