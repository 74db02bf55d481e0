//! Nodes, counters and ledger in one deterministic world: every delay, loss and crash comes from one seed.
//!
//! Time is a number; the next event is the earliest. A command travels, may be lost, doubled or late, and so may its answer;
//! the node goes on after a timeout without knowing. Start at [`World::run`]; what must hold in the end is in [`crate::check`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

use fluxa_domain::budget::{self, Period, Unit};
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;
use fluxa_store::shared::counters::{BudgetAsk, Extended, RECORDED_AFTER, ReserveAsk, ScopeAsk};

use crate::ledger::{Ledger, Row};
use crate::model::{Answered, Charge, Model, write_draft};
use crate::node::{Answer, Call, Command, Finished, Node, Op, Truth};
use crate::rng::Rng;
use crate::rules::Rules;

const MS: i64 = 1_000;
const S: i64 = 1_000_000;
/// A reservation lives so long unless extended.
pub(crate) const TTL: i64 = 6 * S;
/// A command is given up after this time.
const TIMEOUT: i64 = 50 * MS;
/// From the moment that a warming reads to the answer of its first half.
const WARM_TIME: i64 = 4 * S;
/// A row in the stream is left to its owner for so long.
const SWEEP_AGE: i64 = 15 * S;
/// 2026-11-23T00:00:00Z: runs begin a minute before, so that days change.
const MIDNIGHT: i64 = 1_795_392_000 * S;

/// Which scopes have which limits.
pub(crate) const SCOPES: [(&str, Period, i64); 5] = [
    ("key:a", Period::Day, 60_000),
    ("key:a", Period::Total, 150_000),
    ("key:b", Period::Day, 40_000),
    ("team:t", Period::Total, 170_000),
    ("key:c", Period::Total, 90_000),
];

#[derive(Debug)]
enum Event {
    Arrive(usize),
    Tick(usize, u64, u8),
    Deliver { node: usize, start: u64, op: u64, sent: Micros, command: Command },
    Reply { node: usize, start: u64, op: u64, epoch: Option<u64>, answer: Answer },
    Timeout { node: usize, start: u64, op: u64 },
    Upstream(usize, u64, CallId),
    Restart(usize),
    Snapshot,
    Fault,
    Bump,
    Heal(u8, usize),
}

