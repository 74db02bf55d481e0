//! May the caller spend it: what a call can cost at most, and the one atomic step that reserves it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use fluxa_domain::budget::{BudgetMode, Period, Unit, limits, window};
use fluxa_domain::dialect::Op;
use fluxa_domain::key::KeyRecord;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::price::{PriceRow, UnpricedPolicy, bound};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::team::DEFAULT_ORGANIZATION;
use fluxa_domain::time::Micros;
use fluxa_store::shared::{BudgetAsk, ColdWindow, Over, OverWhat, ReserveAsk, Reserved, ScopeAsk, Standing};
use hyper::header::HeaderName;

use crate::call::Call;
use crate::running::Gateway;
use crate::size::{LIKELY_OUTPUT, Size};

/// The source text of [`PriceRow::fallback`], by which a charge is known to be an estimate.
pub(crate) const FALLBACK_SOURCE: &str = "policy";
/// Where the client named no bound and the budget is nearly used up, an answer shorter than this is no use: refuse instead.
const LEAST_USEFUL_OUTPUT: u64 = 1_024;
/// Reservations tried while several windows in turn prove too tight.
const MAX_TRIES: u32 = 4;

/// A target that a call may go to, with what it costs there.
#[derive(Clone, Debug)]
pub(crate) struct Priced {
    pub(crate) price: Option<Arc<PriceRow>>,
}

/// What admission decided.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Admitted {
    pub(crate) standing: Standing,
    /// The output must be bounded by so many tokens, or the reservation does not hold.
    pub(crate) output_cap: Option<u64>,
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
pub(crate) fn refuses_unpriced(key: &KeyRecord, policy: &UnpricedPolicy) -> bool {
    matches!(policy, UnpricedPolicy::Refuse) && key.limits.has_usd_budget()
}

/// Whether a call of this key is reserved with what it can cost at most, so that the bound must hold.
pub(crate) const fn reserves_most(key: &KeyRecord) -> bool {
    matches!(key.budget_mode, BudgetMode::Strict) && key.limits.has_budget()
}

