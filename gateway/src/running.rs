//! The data plane as a whole: what its threads share, its start, its reload and its stop.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use fluxa_store::journal::{Journal, JournalError};
use fluxa_store::shared::Shared;
use fluxa_store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::Dice;
use crate::conversations::Conversations;
use crate::health::{Changed, Health};
use crate::keys::Keys;
use crate::ledger::{self, Desk, Queue};
use crate::metrics::{Gauges, Metrics};
use crate::probe::ProbeReport;
use crate::server::{Mount, accept_loop, bind, is_free};
use crate::settings::Settings;
use crate::settling::Settling;
use crate::snapshot::View;
use crate::tasks::Tasks;
use crate::upstream::{Connector, Pool, Scratch, TlsSetup};
use crate::worker::Worker;

/// How often the revision in the database is compared with the one in force, in case a notice was lost.
const POLL_REVISION: Duration = Duration::from_secs(5);
/// How often reservations past their deadline are looked for.
const REAP_EVERY: Duration = Duration::from_secs(2);
/// Kept responses that have expired are removed this often.
const EXPIRE_EVERY: Duration = Duration::from_secs(600);
/// How often waiting connections to vendors are looked over.
const SWEEP_EVERY: Duration = Duration::from_secs(15);
/// What still runs at the end of the drain has so long to say that it ends.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often the journal is forced to the disk, for the day the power fails.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Why the data plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The database cannot be read.
    #[error("cannot read the configuration: {0}")]
    Store(#[from] StoreError),
    /// The journal cannot be written.
    #[error("cannot open the journal: {0}")]
    Journal(#[from] JournalError),
    /// A thread cannot be started.
    #[error("cannot start a data-plane thread: {0}")]
    Thread(std::io::Error),
    /// The operating system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

/// What the threads of the data plane share.
pub struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<Store>,
    pub(crate) shared: Shared,
    pub(crate) view: ArcSwap<View>,
    pub(crate) keys: Keys,
    pub(crate) conversations: Conversations,
    pub(crate) health: Health,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) settling: Settling,
    /// What this process may spend by itself while the counters cannot be reached.
    pub(crate) away: crate::away::Away,
    /// Processes that share the limits, this one counted.
    pub(crate) live_nodes: AtomicU64,
    /// The counters were emptied: everything held is extended at once, which writes it again.
    pub(crate) re_extend: tokio::sync::Notify,
    pub(crate) mount: Option<Arc<dyn Mount>>,
    journal: Arc<Journal>,
    tls: Arc<TlsSetup>,
    draining: AtomicBool,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A data plane that is running.
#[derive(Debug)]
pub struct Running {
    gateway: Arc<Gateway>,
    address: SocketAddr,
    stop_accepting: watch::Sender<bool>,
    stop_now: watch::Sender<bool>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    ledger: Mutex<Option<tokio::task::JoinHandle<()>>>,
    services: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

impl Gateway {
    /// Starts listening. The journal must have been recovered before, so that budgets are warmed from a complete ledger.
    ///
    /// # Errors
    /// [`StartError`], when the address is taken or the database or the journal cannot be used.
    pub async fn start(
        settings: Settings,
        store: Arc<Store>,
        shared: Shared,
        journal: Arc<Journal>,
        mount: Option<Arc<dyn Mount>>,
    ) -> Result<Running, StartError> {
        let health = Health::default();
        let view = View::load(&store, &settings, &health).await?;
        // From here on the counters keep apart what the ledger does not hold yet.
        shared.counters.recorded(&[]).await;
        let gateway = Arc::new(Self {
            keys: Keys::new(settings.pepper),
            conversations: Conversations::new(settings.keep_responses),
            view: ArcSwap::from_pointee(view),
            health,
            metrics: Arc::new(Metrics::default()),
            queue: Arc::new(Queue::default()),
            settling: Settling::default(),
            away: crate::away::Away::default(),
            live_nodes: AtomicU64::new(1),
            re_extend: tokio::sync::Notify::new(),
            tls: Arc::new(TlsSetup::default()),
            draining: AtomicBool::new(false),
            settings,
            store,
            shared,
            mount,
            journal,
        });
        gateway.listen().await
    }

    async fn listen(self: Arc<Self>) -> Result<Running, StartError> {
        let asked = self.settings.listen;
        let failed = |source| StartError::Listen { address: asked, source };
        is_free(asked).map_err(failed)?;
        let first = bind(asked).map_err(failed)?;
        let address = first.local_addr().map_err(failed)?;
        let count = match self.settings.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            count => count,
        };
        let mut listeners = vec![first];
        for _ in 1..count {
            listeners.push(bind(address).map_err(failed)?);
        }
        let (stop_accepting, draining) = watch::channel(false);
        let (stop_now, stopping) = watch::channel(false);
        let mut threads = Vec::with_capacity(count);
        for (index, listener) in listeners.into_iter().enumerate() {
            let dice = Dice::new().map_err(|error| StartError::Random(error.to_string()))?;
            let desk = Desk::new(self.journal.writer()?, Arc::clone(&self.queue));
            let (draining, stopping) = (draining.clone(), stopping.clone());
            let seat = Seat { gateway: Arc::clone(&self), listener, dice, desk, threads: count, draining, stopping };
            let thread = std::thread::Builder::new().name(format!("data-{index}")).spawn(move || seat.run()).map_err(StartError::Thread)?;
            threads.push(thread);
        }
        let ledger = own(ledger::run(Arc::clone(&self)));
        let services = vec![
            own(Arc::clone(&self).follow_changes()),
            own(Arc::clone(&self).reap()),
            own(Arc::clone(&self).expire_responses()),
            own(Arc::clone(&self).sync_journal()),
            own(crate::settling::run(Arc::clone(&self))),
        ];
        Ok(Running {
            gateway: self,
            address,
            stop_accepting,
            stop_now,
            threads: Mutex::new(threads),
            ledger: Mutex::new(Some(ledger)),
            services: Mutex::new(services),
        })
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Why no traffic should come here; `None` when it is welcome.
    pub(crate) fn unready(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::Relaxed) {
            return Some("stopping\n");
        }
        if !self.queue.accepts() {
            return Some("the database has not taken usage records for too long\n");
        }
        None
    }

    /// Reads the configuration again and puts it in force for the calls to come.
    async fn refresh(&self) -> Result<(), StoreError> {
        let view = View::load(&self.store, &self.settings, &self.health).await?;
        let former = self.view.load_full();
        if view.revision < former.revision {
            return Ok(());
        }
        let changed: Vec<Changed<'_>> = view
            .providers
            .iter()
            .filter_map(|(name, new)| {
                let old = former.providers.get(name)?;
                let keys = !new.has_keys_of(old);
                (keys || new.record != old.record).then_some(Changed { name, keys })
            })
            .collect();
        self.health.keep(|name| view.providers.contains_key(name), &changed);
        drop(changed);
        self.view.store(Arc::new(view));
        Ok(())
    }

    async fn follow_changes(self: Arc<Self>) {
        let mut notices = self.shared.bulletin.subscribe();
        let mut tick = tokio::time::interval(POLL_REVISION);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                delivery = notices.next() => {
                    let Some(delivery) = delivery else { break };
                    self.keys.forget(&delivery.notice.keys);
                    if let Err(error) = self.refresh().await {
                        tracing::error!(%error, "cannot read the changed configuration; the former stays in force");
                    }
                    drop(delivery);
                }
                _ = tick.tick() => self.catch_up().await,
            }
        }
        tracing::warn!("notices of changes have ended: changes are seen by asking the database every few seconds");
        loop {
            tick.tick().await;
            self.catch_up().await;
        }
    }

    async fn catch_up(&self) {
        match self.store.revision().await {
            Ok(revision) if revision > self.view.load().revision => {
                self.keys.forget_all();
                if let Err(error) = self.refresh().await {
                    tracing::error!(%error, "cannot read the changed configuration; the former stays in force");
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot read the revision of the configuration"),
        }
    }

    async fn reap(self: Arc<Self>) {
        let mut tick = tokio::time::interval(REAP_EVERY);
        loop {
            tick.tick().await;
            for expired in self.shared.counters.expired(crate::clock::now()).await {
                tracing::warn!(id = %expired.id, "a reservation expired before its call ended; its estimate is charged until then");
            }
        }
    }

    /// What was kept of conversations does not outlive its time. Every replica sweeps: what another has removed is not there any more.
    async fn expire_responses(self: Arc<Self>) {
        let mut tick = tokio::time::interval(EXPIRE_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.store.expire_responses(crate::clock::now()).await {
                tracing::warn!(%error, "kept responses that have expired cannot be removed");
            }
        }
    }

    async fn sync_journal(self: Arc<Self>) {
        let mut tick = tokio::time::interval(SYNC_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let journal = Arc::clone(&self.journal);
            let synced = tokio::task::spawn_blocking(move || journal.sync()).await;
            if let Ok(Err(error)) = synced {
                tracing::error!(%error, "cannot force the journal to the disk");
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the handle is kept by `Running`, which waits for it or ends it")]
fn own(future: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::spawn(future)
}

/// What a data-plane thread starts with.
struct Seat {
    gateway: Arc<Gateway>,
    listener: std::net::TcpListener,
    dice: Dice,
    desk: Desk,
    /// Data-plane threads in all.
    threads: usize,
    draining: watch::Receiver<bool>,
    stopping: watch::Receiver<bool>,
}

impl Seat {
    fn run(self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build_local(tokio::runtime::LocalOptions::default())
        {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "cannot start a data-plane runtime");
                return;
            }
        };
        let desk = runtime.block_on(self.serve());
        // Tasks die with the runtime, and with them the calls that nobody waits for any longer; each hands in its row.
        drop(runtime);
        if let Some(desk) = desk {
            desk.pass_on();
        }
    }

    async fn serve(self) -> Option<Rc<Desk>> {
        let Self { gateway, listener, dice, desk, threads, draining, mut stopping } = self;
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "cannot use the listening socket");
                return None;
            }
        };
        let desk = Rc::new(desk);
        let connector = Connector { egress: gateway.settings.egress.clone(), tls: Arc::clone(&gateway.tls) };
        let scratch = Rc::new(Scratch::new());
        let may_fetch = gateway.settings.media_allow_private.clone();
        let fetcher = crate::media::Fetcher::new(may_fetch, Arc::clone(&gateway.tls), Rc::clone(&scratch));
        let worker = Rc::new(Worker {
            gateway,
            pool: Rc::new(Pool::default()),
            scratch,
            fetcher,
            connector,
            desk: Rc::clone(&desk),
            dice: std::cell::RefCell::new(dice),
            scopes: crate::scopes::Scopes::default(),
            retries: crate::dispatch::RetryBudget::new(threads),
            reservations: crate::reservations::Reservations::default(),
            cut: std::cell::Cell::new(false),
            stopping: stopping.clone(),
            tasks: Tasks::default(),
        });
        let tasks = worker.tasks.clone();
        let passing_on = Rc::clone(&desk);
        tasks.spawn_service(async move { passing_on.run().await });
        tasks.spawn_service(crate::reservations::run(Rc::clone(&worker)));
        let pool = Rc::clone(&worker.pool);
        tasks.spawn_service(async move {
            let mut tick = tokio::time::interval(SWEEP_EVERY);
            loop {
                tick.tick().await;
                pool.sweep();
            }
        });
        accept_loop(Rc::clone(&worker), listener, draining).await;
        // Connections go on until they have finished what they were doing, or time is up: then each says so to its client.
        let cut = async {
            let _ = stopping.wait_for(|stop| *stop).await;
            worker.cut.set(true);
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = tasks.idle() => {}
            () = cut => {}
        }
        tasks.close();
        Some(desk)
    }
}

