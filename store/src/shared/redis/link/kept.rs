//! One connection to one server, which is made again whenever it is of no use.
//!
//! The invariant: who finds no connection is told at once. A server that answers again is found within a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::TOLD_AGAIN;
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
    /// With a connection, or to be connected when [`keep`] is polled.
    pub(super) fn new(connection: Option<MultiplexedConnection>) -> Self {
        let way = connection.ok_or_else(not_yet);
        Self { state: Mutex::new(State { way, generation: 0 }), broken: Notify::new() }
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

/// What is said before the first attempt to connect has ended.
pub(super) fn not_yet() -> Fault {
    Fault::Away(String::from("not connected yet"))
}

/// Keeps it, for as long as it is polled. `at` says where the connection that is there leads, and to which start of the server. One of the
/// connections asks the sentinels; when it finds another server, the others follow.
pub(super) async fn keep(kept: Arc<Kept>, dial: Arc<Dial>, met: Arc<Met>, mut at: Option<(Place, String)>, asks: bool) {
    loop {
        if let Some((place, run_id)) = &at {
            until_broken(&kept, &dial, &met, run_id, asks.then_some(place)).await;
        }
        let up = connected(&kept, &dial, &met, asks).await;
        if asks {
            let again = if at.is_some() { " again" } else { "" };
            tracing::info!("redis is connected{again} at {}:{}", up.place.0, up.place.1);
            up.facts.warn_if_silent();
        }
        at = Some((up.place, up.facts.run_id.clone()));
        // Before the first command goes there: who must forget something should know.
        met.meet(up.facts);
        kept.set(Ok(up.connection));
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

/// `tells`: one of the connections says what is wrong.
async fn connected(kept: &Kept, dial: &Dial, met: &Met, tells: bool) -> Up {
    let (mut wait, mut told) = (RETRY.0, None);
    loop {
        match dial.server().await {
            Ok(up) => return up,
            Err(fault) => {
                if tells {
                    tell(&fault, &mut told);
                }
                met.missed();
                kept.set(Err(fault));
                dial.distrust();
            }
        }
        sleep(wait * (896 + u32::from(jitter())) / 1024).await;
        wait = (wait * 2).min(RETRY.1);
    }
}

/// What is wrong, when it is something else than before; what somebody must put right, again and again.
pub(super) fn tell(fault: &Fault, told: &mut Option<(Fault, Instant)>) {
    let now = Instant::now();
    let before = told.as_ref().filter(|(before, at)| before == fault && (!fault.is_refused() || now.duration_since(*at) < TOLD_AGAIN));
    if before.is_some() {
        return;
    }
    match fault {
        Fault::Refused(why) => tracing::error!("redis cannot be used, so nothing is counted there: {why}"),
        Fault::Away(why) => tracing::warn!("redis does not answer: {why}"),
    }
    *told = Some((fault.clone(), now));
}
