//! Telephone numbers: countries, lengths, and which shapes are numbers without a word that says so.

use super::context::{byte_before, counts_things, ending, inside_account, mentioned, names};
use super::numbers::{count, monotone, only_digits, part};
use crate::rule::Seen;

/// Words that name telephone numbers.
const WORDS: &[&str] = &[
    "phone",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "cellphone",
    "call",
    "call me at",
    "dial",
    "fax",
    "whatsapp",
    "sms",
    "text me",
    "ring",
    "telefon",
    "telefono",
    "telefone",
    "teléfono",
    "téléphone",
    "handy",
    "handynummer",
    "cep",
    "cep no",
    "gsm",
    "telepono",
    "telepon",
    "mobil",
    "móvil",
    "celular",
    "portable",
    "contact",
    "reach",
    "answering",
    "registered",
    "messages",
    "text",
    "number is",
    "phone_number",
    "phonenumber",
    "msisdn",
    "电话",
    "手机",
    "联系方式",
    "電話",
    "手機",
    "携帯",
    "전화",
    "휴대폰",
    "тел",
    "телефон",
];

/// Calling codes and how many digits follow them: least and most (ITU-T E.164, national numbering plans).
const COUNTRIES: &[(&str, usize, usize)] = &[
    ("1", 10, 10),
    ("7", 10, 10),
    ("20", 8, 10),
    ("27", 9, 9),
    ("30", 10, 10),
    ("31", 9, 9),
    ("32", 8, 9),
    ("33", 9, 9),
    ("34", 9, 9),
    ("36", 8, 9),
    ("39", 6, 11),
    ("40", 9, 9),
    ("41", 9, 9),
    ("43", 7, 13),
    ("44", 9, 10),
    ("45", 8, 8),
    ("46", 7, 10),
    ("47", 8, 8),
    ("48", 9, 9),
    ("49", 6, 11),
    ("51", 8, 9),
    ("52", 10, 11),
    ("53", 6, 8),
    ("54", 10, 11),
    ("55", 10, 11),
    ("56", 9, 9),
    ("57", 8, 10),
    ("58", 10, 10),
    ("60", 8, 10),
    ("61", 9, 9),
    ("62", 8, 12),
    ("63", 8, 10),
    ("64", 8, 10),
    ("65", 8, 8),
    ("66", 8, 9),
    ("81", 9, 10),
    ("82", 8, 10),
    ("84", 9, 10),
    ("86", 10, 11),
    ("90", 10, 10),
    ("91", 10, 10),
    ("92", 9, 10),
    ("93", 9, 9),
    ("94", 9, 9),
    ("95", 7, 10),
    ("98", 10, 10),
    ("212", 9, 9),
    ("213", 8, 9),
    ("216", 8, 8),
    ("218", 8, 9),
    ("234", 8, 10),
    ("254", 9, 9),
    ("351", 9, 9),
    ("352", 6, 9),
    ("353", 8, 9),
    ("354", 7, 9),
    ("356", 8, 8),
    ("357", 8, 8),
    ("358", 6, 10),
    ("359", 8, 9),
    ("370", 8, 8),
    ("371", 8, 8),
    ("372", 7, 8),
    ("373", 8, 8),
    ("374", 8, 8),
    ("375", 9, 9),
    ("380", 9, 9),
    ("381", 8, 9),
    ("385", 8, 9),
    ("386", 8, 8),
    ("420", 9, 9),
    ("421", 9, 9),
    ("852", 8, 8),
    ("853", 8, 8),
    ("855", 8, 9),
    ("880", 8, 10),
    ("886", 8, 9),
    ("960", 7, 7),
    ("961", 7, 8),
    ("962", 8, 9),
    ("965", 8, 8),
    ("966", 9, 9),
    ("971", 8, 9),
    ("972", 8, 9),
    ("974", 8, 8),
    ("994", 9, 9),
    ("995", 9, 9),
    ("998", 9, 9),
];

