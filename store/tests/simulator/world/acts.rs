//! What a node does: it admits, asks the vendor, finishes, settles, appends, sweeps and records, and goes on when answers are lost.
//!
//! Never done here: losing or delaying anything; that is the wire's, in [`super`].

use std::sync::Arc;

use fluxa_domain::budget::{self, Unit};
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;
use fluxa_store::shared::counters::{BudgetAsk, ColdWindow, RECORDED_AFTER, ReserveAsk, ScopeAsk};

use super::{Event, MS, S, SCOPES, TIMEOUT, TTL, WARM_TIME, World};
use crate::ledger::Row;
use crate::model::{Answered, Charge, write_draft};
use crate::node::{Answer, Call, Command, Finished, Op, Truth};

impl World {
    pub(super) fn see(&mut self, node: usize, epoch: u64) {
        let node = &mut self.nodes[node];
        let changed = node.epoch.is_some_and(|known| known != epoch);
        node.epoch = Some(epoch);
        if !changed {
            return;
        }
        if self.rules.resettle_on_epoch {
            for finished in node.finished.values_mut() {
                finished.resolved = false;
                finished.charge.again = true;
            }
        }
        self.extend(self.nodes.len(), epoch);
    }

    /// Extends what is held, on all nodes that know this epoch when there is no such node.
    fn extend(&mut self, node: usize, epoch: u64) {
        for at in 0..self.nodes.len() {
            let due = at == node || (node == self.nodes.len() && self.nodes[at].epoch == Some(epoch));
            let held: Vec<_> = self.nodes[at].calls.values().filter(|call| call.sent).map(|call| Arc::clone(&call.ask)).collect();
            if due && self.nodes[at].up && !held.is_empty() {
                self.send(at, Op::Whatever, Command::Extend(held, Micros(self.now + TTL)), TIMEOUT);
            }
        }
    }

