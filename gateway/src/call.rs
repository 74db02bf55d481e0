//! One call from its arrival to its row in the ledger. However it ends, it is settled exactly once.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::entry::{CostState, Entry};
use fluxa_domain::estimate::{TextCount, likely_tokens};
use fluxa_domain::id::CallId;
use fluxa_domain::key::KeyAccess;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::price::{PriceRow, charge};
use fluxa_domain::time::Micros;
use fluxa_domain::usage::{Usage, UsageState};
use futures_util::FutureExt;

use crate::worker::Worker;

/// A call being answered. Dropping it unfinished means that the client has left.
pub(crate) struct Call {
    pub(crate) worker: Rc<Worker>,
    /// The row as far as it is known.
    pub(crate) entry: Entry,
    pub(crate) dialect: Dialect,
    pub(crate) op: Op,
    started: Instant,
    /// Tokens of the prompt, counted by us.
    pub(crate) input_likely: u64,
    /// Tokens of an answer that nothing more is heard of.
    pub(crate) output_likely: u64,
    /// The price of the target that answers.
    pub(crate) price: Option<Arc<PriceRow>>,
    /// The service tier the client asked for.
    pub(crate) service_tier: Option<String>,
    /// Counters hold a reservation under the call's id.
    pub(crate) reserved: bool,
    /// The journal holds the call's beginning.
    pub(crate) begun: bool,
    /// The request is with a vendor, who may charge for it.
    pub(crate) sent: bool,
    /// Write a row at the end.
    pub(crate) keep_row: bool,
    open: bool,
}

/// How a call ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending {
    /// Status sent to the client; 0 keeps what the row has.
    pub(crate) status: u16,
    /// What the vendor reported.
    pub(crate) usage: Option<Usage>,
    /// The answer came whole: a reported usage is final.
    pub(crate) complete: bool,
    /// Text that the client was sent, for estimates.
    pub(crate) text: TextCount,
    /// Events with content that the client was sent, for estimates.
    pub(crate) content_events: u64,
    /// Images in the answer.
    pub(crate) images: u64,
    /// The vendor's finish reason.
    pub(crate) finish: Option<String>,
    /// A code, where something went wrong.
    pub(crate) error: &'static str,
    /// The client left before the end.
    pub(crate) client_closed: bool,
}

/// What a finished call cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charged {
    pub(crate) cost: NanoUsd,
    pub(crate) state: CostState,
}

impl Call {
    pub(crate) fn new(worker: &Rc<Worker>, at: Micros, id: CallId, request_id: String, dialect: Dialect, op: Op) -> Self {
        worker.gateway.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
        let mut entry = Entry::new(id, at);
        entry.request_id = request_id;
        dialect.name().clone_into(&mut entry.dialect_in);
        op.name().clone_into(&mut entry.op);
        Self {
            worker: Rc::clone(worker),
            entry,
            dialect,
            op,
            started: Instant::now(),
            input_likely: 0,
            output_likely: 0,
            price: None,
            service_tier: None,
            reserved: false,
            begun: false,
            sent: false,
            keep_row: true,
            open: true,
        }
    }

    /// Whose call it is.
    pub(crate) fn belongs_to(&mut self, access: &KeyAccess) {
        self.entry.key_id.clone_from(&access.key.id);
        self.entry.key_name.clone_from(&access.key.name);
        self.entry.team = access.key.team.clone().unwrap_or_default();
        self.entry.tags.clone_from(&access.key.tags);
    }

    /// Milliseconds since the call came in.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The first byte goes to the client now.
    pub(crate) fn first_byte(&mut self) {
        if self.entry.ttfb_ms.is_none() {
            self.entry.ttfb_ms = Some(self.elapsed_ms());
        }
    }

    /// Usage, its state and its charge, as far as `ending` tells.
    fn rate(&self, ending: &Ending) -> (Usage, UsageState, NanoUsd, CostState) {
        if !self.sent {
            return (Usage::default(), UsageState::Reported, NanoUsd::ZERO, CostState::Exact);
        }
        let reported = ending.usage.filter(|usage| self.plausible(usage));
        let (mut usage, state) = match (reported, ending.complete) {
            (Some(usage), true) => (usage, UsageState::Reported),
            (reported, _) => {
                let counted = likely_tokens(ending.text).max(ending.content_events);
                let mut usage = reported.unwrap_or_default();
                if usage.input_total() == 0 {
                    usage.input_uncached = self.input_likely;
                }
                usage.output = usage.output.max(counted);
                (usage, UsageState::Estimated)
            }
        };
        usage.images = usage.images.max(ending.images);
        let estimated = state == UsageState::Estimated;
        if self.op == Op::CountTokens {
            return (Usage::default(), UsageState::Reported, NanoUsd::ZERO, CostState::Exact);
        }
        let (cost, cost_state) = match &self.price {
            Some(row) => {
                let cost = charge(row, &usage, self.service_tier.as_deref(), self.entry.at);
                let state = if estimated || row.source == crate::admission::FALLBACK_SOURCE { CostState::Estimated } else { CostState::Exact };
                (cost.unwrap_or(NanoUsd(i64::MAX)), state)
            }
            None => (NanoUsd::ZERO, CostState::Unpriced),
        };
        (usage, state, cost, cost_state)
    }

