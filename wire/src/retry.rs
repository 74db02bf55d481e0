//! When an upstream says to come back. Source: the order that the OpenAI and Anthropic SDKs use
//! (`_base_client.py`): `retry-after-ms`, `retry-after` in seconds, `retry-after` as a date; `x-should-retry` wins.

use std::time::Duration;

use crate::civil;
use crate::limits::RETRY_AFTER_MS;

/// How long to wait. `header` looks a header up by its lower-case name; `now_micros` is the wall clock.
#[must_use]
pub fn retry_after<'h>(header: impl Fn(&str) -> Option<&'h str>, now_micros: i64) -> Option<Duration> {
    if let Some(wait) = header("retry-after-ms").and_then(|text| millis(text, 1.0)) {
        return Some(wait);
    }
    let text = header("retry-after")?;
    if let Some(wait) = millis(text, 1000.0) {
        return Some(wait);
    }
    let at = civil::http_date(text)?;
    let wait_s = u64::try_from(at.checked_sub(now_micros.div_euclid(1_000_000))?).unwrap_or(0);
    Some(Duration::from_millis(wait_s.saturating_mul(1000).min(RETRY_AFTER_MS)))
}

/// The upstream's own word on retrying, which wins over its status.
#[must_use]
pub fn should_retry<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<bool> {
    match header("x-should-retry")?.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the range is checked just before"
)]
fn millis(text: &str, unit_ms: f64) -> Option<Duration> {
    let value = text.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0)? * unit_ms;
    Some(Duration::from_millis(value.ceil().min(RETRY_AFTER_MS as f64) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_headers() {
        let check = |ms: Option<&'static str>, after: Option<&'static str>, expect: Option<u64>| {
            let found = retry_after(|name| if name == "retry-after-ms" { ms } else { after }, 784_111_770_500_000);
            assert_eq!(found, expect.map(Duration::from_millis), "{ms:?} {after:?}");
        };
        check(Some("250"), Some("9"), Some(250));
        check(Some("soon"), Some("9"), Some(9000));
        check(None, Some("1.5"), Some(1500));
        check(None, Some("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7000));
        check(None, Some("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
        check(None, Some("999999999"), Some(RETRY_AFTER_MS));
        check(None, Some("-1"), None);
        check(None, None, None);
        assert_eq!(should_retry(|_| Some("false")), Some(false));
        assert_eq!(should_retry(|_| Some("maybe")), None);
    }
}
