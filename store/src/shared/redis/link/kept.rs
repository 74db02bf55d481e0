//! One connection to one server, which is made again whenever it is of no use.
//!
//! The invariant: who finds no connection is told at once. A server that answers again is found within a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::dial::{CONNECT_TIMEOUT, Dial, Place, Up};
use super::facts::Met;
use super::fault::{self, Fault, Sense};
use super::task::jitter;

/// How often an idle connection is tried, and the sentinels are asked: a change of servers is noticed without traffic.
const CHECK: Duration = Duration::from_secs(1);

/// Between two attempts to connect: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(400));

/// The connection, or why there is none.
pub(super) struct Kept {
    state: Mutex<State>,
    broken: Notify,
}

struct State {
    way: Result<MultiplexedConnection, Fault>,
    /// Which connection this is: what is said of an older one is not believed.
    generation: u64,
}

impl Kept {
    pub(super) fn new(connection: MultiplexedConnection) -> Self {
        Self { state: Mutex::new(State { way: Ok(connection), generation: 0 }), broken: Notify::new() }
    }

    /// The connection and which one it is.
    pub(super) fn connection(&self) -> Result<(MultiplexedConnection, u64), Fault> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.way.clone().map(|connection| (connection, state.generation))
    }

    /// Why there is none.
    pub(super) fn away(&self) -> Option<Fault> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).way.as_ref().err().cloned()
    }

    /// That connection is of no use.
    pub(super) fn broken(&self, generation: u64, why: &Fault) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.generation == generation && state.way.is_ok() {
            tracing::warn!("the connection to redis is of no use: {why}");
            state.way = Err(why.clone());
            self.broken.notify_one();
        }
    }

    fn set(&self, way: Result<MultiplexedConnection, Fault>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if way.is_ok() {
            state.generation += 1;
        }
        state.way = way;
    }
}

/// Keeps it, for as long as it is polled. `place` and `run_id` are of the connection that is there. One of the connections asks the sentinels;
/// when it finds another server, the others follow.
pub(super) async fn keep(kept: Arc<Kept>, dial: Arc<Dial>, met: Arc<Met>, mut place: Place, mut run_id: String, asks: bool) {
    loop {
        until_broken(&kept, &dial, &met, &run_id, asks.then_some(&place)).await;
        let up = connected(&kept, &dial).await;
        place = up.place;
        run_id.clone_from(&up.facts.run_id);
        // Before the first command goes there: who must forget something should know.
        met.meet(up.facts);
        kept.set(Ok(up.connection));
        tracing::info!("redis is connected again at {}:{}", place.0, place.1);
    }
}

async fn until_broken(kept: &Kept, dial: &Dial, met: &Met, run_id: &str, place: Option<&Place>) {
    let mut changes = met.changes();
    loop {
        tokio::select! {
            () = kept.broken.notified() => return,
            _ = changes.changed() => {
                // Another connection met another server: this one may lead to the old master still.
                if met.facts().run_id != run_id {
                    return;
                }
            }
            () = sleep(CHECK) => {
                let Ok((mut connection, _)) = kept.connection() else { return };
                let ping = timeout(CONNECT_TIMEOUT, redis::cmd("PING").query_async::<redis::Value>(&mut connection)).await;
                let lost = match ping {
                    Ok(Ok(_)) => false,
                    Ok(Err(error)) => matches!(fault::read(&error).0, Sense::Lost | Sense::Unknown),
                    Err(_) => true,
                };
                if lost {
                    return;
                }
                if let Some(place) = place.filter(|_| dial.has_sentinels())
                    && dial.place().await.is_ok_and(|named| named != *place)
                {
                    return;
                }
            }
        }
    }
}

async fn connected(kept: &Kept, dial: &Dial) -> Up {
    let mut wait = RETRY.0;
    loop {
        match dial.server().await {
            Ok(up) => return up,
            Err(fault) => {
                kept.set(Err(fault));
                dial.distrust();
            }
        }
        sleep(wait * (896 + u32::from(jitter())) / 1024).await;
        wait = (wait * 2).min(RETRY.1);
    }
}
