//! A stream that is one JSON array through the strands: each element goes out as it came, rewritten, or not at all, with one comma
//! between two.

use bytes::BytesMut;

use super::event::Becomes;
use super::strands::{Late, Strands};
use super::{Censor, ScreenFault};
use crate::frame::json_array::Splitter;

/// The elements of a stream.
#[derive(Debug, Default)]
pub(super) struct Elements {
    splitter: Splitter,
    /// The start of an element that is not whole yet, with what stands before it.
    held: BytesMut,
    /// What stands before the first element, while none went out.
    opening: Option<Vec<u8>>,
    /// An element went out.
    begun: bool,
    /// The end of the array went out.
    ended: bool,
}

/// What stands between two elements. Source: Google's own streams.
const BETWEEN: &[u8] = b",\r\n";

impl Elements {
    pub(super) fn push(
        &mut self,
        input: &[u8],
        strands: &mut Strands,
        censor: &mut dyn Censor,
        out: &mut BytesMut,
    ) -> Result<(), ScreenFault> {
        let Self { splitter, held, opening, begun, ended } = self;
        let mut from = 0;
        let mut fault = None;
        let pushed = splitter.push_at(input, |element, end| {
            if fault.is_some() {
                return;
            }
            held.extend_from_slice(input.get(from..end).unwrap_or_default());
            from = end;
            let raw = held.split();
            let gap = raw.len().saturating_sub(element.len());
            let gap = raw.get(..gap).unwrap_or_default();
            fault = one(element, gap, (opening, begun), strands, censor, out).err();
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
        pushed.map_err(ScreenFault::Stream)?;
        held.extend_from_slice(input.get(from..).unwrap_or_default());
        if splitter.has_ended() {
            let tail = held.split();
            if !*ended {
                let mut late = Vec::new();
                let flushed = strands.end_all(censor, &mut late);
                tell(&late, (opening, begun), out);
                flushed?;
                if let Some(opening) = opening.take() {
                    out.extend_from_slice(&opening);
                }
            }
            out.extend_from_slice(&tail);
            *ended = true;
        }
        Ok(())
    }

    /// A last element, and the closing bracket; false where the array was closed before.
    pub(super) fn break_off(&self, element: &[u8], out: &mut BytesMut) -> bool {
        if self.ended {
            return false;
        }
        let before = if self.begun { BETWEEN } else { b"[" };
        for part in [before, element, b"\n]"] {
            out.extend_from_slice(part);
        }
        true
    }

    /// Ends the stream, which may lack its closing bracket; half an element does not go out.
    pub(super) fn finish(&mut self, strands: &mut Strands, censor: &mut dyn Censor, out: &mut BytesMut) -> Result<(), ScreenFault> {
        let Self { splitter, held, opening, begun, ended } = self;
        if *ended {
            return Ok(());
        }
        let mut late = Vec::new();
        let ended = strands.end_all(censor, &mut late);
        tell(&late, (opening, begun), out);
        let rest = held.split();
        // A comma only stands before something.
        if splitter.at_boundary() && late.is_empty() {
            out.extend_from_slice(&rest);
        }
        ended
    }
}

fn one(
    element: &[u8],
    gap: &[u8],
    (opening, begun): (&mut Option<Vec<u8>>, &mut bool),
    strands: &mut Strands,
    censor: &mut dyn Censor,
    out: &mut BytesMut,
) -> Result<(), ScreenFault> {
    let first = !*begun && opening.is_none();
    if first {
        *opening = Some(gap.to_vec());
    }
    let before = *begun;
    let mut late = Vec::new();
    let becomes = strands.take(b"", element, false, censor, &mut late);
    tell(&late, (opening, begun), out);
    let becomes = becomes?;
    if becomes == Becomes::Gone {
        return Ok(());
    }
    match opening.take() {
        Some(opening) => out.extend_from_slice(&opening),
        // Elements that went before this one may have been left out, with their comma.
        None if before => out.extend_from_slice(gap),
        None => out.extend_from_slice(BETWEEN),
    }
    *begun = true;
    out.extend_from_slice(match &becomes {
        Becomes::Data(data) => data,
        Becomes::Same | Becomes::Gone => element,
    });
    Ok(())
}

fn tell(late: &[Late], (opening, begun): (&mut Option<Vec<u8>>, &mut bool), out: &mut BytesMut) {
    for Late { data, .. } in late {
        match opening.take() {
            Some(opening) => out.extend_from_slice(&opening),
            None => out.extend_from_slice(BETWEEN),
        }
        *begun = true;
        out.extend_from_slice(data.as_bytes());
    }
}
