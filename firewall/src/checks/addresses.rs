//! Addresses of people and machines: e-mail, IP, MAC.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::context::{byte_before, ending, names};
use crate::rule::Seen;

/// RFC 5321's limits, no empty labels, and nothing that package managers and version control write with an `@`.
pub(crate) fn email(seen: &Seen<'_>) -> bool {
    let Some((local, domain)) = seen.value.rsplit_once('@') else { return false };
    let top = domain.rsplit('.').next().unwrap_or_default();
    let behind = seen.whole.get(seen.value.len()..).unwrap_or_default();
    // Letters behind a space of another kind are the rest of it where they make a whole of its end, `co m`; else they are the next word.
    let letters = behind.trim_start_matches(|c: char| !c.is_ascii());
    let whole = format!("{top}{letters}").to_ascii_lowercase();
    let torn = letters.len() < 3 && matches!(whole.as_str(), "com" | "net" | "org" | "edu" | "gov" | "info");
    let goes_on = !behind.is_empty() && (letters.is_empty() || letters.len() == behind.len() || torn);
    let blank = seen.value.contains(|c: char| c.is_control() || c.is_whitespace() && c != ' ') || domain.contains(' ');
    let labels = domain.split('.').all(|label| !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-'));
    let quoted = local.starts_with('"');
    let tidy = quoted || !local.contains("..") && !local.ends_with('.') && !local.starts_with('.');
    // Files and fields that look like a domain: `icon@2x.png`.
    let file = matches!(
        top.to_ascii_lowercase().as_str(),
        "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp" | "js" | "ts" | "tsx" | "jsx" | "css" | "json" | "yaml" | "yml" | "rs" | "go"
    );
    let glued = matches!(byte_before(seen), Some(b'.' | b'@' | b'+' | b'%')) && !quoted;
    // A user of a machine, `git@host:path`, or of a URL, `//user:password@host`.
    let shell =
        local == "git" || seen.before.ends_with("://") || byte_before(seen) == Some(b':') && ending(seen.before, 64).contains("://");
    local.len() <= 64
        && domain.len() <= 253
        && labels
        && tidy
        && !file
        && !glued
        && !shell
        && !goes_on
        && !blank
        && (top.starts_with("xn--") || top.chars().all(|c| !c.is_ascii_digit()))
}

/// Words that name versions.
const VERSIONS: &[&str] = &[
    "version",
    "ver",
    "v",
    "release",
    "chrome",
    "safari",
    "firefox",
    "edg",
    "opr",
    "mozilla",
    "applewebkit",
    "build",
    "section",
    "oid",
    "assemblyversion",
];

/// Four octets as the strictest readers take them, no version number.
pub(crate) fn ipv4(seen: &Seen<'_>) -> bool {
    let (address, prefix) = seen.value.split_once('/').unwrap_or((seen.value, "0"));
    let glued = matches!(byte_before(seen), Some(b'.' | b'_' | b'-' | b'+'));
    let in_v6 =
        seen.before.bytes().rev().take_while(|byte| byte.is_ascii_hexdigit() || *byte == b':').filter(|byte| *byte == b':').count() > 1;
    address.parse::<Ipv4Addr>().is_ok()
        && prefix.parse::<u8>().is_ok_and(|bits| bits <= 32)
        && !glued
        && !names(ending(seen.before, 28), VERSIONS)
        && !in_v6
}

/// RFC 4291 and RFC 5952 with a zone: not a time, not a path of a program.
pub(crate) fn ipv6(seen: &Seen<'_>) -> bool {
    let (zoned, rest) = seen.value.split_once('/').unwrap_or((seen.value, "0"));
    let address = zoned.split('%').next().unwrap_or_default();
    let prefix = rest.parse::<u8>().is_ok_and(|bits| bits <= 128);
    let Ok(parsed) = address.parse::<Ipv6Addr>() else { return false };
    let glued = matches!(byte_before(seen), Some(b':' | b'.' | b'_'));
    let groups = address.split(':').filter(|group| !group.is_empty()).count();
    // `a::b` in a program is a path: an address of one or two groups has a digit.
    let digit = address.bytes().any(|byte| byte.is_ascii_digit());
    let whole = seen.value == seen.whole;
    whole && prefix && !glued && (groups > 2 || digit) && (!parsed.is_unspecified() || digit)
}

/// EUI-48 and EUI-64: one kind of separator, and neither all zeros nor all the same.
pub(crate) fn mac(seen: &Seen<'_>) -> bool {
    let kinds: Vec<u8> = seen.value.bytes().filter(|byte| !byte.is_ascii_hexdigit()).collect();
    let same = kinds.iter().all(|kind| kinds.first() == Some(kind));
    let hex = seen.value.bytes().filter(u8::is_ascii_hexdigit).count();
    let empty = |digit: u8| seen.value.bytes().all(|byte| !byte.is_ascii_hexdigit() || byte.to_ascii_lowercase() == digit);
    let spaced = kinds.first() == Some(&b' ');
    let glued = matches!(byte_before(seen), Some(b':' | b'-' | b'_'));
    let named = names(ending(seen.before, 40), &["mac", "ether", "lladdr", "hwaddr", "bssid", "physical address"]);
    let letters = seen.value.bytes().any(|byte| byte.is_ascii_alphabetic());
    same && matches!(hex, 12 | 16)
        && !empty(b'0')
        && !empty(b'f')
        && !glued
        && (!spaced && !kinds.is_empty() && (letters || kinds.first() == Some(&b':') || named) || named || spaced && letters)
}

/// In groups of four with dots: letters and digits, so that it is no version.
pub(crate) fn mac_dotted(seen: &Seen<'_>) -> bool {
    let letters = seen.value.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = seen.value.bytes().filter(u8::is_ascii_digit).count();
    letters > 0 && digits > 1 && !matches!(byte_before(seen), Some(b'.' | b'-' | b'_' | b'/'))
}

/// With spaces: some letter, and not all the same.
pub(crate) fn mac_spaced(seen: &Seen<'_>) -> bool {
    seen.value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::{email, ipv4, ipv6, mac};
    use crate::rule::Seen;

    fn tried(check: fn(&Seen<'_>) -> bool, rows: &[(&str, &str, bool)]) {
        for &(before, value, expect) in rows {
            assert_eq!(check(&Seen { value, whole: value, before }), expect, "{before}{value}");
        }
    }

    #[test]
    fn addresses_of_people_are_not_packages_or_logins() {
        tried(
            email,
            &[
                ("", "a@example.com", true),
                ("", "a..b@example.com", false),
                ("", "git@github.com", false),
                ("", "x@2x.png", false),
                (".", "a@example.com", false),
            ],
        );
    }

    #[test]
    fn addresses_of_machines_are_whole_and_no_versions() {
        tried(
            ipv4,
            &[
                ("", "192.0.2.1", true),
                ("version ", "1.2.3.4", false),
                ("", "192.0.2.256", false),
                ("0:0:ffff:", "192.0.2.1", false),
                ("", "198.51.100.0/33", false),
            ],
        );
        tried(
            ipv6,
            &[
                ("", "fe80::5c1%en3", true),
                ("", "2001:db8::/32", true),
                ("", "a::b", false),
                ("", "1:2:3", false),
                ("", "fe80::1/129", false),
            ],
        );
        tried(
            mac,
            &[
                ("", "00:1b:44:11:3a:b7", true),
                ("", "00:00:00:00:00:00", false),
                ("", "FF:ff:ff:ff:ff:ff", false),
                ("", "00:1b-44:11:3a:b7", false),
                ("mac ", "001b44113ab7", true),
                ("", "001b44113ab7", false),
            ],
        );
    }
}
