//! Addresses of machines: IP, MAC, URLs.

use crate::checks::addresses;
use crate::rule::{Anchor, Edge, Rule};
use fluxa_domain::firewall::{Action, Confidence};

/// Two hexadecimal digits between separators: what machine addresses are made of, and little else is. The first byte is the separator before
/// them, the last the one behind; 0 for none.
const fn pairs<const LEN: usize>(first: u8, last: u8) -> [[u8; LEN]; 256] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut all = [[0; LEN]; 256];
    let mut at = 0;
    while at < 256 {
        all[at][0] = first;
        all[at][1] = HEX[at >> 4];
        all[at][2] = HEX[at & 15];
        if LEN > 3 {
            all[at][3] = last;
        }
        at += 1;
    }
    all
}

/// The same as texts.
const fn texts<const LEN: usize>(pairs: &'static [[u8; LEN]; 256]) -> [&'static str; 256] {
    let mut all = [""; 256];
    let mut at = 0;
    while at < 256 {
        all[at] = match core::str::from_utf8(&pairs[at]) {
            Ok(text) => text,
            Err(_) => "",
        };
        at += 1;
    }
    all
}

const COLON_PAIRS: &[[u8; 3]; 256] = &pairs(b':', 0);
const COLONS: [&str; 256] = texts(COLON_PAIRS);
const CLOSED_PAIRS: &[[u8; 4]; 256] = &pairs(b':', b':');
const CLOSED: [&str; 256] = texts(CLOSED_PAIRS);
const DASH_PAIRS: &[[u8; 4]; 256] = &pairs(b'-', b'-');
const DASHES: [&str; 256] = texts(DASH_PAIRS);

/// Beginnings of groups in IPv6 addresses: colons and two hexadecimal digits, or two colons and one, or a prefix.
const V6: [&str; 273] = {
    let mut all = [""; 273];
    let mut at = 0;
    while at < 256 {
        all[at] = COLONS[at];
        at += 1;
    }
    let short = ["::0", "::1", "::2", "::3", "::4", "::5", "::6", "::7", "::8", "::9", "::a", "::b", "::c", "::d", "::e", "::f", "::/"];
    while at < 273 {
        all[at] = short[at - 256];
        at += 1;
    }
    all
};

/// Groups of MAC addresses, and words that name one written otherwise.
const MAC: [&str; 513] = {
    let mut all = ["mac"; 513];
    let mut at = 0;
    while at < 256 {
        all[at] = CLOSED[at];
        all[at + 256] = DASHES[at];
        at += 1;
    }
    all
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "ip_address",
        title: "IP address (version 4)",
        label: "IP",
        confidence: Confidence::Medium,
        anchor: Anchor::Digits { least: 4, most: 100 },
        pattern: r"(?:(?:[0-9]{1,5}|[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2})[ -]){0,4}?(?P<v>[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?)(?::[0-9]{1,5})?",
        after: Edge::NoNumber,
        check: Some(addresses::ipv4),
        yes: &["from 192.0.2.17 to", "地址198.51.100.7。", "198.51.100.0/24", "http://203.0.113.9:8080/", "2026-03-01 192.0.2.17 GET"],
        no: &["version 1.2.3.4", "300.1.1.1", "1.2.3.4.5", "192.0.2.017", "192.0.2"],
        ..Rule::NETWORK
    },
    Rule {
        id: "ipv6_address",
        title: "IP address (version 6)",
        label: "IP",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&V6),
        reach: 12,
        pattern: concat!(
            r"(?P<v>(?:(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8})(?:%[A-Za-z0-9]{1,16})?(?:/[0-9]{1,3})?)",
            // The rest of a version 4 address that is not whole.
            r"(?:\.[0-9])?",
        ),
        check: Some(addresses::ipv6),
        yes: &["from 2001:db8:0:1:1:1:1:1 to", "fe80::5c1%en3", "::ffff:192.0.2.1", "2001:db8::/32", "fe80::/10", "[2001:db8::7]:443"],
        no: &["::ffff:192.0.2", "std::collections::BTreeMap", "10:20:30", "face::bad", "2001:db8::12345", "a ratio of 1:22:3"],
        ..Rule::NETWORK
    },
    Rule {
        id: "mac_address",
        title: "MAC address",
        label: "MAC",
        action: Action::Mask,
        anchor: Anchor::Words(&MAC),
        reach: 2,
        pattern: concat!(
            r#"(?:(?i:mac)(?i:[ _-]?addr(?:ess)?)?["']?(?: |:|=|"|'|is|为|：){1,6})?"#,
            r"(?P<v>[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?:[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2})?|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4})?|[0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2}){5}(?: [0-9A-Fa-f]{2} [0-9A-Fa-f]{2})?|[0-9A-Fa-f]{12})",
        ),
        check: Some(addresses::mac),
        yes: &["ether 00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "MAC为00:1b:44:11:3a:b7的", "mac 001b.4411.3ab7"],
        no: &["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:1b:44-11-3a-b7", "2024-01-02-03-04-05", "00:1b:44:11:3a"],
        ..Rule::NETWORK
    },
    Rule {
        id: "mac_address_dotted",
        title: "MAC address in groups of four",
        label: "MAC",
        action: Action::Mask,
        anchor: Anchor::Digits { least: 1, most: 16 },
        reach: 3,
        pattern: r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4})?",
        check: Some(addresses::mac_dotted),
        yes: &["Vlan a 001b.4411.3ab7 dynamic", "001b.4411.3ab7.00c2"],
        no: &["0012.4411.3107", "001b.4411.3ab7x", "ffff.ffff.ffff", "v1.001b.4411.3ab7", "abcd.efab.cdef"],
        ..Rule::NETWORK
    },
    Rule {
        id: "mac_address_spaced",
        title: "MAC address that stands alone in its line, with spaces",
        label: "MAC",
        confidence: Confidence::Low,
        anchor: Anchor::Digits { least: 1, most: 16 },
        reach: 2,
        pattern: r#"["']?(?P<v>[0-9A-F]{2}(?: [0-9A-F]{2}){5}(?: [0-9A-F]{2} [0-9A-F]{2})?)["']?"#,
        before: Edge::Line,
        after: Edge::Line,
        check: Some(addresses::mac_spaced),
        yes: &["00 1B 44 11 3A B7", "\"00 1B 44 11 3A B7 0C 2D\""],
        no: &["00 1B 44 11 3A B7 0C", "10 12 44 11 31 07", "dump 00 1B 44 11 3A B7"],
        ..Rule::NETWORK
    },
    Rule {
        id: "url",
        title: "web address",
        label: "URL",
        confidence: Confidence::Low,
        action: Action::Observe,
        anchor: Anchor::Words(&["http://", "https://", "ftp://"]),
        pattern: r#"(?i)(?:https?|ftp)://(?:[A-Za-z0-9_-]{1,63}\.){1,6}[A-Za-z]{2,24}(?::[0-9]{1,5})?(?:[/?#][A-Za-z0-9._~:/?#@!$&*+,;=%-]{0,160})?"#,
        after: Edge::Any,
        yes: &["see https://www.example.com/a?b=c.", "见http://example.cn谢谢"],
        no: &["https://localhost", "http:// example.com"],
        ..Rule::NETWORK
    },
];