/// Whether digits are a calling code and a national number of a length that its country has.
fn e164(digits: &str) -> bool {
    let Some((code, least, most)) = COUNTRIES.iter().find(|(code, ..)| digits.starts_with(code)) else {
        // Codes of three digits whose lengths are not listed.
        let coded = part(digits, 0, 3).is_some_and(
            |code| matches!(code, 210..=299 | 350..=389 | 420..=429 | 500..=509 | 590..=599 | 670..=699 | 800..=899 | 960..=999),
        );
        return coded && (9..=13).contains(&digits.len());
    };
    let national = digits.get(code.len()..).unwrap_or_default();
    // A zero that is only dialled within the country, as in `+44 (0)20`.
    let national = if *code == "39" { national } else { national.strip_prefix('0').unwrap_or(national) };
    let fits = (*least..=*most).contains(&national.len());
    match *code {
        "1" => fits && nanp(national),
        // Mobile numbers are 1 and ten digits; landlines' areas do not begin with 1, but Beijing's 10 does.
        "86" => fits && !(national.starts_with('1') && national.len() == 10 && !national.starts_with("10")),
        // Numbers that begin with 1 are mobile ones (15, 16, 17) and services (11, 18, 19).
        "49" => fits && part(national, 0, 2).is_none_or(|lead| !(10..=19).contains(&lead) || matches!(lead, 11 | 15..=19)),
        "33" | "34" | "90" | "61" | "66" | "48" => fits && !national.starts_with('0'),
        _ => fits,
    }
}

/// North America: area and exchange begin with 2–9, and neither is a service code.
fn nanp(national: &str) -> bool {
    let starts = |at| national.as_bytes().get(at).is_some_and(|byte| (b'2'..=b'9').contains(byte));
    national.len() == 10 && starts(0) && starts(3) && national.get(1..3) != Some("11") && national.get(4..6) != Some("11")
}

/// Whether the calling code is not cut by brackets: `+44 (0)20`, never `+2(267)`.
fn code_before_brackets(value: &str) -> bool {
    let Some(head) = value.split_once('(').map(|(head, _)| only_digits(head)).filter(|head| !head.is_empty()) else { return true };
    match COUNTRIES.iter().find(|(code, ..)| head.starts_with(code)) {
        Some(_) => true,
        None => head.len() >= 3,
    }
}

/// Calling codes and how mobile numbers begin behind them.
const MOBILE: &[(&str, &[&str])] = &[
    ("33", &["6", "7"]),
    ("34", &["6", "7"]),
    ("39", &["3"]),
    ("44", &["7"]),
    ("49", &["15", "16", "17"]),
    ("61", &["4"]),
    ("63", &["9"]),
    ("66", &["6", "8", "9"]),
    ("82", &["10"]),
    ("90", &["5"]),
    ("91", &["6", "7", "8", "9"]),
    ("886", &["9"]),
];

/// A number that a line consists of: a mobile one with its national zero, or with its calling code but no sign.
pub(crate) fn phone_alone(seen: &Seen<'_>) -> bool {
    let digits = only_digits(seen.value);
    if monotone(&digits) || !balanced(seen.value) || other_shape(seen.value) {
        return false;
    }
    if let Some(national) = digits.strip_prefix('0') {
        return match national.len() {
            9 => national.starts_with(['6', '7', '9']),
            10 => national.starts_with(['5', '7', '9']) || part(national, 0, 2).is_some_and(|lead| matches!(lead, 10 | 11 | 15..=19)),
            _ => false,
        };
    }
    let mobile =
        |(code, leads): &(&str, &[&str])| digits.strip_prefix(code).is_some_and(|rest| leads.iter().any(|lead| rest.starts_with(lead)));
    matches!(digits.len(), 11 | 12) && MOBILE.iter().any(mobile) && e164(&digits)
}

/// The digits of a number without its extension.
fn main_part(text: &str) -> &str {
    text.find(['x', 'X', 'e', 'E', '#']).and_then(|at| text.get(..at)).unwrap_or(text)
}

/// Shapes that are no numbers of people: dates, prices, addresses of machines, ranges.
fn other_shape(text: &str) -> bool {
    let groups: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    let is_year = |group: &&str| group.len() == 4 && (group.starts_with("19") || group.starts_with("20"));
    let date = groups.len() >= 3
        && (groups.first().is_some_and(is_year) && groups.get(1).is_some_and(|month| month.len() <= 2)
            || groups.len() == 3 && groups.get(2).is_some_and(is_year) && groups.first().is_some_and(|day| day.len() <= 2));
    date || dots == 1 && groups.len() == 2 || dots == 3 && groups.len() == 4 && groups.iter().all(|group| group.len() <= 3)
}

