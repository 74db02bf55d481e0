//! What a call can cost at most: pure arithmetic from its size and the prices of its targets.

use std::sync::Arc;

use fluxa_domain::budget::{BudgetMode, Unit};
use fluxa_domain::dialect::Op;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::price::{PriceRow, bound};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_store::shared::{Over, OverWhat};

use crate::size::{LIKELY_OUTPUT, Size};

/// Where the client named no bound and the budget is nearly used up, an answer shorter than this is no use: refuse instead.
const LEAST_USEFUL_OUTPUT: u64 = 1_024;
/// No amount is counted beyond this: no budget is larger, and counters everywhere hold it exactly.
const MOST: i64 = 1_000_000 * NanoUsd::PER_USD;

/// A target that a call may go to, with what it costs there.
#[derive(Clone, Debug)]
pub(crate) struct Priced {
    pub(crate) price: Option<Arc<PriceRow>>,
}

/// The output that a call is taken to produce at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) tokens: u64,
    /// The client did not ask for this bound, so the request must be changed to hold it.
    pub(super) cap: bool,
}

/// What bounds are computed from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    pub(super) mode: BudgetMode,
    /// An answer may be shortened although the client named its length.
    pub(super) clamp: bool,
    pub(super) size: Size,
    pub(super) targets: &'a [Priced],
}

impl Bounds<'_> {
    pub(super) fn longest_output(&self, assumed: u64, op: Op, budgeted: bool) -> Output {
        if !op.generates_text() {
            return Output { tokens: 0, cap: false };
        }
        // Known only if it is known of all: the call may end at any of them.
        let each = self.targets.iter().map(|target| target.price.as_ref().and_then(|row| row.max_output));
        let model_most = each.reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
        match (self.size.asked_output, self.mode) {
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
    pub(super) fn shorter(&self, output: Output, over: &Over) -> Option<Output> {
        let OverWhat::Budget { unit, .. } = over.what else { return None };
        let may = self.mode == BudgetMode::Strict && (self.size.asked_output.is_none() || self.clamp);
        let affordable = over.affordable?;
        if !may || output.tokens == 0 {
            return None;
        }
        let fits = |tokens: u64| match unit {
            Unit::NanoUsd => self.nanos(tokens).is_ok_and(|nanos| nanos <= affordable),
            Unit::Tokens => self.tokens(tokens) <= affordable,
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
        let useful = if self.size.asked_output.is_none() { LEAST_USEFUL_OUTPUT } else { 1 };
        (least >= useful && fits(least)).then_some(Output { tokens: least, cap: true })
    }

    /// The most tokens that any of the targets can count.
    pub(super) fn tokens(&self, output: u64) -> i64 {
        clamp(self.input().saturating_add(output.saturating_mul(self.size.answers)))
    }

    /// The most prompt tokens that any of the targets can count.
    pub(super) fn input(&self) -> u64 {
        self.targets.iter().map(|target| self.input_at(target.price.as_deref())).max().unwrap_or(self.size.input_likely)
    }

    fn input_at(&self, row: Option<&PriceRow>) -> u64 {
        match self.mode {
            BudgetMode::Strict => self.size.input_most(row.and_then(|row| row.context)),
            BudgetMode::Balanced => self.size.input_likely,
        }
    }

    /// The dearest of the targets, in nano-dollars: a call may end at any of them.
    pub(super) fn nanos(&self, output: u64) -> Result<i64, Refusal> {
        let mut most = 0;
        for row in self.targets.iter().filter_map(|target| target.price.as_deref()) {
            let images = row.per_image.0.checked_mul(i64::try_from(self.size.images).unwrap_or(i64::MAX));
            let cost = bound(row, self.input_at(Some(row)), output.saturating_mul(self.size.answers))
                .and_then(|cost| cost.checked_add(NanoUsd(images?)))
                .ok_or_else(|| {
                    Refusal::new(RefusalKind::InvalidRequest, "the bounds of this request are absurd: no price can be computed")
                })?;
            most = most.max(cost.0);
        }
        Ok(most.min(MOST))
    }
}

/// A number of tokens as counters hold it.
pub(crate) fn clamp(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(MOST).min(MOST)
}