impl Running {
    /// The address in use; with port 0 in the settings, the port that was given.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Why no traffic should come here; `None` when it is welcome.
    #[must_use]
    pub fn unready(&self) -> Option<&'static str> {
        self.gateway.unready()
    }

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
            "settles_pending": gateway.settling.pending(),
            "ledger": { "waiting_rows": gateway.queue.waiting(), "failing": gateway.queue.failing() },
            "providers": gateway.health.report(crate::clock::now()),
        })
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// When the database cannot be read; the former configuration stays in force.
    pub async fn reload(&self) -> Result<(), StoreError> {
        self.gateway.keys.forget_all();
        self.gateway.refresh().await
    }

    /// Asks a provider for its models, to see whether address and key are right. Costs nothing at any vendor.
    pub async fn probe(&self, provider: &str) -> ProbeReport {
        let found = self.gateway.view.load().providers.get(provider).cloned();
        match found {
            Some(view) => crate::probe::run(view, self.gateway.settings.egress.clone()).await,
            None => ProbeReport::bad("no such provider, or its address cannot be used"),
        }
    }

    /// Stops: no new connections, running calls finish within `drain`, then usage is written out.
    pub async fn shutdown(&self, drain: Duration) {
        self.gateway.draining.store(true, Ordering::Relaxed);
        let _ = self.stop_accepting.send(true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        });
        // Whoever waits for no drain any longer drops this future: then the threads end at once.
        let _cut = CutWhenDropped(&self.stop_now);
        let mut joined = std::pin::pin!(joined);
        if tokio::time::timeout(drain, joined.as_mut()).await.is_err() {
            tracing::warn!("calls were still running at the end of the drain time; they are cut off and recorded as they stand");
            let _ = self.stop_now.send(true);
            let _ = joined.await;
        }
        for service in std::mem::take(&mut *self.services.lock().unwrap_or_else(PoisonError::into_inner)) {
            service.abort();
        }
        crate::settling::last_words(&self.gateway).await;
        self.gateway.queue.close();
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ledger) = ledger {
            let _ = ledger.await;
        }
        if let Err(error) = self.gateway.journal.sync() {
            tracing::error!(%error, "cannot force the journal to the disk");
        }
    }
}

/// Ends what still runs, unless it has ended already.
struct CutWhenDropped<'a>(&'a watch::Sender<bool>);

impl Drop for CutWhenDropped<'_> {
    fn drop(&mut self) {
        let _ = self.0.send(true);
    }
}
