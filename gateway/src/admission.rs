//! May the caller spend it: the one atomic step that reserves what a call can cost in all of its scopes, and what happens when the
//! counters cannot be asked. Start at [`admit`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use fluxa_domain::budget::BudgetMode;
use fluxa_domain::dialect::Op;
use fluxa_domain::entry::CostState;
use fluxa_domain::key::{KeyRecord, OnStoreError};
use fluxa_domain::money::NanoUsd;
use fluxa_domain::price::{PriceRow, UnpricedPolicy};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::time::Micros;
use fluxa_domain::usage::Usage;
use fluxa_store::Finished;
use fluxa_store::journal::Begin;
use fluxa_store::shared::{ColdWindow, MemoryCounters, Over, ReserveAsk, Reserved, ScopeAsk, Standing, WarmError};
use hyper::header::HeaderName;

use crate::call::{Call, Held};
use crate::running::Gateway;
use crate::scopes::CallScopes;
use crate::size::Size;

mod bounds;
mod refusals;

use bounds::{Bounds, Output};
pub(crate) use bounds::{Priced, clamp};

/// The source text of [`PriceRow::fallback`], by which a charge is known to be an estimate.
pub(crate) const FALLBACK_SOURCE: &str = "policy";
/// Reservations tried while windows in turn prove cold or too tight.
const MAX_TRIES: u32 = 6;
/// Reading what was spent takes milliseconds; a ledger that takes longer counts as away.
const WARM_WITHIN: Duration = Duration::from_secs(5);

/// What admission decided.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Admitted {
    pub(crate) standing: Standing,
    /// The output must be bounded by so many tokens, or the reservation does not hold.
    pub(crate) output_cap: Option<u64>,
}

/// A call that wants to be admitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) key: &'a KeyRecord,
    pub(crate) scopes: &'a CallScopes,
    pub(crate) size: Size,
    pub(crate) targets: &'a [Priced],
    /// Provider and model of the first target, for the row of a call that is never heard of again.
    pub(crate) first: (&'a str, &'a str),
    /// A vendor may charge for it.
    pub(crate) may_cost: bool,
}

/// A call that was turned away, with the headers that say where the caller stands.
#[derive(Debug)]
pub(crate) struct Turned {
    pub(crate) refusal: Refusal,
    pub(crate) headers: Vec<(HeaderName, String)>,
}

impl From<Refusal> for Turned {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, headers: Vec::new() }
    }
}

/// Finds the price of a target, or what the policy puts in its place.
pub(crate) fn price_of(found: Option<&Arc<PriceRow>>, policy: &UnpricedPolicy) -> Option<Arc<PriceRow>> {
    match (found, policy) {
        (Some(row), _) => Some(Arc::clone(row)),
        (None, UnpricedPolicy::Fallback(rates)) => Some(Arc::new(PriceRow::fallback(*rates))),
        (None, UnpricedPolicy::Refuse | UnpricedPolicy::Allow) => None,
    }
}

/// Whether a call without a price is refused: only a dollar budget cannot do without.
pub(crate) fn refuses_unpriced(scopes: &CallScopes, policy: &UnpricedPolicy) -> bool {
    matches!(policy, UnpricedPolicy::Refuse) && scopes.has_usd_budget
}

/// Whether a call of this key is reserved with what it can cost at most, so that the bound must hold.
pub(crate) fn reserves_most(key: &KeyRecord, scopes: &CallScopes) -> bool {
    key.budget_mode == BudgetMode::Strict && scopes.has_budget
}

