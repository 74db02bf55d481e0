//! Counters that many processes share: every operation is one script, and so one step, in Redis.
//!
//! All keys of an organisation have its hash tag, so the scripts may make further keys from the one they are given, also on a
//! cluster. What is kept is told in `counters/scope.lua`; how a window is warmed, in `counters/warm.rs`.
//!
//! The invariant: whatever is asked twice with one id happened once. Never done here: asking again after a fault, and deciding
//! what a caller may do meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;
use redis::{Cmd, Value};

use super::link::{Fault, Link, Script};
use crate::open::Store;
use crate::shared::BoxFuture;
use crate::shared::counters::{
    ColdWindow, Counters, CountersHealth, Expired, Extended, Inspection, Recorded, ReserveAsk, Reserved, ScopeStanding, Settled,
    Settlement, WaitingRow, WarmError,
};

mod keys;
mod look;
mod pack;
mod reply;
mod scripts;
mod warm;

use keys::{Keys, ORGANIZATIONS};
use reply::{Reply, strange};
use scripts::Scripts;

/// Rows that may wait in one organisation's stream: some 200 MB. Beyond it their owners' journals have them.
const STREAM_ROWS: u64 = 200_000;

/// Calls of one script: it runs alone in the server, so it should take no more than some milliseconds.
const BATCH: usize = 200;

/// Expired calls of one script.
const EXPIRE_BATCH: usize = 100;

/// Warmings of a process at once; those of one organisation wait for each other.
const WARMERS: usize = 16;

/// An answer that took longer than this says little about the server's clock.
const CLOCK_ROUND_TRIP: Duration = Duration::from_millis(10);

/// Counters in Redis.
#[derive(Debug)]
pub struct RedisCounters {
    link: Link,
    scripts: Scripts,
    stream_rows: u64,
    /// The time to count by, instead of the server's.
    given: Option<Arc<AtomicI64>>,
    /// This process's own clock.
    clock: Option<fn() -> Micros>,
    clock_ahead_us: AtomicI64,
    /// The epoch last seen of each organisation that this process has told the others of.
    epochs: Mutex<HashMap<String, i64>>,
    epoch_changes: AtomicU64,
    rows_not_kept: AtomicU64,
    refused: AtomicBool,
    warmers: Vec<tokio::sync::Mutex<()>>,
    hasher: RandomState,
}

/// What every script answers, and the rest.
struct Answer {
    code: i64,
    epoch: i64,
    rest: Reply,
}

