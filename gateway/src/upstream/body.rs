//! The body of a vendor's answer, handed over as it is read.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;

use super::chunked::Chunked;
use super::head::{Framing, Length};
use super::io::{Io, Scratch};
use super::pool::Pool;
use super::unpack::{Coding, Unpacker};

/// What one poll of a body gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Bytes went to the sink (perhaps none, where only framing was read).
    Data,
    /// The body is complete; the connection has gone back to the pool if it may be used again.
    End,
}

/// Why a body broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    #[error("the connection closed before the end of the answer")]
    Truncated,
    #[error("the answer's coding is broken")]
    Coding,
}

/// A body being read.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    io: Option<Io>,
    /// Bytes that came with the head; empty afterwards.
    rest: BytesMut,
    left: Left,
    keep_alive: bool,
    pool: Rc<Pool>,
    pool_key: Arc<str>,
    /// Set for an answer that came packed and is handed over unpacked.
    unpacker: Option<Box<Unpacker>>,
}

#[derive(Debug)]
enum Left {
    Known(u64),
    Chunked(Chunked),
    UntilClose,
}

impl AnswerBody {
    pub(crate) fn new(io: Io, rest: BytesMut, framing: Framing, pool: Rc<Pool>, pool_key: Arc<str>) -> Self {
        let left = match framing.length {
            Length::Known(bytes) => Left::Known(bytes),
            Length::Chunked => Left::Chunked(Chunked::new()),
            Length::UntilClose => Left::UntilClose,
        };
        Self { io: Some(io), rest, left, keep_alive: framing.keep_alive, pool, pool_key, unpacker: None }
    }

    /// From now on hands over what is packed in this coding.
    pub(super) fn unpack(&mut self, coding: Coding) {
        self.unpacker = Some(Box::new(Unpacker::new(coding)));
    }

    /// The length the head announced, if it did. That of a packed body says nothing about what is handed over.
    pub(crate) const fn known_length(&self) -> Option<u64> {
        match self.left {
            Left::Known(bytes) if self.unpacker.is_none() => Some(bytes),
            Left::Known(_) | Left::Chunked(_) | Left::UntilClose => None,
        }
    }

    /// Reads once and gives the data to `sink`. Of a packed body it reads nothing while there is something to unpack, and gives
    /// one bounded piece.
    pub(crate) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
        sink: impl FnMut(&[u8]),
    ) -> Poll<Result<Progress, BodyFault>> {
        let Some(mut unpacker) = self.unpacker.take() else { return self.poll_read(cx, scratch, sink) };
        let polled = self.poll_unpacked(&mut unpacker, cx, scratch, sink);
        self.unpacker = Some(unpacker);
        polled
    }

    fn poll_unpacked(
        &mut self,
        unpacker: &mut Unpacker,
        cx: &mut Context<'_>,
        scratch: &Scratch,
        sink: impl FnMut(&[u8]),
    ) -> Poll<Result<Progress, BodyFault>> {
        if !unpacker.has_more() {
            match self.poll_read(cx, scratch, |packed| unpacker.push(packed)) {
                Poll::Ready(Ok(Progress::Data)) => {}
                // What packs the answer broke off, though what carries it did not.
                Poll::Ready(Ok(Progress::End)) if !unpacker.is_at_end() => return Poll::Ready(Err(BodyFault::Truncated)),
                other => return other,
            }
        }
        let unpacked = unpacker.step(&mut scratch.lend(), sink);
        if unpacked.is_err() {
            self.io = None;
        }
        Poll::Ready(unpacked.map(|()| Progress::Data))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, scratch: &Scratch, mut sink: impl FnMut(&[u8])) -> Poll<Result<Progress, BodyFault>> {
        if self.is_read() {
            return Poll::Ready(Ok(self.end()));
        }
        let Some(io) = &mut self.io else { return Poll::Ready(Ok(Progress::End)) };
        let mut taken = Ok(0);
        let (had, eof) = if self.rest.is_empty() {
            let left = &mut self.left;
            match io.poll_read_with(cx, scratch, |input| taken = take(left, input, &mut sink)) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(bytes)) => (bytes, bytes == 0),
                // A reset after the last byte of an until-close body cannot be told from a cut: it is a cut.
                Poll::Ready(Err(_)) => {
                    self.io = None;
                    return Poll::Ready(Err(BodyFault::Truncated));
                }
            }
        } else {
            let had = self.rest.len();
            taken = take(&mut self.left, &self.rest, &mut sink);
            self.rest.clear();
            (had, false)
        };
        let Ok(taken) = taken else {
            self.io = None;
            return Poll::Ready(Err(BodyFault::Coding));
        };
        if eof {
            self.io = None;
            return Poll::Ready(if matches!(self.left, Left::UntilClose) { Ok(Progress::End) } else { Err(BodyFault::Truncated) });
        }
        if self.is_read() && had != taken {
            // Bytes after the end: whatever they are, this connection is not used again.
            self.keep_alive = false;
        }
        Poll::Ready(Ok(Progress::Data))
    }

    /// The last byte has been handed over.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_read() && self.unpacker.as_ref().is_none_or(|unpacker| unpacker.is_at_end())
    }

    /// The last byte has been read.
    const fn is_read(&self) -> bool {
        match &self.left {
            Left::Known(bytes) => *bytes == 0,
            Left::Chunked(machine) => machine.is_done(),
            Left::UntilClose => false,
        }
    }

    fn end(&mut self) -> Progress {
        // Bytes after the end of the answer belong to nobody: the next call must not take them for its own.
        if let Some(io) = self.io.take()
            && self.keep_alive
            && self.rest.is_empty()
        {
            self.pool.put(&self.pool_key, io);
        }
        Progress::End
    }
}

fn take(left: &mut Left, input: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<usize, super::chunked::Broken> {
    match left {
        Left::Known(bytes) => {
            let take = usize::try_from(*bytes).map_or(input.len(), |left| left.min(input.len()));
            sink(input.get(..take).unwrap_or_default());
            *bytes -= take as u64;
            Ok(take)
        }
        Left::Chunked(machine) => machine.feed(input, sink),
        Left::UntilClose => {
            sink(input);
            Ok(input.len())
        }
    }
}
