//! Counts of text, from which `fluxa_domain::estimate` guesses tokens. No token formula lives here.

/// How much text there is. Escapes of JSON count as the character they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextCount {
    /// Characters of ASCII (one byte each).
    pub ascii_bytes: u64,
    /// Characters beyond ASCII (each of two to four bytes).
    pub non_ascii_chars: u64,
    /// All bytes, as UTF-8 inside JSON.
    pub bytes: u64,
}

impl TextCount {
    /// Counts text that is not escaped.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let (high, leads) = high_bytes(text);
        Self { ascii_bytes: text.len() as u64 - high, non_ascii_chars: leads, bytes: text.len() as u64 }
    }

    /// True if there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Adds another count.
    pub const fn add(&mut self, other: Self) {
        self.ascii_bytes = self.ascii_bytes.saturating_add(other.ascii_bytes);
        self.non_ascii_chars = self.non_ascii_chars.saturating_add(other.non_ascii_chars);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Bytes of 0x80 and above, and how many of them begin a character.
pub(crate) fn high_bytes(text: &[u8]) -> (u64, u64) {
    let (mut high, mut leads) = (0u64, 0u64);
    // Blocks of at most 255 bytes keep the inner counters in one byte, which the compiler turns into vector code.
    for block in text.chunks(255) {
        let (mut h, mut l) = (0u8, 0u8);
        for &b in block {
            h += u8::from(b >= 0x80);
            l += u8::from(b >= 0xC0);
        }
        high += u64::from(h);
        leads += u64::from(l);
    }
    (high, leads)
}

#[cfg(test)]
mod tests {
    use super::TextCount;

    #[test]
    fn characters_beyond_ascii_count_once() {
        let count = TextCount::of("añ漢😀".as_bytes());
        assert_eq!((count.ascii_bytes, count.non_ascii_chars, count.bytes), (1, 3, 10));
    }

    #[test]
    fn long_text_counts_the_same() {
        let count = TextCount::of("漢".repeat(1000).as_bytes());
        assert_eq!((count.ascii_bytes, count.non_ascii_chars), (0, 1000));
    }
}
