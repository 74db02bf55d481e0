//! One thread of the data plane: its runtime, what only it owns, its connections, and its end.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Gateway;
use crate::clock::Dice;
use crate::ledger::Desk;
use crate::server::accept_loop;
use crate::tasks::Tasks;
use crate::upstream::{Connector, Pool, Scratch};
use crate::worker::Worker;

/// How often waiting connections to vendors are looked over.
const SWEEP_EVERY: Duration = Duration::from_secs(15);
/// What still runs at the end of the drain has so long to say that it ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a data-plane thread starts with.
pub(super) struct Seat {
    pub(super) gateway: Arc<Gateway>,
    pub(super) listener: std::net::TcpListener,
    pub(super) dice: Dice,
    pub(super) desk: Desk,
    /// Data-plane threads in all.
    pub(super) threads: usize,
    pub(super) draining: watch::Receiver<bool>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Seat {
    /// Serves until the drain has ended.
    pub(super) fn run(self) {
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
        let webhook = gateway.settings.firewall_webhook.clone().map(|address| {
            let connector = Connector { egress: gateway.settings.egress.clone(), tls: Arc::clone(&gateway.tls) };
            let webhook = Rc::new(crate::guard::Webhook::default());
            (Rc::clone(&webhook), webhook.run(Arc::clone(&gateway), connector, Rc::clone(&scratch), address))
        });
        let (webhook, telling) = webhook.unzip();
        let worker = Rc::new(Worker {
            gateway,
            pool: Rc::new(Pool::default()),
            scratch,
            fetcher,
            webhook,
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
        if let Some(telling) = telling {
            tasks.spawn_service(telling);
        }
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
