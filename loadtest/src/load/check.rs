//! Whether a stream is intact: every event once, in order, with the end mark.
//!
//! Order can be seen only if the mock numbers its tokens (`events=N`); other streams are checked for their end mark.

use std::time::{SystemTime, UNIX_EPOCH};

/// What marks a text event in the dialects, up to its text.
const TEXTS: [&[u8]; 3] = [b"\"content\":\"", b"\"text_delta\",\"text\":\"", b".delta\",\"sequence_number\":"];

/// What ends a stream in the dialects.
const ENDS: [&[u8]; 4] = [b"data: [DONE]", b"\"type\":\"message_stop\"", b"event: response.completed", b"event: response.incomplete"];

/// One stream, read so far.
#[derive(Debug, Default)]
pub struct Check {
    carry: Vec<u8>,
    /// Text events seen.
    pub events: u64,
    /// Numbered tokens that came, in whatever order.
    pub numbered: u64,
    /// A number came twice, or before its turn.
    pub disordered: bool,
    /// The end mark came, once and last.
    pub ended: bool,
    after_end: bool,
    failed: bool,
}

/// One text event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// From the mock's write to now, if the event is stamped; in microseconds.
    pub delay_us: Option<u64>,
}

impl Check {
    /// Takes what arrived and calls `seen` for each text event that is complete with it.
    pub fn feed(&mut self, input: &[u8], mut seen: impl FnMut(Seen)) {
        if self.carry.is_empty() {
            let rest = self.events_of(input, &mut seen);
            self.carry.extend_from_slice(rest);
            return;
        }
        let mut whole = std::mem::take(&mut self.carry);
        whole.extend_from_slice(input);
        let rest = self.events_of(&whole, &mut seen).to_vec();
        self.carry = rest;
    }

    /// Whether nothing is missing; `expected` is the number of tokens sent, if known.
    pub fn intact(&self, expected: Option<u64>) -> bool {
        let complete = expected.is_none_or(|expected| self.events == expected && (self.numbered == 0 || self.numbered == expected));
        self.ended && !self.after_end && !self.disordered && !self.failed && self.carry.is_empty() && complete
    }

    fn events_of<'a>(&mut self, mut input: &'a [u8], seen: &mut impl FnMut(Seen)) -> &'a [u8] {
        while let Some(end) = memchr::memmem::find(input, b"\n\n") {
            self.event(&input[..end], seen);
            input = &input[end + 2..];
        }
        input
    }

    fn event(&mut self, event: &[u8], seen: &mut impl FnMut(Seen)) {
        self.after_end |= self.ended;
        if let Some(text) = text_of(event) {
            self.events += 1;
            let (number, stamp) = numbers_of(text);
            if let Some(number) = number {
                self.disordered |= number != self.numbered;
                self.numbered += 1;
            }
            seen(Seen { delay_us: stamp.map(|stamp| now_us().saturating_sub(stamp)) });
        } else if ENDS.iter().any(|end| memchr::memmem::find(event, end).is_some()) {
            self.ended = true;
        } else if event.starts_with(b"data: {\"error\"") || event.starts_with(b"event: error") {
            self.failed = true;
        }
    }
}

/// The text of a text event, from its first byte on; the empty text of a role event is none.
fn text_of(event: &[u8]) -> Option<&[u8]> {
    let mut text = TEXTS.iter().find_map(|mark| memchr::memmem::find(event, mark).map(|at| &event[at + mark.len()..]))?;
    if event.starts_with(b"event: response.") {
        const DELTA: &[u8] = b"\"delta\":\"";
        text = memchr::memmem::find(text, DELTA).map(|at| &text[at + DELTA.len()..])?;
    }
    (text.first() != Some(&b'"')).then_some(text)
}

/// `w12@1700000000000000…` as number and time of sending.
fn numbers_of(text: &[u8]) -> (Option<u64>, Option<u64>) {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let Some(text) = text.strip_prefix(b"w") else { return (None, None) };
    let (number, rest) = digits(text);
    let stamp = rest.strip_prefix(b"@").and_then(|rest| digits(rest).0);
    (number, stamp)
}

fn digits(text: &[u8]) -> (Option<u64>, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(count);
    (std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()), rest)
}

/// The mock stamps with the same clock of the same machine.
fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_micros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";

    fn token(text: &str) -> String {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    }

    fn intact(stream: &str, expected: u64) -> bool {
        let verdicts: Vec<bool> = [1, 5, 4096]
            .into_iter()
            .map(|size| {
                let mut check = Check::default();
                stream.as_bytes().chunks(size).for_each(|part| check.feed(part, |_| {}));
                check.intact(Some(expected))
            })
            .collect();
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "cuts change the verdict on {stream}");
        verdicts[0]
    }

    #[test]
    fn only_every_event_once_in_order_is_intact() {
        let (a, b, done) = (token("w0"), token(" w1@1700000000000000"), "data: [DONE]\n\n");
        assert!(intact(&format!("{ROLE}{a}{b}{done}"), 2));
        assert!(!intact(&format!("{ROLE}{a}{b}"), 2), "no end mark");
        assert!(!intact(&format!("{ROLE}{a}{done}"), 2), "one lost");
        assert!(!intact(&format!("{ROLE}{b}{a}{done}"), 2), "out of order");
        assert!(!intact(&format!("{ROLE}{a}{a}{done}"), 2), "doubled");
        assert!(!intact(&format!("{ROLE}{a}{b}{done}{b}"), 2), "more after the end");
        assert!(!intact(&format!("{ROLE}{a}data: {{\"error\":{{}}}}\n\n{done}"), 1), "an error inside");
    }
}
