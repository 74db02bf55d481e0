//! Numbers of people's papers by country: check characters of the registries, and shapes without one that count only where nothing stands beside.

use super::context::{byte_before, counts_things, labeled, mentioned};
use super::luhn;
use super::numbers::{compact, is_short_date, last, mod_11_10, monotone, part, verhoeff, weighted};
use crate::rule::Seen;

/// A shape, and what decides about the letters and digits in it. `9` is a digit, `A` a letter, `X` either, `=` a separator, `-` one or none.
type Row = (&'static str, fn(&str) -> bool);

/// Numbers with check characters.
const CHECKED: &[Row] = &[
    ("9999-9999-9", us_routing),
    ("9999-999-999", us_npi),
    ("9999=99999=9", au_medicare),
    ("999999-9999", se_organization),
    ("99999999-999", it_vat),
    ("99999999999", de_tax),
    ("9999-9999-9999", |id| !id.starts_with(['0', '1']) && verhoeff(id)),
    ("9-9999-99999-99-9", th_id),
    ("999999-9999999", kr_resident),
    ("A999999999", de_health),
    ("XXXXXXXX9", de_card),
    ("A999XXXXXXX", de_license),
    ("AA9999999", us_dea),
    ("A99AA9999A", sg_entity),
    ("999999999A", sg_entity),
    ("99999999A", sg_entity),
];

/// Numbers without: what a line holds alone, and what a label names.
const SHAPED: &[Row] = &[
    ("99=99=999999=99", |id| part(id, 0, 2).is_some_and(|region| matches!(region, 11..=28))),
    ("AA99-AAA", uk_plate),
    ("A9-AAA", uk_plate),
    ("A99-AAA", uk_plate),
    ("A999-AAA", uk_plate),
    ("AAA-9A", uk_plate),
    ("AAA-99A", uk_plate),
    ("AAA-999A", uk_plate),
    ("AAA-999AA", |_| true),
    ("99-A-99", tr_plate),
    ("99-A-999", tr_plate),
    ("99-A-9999", tr_plate),
    ("99-AA-99", tr_plate),
    ("99-AA-999", tr_plate),
    ("99-AAA-999", tr_plate),
    ("99-AAA-9999", tr_plate),
    ("AA99AA9999", in_plate),
    ("AAA9999999", |_| true),
    ("AA9999999A", |id| !id.starts_with("GB")),
    ("AAAAA9999A", |id| id.as_bytes().get(3).is_some_and(|kind| b"ABCFGHJLPT".contains(kind))),
    ("AAA999999", |_| true),
    ("A999A9999", |id| id.starts_with(['M', 'S', 'R', 'O', 'D'])),
    ("999/9999/9999", |_| true),
    ("999/999/99999", |_| true),
];

const fn separates(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b':' | b'_' | b'/')
}

/// Whether a value has a shape.
fn fits(shape: &str, value: &str) -> bool {
    let mut rest = value.as_bytes();
    for unit in shape.bytes() {
        let Some((&byte, behind)) = rest.split_first() else { return false };
        let taken = match unit {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_alphabetic(),
            b'X' => byte.is_ascii_alphanumeric(),
            b'-' | b'=' if separates(byte) => true,
            b'-' => continue,
            other => byte == other,
        };
        if !taken {
            return false;
        }
        rest = behind;
    }
    rest.is_empty()
}

fn one_of(rows: &[Row], value: &str) -> bool {
    let kinds: Vec<u8> = value.bytes().filter(|byte| separates(*byte)).collect();
    let alike = kinds.iter().all(|kind| kinds.first() == Some(kind));
    let id = compact(value);
    alike && !monotone(&id) && rows.iter().any(|(shape, check)| fits(shape, value) && check(&id))
}

