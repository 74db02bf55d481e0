//! Strings of JSON: where they end and how much text they hold. The fastest loop of the room lives here.

use crate::count::{self, TextCount};

/// What is wrong with a text, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) at: usize,
    pub(crate) what: What,
}

/// The kinds of flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Syntax(&'static str),
    TooDeep,
    Utf8,
}

impl Flaw {
    pub(crate) const fn syntax(at: usize, what: &'static str) -> Self {
        Self { at, what: What::Syntax(what) }
    }
}

/// A string that was scanned: contents are `start..end`, the closing quote is at `end`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Any byte is beyond ASCII.
    pub(crate) high: bool,
    /// Any backslash.
    pub(crate) escaped: bool,
    /// Bytes of escapes that stand for nothing on their own.
    shrink: u64,
    /// Characters beyond ASCII written as escapes.
    escaped_chars: u64,
}

impl Scanned {
    /// How much text it is.
    pub(crate) fn count(&self, bytes: &[u8]) -> TextCount {
        let raw = (self.end - self.start) as u64;
        let (high, leads) = if self.high { count::high_bytes(bytes.get(self.start..self.end).unwrap_or_default()) } else { (0, 0) };
        let ascii_bytes = raw.saturating_sub(high).saturating_sub(self.shrink);
        TextCount { ascii_bytes, non_ascii_chars: leads + self.escaped_chars, bytes: raw }
    }
}

/// Scans and checks the string whose first content byte is at `start`.
#[inline]
pub(crate) fn scan(bytes: &[u8], start: usize) -> Result<Scanned, Flaw> {
    let mut s = Scanned { start, end: start, high: false, escaped: false, shrink: 0, escaped_chars: 0 };
    let mut at = start;
    loop {
        let (stop, high) = run(bytes, at);
        s.high |= high;
        match bytes.get(stop) {
            Some(b'"') => {
                s.end = stop;
                break;
            }
            Some(b'\\') => {
                s.escaped = true;
                at = escape(bytes, stop, &mut s)?;
            }
            Some(_) => return Err(Flaw::syntax(stop, "control character in a string")),
            None => return Err(Flaw::syntax(bytes.len(), "unfinished string")),
        }
    }
    if s.high {
        check_utf8(bytes, s.start, s.end)?;
    }
    Ok(s)
}

/// The quote that closes the string whose first content byte is at `start`, with nothing checked.
#[inline]
pub(crate) fn close(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let (stop, _) = run(bytes, at);
        at = match bytes.get(stop)? {
            b'"' => return Some(stop),
            b'\\' => stop + 2,
            _ => stop + 1,
        };
    }
}

fn check_utf8(bytes: &[u8], start: usize, end: usize) -> Result<(), Flaw> {
    match std::str::from_utf8(bytes.get(start..end).unwrap_or_default()) {
        Ok(_) => Ok(()),
        Err(e) => Err(Flaw { at: start + e.valid_up_to(), what: What::Utf8 }),
    }
}

