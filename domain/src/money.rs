//! Money as integers. No float touches it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Nano-dollars (10⁻⁹ US dollar), up to about 9.2 billion dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

/// The largest amount that a setting may hold: one million dollars times a thousand, well inside `i64`.
pub const MAX_AMOUNT: NanoUsd = NanoUsd(1_000_000_000_000_000_000);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Nano-dollars in one dollar.
    pub const PER_USD: i64 = 1_000_000_000;

    /// Sum, `None` past the range of `i64`.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Reads a JSON number or decimal text of dollars exactly (`"0.1"`, `"2.5e-06"`).
    ///
    /// Digits below a nano-dollar are refused unless zero, so nothing is rounded silently.
    #[must_use]
    pub fn from_decimal_usd(text: &str) -> Option<Self> {
        scaled_decimal(text, 9).and_then(|n| i64::try_from(n).ok()).map(Self)
    }

    /// The amount as a decimal text of dollars, without trailing zeros (`0.0015`).
    #[must_use]
    pub fn to_decimal_usd(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let abs = self.0.unsigned_abs();
        let whole = abs / Self::PER_USD.unsigned_abs();
        let frac = abs % Self::PER_USD.unsigned_abs();
        if frac == 0 {
            return format!("{sign}{whole}");
        }
        let digits = format!("{frac:09}");
        format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.to_decimal_usd())
    }
}

/// Reads a decimal text (sign, digits, fraction, exponent) times 10^`places` as an integer.
///
/// `None` when the text is not a decimal number, when digits would be lost, or out of `i128`.
#[must_use]
pub fn scaled_decimal(text: &str, places: i32) -> Option<i128> {
    let (value, lost) = scale(text, places)?;
    if lost { None } else { Some(value) }
}

/// Like [`scaled_decimal`], but rounds lost digits away from zero, for prices whose source wrote a float.
#[must_use]
pub fn scaled_decimal_up(text: &str, places: i32) -> Option<i128> {
    let (value, lost) = scale(text, places)?;
    let away = if text.trim().starts_with('-') { -1 } else { 1 };
    if lost { value.checked_add(away) } else { Some(value) }
}

/// The number times 10^`places`, cut off, and whether digits were cut.
fn scale(text: &str, places: i32) -> Option<(i128, bool)> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && frac.is_empty() || !whole.bytes().chain(frac.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut digits: i128 = 0;
    for b in whole.bytes().chain(frac.bytes()) {
        digits = digits.checked_mul(10)?.checked_add(i128::from(b - b'0'))?;
    }
    let mut shift = places.checked_add(exponent)?.checked_sub(i32::try_from(frac.len()).ok()?)?;
    while shift > 0 && digits != 0 {
        digits = digits.checked_mul(10)?;
        shift -= 1;
    }
    let mut lost = false;
    while shift < 0 && digits != 0 {
        lost |= digits % 10 != 0;
        digits /= 10;
        shift += 1;
    }
    Some((if negative { -digits } else { digits }, lost))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        let check = |text: &str, expect: Option<i64>| assert_eq!(NanoUsd::from_decimal_usd(text).map(|n| n.0), expect, "{text}");
        check("1", Some(1_000_000_000));
        check("0.1", Some(100_000_000));
        check("2.5e-06", Some(2_500));
        check("1E2", Some(100_000_000_000));
        check("-3.50", Some(-3_500_000_000));
        check("0.0000000001", None);
        check("0.0000000010", Some(1));
        check("", None);
        check(".", None);
        check("1e400", None);
        check("nan", None);
        check("0e400", Some(0));
    }

    #[test]
    fn amounts_are_written_without_trailing_zeros() {
        let check = |n: i64, expect: &str| assert_eq!(NanoUsd(n).to_decimal_usd(), expect);
        check(0, "0");
        check(1_500_000, "0.0015");
        check(-1, "-0.000000001");
        check(2_000_000_000, "2");
    }
}
