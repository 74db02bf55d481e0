//! The head of a vendor's answer, and how long its body is.

use bytes::Bytes;

/// Bytes of an answer's head; more is not HTTP as vendors speak it.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Header lines of an answer.
const MAX_HEADERS: usize = 128;

/// Status and headers of an answer.
#[derive(Debug)]
pub(crate) struct AnswerHead {
    pub(crate) status: u16,
    /// The head's own bytes; header spans point into them.
    raw: Bytes,
    headers: Vec<(Span, Span)>,
}

type Span = (u32, u32);

/// How the end of a body is known (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Known(u64),
    Chunked,
    UntilClose,
}

/// What a head says about the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    pub(crate) length: Length,
    pub(crate) keep_alive: bool,
}

/// A head was incomplete, complete, or no HTTP.
pub(crate) enum Parsed {
    Partial,
    /// An interim (1xx) answer of so many bytes: skip it.
    Interim(usize),
    Complete {
        head: AnswerHead,
        framing: Framing,
        bytes: usize,
    },
    Invalid,
}

/// Reads a head from the start of `input`. The answer to a HEAD request has no body, whatever its headers say (RFC 9112 §6.3).
pub(crate) fn parse(input: &[u8], is_head: bool) -> Parsed {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut lines);
    let bytes = match answer.parse(input) {
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Ok(httparse::Status::Partial) if input.len() < MAX_HEAD_BYTES => return Parsed::Partial,
        Ok(httparse::Status::Partial) | Err(_) => return Parsed::Invalid,
    };
    let (Some(status), Some(version)) = (answer.code, answer.version) else { return Parsed::Invalid };
    if (100..200).contains(&status) {
        return if status == 101 { Parsed::Invalid } else { Parsed::Interim(bytes) };
    }
    let mut length = None;
    let mut chunked = false;
    let mut keep_alive = version == 1;
    for line in answer.headers.iter() {
        if line.name.eq_ignore_ascii_case("content-length") {
            let Some(said) = content_length(line.value) else { return Parsed::Invalid };
            if length.is_some_and(|before| before != said) {
                return Parsed::Invalid;
            }
            length = Some(said);
        } else if line.name.eq_ignore_ascii_case("transfer-encoding") {
            if !line.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Parsed::Invalid;
            }
            // Named twice, the body would be chunked twice.
            if chunked {
                return Parsed::Invalid;
            }
            chunked = true;
        } else if line.name.eq_ignore_ascii_case("connection") {
            if contains_token(line.value, b"close") {
                keep_alive = false;
            } else if contains_token(line.value, b"keep-alive") {
                keep_alive = true;
            }
        }
    }
    // Two lengths, or a coding that HTTP/1.0 does not have: what follows cannot be trusted to be the next answer.
    let ambiguous = chunked && (length.is_some() || version == 0);
    let length = match (status, chunked, length) {
        (204 | 304, _, _) => Length::Known(0),
        _ if is_head => Length::Known(0),
        (_, true, _) => Length::Chunked,
        (_, false, Some(bytes)) => Length::Known(bytes),
        (_, false, None) => Length::UntilClose,
    };
    let keep_alive = keep_alive && !ambiguous && length != Length::UntilClose;
    let base = input.as_ptr() as usize;
    let span = |part: &[u8]| -> Span {
        let start = (part.as_ptr() as usize).saturating_sub(base);
        (u32::try_from(start).unwrap_or(0), u32::try_from(start + part.len()).unwrap_or(0))
    };
    let headers = answer.headers.iter().map(|line| (span(line.name.as_bytes()), span(line.value))).collect();
    let raw = Bytes::copy_from_slice(input.get(..bytes).unwrap_or_default());
    Parsed::Complete { head: AnswerHead { status, raw, headers }, framing: Framing { length, keep_alive }, bytes }
}

