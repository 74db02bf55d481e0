//! The shared counters as a model: what the scripts in Redis do, without Redis.
//!
//! One organisation, dollar budgets; rates are not money and are left out. Every method is one script: atomic, idempotent by id.
//! Nothing here knows of nodes. Start at [`Model::reserve`] and [`Model::settle`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fluxa_domain::budget::Unit;
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;
use fluxa_store::shared::counters::{ColdWindow, Extended, ReserveAsk, Settled};

use crate::ledger::Row;
use crate::rules::Rules;

/// A command that is older than this when it arrives does nothing; less than the time after which calls are forgotten.
const STALE: i64 = 4_000_000;
/// An id that was given back is remembered so long.
const TOMB: i64 = 120_000_000;

/// The answer to a reservation.
#[derive(Clone, Debug)]
pub(crate) enum Answered {
    Granted,
    Refused,
    Cold(Vec<ColdWindow>),
    Unavailable,
}

/// How far a window is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Cold,
    Warming { token: u64 },
    Warm { epoch: u64 },
}

#[derive(Clone, Debug)]
struct Window {
    from: Micros,
    to: Option<Micros>,
    spent: i64,
    reserved: i64,
    known: Known,
}

#[derive(Clone, Debug)]
enum State {
    Open {
        ask: Arc<ReserveAsk>,
        deadline: Micros,
    },
    /// The estimate is charged.
    Expired {
        nanos: i64,
        at: Micros,
    },
    /// Whether with a draft, which nobody has better.
    Settled {
        draft: bool,
    },
}

#[derive(Clone, Debug)]
struct Note {
    state: State,
    /// Where it is charged and known as not yet recorded.
    scopes: Vec<String>,
    draft: Option<Row>,
    entry: Option<u64>,
}

/// A call that is charged and not known to be in the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) id: CallId,
    pub(crate) nanos: i64,
}

/// Everything that Redis holds.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    rules: Rules,
    epoch: Option<u64>,
    /// Never goes back, whatever happens to the data: stands for randomness.
    unique: u64,
    windows: BTreeMap<String, BTreeMap<String, Window>>,
    notes: BTreeMap<CallId, Note>,
    due: BTreeSet<(Micros, CallId)>,
    held: BTreeMap<String, BTreeMap<CallId, (Micros, i64)>>,
    stream: BTreeMap<u64, (Micros, Row)>,
    tombs: BTreeMap<CallId, Micros>,
}

/// What a settle says.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) id: CallId,
    pub(crate) at: Micros,
    pub(crate) scopes: Vec<String>,
    pub(crate) nanos: i64,
    pub(crate) row: Option<Row>,
    /// Its row may be in the ledger already.
    pub(crate) again: bool,
}

impl Model {
    pub(crate) const fn new(rules: Rules) -> Self {
        Self {
            rules,
            epoch: None,
            unique: 0,
            windows: BTreeMap::new(),
            notes: BTreeMap::new(),
            due: BTreeSet::new(),
            held: BTreeMap::new(),
            stream: BTreeMap::new(),
            tombs: BTreeMap::new(),
        }
    }

    /// All is gone.
    pub(crate) fn flush(&mut self) {
        *self = Self { unique: self.unique, ..Self::new(self.rules) };
    }

    /// Another server takes over, with older data; whoever reaches it first gives it a new epoch.
    pub(crate) fn roll_back(&mut self, old: Self) {
        *self = Self { unique: self.unique, ..old };
        self.bump();
    }

    /// All windows are cold from now on.
    pub(crate) fn bump(&mut self) {
        self.epoch = Some(self.unique());
    }

    pub(crate) fn epoch(&mut self) -> u64 {
        match self.epoch {
            Some(epoch) => epoch,
            None => {
                self.bump();
                self.epoch.unwrap()
            }
        }
    }

    fn unique(&mut self) -> u64 {
        self.unique += 1;
        self.unique
    }

