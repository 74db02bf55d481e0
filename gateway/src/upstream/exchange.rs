//! One exchange with a vendor: send a request, read the head of the answer.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};

use super::body::AnswerBody;
use super::connect::{ConnectError, Connector};
use super::head::{AnswerHead, Framing, Parsed, parse};
use super::io::{Io, Scratch};
use super::origin::Origin;
use super::pool::Pool;
use super::unpack::Coding;

/// Interim (1xx) answers that are skipped before it counts as nonsense.
const MAX_INTERIM: u32 = 8;
/// Bodies up to this size are copied behind their head, so that one plain write sends both.
const JOIN_BYTES: usize = 16 * 1024;

/// A waiting connection that closes without a byte this soon after a request was written had been closed by the vendor before
/// it saw the request. Later, the vendor may have been at work on it: sending it again could pay twice.
const REPLAY_WITHIN: Duration = Duration::from_secs(1);

/// What to send.
pub(crate) struct Ask<'a> {
    pub(crate) origin: &'a Origin,
    /// Request line and headers, complete with the empty line.
    pub(crate) head: Vec<u8>,
    pub(crate) body: &'a [u8],
}

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    pub(crate) connect: Duration,
    pub(crate) first_byte: Duration,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: AnswerHead,
    pub(crate) body: AnswerBody,
}

impl Answer {
    /// Unpacks the body as it is read, where it came packed in a way that is known, and takes the coding out of the head.
    pub(crate) fn unpack(&mut self) {
        if let Some(coding) = Coding::named(self.head.all("content-encoding")) {
            self.body.unpack(coding);
            self.head.forget("content-encoding");
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the connection broke before an answer came")]
    Broken,
    #[error("no answer within the time allowed")]
    TimedOut,
    #[error("the answer is not HTTP")]
    NotHttp,
}

/// Sends `ask` on a waiting or a new connection and reads the head of the answer.
///
/// A waiting connection that turns out to have been closed by the vendor is replaced by a new one, once.
pub(crate) async fn exchange(
    connector: &Connector,
    pool: &Rc<Pool>,
    scratch: &Scratch,
    mut ask: Ask<'_>,
    timers: Timers,
) -> Result<Answer, Fault> {
    // The method is read from what goes out, so that nobody can say another one.
    let method =
        Method { is_head: ask.head.starts_with(b"HEAD "), is_safe: ask.head.starts_with(b"GET ") || ask.head.starts_with(b"HEAD ") };
    let joined = ask.body.len() <= JOIN_BYTES;
    if joined {
        ask.head.extend_from_slice(ask.body);
    }
    let body = if joined { &[][..] } else { ask.body };
    if let Some(io) = pool.take(&ask.origin.pool_key) {
        match attempt(io, &ask.head, body, method, scratch, timers.first_byte).await {
            Ok(received) => return Ok(received.into_answer(pool, ask.origin)),
            Err(Lost { replay: true, .. }) => {}
            Err(Lost { fault, .. }) => return Err(fault),
        }
    }
    let io = connector.connect(ask.origin, timers.connect).await?;
    match attempt(io, &ask.head, body, method, scratch, timers.first_byte).await {
        Ok(received) => Ok(received.into_answer(pool, ask.origin)),
        Err(Lost { fault, .. }) => Err(fault),
    }
}

#[derive(Clone, Copy, Debug)]
struct Method {
    is_head: bool,
    /// May be asked twice.
    is_safe: bool,
}

/// The head of an answer, and the connection that its body will come from.
struct Received {
    io: Io,
    head: AnswerHead,
    framing: Framing,
    rest: BytesMut,
}

impl Received {
    fn into_answer(self, pool: &Rc<Pool>, origin: &Origin) -> Answer {
        let body = AnswerBody::new(self.io, self.rest, self.framing, Rc::clone(pool), std::sync::Arc::clone(&origin.pool_key));
        Answer { head: self.head, body }
    }
}

/// No answer came on this connection.
struct Lost {
    fault: Fault,
    /// The vendor cannot have acted on the request.
    replay: bool,
}

async fn attempt(mut io: Io, head: &[u8], body: &[u8], method: Method, scratch: &Scratch, within: Duration) -> Result<Received, Lost> {
    let mut sending = Sending { head, body, state: SendState::Open };
    let mut reading = HeadReader { is_head: method.is_head, ..HeadReader::default() };
    let both = std::future::poll_fn(|cx| {
        sending.poll(&mut io, cx);
        // Also while the request is still being written: a vendor may answer (413, 401) before it has read everything, and
        // then read no more. As long as nothing has come this asks the runtime, not the system.
        reading.poll(&mut io, cx, scratch)
    });
    match tokio::time::timeout(within, both).await {
        Ok(Ok((head, mut framing))) => {
            // What is left of the request would be taken for the next one.
            framing.keep_alive &= matches!(sending.state, SendState::Written(_));
            Ok(Received { io, head, framing, rest: reading.kept })
        }
        Ok(Err(fault)) => {
            let replay = matches!(fault, Fault::Broken) && !reading.bytes_back && cannot_be_at_work(sending.state, method);
            Err(Lost { fault, replay })
        }
        Err(_) => Err(Lost { fault: Fault::TimedOut, replay: false }),
    }
}

/// Whether a connection that closed without a byte had a request that the vendor did not take, or may be asked again anyway.
fn cannot_be_at_work(sent: SendState, method: Method) -> bool {
    match sent {
        SendState::Open | SendState::Failed => true,
        SendState::Written(at) => method.is_safe || at.elapsed() < REPLAY_WITHIN,
    }
}

/// A request on its way out.
struct Sending<'a> {
    head: &'a [u8],
    body: &'a [u8],
    state: SendState,
}

#[derive(Clone, Copy, Debug)]
enum SendState {
    Open,
    Written(Instant),
    /// The vendor takes no more; it may have answered all the same, and then its answer counts.
    Failed,
}

impl Sending<'_> {
    fn poll(&mut self, io: &mut Io, cx: &mut Context<'_>) {
        if !matches!(self.state, SendState::Open) {
            return;
        }
        match io.poll_send(cx, &mut self.head, &mut self.body) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.state = SendState::Written(Instant::now()),
            Poll::Ready(Err(_)) => self.state = SendState::Failed,
        }
    }
}

