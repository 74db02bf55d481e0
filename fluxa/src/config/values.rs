//! How a text becomes a value: durations, sizes, addresses, amounts, words.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use fluxa_domain::money::{MAX_AMOUNT, NanoUsd};
use fluxa_domain::net::Cidr;
use fluxa_domain::time::Micros;

/// The longest duration a setting may hold, a century: past it, sums of moments could overflow.
const MAX_DURATION_MS: u64 = 100 * 365 * 86_400_000;

/// `true` or `false`.
///
/// # Errors
/// What was expected.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("expected true or false, not \"{}\"", clip(text))),
    }
}

/// A whole number in `low..=high`; underscores between digits are allowed.
///
/// # Errors
/// What was expected.
pub fn whole(text: &str, low: u64, high: u64) -> Result<u64, String> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    match number {
        Some(n) if (low..=high).contains(&n) => Ok(n),
        _ if high == u64::MAX => Err(format!("expected a whole number of {low} or more, not \"{}\"", clip(text))),
        _ => Err(format!("expected a whole number from {low} to {high}, not \"{}\"", clip(text))),
    }
}

/// A port.
///
/// # Errors
/// What was expected.
pub fn port(text: &str) -> Result<u16, String> {
    whole(text, 0, 65_535).map(|n| u16::try_from(n).unwrap_or(0))
}

/// `250ms`, `30s`, `5m`, `2h`, `90d`, or several of them (`1m30s`).
///
/// # Errors
/// What was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a duration such as 250ms, 30s, 5m, 2h or 90d, not \"{}\"", clip(text));
    let mut total: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
        let (unit, next) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let unit_ms = match unit.trim() {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            _ => return Err(wrong()),
        };
        let amount: u64 = digits.parse().map_err(|_| wrong())?;
        total = amount.checked_mul(unit_ms).and_then(|ms| total.checked_add(ms)).filter(|ms| *ms <= MAX_DURATION_MS).ok_or_else(wrong)?;
        rest = next;
    }
    Ok(Duration::from_millis(total))
}

/// A duration longer than nothing.
///
/// # Errors
/// What was expected.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(String::from("must be longer than nothing")),
        longer => Ok(longer),
    }
}

/// `32MiB`, `500kB`, `1048576`.
///
/// # Errors
/// What was expected.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("expected a size such as 32MiB, 500kB or a number of bytes, not \"{}\"", clip(text));
    let text_trimmed = text.trim();
    let (digits, unit) = text_trimmed.split_at(text_trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(text_trimmed.len()));
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// An address to listen on.
///
/// # Errors
/// What was expected.
pub fn host(text: &str) -> Result<IpAddr, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| format!("expected an IP address such as 0.0.0.0, 127.0.0.1 or ::, not \"{}\"", clip(text)))
}

/// `address:port`, `:port` for every address, or `off`.
///
/// # Errors
/// What was expected.
pub fn listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if matches!(text, "off" | "false" | "none") {
        return Ok(None);
    }
    let wrong = || format!("expected address:port such as 127.0.0.1:9090, or off, not \"{}\"", clip(text));
    let (address, number) = text.rsplit_once(':').ok_or_else(wrong)?;
    let ip = if address.is_empty() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { host(address).map_err(|_| wrong())? };
    Ok(Some(SocketAddr::new(ip, port(number).map_err(|_| wrong())?)))
}

/// Comma-separated ranges of addresses.
///
/// # Errors
/// What was expected.
pub fn cidrs(text: &str) -> Result<Vec<Cidr>, String> {
    items(text).map(cidr).collect()
}

/// One range of addresses.
///
/// # Errors
/// What was expected.
pub fn cidr(text: &str) -> Result<Cidr, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| format!("expected an address range such as 10.0.0.0/8 or 192.168.1.5, not \"{}\"", clip(text)))
}

/// Dollars, exactly.
///
/// # Errors
/// What was expected.
pub fn dollars(text: &str) -> Result<NanoUsd, String> {
    NanoUsd::from_decimal_usd(text)
        .filter(|amount| *amount >= NanoUsd::ZERO && *amount <= MAX_AMOUNT)
        .ok_or_else(|| format!("expected an amount of dollars such as 5 or 0.25 (at most 9 decimal places), not \"{}\"", clip(text)))
}

/// A moment.
///
/// # Errors
/// What was expected.
pub fn moment(text: &str) -> Result<Micros, String> {
    Micros::from_rfc3339(text).ok_or_else(|| format!("expected a moment such as 2027-01-31T00:00:00Z, not \"{}\"", clip(text)))
}

/// The parts of a comma-separated text, trimmed, without empty ones.
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A value as errors show it: short, and without control characters.
#[must_use]
pub fn clip(text: &str) -> String {
    const SHOWN: usize = 48;
    let mut out: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check =
            |text: &str, expect: Option<u64>| assert_eq!(duration(text).ok().map(|d| d.as_millis()), expect.map(u128::from), "{text}");
        check("600s", Some(600_000));
        check("5m", Some(300_000));
        check("250ms", Some(250));
        check("1m30s", Some(90_000));
        check("90d", Some(7_776_000_000));
        check("0s", Some(0));
        check("600", None);
        check("", None);
        check("s", None);
        check("-5s", None);
        check("5 s", Some(5_000));
        check("99999999999999999999s", None);
        check("999999d", None);
    }

    #[test]
    fn sizes() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(size(text).ok(), expect, "{text}");
        check("32MiB", Some(32 << 20));
        check("500kB", Some(500_000));
        check("1024", Some(1024));
        check("1 GiB", Some(1 << 30));
        check("0", None);
        check("MiB", None);
        check("99999999999GiB", None);
    }

    #[test]
    fn listeners() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(listen(text).ok().flatten().map(|a| a.to_string()).as_deref(), expect, "{text}");
        };
        check("127.0.0.1:9090", Some("127.0.0.1:9090"));
        check(":9090", Some("0.0.0.0:9090"));
        check("[::1]:80", Some("[::1]:80"));
        check("localhost:1", Some("127.0.0.1:1"));
        check("off", None);
        assert!(listen("9090").is_err());
        assert!(listen("tcp://10.0.0.1:80").is_err());
    }
}
