//! The body of an answer on its way to the client: what one read of the vendor's socket gave goes out at once.
//!
//! The thinking is in `fluxa_wire::relay`; here are the socket, the timers and the settling at the end.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::estimate::TextCount;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::time::Micros;
use fluxa_wire::facts::Facts;
use fluxa_wire::relay::{Framing, Relay};
use futures_util::FutureExt;
use tokio::time::Sleep;

use crate::call::{Call, Ending};
use crate::reply::BoxError;
use crate::upstream::{AnswerBody, BodyFault, Progress};

/// A living stream extends its reservation this often.
const EXTEND_EVERY: Duration = Duration::from_secs(30);
/// A living stream journals what it has cost so far this often.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// Bytes of an answer kept where the operator wants content stored.
const MAX_STORED_BYTES: usize = 256 * 1024;

/// An answer being relayed. Dropping it before its end means that the client has left.
pub(crate) struct RelayBody {
    call: Call,
    body: AnswerBody,
    relay: Relay,
    framing: Framing,
    out: BytesMut,
    idle: Duration,
    last_read: Instant,
    last_extended: Instant,
    last_noted: Instant,
    timer: Pin<Box<Sleep>>,
    known_length: Option<u64>,
    stored: Option<Vec<u8>>,
    ended: bool,
    /// A body without a dialect of its own can only show that it broke by breaking off.
    abort: Option<&'static str>,
}

impl RelayBody {
    /// `out` holds what was read before the answer was committed to; `complete` says that this is all there is.
    pub(crate) fn new(mut call: Call, body: AnswerBody, relay: Relay, framing: Framing, out: BytesMut, idle: Duration, complete: bool) -> Self {
        let now = Instant::now();
        let known_length = if framing == Framing::Opaque && out.is_empty() { body.known_length() } else { None };
        call.first_byte();
        let stored = call.worker.settings().store_content.then(Vec::new);
        let mut this = Self {
            call,
            body,
            relay,
            framing,
            out,
            idle,
            last_read: now,
            last_extended: now,
            last_noted: now,
            timer: Box::pin(tokio::time::sleep_until((now + idle.min(EXTEND_EVERY)).into())),
            known_length,
            stored,
            ended: false,
            abort: None,
        };
        if complete {
            this.end(None);
        }
        this
    }

    pub(crate) const fn known_length(&self) -> Option<u64> {
        self.known_length
    }

