//! A stream of events through the strands: each block goes out whole, as it came, rewritten, or not at all.

use bytes::BytesMut;

use super::block;
use super::event::Becomes;
use super::strands::{Late, Strands};
use super::{Censor, ScreenFault};
use crate::frame::sse::{Framer, Piece};
use crate::json::skip;
use crate::limits::KEPT_BUFFER_BYTES;

/// The events of a stream.
#[derive(Debug)]
pub(super) struct Events {
    framer: Framer,
    /// The start of a block that is not whole yet.
    held: BytesMut,
    /// Where in `held` the line begins that is not whole yet.
    line: usize,
    /// A block was taken.
    begun: bool,
    /// The stream is at its end: what is cut off is not told.
    last: bool,
}

impl Events {
    pub(super) fn new() -> Self {
        Self { framer: Framer::splitting(), held: BytesMut::new(), line: 0, begun: false, last: false }
    }

    /// The last block lacked its blank line.
    pub(super) const fn is_torn(&self) -> bool {
        self.last
    }

    pub(super) fn push(
        &mut self,
        input: &[u8],
        strands: &mut Strands,
        censor: &mut dyn Censor,
        out: &mut BytesMut,
    ) -> Result<(), ScreenFault> {
        let Self { framer, held, line, begun, last } = self;
        // A CR that turns out to be all of its line's end.
        if held.ends_with(b"\r") && input.first().is_some_and(|&byte| byte != b'\n') {
            *line = held.len();
        }
        let mut from = 0;
        let mut fault = None;
        let pushed = framer.push(input, |piece, end| {
            if fault.is_some() {
                return;
            }
            let comes = input.get(from..end).unwrap_or_default();
            from = from.max(end);
            // A block that is ended by the beginning of the next line, which came before this input.
            let ended_before = end == 0 && matches!(piece, Piece::Block { .. }) && {
                let (before, line) = held.split_at_checked(*line).unwrap_or((held, b""));
                !line.trim_ascii().is_empty()
                    && before
                        .split(|byte| matches!(byte, b'\n' | b'\r'))
                        .enumerate()
                        .any(|(n, line)| block::is_data(line, n == 0 && !*begun))
            };
            let (raw, rest) = if ended_before {
                let rest = held.split_off(*line);
                (held.split(), rest)
            } else if held.is_empty() {
                *line = 0;
                let first = !std::mem::replace(begun, true);
                fault = one(piece, comes, (first, *last), strands, censor, out).err();
                return;
            } else {
                held.extend_from_slice(comes);
                (held.split(), BytesMut::new())
            };
            *line = 0;
            let first = !std::mem::replace(begun, true);
            fault = one(piece, &raw, (first, *last), strands, censor, out).err();
            *held = rest;
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
        pushed.map_err(ScreenFault::Stream)?;
        let rest = input.get(from..).unwrap_or_default();
        if rest.is_empty() && held.is_empty() && held.capacity() > KEPT_BUFFER_BYTES {
            *held = BytesMut::new();
        }
        held.extend_from_slice(rest);
        // A CR at the end may be half of its line's end.
        let whole = held.strip_suffix(b"\r").unwrap_or(held);
        let found = memchr::memrchr2(b'\n', b'\r', whole).map_or(0, |at| at + 1);
        *line = found;
        Ok(())
    }

    /// Ends the stream: a block that only lacks its blank line counts, what is cut off within does not go out.
    pub(super) fn finish(&mut self, strands: &mut Strands, censor: &mut dyn Censor, out: &mut BytesMut) -> Result<(), ScreenFault> {
        let torn = !self.framer.at_boundary();
        let before = out.len();
        if torn {
            self.last = true;
            self.push(END, strands, censor, out)?;
        }
        let mut late = Vec::new();
        let ended = strands.end_all(censor, &mut late);
        // The blank line is ours: it stays only where something follows.
        if torn && late.is_empty() && out.len() >= before + END.len() && out.ends_with(END) {
            out.truncate(out.len() - END.len());
        }
        tell(&late, out);
        ended
    }
}

/// Ends any line and block.
const END: &[u8] = b"\n\n";

fn one(
    piece: Piece<'_>,
    raw: &[u8],
    (first, last): (bool, bool),
    strands: &mut Strands,
    censor: &mut dyn Censor,
    out: &mut BytesMut,
) -> Result<(), ScreenFault> {
    let kept = block::shown(raw, first, censor).map_err(|_| ScreenFault::Stopped)?;
    let raw = kept.as_deref().unwrap_or(raw);
    let Piece::Block { event, data: Some(data) } = piece else {
        out.extend_from_slice(raw);
        return Ok(());
    };
    if last && matches!(data.trim_ascii().first(), Some(b'{' | b'[')) && data.trim_ascii() != b"[DONE]" && skip::check(data).is_err() {
        return Ok(());
    }
    let closed = [b"\n\n".as_slice(), b"\n\r\n", b"\r\r"].iter().any(|end| raw.ends_with(end));
    let mut late = Vec::new();
    let becomes = strands.take(event, data, !closed, censor, &mut late);
    tell(&late, out);
    match becomes? {
        Becomes::Same => out.extend_from_slice(raw),
        Becomes::Gone => {}
        Becomes::Data(data) => block::rewrite(raw, first, &data, out),
    }
    Ok(())
}

fn tell(late: &[Late], out: &mut BytesMut) {
    for Late { event, data } in late {
        if !event.is_empty() {
            for part in [b"event: ", event.as_slice(), b"\n"] {
                out.extend_from_slice(part);
            }
        }
        for part in [b"data: ", data.as_bytes(), b"\n\n"] {
            out.extend_from_slice(part);
        }
    }
}
