//! Nodes, counters and ledger in one deterministic world: every delay, loss and crash comes from one seed.
//!
//! Time is a number; the next event is the earliest. A command travels, may be lost, doubled or late, and so may its answer;
//! the node goes on after a timeout without knowing. Start at [`World::run`]; what must hold in the end is in [`crate::check`].

mod acts;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use fluxa_domain::budget::Period;
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;
use fluxa_store::shared::counters::Extended;

use crate::ledger::Ledger;
use crate::model::Model;
use crate::node::{Answer, Command, Node, Op, Truth};
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
            Event::Arrive(node) if !self.quiet => {
                let delay = self.rng.range(MS, 400 * MS);
                self.after(delay, Event::Arrive(node));
                if self.nodes[node].up {
                    self.arrive(node);
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
}

fn world_delay(node: usize) -> i64 {
    (node as i64 + 1) * 10 * MS
}
