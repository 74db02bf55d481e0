//! Identity numbers of countries, of people and their devices, by their check digits or by the words before them.

use super::context::{labeled, mentioned};
use super::luhn;
use super::numbers::{compact, count, last, monotone, only_digits, part, weighted};
use crate::rule::Seen;

/// IMEI (3GPP TS 23.003): 15 digits, Luhn, named.
pub(crate) fn imei(seen: &Seen<'_>) -> bool {
    luhn(seen.value)
        && !monotone(seen.value)
        && mentioned(seen, &["imei", "imeisv", "meid", "device id", "handset", "设备号", "串号", "设备识别码"])
}

/// The same without a name: of a body that gives out type codes (GSMA TS.06).
pub(crate) fn imei_alone(seen: &Seen<'_>) -> bool {
    let body = part(seen.value, 0, 2).is_some_and(|body| matches!(body, 1 | 35 | 86 | 91 | 98 | 99 | 53 | 54));
    body && luhn(seen.value) && !monotone(seen.value)
}

/// Words for identity cards.
const CARD_WORDS: &[&str] = &[
    "澳门",
    "澳門",
    "香港",
    "macao",
    "macau",
    "hkid",
    "hong kong",
    "证件",
    "證件",
    "身份证",
    "身份證",
    "身分證",
    "id_no",
    "id no",
    "id card",
];

/// Hong Kong's, Macao's and Taiwan's identity cards by their check digits.
pub(crate) fn hk_tw_mo(seen: &Seen<'_>) -> bool {
    let id = compact(seen.value);
    if !seen.value.contains('(') {
        return taiwan(&id);
    }
    if id.starts_with(|c: char| c.is_ascii_digit()) {
        // Macao publishes no check digit.
        return mentioned(seen, CARD_WORDS);
    }
    hong_kong(&id) || labeled(seen, CARD_WORDS)
}

/// Letters count from 10, a single letter has a blank (36) before it; weights 9 to 1; divisible by 11.
fn hong_kong(id: &str) -> bool {
    let blank = if id.len() == 8 { Some(36) } else { None };
    let values = blank.into_iter().chain(id.chars().filter_map(|c| c.to_digit(36)));
    let sum: u32 = values.zip((1..=9).rev()).map(|(value, weight)| if weight == 1 && value == 10 { 10 } else { value * weight }).sum();
    sum.is_multiple_of(11)
}

/// The letter stands for two digits; weights 1, 9 to 1, 1; divisible by ten.
fn taiwan(id: &str) -> bool {
    const LETTERS: &str = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let Some(letter) = id.chars().next().and_then(|c| LETTERS.find(c)).and_then(|at| u32::try_from(at).ok()) else { return false };
    let code = letter + 10;
    let sum = code / 10 + code % 10 * 9 + weighted(id, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    id.len() == 10 && sum.is_multiple_of(10)
}

/// ABA routing numbers: a district, weights 3 7 1; accounts: named.
pub(crate) fn us_bank(seen: &Seen<'_>) -> bool {
    let routing = only_digits(seen.value);
    let district = part(&routing, 0, 2).is_some_and(|code| matches!(code, 0..=12 | 21..=32 | 61..=72 | 80));
    let named = labeled(seen, &["routing", "aba", "rtn"]);
    if named {
        return count(&routing) == 9 && district && weighted(&routing, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10);
    }
    labeled(seen, &["bank account", "account number", "account no", "acct", "checking account", "savings account"])
        && last(&routing).is_some()
}

/// US social security numbers: no area 000, 666 or 9xx, no group 00, no serial 0000; shapes other than `123-45-6789` by a word only.
pub(crate) fn us_ssn(seen: &Seen<'_>) -> bool {
    let number = only_digits(seen.value);
    let (Some(area), Some(group), Some(serial)) = (part(&number, 0, 3), part(&number, 3, 2), part(&number, 5, 4)) else { return false };
    matches!(area, 1..=665 | 667..=899)
        && group > 0
        && serial > 0
        && !monotone(&number)
        && separated(seen, &["ssn", "ssns", "social security", "social", "社会安全", "社安"])
}

/// US taxpayer numbers of foreigners: 9xx and the groups that the IRS gives out.
pub(crate) fn us_itin(seen: &Seen<'_>) -> bool {
    let number = only_digits(seen.value);
    let group = part(&number, 3, 2).is_some_and(|group| matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99));
    number.starts_with('9') && group && separated(seen, &["itin", "taxpayer", "tax id", "tin"])
}

/// Whether groups are kept apart by one kind of separator (`-`, or a space), or a word says what the number is.
fn separated(seen: &Seen<'_>, words: &[&str]) -> bool {
    let kinds: Vec<u8> = seen.value.bytes().filter(|byte| !byte.is_ascii_digit()).collect();
    let alike = kinds.iter().all(|kind| kinds.first() == Some(kind));
    let glued = super::context::byte_before(seen).is_some_and(|byte| matches!(byte, b'-' | b'.' | b'_' | b'/' | b'+'));
    let clear = kinds.len() == 2 && matches!(kinds.first(), Some(b'-' | b' ' | b'.'));
    alike && !glued && (clear && !super::context::counts_things(seen) || mentioned(seen, words))
}

#[cfg(test)]
mod tests {
    use super::{hong_kong, taiwan, us_ssn};
    use crate::rule::Seen;

    #[test]
    fn cards_of_hong_kong_and_taiwan_end_in_their_check_digit() {
        for (id, expect) in [("A1234563", true), ("A1234564", false), ("AB9876543", true), ("AB9876544", false)] {
            assert_eq!(hong_kong(id), expect, "{id}");
        }
        for (id, expect) in [("A123456789", true), ("A123456788", false), ("A12345678", false)] {
            assert_eq!(taiwan(id), expect, "{id}");
        }
    }

    #[test]
    fn social_security_numbers_need_their_shape_or_a_word() {
        for (before, value, expect) in [
            ("", "536-22-8726", true),
            ("", "536 22 8726", true),
            ("", "536228726", false),
            ("ssn ", "536228726", true),
            ("order ", "536-22-8726", false),
            ("", "666-22-8726", false),
            ("", "536-22 8726", false),
        ] {
            assert_eq!(us_ssn(&Seen { value, whole: value, before }), expect, "{before}{value}");
        }
    }
}
