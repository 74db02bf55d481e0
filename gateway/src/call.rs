//! One call from its arrival to its row in the ledger. However it ends, it is settled exactly once.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use fluxa_domain::change::Revision;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::entry::{AttemptRow, CostState, Entry};
use fluxa_domain::estimate::{TextCount, likely_tokens};
use fluxa_domain::id::CallId;
use fluxa_domain::key::KeyAccess;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::price::{PriceRow, charge};
use fluxa_domain::refusal::RefusalKind;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::{Usage, UsageState};
use fluxa_store::Finished;
use fluxa_store::shared::Settlement;
use futures_util::FutureExt;

use crate::guard::Guard;
use crate::health::Busy;
use crate::kept_answers::{Found, Keep};
use crate::settling::{GiveBack, Release, Settle};
use crate::worker::Worker;

mod held;

pub(crate) use held::Held;

/// No call costs more than this: the ledger's own bound of a row, here as well so that counters and rows agree.
const MAX_COST: NanoUsd = NanoUsd(1_000_000 * NanoUsd::PER_USD);

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
    /// A report of more prompt tokens cannot be true, nor of more generated ones.
    pub(crate) absurd_input: Option<u64>,
    pub(crate) absurd_output: Option<u64>,
    /// The price of the target that answers.
    pub(crate) price: Option<Arc<PriceRow>>,
    /// The service tier the client asked for.
    pub(crate) service_tier: Option<String>,
    /// What the counters hold for this call.
    held: Option<Held>,
    /// The journal holds the call's beginning.
    pub(crate) begun: bool,
    /// The journal names a target, or a debt, of before.
    stale: bool,
    /// The request is with a vendor, who may charge for it.
    pub(crate) sent: bool,
    /// Attempts made; what was skipped is in the row, but does not count.
    pub(crate) tried: u64,
    /// What attempts that failed may be billed for all the same.
    owed: Option<Box<(Usage, NanoUsd)>>,
    /// The answer is to be given again; what is known of that.
    pub(crate) keep_answer: Option<Box<Keep>>,
    /// What its texts pass on their way; nothing where no policy holds.
    pub(crate) guard: Option<Box<Guard>>,
    /// What `x-fluxa-cache` says; nothing where answers are not kept.
    pub(crate) found: Option<Found>,
    /// The place at the provider, until the answer has ended.
    pub(crate) busy: Option<Busy>,
    /// Write a row at the end.
    pub(crate) keep_row: bool,
    /// The configuration that its limits are of.
    revision: Revision,
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
            absurd_input: None,
            absurd_output: None,
            price: None,
            service_tier: None,
            held: None,
            begun: false,
            stale: false,
            sent: false,
            tried: 0,
            owed: None,
            busy: None,
            keep_answer: None,
            guard: None,
            found: None,
            // A stranger's refusals get no rows of their own: made-up keys must not fill the ledger.
            keep_row: false,
            revision: Revision::default(),
            open: true,
        }
    }

    /// Whose call it is, under the configuration of this revision.
    pub(crate) fn belongs_to(&mut self, access: &KeyAccess, revision: Revision) {
        self.keep_row = true;
        self.revision = revision;
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

    /// The counters hold this for the call, or are asked to.
    pub(crate) fn hold(&mut self, held: Held) {
        self.held = Some(held);
    }

    /// They do not.
    pub(crate) fn let_go(&mut self) {
        self.held = None;
    }

    /// What the counters hold is kept alive until the call ends.
    pub(crate) fn hold_reservation(&self) {
        if let Some(held) = &self.held {
            self.worker.reservations.hold(Arc::clone(&held.ask), self.started);
        }
    }

    /// Where the call goes now: a row written if the process dies must name the vendor.
    pub(crate) fn aim(&mut self, provider: &str, model: &str) {
        if self.entry.provider == provider && self.entry.upstream_model == model {
            return;
        }
        self.stale = true;
        provider.clone_into(&mut self.entry.provider);
        model.clone_into(&mut self.entry.upstream_model);
        self.entry.dialect_out.clear();
        self.entry.dialect_out.push_str(self.dialect.name());
    }

    /// Journals the call before a vendor can charge for it, and again when what is known of it has changed since.
    pub(crate) async fn begin(&mut self) -> std::io::Result<()> {
        if self.begun {
            self.sent = true;
            if std::mem::replace(&mut self.stale, false) {
                self.estimate();
                self.worker.desk.checkpoint(&self.entry);
            }
            return Ok(());
        }
        // The row that is written if the process dies: the prompt was sent, and nothing is known of the answer.
        self.estimate();
        // If the client leaves while this waits, the note stands and the call ends as one that was begun and never sent.
        self.begun = true;
        self.stale = false;
        let worker = Rc::clone(&self.worker);
        let noted = worker.desk.begin(&self.entry).await;
        self.begun = noted.is_ok();
        self.sent = self.begun;
        noted
    }

    /// An attempt failed. What its vendor may bill all the same, as far as `seen` tells, is charged at the end.
    pub(crate) fn failed_attempt(&mut self, seen: Option<&Ending>) {
        if let Some(seen) = seen
            && self.sent
        {
            let (usage, _, cost) = self.rate_answer(&Ending { complete: false, ..seen.clone() });
            let (owed, nanos) = self.owed.as_deref().copied().unwrap_or_default();
            self.owed = Some(Box::new((sum(owed, usage), NanoUsd(nanos.0.saturating_add(cost.0)))));
            self.stale = true;
        }
        self.sent = false;
    }

    /// The attempt in the air, if there is one, is not waited for any longer. Where the vendor was too slow it is taken to
    /// have done nothing yet but read; else, to be at work on its answer.
    pub(crate) fn give_up_attempt(&mut self, too_slow: bool) {
        if self.sent {
            self.note_cut_attempt();
            let seen = if too_slow { Ending::default() } else { self.unheard() };
            self.failed_attempt(Some(&seen));
        }
    }

    fn note_cut_attempt(&mut self) {
        self.entry.attempts.push(AttemptRow {
            provider: self.entry.provider.clone(),
            model: self.entry.upstream_model.clone(),
            status: 0,
            ms: self.elapsed_ms(),
            why: String::from("not waited for any longer"),
        });
    }

    /// Attempts that failed may cost something.
    pub(crate) const fn owes(&self) -> bool {
        self.owed.is_some()
    }

    /// An answer of which nothing was seen: a vendor notices that a stream is not read, but finishes a whole answer.
    fn unheard(&self) -> Ending {
        Ending { content_events: if self.entry.stream { 0 } else { self.output_likely }, ..Ending::default() }
    }

    /// Usage, its state and its charge, as far as `ending` tells, failed attempts included.
    fn rate(&self, ending: &Ending) -> (Usage, UsageState, NanoUsd, CostState) {
        let (usage, state, cost) =
            if self.sent { self.rate_answer(ending) } else { (Usage::default(), UsageState::Reported, NanoUsd::ZERO) };
        let (usage, state, cost) = match self.owed.as_deref() {
            Some((owed, nanos)) => (sum(usage, *owed), UsageState::Estimated, NanoUsd(cost.0.saturating_add(nanos.0)).min(MAX_COST)),
            None => (usage, state, cost),
        };
        let cost_state = match &self.price {
            _ if !self.sent && self.owed.is_none() || self.op == Op::CountTokens => CostState::Exact,
            Some(row) if state == UsageState::Estimated || row.source == crate::admission::FALLBACK_SOURCE => CostState::Estimated,
            Some(_) => CostState::Exact,
            None if cost > NanoUsd::ZERO => CostState::Estimated,
            None => CostState::Unpriced,
        };
        (usage, state, cost, cost_state)
    }

    /// The same for the one answer that `ending` tells of.
    fn rate_answer(&self, ending: &Ending) -> (Usage, UsageState, NanoUsd) {
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
        if self.op == Op::CountTokens {
            return (Usage::default(), UsageState::Reported, NanoUsd::ZERO);
        }
        let cost = self.price.as_ref().map_or(NanoUsd::ZERO, |row| {
            charge(row, &usage, self.service_tier.as_deref(), self.entry.at).unwrap_or(MAX_COST).clamp(NanoUsd::ZERO, MAX_COST)
        });
        (usage, state, cost)
    }

    /// Whether a reported usage can be true: not beyond what was sent and asked for by far, nor what a model of this size can take.
    fn plausible(&self, usage: &Usage) -> bool {
        /// Far beyond every context window there is; the input of server-side tools is summed over several rounds.
        const MOST_TOKENS: u64 = 16_000_000;
        let context = self.price.as_ref().and_then(|row| row.context).unwrap_or(MOST_TOKENS / 4);
        let most_input = context.saturating_mul(4).clamp(1_000_000, MOST_TOKENS);
        let most_output =
            self.price.as_ref().and_then(|row| row.max_output).map_or(MOST_TOKENS / 4, |max| max.saturating_mul(16)).max(1_000_000);
        usage.input_total() <= self.absurd_input.unwrap_or(u64::MAX).min(most_input)
            && usage.output <= self.absurd_output.unwrap_or(u64::MAX).min(most_output)
    }

    /// Puts into the row what the call costs if nothing more is heard of it.
    fn estimate(&mut self) {
        let sent = std::mem::replace(&mut self.sent, true);
        self.estimate_from(&Ending { content_events: self.output_likely, ..Ending::default() });
        self.sent = sent;
    }

    /// The same, from what has been seen of the answer so far and for `ahead` output tokens more. Returns the output tokens that this covers.
    pub(crate) fn checkpoint(&mut self, mut so_far: Ending, ahead: u64) -> u64 {
        so_far.complete = false;
        let covered = so_far.content_events.max(likely_tokens(so_far.text)).saturating_add(ahead).max(self.output_likely);
        so_far.content_events = covered;
        self.estimate_from(&so_far);
        self.worker.desk.checkpoint(&self.entry);
        covered
    }

    /// Ends a stream whose end mark has come, though its last bytes are still to be sent; false if it had ended before.
    pub(crate) fn finish_early(&mut self, ending: Ending) -> bool {
        let was_open = self.open;
        self.finish(ending);
        was_open
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
        self.busy = None;
        self.entry.latency_ms = self.elapsed_ms();
        if ending.status != 0 {
            self.entry.status = ending.status;
        }
        self.entry.usage = usage;
        self.entry.usage_state = usage_state;
        self.entry.cost = cost;
        self.entry.cost_state = cost_state;
        if let Some(row) = &self.price
            && (self.sent || self.owed.is_some())
        {
            self.entry.price_version.clone_from(&row.version);
        }
        self.entry.finish = ending.finish.unwrap_or_default();
        ending.error.clone_into(&mut self.entry.error);
        self.entry.client_closed = ending.client_closed;
        if let Some(guard) = &mut self.guard {
            guard.tell(&self.worker, &mut self.entry);
        }
        self.note_new_scopes();
        let settling = self.settle();
        self.worker.gateway.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        let finished = self.keep_row.then(|| {
            let blank = Entry::new(self.entry.id, self.entry.at);
            Finished::new(std::mem::replace(&mut self.entry, blank))
        });
        let (settling, counted) = match settling {
            Settling::Done { counted } => (None, counted),
            // Pending before its row is handed in, or the row could be reported as recorded before it is counted.
            Settling::Shared(mut settlement) => {
                settlement.row = finished.as_ref().map(|finished| finished.json().to_owned());
                (Some(Settle::new(&self.worker.gateway, settlement)), true)
            }
        };
        if let Some(finished) = finished {
            self.worker.desk.finish(finished, self.begun, counted);
        }
        if let Some(settling) = settling {
            self.spawn(settling.ask());
        }
        charged
    }

    /// The limits may be others than when the call began.
    fn note_new_scopes(&self) {
        let gateway = &self.worker.gateway;
        let costs = self.entry.cost != NanoUsd::ZERO || self.entry.usage.total() != 0;
        if !costs || !self.keep_row || gateway.view.load().revision == self.revision {
            return;
        }
        let asked = self.held.as_ref().map(|held| &*held.ask);
        if let Some(scopes) = crate::rescoped::missed(gateway, &self.entry, asked) {
            gateway.rescoped.note(self.entry.id, scopes);
        }
    }

    /// Replaces what was reserved by the charge: at once in this process, else by what is to be asked when the row is written.
    fn settle(&mut self) -> Settling {
        let Some(Held { ask, share, counted, .. }) = self.held.take() else { return Settling::Done { counted: false } };
        self.worker.reservations.let_go(self.entry.id);
        let tokens = crate::admission::clamp(self.entry.usage.total());
        if let Some(share) = share {
            share.settle_now(self.entry.id, self.entry.cost.0, tokens, tokens);
        }
        if !counted {
            return Settling::Done { counted };
        }
        let counters = &self.worker.gateway.shared.counters;
        let shared = counters.shared();
        let settlement = Settlement {
            id: self.entry.id,
            at: self.entry.at,
            organization: Arc::clone(&ask.organization),
            scopes: if shared { ask.scopes.iter().map(|scope| scope.scope.clone()).collect() } else { Vec::new() },
            nanos: self.entry.cost.0,
            tokens,
            rate_tokens: tokens,
            row: None,
        };
        if shared {
            return Settling::Shared(settlement);
        }
        // In memory this is done at once, so the next call of the same client sees it settled.
        let counters = Arc::clone(counters);
        self.spawn(async move { counters.settle(Arc::new(settlement)).await });
        Settling::Done { counted }
    }

    /// Gives back what was reserved, because nothing will be asked of a vendor.
    pub(crate) fn release(&mut self) {
        let Some(Held { ask, share, .. }) = self.held.take() else { return };
        self.worker.reservations.let_go(self.entry.id);
        if let Some(share) = share {
            share.release_now(self.entry.id);
        }
        let until = Instant::now() + self.worker.settings().reservation_ttl;
        let release = GiveBack { id: self.entry.id, organization: Arc::clone(&ask.organization), until };
        self.spawn(Release::new(&self.worker.gateway, release).ask());
    }

    /// Goes on without the call, unless it is done at once.
    fn spawn<T: 'static>(&self, asking: impl Future<Output = T> + 'static) {
        let mut asking = Box::pin(asking);
        if (&mut asking).now_or_never().is_none() {
            self.worker.tasks.spawn(async move {
                asking.await;
            });
        }
    }
}

