//! Warming a scope: exact while calls are reserved, settled and recorded all the time, without a lock between processes.
//!
//! 1. Hold on to the ledger as it is, and read the sums.
//! 2. The windows begin to warm: from now on what is settled is added up in them, from zero. That answers the calls settled but
//!    not recorded (H), and the open ones.
//! 3. Which of both does the ledger of 1 have already? They are taken out of its sums. Those of H are added as the counters know
//!    them; the open ones will be added when they are settled: a row may reach the ledger before its settle reaches the counters.
//! 4. The sums are set, unless the windows were made cold meanwhile.
//!
//! A call that left H before 2 was recorded [`RECORDED_AFTER`] its commit, so it is in the ledger of 1, if 1 and 2 are less apart.
//!
//! The invariant: what a window has after 4 is what the ledger would have if all that was settled were in it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fluxa_domain::budget::Unit;
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;

use super::keys::Keys;
use super::reply::{Reply, strange};
use super::{BATCH, RedisCounters, pack};
use crate::open::Store;
use crate::records::spend::Spent;
use crate::shared::counters::{ColdWindow, WarmError};
use crate::shared::redis::link::Fault;

#[cfg(doc)]
use crate::shared::counters::RECORDED_AFTER;

/// Longest from before the ledger is read until the windows begin to warm: less than `RECORDED_AFTER`, with room.
const BEGIN_WITHIN: Duration = Duration::from_secs(4);

/// How often a warming that was disturbed is begun anew before the caller asks again anyway.
const ATTEMPTS: usize = 5;

/// A token is below this, so that Lua knows it exactly.
const TOKENS: u64 = 1 << 52;

/// A call that is settled and not recorded: its moment and what it charged.
pub(super) struct Unrecorded {
    pub(super) id: CallId,
    pub(super) at: Micros,
    pub(super) charged: Spent,
}

