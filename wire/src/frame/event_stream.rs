//! Binary event streams (`application/vnd.amazon.eventstream`) over arbitrary cuts: length-prefixed frames with
//! two checksums. Source: the AWS event stream encoding as its SDKs read it; all numbers are big endian.
//!
//! ```text
//! u32 total | u32 headers | u32 crc of these 8 bytes | headers | payload | u32 crc of everything before
//! ```
//!
//! Nothing is handed over before both checksums and every header are found good. Start at [`EventStream::push`].

use crate::limits::{EVENT_HEADERS, EVENT_HEADERS_BYTES, EVENT_PAYLOAD_BYTES, KEPT_BUFFER_BYTES};

mod header;

pub use header::{Header, Headers, Value};

/// Both lengths and their checksum.
const PRELUDE_BYTES: usize = 12;
/// The checksum at the end.
const TRAILER_BYTES: usize = 4;
/// A frame without headers and payload.
const MIN_FRAME_BYTES: usize = PRELUDE_BYTES + TRAILER_BYTES;

/// Why a stream is given up. There is no way to find the next frame after any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The lengths are not what was sent, or this is no event stream.
    #[error("the checksum of a frame's lengths is wrong")]
    PreludeChecksum,
    /// The frame is not what was sent.
    #[error("the checksum of a frame is wrong")]
    Checksum,
    /// The lengths contradict each other.
    #[error("the lengths of a frame contradict each other")]
    Lengths,
    /// Headers beyond [`EVENT_HEADERS_BYTES`].
    #[error("the headers of a frame are longer than {EVENT_HEADERS_BYTES} bytes")]
    HeadersTooLong,
    /// More headers than [`EVENT_HEADERS`].
    #[error("a frame has more than {EVENT_HEADERS} headers")]
    TooManyHeaders,
    /// A payload beyond [`EVENT_PAYLOAD_BYTES`].
    #[error("the payload of a frame is longer than {EVENT_PAYLOAD_BYTES} bytes")]
    PayloadTooLong,
    /// A header that is cut, empty, of an unknown type, or not UTF-8 where it must be.
    #[error("malformed header at byte {at} of a frame's headers: {what}")]
    Header {
        /// Offset in the header block.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Two headers of one name; which one counts differs between readers.
    #[error("a frame has two headers of one name")]
    DuplicateHeader,
}

/// One sound frame.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    headers: Headers<'a>,
    /// What the frame carries: JSON, for models.
    pub payload: &'a [u8],
}

/// Cuts a stream into frames.
#[derive(Debug, Default)]
pub struct EventStream {
    /// The start of a frame whose end has not come.
    partial: Vec<u8>,
    /// The whole length of that frame, once its prelude is there and sound.
    awaited: Option<Frame>,
    /// Why the stream was given up: what comes after is not read.
    fault: Option<FrameFault>,
}

/// The lengths of a frame, found sound.
#[derive(Clone, Copy, Debug)]
struct Frame {
    total: usize,
    headers: usize,
}

impl<'a> Message<'a> {
    /// All headers, in order.
    #[must_use]
    pub const fn headers(&self) -> Headers<'a> {
        self.headers
    }

    /// The header `name`, where it is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.headers.clone().find(|header| header.name == name).and_then(|header| match header.value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    /// `event`, `exception` or `error`.
    #[must_use]
    pub fn message_type(&self) -> Option<&'a str> {
        self.text(":message-type")
    }

    /// Which event this is, where it is one: `contentBlockDelta`.
    #[must_use]
    pub fn event_type(&self) -> Option<&'a str> {
        self.text(":event-type")
    }

    /// Which modelled error this is, where it is one: `throttlingException`. The payload says more.
    #[must_use]
    pub fn exception_type(&self) -> Option<&'a str> {
        self.text(":exception-type")
    }

    /// The code of an unmodelled error. Such frames have no payload.
    #[must_use]
    pub fn error_code(&self) -> Option<&'a str> {
        self.text(":error-code")
    }

    /// The text of an unmodelled error.
    #[must_use]
    pub fn error_message(&self) -> Option<&'a str> {
        self.text(":error-message")
    }

    /// The media type of the payload.
    #[must_use]
    pub fn content_type(&self) -> Option<&'a str> {
        self.text(":content-type")
    }
}

impl EventStream {
    /// A framer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// True between frames. A stream that ends elsewhere was truncated.
    #[must_use]
    pub const fn at_boundary(&self) -> bool {
        self.partial.is_empty() && self.fault.is_none()
    }

