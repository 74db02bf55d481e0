//! The published shape of a vendor's token, in a form short enough for a table with a row a vendor.

/// What a token is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// So many hexadecimal digits.
    Hex(usize),
    /// Letters and digits, from so many to so many.
    Alnum(usize, usize),
    /// Letters, digits, `-`, `_`, and `=` that fills up.
    Word(usize, usize),
    /// Letters, digits, `+`, `/`, `=`, `-`, `_`, `.`.
    Base64(usize, usize),
    /// Digits alone.
    Digits(usize, usize),
    /// A UUID.
    Uuid,
    /// Two shapes with this character between them.
    Pair(&'static Shape, char, &'static Shape),
}

impl Shape {
    /// Whether all of `text` has this shape.
    pub(super) fn fits(self, text: &str) -> bool {
        let made_of =
            |least: usize, most: usize, part: fn(&u8) -> bool| (least..=most).contains(&text.len()) && text.bytes().all(|byte| part(&byte));
        match self {
            Self::Hex(count) => made_of(count, count, u8::is_ascii_hexdigit),
            Self::Alnum(least, most) => made_of(least, most, u8::is_ascii_alphanumeric),
            Self::Word(least, most) => made_of(least, most, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=')),
            Self::Base64(least, most) => {
                made_of(least, most, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'+' | b'/' | b'.'))
            }
            Self::Digits(least, most) => made_of(least, most, u8::is_ascii_digit),
            Self::Uuid => crate::checks::secrets::uuid(text),
            Self::Pair(left, between, right) => text.match_indices(between).any(|(at, sign)| {
                text.get(..at).is_some_and(|text| left.fits(text)) && text.get(at + sign.len()..).is_some_and(|text| right.fits(text))
            }),
        }
    }
}