impl RedisCounters {
    /// [`crate::shared::Counters::warm`] for the windows of one scope.
    pub(super) async fn warm_scope(&self, ledger: &Store, organization: &str, windows: &[&ColdWindow]) -> Result<(), WarmError> {
        for _ in 0..ATTEMPTS {
            // Another call may have warmed them while this one waited for its turn.
            if self.still_cold(organization, windows).await? == 0 || self.attempt(ledger, organization, windows).await? == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn still_cold(&self, organization: &str, windows: &[&ColdWindow]) -> Result<i64, WarmError> {
        let (_, mut reply) = self.begin(organization, windows, 0).await?;
        let mut cold = 0;
        for _ in windows {
            cold += reply.int()?;
        }
        Ok(cold)
    }

    /// Answers how many windows are still not warm.
    async fn attempt(&self, ledger: &Store, organization: &str, windows: &[&ColdWindow]) -> Result<i64, WarmError> {
        let began = Instant::now();
        let mut moment = ledger.ledger_moment().await?;
        let mut sums = Vec::with_capacity(windows.len());
        for window in windows {
            sums.push(moment.spent(&window.scope, window.from, window.to).await?);
        }
        let token = token()?;
        let (epoch, mut reply) = self.begin(organization, windows, token).await?;
        if began.elapsed() > BEGIN_WITHIN {
            return Ok(1);
        }
        let mut warming = Vec::with_capacity(windows.len());
        for _ in windows {
            warming.push(reply.int()? == 1);
        }
        if !warming.contains(&true) {
            return Ok(0);
        }
        let unrecorded = unrecorded(reply.list()?)?;
        let mut open = Vec::new();
        let mut ids_of_open = reply.list()?;
        while !ids_of_open.is_empty() {
            open.push(ids_of_open.id()?);
        }
        // Of each call that the ledger of 1 has: its moment, and what it charged there.
        let mut moments: HashMap<CallId, Micros> = unrecorded.iter().map(|call| (call.id, call.at)).collect();
        let known: Vec<CallId> = unrecorded.iter().map(|call| call.id).collect();
        let mut rows = moment.charges(&known).await?;
        let early = moment.charges(&open).await?;
        drop(moment);
        if !early.is_empty() && !self.locate(organization, windows, &early, &mut moments).await? {
            return Ok(1);
        }
        rows.extend(early);
        let mut bases = Vec::with_capacity(windows.len());
        for ((window, sum), _) in windows.iter().zip(sums).zip(&warming).filter(|(_, warming)| **warming) {
            let waiting = unrecorded.iter().filter(|call| covers(window, call.at)).map(|call| amount(window.unit, call.charged));
            let counted = rows.iter().filter(|(id, _)| moments.get(id).is_some_and(|at| covers(window, *at)));
            let taken_out: i64 = counted.map(|(_, charged)| amount(window.unit, *charged)).sum();
            let base = amount(window.unit, sum).saturating_add(waiting.sum::<i64>()).saturating_sub(taken_out);
            bases.push((pack::window(window.unit, &window.window_id), base));
        }
        self.end(organization, windows, token, epoch, &bases).await
    }

    /// Starts to warm (with a token), or only looks (with 0). Answers the epoch and the rest of the answer.
    async fn begin(&self, organization: &str, windows: &[&ColdWindow], token: u64) -> Result<(i64, Reply), Fault> {
        let keys = Keys::of(organization);
        let scope = windows.first().map_or("", |window| window.scope.as_str());
        let mut arguments = vec![token.to_string().into_bytes()];
        for window in windows {
            arguments.push(pack::window(window.unit, &window.window_id).into_bytes());
            arguments.push(window.from.0.to_string().into_bytes());
            arguments.push(window.to.map_or(-1, |to| to.0).to_string().into_bytes());
        }
        // After an outage of the ledger a hundred thousand calls may be unrecorded.
        let keys = [&*keys.epoch(), &*keys.scope(scope)];
        let reply = self.run_on(organization, &self.scripts.begin_warm, (&keys, &arguments), token > 0).await?;
        Ok((reply.epoch, reply.rest))
    }

    /// Notes the moments of those open calls that count in the scope; false when one is gone meanwhile.
    async fn locate(
        &self,
        organization: &str,
        windows: &[&ColdWindow],
        early: &[(CallId, Spent)],
        moments: &mut HashMap<CallId, Micros>,
    ) -> Result<bool, Fault> {
        let keys = Keys::of(organization);
        let scope = windows.first().map_or("", |window| window.scope.as_str());
        for some in early.chunks(BATCH) {
            let mut arguments = vec![scope.as_bytes().to_vec()];
            arguments.extend(some.iter().map(|(id, _)| pack::id(*id).into_bytes()));
            let mut reply = self.run(organization, &self.scripts.within, &[&keys.epoch()], &arguments).await?.rest;
            if reply.int()? > 0 {
                return Ok(false);
            }
            while !reply.is_empty() {
                let id = reply.id()?;
                moments.insert(id, Micros(reply.int()?));
            }
        }
        Ok(true)
    }

    async fn end(
        &self,
        organization: &str,
        windows: &[&ColdWindow],
        token: u64,
        epoch: i64,
        bases: &[(String, i64)],
    ) -> Result<i64, WarmError> {
        let keys = Keys::of(organization);
        let scope = windows.first().map_or("", |window| window.scope.as_str());
        let mut arguments = vec![token.to_string().into_bytes(), epoch.to_string().into_bytes()];
        for (name, base) in bases {
            arguments.push(name.as_bytes().to_vec());
            arguments.push(base.to_string().into_bytes());
        }
        let mut reply = self.run(organization, &self.scripts.end_warm, &[&keys.epoch(), &keys.scope(scope)], &arguments).await?.rest;
        Ok(reply.int()?)
    }
}

impl From<Fault> for WarmError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.to_string())
    }
}

pub(super) fn unrecorded(mut list: Reply) -> Result<Vec<Unrecorded>, Fault> {
    let mut found = Vec::new();
    while !list.is_empty() {
        let (id, text) = (list.id()?, list.text()?);
        let numbers: Vec<i64> = text.split(' ').map_while(|number| number.parse().ok()).collect();
        let [at, nanos, tokens] = numbers.as_slice() else { return Err(strange(&text)) };
        found.push(Unrecorded { id, at: Micros(*at), charged: Spent { nanos: *nanos, tokens: *tokens } });
    }
    Ok(found)
}

const fn amount(unit: Unit, spent: Spent) -> i64 {
    match unit {
        Unit::NanoUsd => spent.nanos,
        Unit::Tokens => spent.tokens,
    }
}

fn covers(window: &ColdWindow, at: Micros) -> bool {
    at >= window.from && window.to.is_none_or(|to| at < to)
}

fn token() -> Result<u64, WarmError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| WarmError::Unavailable(format!("no randomness: {error}")))?;
    Ok(u64::from_ne_bytes(bytes) % (TOKENS - 1) + 1)
}