    pub(crate) fn reserve(&mut self, now: Micros, sent: Micros, ask: &Arc<ReserveAsk>) -> Answered {
        match self.notes.get(&ask.id) {
            Some(Note { state: State::Open { .. }, .. }) => return Answered::Granted,
            Some(_) => return Answered::Unavailable,
            None => {}
        }
        let buried = self.tombs.get(&ask.id).is_some_and(|until| *until > now);
        if buried || (self.rules.stale_refused && now.0 - sent.0 > STALE) {
            return Answered::Unavailable;
        }
        let epoch = self.epoch();
        let mut cold = Vec::new();
        for (scope, budget) in budgets(ask) {
            let known = self.windows.get(scope).and_then(|windows| windows.get(&budget.window.id)).map(|window| window.known);
            if known != Some(Known::Warm { epoch }) {
                cold.push(ColdWindow {
                    scope: scope.to_owned(),
                    window_id: budget.window.id.clone(),
                    unit: Unit::NanoUsd,
                    from: budget.window.starts_at,
                    to: budget.window.ends_at,
                });
            }
        }
        if !cold.is_empty() {
            return Answered::Cold(cold);
        }
        let fits = budgets(ask).all(|(scope, budget)| {
            let window = &self.windows[scope][&budget.window.id];
            window.spent + window.reserved + ask.nanos <= budget.limit
        });
        if !fits {
            return Answered::Refused;
        }
        self.open(ask, ask.deadline);
        Answered::Granted
    }

    fn open(&mut self, ask: &Arc<ReserveAsk>, deadline: Micros) {
        for (scope, budget) in budgets(ask) {
            let windows = self.windows.entry(scope.to_owned()).or_default();
            let fresh = Window { from: budget.window.starts_at, to: budget.window.ends_at, spent: 0, reserved: 0, known: Known::Cold };
            windows.entry(budget.window.id.clone()).or_insert(fresh).reserved += ask.nanos;
        }
        let draft = ask.draft.as_deref().map(read_draft);
        let mut scopes: Vec<String> = ask.scopes.iter().map(|scope| scope.scope.clone()).collect();
        if self.rules.settle_charges_row_scopes {
            scopes.extend(draft.iter().flat_map(|row| row.scopes.clone()));
            scopes.sort();
            scopes.dedup();
        }
        self.notes.insert(ask.id, Note { state: State::Open { ask: Arc::clone(ask), deadline }, scopes, draft, entry: None });
        self.due.insert((deadline, ask.id));
    }

    fn give_back(&mut self, ask: &ReserveAsk, deadline: Micros) {
        for (scope, budget) in budgets(ask) {
            if let Some(window) = self.windows.get_mut(scope).and_then(|windows| windows.get_mut(&budget.window.id)) {
                window.reserved -= ask.nanos;
            }
        }
        self.due.remove(&(deadline, ask.id));
    }

    pub(crate) fn settle(&mut self, now: Micros, charge: &Charge) -> Settled {
        let again = charge.again && self.rules.again_chills;
        let Some(note) = self.notes.get(&charge.id).cloned() else {
            let note = Note { state: State::Settled { draft: false }, scopes: charge.scopes.clone(), draft: None, entry: None };
            self.chill(&note.scopes, charge.at);
            self.close(now, charge, note);
            return Settled::Unknown;
        };
        let (answer, old) = match &note.state {
            State::Open { ask, deadline } => {
                self.give_back(ask, *deadline);
                (Settled::Done, 0)
            }
            State::Expired { nanos, .. } => (Settled::Late, *nanos),
            State::Settled { .. } => {
                if again {
                    self.chill(&note.scopes, charge.at);
                }
                return Settled::AlreadyDone;
            }
        };
        if again {
            self.chill(&note.scopes, charge.at);
        } else {
            self.add(&note.scopes, charge.at, charge.nanos - old);
        }
        self.close(now, charge, note);
        answer
    }

    fn close(&mut self, now: Micros, charge: &Charge, mut note: Note) {
        for scope in &note.scopes {
            self.held.entry(scope.clone()).or_default().insert(charge.id, (charge.at, charge.nanos));
        }
        if let Some(entry) = note.entry.take() {
            self.stream.remove(&entry);
        }
        note.entry = charge.row.as_ref().map(|row| self.put(now, row.clone()));
        note.state = State::Settled { draft: charge.row.as_ref().is_some_and(|row| row.draft) };
        self.notes.insert(charge.id, note);
    }

    fn put(&mut self, now: Micros, row: Row) -> u64 {
        let entry = self.unique();
        self.stream.insert(entry, (now, row));
        entry
    }