/// Reads the head of an answer, interim ones skipped.
#[derive(Debug, Default)]
struct HeadReader {
    /// Bytes of a head that is not complete; once it is, what came after it.
    kept: BytesMut,
    interim: u32,
    bytes_back: bool,
    is_head: bool,
}

impl HeadReader {
    fn poll(&mut self, io: &mut Io, cx: &mut Context<'_>, scratch: &Scratch) -> Poll<Result<(AnswerHead, Framing), Fault>> {
        loop {
            let mut parsed = Parsed::Partial;
            let (kept, is_head) = (&mut self.kept, self.is_head);
            let read = io.poll_read_with(cx, scratch, |input| {
                if kept.is_empty() {
                    // The usual case: the whole head in one read, parsed where it lies.
                    parsed = parse(input, is_head);
                    match &parsed {
                        Parsed::Complete { bytes, .. } => kept.extend_from_slice(input.get(*bytes..).unwrap_or_default()),
                        _ => kept.extend_from_slice(input),
                    }
                } else {
                    kept.extend_from_slice(input);
                    parsed = parse_kept(kept, is_head);
                }
            });
            match read {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_) | Ok(0)) => return Poll::Ready(Err(Fault::Broken)),
                Poll::Ready(Ok(_)) => self.bytes_back = true,
            }
            while let Parsed::Interim(bytes) = parsed {
                self.interim += 1;
                if self.interim > MAX_INTERIM {
                    return Poll::Ready(Err(Fault::NotHttp));
                }
                self.kept.advance(bytes.min(self.kept.len()));
                parsed = if self.kept.is_empty() { Parsed::Partial } else { parse_kept(&mut self.kept, is_head) };
            }
            match parsed {
                Parsed::Complete { head, framing, .. } => return Poll::Ready(Ok((head, framing))),
                Parsed::Invalid => return Poll::Ready(Err(Fault::NotHttp)),
                Parsed::Partial | Parsed::Interim(_) => {}
            }
        }
    }
}

/// Parses a head that came in pieces, and takes it out of `kept` when it is complete.
fn parse_kept(kept: &mut BytesMut, is_head: bool) -> Parsed {
    let parsed = parse(kept, is_head);
    if let Parsed::Complete { bytes, .. } = &parsed {
        kept.advance((*bytes).min(kept.len()));
    }
    parsed
}

#[cfg(test)]
mod tests;
