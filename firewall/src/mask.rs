//! What stands in the place of a value.

use fluxa_domain::firewall::MaskStyle;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::limits::NAMED_BYTES;

/// Letters and digits that `last4` leaves.
const LEFT: usize = 4;
/// Values with fewer letters and digits than this would hardly be masked by stars.
const LEAST: usize = 8;

/// A mask for `value`; `long`: the value goes on, only its beginning is known.
pub(crate) fn mask(label: &str, value: &str, long: bool, style: MaskStyle, pepper: &[u8; 32]) -> String {
    match style {
        MaskStyle::Hash => format!("[{label}:{}]", hash(value, pepper)),
        MaskStyle::Last4 if !long && value.chars().filter(|c| c.is_alphanumeric()).count() >= LEAST => last4(value),
        MaskStyle::Label | MaskStyle::Last4 => format!("[{label}]"),
    }
}

fn last4(value: &str) -> String {
    let all = value.chars().filter(|c| c.is_alphanumeric()).count();
    let mut seen = 0;
    let starred = value.chars().map(|c| {
        let counts = c.is_alphanumeric();
        seen += usize::from(counts);
        if counts && seen + LEFT <= all { '*' } else { c }
    });
    starred.collect()
}

/// The first 32 bits of HMAC-SHA256, in hexadecimal digits.
fn hash(value: &str, pepper: &[u8; 32]) -> String {
    let mut end = value.len().min(NAMED_BYTES);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(pepper) else { return String::new() };
    mac.update(value.get(..end).unwrap_or_default().as_bytes());
    mac.finalize().into_bytes().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
