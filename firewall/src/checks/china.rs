//! Numbers of China: identity numbers (GB 11643), social credit codes (GB 32100), mobile and landline numbers, bank cards, plates.

use super::context::{byte_before, counts_things, ending, labeled, mentioned};
use super::numbers::{compact, count, digits, is_date, is_short_date, only_digits, part};
use super::{banking, luhn};
use crate::rule::Seen;

/// Provinces by the first two digits of their areas (GB/T 2260); 71, 81–83 are Taiwan, Hong Kong, Macao and residents from there.
const fn province(code: u32) -> bool {
    matches!(code, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
}

/// GB 11643: 18 characters with area, day of birth and check digit; or the older 15 digits, which have no check digit.
pub(crate) fn cn_id(seen: &Seen<'_>) -> bool {
    let id = compact(seen.value);
    if !part(&id, 0, 2).is_some_and(province) {
        return false;
    }
    match id.len() {
        18 => {
            let (Some(year), Some(month), Some(day)) = (part(&id, 6, 4), part(&id, 10, 2), part(&id, 12, 2)) else { return false };
            (1880..=2060).contains(&year) && is_date(year, month, day) && id.as_bytes().get(17).copied() == Some(id_check(&id))
        }
        15 => {
            let (Some(year), Some(month), Some(day)) = (part(&id, 6, 2), part(&id, 8, 2), part(&id, 10, 2)) else { return false };
            is_short_date(year, month, day)
                && !luhn_card(&id)
                && (labeled(seen, ID_WORDS) || !counts_things(seen) && seen.value.len() == 15)
        }
        _ => false,
    }
}

const ID_WORDS: &[&str] = &["身份证", "证件", "公民身份", "id card", "id_card", "idcard", "identity"];

/// A card of 15 digits is one of another kind.
fn luhn_card(id: &str) -> bool {
    luhn(id) && (id.starts_with("34") || id.starts_with("37"))
}

/// ISO/IEC 7064 MOD 11-2 over the first 17 digits.
fn id_check(id: &str) -> u8 {
    let rest = digits(id).take(17).fold(0, |sum, digit| (sum + digit) * 2 % 11);
    match (12 - rest) % 11 {
        10 => b'X',
        digit => b'0' + u8::try_from(digit).unwrap_or(0),
    }
}

/// Series of mobile numbers that are given out.
const fn assigned(series: u32) -> bool {
    matches!(series, 130..=139 | 140 | 141 | 145..=149 | 150..=153 | 155..=159 | 162 | 165..=167 | 170..=178 | 180..=189 | 190..=193 | 195..=199)
}

/// The series is given out, separators of groups are of one kind, and no sign or point stands before.
pub(crate) fn cn_mobile(seen: &Seen<'_>) -> bool {
    let international = seen.value.starts_with('+') || seen.value.starts_with("00");
    let all = only_digits(seen.value);
    let series = all.get(all.len().saturating_sub(11)..).and_then(|number| part(number, 0, 3));
    if matches!(byte_before(seen), Some(b'+' | b'.' | b'_')) || !series.is_some_and(assigned) {
        return false;
    }
    let mut kinds = seen.value.bytes().filter(|byte| matches!(byte, b'.' | b'/'));
    let dotted = kinds.next().is_some();
    let spread = seen.value.bytes().filter(|byte| *byte == b' ' || *byte == b'-').count();
    let mixed = dotted && spread > 0 && !international;
    !mixed && !counts_things(seen)
}

/// Area codes of landlines, without their zero.
const fn area(code: u32) -> bool {
    matches!(code,
        10 | 20..=25 | 27..=29 | 310..=319 | 335 | 349..=359 | 370..=379 | 391..=398 | 410..=419 | 421 | 427 | 429 | 431..=440 | 451..=459
        | 464 | 467..=479 | 482 | 483 | 510..=519 | 523 | 527 | 530..=539 | 543 | 546 | 550..=559 | 561..=566 | 570..=580 | 591..=599
        | 631..=635 | 660 | 662 | 663 | 668 | 691 | 692 | 701 | 710..=719 | 722 | 724 | 728 | 730..=739 | 743..=746 | 750..=763 | 765..=769
        | 770..=779 | 790..=799 | 810 | 812 | 813 | 816..=818 | 825..=827 | 830..=840 | 851..=859 | 870..=879 | 883 | 886..=888 | 891..=899
        | 901..=903 | 906 | 908 | 909 | 910..=919 | 930..=939 | 941 | 943 | 951..=955 | 970..=979 | 990..=999)
}

const LINE_WORDS: &[&str] =
    &["座机", "固话", "电话", "固定电话", "传真", "联系方式", "热线", "tel", "telephone", "phone", "landline", "fax", "call"];

/// A landline: its area is one, its number has seven or eight digits; numbers without area or separator by context only.
pub(crate) fn cn_landline(seen: &Seen<'_>) -> bool {
    if matches!(byte_before(seen), Some(b'+' | b'.' | b'-' | b'/' | b'_')) {
        return false;
    }
    let all = only_digits(seen.value);
    let international = seen.value.starts_with('+') || all.starts_with("0086");
    let national = all.strip_prefix("0086").or_else(|| all.strip_prefix("86").filter(|_| international)).unwrap_or(&all);
    let known = labeled(seen, LINE_WORDS);
    let Some(line) = (if international { Some(national) } else { national.strip_prefix('0') }) else {
        // No area: a service number or a local one.
        let service = (national.starts_with("400") || national.starts_with("800")) && national.len() == 10;
        return known && (service || matches!(national.len(), 7 | 8) && national.starts_with(|c| matches!(c, '2'..='8')));
    };
    let code = [2, 3].into_iter().find(|len| part(line, 0, *len).is_some_and(|code| (*len == 2) == (code < 30) && area(code)));
    let Some(len) = code else { return false };
    let separated = seen.value.bytes().any(|byte| matches!(byte, b'-' | b' ' | b')'));
    let rest = line.get(len..).unwrap_or_default();
    let plausible = rest.starts_with(|c| matches!(c, '1'..='9')) && rest.len() >= 7;
    plausible && (international || known || separated && !counts_things(seen))
}

/// A card of a Chinese bank: UnionPay's 62 and the numbers that banks had before it, with its check digit.
pub(crate) fn cn_bank_card(seen: &Seen<'_>) -> bool {
    let card = only_digits(seen.value);
    let bank =
        card.starts_with("62") || card.starts_with("81") || ((card.starts_with("9558") || card.starts_with("9559")) && card.len() == 19);
    bank && (16..=19).contains(&card.len()) && luhn(&card) && banking::card_context(seen)
}

/// GB 32100: who registered it, area, and the check character over 30 others.
pub(crate) fn cn_uscc(seen: &Seen<'_>) -> bool {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let code = seen.value.to_ascii_uppercase();
    let value = |byte: u8| ALPHABET.iter().position(|one| *one == byte).and_then(|at| u32::try_from(at).ok());
    let mut sum = 0;
    let mut weight = 1;
    for byte in code.bytes().take(17) {
        let Some(value) = value(byte) else { return false };
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    let area = part(&code, 2, 2).is_some_and(|code| province(code) || code == 10);
    code.len() == 18 && area && code.bytes().last().and_then(value) == Some((31 - sum % 31) % 31)
}

const PASSPORT_WORDS: &[&str] = &["护照", "passport", "通行证", "travel document"];

/// A passport of China: `E` with eight digits or a letter and seven, or the older series; by a label that names it, or strong in itself.
pub(crate) fn cn_passport(seen: &Seen<'_>) -> bool {
    let number = seen.value.to_ascii_uppercase();
    let new_series = number.starts_with('E') && number.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic);
    if new_series && matches!(number.as_bytes().get(1), Some(b'I' | b'O')) || number.starts_with("GA") {
        return false;
    }
    if mentioned(seen, PASSPORT_WORDS) {
        return true;
    }
    // Without a word only where nothing else stands before: a cell of a table, a line of a list, a name in Chinese.
    let alone = (number.starts_with(['E', 'G', 'D', 'S', 'P', 'K']) || number.starts_with("MA"))
        && seen.before.chars().next_back().is_none_or(|c| !c.is_ascii() || c == '\n' || c == '\t');
    alone && !number.starts_with(|c: char| c.is_ascii_digit()) && count(&number) >= 7 && !counts_things(seen)
}

/// A plate: five characters of which few are letters, six for cars of new energy.
pub(crate) fn cn_plate(seen: &Seen<'_>) -> bool {
    let twice = ending(seen.before, 3).chars().next_back().is_some_and(|c| PROVINCES.contains(c));
    let tail: String = seen.value.chars().skip(2).filter(|c| c.is_ascii_alphanumeric()).collect();
    let letters = tail.bytes().filter(u8::is_ascii_alphabetic).count();
    !twice && letters <= 3 && !tail.bytes().any(|byte| matches!(byte, b'I' | b'O'))
}

/// The characters that stand for provinces on plates.
const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";

#[cfg(test)]
mod tests {
    use super::{area, cn_id, cn_mobile, cn_uscc, province};
    use crate::rule::Seen;

    fn after<'a>(before: &'a str, value: &'a str) -> Seen<'a> {
        Seen { value, whole: value, before }
    }

    #[test]
    fn identity_numbers_have_an_area_a_day_and_a_check_digit() {
        for (before, value, expect) in [
            ("", "330106199001158370", true),
            ("", "330106 19900115 8370", true),
            ("", "33010619901215616x", true),
            ("", "330106199001158371", false),
            ("", "330106199002308370", false),
            ("", "990106199001158370", false),
            ("身份证", "330106900115837", true),
            ("流水号 ", "330106900115837", false),
            ("身份证", "330106901315837", false),
        ] {
            assert_eq!(cn_id(&after(before, value)), expect, "{before}{value}");
        }
    }

    #[test]
    fn series_and_areas_are_those_that_are_given_out() {
        for (value, expect) in [("13912345678", true), ("+8619912345678", true), ("14212345678", false), ("15412345678", false)] {
            assert_eq!(cn_mobile(&after("", value)), expect, "{value}");
        }
        for (code, expect) in [(10, true), (26, false), (755, true), (320, false), (999, true)] {
            assert_eq!(area(code), expect, "{code}");
        }
        for (code, expect) in [(11, true), (16, false), (83, true), (91, false)] {
            assert_eq!(province(code), expect, "{code}");
        }
    }

    #[test]
    fn credit_codes_end_in_their_check_character() {
        for (value, expect) in [("91330106MA27XL0K7U", true), ("91330106MA27XL0K7W", false), ("91990106MA27XL0K7U", false)] {
            assert_eq!(cn_uscc(&after("", value)), expect, "{value}");
        }
    }
}
