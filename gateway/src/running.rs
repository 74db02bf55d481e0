//! The data plane as a whole: what its threads share, its start, its reload and its stop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use fluxa_store::journal::{Journal, JournalError};
use fluxa_store::shared::{NodeFacts, Recorded, Settlement, Shared};
use fluxa_store::{Store, StoreError};
use tokio::sync::watch;

use crate::clock::Dice;
use crate::conversations::Conversations;
use crate::health::Health;
use crate::keys::Keys;
use crate::ledger::due::{self, Due};
use crate::ledger::{self, Desk, Queue};
use crate::metrics::Metrics;
use crate::probe::ProbeReport;
use crate::rescoped::Rescoped;
use crate::server::{Mount, bind, is_free};
use crate::settings::Settings;
use crate::settling::Settling;
use crate::snapshot::View;
use crate::upstream::TlsSetup;
use seat::Seat;

mod kept;
mod report;
mod seat;
mod services;

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
    /// The newest revision that a call has asked the store for, and whoever does so now.
    pub(crate) sought: AtomicI64,
    pub(crate) seeking: tokio::sync::Mutex<()>,
    /// Rows that are in the ledger and not yet reported to shared counters.
    pub(crate) due: Due,
    /// Calls that are to be counted in scopes that they were not asked in.
    pub(crate) rescoped: Rescoped,
    /// Processes that serve calls, at least this one.
    pub(crate) live_nodes: AtomicU64,
    /// The processes of the cluster as they were last heard of.
    pub(crate) seen_nodes: ArcSwap<Vec<NodeFacts>>,
    /// What this process may spend by itself while the counters cannot be reached.
    pub(crate) away: crate::away::Away,
    /// The counters were emptied: everything held is extended at once, which writes it again.
    pub(crate) re_extend: tokio::sync::Notify,
    pub(crate) mount: Option<Arc<dyn Mount>>,
    journal: Arc<Journal>,
    tls: Arc<TlsSetup>,
    draining: AtomicBool,
    /// It began with the configuration on its disk.
    recalled: bool,
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
        Self::prepare(settings, store, shared, journal, mount).await?.listen().await
    }

    /// All but the listening.
    pub(crate) async fn prepare(
        settings: Settings,
        store: Arc<Store>,
        shared: Shared,
        journal: Arc<Journal>,
        mount: Option<Arc<dyn Mount>>,
    ) -> Result<Arc<Self>, StartError> {
        let health = Health::default();
        let keys = Keys::new(settings.pepper);
        let recalled = settings.last_known.as_ref().and_then(|kept| kept.take());
        let has_recalled = recalled.is_some();
        let view = match recalled {
            Some(recalled) => {
                keys.remember(recalled.keys);
                View::of(recalled.configuration, &settings, &health)
            }
            None => View::load(&store, &settings, &health, None).await?,
        };
        // From here on the counters keep apart what the ledger does not hold yet.
        shared.counters.recorded(&[]).await;
        crate::heartbeat::set_clock(&shared).await;
        Ok(Arc::new(Self {
            keys,
            conversations: Conversations::new(settings.keep_responses),
            view: ArcSwap::from_pointee(view),
            health,
            metrics: Arc::new(Metrics::default()),
            queue: Arc::new(Queue::new(Arc::clone(&journal), settings.spool_max_bytes)),
            sought: AtomicI64::new(0),
            seeking: tokio::sync::Mutex::default(),
            due: Due::default(),
            rescoped: Rescoped::default(),
            seen_nodes: ArcSwap::default(),
            settling: Settling::default(),
            live_nodes: AtomicU64::new(1),
            away: crate::away::Away::default(),
            re_extend: tokio::sync::Notify::new(),
            tls: Arc::new(TlsSetup::default()),
            draining: AtomicBool::new(false),
            recalled: has_recalled,
            settings,
            store,
            shared,
            mount,
            journal,
        }))
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
            own(crate::sweeper::run(Arc::clone(&self))),
            own(crate::reconcile::run(Arc::clone(&self))),
            own(crate::heartbeat::run(Arc::clone(&self), address)),
            own(crate::heartbeat::follow_clock(Arc::clone(&self))),
            own(due::run(Arc::clone(&self))),
            own(Arc::clone(&self).expire_responses()),
            own(Arc::clone(&self).sync_journal()),
            own(Arc::clone(&self).keep_last_known()),
            own(crate::settling::run(Arc::clone(&self))),
            own(crate::probing::run(Arc::clone(&self))),
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

    /// What does not work as it should, though traffic is welcome.
    pub(crate) fn degraded(&self) -> Vec<&'static str> {
        let counters = self.shared.counters.health().away.is_some();
        let names = [(counters, "counters_away"), (self.queue.failing(), "ledger_away")];
        names.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "the handle is kept by `Running`, which waits for it or ends it")]
fn own(future: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::spawn(future)
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

    /// What does not work as it should, though traffic is welcome: `counters_away`, `ledger_away`.
    #[must_use]
    pub fn degraded(&self) -> Vec<&'static str> {
        self.gateway.degraded()
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// When the database cannot be read; the former configuration stays in force.
    pub async fn reload(&self) -> Result<(), StoreError> {
        self.gateway.refresh().await?;
        self.gateway.forget_all_keys();
        Ok(())
    }

    /// The ledger has these calls: shared counters are told in a while. For what [`crate::recover`] found.
    pub fn recorded(&self, calls: Vec<Recorded>) {
        if self.gateway.shared.counters.shared() {
            self.gateway.due.push(calls.into_iter());
        }
    }

    /// Asks shared counters again for what [`crate::recover`] could not deliver. To be called before [`Self::recorded`].
    pub fn settle_later(&self, settlements: Vec<Settlement>) {
        self.gateway.settling.settle_later(settlements);
    }

    /// [`crate::recover`], again and again until it is done: for a start while the database was away.
    pub fn recover_later(&self) {
        let recovering = own(Arc::clone(&self.gateway).recover_later());
        self.services.lock().unwrap_or_else(PoisonError::into_inner).push(recovering);
    }

    /// Asks a provider for its models, to see whether address and key are right. Costs nothing at any vendor.
    pub async fn probe(&self, provider: &str) -> ProbeReport {
        let found = self.gateway.view.load().providers.get(provider).cloned();
        match found {
            Some(view) => crate::probe::run(view, self.gateway.settings.egress.clone()).await,
            None => ProbeReport::bad("no such provider, or its address cannot be used"),
        }
    }

    /// Says that the process will stop, so that nobody sends new calls; those that come are served all the same.
    pub fn announce_stop(&self) {
        self.gateway.draining.store(true, Ordering::Relaxed);
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
        self.gateway.shared.nodes.leave(&self.gateway.settings.node_id).await;
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

#[cfg(test)]
pub(crate) mod tests;
