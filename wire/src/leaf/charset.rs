//! Text that is not UTF-8: UTF-16, as Windows' programs export it, and encodings of single bytes that have ASCII in them.
//!
//! The invariant: what was read is written again in the encoding it came in, or not at all.

use super::encoded::looks_like_text;

/// How much of a file is looked at to see what it is.
const SAMPLE_BYTES: usize = 4096;

/// How a text is written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// Pairs of bytes, the small end first.
    Utf16Le,
    /// Pairs of bytes, the big end first.
    Utf16Be,
    /// One byte a character. What bytes beyond ASCII mean is not known; they stay what they are.
    Bytes,
}

impl Charset {
    /// What bytes are written in that are no UTF-8 or hold NUL; nothing where they are no text.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xfe, ..] => return Some(Self::Utf16Le),
            [0xfe, 0xff, ..] => return Some(Self::Utf16Be),
            _ => {}
        }
        let sample = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
        let nuls = |from: usize| sample.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd, pairs) = (nuls(0), nuls(1), sample.len() / 2);
        // Latin letters, digits and blanks have a zero half; keys are made of them.
        if pairs >= 4 && odd * 4 >= pairs && even * 16 <= pairs {
            return Some(Self::Utf16Le);
        }
        if pairs >= 4 && even * 4 >= pairs && odd * 16 <= pairs {
            return Some(Self::Utf16Be);
        }
        looks_like_text(sample).then_some(Self::Bytes)
    }

    /// The text. Halves of pairs of UTF-16 are read as U+FFFD.
    pub(super) fn read(self, bytes: &[u8]) -> String {
        let units = |read: fn([u8; 2]) -> u16| {
            let units =
                bytes.chunks_exact(2).map(move |pair| read([pair.first().copied().unwrap_or(0), pair.last().copied().unwrap_or(0)]));
            char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        };
        match self {
            Self::Utf16Le => units(u16::from_le_bytes),
            Self::Utf16Be => units(u16::from_be_bytes),
            Self::Bytes => bytes.iter().copied().map(char::from).collect(),
        }
    }

    /// The bytes of a text; nothing where the encoding does not have one of its characters.
    pub(super) fn write(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf16Le => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Self::Utf16Be => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Self::Bytes => text.chars().map(|c| u8::try_from(c).ok()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_known_by_its_bytes_and_comes_back_as_it_was() {
        let wide = |text: &str, of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<u8>>();
        let text = "name;key\r\nZoë 日本;sk-proj-1";
        for (bytes, expect) in [
            (wide(&format!("\u{feff}{text}"), u16::to_le_bytes), Some(Charset::Utf16Le)),
            (wide(&format!("\u{feff}{text}"), u16::to_be_bytes), Some(Charset::Utf16Be)),
            (wide(text, u16::to_le_bytes), Some(Charset::Utf16Le)),
            (wide(text, u16::to_be_bytes), Some(Charset::Utf16Be)),
            (b"caf\xe9; sk-proj-1".to_vec(), Some(Charset::Bytes)),
            (b"some words and a zero\0".to_vec(), Some(Charset::Bytes)),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0\x08\x06\0\0\0".to_vec(), None),
            (b"\x1f\x8b\x08\0\0\0\0\0\x02\xff\x2b\xce".to_vec(), None),
        ] {
            let charset = Charset::of(&bytes);
            assert_eq!(charset, expect, "{bytes:?}");
            if let Some(charset) = charset {
                assert_eq!(charset.write(&charset.read(&bytes)).unwrap(), bytes);
            }
        }
        assert!(Charset::Utf16Le.read(&wide(text, u16::to_le_bytes)).contains("sk-proj-1"));
        assert_eq!(Charset::Bytes.write("日"), None);
    }
}
