//! The body of an answer on its way to the client: the whole events that one read of the vendor's socket gave go out at once.
//!
//! The thinking is in `fluxa_wire::relay`; here are the socket, the timers and the settling at the end.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use fluxa_domain::estimate::{TextCount, likely_tokens};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_wire::facts::Facts;
use fluxa_wire::limits::SECRET_BYTES;
use fluxa_wire::relay::Framing;
use tokio::time::Sleep;

mod course;

pub(crate) use course::Course;

use crate::call::{CLIENT_CLOSED, Call, Ending};
use crate::conversations::Keeping;
use crate::guard::{End, Screening};
use crate::reply::BoxError;
use crate::snapshot::ProviderView;
use crate::upstream::{AnswerBody, BodyFault, Progress};

/// A living stream journals what it has cost so far this often.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// Output tokens that a note covers beyond what has been sent; more for long answers, so that notes stay rare.
const NOTE_AHEAD: u64 = 256;
/// The start of a key at the end of a read is held back from this length on.
const LEAST_TAIL_BYTES: usize = 4;
/// Bytes of an answer kept where the operator wants content stored.
const MAX_STORED_BYTES: usize = 256 * 1024;

/// After so long without a byte for the client, one is sent that means nothing: clients and proxies give up silent streams.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

/// An answer being relayed. Dropping it before its end means that the client has left.
pub(crate) struct RelayBody {
    call: Call,
    body: AnswerBody,
    relay: Course,
    /// Where the texts are looked at before they go on.
    screening: Option<Box<Screening>>,
    framing: Framing,
    out: BytesMut,
    idle: Duration,
    last_read: Instant,
    /// When the client last got a byte, or a sign of life.
    last_sent: Instant,
    last_noted: Instant,
    timer: Pin<Box<Sleep>>,
    known_length: Option<u64>,
    stored: Option<Vec<u8>>,
    ended: bool,
    /// It ended well.
    good: bool,
    /// A body without a dialect of its own can only show that it broke by breaking off.
    abort: Option<&'static str>,
    /// Output tokens that the last note in the journal covers.
    covered: u64,
    /// Whose keys must not appear in the stream.
    provider: Option<Arc<ProviderView>>,
    /// Bytes that may be the start of a key, until the next read tells.
    kept: BytesMut,
    /// The conversation to be kept once the stream has ended well.
    keeping: Option<Keeping>,
}

/// Whose silence the timer noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    /// The vendor's: it is given up.
    Vendor,
    /// The client heard nothing for a while.
    Client,
}

impl RelayBody {
    /// `framing` is the vendor's and the client's; `out` holds what was read before the answer was committed to; `complete` says that
    /// this is all there is.
    #[expect(clippy::too_many_arguments, reason = "one call; each is another thing")]
    pub(crate) fn new(
        mut call: Call,
        body: AnswerBody,
        relay: Course,
        (framing, shown): (Framing, Framing),
        mut out: BytesMut,
        provider: Arc<ProviderView>,
        complete: bool,
        keeping: Option<Keeping>,
    ) -> Self {
        let now = Instant::now();
        let known_length = if framing == Framing::Opaque && out.is_empty() { body.known_length() } else { None };
        call.first_byte();
        let covered = call.output_likely;
        let idle = provider.idle_timeout;
        let speaks = matches!(framing, Framing::Sse | Framing::JsonArray);
        let provider = speaks.then_some(provider);
        let stores = call.worker.settings().store_content;
        let mut screening = call.guard.as_deref().and_then(|guard| Screening::of(guard, call.dialect, call.op, shown, stores));
        if let Some(screening) = &mut screening {
            screening.raw = std::mem::take(&mut out);
        }
        let stored = stores.then(|| out.to_vec());
        let mut this = Self {
            call,
            body,
            relay,
            screening,
            framing,
            out,
            idle,
            last_read: now,
            last_sent: now,
            last_noted: now,
            timer: Box::pin(tokio::time::sleep_until((now + idle.min(SIGN_OF_LIFE_EVERY)).into())),
            known_length,
            stored,
            ended: false,
            good: false,
            abort: None,
            covered,
            provider,
            kept: BytesMut::new(),
            keeping,
        };
        // A body without a byte (204, or a length of zero) is over before it is asked for.
        if let Err(why) = this.screen() {
            this.end(Some(why));
        } else if complete || (this.body.is_complete() && this.body_is_over()) {
            this.end(None);
        } else {
            this.note();
            this.hide_keys();
        }
        this
    }

