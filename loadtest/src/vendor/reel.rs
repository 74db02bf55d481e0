//! The body that plays a script: with its delays, its cuts, its stalls and its early ends, counting what really goes out.
//!
//! Returning `Pending` is what makes hyper write: a piece that must be its own write is followed by one yield.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    config::MockConfig,
    ledger::Line,
    script::{Piece, Pieces, STAMP},
};

/// The body of one answer.
#[derive(Debug)]
pub(super) struct Reel {
    line: Line,
    billed: Option<u64>,
    play: Play,
}

#[derive(Debug)]
enum Play {
    /// One body, at once.
    Whole { bytes: Option<Bytes>, tokens: u64 },
    /// Anything that takes care.
    Slow(Box<Slow>),
}

#[derive(Debug)]
struct Slow {
    pieces: VecDeque<Piece>,
    /// What is left of a piece that is sent in parts.
    rest: Bytes,
    interval: Duration,
    /// When the next text event is due; a fixed beat, so that lateness does not add up.
    due: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    chunk_bytes: usize,
    /// How many more bytes may be sent before the connection is dropped.
    budget: Option<usize>,
    stall_at_end: bool,
    /// The piece before must be written before anything else.
    flush: bool,
}

impl Reel {
    pub(super) fn new(line: Line, body: Pieces, billed: Option<u64>, error: Option<Piece>, config: &MockConfig) -> Self {
        let plain = config.chunk_bytes == 0 && config.abort_after_bytes.is_none();
        let (pieces, stall_at_end) = match body {
            Pieces::Whole { bytes, tokens } if plain => {
                return Self { line, billed, play: Play::Whole { bytes: Some(bytes), tokens } };
            }
            Pieces::Whole { bytes, tokens } => (vec![Piece { bytes, tokens, stamped: false }], false),
            Pieces::Stream(pieces) => arrange(pieces, error, config),
        };
        let slow = Slow {
            pieces: pieces.into(),
            rest: Bytes::new(),
            interval: Duration::from_millis(config.interval_ms),
            due: None,
            timer: None,
            chunk_bytes: config.chunk_bytes,
            budget: config.abort_after_bytes,
            stall_at_end,
            flush: false,
        };
        Self { line, billed, play: Play::Slow(Box::new(slow)) }
    }
}

/// The pieces as they will be sent, and whether the stream hangs after the last.
fn arrange(mut pieces: Vec<Piece>, error: Option<Piece>, config: &MockConfig) -> (Vec<Piece>, bool) {
    let before = |pieces: &[Piece], count: usize| {
        let texts = pieces.iter().enumerate().filter(|(_, piece)| piece.tokens > 0);
        texts.map(|(at, _)| at).nth(count).unwrap_or(pieces.len())
    };
    let mut stall = false;
    if let (Some(count), Some(error)) = (config.error_after_events, error) {
        pieces.truncate(before(&pieces, count));
        pieces.push(error);
    } else if let Some(count) = config.stall_after_events {
        pieces.truncate(before(&pieces, count));
        stall = true;
    }
    if config.burst {
        let tokens = pieces.iter().map(|piece| piece.tokens).sum();
        let mut all = BytesMut::with_capacity(pieces.iter().map(|piece| piece.bytes.len()).sum());
        pieces.iter().for_each(|piece| all.extend_from_slice(&piece.bytes));
        pieces = vec![Piece { bytes: all.freeze(), tokens, stamped: false }];
    }
    (pieces, stall)
}

impl Slow {
    /// `Ready(None)` at the end, `Ready(Some(Err))` to drop the connection.
    fn poll(&mut self, line: &mut Line, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if std::mem::take(&mut self.flush) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.budget == Some(0) {
            line.abandon();
            return Poll::Ready(Some(Err(io::Error::other("the mock drops this connection, as configured"))));
        }
        if self.rest.is_empty() {
            let Some(next) = self.pieces.front() else {
                // A stalled stream has no waker: only the client can end it.
                return if self.stall_at_end { Poll::Pending } else { Poll::Ready(None) };
            };
            if next.tokens > 0 && !self.interval.is_zero() && !self.beat(cx) {
                return Poll::Pending;
            }
            let Some(piece) = self.pieces.pop_front() else { return Poll::Ready(None) };
            line.wrote(piece.tokens);
            self.rest = if piece.stamped { stamped(&piece.bytes) } else { piece.bytes };
        }
        let mut size = self.rest.len();
        if self.chunk_bytes > 0 {
            size = size.min(self.chunk_bytes);
            self.flush = true;
        }
        if let Some(budget) = &mut self.budget {
            size = size.min(*budget);
            *budget -= size;
            self.flush |= *budget == 0;
        }
        Poll::Ready(Some(Ok(self.rest.split_to(size))))
    }

    /// Whether the next text event may go; the first may at once.
    fn beat(&mut self, cx: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let due = *self.due.get_or_insert(now);
        if due > now {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
        }
        self.due = Some(due + self.interval);
        true
    }
}

impl Body for Reel {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Self { line, billed, play } = self.get_mut();
        match play {
            Play::Whole { bytes, tokens } => {
                line.wrote(*tokens);
                line.finish(*billed);
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Play::Slow(slow) => slow.poll(line, cx).map(|sent| {
                if sent.is_none() {
                    line.finish(*billed);
                }
                sent.map(|sent| sent.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.play, Play::Whole { bytes: None, .. })
    }

    fn size_hint(&self) -> SizeHint {
        match &self.play {
            Play::Whole { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Play::Slow(_) => SizeHint::default(),
        }
    }
}

fn stamped(event: &Bytes) -> Bytes {
    let Some(at) = memchr::memmem::find(event, STAMP) else { return event.clone() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_micros());
    let mut bytes = BytesMut::from(&event[..]);
    bytes[at + 1..at + STAMP.len()].copy_from_slice(format!("{now:016}").as_bytes());
    bytes.freeze()
}