/// Reserves what the call can cost at most in all of the caller's limits, in one step; or says which limit refuses.
pub(crate) async fn admit(gateway: &Gateway, call: &mut Call, key: &KeyRecord, size: Size, targets: &[Priced]) -> Result<Admitted, Turned> {
    let counts = call.op != Op::CountTokens;
    let budgeted = counts && key.limits.has_budget();
    // Also without a budget: rows that wait take memory, and usage that cannot be recorded must not be spent.
    if counts && !gateway.queue.accepts() {
        return Err(Refusal::new(RefusalKind::BudgetStoreUnavailable, "usage cannot be recorded at the moment").retry_after(5).into());
    }
    if budgeted && size.background {
        let text =
            "this key has a budget, and the usage of background responses cannot be metered: send the request without \"background\"";
        return Err(Refusal::new(RefusalKind::InvalidRequest, text).param("background").into());
    }
    let limited = key.limits.rate_limit_rpm.is_some() || key.limits.rate_limit_tpm.is_some() || key.limits.max_concurrency.is_some();
    if !budgeted && !limited || !counts {
        return Ok(Admitted::default());
    }
    let now = call.entry.at;
    let mut output = longest_output(gateway.settings.assumed_max_output, call.op, key, size, targets, budgeted);
    let scope = call.worker.scopes.of(key, now);
    let ttl = i64::try_from(gateway.settings.reservation_ttl.as_micros()).unwrap_or(i64::MAX);
    let mut ask = ReserveAsk {
        id: call.entry.id,
        now,
        deadline: Micros(now.0.saturating_add(ttl)),
        organization: DEFAULT_ORGANIZATION.into(),
        scopes: vec![scope].into(),
        draft: None,
        nanos: 0,
        tokens: 0,
        rate_tokens: clamp(size.input_likely.saturating_add(size.output_likely())),
        counts_request: true,
    };
    for _ in 0..MAX_TRIES {
        ask.nanos = most_nanos(key, size, output.tokens, targets)?;
        ask.tokens = clamp(tokens_for(key, size, output.tokens, targets));
        match gateway.shared.counters.reserve(Arc::new(ask.clone())).await {
            Reserved::Granted(standing) => {
                call.reservation = Some(Arc::new(ask));
                return Ok(Admitted { standing, output_cap: output.cap.then_some(output.tokens) });
            }
            Reserved::Cold(windows) => warm(gateway, &ask.organization, &windows).await?,
            Reserved::Unavailable(why) => {
                tracing::error!(%why, "budgets cannot be checked");
                return Err(Refusal::new(RefusalKind::BudgetStoreUnavailable, "budgets cannot be checked at the moment")
                    .retry_after(1)
                    .into());
            }
            Reserved::Refused(over) => match shorter(key, size, output, targets, &over) {
                Some(less) => output = less,
                None => return Err(Turned { refusal: refusal(key, &over), headers: crate::head::standing_lines(over.rpm, over.tpm) }),
            },
        }
    }
    Err(Refusal::new(RefusalKind::BudgetStoreUnavailable, "budgets cannot be checked at the moment").retry_after(1).into())
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

/// The output that a call is taken to produce at most.
#[derive(Clone, Copy, Debug)]
struct Output {
    tokens: u64,
    /// The client did not ask for this bound, so the request must be changed to hold it.
    cap: bool,
}

fn longest_output(assumed: u64, op: Op, key: &KeyRecord, size: Size, targets: &[Priced], budgeted: bool) -> Output {
    if !op.generates_text() {
        return Output { tokens: 0, cap: false };
    }
    // Known only if it is known of all: the call may end at any of them.
    let each = targets.iter().map(|target| target.price.as_ref().and_then(|row| row.max_output));
    let model_most = each.reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
    match (size.asked_output, key.budget_mode) {
        (Some(asked), BudgetMode::Strict) => Output { tokens: model_most.map_or(asked, |most| asked.min(most)), cap: false },
        (Some(asked), BudgetMode::Balanced) => Output { tokens: asked.min(LIKELY_OUTPUT), cap: false },
        (None, BudgetMode::Balanced) => Output { tokens: LIKELY_OUTPUT, cap: false },
        (None, BudgetMode::Strict) => {
            let tokens = model_most.map_or(assumed, |most| most.min(assumed));
            // A model that cannot say more than this anyway needs no bound in the request.
            Output { tokens, cap: budgeted && model_most.is_none_or(|most| most > assumed) }
        }
    }
}

/// A shorter answer that fits into what the budget has left, where shortening is allowed and leaves something of use.
fn shorter(key: &KeyRecord, size: Size, output: Output, targets: &[Priced], over: &Over) -> Option<Output> {
    let OverWhat::Budget { unit, .. } = over.what else { return None };
    let may = key.budget_mode == BudgetMode::Strict && (size.asked_output.is_none() || key.budget_clamp);
    let affordable = over.affordable?;
    if !may || output.tokens == 0 {
        return None;
    }
    let fits = |tokens: u64| match unit {
        Unit::NanoUsd => most_nanos(key, size, tokens, targets).is_ok_and(|nanos| nanos <= affordable),
        Unit::Tokens => clamp(tokens_for(key, size, tokens, targets)) <= affordable,
    };
    // The cost grows with the output, so the longest answer that fits is found by halving.
    let (mut least, mut most) = (0, output.tokens);
    while least + 1 < most {
        let middle = least.midpoint(most);
        if fits(middle) {
            least = middle;
        } else {
            most = middle;
        }
    }
    let useful = if size.asked_output.is_none() { LEAST_USEFUL_OUTPUT } else { 1 };
    (least >= useful && fits(least)).then_some(Output { tokens: least, cap: true })
}

/// The most tokens that any of the targets can count.
fn tokens_for(key: &KeyRecord, size: Size, output: u64, targets: &[Priced]) -> u64 {
    let input = targets.iter().map(|target| input_at(key, size, target.price.as_deref())).max().unwrap_or(size.input_likely);
    input.saturating_add(output.saturating_mul(size.answers))
}

fn input_at(key: &KeyRecord, size: Size, row: Option<&PriceRow>) -> u64 {
    match key.budget_mode {
        BudgetMode::Strict => size.input_most(row.and_then(|row| row.context)),
        BudgetMode::Balanced => size.input_likely,
    }
}

/// The dearest of the targets: a call may end at any of them.
fn most_nanos(key: &KeyRecord, size: Size, output: u64, targets: &[Priced]) -> Result<i64, Refusal> {
    let mut most = 0;
    for row in targets.iter().filter_map(|target| target.price.as_deref()) {
        let images = row.per_image.0.checked_mul(i64::try_from(size.images).unwrap_or(i64::MAX));
        let cost = bound(row, input_at(key, size, Some(row)), output.saturating_mul(size.answers))
            .and_then(|cost| cost.checked_add(NanoUsd(images?)))
            .ok_or_else(|| Refusal::new(RefusalKind::InvalidRequest, "the bounds of this request are absurd: no price can be computed"))?;
        most = most.max(cost.0);
    }
    Ok(most)
}

/// The scopes of keys in use, with the windows of the moment: working them out takes a time zone, using them does not.
#[derive(Debug, Default)]
pub(crate) struct Scopes(RefCell<HashMap<String, Known>>);

/// Scopes kept by one thread; beyond them all are worked out anew.
const MAX_SCOPES: usize = 10_000;

#[derive(Debug)]
struct Known {
    scope: ScopeAsk,
    key_updated_at: Micros,
    from: Micros,
    until: Micros,
}

impl Scopes {
    fn of(&self, key: &KeyRecord, now: Micros) -> ScopeAsk {
        let mut known = self.0.borrow_mut();
        if let Some(found) = known.get(&key.id)
            && found.key_updated_at == key.updated_at
            && (found.from..found.until).contains(&now)
        {
            return found.scope.clone();
        }
        if known.len() >= MAX_SCOPES {
            known.clear();
        }
        let mut until = Micros(i64::MAX);
        let budgets = limits(&key.limits).into_iter().map(|budget| {
            let window = window(budget.period, now, &key.time_zone);
            until = window.ends_at.map_or(until, |ends_at| until.min(ends_at));
            BudgetAsk { window, period: budget.period, unit: budget.unit, limit: budget.limit }
        });
        let budgets: Vec<BudgetAsk> = budgets.collect();
        let from = budgets.iter().map(|budget| budget.window.starts_at).max().unwrap_or(now);
        let scope = ScopeAsk {
            scope: fluxa_domain::scope::key(&key.id),
            rpm: key.limits.rate_limit_rpm,
            tpm: key.limits.rate_limit_tpm,
            concurrency: key.limits.max_concurrency,
            budgets,
        };
        known.insert(key.id.clone(), Known { scope: scope.clone(), key_updated_at: key.updated_at, from, until });
        scope
    }
}

/// Tells the counters what the ledger knows of windows they do not know.
async fn warm(gateway: &Gateway, organization: &str, windows: &[ColdWindow]) -> Result<(), Refusal> {
    let counters = &gateway.shared.counters;
    // Between two appends of the ledger, where that matters.
    let _between = match counters.gate() {
        Some(gate) => Some(gate.lock().await),
        None => None,
    };
    counters.warm(&gateway.store, organization, windows).await.map_err(|error| {
        tracing::error!(%error, "cannot read what was spent");
        Refusal::new(RefusalKind::BudgetStoreUnavailable, "what was spent cannot be read at the moment").retry_after(1)
    })
}

fn refusal(key: &KeyRecord, over: &Over) -> Refusal {
    let name = &key.name;
    match over.what {
        OverWhat::Requests | OverWhat::Tokens | OverWhat::Concurrency => {
            let what = match over.what {
                OverWhat::Requests => "requests a minute",
                OverWhat::Tokens => "tokens a minute",
                _ => "calls at once",
            };
            Refusal::new(RefusalKind::RateLimited, format!("key \"{name}\" is over its limit of {what}"))
                .retry_after(over.retry_after_s.unwrap_or(1))
        }
        OverWhat::Budget { period, unit, limit, spent, reserved } => {
            let period_word = match period {
                Period::Day => "daily",
                Period::Week => "weekly",
                Period::Month => "monthly",
                Period::Total => "total",
            };
            let unit_word = match unit {
                Unit::NanoUsd => "dollar",
                Unit::Tokens => "token",
            };
            let mut text = format!("the {period_word} {unit_word} budget of key \"{name}\" does not allow this call");
            if key.show_spend {
                let show = |amount: i64| match unit {
                    Unit::NanoUsd => NanoUsd(amount).to_string(),
                    Unit::Tokens => format!("{amount} tokens"),
                };
                text.push_str(&format!(" (limit {}, spent {}, reserved by calls in flight {})", show(limit), show(spent), show(reserved)));
            }
            match over.resets_at {
                Some(at) => text.push_str(&format!("; it resets at {}", at.to_rfc3339())),
                None => text.push_str("; it does not reset"),
            }
            Refusal::new(RefusalKind::BudgetExceeded, text)
        }
    }
}

fn clamp(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