/// Whether letters of a text are of one case.
fn one_case(value: &str) -> bool {
    !(value.bytes().any(|byte| byte.is_ascii_lowercase()) && value.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// A number with check characters that a line consists of.
pub(crate) fn checked_alone(seen: &Seen<'_>) -> bool {
    one_case(seen.value) && one_of(CHECKED, seen.value)
}

/// A number without check characters that a line consists of.
pub(crate) fn shaped_alone(seen: &Seen<'_>) -> bool {
    one_of(SHAPED, seen.value) || de_plate(seen.value)
}

/// Germany's plates: a district, letters, a number, electric and old cars with their letter; the parts are kept apart.
fn de_plate(value: &str) -> bool {
    let parts: Vec<&str> = value.split([' ', '-']).collect();
    let [district, letters, number] = parts.as_slice() else { return false };
    let alphabetic = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let digits = number.trim_end_matches(['E', 'H', 'e', 'h']);
    let numbered = (2..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    alphabetic(district, 3) && alphabetic(letters, 2) && numbered && number.len() <= digits.len() + 1 && one_case(value)
}

/// Germany's tax number of people: ISO/IEC 7064 MOD 11,10; of the first ten digits one stands there twice or thrice, the others once.
fn de_tax(id: &str) -> bool {
    let times = |digit: char| id.chars().take(10).filter(|one| *one == digit).count();
    let more: Vec<usize> = ('0'..='9').map(times).filter(|times| *times > 1).collect();
    !id.starts_with('0') && matches!(more.as_slice(), [2 | 3]) && mod_11_10(id)
}

/// ABA routing: a district, weights 3 7 1.
fn us_routing(id: &str) -> bool {
    part(id, 0, 2).is_some_and(|code| matches!(code, 1..=12 | 21..=32 | 61..=72 | 80))
        && weighted(id, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// US NPI: 1 or 2 in front, Luhn with 80840 before it; moments in seconds look alike.
fn us_npi(id: &str) -> bool {
    id.starts_with(['1', '2']) && !part(id, 0, 2).is_some_and(|lead| (14..=19).contains(&lead)) && luhn(&format!("80840{id}"))
}

/// US DEA: a kind of registrant, a letter, and the digits of odd places and twice those of even ones end in the seventh.
pub(crate) fn us_dea(id: &str) -> bool {
    let kind = id.starts_with(|c| matches!(c, 'A'..='H' | 'J'..='M' | 'P' | 'R' | 'S' | 'T' | 'U' | 'X'));
    kind && id.len() == 9 && id.get(2..).is_some_and(|digits| Some(weighted(digits, &[1, 2, 1, 2, 1, 2]) % 10) == last(digits))
}

/// Australia's Medicare: 2 to 6 in front; weights 1 3 7 9 make the ninth digit, the tenth is the card's issue.
fn au_medicare(id: &str) -> bool {
    id.starts_with(|c| matches!(c, '2'..='6'))
        && part(id, 8, 1) == Some(weighted(id, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10)
        && last(id).is_some_and(|issue| issue > 0)
}

/// Sweden's organizations: the third digit is 2 or more, Luhn.
fn se_organization(id: &str) -> bool {
    part(id, 2, 1).is_some_and(|digit| digit >= 2) && !id.starts_with(['0', '4']) && luhn(id)
}

/// Italy's VAT number: an office of the tax authority, Luhn.
fn it_vat(id: &str) -> bool {
    part(id, 0, 7).is_some_and(|number| number > 0)
        && part(id, 7, 3).is_some_and(|office| matches!(office, 1..=100 | 120 | 121 | 888 | 999))
        && luhn(id)
}

/// Thailand's: a kind, a province, weights 13 to 2, modulus 11.
fn th_id(id: &str) -> bool {
    let check = (11 - weighted(id, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10;
    // Provinces have numbers from 10 on in groups of eight or so, none in 28 and 29, 59, 68 and 69, 78 and 79, 87 to 89.
    let province = part(id, 1, 2).is_some_and(|code| matches!(code, 10..=27 | 30..=58 | 60..=67 | 70..=77 | 80..=86 | 90..=96));
    id.starts_with(|c| matches!(c, '1'..='8')) && province && last(id) == Some(check)
}

/// Korea's numbers of residents and foreigners; those given out since October 2020 have no check digit.
pub(crate) fn kr_resident(id: &str) -> bool {
    let (Some(year), Some(month), Some(day), Some(kind)) = (part(id, 0, 2), part(id, 2, 2), part(id, 4, 2), part(id, 6, 1)) else {
        return false;
    };
    let (foreign, later) = (matches!(kind, 5..=8), matches!(kind, 3 | 4 | 7 | 8));
    let check = (11 - weighted(id, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11) % 10;
    let check = if foreign { (check + 2) % 10 } else { check };
    let unchecked = later && (year, month) >= (20, 10) && year < 60;
    matches!(kind, 1..=8) && is_short_date(year, month, day) && (unchecked || last(id) == Some(check))
}

/// Germany's health insurance: a letter as two digits, digits of odd places, twice those of even ones and their sums.
fn de_health(id: &str) -> bool {
    let Some(letter) = id.bytes().next().filter(u8::is_ascii_uppercase) else { return false };
    let all = format!("{:02}{}", letter - b'A' + 1, id.get(1..).unwrap_or_default());
    let digits = all.bytes().map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits.take(10).zip([1, 2].into_iter().cycle()).map(|(digit, weight)| digit * weight / 10 + digit * weight % 10).sum();
    last(&all) == Some(sum % 10)
}

/// Germany's identity cards and passports: letters without vowels, ICAO 9303's weights 7 3 1 over eight characters.
fn de_card(id: &str) -> bool {
    let letters = id.bytes().all(|byte| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(&byte));
    letters
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().filter(u8::is_ascii_digit).count() >= 3
        && id.get(..8).map(icao) == last(id)
}

/// ICAO 9303: letters count from 10, weights 7 3 1.
fn icao(text: &str) -> u32 {
    text.chars().filter_map(|c| c.to_digit(36)).zip([7, 3, 1].into_iter().cycle()).map(|(value, weight)| value * weight).sum::<u32>() % 10
}

/// Germany's driving licences: the tenth character is a check digit over nine, X for ten.
fn de_license(id: &str) -> bool {
    let sum: u32 = id.chars().take(9).filter_map(|c| c.to_digit(36)).zip((1..=9).rev()).map(|(value, weight)| value * weight).sum();
    let check = id.as_bytes().get(9).copied();
    id.len() == 11 && check == if sum % 11 == 10 { Some(b'X') } else { u8::try_from(sum % 11).ok().map(|rest| b'0' + rest) }
}

/// Singapore's entities (UEN): businesses, companies with their year, and others, each with a letter of its own weights.
fn sg_entity(id: &str) -> bool {
    const OTHERS: &str = "ABCDEFGHJKLMNPQRSTUVWX0123456789";
    let end = id.bytes().last();
    let letter = |letters: &[u8], at: u32| letters.get(at as usize).copied() == end;
    match id.len() {
        9 => letter(b"XMKECAWLJDB", weighted(id, &[10, 4, 9, 3, 8, 2, 7, 1]) % 11),
        10 if id.starts_with(['R', 'S', 'T']) => {
            let values = id.chars().take(9).map(|c| OTHERS.find(c).and_then(|at| u32::try_from(at).ok()).unwrap_or(0));
            let sum: u32 = values.zip([4, 3, 5, 3, 10, 2, 2, 5, 7]).map(|(value, weight)| value * weight).sum();
            letter(OTHERS.as_bytes(), (sum + 11 - 5) % 11)
        }
        10 => {
            let year = part(id, 0, 4).is_some_and(|year| (1940..=2060).contains(&year));
            year && letter(b"ZKCMDNERGWH", weighted(id, &[10, 8, 6, 4, 9, 7, 5, 3, 1]) % 11)
        }
        _ => false,
    }
}

/// Italy's codice fiscale: sixteen characters of which the last checks the others; letters may stand for digits.
pub(crate) fn it_fiscal(seen: &Seen<'_>) -> bool {
    const ODD: [u32; 26] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let id = compact(seen.value);
    let value = |byte: u8| usize::from(if byte.is_ascii_digit() { byte - b'0' } else { byte.saturating_sub(b'A') });
    let sum: u32 = id
        .bytes()
        .take(15)
        .enumerate()
        .map(|(at, byte)| if at % 2 == 0 { ODD.get(value(byte)).copied().unwrap_or(0) } else { u32::try_from(value(byte)).unwrap_or(0) })
        .sum();
    id.len() == 16 && id.bytes().last() == u8::try_from(sum % 26).ok().map(|at| b'A' + at)
}

/// Germany's social insurance: two digits of the insurer, a day, a letter, a serial, and a check digit.
pub(crate) fn de_insurance(seen: &Seen<'_>) -> bool {
    let id = seen.value.to_ascii_uppercase();
    let (Some(day), Some(month), Some(letter)) =
        (part(&id, 2, 2), part(&id, 4, 2), id.as_bytes().get(8).filter(|c| c.is_ascii_uppercase()))
    else {
        return false;
    };
    let all = format!("{}{:02}{}", id.get(..8).unwrap_or_default(), letter - b'A' + 1, id.get(9..).unwrap_or_default());
    let digits = all.bytes().map(|byte| u32::from(byte - b'0'));
    let products = digits.zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]).map(|(digit, weight)| digit * weight);
    let sum: u32 = products.map(|product| product / 10 + product % 10).sum();
    matches!(day, 1..=31 | 51..=81) && matches!(month, 1..=12) && last(&all) == Some(sum % 10)
}

/// Germany's VAT number: ISO/IEC 7064 MOD 11,10.
pub(crate) fn de_vat(seen: &Seen<'_>) -> bool {
    let digits: String = seen.value.chars().filter(char::is_ascii_digit).collect();
    let named = mentioned(seen, &["ust", "vat", "rechnung", "umsatzsteuer"]);
    !digits.starts_with('0') && !monotone(&digits) && (named || mod_11_10(&digits))
}

/// A DEA number: by its check digit where something names it, or where it is all there is before.
pub(crate) fn us_dea_named(seen: &Seen<'_>) -> bool {
    us_dea(&compact(seen.value)) && mentioned(seen, &["dea", "certificate", "prescriber", "registrant", "license", "licence"])
}

/// A Swedish organization that is named, or that a line begins with.
pub(crate) fn se_organization_named(seen: &Seen<'_>) -> bool {
    let first = seen.before.is_empty() || seen.before.ends_with('\n');
    se_organization(&compact(seen.value))
        && (first || mentioned(seen, &["orgnummer", "org.nr", "orgnr", "organisationsnummer", "company", "bolag"]))
}

/// A Singaporean entity anywhere: those whose shape is their own, and companies by their year.
pub(crate) fn sg_entity_anywhere(seen: &Seen<'_>) -> bool {
    sg_entity(seen.value) && !matches!(byte_before(seen), Some(b'-' | b'.' | b'_' | b'/'))
}

/// A Thai number in its groups or named.
pub(crate) fn th_id_named(seen: &Seen<'_>) -> bool {
    th_id(&compact(seen.value)) && (seen.value.len() == 17 || mentioned(seen, &["tnin", "thai", "บัตรประชาชน", "ประจำตัวประชาชน"]))
}

/// India's PAN where something names it.
pub(crate) fn named_in_india(seen: &Seen<'_>) -> bool {
    mentioned(seen, &["pan", "permanent account", "income tax"])
}

/// A UK driving licence: five characters of the name, filled up with nines, and nine more that are its driver's day and initials.
pub(crate) fn uk_driving_licence(seen: &Seen<'_>) -> bool {
    let id = compact(seen.value);
    let day = part(&id, 8, 2);
    let filled = id.get(..5).is_some_and(|name| name.trim_end_matches('9').bytes().all(|byte| byte.is_ascii_alphabetic()));
    id.len() == 16 && filled && one_case(seen.value) && day.is_some_and(|day| matches!(day, 1..=31))
}

/// A Medicare number: large letters, groups, or a name before it.
pub(crate) fn us_mbi(seen: &Seen<'_>) -> bool {
    one_case(seen.value)
        && (seen.value.contains('-')
            || mentioned(seen, &["medicare", "mbi"])
            || !seen.value.bytes().any(|byte| byte.is_ascii_lowercase()) && byte_before(seen).is_none_or(|byte| byte.is_ascii_whitespace()))
}

/// Korea's businesses: weights 1 3 7, and the tens of the ninth digit times five; in groups or named.
pub(crate) fn kr_business(seen: &Seen<'_>) -> bool {
    let id = compact(seen.value);
    let ninth = part(&id, 8, 1).unwrap_or(0) * 5;
    let sum = weighted(&id, &[1, 3, 7, 1, 3, 7, 1, 3]) + ninth / 10 + ninth % 10;
    let clear = seen.value.len() == 12 && !matches!(byte_before(seen), Some(b'-' | b'.' | b'+')) && !counts_things(seen);
    !id.starts_with('0') && Some((10 - sum % 10) % 10) == last(&id) && (clear || labeled(seen, &["brn", "사업자", "business registration"]))
}

/// Korea's passports where something names them, and driving licences in their groups.
pub(crate) fn kr_document(seen: &Seen<'_>) -> bool {
    if seen.value.starts_with(|c: char| c.is_ascii_digit()) {
        return !matches!(byte_before(seen), Some(b'-' | b'.' | b'/')) && !counts_things(seen);
    }
    mentioned(seen, &["passport", "여권", "korea"])
}

/// The Philippines' tax number: weights 9 to 2, modulus 11; named.
pub(crate) fn ph_tin(seen: &Seen<'_>) -> bool {
    let sum = weighted(&compact(seen.value), &[9, 8, 7, 6, 5, 4, 3, 2]);
    part(&compact(seen.value), 8, 1) == Some(sum % 11) && mentioned(seen, &["tin", "tax identification", "taxpayer", "bir"])
}

/// The United Kingdom's plates: no I and Q in front, ages that are given out.
fn uk_plate(id: &str) -> bool {
    let head = id.bytes().next().unwrap_or(0);
    if id.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic) && id.as_bytes().get(2).is_some_and(u8::is_ascii_digit) {
        let areas = id.bytes().take(2).all(|byte| !matches!(byte, b'I' | b'Q' | b'Z'));
        return areas && part(id, 2, 2).is_some_and(|age| matches!(age, 2..=29 | 51..=79));
    }
    let year = if id.as_bytes().get(1).is_some_and(u8::is_ascii_digit) { head } else { id.bytes().last().unwrap_or(0) };
    !matches!(year, b'I' | b'O' | b'Q' | b'U' | b'Z')
}

/// Turkey's plates: a province of 81.
fn tr_plate(id: &str) -> bool {
    part(id, 0, 2).is_some_and(|province| matches!(province, 1..=81))
}

/// India's plates: a state.
fn in_plate(id: &str) -> bool {
    const STATES: &[&str] = &[
        "AN", "AP", "AR", "AS", "BR", "CG", "CH", "DD", "DL", "GA", "GJ", "HP", "HR", "JH", "JK", "KA", "KL", "LA", "LD", "MH", "ML", "MN",
        "MP", "MZ", "NL", "OD", "PB", "PY", "RJ", "SK", "TN", "TR", "TS", "UK", "UP", "WB",
    ];
    id.get(..2).is_some_and(|state| STATES.contains(&state))
}

#[cfg(test)]
mod tests;