/// How the counters get to know what a call cost.
enum Settling {
    /// They know, or will from the ledger's writer where the call is not `counted`.
    Done { counted: bool },
    /// They must be asked.
    Shared(Settlement),
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.open {
            // hyper drops the work for a call when its client has gone: nobody reads the answer, but the vendor may charge for it.
            let (status, error) = self.cut_short(499);
            let client_closed = error == CLIENT_CLOSED;
            if self.sent {
                self.note_cut_attempt();
            }
            // Still being asked for: nothing was sent, and the answer may come after its client has gone.
            if self.held.as_ref().is_some_and(|held| held.asking) {
                self.release();
            }
            let unheard = self.unheard();
            self.finish(Ending { status, error, client_closed, ..unheard });
        }
    }
}

/// The word for a client that left.
pub(crate) const CLIENT_CLOSED: &str = "client_closed";

impl Call {
    /// Why a call is dropped before its end: a panic, the end of the drain, or else its client.
    /// With it the status of the row, where none has been sent (0 keeps the one that has).
    pub(crate) fn cut_short(&self, status: u16) -> (u16, &'static str) {
        let or_sent = |other: u16| if status == 0 { 0 } else { other };
        if std::thread::panicking() {
            self.worker.gateway.metrics.panicked();
            (or_sent(500), RefusalKind::Internal.code())
        } else if self.worker.cut.get() {
            (or_sent(503), RefusalKind::ShuttingDown.code())
        } else {
            (status, CLIENT_CLOSED)
        }
    }
}

fn sum(a: Usage, b: Usage) -> Usage {
    Usage {
        input_uncached: a.input_uncached.saturating_add(b.input_uncached),
        cache_read: a.cache_read.saturating_add(b.cache_read),
        cache_write_5m: a.cache_write_5m.saturating_add(b.cache_write_5m),
        cache_write_1h: a.cache_write_1h.saturating_add(b.cache_write_1h),
        output: a.output.saturating_add(b.output),
        reasoning: a.reasoning.saturating_add(b.reasoning),
        input_audio: a.input_audio.saturating_add(b.input_audio),
        output_audio: a.output_audio.saturating_add(b.output_audio),
        images: a.images.saturating_add(b.images),
        searches: a.searches.saturating_add(b.searches),
    }
}