/// Reserves what the call can cost at most in all of the caller's limits, in one step; or says which limit refuses.
///
/// # Errors
/// The limit that refuses, or that limits and ledger cannot be asked and the policy is to wait for them.
pub(crate) async fn admit(gateway: &Arc<Gateway>, call: &mut Call, wanted: &Wanted<'_>) -> Result<Admitted, Turned> {
    let Wanted { key, scopes, size, targets, .. } = *wanted;
    let counts = call.op != Op::CountTokens;
    let budgeted = counts && scopes.has_budget;
    // Also without a budget: rows that wait take memory, and usage that cannot be recorded must not be spent.
    if counts && !gateway.queue.accepts() {
        return Err(Refusal::new(RefusalKind::BudgetStoreUnavailable, "usage cannot be recorded at the moment").retry_after(5).into());
    }
    if budgeted && size.background {
        let text =
            "this key has a budget, and the usage of background responses cannot be metered: send the request without \"background\"";
        return Err(Refusal::new(RefusalKind::InvalidRequest, text).param("background").into());
    }
    // Where other processes count too every call that may cost is noted, so that its row outlives this process.
    let drafted = gateway.shared.counters.shared() && wanted.may_cost;
    if !counts || scopes.asks.is_empty() && !drafted {
        return Ok(Admitted::default());
    }
    let mode = if budgeted { key.budget_mode } else { BudgetMode::Balanced };
    let bounds = Bounds { mode, clamp: key.budget_clamp, size, targets };
    let mut output = bounds.longest_output(gateway.settings.assumed_max_output, call.op, budgeted);
    let (mut restless, mut refused) = (None, None);
    for _ in 0..MAX_TRIES {
        let ask = Arc::new(ask(gateway, call, wanted, &bounds, output, drafted)?);
        match reserve(gateway, call, &ask).await {
            Reserved::Granted(standing) => {
                gateway.away.well(Instant::now());
                return Ok(Admitted { standing, output_cap: output.cap.then_some(output.tokens) });
            }
            Reserved::Cold(_) if !gateway.away.may_ask_ledger(Instant::now()) => {
                return without_counters(gateway, call, wanted, &bounds, (ask, output), "the ledger does not say what was spent");
            }
            Reserved::Cold(windows) => {
                if let Err(why) = warm(gateway, &ask.organization, &windows).await {
                    return without_counters(gateway, call, wanted, &bounds, (ask, output), &why);
                }
                restless = Some((ask, output));
            }
            Reserved::Unavailable(why) => return without_counters(gateway, call, wanted, &bounds, (ask, output), &why),
            Reserved::Refused(over) => match bounds.shorter(output, &over) {
                Some(less) => (output, restless, refused) = (less, None, Some(over)),
                None => return Err(turned(refusals::over(key, scopes, &over), &over, false)),
            },
        }
    }
    match restless {
        // After an outage every call that is counted late makes its windows cold.
        Some(asked) => without_counters(gateway, call, wanted, &bounds, asked, "what was spent is read again and again"),
        // Others took what was left each time before a shorter answer could.
        None => {
            Err(refused.map_or_else(|| refusals::unavailable().into(), |over| turned(refusals::over(key, scopes, &over), &over, false)))
        }
    }
}

/// A call whose answer was kept costs nothing, and is a request all the same: it counts against limits of requests, and no others.
///
/// # Errors
/// The limit that refuses.
pub(crate) async fn admit_kept(gateway: &Arc<Gateway>, call: &mut Call, key: &KeyRecord, scopes: &CallScopes) -> Result<Admitted, Turned> {
    let requests_of = |ask: &ScopeAsk| ScopeAsk { tpm: None, concurrency: None, budgets: Vec::new(), ..ask.clone() };
    let asks: Arc<[ScopeAsk]> = scopes.asks.iter().filter(|ask| ask.rpm.is_some()).map(requests_of).collect();
    if asks.is_empty() {
        return Ok(Admitted::default());
    }
    let ttl = i64::try_from(gateway.settings.reservation_ttl.as_micros()).unwrap_or(i64::MAX);
    let ask = Arc::new(ReserveAsk {
        id: call.entry.id,
        now: call.entry.at,
        deadline: Micros(call.entry.at.0.saturating_add(ttl)),
        organization: Arc::clone(&scopes.organization),
        scopes: asks,
        nanos: 0,
        tokens: 0,
        rate_tokens: 0,
        counts_request: true,
        draft: None,
    });
    match reserve(gateway, call, &ask).await {
        Reserved::Granted(standing) => Ok(Admitted { standing, output_cap: None }),
        Reserved::Refused(over) => Err(turned(refusals::over(key, scopes, &over), &over, false)),
        // Nothing is spent by it, so nobody has to wait for the counters.
        Reserved::Cold(_) | Reserved::Unavailable(_) => {
            give_back(gateway, &ask);
            Ok(Admitted { standing: Standing { degraded: true, ..Standing::default() }, output_cap: None })
        }
    }
}

