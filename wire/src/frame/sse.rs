//! Server-sent events over arbitrary cuts. Source: WHATWG HTML §9.2.5 and §9.2.6, read generously:
//! a last event without its blank line still counts.

use std::ops::Range;

use crate::limits::{KEPT_BUFFER_BYTES, SSE_EVENT_BYTES, SSE_LINE_BYTES};

/// Why a stream is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// A line beyond [`SSE_LINE_BYTES`].
    #[error("a line of the stream is longer than {SSE_LINE_BYTES} bytes")]
    LineTooLong,
    /// An event beyond [`SSE_EVENT_BYTES`].
    #[error("an event of the stream is longer than {SSE_EVENT_BYTES} bytes")]
    EventTooLong,
    /// A translated stream beyond [`TRANSLATED_STREAM_BYTES`](crate::limits::TRANSLATED_STREAM_BYTES).
    #[error("the stream is longer than can be translated")]
    StreamTooLong,
    /// An event that cannot be one of its dialect.
    #[error("an event of the stream is not in its dialect")]
    NotProtocol,
}

/// What ended at some place of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A blank line closed a block of fields (or of nothing).
    Block {
        /// The `event:` field; empty where there is none.
        event: &'a [u8],
        /// The `data:` lines joined by line feeds; nothing where there is none (then it is no event).
        data: Option<&'a [u8]>,
    },
    /// A comment outside any block, such as a keep-alive.
    Comment,
}

/// Cuts a stream into events.
#[derive(Debug, Default)]
pub struct Framer {
    /// The start of a line whose end has not come.
    line: Vec<u8>,
    /// The last byte was a CR: the line has ended, but a LF may belong to it.
    after_cr: bool,
    data: Vec<u8>,
    has_data: bool,
    event: Vec<u8>,
    /// Bytes of the block so far, blank line excluded.
    block: usize,
    /// Any line was read: from now on a byte order mark is content.
    begun: bool,
    /// Data lines of the block so far.
    data_lines: u32,
    /// A data line after a whole JSON document begins an event of its own: some servers leave out the blank lines.
    splits: bool,
}

impl Framer {
    /// A framer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A framer that takes a data line after a whole JSON document for an event of its own.
    #[must_use]
    pub fn splitting() -> Self {
        Self { splits: true, ..Self::default() }
    }

    /// True between events: whatever is written next starts one.
    #[must_use]
    pub const fn at_boundary(&self) -> bool {
        self.line.is_empty() && !self.after_cr && self.block == 0
    }

