//! Arithmetic of check digits and dates: what standards of many countries share. Characters that are no digits are passed over unless said otherwise.

/// The digits of a text, in order.
pub(crate) fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + Clone + '_ {
    text.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'))
}

/// How many digits a text has.
pub(crate) fn count(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// The digits of a text without what separates them.
pub(crate) fn only_digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The letters and digits of a text, letters large, without what separates them.
pub(crate) fn compact(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// The number that some digits of a text make, counted in bytes: `part("19900307", 0, 4)` is 1990. `None` where one is no digit.
pub(crate) fn part(text: &str, from: usize, len: usize) -> Option<u32> {
    let slice = text.as_bytes().get(from..from + len)?;
    slice.iter().try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

/// The sum of digits times weights, in order; it ends with the shorter of both.
pub(crate) fn weighted(text: &str, weights: &[u32]) -> u32 {
    digits(text).zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The last digit of a text.
pub(crate) fn last(text: &str) -> Option<u32> {
    digits(text).next_back()
}

/// Whether a day exists in the Gregorian calendar.
pub(crate) const fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    day >= 1 && day <= days
}

/// Whether a day of a year of two digits exists in some century.
pub(crate) const fn is_short_date(year: u32, month: u32, day: u32) -> bool {
    is_date(1900 + year, month, day) || is_date(2000 + year, month, day)
}

/// Whether all digits of a text are the same.
pub(crate) fn monotone(text: &str) -> bool {
    let mut all = digits(text);
    all.next().is_none_or(|first| all.all(|digit| digit == first))
}

/// ISO/IEC 7064 MOD 97-10 over letters and digits (A = 10 … Z = 35): the remainder.
pub(crate) fn mod_97(text: impl Iterator<Item = u8>) -> u32 {
    text.fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        b'A'..=b'Z' => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
        _ => rest,
    })
}

/// ISO/IEC 7064 MOD 11,10 (German tax numbers, Croatian OIB): whether the digits end in their check digit.
pub(crate) fn mod_11_10(text: &str) -> bool {
    let mut product = 10;
    let total = count(text);
    for digit in digits(text).take(total.saturating_sub(1)) {
        let sum = (digit + product) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
    }
    last(text) == Some((11 - product) % 10)
}

/// Verhoeff's check digit (Aadhaar).
pub(crate) fn verhoeff(text: &str) -> bool {
    const PERMUTE: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    /// The dihedral group of ten.
    const fn times(left: u32, right: u32) -> u32 {
        match (left < 5, right < 5) {
            (true, true) => (left + right) % 5,
            (true, false) => (left + right - 5) % 5 + 5,
            (false, true) => (left - 5 + 5 - right) % 5 + 5,
            (false, false) => (left + 5 - right) % 5,
        }
    }
    let sum = digits(text).rev().enumerate().fold(0, |sum, (at, digit)| {
        let turned = (0..at % 8).fold(digit, |digit, _| PERMUTE.get(digit as usize).copied().unwrap_or(0));
        times(sum, turned)
    });
    sum == 0
}

#[cfg(test)]
mod tests {
    use super::{is_date, mod_11_10, mod_97, monotone, verhoeff};

    #[test]
    fn check_digits_of_published_examples_hold_and_their_neighbors_do_not() {
        for (text, expect) in [("2363", true), ("2366", false), ("499118665246", true), ("499118665247", false)] {
            assert_eq!(verhoeff(text), expect, "{text}");
        }
        for (text, expect) in [("86095742719", true), ("86095742718", false), ("69435151530", true)] {
            assert_eq!(mod_11_10(text), expect, "{text}");
        }
        assert_eq!(mod_97(b"WEST12345698765432GB82".iter().copied()), 1);
    }

    #[test]
    fn days_exist_or_do_not() {
        for (year, month, day, expect) in [
            (2000, 2, 29, true),
            (1900, 2, 29, false),
            (2024, 4, 31, false),
            (2024, 13, 1, false),
            (1999, 12, 31, true),
            (1999, 1, 0, false),
        ] {
            assert_eq!(is_date(year, month, day), expect, "{year}-{month}-{day}");
        }
        assert!(monotone("11-11") && !monotone("112"));
    }
}
