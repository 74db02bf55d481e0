//! The elements of one JSON array that comes in pieces: Gemini's streams where no events were asked for.
//!
//! Only brackets and strings are followed; whether an element is sound JSON is for its reader to say. An element that lies whole
//! in the input is not copied.

use super::sse::StreamFault;
use crate::limits::{KEPT_BUFFER_BYTES, SSE_EVENT_BYTES};

/// Cuts a stream into elements.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The start of an element whose end has not come.
    held: Vec<u8>,
    state: State,
    /// Brackets open within the element.
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Elements so far.
    elements: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The opening bracket has not come.
    #[default]
    Before,
    /// Between elements.
    Between,
    /// In an element.
    Within,
    /// The closing bracket has come.
    After,
}

impl Splitter {
    /// A splitter at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// True between elements.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.state != State::Within
    }

    /// The opening bracket has come.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state != State::Before
    }

    /// The closing bracket has come.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == State::After
    }

    /// Elements that were told.
    #[must_use]
    pub const fn elements(&self) -> u64 {
        self.elements
    }

    /// Takes the next bytes and tells each element that is whole. A stream that is a single object instead of an array is one element.
    ///
    /// # Errors
    ///
    /// When an element is longer than [`SSE_EVENT_BYTES`], or the stream is neither an array nor an object.
    pub fn push(&mut self, input: &[u8], mut on: impl FnMut(&[u8])) -> Result<(), StreamFault> {
        self.push_at(input, |element, _| on(element))
    }

    /// The same; `on` is also told the offset in `input` where the element ends.
    ///
    /// # Errors
    ///
    /// As [`Splitter::push`].
    pub fn push_at(&mut self, input: &[u8], mut on: impl FnMut(&[u8], usize)) -> Result<(), StreamFault> {
        let mut start = 0;
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match self.state {
                State::Within => {
                    let Some(end) = self.element(input, &mut at) else { break };
                    let last = input.get(start..end).unwrap_or_default();
                    if self.held.len() + last.len() > SSE_EVENT_BYTES {
                        return Err(StreamFault::EventTooLong);
                    }
                    if self.held.is_empty() {
                        on(last, end);
                    } else {
                        self.held.extend_from_slice(last);
                        on(&self.held, end);
                        self.release();
                    }
                    self.elements += 1;
                    self.state = State::Between;
                    continue;
                }
                State::Before => match byte {
                    b'[' => self.state = State::Between,
                    b'{' => {
                        (self.state, start) = (State::Within, at);
                        continue;
                    }
                    // Blanks, and a byte order mark.
                    b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF => {}
                    _ => return Err(StreamFault::NotProtocol),
                },
                State::Between => match byte {
                    b',' | b' ' | b'\t' | b'\r' | b'\n' => {}
                    b']' => self.state = State::After,
                    b'{' => {
                        (self.state, start) = (State::Within, at);
                        continue;
                    }
                    _ => return Err(StreamFault::NotProtocol),
                },
                State::After => return Ok(()),
            }
            at += 1;
        }
        if self.state == State::Within {
            let rest = input.get(start..).unwrap_or_default();
            if self.held.len() + rest.len() > SSE_EVENT_BYTES {
                return Err(StreamFault::EventTooLong);
            }
            self.held.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Follows an element from `at`; tells where it ends, if it does.
    fn element(&mut self, input: &[u8], at: &mut usize) -> Option<usize> {
        while let Some(rest) = input.get(*at..).filter(|rest| !rest.is_empty()) {
            if self.in_string {
                if std::mem::take(&mut self.escaped) {
                    *at += 1;
                    continue;
                }
                // Most bytes are texts: they are skipped quickly.
                let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                    *at = input.len();
                    return None;
                };
                self.escaped = rest.get(found) == Some(&b'\\');
                self.in_string = self.escaped;
                *at += found + 1;
                continue;
            }
            match rest.first() {
                Some(b'"') => self.in_string = true,
                Some(b'{' | b'[') => self.depth = self.depth.saturating_add(1),
                Some(b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        *at += 1;
                        return Some(*at);
                    }
                }
                _ => {}
            }
            *at += 1;
        }
        None
    }

    fn release(&mut self) {
        if self.held.capacity() > KEPT_BUFFER_BYTES {
            self.held = Vec::new();
        } else {
            self.held.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<(Vec<String>, bool), StreamFault> {
        let mut splitter = Splitter::new();
        let mut found = Vec::new();
        for piece in pieces {
            splitter.push(piece, |element| found.push(String::from_utf8_lossy(element).into_owned()))?;
        }
        assert_eq!(splitter.elements(), found.len() as u64);
        Ok((found, splitter.has_ended()))
    }

    #[test]
    fn elements_are_found_at_every_cut() {
        let check = |stream: &str, expect: &[&str], ended: bool| {
            let expect = (expect.iter().map(|element| (*element).to_owned()).collect::<Vec<_>>(), ended);
            for cut in 0..=stream.len() {
                let (a, b) = stream.as_bytes().split_at(cut);
                assert_eq!(split([a, b].into_iter()).unwrap(), expect, "{stream} cut at {cut}");
            }
            assert_eq!(split(stream.as_bytes().chunks(1)).unwrap(), expect, "{stream}");
        };
        check("[{\"a\":1}\n,\r\n{\"b\":[{}]}\n]", &["{\"a\":1}", "{\"b\":[{}]}"], true);
        check(r#"[{"a":"]}\"\\"},{"b":"\\\"{"}"#, &[r#"{"a":"]}\"\\"}"#, r#"{"b":"\\\"{"}"#], false);
        check(" [ ] ", &[], true);
        check("{\"error\":{}}", &["{\"error\":{}}"], false);
        check("[{\"a\"", &[], false);
        check("[{}]{}", &["{}"], true);
    }

    #[test]
    fn what_is_no_array_is_given_up() {
        for stream in ["<html>", "[1]", "[{},x"] {
            assert_eq!(split(std::iter::once(stream.as_bytes())), Err(StreamFault::NotProtocol), "{stream}");
        }
        let long = format!("[{{\"a\":\"{}\"", "x".repeat(SSE_EVENT_BYTES));
        assert_eq!(split(long.as_bytes().chunks(1 << 16)), Err(StreamFault::EventTooLong));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(stream in "[\\[\\]{}\",\\\\a ]{0,60}", size in 1usize..9) {
            prop_assert_eq!(split(stream.as_bytes().chunks(size)), split(std::iter::once(stream.as_bytes())));
        }
    }
}