    /// Takes the next bytes; `on` is told each frame that is complete. A frame that lies in `input` is not copied.
    ///
    /// # Errors
    ///
    /// When the stream is broken; frames before the broken one have been told. Every later call says the same.
    pub fn push(&mut self, input: &[u8], mut on: impl FnMut(Message<'_>)) -> Result<(), FrameFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let taken = self.take(input, &mut on);
        if let Err(fault) = taken {
            self.fault = Some(fault);
            self.partial = Vec::new();
        }
        taken
    }

    fn take(&mut self, input: &[u8], on: &mut impl FnMut(Message<'_>)) -> Result<(), FrameFault> {
        let mut rest = self.complete(input, on)?;
        // Here nothing is kept, or `rest` is empty.
        while let Some(frame) = prelude(rest)? {
            let Some((bytes, after)) = rest.split_at_checked(frame.total) else {
                self.awaited = Some(frame);
                break;
            };
            on(message(bytes, frame)?);
            rest = after;
        }
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// Completes the frame that was begun, as far as `input` goes; gives what belongs to later frames.
    fn complete<'i>(&mut self, input: &'i [u8], on: &mut impl FnMut(Message<'_>)) -> Result<&'i [u8], FrameFault> {
        if self.partial.is_empty() {
            return Ok(input);
        }
        let mut rest = input;
        let frame = match self.awaited {
            Some(frame) => frame,
            None => {
                // The kept bytes grow by what comes, never by what a length announces.
                rest = self.fill(rest, PRELUDE_BYTES);
                let Some(frame) = prelude(&self.partial)? else { return Ok(rest) };
                self.awaited = Some(frame);
                frame
            }
        };
        rest = self.fill(rest, frame.total);
        if self.partial.len() == frame.total {
            on(message(&self.partial, frame)?);
            self.awaited = None;
            if self.partial.capacity() > KEPT_BUFFER_BYTES {
                self.partial = Vec::new();
            } else {
                self.partial.clear();
            }
        }
        Ok(rest)
    }

    /// Moves bytes of `input` behind the kept ones until there are `upto`; gives the others.
    fn fill<'i>(&mut self, input: &'i [u8], upto: usize) -> &'i [u8] {
        let missing = upto.saturating_sub(self.partial.len()).min(input.len());
        let (take, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
        self.partial.extend_from_slice(take);
        rest
    }
}

/// The lengths at the start of `bytes`; nothing where they are not complete.
fn prelude(bytes: &[u8]) -> Result<Option<Frame>, FrameFault> {
    let Some(lengths) = bytes.get(..8) else { return Ok(None) };
    let (Some(total), Some(headers), Some(checksum)) = (u32_at(bytes, 0), u32_at(bytes, 4), u32_at(bytes, 8)) else { return Ok(None) };
    if crc32fast::hash(lengths) != checksum {
        return Err(FrameFault::PreludeChecksum);
    }
    let (Ok(total), Ok(headers)) = (usize::try_from(total), usize::try_from(headers)) else { return Err(FrameFault::Lengths) };
    if headers > EVENT_HEADERS_BYTES {
        return Err(FrameFault::HeadersTooLong);
    }
    let Some(payload) = total.checked_sub(MIN_FRAME_BYTES + headers) else { return Err(FrameFault::Lengths) };
    if payload > EVENT_PAYLOAD_BYTES {
        return Err(FrameFault::PayloadTooLong);
    }
    Ok(Some(Frame { total, headers }))
}

/// Judges one whole frame.
fn message(bytes: &[u8], frame: Frame) -> Result<Message<'_>, FrameFault> {
    let body_end = frame.total - TRAILER_BYTES;
    let payload_at = PRELUDE_BYTES + frame.headers;
    let checked = bytes.get(..body_end).unwrap_or_default();
    if u32_at(bytes, body_end) != Some(crc32fast::hash(checked)) {
        return Err(FrameFault::Checksum);
    }
    let headers = Headers::checked(checked.get(PRELUDE_BYTES..payload_at).unwrap_or_default())?;
    Ok(Message { headers, payload: checked.get(payload_at..).unwrap_or_default() })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// Writes one frame whose headers are all strings, as a mock vendor does. The other half of [`EventStream`].
///
/// A header whose name is empty or longer than 255 bytes, or whose value is longer than 65 535, cannot be written and is left out.
#[must_use]
pub fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        let (Ok(name_bytes @ 1..), Ok(value_bytes)) = (u8::try_from(name.len()), u16::try_from(value.len())) else { continue };
        block.push(name_bytes);
        block.extend_from_slice(name.as_bytes());
        block.push(header::TEXT);
        block.extend_from_slice(&value_bytes.to_be_bytes());
        block.extend_from_slice(value.as_bytes());
    }
    frame(&block, payload)
}

/// A frame around a finished header block.
fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = Vec::with_capacity(MIN_FRAME_BYTES + headers.len() + payload.len());
    out.extend_from_slice(&length(MIN_FRAME_BYTES + headers.len() + payload.len()));
    out.extend_from_slice(&length(headers.len()));
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

#[cfg(test)]
mod tests;