    /// Whether a reported usage can be true: not beyond what a model of this size can take.
    fn plausible(&self, usage: &Usage) -> bool {
        /// Far beyond every context window there is; the input of server-side tools is summed over several rounds.
        const MOST_TOKENS: u64 = 16_000_000;
        let context = self.price.as_ref().and_then(|row| row.context).unwrap_or(MOST_TOKENS / 4);
        let most_input = context.saturating_mul(4).clamp(1_000_000, MOST_TOKENS);
        let most_output = self.price.as_ref().and_then(|row| row.max_output).map_or(MOST_TOKENS / 4, |max| max.saturating_mul(16)).max(1_000_000);
        usage.input_total() <= most_input && usage.output <= most_output
    }

    /// Puts into the row what the call costs if nothing more is heard of it.
    pub(crate) fn estimate(&mut self) {
        self.estimate_from(&Ending { content_events: self.output_likely, ..Ending::default() });
    }

    /// The same, from what has been seen of the answer so far.
    pub(crate) fn checkpoint(&mut self, mut so_far: Ending) {
        /// Tokens that may come until the next checkpoint.
        const AHEAD: u64 = 64;
        so_far.complete = false;
        so_far.content_events = so_far.content_events.max(likely_tokens(so_far.text)).saturating_add(AHEAD).max(self.output_likely);
        self.estimate_from(&so_far);
        self.worker.desk.checkpoint(&self.entry);
    }

    fn estimate_from(&mut self, ending: &Ending) {
        let (usage, usage_state, cost, cost_state) = self.rate(ending);
        self.entry.usage = usage;
        self.entry.usage_state = usage_state;
        self.entry.cost = cost;
        self.entry.cost_state = cost_state;
        if let Some(row) = &self.price {
            self.entry.price_version.clone_from(&row.version);
        }
    }

    /// Ends the call: charges it, gives back what was reserved, hands in its row. Later calls do nothing.
    pub(crate) fn finish(&mut self, ending: Ending) -> Charged {
        let (usage, usage_state, cost, cost_state) = self.rate(&ending);
        let charged = Charged { cost, state: cost_state };
        if !std::mem::replace(&mut self.open, false) {
            return charged;
        }
        self.entry.latency_ms = self.elapsed_ms();
        if ending.status != 0 {
            self.entry.status = ending.status;
        }
        self.entry.usage = usage;
        self.entry.usage_state = usage_state;
        self.entry.cost = cost;
        self.entry.cost_state = cost_state;
        if let Some(row) = &self.price
            && self.sent
        {
            self.entry.price_version.clone_from(&row.version);
        }
        self.entry.finish = ending.finish.unwrap_or_default();
        ending.error.clone_into(&mut self.entry.error);
        self.entry.client_closed = ending.client_closed;
        self.settle();
        self.worker.gateway.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.keep_row {
            let blank = Entry::new(self.entry.id, self.entry.at);
            let entry = std::mem::replace(&mut self.entry, blank);
            self.worker.desk.finish(entry, self.begun);
        }
        charged
    }

    fn settle(&mut self) {
        if !std::mem::replace(&mut self.reserved, false) {
            return;
        }
        let now = crate::clock::now();
        let tokens = i64::try_from(self.entry.usage.total()).unwrap_or(i64::MAX);
        let counters = Arc::clone(&self.worker.gateway.shared.counters);
        let (id, nanos) = (self.entry.id, self.entry.cost.0);
        // In memory this is done at once, so the next call of the same client sees it settled.
        let mut settling = Box::pin(async move { counters.settle(id, now, nanos, tokens, tokens).await });
        if (&mut settling).now_or_never().is_none() {
            self.worker.tasks.spawn(async move {
                settling.await;
            });
        }
    }

    /// Gives back what was reserved, because nothing will be asked of a vendor.
    pub(crate) fn release(&mut self) {
        if std::mem::replace(&mut self.reserved, false) {
            let counters = Arc::clone(&self.worker.gateway.shared.counters);
            let (id, now) = (self.entry.id, crate::clock::now());
            let mut releasing = Box::pin(async move { counters.release(id, now).await });
            if (&mut releasing).now_or_never().is_none() {
                self.worker.tasks.spawn(releasing);
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.open {
            // hyper drops the work for a call when its client has gone: nobody reads the answer, but the vendor may charge for it.
            self.finish(Ending { status: 499, error: "client_closed", client_closed: true, ..Ending::default() });
        }
    }
}