/// Whether the parentheses of a text are pairs.
fn balanced(text: &str) -> bool {
    text.matches('(').count() == text.matches(')').count()
}

/// An international number, or any number that a word before it names.
pub(crate) fn phone(seen: &Seen<'_>) -> bool {
    let value = main_part(seen.value);
    let digits = only_digits(value);
    if matches!(byte_before(seen), Some(b'.' | b'_' | b'/' | b'-' | b'+' | b'$')) || monotone(&digits) || !balanced(value) {
        return false;
    }
    if value.starts_with('+') {
        return e164(&digits) && code_before_brackets(value);
    }
    let named = names(ending(seen.before, 40), WORDS);
    if counts_things(seen) && !named || other_shape(value) {
        return false;
    }
    if let Some(digits) = digits.strip_prefix("00")
        && e164(digits)
    {
        return named || value.len() > digits.len() + 3;
    }
    named && plausible(&digits)
}

/// Numbers that a word names: national ones, and international ones without their sign.
fn plausible(digits: &str) -> bool {
    match digits.len() {
        6 => true,
        7 => !digits.starts_with(['0', '1']),
        8 | 9 => true,
        10 => nanp(digits) || digits.starts_with('0') || digits.starts_with(['2', '3', '4', '5', '6', '7', '8', '9']),
        11 => digits.starts_with('0') && !digits.starts_with("00") || e164(digits) || digits.starts_with(['8', '9']),
        12 | 13 => e164(digits),
        _ => false,
    }
}

/// Numbers by their shape alone: North America's groups, and national ones with their zero and groups.
pub(crate) fn phone_by_shape(seen: &Seen<'_>) -> bool {
    let value = main_part(seen.value);
    let digits = only_digits(value);
    let clear = !matches!(byte_before(seen), Some(b'.' | b'_' | b'/' | b'-' | b'+' | b'$' | b':' | b'#'));
    if !clear
        || value.starts_with('+')
        || monotone(&digits)
        || !balanced(value)
        || counts_things(seen)
        || inside_account(seen)
        || other_shape(value)
    {
        return false;
    }
    if mentioned(seen, &["version", "float", "isbn", "ssn", "social security"]) {
        return false;
    }
    let groups: Vec<usize> = value.split(|c: char| !c.is_ascii_digit()).map(str::len).filter(|len| *len > 0).collect();
    let separators = value.bytes().filter(|byte| !byte.is_ascii_digit()).count();
    if separators == 0 {
        return false;
    }
    let american = match groups.as_slice() {
        [3, 3, 4] => Some(digits.as_str()),
        [1, 3, 3, 4] => digits.strip_prefix('1'),
        [3, 7] if value.starts_with('(') => Some(digits.as_str()),
        [1, 3, 7] if value.contains('(') => digits.strip_prefix('1'),
        _ => None,
    };
    if american.is_some_and(nanp) {
        return true;
    }
    let mixed = value.contains('.') && value.contains(['-', '/']);
    let shaped = !mixed
        && !matches!(groups.as_slice(), [3, 3, 3] | [3, 2, 4])
        && groups.len() >= 2
        && groups.iter().skip(1).all(|len| *len >= 2)
        && groups.len() <= 6;
    digits.starts_with('0')
        && !digits.starts_with("00")
        && shaped
        && (9..=11).contains(&count(value))
        && groups.first().is_some_and(|first| (2..=5).contains(first))
}

#[cfg(test)]
mod tests {
    use super::{e164, other_shape};

    #[test]
    fn countries_have_their_lengths() {
        for (digits, expect) in [
            ("14155552671", true),
            ("11155552671", false),
            ("1415555267", false),
            ("442079460958", true),
            ("4402079460958", true),
            ("33612345678", true),
            ("336123456789", false),
            ("8613912345678", true),
            ("861012345678", true),
            ("4912345678910", false),
            ("4915123456789", true),
            ("999", false),
        ] {
            assert_eq!(e164(digits), expect, "{digits}");
        }
    }

    #[test]
    fn dates_and_machines_are_no_numbers() {
        for (text, expect) in [("2024-01-02", true), ("02.01.2024", true), ("10.0.0.1", true), ("1234567.25", true), ("555-0100-22", false)]
        {
            assert_eq!(other_shape(text), expect, "{text}");
        }
    }
}
