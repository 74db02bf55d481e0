//! A start up to the moment of serving: opens the database, settles the master key, plants the seeds, gathers what
//! the banner tells. Wiring calls [`open`], then [`seed`] (with the admin API's door), then [`facts`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use fluxa_domain::change::Change;
use fluxa_domain::provider::Provider;
use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;
use fluxa_gateway::Recalled;
use fluxa_store::{KeyFilter, SecretKey, Store, StoreError};

use crate::banner::{Facts, Found};
use crate::config::Config;
use crate::config::mode::{Mode, Role};
use crate::load::{Loaded, env};
use crate::master::{self, Master, Origin};
use crate::telemetry::Format;
use crate::{backends, demo, seed as seeds};

/// The store's setting that stands while seeds are being written, so that a start that died half-way is finished.
const SEEDING: &str = "seeding";

/// Keys that are counted for the banner; beyond it the number is of no use to anyone.
const COUNTED_KEYS: u32 = 500;

/// A process that has a configuration on its disk waits so long for the database: it is to be ready within a second.
const FIRST_ANSWER: Duration = Duration::from_millis(600);

/// A process without one waits so long.
const UNAIDED: Duration = Duration::from_secs(30);

/// And asks it so often.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// An open installation.
#[derive(Debug)]
pub struct Opened {
    /// The database.
    pub store: Arc<Store>,
    /// The 32 bytes from which pepper and sealing key come.
    pub secret_key: SecretKey,
    /// What virtual keys and the master key are hashed under.
    pub pepper: [u8; 32],
    /// The master key in force.
    pub master: Master,
    /// Whether seeds are to be planted.
    pub plant: bool,
    /// What this process starts with, because the database does not answer.
    pub recalled: Option<Recalled>,
}

/// What was planted, or why nothing was.
#[derive(Clone, Debug, Default)]
pub struct Seeded {
    /// Keys that were made, to be shown once.
    pub made_keys: Vec<(String, Secret<String>)>,
    /// Sources of providers by name.
    pub sources: BTreeMap<String, String>,
    /// Sentences for the banner and the log.
    pub hints: Vec<String>,
}

/// Opens the database and settles the master key. In a cluster, a process whose database does not answer begins with the
/// configuration it last had.
///
/// # Errors
/// When the database or its secret key cannot be opened.
pub async fn open(config: &Config, mode: Mode) -> Result<Opened> {
    let secret_key = backends::secret_key(config)?;
    if mode == Mode::Embedded {
        return settle_opened(config, secret_key).await;
    }
    let recalled = recall(config, &secret_key);
    // With a configuration at hand nobody waits long for the database: the data plane follows it as soon as it answers.
    let Some(recalled) = recalled else { return settle_patiently(config, secret_key).await };
    let why = match tokio::time::timeout(FIRST_ANSWER, settle_opened(config, secret_key.clone())).await {
        Ok(Err(error)) if !is_away(&error) => return Err(error),
        Ok(Ok(opened)) => return Ok(opened),
        Ok(Err(error)) => error.root_cause().to_string(),
        Err(_) => String::from("no answer"),
    };
    let age = crate::wiring::now().0.saturating_sub(recalled.written_at.0) / 1_000_000;
    tracing::warn!(
        age_seconds = age,
        revision = recalled.configuration.revision.0,
        "{}: {why}; starting with the configuration of {age} seconds ago",
        backends::cannot_open(config)
    );
    let store = backends::open_store_later(config, &secret_key)?;
    let pepper = secret_key.pepper();
    let given = config.server.master_key.as_ref();
    let stored = recalled.master.as_ref().map(master::to_hex);
    let mut random = [0; 32];
    fill(&mut random)?;
    // A key that would be made now could not be stored, so it opens nothing: nobody is told of it.
    let master = Master { fresh: None, ..master::decide(given, stored.as_deref(), &pepper, random) };
    Ok(Opened { store: Arc::new(store), secret_key, pepper, master, plant: false, recalled: Some(recalled) })
}

/// The same for a process that is of no use without its database.
///
/// # Errors
/// When the database or its secret key cannot be opened.
pub async fn open_for_admin(config: &Config) -> Result<Opened> {
    settle_patiently(config, backends::secret_key(config)?).await
}

