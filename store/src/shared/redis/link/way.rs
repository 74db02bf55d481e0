//! One way to Redis: a connection, and the circuits that say when it is not used.
//!
//! The invariant: a command takes no longer than its deadline, whatever the server does.

use std::sync::Arc;

use redis::{Cmd, Value};
use tokio::time::{Instant, timeout_at};

use super::breaker::Circuits;
use super::cluster::Joined;
use super::fault::{self, Fault, Sense};
use super::kept::Kept;
use super::task::jitter;

/// One way.
pub(super) struct Way {
    pub(super) wire: Wire,
    pub(super) circuits: Arc<Circuits>,
}

/// A connection.
pub(super) enum Wire {
    /// To one server.
    One(Arc<Kept>),
    /// To the nodes of a cluster.
    Cluster(Arc<Joined>),
}

impl Way {
    /// Sends a command that concerns this slot.
    pub(super) async fn run(&self, slot: u16, command: &Cmd, deadline: Instant) -> Result<Value, (Sense, Fault)> {
        let started = Instant::now();
        match &self.wire {
            Wire::One(kept) => {
                let (mut connection, generation) = kept.connection().map_err(|fault| (Sense::Lost, fault))?;
                let pass = self.circuits.enter(slot, started).map_err(|why| (Sense::Busy, Fault::Away(why)))?;
                let answer = timeout_at(deadline, command.query_async::<Value>(&mut connection)).await;
                judged(answer, pass).map_err(|(sense, fault, opened)| {
                    // What is late on this connection may be prompt on another: half-open connections look like this.
                    if opened || matches!(sense, Sense::Lost | Sense::Unknown) {
                        kept.broken(generation, &fault);
                    }
                    (sense, fault)
                })
            }
            Wire::Cluster(joined) => {
                let mut cluster = joined.connection().map_err(|fault| (Sense::Lost, fault))?;
                let pass = self.circuits.enter(slot, started).map_err(|why| (Sense::Busy, Fault::Away(why)))?;
                let answer = timeout_at(deadline, command.query_async::<Value>(&mut cluster)).await;
                judged(answer, pass).map_err(|(sense, fault, _)| (sense, fault))
            }
        }
    }

    /// Why commands, or some of them, are not sent now.
    pub(super) fn away(&self) -> Option<String> {
        let down = match &self.wire {
            Wire::One(kept) => kept.away().map(|fault| fault.to_string()),
            Wire::Cluster(joined) => joined.connection().err().map(|fault| fault.to_string()),
        };
        down.or_else(|| self.circuits.open(Instant::now()))
    }
}

type Answer = Result<redis::RedisResult<Value>, tokio::time::error::Elapsed>;

/// Tells the circuit; the last of the error is whether it opened.
fn judged(answer: Answer, pass: super::breaker::Pass) -> Result<Value, (Sense, Fault, bool)> {
    let (sense, fault) = match answer {
        Ok(Ok(value)) => {
            pass.answered();
            return Ok(value);
        }
        Ok(Err(error)) => {
            let (sense, code) = fault::read(&error);
            (sense, Fault::with(sense, &code, &error))
        }
        Err(_) => (Sense::Busy, Fault::Away(String::from("no answer in time"))),
    };
    let opened = match sense {
        Sense::Lost | Sense::Busy => pass.failed(&fault.to_string(), Instant::now(), jitter()),
        Sense::Momentary | Sense::NoScript | Sense::Refused | Sense::Unknown => {
            pass.answered();
            false
        }
    };
    Err((sense, fault, opened))
}