    /// The next bytes for the client.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        loop {
            if !self.out.is_empty() {
                let bytes = std::mem::take(&mut self.out).freeze();
                return Poll::Ready(Some(Ok(bytes)));
            }
            if self.ended {
                return Poll::Ready(self.abort.take().map(|why| Err(BoxError::from(why))));
            }
            let Self { body, relay, out, call, stored, .. } = self;
            let mut fault = None;
            let scratch = Rc::clone(&call.worker.scratch);
            let progress = body.poll_data(cx, &scratch, |data| {
                if fault.is_none() {
                    fault = relay.push(data, out).err();
                }
                if let Some(stored) = stored
                    && stored.len() + data.len() <= MAX_STORED_BYTES
                {
                    stored.extend_from_slice(data);
                }
            });
            match progress {
                Poll::Ready(Ok(_)) if fault.is_some() => self.end(Some((RefusalKind::UpstreamProtocol, "the provider's stream is not well-formed"))),
                Poll::Ready(Ok(Progress::Data)) => {
                    self.last_read = Instant::now();
                    if self.last_read.duration_since(self.last_noted) >= NOTE_EVERY {
                        self.last_noted = self.last_read;
                        self.call.checkpoint(ending(self.relay.facts()));
                    }
                }
                Poll::Ready(Ok(Progress::End)) => self.end(None),
                Poll::Ready(Err(BodyFault::Truncated)) => self.end(Some((RefusalKind::Upstream, "the provider's answer broke off"))),
                Poll::Ready(Err(BodyFault::Coding)) => self.end(Some((RefusalKind::UpstreamProtocol, "the provider's answer is not well-formed"))),
                Poll::Pending => {
                    if self.poll_timer(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.end(Some((RefusalKind::UpstreamTimeout, "the provider fell silent in the middle of its answer")));
                }
            }
        }
    }

    /// Ready when the vendor has been silent for too long. The timer is only moved when it fires, not at every read.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now.duration_since(self.last_read) >= self.idle {
                return Poll::Ready(());
            }
            if now.duration_since(self.last_extended) >= EXTEND_EVERY {
                self.last_extended = now;
                extend(&self.call);
            }
            let next = (self.last_read + self.idle).min(self.last_extended + EXTEND_EVERY);
            self.timer.as_mut().reset(next.into());
        }
        Poll::Pending
    }

    /// The answer is over: by itself, or because something broke.
    fn end(&mut self, broke: Option<(RefusalKind, &'static str)>) {
        self.ended = true;
        let mut error = "";
        match broke {
            None => {
                self.relay.finish(&mut self.out);
                if self.framing == Framing::Sse && is_cut(self.call.dialect, self.call.op, self.relay.facts()) {
                    error = RefusalKind::Upstream.code();
                    self.relay.break_off(&Refusal::new(RefusalKind::Upstream, "the provider's stream ended before its end mark"), &mut self.out);
                }
            }
            Some((kind, text)) => {
                error = kind.code();
                self.relay.break_off(&Refusal::new(kind, text), &mut self.out);
                if self.framing != Framing::Sse {
                    self.abort = Some(text);
                }
            }
        }
        let facts = self.relay.facts();
        let ending = Ending { complete: error.is_empty() && facts.error.is_none(), error: upstream_word(error, facts), ..ending(facts) };
        self.store_answer();
        self.call.finish(ending);
    }

    fn store_answer(&mut self) {
        if let Some(stored) = self.stored.take() {
            self.call.entry.response_body = Some(String::from_utf8_lossy(&stored).into_owned());
        }
    }
}

impl Drop for RelayBody {
    fn drop(&mut self) {
        if !self.ended {
            self.store_answer();
            let facts = self.relay.facts();
            self.call.finish(Ending { complete: false, client_closed: true, error: "client_closed", ..ending(facts) });
        }
    }
}

/// What a call is charged by.
pub(crate) fn ending(facts: &Facts) -> Ending {
    Ending {
        status: 0,
        usage: if facts.absurd { None } else { facts.usage },
        complete: true,
        text: TextCount { ascii_bytes: facts.text.ascii_bytes, non_ascii_chars: facts.text.non_ascii_chars },
        content_events: facts.content_events,
        images: facts.images,
        finish: facts.finish.clone(),
        error: "",
        client_closed: false,
    }
}

const fn upstream_word(error: &'static str, facts: &Facts) -> &'static str {
    if error.is_empty() && facts.error.is_some() { RefusalKind::Upstream.code() } else { error }
}

/// A stream that was closed in good order but before its end. Many vendors of the chat dialect leave out
/// `[DONE]`, so there a finish reason is end mark enough.
const fn is_cut(dialect: Dialect, op: Op, facts: &Facts) -> bool {
    if facts.ended || facts.error.is_some() {
        return false;
    }
    match (dialect, op) {
        (Dialect::Anthropic, Op::Messages) | (Dialect::OpenAi, Op::Responses) => true,
        (Dialect::OpenAi, Op::Chat | Op::Completions) => facts.finish.is_none(),
        _ => false,
    }
}

/// Moves the deadline of a call's reservation.
pub(crate) fn extend(call: &Call) {
    if !call.reserved {
        return;
    }
    let ttl = i64::try_from(call.worker.settings().reservation_ttl.as_micros()).unwrap_or(i64::MAX);
    let deadline = Micros(crate::clock::now().0.saturating_add(ttl));
    let counters = std::sync::Arc::clone(&call.worker.gateway.shared.counters);
    let id = call.entry.id;
    let mut extending = Box::pin(async move { counters.extend(id, deadline).await });
    if (&mut extending).now_or_never().is_none() {
        call.worker.tasks.spawn(async move {
            extending.await;
        });
    }
}