    fn covering<'a>(&'a mut self, scopes: &'a [String], at: Micros) -> impl Iterator<Item = &'a mut Window> {
        let wanted = self.windows.iter_mut().filter(|(scope, _)| scopes.contains(scope));
        wanted.flat_map(|(_, windows)| windows.values_mut()).filter(move |window| window.from <= at && window.to.is_none_or(|to| at < to))
    }

    fn add(&mut self, scopes: &[String], at: Micros, nanos: i64) {
        self.covering(scopes, at).for_each(|window| window.spent += nanos);
    }

    fn chill(&mut self, scopes: &[String], at: Micros) {
        self.covering(scopes, at).for_each(|window| window.known = Known::Cold);
    }

    pub(crate) fn release(&mut self, now: Micros, id: CallId) {
        self.tombs.insert(id, Micros(now.0 + TOMB));
        let Some(note) = self.notes.get(&id).cloned() else { return };
        match &note.state {
            State::Open { ask, deadline } => {
                self.give_back(ask, *deadline);
                self.notes.remove(&id);
            }
            State::Expired { at, .. } if self.rules.release_is_settle => {
                // A row of nothing takes the draft's place in the stream, so that somebody records it whoever dies.
                let row = note.draft.clone().map(|draft| Row { nanos: 0, ..draft });
                let charge = Charge { id, at: *at, scopes: Vec::new(), nanos: 0, row, again: true };
                self.settle(now, &charge);
            }
            State::Expired { nanos, at } => {
                self.add(&note.scopes, *at, -nanos);
                self.forget(id, &note);
                self.notes.remove(&id);
            }
            State::Settled { .. } => {}
        }
    }

    pub(crate) fn extend(&mut self, now: Micros, sent: Micros, asks: &[Arc<ReserveAsk>], deadline: Micros) -> Vec<Extended> {
        let mut answers = Vec::with_capacity(asks.len());
        for ask in asks {
            let old = match self.notes.get_mut(&ask.id) {
                Some(Note { state: State::Open { deadline: old, .. }, .. }) => Some(std::mem::replace(old, deadline)),
                Some(_) => {
                    answers.push(Extended::Ended);
                    continue;
                }
                None => None,
            };
            if let Some(old) = old {
                self.due.remove(&(old, ask.id));
                self.due.insert((deadline, ask.id));
                answers.push(Extended::Yes);
                continue;
            }
            let buried = self.tombs.get(&ask.id).is_some_and(|until| *until > now);
            if buried || (self.rules.stale_refused && now.0 - sent.0 > STALE) {
                answers.push(Extended::Ended);
                continue;
            }
            self.open(ask, deadline);
            answers.push(Extended::Again);
        }
        answers
    }

    /// Charges the estimate of what is overdue.
    pub(crate) fn expire(&mut self, now: Micros) -> Vec<CallId> {
        let mut expired = Vec::new();
        while let Some((deadline, id)) = self.due.first().copied().filter(|(deadline, _)| *deadline <= now) {
            let mut note = self.notes[&id].clone();
            let State::Open { ask, .. } = note.state.clone() else { unreachable!("only open calls are due") };
            self.give_back(&ask, deadline);
            self.add(&note.scopes, ask.now, ask.nanos);
            for scope in &note.scopes {
                self.held.entry(scope.clone()).or_default().insert(id, (ask.now, ask.nanos));
            }
            note.entry = note.draft.clone().map(|row| self.put(now, row));
            note.state = State::Expired { nanos: ask.nanos, at: ask.now };
            self.notes.insert(id, note);
            expired.push(id);
        }
        expired
    }

    /// Rows that wait for longer than `age`.
    pub(crate) fn waiting(&self, now: Micros, age: i64) -> Vec<Row> {
        self.stream.values().filter(|(since, _)| now.0 - since.0 > age).take(100).map(|(_, row)| row.clone()).collect()
    }

