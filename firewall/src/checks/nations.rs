//! Identity numbers of countries by the check digits that their registries publish.

use super::context::{byte_before, counts_things, inside_account, labeled, mentioned};
use super::documents::kr_resident;
use super::luhn;
use super::numbers::{compact, digits, is_date, is_short_date, last, mod_11_10, monotone, only_digits, part, verhoeff, weighted};
use crate::rule::Seen;

/// The value as digits, where nothing before it goes on with a number.
fn plain(seen: &Seen<'_>) -> Option<String> {
    let glued = matches!(byte_before(seen), Some(b'.' | b'_' | b'-' | b'/' | b'+' | b':'));
    let number = only_digits(seen.value);
    (!glued && !monotone(&number) && !inside_account(seen)).then_some(number)
}

/// UK National Insurance: prefixes that HMRC does not give out are none.
pub(crate) fn uk_nino(seen: &Seen<'_>) -> bool {
    let number = compact(seen.value);
    let upper = seen.value.bytes().any(|byte| byte.is_ascii_uppercase());
    let number_like = !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].iter().any(|prefix| number.starts_with(prefix));
    number_like && (upper || mentioned(seen, &["nino", "national insurance", "ni number"]))
}

/// UK NHS: ten digits, weights 10 to 2, modulus 11; in its groups or named.
pub(crate) fn uk_nhs(seen: &Seen<'_>) -> bool {
    let Some(number) = plain(seen) else { return false };
    let check = (11 - weighted(&number, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    number.len() == 10 && Some(check) == last(&number) && (mentioned(seen, &["nhs"]) || seen.value.len() == 12 && !counts_things(seen))
}

/// Spain's NIF and NIE: the letter is the number modulus 23.
pub(crate) fn es_id(seen: &Seen<'_>) -> bool {
    const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let id = compact(seen.value);
    let foreign = id.bytes().next().and_then(|byte| match byte {
        b'X' => Some('0'),
        b'Y' => Some('1'),
        b'Z' => Some('2'),
        _ => None,
    });
    let body: String = foreign.into_iter().chain(id.chars().filter(char::is_ascii_digit)).collect();
    let Ok(number) = body.parse::<usize>() else { return false };
    let named = mentioned(seen, &["dni", "nif", "nie", "documento", "identificación"]);
    let clear =
        seen.value.bytes().all(|byte| !byte.is_ascii_lowercase()) && (foreign.is_some() || body.len() == 8 && !seen.value.contains('-'));
    LETTERS.get(number % 23) == id.as_bytes().last() && (named || clear && !counts_things(seen) && byte_before(seen) != Some(b'-'))
}

/// Eleven digits: Poland's PESEL, Turkey's TCKN, Norway's number of birth, Belgium's national number, or a German tax number that is named.
pub(crate) fn eleven(seen: &Seen<'_>) -> bool {
    let Some(id) = plain(seen) else { return false };
    if id.len() != 11 || counts_things(seen) {
        return false;
    }
    let named = mentioned(seen, &["steuer", "idnr", "identifikationsnummer", "tax id", "tin", "oib"]);
    pesel(&id) || tckn(&id) || norway(&id) || belgium(&id) || named && mod_11_10(&id)
}

fn pesel(id: &str) -> bool {
    let (Some(year), Some(month), Some(day)) = (part(id, 0, 2), part(id, 2, 2), part(id, 4, 2)) else { return false };
    let century = [1900, 2000, 2100, 2200, 1800].get(month as usize / 20).copied().unwrap_or(0);
    let check = (10 - weighted(id, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10;
    is_date(century + year, month % 20, day) && Some(check) == last(id)
}

fn tckn(id: &str) -> bool {
    let odd = weighted(id, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(id, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let tenth = (odd * 7 + 90 - even) % 10;
    !id.starts_with('0') && part(id, 9, 1) == Some(tenth) && Some((odd + even + tenth) % 10) == last(id)
}

fn norway(id: &str) -> bool {
    let (Some(day), Some(month), Some(year)) = (part(id, 0, 2), part(id, 2, 2), part(id, 4, 2)) else { return false };
    let day = if day > 40 { day - 40 } else { day };
    let first = weighted(id, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11);
    first && weighted(id, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11) && is_short_date(year, month, day)
}

fn belgium(id: &str) -> bool {
    let (Some(body), Some(check)) = (part(id, 0, 9), part(id, 9, 2)) else { return false };
    let (Some(year), Some(month), Some(day)) = (part(id, 0, 2), part(id, 2, 2), part(id, 4, 2)) else { return false };
    let later = (u64::from(body) + 2_000_000_000) % 97;
    is_short_date(year, month, day) && (97 - body % 97 == check || 97 - later == u64::from(check))
}

/// France's INSEE number: sex, year, month, department, and 97 minus the rest.
pub(crate) fn fr_insee(seen: &Seen<'_>) -> bool {
    let id = compact(seen.value).replace("2A", "19").replace("2B", "18");
    let (Ok(body), Some(check)) = (id.get(..13).unwrap_or_default().parse::<u64>(), part(&id, 13, 2)) else { return false };
    part(&id, 3, 2).is_some_and(|month| matches!(month, 1..=12 | 20..=42)) && 97 - body % 97 == u64::from(check) && !counts_things(seen)
}

/// Sweden's personal number: a day (60 more for coordination numbers), Luhn over the last ten digits; ten digits alone only where named.
pub(crate) fn se_personnummer(seen: &Seen<'_>) -> bool {
    let Some(id) = plain(seen) else { return false };
    let short = id.get(id.len().saturating_sub(10)..).unwrap_or_default();
    let (Some(year), Some(month), Some(day)) = (part(short, 0, 2), part(short, 2, 2), part(short, 4, 2)) else { return false };
    let century = id.len() == 10 || id.starts_with("19") || id.starts_with("20") || id.starts_with("18");
    let clear = id.len() == 12 || seen.value.contains(['-', '+']) || mentioned(seen, &["personnummer", "pnr"]);
    century && clear && is_short_date(year, month, if day > 60 { day - 60 } else { day }) && luhn(short) && !counts_things(seen)
}

/// Finland's: a day, a sign of the century, a number, and a character modulus 31.
pub(crate) fn fi_hetu(seen: &Seen<'_>) -> bool {
    const SIGNS: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let id = seen.value.to_ascii_uppercase();
    let (Some(day), Some(month), Some(year), Some(serial)) = (part(&id, 0, 2), part(&id, 2, 2), part(&id, 4, 2), part(&id, 7, 3)) else {
        return false;
    };
    let date = part(&id, 0, 6).unwrap_or(0);
    is_short_date(year, month, day) && SIGNS.get(((date * 1000 + serial) % 31) as usize) == id.as_bytes().last()
}

/// Switzerland's AHV number: 756 and the check digit of an EAN-13.
pub(crate) fn ch_ahv(seen: &Seen<'_>) -> bool {
    let Some(id) = plain(seen) else { return false };
    weighted(&id, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
        && (seen.value.len() > 13 || mentioned(seen, &["ahv", "avs", "sozialversicherung"]))
}

/// India's Aadhaar: Verhoeff; in its groups, or twelve digits alone.
pub(crate) fn in_aadhaar(seen: &Seen<'_>) -> bool {
    plain(seen).is_some_and(|id| verhoeff(&id))
        && (seen.value.len() == 14 || mentioned(seen, &["aadhaar", "aadhar", "uidai"]))
        && !counts_things(seen)
}

/// Korea's resident and foreigner numbers: a day and a digit of sex and century; without the dash only with a check digit or a name.
pub(crate) fn kr_rrn(seen: &Seen<'_>) -> bool {
    let clear = seen.value.contains('-') || mentioned(seen, &["rrn", "frn", "주민", "외국인", "등록번호"]);
    plain(seen).is_some_and(|id| kr_resident(&id)) && clear && !counts_things(seen)
}

/// Singapore's NRIC and FIN: weights 2 7 6 5 4 3 2, and a letter by kind.
pub(crate) fn sg_nric(seen: &Seen<'_>) -> bool {
    let id = seen.value.to_ascii_uppercase();
    let sum = weighted(&id, &[2, 7, 6, 5, 4, 3, 2]);
    let (letters, more): (&[u8], u32) = match id.bytes().next() {
        Some(b'S') => (b"JZIHGFEDCBA", 0),
        Some(b'T') => (b"JZIHGFEDCBA", 4),
        Some(b'F') => (b"XWUTRQPNMLK", 0),
        Some(b'G') => (b"XWUTRQPNMLK", 4),
        Some(b'M') => (b"KLJNPQRTUWX", 3),
        _ => return false,
    };
    let rest = (sum + more) % 11;
    let at = if id.starts_with('M') { 10 - rest } else { rest };
    letters.get(at as usize) == id.as_bytes().last()
}

/// Brazil's CPF and CNPJ: two check digits each.
pub(crate) fn br_cpf(seen: &Seen<'_>) -> bool {
    let Some(id) = plain(seen) else { return false };
    let check = |sum: u32| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
    let weights: &[u32] = match id.len() {
        11 => &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2],
        14 => &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2],
        _ => return false,
    };
    let first = check(weighted(&id, weights.get(1..).unwrap_or_default()));
    let second = check(weighted(&id, weights));
    part(&id, id.len() - 2, 1) == Some(first) && last(&id) == Some(second)
}

/// Canada's SIN: Luhn, no 0 or 8 in front; in its groups or named.
pub(crate) fn ca_sin(seen: &Seen<'_>) -> bool {
    let Some(id) = plain(seen) else { return false };
    let kinds: Vec<u8> = seen.value.bytes().filter(|byte| !byte.is_ascii_digit()).collect();
    let grouped = kinds.len() == 2 && kinds.first() == kinds.last();
    luhn(&id) && !id.starts_with(['0', '8']) && (grouped && !counts_things(seen) || labeled(seen, &["sin", "social insurance"]))
}

/// South Africa's: a day, citizenship, an 8 or 9, Luhn.
pub(crate) fn za_id(seen: &Seen<'_>) -> bool {
    let Some(id) = plain(seen) else { return false };
    let (Some(year), Some(month), Some(day)) = (part(&id, 0, 2), part(&id, 2, 2), part(&id, 4, 2)) else { return false };
    let kind = part(&id, 10, 1).is_some_and(|kind| kind <= 2);
    let named = mentioned(seen, &["south african", "rsa", "sa id", "id number"]);
    is_short_date(year, month, day)
        && kind
        && luhn(&id)
        && (named || part(&id, 11, 1).is_some_and(|digit| digit >= 8) && !id.starts_with('1'))
        && !counts_things(seen)
}

/// Australia's TFN (modulus 11) and ABN (modulus 89): in their groups or named.
pub(crate) fn au_tax(seen: &Seen<'_>) -> bool {
    let Some(id) = plain(seen) else { return false };
    let sound = match id.len() {
        9 => weighted(&id, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11),
        11 => (weighted(&id, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) + 890 - 10).is_multiple_of(89),
        _ => false,
    };
    sound && (seen.value.contains(' ') && !counts_things(seen) || labeled(seen, &["tfn", "abn", "tax file"]))
}

/// A value that a document's name stands before: enough digits, no date, no amount.
pub(crate) fn named(seen: &Seen<'_>) -> bool {
    let number = compact(seen.value);
    let many = digits(&number).count();
    (6..=16).contains(&number.len()) && many >= 4 && !monotone(&number)
}

#[cfg(test)]
mod tests {
    use super::{belgium, norway, pesel, tckn};

    #[test]
    fn eleven_digits_belong_to_the_country_whose_check_digits_they_have() {
        for (check, id, expect) in [
            (pesel as fn(&str) -> bool, "87031529461", true),
            (pesel, "87031529462", false),
            (tckn, "39184720510", true),
            (tckn, "39184720519", false),
            (norway, "01010750160", true),
            (norway, "01010750161", false),
            (belgium, "85073003328", true),
            (belgium, "85073003329", false),
        ] {
            assert_eq!(check(id), expect, "{id}");
        }
    }
}