impl RedisCounters {
    /// Counters behind `link`, which count by the server's time.
    #[must_use]
    pub fn new(link: Link) -> Self {
        Self {
            link,
            scripts: Scripts::new(),
            stream_rows: STREAM_ROWS,
            given: None,
            clock: None,
            clock_ahead_us: AtomicI64::new(0),
            epochs: Mutex::default(),
            epoch_changes: AtomicU64::new(0),
            rows_not_kept: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            warmers: std::iter::repeat_with(tokio::sync::Mutex::default).take(WARMERS).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The same, counting by `time` (microseconds) instead: for tests.
    #[must_use]
    pub fn with_time(mut self, time: Arc<AtomicI64>) -> Self {
        self.given = Some(time);
        self
    }

    /// The same, keeping at most `rows` rows of an organisation (200,000 by default).
    #[must_use]
    pub fn with_stream_rows(mut self, rows: u64) -> Self {
        self.stream_rows = rows;
        self
    }

    /// The same, comparing the server's clock with `clock`, this process's own: [`CountersHealth::clock_ahead_us`] is 0 without it.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> Micros) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How often an organisation's epoch was found changed: its counters were emptied or made cold. Whoever holds reservations
    /// then extends them all, so that they are known again.
    #[must_use]
    pub fn epoch_changes(&self) -> u64 {
        self.epoch_changes.load(Ordering::Acquire)
    }

    /// Rows that were not kept beside the counters because too many waited there already.
    #[must_use]
    pub fn rows_not_kept(&self) -> u64 {
        self.rows_not_kept.load(Ordering::Relaxed)
    }

    /// Makes the windows of all organisations cold: another server answers, and it may have old data. False when it does not
    /// answer: ask again.
    pub async fn new_epoch(&self) -> bool {
        let Ok(organizations) = self.organizations().await else { return false };
        let mut all = true;
        for organization in &organizations {
            all &= self.chill(organization, &[]).await;
        }
        all
    }

    /// Runs a script. Its first argument, the time, is added here.
    async fn run(&self, organization: &str, script: &Script, keys: &[&str], arguments: &[Vec<u8>]) -> Result<Answer, Fault> {
        self.run_on(organization, script, (keys, arguments), false).await
    }

    /// The same; a `patient` script has a large answer, and nothing fast waits behind it.
    async fn run_on(
        &self,
        organization: &str,
        script: &Script,
        (keys, arguments): (&[&str], &[Vec<u8>]),
        patient: bool,
    ) -> Result<Answer, Fault> {
        let time = self.given.as_ref().map_or_else(String::new, |time| time.load(Ordering::Acquire).to_string());
        let arguments: Vec<&[u8]> = std::iter::once(time.as_bytes()).chain(arguments.iter().map(Vec::as_slice)).collect();
        let (sent, clock) = (Instant::now(), self.clock.filter(|_| !patient).map(|clock| clock()));
        let answer = match patient {
            true => self.link.patient_script(script, keys, &arguments).await,
            false => self.link.script(script, keys, &arguments).await,
        };
        let answer = answer.and_then(|value| {
            let mut rest = Reply::new(value)?;
            let (code, now, epoch) = (rest.int()?, rest.int()?, rest.int()?);
            Ok((now, Answer { code, epoch, rest }))
        });
        match answer {
            Ok((now, answer)) => {
                let took = sent.elapsed();
                if let Some(clock) = clock.filter(|_| took < CLOCK_ROUND_TRIP) {
                    let half = i64::try_from(took.as_micros() / 2).unwrap_or(0);
                    self.clock_ahead_us.store(now.saturating_sub(clock.0).saturating_sub(half), Ordering::Relaxed);
                }
                self.refused.store(false, Ordering::Relaxed);
                self.see(organization, answer.epoch).await;
                Ok(answer)
            }
            Err(fault) => {
                self.tell(&fault);
                Err(fault)
            }
        }
    }

    /// Notes the epoch; an organisation that is new here, or was forgotten there, is told to the others.
    async fn see(&self, organization: &str, epoch: i64) {
        let known = lock(&self.epochs).get(organization).copied();
        if known == Some(epoch) {
            return;
        }
        if known.is_some() {
            self.epoch_changes.fetch_add(1, Ordering::AcqRel);
        }
        let mut add = Cmd::new();
        add.arg("SADD").arg(ORGANIZATIONS).arg(organization);
        // Where it failed, the next answer tries again; the counters themselves do not need it.
        if self.link.command(&add).await.is_ok() || known.is_some() {
            lock(&self.epochs).insert(organization.to_owned(), epoch);
        }
    }

    /// A refusal comes again until an operator does something, so it is told once.
    fn tell(&self, fault: &Fault) {
        if let Fault::Refused(why) = fault
            && !self.refused.swap(true, Ordering::Relaxed)
        {
            tracing::error!("the counters' server refuses what it is asked: {why}");
        }
    }

    /// Every organisation that somebody has seen.
    async fn organizations(&self) -> Result<BTreeSet<String>, Fault> {
        let mut members = Cmd::new();
        members.arg("SMEMBERS").arg(ORGANIZATIONS);
        let values = match self.link.command(&members).await? {
            Value::Array(values) | Value::Set(values) => values,
            other => return Err(strange(&other)),
        };
        let there: BTreeSet<String> = values
            .into_iter()
            .filter_map(|value| match value {
                Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
                Value::SimpleString(text) => Some(text),
                _ => None,
            })
            .collect();
        let known: BTreeSet<String> = lock(&self.epochs).keys().cloned().collect();
        for lost in known.difference(&there) {
            let mut add = Cmd::new();
            add.arg("SADD").arg(ORGANIZATIONS).arg(lost);
            self.link.command(&add).await?;
        }
        Ok(there.union(&known).cloned().collect())
    }

    async fn reserve_at(&self, ask: &ReserveAsk) -> Result<Reserved, Fault> {
        let keys = Keys::of(&ask.organization);
        let id = pack::id(ask.id);
        let mut names = vec![keys.epoch(), keys.call(&id)];
        names.extend(ask.scopes.iter().map(|scope| keys.scope(&scope.scope)));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let arguments = [id.into_bytes(), ask.deadline.0.to_string().into_bytes(), pack::ask(ask)];
        let Answer { code, mut rest, .. } = self.run(&ask.organization, &self.scripts.reserve, &names, &arguments).await?;
        match code {
            0 => Ok(Reserved::Granted(rest.standing()?)),
            1 => rest.over(ask),
            2 => {
                let mut cold = Vec::new();
                while !rest.is_empty() {
                    let (scope, budget) = (place(rest.int()? - 1), place(rest.int()?));
                    let scope = ask.scopes.get(scope).ok_or_else(|| strange(&scope))?;
                    let budget = scope.budgets.get(budget).ok_or_else(|| strange(&budget))?;
                    cold.push(ColdWindow {
                        scope: scope.scope.clone(),
                        window_id: budget.window.id.clone(),
                        unit: budget.unit,
                        from: budget.window.starts_at,
                        to: budget.window.ends_at,
                    });
                }
                Ok(Reserved::Cold(cold))
            }
            3 => {
                let ended = if rest.text()? == "x" { "released" } else { "settled" };
                Ok(Reserved::Unavailable(format!("call {} was {ended} before", ask.id)))
            }
            other => Err(strange(&other)),
        }
    }

    async fn settle_at(&self, settlement: &Settlement) -> Result<Settled, Fault> {
        let keys = Keys::of(&settlement.organization);
        let id = pack::id(settlement.id);
        let names = [keys.epoch(), keys.call(&id)];
        let arguments = [
            id.into_bytes(),
            pack::settled(settlement.at, &settlement.scopes),
            settlement.row.clone().unwrap_or_default().into_bytes(),
            pack::numbers(settlement, self.stream_rows),
            format!("{} {} {}", settlement.at.0, settlement.nanos, settlement.tokens).into_bytes(),
        ];
        let names: [&str; 2] = [&names[0], &names[1]];
        let Answer { code, mut rest, .. } = self.run(&settlement.organization, &self.scripts.settle, &names, &arguments).await?;
        self.not_kept(rest.int()?);
        match code {
            0 => Ok(Settled::Done),
            1 => Ok(Settled::AlreadyDone),
            2 => Ok(Settled::Late),
            3 => Ok(Settled::Unknown),
            other => Err(strange(&other)),
        }
    }

    async fn extend_some(&self, organization: &str, some: &[&Arc<ReserveAsk>], deadline: Micros) -> Result<Vec<Extended>, Fault> {
        let epoch = Keys::of(organization).epoch();
        let deadline = deadline.0.to_string().into_bytes();
        let mut arguments = vec![deadline.clone()];
        arguments.extend(some.iter().map(|ask| pack::id(ask.id).into_bytes()));
        let mut rest = self.run(organization, &self.scripts.extend, &[&epoch], &arguments).await?.rest;
        let mut answers = Vec::with_capacity(some.len());
        let (mut places, mut forgotten) = (Vec::new(), vec![deadline]);
        for (place, ask) in some.iter().enumerate() {
            match rest.int()? {
                0 => answers.push(Extended::Yes),
                1 => answers.push(Extended::Ended),
                _ => {
                    answers.push(Extended::Unavailable);
                    places.push(place);
                    forgotten.push(pack::id(ask.id).into_bytes());
                    forgotten.push(pack::ask(ask));
                }
            }
        }
        if places.is_empty() {
            return Ok(answers);
        }
        let mut rest = self.run(organization, &self.scripts.restore, &[&epoch], &forgotten).await?.rest;
        for place in places {
            let answer = match rest.int()? {
                0 => Extended::Yes,
                1 => Extended::Ended,
                _ => Extended::Again,
            };
            if let Some(slot) = answers.get_mut(place) {
                *slot = answer;
            }
        }
        Ok(answers)
    }

    async fn extend_all(&self, held: &[Arc<ReserveAsk>], deadline: Micros) -> Vec<Extended> {
        let mut answers = vec![Extended::Unavailable; held.len()];
        for (organization, places) in grouped(held, |ask| &ask.organization) {
            for some in places.chunks(BATCH) {
                let asks: Vec<&Arc<ReserveAsk>> = some.iter().filter_map(|place| held.get(*place)).collect();
                let Ok(found) = self.extend_some(organization, &asks, deadline).await else { continue };
                for (place, answer) in some.iter().zip(found) {
                    if let Some(slot) = answers.get_mut(*place) {
                        *slot = answer;
                    }
                }
            }
        }
        answers
    }

    async fn recorded_all(&self, calls: &[Recorded]) -> bool {
        let mut all = true;
        for (organization, places) in grouped(calls, |call| &call.organization) {
            let epoch = Keys::of(organization).epoch();
            for some in places.chunks(BATCH) {
                let told = some.iter().filter_map(|place| calls.get(*place));
                let arguments: Vec<Vec<u8>> =
                    told.flat_map(|call| [pack::id(call.id).into_bytes(), u8::from(call.draft).to_string().into_bytes()]).collect();
                all &= self.run(organization, &self.scripts.recorded, &[&epoch], &arguments).await.is_ok();
            }
        }
        all
    }

    async fn expire_all(&self) -> Vec<Expired> {
        let mut expired = Vec::new();
        for organization in self.organizations().await.unwrap_or_default() {
            let before = expired.len();
            while let Ok(turn) = self.expire_some(&organization).await {
                let full = turn.len() == EXPIRE_BATCH;
                expired.extend(turn);
                if !full {
                    break;
                }
            }
            if expired.len() > before {
                tracing::debug!("{} reservations of {organization} passed their deadline", expired.len() - before);
            }
        }
        expired
    }

    async fn expire_some(&self, organization: &str) -> Result<Vec<Expired>, Fault> {
        let epoch = Keys::of(organization).epoch();
        let arguments = [self.stream_rows.to_string().into_bytes(), EXPIRE_BATCH.to_string().into_bytes()];
        let mut rest = self.run(organization, &self.scripts.expire, &[&epoch], &arguments).await?.rest;
        self.not_kept(rest.int()?);
        let organization: Arc<str> = organization.into();
        let mut expired = Vec::new();
        while !rest.is_empty() {
            let (id, nanos, tokens) = (rest.id()?, rest.int()?, rest.int()?);
            expired.push(Expired { id, organization: Arc::clone(&organization), nanos, tokens });
        }
        Ok(expired)
    }

    async fn warm_all(&self, ledger: &Store, organization: &str, windows: &[ColdWindow]) -> Result<(), WarmError> {
        let mut scopes: HashMap<&str, Vec<&ColdWindow>> = HashMap::new();
        for window in windows {
            scopes.entry(&window.scope).or_default().push(window);
        }
        let warmer = usize::try_from(self.hasher.hash_one(organization)).unwrap_or(0) % WARMERS;
        let Some(warmer) = self.warmers.get(warmer) else { return Ok(()) };
        let _turn = warmer.lock().await;
        for windows in scopes.values() {
            self.warm_scope(ledger, organization, windows).await?;
        }
        Ok(())
    }

    fn not_kept(&self, rows: i64) {
        self.rows_not_kept.fetch_add(u64::try_from(rows).unwrap_or(0), Ordering::Relaxed);
    }
}

/// The places of `all` by organisation.
fn grouped<T>(all: &[T], organization: impl Fn(&T) -> &Arc<str>) -> HashMap<&str, Vec<usize>> {
    let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, one) in all.iter().enumerate() {
        groups.entry(organization(one)).or_default().push(place);
    }
    groups
}

fn place(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// What is under it is whole after every line, so a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counters for RedisCounters {
    fn reserve(&self, ask: Arc<ReserveAsk>) -> BoxFuture<'_, Reserved> {
        Box::pin(async move { self.reserve_at(&ask).await.unwrap_or_else(|fault| Reserved::Unavailable(fault.to_string())) })
    }