/// Everything.
pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) rng: Rng,
    pub(crate) now: i64,
    pub(crate) model: Model,
    pub(crate) ledger: Ledger,
    pub(crate) truth: BTreeMap<CallId, Truth>,
    /// The counters never lose data and no call goes unreserved: nothing may be overspent.
    pub(crate) calm: bool,
    pub(crate) steps: u64,
    nodes: Vec<Node>,
    events: BinaryHeap<Reverse<(i64, u64)>>,
    waiting: BTreeMap<u64, Event>,
    next: u64,
    snapshots: VecDeque<Model>,
    stalled_until: i64,
    counters_away: bool,
    /// `key:c` has no limit before.
    limited_from: i64,
    quiet: bool,
    /// What happened, when asked for.
    pub(crate) trace: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(seed: u64, rules: Rules) -> Self {
        let mut rng = Rng(seed);
        let now = MIDNIGHT - rng.range(1, 60) * S;
        let calm = rng.per_mille(400);
        let limited_from = now + rng.range(5, 40) * S;
        let mut world = Self {
            rules,
            rng,
            now,
            model: Model::new(rules),
            ledger: Ledger::default(),
            truth: BTreeMap::new(),
            calm,
            steps: 0,
            nodes: Vec::new(),
            events: BinaryHeap::new(),
            waiting: BTreeMap::new(),
            next: 0,
            snapshots: VecDeque::new(),
            stalled_until: 0,
            counters_away: false,
            limited_from,
            quiet: false,
            trace: None,
        };
        for node in 0..world.rng.range(2, 6) as usize {
            world.nodes.push(Node { up: true, ..Node::default() });
            world.ticks(node);
            world.after(world_delay(node), Event::Arrive(node));
        }
        world.after(S, Event::Snapshot);
        world.after(2 * S, Event::Fault);
        world
    }

    /// Goes on until `seconds` have passed, then heals all and lets it come to rest.
    pub(crate) fn run(&mut self, seconds: i64) {
        let end = self.now + seconds * S;
        self.until(end);
        self.quiet = true;
        self.counters_away = false;
        self.ledger.away = false;
        for node in 0..self.nodes.len() {
            self.nodes[node].cut_off = false;
            if !self.nodes[node].up {
                self.restart(node);
            }
        }
        self.until(end + 90 * S);
    }

    fn until(&mut self, end: i64) {
        while let Some(Reverse((at, number))) = self.events.peek().copied().filter(|Reverse((at, _))| *at <= end) {
            self.events.pop();
            self.now = at.max(self.now);
            self.steps += 1;
            if let Some(event) = self.waiting.remove(&number) {
                self.happen(event);
            }
        }
        self.now = end;
    }

    fn after(&mut self, delay: i64, event: Event) {
        self.next += 1;
        self.events.push(Reverse((self.now + delay, self.next)));
        self.waiting.insert(self.next, event);
    }

    fn say(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:10.3} {}", (now - MIDNIGHT) as f64 / S as f64, text()));
        }
    }

    fn ticks(&mut self, node: usize) {
        let start = self.nodes[node].start;
        for kind in 0..6 {
            let delay = self.rng.range(1, S);
            self.after(delay, Event::Tick(node, start, kind));
        }
    }

    /// Whether this start of the node still runs.
    fn lives(&self, node: usize, start: u64) -> bool {
        self.nodes[node].up && self.nodes[node].start == start
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive(node) => {
                if !self.quiet {
                    let delay = self.rng.range(MS, 400 * MS);
                    self.after(delay, Event::Arrive(node));
                    if self.nodes[node].up {
                        self.arrive(node);
                    }
                }
            }
            Event::Tick(node, start, kind) if self.lives(node, start) => {
                const EVERY: [i64; 6] = [200 * MS, 2 * S, S, 2 * S, S, S];
                let delay = EVERY[usize::from(kind)] + self.rng.range(0, 100 * MS);
                self.after(delay, Event::Tick(node, start, kind));
                self.tick(node, kind);
            }
            Event::Deliver { node, start, op, sent, command } => self.deliver(node, start, op, sent, command),
            Event::Reply { node, start, op, epoch, answer } if self.lives(node, start) => {
                if let Some(epoch) = epoch {
                    self.see(node, epoch);
                }
                if let Some(op) = self.nodes[node].ops.remove(&op) {
                    self.answered(node, op, answer);
                }
            }
            Event::Timeout { node, start, op } if self.lives(node, start) => {
                if let Some(op) = self.nodes[node].ops.remove(&op) {
                    self.lost(node, op);
                }
            }
            Event::Upstream(node, start, id) if self.lives(node, start) => self.finish(node, id),
            Event::Restart(node) if !self.nodes[node].up => self.restart(node),
            Event::Snapshot => {
                self.snapshots.push_back(self.model.clone());
                if self.snapshots.len() > 5 {
                    self.snapshots.pop_front();
                }
                if !self.quiet {
                    self.after(S, Event::Snapshot);
                }
            }
            Event::Fault if !self.quiet => {
                let delay = self.rng.range(S / 2, 8 * S);
                self.after(delay, Event::Fault);
                self.fault();
            }
            Event::Bump => self.model.bump(),
            Event::Heal(what, node) => match what {
                0 => self.counters_away = false,
                1 => self.ledger.away = false,
                _ => self.nodes[node].cut_off = false,
            },
            _ => {}
        }
    }

    fn fault(&mut self) {
        let node = self.rng.range(0, self.nodes.len() as i64) as usize;
        let long = self.rng.range(100 * MS, 25 * S);
        match self.rng.range(0, if self.calm { 7 } else { 9 }) {
            0 | 1 => {
                let disk_lost = self.rng.per_mille(400);
                if self.nodes[node].up {
                    self.say(|| format!("node {node} dies{}", if disk_lost { " with its disk" } else { "" }));
                    for id in self.nodes[node].crash(disk_lost) {
                        if let Some(truth) = self.truth.get_mut(&id) {
                            truth.crashed = true;
                            truth.disk_lost |= disk_lost;
                        }
                    }
                    let back = self.rng.range(S, 30 * S);
                    self.after(back, Event::Restart(node));
                }
            }
            2 => {
                self.say(|| format!("the ledger is away for {} ms", long / MS));
                self.ledger.away = true;
                self.after(long, Event::Heal(1, 0));
            }
            3 => {
                self.say(|| format!("the counters are away for {} ms", long / MS));
                self.counters_away = true;
                self.after(long, Event::Heal(0, 0));
            }
            4 => {
                self.say(|| format!("the counters stand still for {} ms", long / MS));
                self.stalled_until = self.now + long;
            }
            5 | 6 => {
                self.say(|| format!("node {node} cannot reach the counters for {} ms", long / MS));
                self.nodes[node].cut_off = true;
                self.after(long, Event::Heal(2, node));
            }
            7 => {
                self.say(|| String::from("the counters are emptied"));
                self.model.flush();
                self.truth.values_mut().for_each(|truth| truth.forgotten = true);
            }
            _ => {
                if let Some(old) = self.snapshots.front().cloned() {
                    self.say(|| String::from("the counters go back to older data"));
                    self.model.roll_back(old);
                    self.truth.values_mut().for_each(|truth| truth.forgotten = true);
                    if !self.rules.resettle_on_epoch {
                        self.after(10 * S, Event::Bump);
                    }
                }
            }
        }
    }

    fn restart(&mut self, node: usize) {
        self.say(|| format!("node {node} is back"));
        self.nodes[node].recover();
        self.ticks(node);
    }

    // What goes over the wire.

    fn send(&mut self, node: usize, op: Op, command: Command, timeout: i64) {
        self.send_late(node, op, command, timeout, 0);
    }

    fn send_late(&mut self, node: usize, op: Op, command: Command, timeout: i64, late: i64) {
        self.next += 1;
        let (number, start, sent) = (self.next, self.nodes[node].start, Micros(self.now + late));
        self.nodes[node].ops.insert(number, op);
        self.after(late + timeout, Event::Timeout { node, start, op: number });
        let to_counters = !matches!(command, Command::Append(_));
        if to_counters && self.nodes[node].cut_off && self.rng.per_mille(950) {
            return;
        }
        let copies = if self.rng.per_mille(20) { 2 } else { i64::from(!self.rng.per_mille(15)) };
        for _ in 0..copies {
            let delay = late + self.delay();
            self.after(delay, Event::Deliver { node, start, op: number, sent, command: command.clone() });
        }
    }

    /// Mostly short; sometimes longer than anybody waits; seldom much longer.
    fn delay(&mut self) -> i64 {
        match self.rng.range(0, 1000) {
            0..970 => self.rng.range(100, 5 * MS),
            970..995 => self.rng.range(5 * MS, 3 * S),
            _ => self.rng.range(S, 14 * S),
        }
    }

    fn deliver(&mut self, node: usize, start: u64, op: u64, sent: Micros, command: Command) {
        let now = Micros(self.now);
        let to_counters = !matches!(command, Command::Append(_));
        if to_counters && self.stalled_until > self.now {
            let delay = self.stalled_until - self.now + self.rng.range(0, 20 * MS);
            self.after(delay, Event::Deliver { node, start, op, sent, command });
            return;
        }
        if if to_counters { self.counters_away } else { self.ledger.away } {
            return;
        }
        let answer = match command {
            Command::Reserve(ask) => {
                let answer = self.model.reserve(now, sent, &ask);
                self.say(|| format!("reserve {} for node {node}: {answer:?}", ask.id));
                Answer::Reserved(answer)
            }
            Command::Settle(charge) => {
                let settled = self.model.settle(now, &charge);
                self.say(|| format!("settle {} {}{}: {settled:?}", charge.id, charge.nanos, if charge.again { " again" } else { "" }));
                Answer::Done
            }
            Command::Release(id) => {
                self.say(|| format!("release {id} by node {node}"));
                self.model.release(now, id);
                Answer::Done
            }
            Command::Extend(asks, deadline) => {
                for (ask, answer) in asks.iter().zip(self.model.extend(now, sent, &asks, deadline)) {
                    if answer != Extended::Yes {
                        self.say(|| format!("extend {} by node {node}: {answer:?}", ask.id));
                    }
                }
                Answer::Done
            }
            Command::Expire => {
                for id in self.model.expire(now) {
                    self.say(|| format!("expired {id}"));
                }
                Answer::Done
            }
            Command::Waiting => Answer::Waiting(self.model.waiting(now, SWEEP_AGE)),
            Command::Recorded(calls) => {
                for (id, _) in &calls {
                    self.say(|| format!("recorded {id} by node {node}"));
                }
                self.model.recorded(&calls);
                Answer::Done
            }
            Command::BeginWarm(windows) => {
                let (token, epoch, held) = self.model.begin_warm(&windows);
                Answer::Warming(token, epoch, held)
            }
            Command::EndWarm { token, epoch, windows } => {
                self.say(|| {
                    format!("warm {:?}", windows.iter().map(|(cold, base)| (&cold.scope, &cold.window_id, base)).collect::<Vec<_>>())
                });
                self.model.end_warm(token, epoch, &windows);
                Answer::Done
            }
            Command::Append(rows) => {
                let known = self.ledger.append(&rows, self.rules.final_replaces_draft);
                for row in &rows {
                    self.say(|| format!("row {} {}{} by node {node}", row.id, row.nanos, if row.draft { " (draft)" } else { "" }));
                }
                Answer::Appended(known)
            }
        };
        let epoch = to_counters.then(|| self.model.epoch());
        if !self.rng.per_mille(15) {
            let delay = self.delay();
            self.after(delay, Event::Reply { node, start, op, epoch, answer });
        }
    }

    // What a node does.

    fn see(&mut self, node: usize, epoch: u64) {
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

    fn arrive(&mut self, node: usize) {
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

    fn finish(&mut self, node: usize, id: CallId) {
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

    fn tick(&mut self, node: usize, kind: u8) {
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

    fn answered(&mut self, node: usize, op: Op, answer: Answer) {
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

    fn warm(&mut self, node: usize, id: CallId, windows: &[fluxa_store::shared::counters::ColdWindow]) {
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

    fn lost(&mut self, node: usize, op: Op) {
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

fn world_delay(node: usize) -> i64 {
    (node as i64 + 1) * 10 * MS
}