fn turned(refusal: Refusal, over: &Over, degraded: bool) -> Turned {
    Turned { refusal, headers: crate::head::standing_lines(&Standing { rpm: over.rpm, tpm: over.tpm, degraded }) }
}

fn ask(
    gateway: &Gateway,
    call: &Call,
    wanted: &Wanted<'_>,
    bounds: &Bounds<'_>,
    output: Output,
    drafted: bool,
) -> Result<ReserveAsk, Refusal> {
    let Wanted { scopes, size, .. } = *wanted;
    let now = call.entry.at;
    let ttl = i64::try_from(gateway.settings.reservation_ttl.as_micros()).unwrap_or(i64::MAX);
    let (nanos, tokens) = (bounds.nanos(output.tokens)?, bounds.tokens(output.tokens));
    Ok(ReserveAsk {
        id: call.entry.id,
        now,
        // From now on, not from the call's moment: its body may have taken long to come.
        deadline: Micros(crate::clock::now().0.saturating_add(ttl)),
        organization: Arc::clone(&scopes.organization),
        scopes: Arc::clone(&scopes.asks),
        draft: drafted.then(|| draft(call, wanted, bounds, (nanos, tokens))),
        nanos,
        tokens,
        rate_tokens: clamp(size.input_likely.saturating_add(size.output_likely())),
        counts_request: true,
    })
}

/// The row of the call if it is never heard of again: it says what expiry will charge, so that counters and ledger agree.
fn draft(call: &Call, wanted: &Wanted<'_>, bounds: &Bounds<'_>, (nanos, tokens): (i64, i64)) -> String {
    let mut entry = Begin::of(&call.entry).abandoned();
    let tokens = u64::try_from(tokens).unwrap_or(0);
    let input = bounds.input().min(tokens);
    entry.usage = Usage { input_uncached: input, output: tokens - input, ..Usage::default() };
    entry.cost = NanoUsd(nanos);
    entry.cost_state = if wanted.targets.iter().all(|target| target.price.is_none()) { CostState::Unpriced } else { CostState::Estimated };
    wanted.first.0.clone_into(&mut entry.provider);
    wanted.first.1.clone_into(&mut entry.upstream_model);
    Finished::new(entry).json().to_owned()
}

/// Asks the counters. While they are asked the call holds the reservation: if its client leaves meanwhile, it is given back.
async fn reserve(gateway: &Gateway, call: &mut Call, ask: &Arc<ReserveAsk>) -> Reserved {
    let counters = &gateway.shared.counters;
    call.hold(Held::asked(Arc::clone(ask)));
    let reserved = counters.reserve(Arc::clone(ask)).await;
    if matches!(reserved, Reserved::Granted(_)) {
        call.hold(Held::granted(Arc::clone(ask)));
    } else {
        call.let_go();
    }
    reserved
}

/// Tells the counters what the ledger knows of windows they do not know; or says why it cannot.
async fn warm(gateway: &Gateway, organization: &str, windows: &[ColdWindow]) -> Result<(), String> {
    let counters = &gateway.shared.counters;
    let warming = async {
        // Between two appends of the ledger, where that matters.
        let _between = match counters.gate() {
            Some(gate) => Some(gate.lock().await),
            None => None,
        };
        counters.warm(&gateway.store, organization, windows).await
    };
    let warmed = tokio::time::timeout(WARM_WITHIN, warming).await;
    gateway.away.ledger_answered(!matches!(warmed, Ok(Err(WarmError::Ledger(_))) | Err(_)), Instant::now());
    match warmed {
        Ok(warmed) => warmed.map_err(|error| error.to_string()),
        Err(_) => Err(format!("what was spent is not known within {WARM_WITHIN:?}")),
    }
}