    pub(crate) fn recorded(&mut self, calls: &[(CallId, bool)]) {
        for (id, draft) in calls {
            let Some(note) = self.notes.get(id).cloned() else { continue };
            let says = self.rules.recorded_says_which;
            let (forget, remove) = match &note.state {
                State::Open { .. } => (!self.rules.recorded_keeps_open, !self.rules.recorded_keeps_open),
                State::Expired { .. } => (*draft || !says, false),
                State::Settled { draft: own } => {
                    let same = !says || *own || !*draft;
                    (same, same)
                }
            };
            if forget {
                self.forget(*id, &note);
            }
            if remove {
                self.notes.remove(id);
                self.due.retain(|(_, due)| due != id);
            } else if forget && let Some(note) = self.notes.get_mut(id) {
                note.entry = None;
            }
        }
    }

    fn forget(&mut self, id: CallId, note: &Note) {
        for scope in &note.scopes {
            if let Some(held) = self.held.get_mut(scope) {
                held.remove(&id);
            }
        }
        if let Some(entry) = note.entry {
            self.stream.remove(&entry);
        }
    }

    /// The first half of a warming: from now on charges add up in the windows. Gives a token, and for each window what is held in it.
    pub(crate) fn begin_warm(&mut self, windows: &[ColdWindow]) -> (u64, u64, Vec<Vec<Held>>) {
        let (epoch, token) = (self.epoch(), self.unique());
        let mut all = Vec::with_capacity(windows.len());
        for cold in windows {
            let fresh = Window { from: cold.from, to: cold.to, spent: 0, reserved: 0, known: Known::Cold };
            let window = self.windows.entry(cold.scope.clone()).or_default().entry(cold.window_id.clone()).or_insert(fresh);
            if window.known != (Known::Warm { epoch }) {
                window.known = Known::Warming { token };
                window.spent = 0;
            }
            let held = self.held.get(&cold.scope).into_iter().flatten();
            let within = held.filter(|(_, (at, _))| cold.from <= *at && cold.to.is_none_or(|to| *at < to));
            all.push(within.map(|(id, (_, nanos))| Held { id: *id, nanos: *nanos }).collect());
        }
        (token, epoch, all)
    }

    /// The second half.
    pub(crate) fn end_warm(&mut self, token: u64, epoch: u64, windows: &[(ColdWindow, i64)]) {
        if self.epoch != Some(epoch) {
            return;
        }
        for (cold, base) in windows {
            if let Some(window) = self.windows.get_mut(&cold.scope).and_then(|windows| windows.get_mut(&cold.window_id))
                && window.known == (Known::Warming { token })
            {
                window.spent += base;
                window.known = Known::Warm { epoch };
            }
        }
    }

    /// Every window: scope, bounds, spent (where it is warm), reserved.
    pub(crate) fn standing(&self) -> impl Iterator<Item = (&str, Micros, Option<Micros>, Option<i64>, i64)> {
        self.windows.iter().flat_map(move |(scope, windows)| {
            windows.values().map(move |window| {
                let warm = matches!(window.known, Known::Warm { epoch } if Some(epoch) == self.epoch);
                (scope.as_str(), window.from, window.to, warm.then_some(window.spent), window.reserved)
            })
        })
    }

    /// What should not be there when all is over: open calls, held calls, waiting rows.
    pub(crate) fn left(&self) -> (Vec<CallId>, Vec<CallId>, usize) {
        let open = self.due.iter().map(|(_, id)| *id).collect();
        let held: BTreeSet<CallId> = self.held.values().flat_map(|held| held.keys().copied()).collect();
        (open, held.into_iter().collect(), self.stream.len())
    }
}

fn budgets(ask: &ReserveAsk) -> impl Iterator<Item = (&str, &fluxa_store::shared::counters::BudgetAsk)> {
    ask.scopes.iter().flat_map(|scope| scope.budgets.iter().map(move |budget| (scope.scope.as_str(), budget)))
}

/// A draft in a reservation: `ID AT NANOS SCOPE…`, as a real one is JSON.
fn read_draft(text: &str) -> Row {
    let mut words = text.split(' ');
    let id = CallId::parse(words.next().unwrap()).unwrap();
    let mut number = || words.next().unwrap().parse().unwrap();
    let (at, nanos) = (Micros(number()), number());
    Row { id, at, nanos, scopes: words.map(str::to_owned).collect(), draft: true }
}

/// The text of a draft.
pub(crate) fn write_draft(row: &Row) -> String {
    format!("{} {} {} {}", row.id, row.at.0, row.nanos, row.scopes.join(" "))
}
