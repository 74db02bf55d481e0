//! Checks of what fits a pattern: check digits, entropy, placeholders. Pure functions of text.

pub(crate) mod addresses;
pub(crate) mod banking;
pub(crate) mod china;
pub(crate) mod context;
pub(crate) mod documents;
pub(crate) mod ids;
pub(crate) mod nations;
pub(crate) mod numbers;
pub(crate) mod phones;
pub mod secrets;
pub mod tokens;
pub(crate) mod wallets;

/// Shannon entropy in bits a character.
#[must_use]
pub fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    -counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total).map(|share| share * share.log2()).sum::<f64>()
}

/// Whether the digits of a text end in their Luhn check digit (ISO/IEC 7812-1 annex B); other characters are passed over.
#[must_use]
pub fn luhn(text: &str) -> bool {
    let digits = text.bytes().rev().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'));
    let sum: u32 = digits.enumerate().map(|(at, digit)| if at % 2 == 1 { (digit * 2) / 10 + (digit * 2) % 10 } else { digit }).sum();
    sum.is_multiple_of(10) && text.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0')
}