fn escape(bytes: &[u8], at: usize, s: &mut Scanned) -> Result<usize, Flaw> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
            s.shrink += 1;
            Ok(at + 2)
        }
        Some(b'u') => {
            let digits = bytes.get(at + 2..at + 6).ok_or(Flaw::syntax(bytes.len(), "unfinished escape"))?;
            let mut unit = 0u32;
            for &d in digits {
                let value = (d as char).to_digit(16).ok_or(Flaw::syntax(at, "bad \\u escape"))?;
                unit = unit << 4 | value;
            }
            match unit {
                0..0x80 => s.shrink += 5,
                // The second half of a pair belongs to a character that is counted already.
                0xDC00..0xE000 => s.shrink += 6,
                _ => {
                    s.shrink += 6;
                    s.escaped_chars += 1;
                }
            }
            Ok(at + 6)
        }
        Some(_) => Err(Flaw::syntax(at, "unknown escape")),
        None => Err(Flaw::syntax(bytes.len(), "unfinished escape")),
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The first quote, backslash or control byte from `at` on (or the end), and whether a byte beyond ASCII may come before it.
#[inline]
pub(crate) fn run(bytes: &[u8], mut at: usize) -> (usize, bool) {
    let mut high = false;
    // Short strings are the rule: two words first, then blocks of 32.
    for _ in 0..2 {
        let Some(word) = word(bytes, at) else { return tail(bytes, at, high) };
        let stops = stops(word);
        if stops != 0 {
            let offset = stops.trailing_zeros() / 8;
            let before = if offset == 0 { 0 } else { word << (64 - 8 * offset) };
            return (at + offset as usize, high | (before & HIGHS != 0));
        }
        high |= word & HIGHS != 0;
        at += 8;
    }
    let (blocks, _) = bytes.get(at..).unwrap_or_default().as_chunks::<32>();
    for block in blocks {
        let (mut stop, mut any) = (0u8, 0u8);
        for &b in block {
            stop |= u8::from(b == b'"') | u8::from(b == b'\\') | u8::from(b < 0x20);
            any |= b;
        }
        if stop != 0 {
            break;
        }
        high |= any >= 0x80;
        at += 32;
    }
    while let Some(word) = word(bytes, at) {
        let stops = stops(word);
        if stops != 0 {
            let offset = stops.trailing_zeros() / 8;
            let before = if offset == 0 { 0 } else { word << (64 - 8 * offset) };
            return (at + offset as usize, high | (before & HIGHS != 0));
        }
        high |= word & HIGHS != 0;
        at += 8;
    }
    tail(bytes, at, high)
}

#[inline]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|w| u64::from_le_bytes(*w))
}

/// High bits mark bytes that are a quote, a backslash or below 0x20; the lowest mark is exact.
#[inline]
const fn stops(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_slash = slash.wrapping_sub(ONES) & !slash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_quote | is_slash | is_control) & HIGHS
}

fn tail(bytes: &[u8], mut at: usize, mut high: bool) -> (usize, bool) {
    while let Some(&b) = bytes.get(at) {
        if b == b'"' || b == b'\\' || b < 0x20 {
            break;
        }
        high |= b >= 0x80;
        at += 1;
    }
    (at, high)
}

/// True if a long run of characters is base64 (either alphabet), as inlined media are.
pub(crate) fn is_base64(text: &[u8]) -> bool {
    text.chunks(64).all(|block| {
        block
            .iter()
            .fold(true, |ok, &b| ok & (b.is_ascii_alphanumeric() | (b == b'+') | (b == b'/') | (b == b'=') | (b == b'-') | (b == b'_')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(bytes: &[u8], at: usize) -> (usize, bool) {
        tail(bytes, at, false)
    }

    proptest! {
        #[test]
        fn the_fast_run_is_the_slow_run(bytes in proptest::collection::vec(any::<u8>(), 0..120), plain in 0usize..90) {
            let mut all = vec![b'a'; plain];
            all.extend_from_slice(&bytes);
            prop_assert_eq!(run(&all, 0), naive(&all, 0));
        }

        #[test]
        fn every_text_scans_to_its_own_count(text in ".{0,80}") {
            let token = crate::json::quote(&text);
            let scanned = scan(token.as_bytes(), 1).unwrap();
            prop_assert_eq!(scanned.end, token.len() - 1);
            let count = scanned.count(token.as_bytes());
            let plain = TextCount::of(text.as_bytes());
            prop_assert_eq!((count.ascii_bytes, count.non_ascii_chars), (plain.ascii_bytes, plain.non_ascii_chars));
        }
    }

    #[test]
    fn pairs_of_escapes_are_one_character() {
        let scanned = scan(br#"\ud83d\ude00\u0041\n""#, 0).unwrap();
        let count = scanned.count(br#"\ud83d\ude00\u0041\n""#);
        assert_eq!((count.ascii_bytes, count.non_ascii_chars), (2, 1));
    }
}