    fn settle(&self, settlement: Arc<Settlement>) -> BoxFuture<'_, Settled> {
        Box::pin(async move { self.settle_at(&settlement).await.unwrap_or(Settled::Unavailable) })
    }

    fn release<'a>(&'a self, organization: &'a str, id: CallId) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let (keys, id) = (Keys::of(organization), pack::id(id));
            let names = [keys.epoch(), keys.call(&id)];
            self.run(organization, &self.scripts.release, &[&names[0], &names[1]], &[id.into_bytes()]).await.is_ok()
        })
    }

    fn extend<'a>(&'a self, held: &'a [Arc<ReserveAsk>], deadline: Micros) -> BoxFuture<'a, Vec<Extended>> {
        Box::pin(self.extend_all(held, deadline))
    }

    fn warm<'a>(&'a self, ledger: &'a Store, organization: &'a str, windows: &'a [ColdWindow]) -> BoxFuture<'a, Result<(), WarmError>> {
        Box::pin(self.warm_all(ledger, organization, windows))
    }

    fn recorded<'a>(&'a self, calls: &'a [Recorded]) -> BoxFuture<'a, bool> {
        Box::pin(self.recorded_all(calls))
    }

    /// Nothing: where counters are shared every call is reserved.
    fn charge<'a>(&'a self, _organization: &'a str, _scope: &'a str, _at: Micros, _nanos: i64, _tokens: i64) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// By the server's time, whatever `now` is.
    fn expired(&self, _now: Micros) -> BoxFuture<'_, Vec<Expired>> {
        Box::pin(self.expire_all())
    }

    fn waiting(&self, age: Duration, limit: usize) -> BoxFuture<'_, Vec<WaitingRow>> {
        Box::pin(async move { self.waiting_rows(age, limit).await.unwrap_or_default() })
    }

    fn chill<'a>(&'a self, organization: &'a str, scopes: &'a [String]) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let names: Vec<Vec<u8>> = scopes.iter().map(|scope| scope.as_bytes().to_vec()).collect();
            self.run(organization, &self.scripts.chill, &[&Keys::of(organization).epoch()], &names).await.is_ok()
        })
    }

    fn forget<'a>(&'a self, organization: &'a str, scope: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let keys = Keys::of(organization);
            // What is not forgotten now goes by itself later.
            let _ = self.run(organization, &self.scripts.forget, &[&keys.epoch(), &keys.scope(scope)], &[]).await;
        })
    }

    fn standing<'a>(&'a self, organization: &'a str, scope: &'a str, _now: Micros) -> BoxFuture<'a, Option<ScopeStanding>> {
        Box::pin(async move { self.look_at(organization, scope, false).await.ok().flatten().map(|(standing, _)| standing) })
    }

    fn inspect<'a>(&'a self, organization: &'a str) -> BoxFuture<'a, Result<Inspection, WarmError>> {
        Box::pin(async move { Ok(self.look_at_all(organization).await?) })
    }

    fn shared(&self) -> bool {
        true
    }

    fn gate(&self) -> Option<&tokio::sync::Mutex<()>> {
        None
    }

    fn health(&self) -> CountersHealth {
        CountersHealth {
            away: self.link.away(),
            clock_ahead_us: self.clock_ahead_us.load(Ordering::Relaxed),
            emptied: self.epoch_changes(),
            commands: self.link.commands(),
        }
    }
}