    pub(super) fn arrive(&mut self, node: usize) {
        let now = Micros(self.now + self.rng.range(-20 * MS, 20 * MS));
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.rng.next().to_be_bytes());
        let id = CallId::new(now, random);
        let (key, team) = [("key:a", "team:t"), ("key:b", "team:t"), ("key:c", "team:u")][self.rng.range(0, 3) as usize];
        let scopes: Vec<String> = [key, team, "org:o"].map(str::to_owned).into();
        let actual = self.rng.range(10, 1_000);
        let estimate = actual + self.rng.range(0, 300);
        let limits = |scope: &String| {
            let own = SCOPES.iter().filter(|(name, ..)| name == scope && (*name != "key:c" || self.now >= self.limited_from));
            let budgets: Vec<BudgetAsk> = own
                .map(|(_, period, limit)| BudgetAsk {
                    window: budget::window(*period, now, "UTC"),
                    period: *period,
                    unit: Unit::NanoUsd,
                    limit: *limit,
                })
                .collect();
            (!budgets.is_empty()).then(|| ScopeAsk { scope: scope.clone(), rpm: None, tpm: None, concurrency: None, budgets })
        };
        let asked: Vec<ScopeAsk> = scopes.iter().filter_map(limits).collect();
        let row = Row { id, at: now, scopes: scopes.clone(), nanos: actual, draft: false };
        let draft = Row { nanos: estimate, draft: true, ..row.clone() };
        let ask = ReserveAsk {
            id,
            now,
            deadline: Micros(self.now + TTL),
            organization: Arc::from("o"),
            scopes: asked.into(),
            nanos: estimate,
            tokens: 0,
            rate_tokens: 0,
            counts_request: true,
            draft: Some(write_draft(&draft)),
        };
        let truth = Truth {
            at: now,
            scopes,
            estimate,
            sent: None,
            ended: false,
            crashed: false,
            disk_lost: false,
            degraded: false,
            forgotten: false,
        };
        self.truth.insert(id, truth);
        self.nodes[node].calls.insert(id, Call { ask: Arc::new(ask), row, sent: false, uncertain: false, tries: 0 });
        self.reserve(node, id);
    }

    fn reserve(&mut self, node: usize, id: CallId) {
        let Some(call) = self.nodes[node].calls.get_mut(&id) else { return };
        call.tries += 1;
        let ask = Arc::clone(&call.ask);
        self.send(node, Op::Reserve(id), Command::Reserve(ask), TIMEOUT);
    }

    /// Asks the vendor.
    fn ask_vendor(&mut self, node: usize, id: CallId, degraded: bool) {
        let start = self.nodes[node].start;
        let Some(call) = self.nodes[node].calls.get_mut(&id) else { return };
        call.sent = true;
        let draft = Row { nanos: call.ask.nanos, draft: true, ..call.row.clone() };
        let actual = call.row.nanos;
        self.nodes[node].journal.insert(id, draft);
        if let Some(truth) = self.truth.get_mut(&id) {
            truth.sent = Some(actual);
            truth.degraded = degraded;
        }
        let delay = if self.rng.per_mille(100) { self.rng.range(S, 20 * S) } else { self.rng.range(MS, S) };
        self.after(delay, Event::Upstream(node, start, id));
    }

    /// Ends a call that was never sent: its row says so, and what it may have reserved is given back.
    fn refuse(&mut self, node: usize, id: CallId, reserved: bool) {
        let Some(call) = self.nodes[node].calls.remove(&id) else { return };
        let row = Row { nanos: 0, ..call.row };
        self.nodes[node].queue.push(row.clone());
        if reserved || call.uncertain {
            let charge = Charge { id, at: row.at, scopes: row.scopes, nanos: 0, row: None, again: true };
            let finished = Finished { charge, resolved: false, release: true, committed: None, asked: false };
            self.nodes[node].finished.insert(id, finished);
            self.resolve(node, id);
        }
    }

    pub(super) fn finish(&mut self, node: usize, id: CallId) {
        let Some(call) = self.nodes[node].calls.remove(&id) else { return };
        let row = call.row;
        self.nodes[node].journal.insert(id, row.clone());
        if let Some(truth) = self.truth.get_mut(&id) {
            truth.ended = true;
        }
        let charge = Charge { id, at: row.at, scopes: row.scopes.clone(), nanos: row.nanos, row: Some(row.clone()), again: false };
        self.nodes[node].finished.insert(id, Finished { charge, resolved: false, release: false, committed: None, asked: false });
        if !self.rules.append_after_settle {
            self.nodes[node].queue.push(row);
        }
        self.resolve(node, id);
    }

    /// Tells the counters how a call ended.
    fn resolve(&mut self, node: usize, id: CallId) {
        let Some(finished) = self.nodes[node].finished.get_mut(&id).filter(|finished| !finished.asked) else { return };
        finished.asked = true;
        let charge = finished.charge.clone();
        let (op, command) =
            if finished.release { (Op::Release(id), Command::Release(id)) } else { (Op::Settle(id), Command::Settle(charge)) };
        self.send(node, op, command, TIMEOUT);
    }

    pub(super) fn tick(&mut self, node: usize, kind: u8) {
        let now = self.now;
        match kind {
            0 if !self.nodes[node].appending && !self.nodes[node].queue.is_empty() => {
                let rows = std::mem::take(&mut self.nodes[node].queue);
                self.nodes[node].appending = true;
                self.send(node, Op::Append { rows: rows.clone(), swept: false }, Command::Append(rows), 500 * MS);
            }
            1 => self.extend(node, 0),
            2 => self.send(node, Op::Whatever, Command::Expire, TIMEOUT),
            3 => self.send(node, Op::Sweep, Command::Waiting, TIMEOUT),
            4 => {
                let open: Vec<CallId> =
                    self.nodes[node].finished.iter().filter(|(_, finished)| !finished.resolved).map(|(id, _)| *id).take(20).collect();
                open.into_iter().for_each(|id| self.resolve(node, id));
            }
            5 => {
                let after = RECORDED_AFTER.as_micros() as i64;
                let ready = |committed: Micros| now - committed.0 >= after;
                let state = &self.nodes[node];
                let own = state.finished.iter().filter(|(_, finished)| finished.resolved && finished.committed.is_some_and(ready));
                let swept = state.swept.iter().filter(|(_, (committed, _))| ready(*committed)).map(|(id, (_, draft))| (*id, *draft));
                let calls: Vec<(CallId, bool)> =
                    own.map(|(id, finished)| (*id, finished.charge.row.as_ref().is_some_and(|row| row.draft))).chain(swept).collect();
                if !calls.is_empty() {
                    self.send(node, Op::Record(calls.clone()), Command::Recorded(calls), TIMEOUT);
                }
            }
            _ => {}
        }
    }

    pub(super) fn answered(&mut self, node: usize, op: Op, answer: Answer) {
        let now = Micros(self.now);
        match (op, answer) {
            (Op::Reserve(id), Answer::Reserved(Answered::Granted)) => {
                // Now and then nothing can be sent: no vendor answers.
                if self.rng.per_mille(40) { self.refuse(node, id, true) } else { self.ask_vendor(node, id, false) }
            }
            (Op::Reserve(id), Answer::Reserved(Answered::Refused)) => self.refuse(node, id, false),
            (Op::Reserve(id), Answer::Reserved(Answered::Cold(windows))) => self.warm(node, id, &windows),
            (Op::Reserve(id), _) => self.unavailable(node, id),
            (Op::BeginWarm { call, moment, opened, windows }, Answer::Warming(token, epoch, held)) => {
                if self.now - opened.0 > WARM_TIME || self.ledger.away {
                    return self.reserve(node, call);
                }
                let mut bases = Vec::with_capacity(windows.len());
                for ((cold, spent), held) in windows.into_iter().zip(held) {
                    let written: i64 = held.iter().filter_map(|held| self.ledger.charge(moment, held.id)).sum();
                    let charged: i64 = held.iter().map(|held| held.nanos).sum();
                    bases.push((cold, spent - written + charged));
                }
                let late = if self.rng.per_mille(50) { self.rng.range(0, 4 * S) } else { 0 };
                self.send_late(node, Op::EndWarm(call), Command::EndWarm { token, epoch, windows: bases }, TIMEOUT, late);
            }
            (Op::EndWarm(id), _) => self.reserve(node, id),
            (Op::Settle(id) | Op::Release(id), _) => {
                let settle = self.nodes[node].finished.get_mut(&id).map(|finished| {
                    finished.asked = false;
                    finished.resolved = true;
                    finished.charge.clone()
                });
                if let Some(charge) = settle {
                    self.queue_after_settle(node, &charge);
                    if self.nodes[node].finished[&id].committed.is_some() {
                        self.nodes[node].journal.remove(&id);
                    }
                }
            }
            (Op::Correct(id, draft), _) => {
                self.nodes[node].swept.entry(id).or_insert((now, draft));
            }
            (Op::Sweep, Answer::Waiting(mut rows)) => {
                // What was swept and waits to be recorded would only be written once more.
                rows.retain(|row| self.nodes[node].swept.get(&row.id).is_none_or(|(_, draft)| *draft != row.draft));
                if rows.is_empty() {
                    return;
                }
                self.send(node, Op::Append { rows: rows.clone(), swept: true }, Command::Append(rows), 500 * MS);
            }
            (Op::Append { rows, swept }, Answer::Appended(known)) => {
                if swept {
                    return self.swept(node, &rows, &known);
                }
                self.nodes[node].appending = false;
                for row in rows {
                    let state = &mut self.nodes[node];
                    let resolved = state.finished.get_mut(&row.id).is_none_or(|finished| {
                        finished.committed = Some(now);
                        finished.resolved
                    });
                    if resolved || !self.rules.journal_until_settled {
                        state.journal.remove(&row.id);
                    }
                }
            }
            (Op::Record(calls), _) => {
                for (id, _) in calls {
                    self.nodes[node].swept.remove(&id);
                    if self.nodes[node].finished.get(&id).is_some_and(|finished| finished.resolved && finished.committed.is_some()) {
                        self.nodes[node].finished.remove(&id);
                    }
                }
            }
            _ => {}
        }
    }

    /// The row of a call goes to the ledger once its first settle was answered or given up.
    fn queue_after_settle(&mut self, node: usize, charge: &Charge) {
        if let Some(row) = charge.row.clone()
            && !charge.again
            && self.rules.append_after_settle
        {
            self.nodes[node].queue.push(row);
        }
        if let Some(finished) = self.nodes[node].finished.get_mut(&charge.id) {
            finished.charge.again = true;
        }
    }

    fn swept(&mut self, node: usize, rows: &[Row], known: &[Row]) {
        for row in rows {
            let other = known.iter().find(|other| other.id == row.id && row.draft && !other.draft);
            match other {
                Some(other) if self.rules.sweeper_corrects => {
                    // With its row, so that somebody else records it should this node not come to it.
                    let (nanos, kept) = (other.nanos, Some(other.clone()));
                    let charge = Charge { id: row.id, at: row.at, scopes: row.scopes.clone(), nanos, row: kept, again: true };
                    self.send(node, Op::Correct(row.id, false), Command::Settle(charge), TIMEOUT);
                }
                _ => {
                    self.nodes[node].swept.entry(row.id).or_insert((Micros(self.now), row.draft));
                }
            }
        }
    }

    fn warm(&mut self, node: usize, id: CallId, windows: &[ColdWindow]) {
        let tries = self.nodes[node].calls.get(&id).map_or(0, |call| call.tries);
        if self.ledger.away || tries > 8 {
            return self.unavailable(node, id);
        }
        let moment = self.ledger.moment();
        let spent = windows.iter().map(|cold| (cold.clone(), self.ledger.spent(&cold.scope, cold.from, cold.to))).collect();
        let late = if self.rng.per_mille(50) { self.rng.range(0, 3 * S) } else { 0 };
        let op = Op::BeginWarm { call: id, moment, opened: Micros(self.now), windows: spent };
        self.send_late(node, op, Command::BeginWarm(windows.to_vec()), WARM_TIME, late);
    }

    /// The counters do not answer: as the policy says.
    fn unavailable(&mut self, node: usize, id: CallId) {
        if self.calm || self.rng.per_mille(500) { self.refuse(node, id, false) } else { self.ask_vendor(node, id, true) }
    }

    pub(super) fn lost(&mut self, node: usize, op: Op) {
        match op {
            Op::Reserve(id) => {
                let Some(call) = self.nodes[node].calls.get_mut(&id) else { return };
                call.uncertain = true;
                if call.tries < 4 && self.rng.per_mille(500) { self.reserve(node, id) } else { self.unavailable(node, id) }
            }
            Op::BeginWarm { call, .. } | Op::EndWarm(call) => self.reserve(node, call),
            Op::Settle(id) | Op::Release(id) => {
                if let Some(finished) = self.nodes[node].finished.get_mut(&id) {
                    finished.asked = false;
                    let charge = finished.charge.clone();
                    self.queue_after_settle(node, &charge);
                }
            }
            Op::Append { rows, swept: false } => {
                self.nodes[node].appending = false;
                self.nodes[node].queue.extend(rows);
            }
            _ => {}
        }
    }
}