/// Digits and nothing else: `+5` is no length (RFC 9110 §8.6).
fn content_length(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn contains_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|&b| b == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

impl AnswerHead {
    /// The head of an answer that no vendor gave.
    pub(crate) const fn ours(status: u16) -> Self {
        Self { status, raw: Bytes::new(), headers: Vec::new() }
    }

    /// Header lines in order: name as sent, value bytes sharing the head's memory.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&str, Bytes)> {
        self.headers.iter().map(|&(name, value)| {
            let name = self.raw.get(name.0 as usize..name.1 as usize).and_then(|n| std::str::from_utf8(n).ok()).unwrap_or_default();
            let range = value.0 as usize..value.1 as usize;
            let value = if range.end <= self.raw.len() { self.raw.slice(range) } else { Bytes::new() };
            (name, value)
        })
    }

    /// The first value of a header, as text.
    pub(crate) fn get(&self, wanted: &str) -> Option<&str> {
        self.headers.iter().find_map(|&(name, value)| {
            let name = self.raw.get(name.0 as usize..name.1 as usize)?;
            if name.eq_ignore_ascii_case(wanted.as_bytes()) {
                std::str::from_utf8(self.raw.get(value.0 as usize..value.1 as usize)?).ok().map(str::trim)
            } else {
                None
            }
        })
    }

    /// All values of a header, as text.
    pub(super) fn all<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        let part = |span: Span| self.raw.get(span.0 as usize..span.1 as usize).unwrap_or_default();
        let of = move |&&(name, _): &&(Span, Span)| part(name).eq_ignore_ascii_case(wanted.as_bytes());
        // What is no text is a value all the same.
        self.headers.iter().filter(of).map(move |&(_, value)| std::str::from_utf8(part(value)).unwrap_or("?"))
    }

    /// Takes a header out.
    pub(super) fn forget(&mut self, wanted: &str) {
        let raw = &self.raw;
        self.headers.retain(|&(name, _)| {
            !raw.get(name.0 as usize..name.1 as usize).is_some_and(|name| name.eq_ignore_ascii_case(wanted.as_bytes()))
        });
    }

    /// The media type without parameters, lower case.
    pub(crate) fn media_type(&self) -> String {
        let text = self.get("content-type").unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_the_rfc() {
        let check = |head: &str, expect: Length, keep: bool| match parse(head.as_bytes(), false) {
            Parsed::Complete { framing, bytes, .. } => {
                assert_eq!((framing.length, framing.keep_alive, bytes), (expect, keep, head.len()), "{head:?}");
            }
            _ => panic!("{head:?}"),
        };
        check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Length::Known(5), true);
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", Length::Known(5), true);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", Length::Chunked, true);
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n", Length::Chunked, false);
        check("HTTP/1.1 200 OK\r\n\r\n", Length::UntilClose, false);
        check("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n", Length::Known(1), false);
        check("HTTP/1.1 204 No Content\r\n\r\n", Length::Known(0), true);
        check("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", Length::Known(0), true);
        // Ambiguous framing: read as the RFC says, and the connection is not used again.
        check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", Length::Chunked, false);
        check("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n", Length::Chunked, false);
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        for lines in ["content-length: 5\r\n", "transfer-encoding: chunked\r\n", ""] {
            let head = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
            let Parsed::Complete { framing, .. } = parse(head.as_bytes(), true) else { panic!("{lines}") };
            assert_eq!((framing.length, framing.keep_alive), (Length::Known(0), true), "{lines}");
        }
    }

    #[test]
    fn what_is_not_http_is_said_so() {
        let invalid = |head: &str| matches!(parse(head.as_bytes(), false), Parsed::Invalid);
        assert!(invalid("<html>\r\n\r\n"));
        assert!(invalid("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"));
        assert!(invalid("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"));
        assert!(invalid("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n"));
        assert!(invalid("HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n"));
        assert!(invalid("HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n"));
        assert!(invalid("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n"));
        assert!(invalid("HTTP/1.1 101 Switching\r\n\r\n"));
        assert!(matches!(parse(b"HTTP/1.1 200 OK\r\nx: y\r\n", false), Parsed::Partial));
        assert!(matches!(parse(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP", false), Parsed::Interim(28)));
    }
}
