//! One exchange with a vendor: send a request, read the head of the answer.

use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;

use super::body::AnswerBody;
use super::connect::{ConnectError, Connector};
use super::head::{AnswerHead, Framing, Parsed, parse};
use super::io::{Io, Scratch};
use super::origin::Origin;
use super::pool::Pool;

/// Interim (1xx) answers that are skipped before it counts as nonsense.
const MAX_INTERIM: u32 = 8;
/// Bodies up to this size are copied behind their head, so that one plain write sends both.
const JOIN_BYTES: usize = 16 * 1024;

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
/// A waiting connection that turns out closed before a single byte came back is replaced by a new one, once.
pub(crate) async fn exchange(connector: &Connector, pool: &Rc<Pool>, scratch: &Scratch, mut ask: Ask<'_>, timers: Timers) -> Result<Answer, Fault> {
    let joined = ask.body.len() <= JOIN_BYTES;
    if joined {
        ask.head.extend_from_slice(ask.body);
    }
    let body = if joined { &[][..] } else { ask.body };
    if let Some(mut io) = pool.take(&ask.origin.pool_key) {
        match send_and_read(&mut io, &ask.head, body, scratch, timers.first_byte).await {
            Ok((head, framing, rest)) => return Ok(answer(io, head, framing, rest, pool, ask.origin)),
            Err(Sent { fault: Fault::Broken, bytes_back: false }) => {}
            Err(Sent { fault, .. }) => return Err(fault),
        }
    }
    let mut io = connector.connect(ask.origin, timers.connect).await?;
    match send_and_read(&mut io, &ask.head, body, scratch, timers.first_byte).await {
        Ok((head, framing, rest)) => Ok(answer(io, head, framing, rest, pool, ask.origin)),
        Err(Sent { fault, .. }) => Err(fault),
    }
}

fn answer(io: Io, head: AnswerHead, framing: Framing, rest: BytesMut, pool: &Rc<Pool>, origin: &Origin) -> Answer {
    let body = AnswerBody::new(io, rest, framing, Rc::clone(pool), std::sync::Arc::clone(&origin.pool_key));
    Answer { head, body }
}

struct Sent {
    fault: Fault,
    bytes_back: bool,
}

async fn send_and_read(io: &mut Io, head: &[u8], body: &[u8], scratch: &Scratch, within: Duration) -> Result<(AnswerHead, Framing, BytesMut), Sent> {
    let mut bytes_back = false;
    let exchange = async {
        // A vendor may answer and close before it has read everything (413, 401): then the answer counts, not the failed write.
        let written = io.write_all(head, body).await;
        read_head(io, scratch, &mut bytes_back).await.map_err(|fault| match (fault, written) {
            (Fault::Broken, Err(_)) => Fault::Broken,
            (fault, _) => fault,
        })
    };
    match tokio::time::timeout(within, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(fault)) => Err(Sent { fault, bytes_back }),
        Err(_) => Err(Sent { fault: Fault::TimedOut, bytes_back }),
    }
}

async fn read_head(io: &mut Io, scratch: &Scratch, bytes_back: &mut bool) -> Result<(AnswerHead, Framing, BytesMut), Fault> {
    let mut kept = BytesMut::new();
    let mut interim = 0;
    std::future::poll_fn(|cx| {
        loop {
            let mut parsed = Parsed::Partial;
            let read = io.poll_read_with(cx, scratch, |input| {
                if kept.is_empty() {
                    // The usual case: the whole head in one read, parsed where it lies.
                    parsed = parse(input);
                    match &parsed {
                        Parsed::Complete { bytes, .. } => kept.extend_from_slice(input.get(*bytes..).unwrap_or_default()),
                        _ => kept.extend_from_slice(input),
                    }
                } else {
                    kept.extend_from_slice(input);
                    parsed = parse(&kept);
                    if let Parsed::Complete { bytes, .. } = &parsed {
                        let _ = kept.split_to(*bytes);
                    }
                }
            });
            match read {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Fault::Broken)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Fault::Broken)),
                Poll::Ready(Ok(_)) => *bytes_back = true,
            }
            while let Parsed::Interim(bytes) = parsed {
                interim += 1;
                if interim > MAX_INTERIM {
                    return Poll::Ready(Err(Fault::NotHttp));
                }
                let _ = kept.split_to(bytes.min(kept.len()));
                parsed = if kept.is_empty() { Parsed::Partial } else { parse(&kept) };
                if let Parsed::Complete { bytes, .. } = &parsed {
                    let _ = kept.split_to(*bytes);
                }
            }
            match parsed {
                Parsed::Complete { head, framing, .. } => return Poll::Ready(Ok((head, framing, std::mem::take(&mut kept)))),
                Parsed::Invalid => return Poll::Ready(Err(Fault::NotHttp)),
                Parsed::Partial | Parsed::Interim(_) => {}
            }
        }
    })
    .await
}