/// Waits a while for a database that does not answer: it may be starting at the same time.
async fn settle_patiently(config: &Config, secret_key: SecretKey) -> Result<Opened> {
    let deadline = tokio::time::Instant::now() + UNAIDED;
    loop {
        let why = match tokio::time::timeout_at(deadline, settle_opened(config, secret_key.clone())).await {
            Ok(Err(error)) if is_away(&error) => error,
            Ok(settled) => return settled,
            Err(_) => anyhow!("no answer within {} seconds", UNAIDED.as_secs()).context(backends::cannot_open(config)),
        };
        if tokio::time::Instant::now() + ASK_AGAIN >= deadline {
            return Err(why);
        }
        tracing::warn!("{}: {}; trying again", backends::cannot_open(config), why.root_cause());
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

async fn settle_opened(config: &Config, secret_key: SecretKey) -> Result<Opened> {
    let store = backends::open_store(config, &secret_key).await.with_context(|| backends::cannot_open(config))?;
    settle(Arc::new(store), secret_key, config).await
}

/// The configuration on the disk; one that cannot be believed is told and passed over.
fn recall(config: &Config, secret_key: &SecretKey) -> Option<Recalled> {
    match crate::wiring::last_known_file(config, secret_key).recall() {
        Ok(recalled) => recalled,
        Err(error) => {
            tracing::warn!(%error, "the configuration on the disk is passed over");
            None
        }
    }
}

/// Whether the database did not answer, as opposed to answering what cannot be accepted.
fn is_away(error: &anyhow::Error) -> bool {
    error.chain().find_map(|cause| cause.downcast_ref::<StoreError>()).is_some_and(StoreError::is_away)
}

/// Settles the master key of an open store; tests call it on a store in memory.
///
/// # Errors
/// When the store fails, or the system has no random numbers.
pub async fn settle(store: Arc<Store>, secret_key: SecretKey, config: &Config) -> Result<Opened> {
    let pepper = secret_key.pepper();
    let plant = store.is_empty().await? || store.setting(SEEDING).await?.is_some_and(|value| !value.is_empty());
    let stored = store.setting(master::SETTING).await?;
    let mut random = [0; 32];
    fill(&mut random)?;
    let master = master::decide(config.server.master_key.as_ref(), stored.as_deref(), &pepper, random);
    if master.origin == Origin::Made {
        store.put_setting(master::SETTING, &master::to_hex(&master.hash)).await?;
    }
    Ok(Opened { store, secret_key, pepper, master, plant, recalled: None })
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| anyhow!("the system has no random numbers: {error}"))
}

/// Plants the seeds in an empty database; in any other one only tells what differs. `echo` is the demo's upstream.
///
/// # Errors
/// When a seed is wrong or refused, or the store fails.
pub async fn seed(
    opened: &Opened,
    loaded: &Loaded,
    echo: Option<SocketAddr>,
    now: Micros,
    mut apply: impl AsyncFnMut(Change) -> Result<(), String>,
) -> Result<Seeded> {
    match echo {
        Some(echo) => seed_demo(opened, echo, now, &mut apply).await,
        None if opened.plant => seed_first(opened, loaded, now, &mut apply).await,
        None => tell(opened, loaded).await,
    }
}

async fn seed_first(
    opened: &Opened,
    loaded: &Loaded,
    now: Micros,
    apply: &mut impl AsyncFnMut(Change) -> Result<(), String>,
) -> Result<Seeded> {
    // Random numbers are drawn inside a pure plan; a failing system is noticed before.
    fill(&mut [0; 1])?;
    let mut random = |bytes: &mut [u8]| drop(fill(bytes));
    let file = loaded.file.as_deref();
    let mut plan = seeds::plan(&loaded.config.seeds, file, &env, now, &opened.pepper, &mut random).map_err(|error| anyhow!(error))?;
    if plan.changes.is_empty() {
        return Ok(Seeded::default());
    }
    opened.store.put_setting(SEEDING, "1").await?;
    opened.store.put_setting(seeds::FROM_ENVIRONMENT, &plan.from_environment.join(",")).await?;
    forget_what_is_there(opened, &mut plan).await?;
    seeds::plant(plan.changes, apply).await.map_err(|error| anyhow!("cannot plant the configuration: {error}"))?;
    opened.store.put_setting(SEEDING, "").await?;
    let sources = plan.found.into_iter().map(|found| (found.name, found.source)).collect();
    Ok(Seeded { made_keys: plan.made_keys, sources, hints: Vec::new() })
}

/// Drops the changes that an earlier start made before it died.
async fn forget_what_is_there(opened: &Opened, plan: &mut seeds::Plan) -> Result<()> {
    let providers = opened.store.providers().await?;
    let keys = opened.store.keys(&KeyFilter::default(), COUNTED_KEYS, None).await?.rows;
    let teams = opened.store.teams().await?;
    let organizations = opened.store.organizations().await?;
    let has_key = |name: &str| keys.iter().any(|key| key.name == name);
    plan.changes.retain(|change| match change {
        Change::CreateProvider { record, .. } => !providers.iter().any(|provider| provider.record.name == record.name),
        Change::CreateTeam { record } => !teams.iter().any(|team| team.name == record.name),
        Change::CreateOrganization { record } => !organizations.iter().any(|organization| organization.name == record.name),
        Change::IssueKey { record, .. } => !has_key(&record.name),
        _ => true,
    });
    plan.made_keys.retain(|(name, _)| !has_key(name));
    Ok(())
}

async fn tell(opened: &Opened, loaded: &Loaded) -> Result<Seeded> {
    let mut hints: Vec<String> = seeds::ignored(&loaded.config.seeds, loaded.file.as_deref()).into_iter().collect();
    let made = opened.store.setting(seeds::FROM_ENVIRONMENT).await?.unwrap_or_default();
    let made: Vec<String> = made.split(',').map(str::to_owned).collect();
    if loaded.config.seeds.providers.is_empty() {
        hints.extend(seeds::environment::drift(&opened.store.providers().await?, &made, &env));
    }
    Ok(Seeded { hints, ..Seeded::default() })
}

async fn seed_demo(
    opened: &Opened,
    echo: SocketAddr,
    now: Micros,
    apply: &mut impl AsyncFnMut(Change) -> Result<(), String>,
) -> Result<Seeded> {
    let mut seeded = Seeded::default();
    seeded.sources.insert(demo::ECHO.to_owned(), String::from("the demo, in this process"));
    let refused = |error| anyhow!("cannot prepare the demo: {error}; delete its database to begin anew");
    if let Some(provider) = opened.store.provider(demo::ECHO).await? {
        apply(demo::later_start(echo, &provider.record, now)).await.map_err(refused)?;
        seeded
            .hints
            .push(String::from("the demo's database is there already, so its keys are not shown again; delete the file to begin anew"));
        return Ok(seeded);
    }
    fill(&mut [0; 1])?;
    let mut random = |bytes: &mut [u8]| drop(fill(bytes));
    let (changes, made_keys) = demo::first_start(echo, now, &opened.pepper, &mut random);
    let demo_key_id = changes
        .iter()
        .find_map(|change| match change {
            Change::IssueKey { record, .. } if record.name == demo::KEY => Some(record.id.clone()),
            _ => None,
        })
        .unwrap_or_default();
    seeds::plant(changes, apply).await.map_err(refused)?;
    opened.store.append(&demo::history::entries(now, &demo_key_id)).await?;
    seeded.made_keys = made_keys;
    Ok(seeded)
}

/// What the banner tells.
///
/// # Errors
/// When the store fails.
pub async fn facts(
    opened: &Opened,
    loaded: &Loaded,
    seeded: &Seeded,
    listen: SocketAddr,
    telemetry: Option<SocketAddr>,
    is_demo: bool,
) -> Result<Facts> {
    if let Some(recalled) = &opened.recalled {
        return Ok(facts_recalled(recalled, opened, loaded, listen, telemetry));
    }
    let providers: Vec<Found> = opened
        .store
        .providers()
        .await?
        .into_iter()
        .map(|provider| Found {
            source: seeded.sources.get(&provider.record.name).cloned().unwrap_or_else(|| String::from("the database")),
            name: provider.record.name,
            kind: provider.record.kind,
        })
        .collect();
    let routes = opened.store.routes().await?;
    let example_model =
        if is_demo { Some(demo::ECHO.to_owned()) } else { routes.iter().map(|r| r.model.clone()).find(|m| !m.contains('*')) };
    let routes = routes
        .into_iter()
        .map(|route| {
            let to: Vec<String> = route.targets.into_iter().chain(route.fallback).map(|target| target.provider).collect();
            (route.model, to.join(", "))
        })
        .collect();
    let keys = opened.store.keys(&KeyFilter::default(), COUNTED_KEYS, None).await?.rows.len();
    Ok(Facts {
        version: env!("CARGO_PKG_VERSION"),
        listen,
        telemetry,
        database: backends::database_name(&loaded.config),
        config_file: loaded.file.clone(),
        providers,
        routes,
        keys,
        master_key: opened.master.fresh.clone(),
        master_origin: master_origin(opened, loaded),
        made_keys: seeded.made_keys.clone(),
        example_model,
        demo: is_demo,
        hints: seeded.hints.clone(),
        role: Role::Serve,
        json_logs: Format::of_stdout(loaded.config.logging.format) == Format::Json,
    })
}

/// What is told of a start without the database.
fn facts_recalled(recalled: &Recalled, opened: &Opened, loaded: &Loaded, listen: SocketAddr, telemetry: Option<SocketAddr>) -> Facts {
    let source = format!("the configuration of {}", recalled.written_at.to_rfc3339());
    let found =
        |provider: &Provider| Found { name: provider.record.name.clone(), kind: provider.record.kind.clone(), source: source.clone() };
    Facts {
        version: env!("CARGO_PKG_VERSION"),
        listen,
        telemetry,
        database: format!("{} (does not answer yet)", backends::database_name(&loaded.config)),
        config_file: loaded.file.clone(),
        providers: recalled.configuration.providers.iter().map(found).collect(),
        routes: Vec::new(),
        keys: recalled.keys.len(),
        master_key: None,
        master_origin: master_origin(opened, loaded),
        made_keys: Vec::new(),
        example_model: recalled.configuration.routes.iter().map(|route| route.model.clone()).find(|model| !model.contains('*')),
        demo: false,
        hints: Vec::new(),
        role: Role::Serve,
        json_logs: Format::of_stdout(loaded.config.logging.format) == Format::Json,
    }
}

fn master_origin(opened: &Opened, loaded: &Loaded) -> String {
    let source = loaded.config.effective.iter().find(|row| row.path == "server.master_key").map(|row| row.source.to_string());
    match opened.master.origin {
        Origin::Given => format!("from {}", source.unwrap_or_else(|| String::from("the configuration"))),
        Origin::Stored => String::from("made at the first start; to replace it, set FLUXA_MASTER_KEY"),
        Origin::Made => String::from("made now"),
    }
}

#[cfg(test)]
mod tests;