    /// Nothing is left to be told to the client: hyper need not ask again, and does not.
    pub(crate) fn is_over(&self) -> bool {
        self.ended && self.out.is_empty() && self.abort.is_none()
    }

    /// Lets a complete body give its connection back; no socket is touched for that.
    fn body_is_over(&mut self) -> bool {
        let scratch = Rc::clone(&self.call.worker.scratch);
        let mut context = Context::from_waker(Waker::noop());
        matches!(self.body.poll_data(&mut context, &scratch, |_| ()), Poll::Ready(Ok(Progress::End)))
    }

    pub(crate) const fn known_length(&self) -> Option<u64> {
        self.known_length
    }

    /// The next bytes for the client.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        loop {
            if !self.out.is_empty() {
                let bytes = std::mem::take(&mut self.out).freeze();
                self.keep_answer(&bytes);
                return Poll::Ready(Some(Ok(bytes)));
            }
            if self.ended {
                return Poll::Ready(self.abort.take().map(|why| Err(BoxError::from(why))));
            }
            if self.call.worker.cut.get() {
                self.end(Some((RefusalKind::ShuttingDown, "the gateway is stopping")));
                continue;
            }
            let Self { body, relay, out, call, stored, screening, .. } = self;
            let mut fault = None;
            let scratch = Rc::clone(&call.worker.scratch);
            let progress = body.poll_data(cx, &scratch, |data| {
                if fault.is_none() {
                    let to = screening.as_deref_mut().map_or(&mut *out, |screening| &mut screening.raw);
                    fault = relay.push(data, to).err();
                }
                if screening.is_none()
                    && let Some(stored) = stored
                    && stored.len() + data.len() <= MAX_STORED_BYTES
                {
                    stored.extend_from_slice(data);
                }
            });
            if let Err(why) = self.screen() {
                self.end(Some(why));
                continue;
            }
            match progress {
                Poll::Ready(Ok(_)) if fault.is_some() => {
                    self.end(Some((RefusalKind::UpstreamProtocol, "the provider's stream is not well-formed")))
                }
                Poll::Ready(Ok(Progress::Data)) => {
                    // hyper does not ask beyond an announced length, so the end is not left to the next turn.
                    if self.body.is_complete() && self.body_is_over() {
                        self.end(None);
                        continue;
                    }
                    self.last_read = Instant::now();
                    self.note();
                    self.hide_keys();
                    // What the vendor says and the client does not get to hear is no sign of life.
                    if !self.out.is_empty() {
                        self.last_sent = self.last_read;
                    }
                }
                Poll::Ready(Ok(Progress::End)) => self.end(None),
                Poll::Ready(Err(BodyFault::Truncated)) => self.end(Some((RefusalKind::Upstream, "the provider's answer broke off"))),
                Poll::Ready(Err(BodyFault::Coding)) => {
                    self.end(Some((RefusalKind::UpstreamProtocol, "the provider's answer is not well-formed")))
                }
                Poll::Pending => match self.poll_timer(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Silence::Client) => self.relay.keep_alive(&mut self.out),
                    Poll::Ready(Silence::Vendor) => {
                        self.end(Some((RefusalKind::UpstreamTimeout, "the provider fell silent in the middle of its answer")));
                    }
                },
            }
        }
    }

    /// Lets the texts that have come through the guard.
    fn screen(&mut self) -> Result<(), (RefusalKind, &'static str)> {
        let Self { screening: Some(screening), call, out, .. } = self else { return Ok(()) };
        let Some(guard) = call.guard.as_deref_mut().filter(|_| !screening.raw.is_empty()) else { return Ok(()) };
        let before = out.len();
        let passed = screening.pass(guard, out);
        self.store(before);
        passed.map_err(broke)
    }

    /// Lets what waits in the guard out.
    fn screen_end(&mut self) -> Result<(), (RefusalKind, &'static str)> {
        let Self { screening: Some(screening), call, out, .. } = self else { return Ok(()) };
        let Some(guard) = call.guard.as_deref_mut() else { return Ok(()) };
        let before = out.len();
        let passed = screening.finish(guard, out);
        self.store(before);
        passed.map_err(broke)
    }

    /// Takes what has come out of the guard since `before` into the copy for the log.
    fn store(&mut self, before: usize) {
        let Self { screening: Some(screening), stored: Some(stored), out, .. } = self else { return };
        let copy = screening.take_copy();
        let new = copy.as_deref().unwrap_or_else(|| out.get(before..).unwrap_or_default());
        if stored.len() + new.len() <= MAX_STORED_BYTES {
            stored.extend_from_slice(new);
        }
    }

    /// Journals what the stream has cost, before the bytes that cost it go out: exactly once its end mark is there, else an
    /// estimate that covers what may come until the next note.
    fn note(&mut self) {
        let facts = self.relay.facts();
        if facts.ended {
            if let Some(keeping) = self.keeping.take() {
                self.keeping = self.keep(keeping);
            }
            let ending = Ending { complete: facts.error.is_none(), error: upstream_word("", facts), ..ending(facts) };
            self.store_answer();
            if self.call.finish_early(ending) {
                self.call.worker.desk.pass_on();
            }
            return;
        }
        let text = TextCount { ascii_bytes: facts.text.ascii_bytes, non_ascii_chars: facts.text.non_ascii_chars };
        let sent = facts.content_events.max(likely_tokens(text));
        let beyond = sent > self.covered;
        if beyond || self.last_read.duration_since(self.last_noted) >= NOTE_EVERY {
            self.last_noted = self.last_read;
            self.covered = self.call.checkpoint(ending(facts), NOTE_AHEAD.max(sent / 8));
            if beyond {
                self.call.worker.desk.pass_on();
            }
        }
    }

    /// Takes the provider's keys out of what goes to the client: an error in mid-stream may quote one, perhaps over two reads.
    fn hide_keys(&mut self) {
        let Some(provider) = &self.provider else { return };
        if !self.kept.is_empty() {
            self.kept.extend_from_slice(&self.out);
            self.out = std::mem::take(&mut self.kept);
        }
        // Events end with their line, and no key holds one: only what was cut inside a line can end with the start of a key.
        let whole_lines = self.out.ends_with(b"\n");
        if provider.is_quoted_in(&self.out) {
            self.out = BytesMut::from(&provider.redact(&self.out.split().freeze())[..]);
        }
        let mut keep = 0;
        for key in provider.secrets() {
            let key = key.as_bytes();
            if key.len() < SECRET_BYTES {
                continue;
            }
            if whole_lines {
                continue;
            }
            let tail = (LEAST_TAIL_BYTES..key.len()).rev().find(|&bytes| key.get(..bytes).is_some_and(|start| self.out.ends_with(start)));
            keep = keep.max(tail.unwrap_or(0));
        }
        if keep > 0 {
            self.kept = self.out.split_off(self.out.len() - keep);
        }
    }

    /// Ready when the vendor has been silent for too long, or the client has heard nothing for a while. The timer is only moved
    /// when it fires, not at every read.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Silence> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let given_up = self.last_read + self.idle;
            if now >= given_up {
                return Poll::Ready(Silence::Vendor);
            }
            // Only streams of events have a way to say nothing, and what may be the start of a key must not be torn apart.
            let speaks = matches!(self.framing, Framing::Sse | Framing::JsonArray) && self.kept.is_empty();
            let sign = self.last_sent + SIGN_OF_LIFE_EVERY;
            if speaks && now >= sign {
                self.last_sent = now;
                self.timer.as_mut().reset((now + SIGN_OF_LIFE_EVERY).min(given_up).into());
                return Poll::Ready(Silence::Client);
            }
            let next = if speaks { sign.min(given_up) } else { given_up };
            self.timer.as_mut().reset(next.into());
        }
        Poll::Pending
    }

    /// The answer is over: by itself, or because something broke.
    fn end(&mut self, broke: Option<(RefusalKind, &'static str)>) {
        self.ended = true;
        let mut broke = broke;
        if broke.is_none() {
            let to = self.screening.as_deref_mut().map_or(&mut self.out, |screening| &mut screening.raw);
            self.relay.finish(to);
            let speaks = matches!(self.framing, Framing::Sse | Framing::JsonArray);
            broke = (speaks && self.relay.is_cut(self.call.dialect, self.call.op))
                .then_some((RefusalKind::Upstream, "the provider's stream ended before its end mark"));
        }
        let error = self.close(broke);
        if let Some(keeping) = self.keeping.take() {
            drop(self.keep(keeping));
        }
        self.hide_keys();
        // The start of a key and nothing after it: no key.
        let kept = std::mem::take(&mut self.kept);
        self.out.extend_from_slice(&kept);
        let facts = self.relay.facts();
        self.good = error.is_empty() && facts.error.is_none();
        // A stream that was broken off here may have been heard to its end.
        let heard = error == RefusalKind::ContentBlocked.code() && facts.ended;
        let ending = Ending { complete: self.good || heard, error: upstream_word(error, facts), ..ending(facts) };
        self.store_answer();
        // The last bytes often come in the read that ends the stream: also then the row is written before they go out.
        if self.call.finish_early(ending) {
            self.call.worker.desk.pass_on();
        }
    }

    /// Keeps the conversation, without the provider's keys, if these are the stream's last frames.
    fn keep(&self, keeping: Keeping) -> Option<Keeping> {
        let frames = Bytes::copy_from_slice(&self.out);
        let frames = self.provider.as_ref().map_or(frames.clone(), |provider| provider.without_keys(frames));
        keeping.keep_stream(&self.call.worker, &frames)
    }

    /// What goes to the client is kept, if the answer is to be given again and this stream ends well.
    fn keep_answer(&mut self, bytes: &[u8]) {
        let Some(mut keep) = self.call.keep_answer.take() else { return };
        keep.push(bytes);
        if !self.ended {
            self.call.keep_answer = Some(keep);
        } else if self.good && self.abort.is_none() {
            let content_type = if self.framing == Framing::JsonArray { "application/json" } else { "text/event-stream" };
            keep.keep(&self.call, content_type, self.relay.facts().finish.as_deref());
        }
    }

    /// Lets out what waits, and ends what broke. The answer is what it broke by, if it did.
    fn close(&mut self, broke: Option<(RefusalKind, &'static str)>) -> &'static str {
        let Self { screening, relay, out, .. } = self;
        let stopped = match (screening, broke) {
            // What the writer still holds is part of what was stopped, and the guard takes nothing more.
            (Some(screening), Some(broke)) if screening.is_over() => Some(broke),
            (screening, broke) => {
                if let Some((kind, text)) = broke {
                    let to = screening.as_deref_mut().map_or(out, |screening| &mut screening.raw);
                    if !relay.break_off(&Refusal::new(kind, text), to) {
                        self.abort = Some(text);
                    }
                }
                self.screen_end().err()
            }
        };
        if let Some((kind, text)) = stopped {
            let refusal = match self.call.guard.as_deref().filter(|_| kind == RefusalKind::ContentBlocked) {
                Some(guard) => guard.stream_refusal(),
                None => Refusal::new(kind, text),
            };
            let dialect = (self.call.dialect, self.call.op);
            let told = self.screening.as_deref().is_some_and(|screening| screening.break_off(dialect, &refusal, &mut self.out));
            self.abort = (!told).then_some(text);
        }
        stopped.or(broke).map_or("", |(kind, _)| kind.code())
    }

    fn store_answer(&mut self) {
        if let Some(stored) = self.stored.take() {
            let stored = Bytes::from(stored);
            let stored = self.provider.as_ref().map_or(stored.clone(), |provider| provider.without_keys(stored));
            self.call.entry.response_body = Some(String::from_utf8_lossy(&stored).into_owned());
        }
    }
}

impl Drop for RelayBody {
    fn drop(&mut self) {
        if !self.ended {
            self.store_answer();
            let (status, error) = self.call.cut_short(0);
            let facts = self.relay.facts();
            self.call.finish(Ending { status, complete: false, client_closed: error == CLIENT_CLOSED, error, ..ending(facts) });
        }
    }
}

/// What ends a stream that the guard does not let on.
const fn broke(end: End) -> (RefusalKind, &'static str) {
    match end {
        End::Blocked => (RefusalKind::ContentBlocked, "the answer holds what may not be passed on"),
        End::Broken => (RefusalKind::UpstreamProtocol, "the provider's stream is not well-formed"),
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