/// What the policy says about a call whose limits cannot be asked.
fn without_counters(
    gateway: &Arc<Gateway>,
    call: &mut Call,
    wanted: &Wanted<'_>,
    bounds: &Bounds<'_>,
    (ask, output): (Arc<ReserveAsk>, Output),
    why: &str,
) -> Result<Admitted, Turned> {
    let policy = match wanted.key.on_store_error {
        // Who has no limits needs nobody's leave.
        _ if ask.scopes.is_empty() => OnStoreError::Allow,
        Some(policy) => policy,
        None => gateway.settings.on_store_error,
    };
    let shares = gateway.away.shares(Instant::now(), why);
    let standing = Standing { degraded: true, ..Standing::default() };
    match policy {
        OnStoreError::Deny => {
            give_back(gateway, &ask);
            Err(Turned { refusal: refusals::unavailable(), headers: crate::head::standing_lines(&standing) })
        }
        OnStoreError::Allow => {
            // In one process the ledger's writer counts what reserved nothing.
            if gateway.shared.counters.shared() {
                call.hold(Held::granted(ask));
            }
            Ok(Admitted { standing, output_cap: output.cap.then_some(output.tokens) })
        }
        OnStoreError::LocalShare => {
            let own = crate::away::share(&ask.scopes, gateway.live_nodes.load(std::sync::atomic::Ordering::Relaxed));
            match reserve_share(&shares, &ask, own, bounds, output) {
                Ok((standing, output)) => {
                    call.hold(Held::shared_out(ask, shares, gateway.shared.counters.shared()));
                    Ok(Admitted { standing: Standing { degraded: true, ..standing }, output_cap: output.cap.then_some(output.tokens) })
                }
                Err(found) => {
                    give_back(gateway, &ask);
                    match *found {
                        Ok(over) => Err(turned(refusals::over_share(wanted.key, wanted.scopes, &over), &over, true)),
                        Err(refusal) => Err(refusal.into()),
                    }
                }
            }
        }
    }
}

/// Reserves in this process's share of the limits, with a shorter answer where that fits.
fn reserve_share(
    shares: &MemoryCounters,
    ask: &ReserveAsk,
    own: Arc<[fluxa_store::shared::ScopeAsk]>,
    bounds: &Bounds<'_>,
    mut output: Output,
) -> Result<(Standing, Output), Box<Result<Over, Refusal>>> {
    for _ in 0..MAX_TRIES {
        let nanos = bounds.nanos(output.tokens).map_err(|refusal| Box::new(Err(refusal)))?;
        let ask = ReserveAsk { scopes: Arc::clone(&own), nanos, tokens: bounds.tokens(output.tokens), draft: None, ..ask.clone() };
        match shares.reserve_now(ask) {
            Reserved::Granted(standing) => return Ok((standing, output)),
            // A share begins with nothing spent.
            Reserved::Cold(windows) => windows.iter().for_each(|cold| shares.warm_now(&cold.scope, &cold.window_id, cold.unit, 0)),
            Reserved::Refused(over) => match bounds.shorter(output, &over) {
                Some(less) => output = less,
                None => return Err(Box::new(Ok(over))),
            },
            Reserved::Unavailable(_) => break,
        }
    }
    Err(Box::new(Err(refusals::unavailable())))
}

/// The answer may have been lost on its way back: what it granted is given back.
fn give_back(gateway: &Arc<Gateway>, ask: &ReserveAsk) {
    if gateway.shared.counters.shared() {
        let release = crate::settling::GiveBack {
            id: ask.id,
            organization: Arc::clone(&ask.organization),
            until: Instant::now() + gateway.settings.reservation_ttl,
        };
        // Not now: the counters have just failed to answer.
        drop(crate::settling::Release::new(gateway, release));
    }
}

#[cfg(test)]
mod tests;