    /// Takes the next bytes. `on` is told each piece, with the offset in `input` where it ends.
    ///
    /// # Errors
    ///
    /// When a line or an event is too long.
    pub fn push(&mut self, input: &[u8], mut on: impl FnMut(Piece<'_>, usize)) -> Result<(), StreamFault> {
        let mut at = 0;
        // A single data line that lies in `input` is not copied.
        let mut borrowed: Option<Range<usize>> = None;
        if self.after_cr && !input.is_empty() {
            at = usize::from(input.first() == Some(&b'\n'));
            self.after_cr = false;
            let line = std::mem::take(&mut self.line);
            self.line(&line, input, None, &mut borrowed, at, &mut on)?;
            self.keep_line(line);
        }
        while let Some(rest) = input.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.carry(rest)?;
                break;
            };
            if rest.get(length) == Some(&b'\r') && length + 1 == rest.len() {
                self.carry(rest.get(..length).unwrap_or_default())?;
                self.after_cr = true;
                break;
            }
            let crlf = rest.get(length..length + 2) == Some(b"\r\n");
            let end = at + length + 1 + usize::from(crlf);
            if self.line.is_empty() {
                let text = rest.get(..length).unwrap_or_default();
                self.line(text, input, Some(at), &mut borrowed, end, &mut on)?;
            } else {
                self.carry(rest.get(..length).unwrap_or_default())?;
                let line = std::mem::take(&mut self.line);
                self.line(&line, input, None, &mut borrowed, end, &mut on)?;
                self.keep_line(line);
            }
            at = end;
        }
        if let Some(range) = borrowed {
            self.data.extend_from_slice(input.get(range).unwrap_or_default());
        }
        Ok(())
    }

    /// Ends the stream: an event that only lacks its blank line is told.
    ///
    /// # Errors
    ///
    /// When the last event is too long.
    pub fn finish(&mut self, mut on: impl FnMut(Piece<'_>)) -> Result<(), StreamFault> {
        let mut borrowed = None;
        if self.after_cr || !self.line.is_empty() {
            self.after_cr = false;
            let line = std::mem::take(&mut self.line);
            self.line(&line, &[], None, &mut borrowed, 0, &mut |piece, _| on(piece))?;
        }
        if self.block > 0 {
            self.close(&[], &mut borrowed, 0, &mut |piece, _| on(piece));
        }
        Ok(())
    }

    fn carry(&mut self, bytes: &[u8]) -> Result<(), StreamFault> {
        if self.line.len() + bytes.len() > SSE_LINE_BYTES {
            return Err(StreamFault::LineTooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Gives a used line buffer back, unless it grew.
    fn keep_line(&mut self, mut line: Vec<u8>) {
        if line.capacity() <= KEPT_BUFFER_BYTES {
            line.clear();
            self.line = line;
        }
    }

    /// One whole line. `at` is its offset where it lies in `input`.
    fn line(
        &mut self,
        line: &[u8],
        input: &[u8],
        at: Option<usize>,
        borrowed: &mut Option<Range<usize>>,
        end: usize,
        on: &mut impl FnMut(Piece<'_>, usize),
    ) -> Result<(), StreamFault> {
        if line.len() > SSE_LINE_BYTES {
            return Err(StreamFault::LineTooLong);
        }
        let mut skipped = 0;
        let mut text = line;
        if !self.begun {
            self.begun = true;
            if let Some(after) = line.strip_prefix(b"\xef\xbb\xbf") {
                (text, skipped) = (after, 3);
            }
        }
        if text.is_empty() {
            self.close(input, borrowed, end, on);
            return Ok(());
        }
        if text.first() == Some(&b':') && self.block == 0 {
            on(Piece::Comment, end);
            return Ok(());
        }
        self.block += line.len() + 1;
        if self.block > SSE_EVENT_BYTES {
            return Err(StreamFault::EventTooLong);
        }
        let colon = text.iter().position(|&b| b == b':').unwrap_or(text.len());
        let (field, value) = text.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.splits && self.data_lines == 1 && self.is_whole(input, borrowed.as_ref()) {
                    let (event, block) = (std::mem::take(&mut self.event), line.len() + 1);
                    self.close(input, borrowed, at.unwrap_or(0), on);
                    (self.event, self.block) = (event, block);
                }
                self.data_lines += 1;
                if let Some(range) = borrowed.take() {
                    self.data.extend_from_slice(input.get(range).unwrap_or_default());
                }
                if self.has_data {
                    self.data.push(b'\n');
                    self.data.extend_from_slice(value);
                } else if let Some(at) = at {
                    let start = at + skipped + text.len() - value.len();
                    *borrowed = Some(start..start + value.len());
                } else {
                    self.data.extend_from_slice(value);
                }
                self.has_data = true;
            }
            b"event" => {
                self.event.clear();
                self.event.extend_from_slice(value);
            }
            // `id` and `retry` are for browsers; unknown fields are to be ignored.
            _ => {}
        }
        Ok(())
    }

    /// Whether the only data line so far is a whole document.
    fn is_whole(&self, input: &[u8], borrowed: Option<&Range<usize>>) -> bool {
        let data = borrowed.map_or(self.data.as_slice(), |range| input.get(range.clone()).unwrap_or_default()).trim_ascii();
        data.starts_with(b"{") && data.ends_with(b"}") && crate::json::skip::check(data).is_ok()
    }

    fn close(&mut self, input: &[u8], borrowed: &mut Option<Range<usize>>, end: usize, on: &mut impl FnMut(Piece<'_>, usize)) {
        let data = match borrowed.take() {
            Some(range) => input.get(range),
            None => self.has_data.then_some(self.data.as_slice()),
        };
        on(Piece::Block { event: &self.event, data }, end);
        self.has_data = false;
        self.data_lines = 0;
        self.block = 0;
        self.event.clear();
        if self.data.capacity() > KEPT_BUFFER_BYTES {
            self.data = Vec::new();
        } else {
            self.data.clear();
        }
    }
}

#[cfg(test)]
mod tests;
