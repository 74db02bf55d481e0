//! Numbers of banks: cards by their issuers and Luhn, accounts by country and ISO 7064.

use super::context::{byte_before, counts_things, labeled};
use super::luhn;
use super::numbers::{compact, mod_97, monotone, only_digits, part};
use crate::rule::Seen;

const CARD_WORDS: &[&str] = &["card", "credit", "visa", "mastercard", "amex", "信用卡", "银行卡", "卡号", "借记卡", "储蓄卡"];

/// Whether what stands before a number lets it be a card: a label that names one, or none that names something else.
pub(crate) fn card_context(seen: &Seen<'_>) -> bool {
    labeled(seen, CARD_WORDS) || !counts_things(seen) && !matches!(byte_before(seen), Some(b'.' | b'_' | b'-' | b'/'))
}

/// A payment card: an issuer's range (ISO/IEC 7812, as the schemes publish them), a length that they issue, groups as on cards, Luhn.
pub(crate) fn credit_card(seen: &Seen<'_>) -> bool {
    let card = only_digits(seen.value);
    issued(&card, labeled(seen, CARD_WORDS)) && luhn(&card) && !monotone(&card) && card_context(seen)
}

/// Whether a scheme issues numbers like this. `named`: a label says that it is a card, so rare lengths may be.
fn issued(card: &str, named: bool) -> bool {
    let lead = |len| part(card, 0, len).unwrap_or(0);
    let (two, three, four, six, len) = (lead(2), lead(3), lead(4), lead(6), card.len());
    match len {
        // Maestro's short numbers: its own ranges only.
        12 => matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6390 | 6759 | 6761..=6763 | 604) || matches!(two, 56..=58),
        // Visa's old length, and Maestro's.
        13 => card.starts_with('4') || named && maestro(two, four),
        14 => matches!(three, 300..=305 | 309) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37) || matches!(four, 2131 | 1800) || named && (maestro(two, four) || card.starts_with('1')),
        16 => {
            card.starts_with('4')
                || matches!(two, 51..=55 | 35 | 36 | 38 | 39 | 60 | 62 | 65 | 81 | 82)
                || matches!(three, 300..=305 | 309 | 644..=649 | 508)
                || matches!(four, 2221..=2720 | 2200..=2204 | 6011 | 9792 | 5019 | 2205)
                || matches!(six, 636_368 | 636_297 | 627_780 | 504_175 | 506_699..=506_778 | 509_000..=509_999 | 506_099..=506_198 | 606_282)
                || maestro(two, four)
        }
        17 | 18 => two == 62 || named && (maestro(two, four) || matches!(four, 2200..=2204)),
        19 => {
            matches!(two, 62 | 65 | 81)
                || card.starts_with('4')
                || matches!(four, 6011 | 3528..=3589 | 2200..=2204)
                || matches!(three, 644..=649)
                || named && maestro(two, four)
        }
        _ => false,
    }
}

/// Maestro's ranges.
const fn maestro(two: u32, four: u32) -> bool {
    matches!(two, 50 | 56..=58 | 67) || matches!(four, 5893 | 6304 | 6390 | 6759 | 6761..=6763)
}

/// Countries and the shape of their accounts behind the check digits (SWIFT's IBAN registry, and those that use the scheme outside of it):
/// how many digits (`n`), letters (`a`), or either (`c`).
const ACCOUNTS: &[&str] = &[
    "AD 8n12c",
    "AE 19n",
    "AL 8n16c",
    "AO 21n",
    "AT 16n",
    "AZ 4a20c",
    "BA 16n",
    "BE 12n",
    "BF 2c22n",
    "BG 4a6n8c",
    "BH 4a14c",
    "BI 23n",
    "BJ 2c22n",
    "BL 10n11c2n",
    "BR 23n1a1c",
    "BY 4c4n16c",
    "CF 23n",
    "CG 23n",
    "CH 5n12c",
    "CI 2c22n",
    "CM 23n",
    "CR 18n",
    "CV 21n",
    "CY 8n16c",
    "CZ 20n",
    "DE 18n",
    "DJ 23n",
    "DK 14n",
    "DO 4c20n",
    "DZ 22n",
    "EE 16n",
    "EG 25n",
    "ES 20n",
    "FI 14n",
    "FK 2a12n",
    "FO 14n",
    "FR 10n11c2n",
    "GA 23n",
    "GB 4a14n",
    "GE 2a16n",
    "GF 10n11c2n",
    "GI 4a15c",
    "GL 14n",
    "GP 10n11c2n",
    "GQ 23n",
    "GR 7n16c",
    "GT 24c",
    "GW 2c19n",
    "HN 4a20n",
    "HR 17n",
    "HU 24n",
    "IE 4a14n",
    "IL 19n",
    "IQ 4a15n",
    "IR 22n",
    "IS 22n",
    "IT 1a10n12c",
    "JO 4a4n18c",
    "KM 23n",
    "KW 4a22c",
    "KZ 3n13c",
    "LB 4n20c",
    "LC 4a24c",
    "LI 5n12c",
    "LT 16n",
    "LU 3n13c",
    "LV 4a13c",
    "LY 21n",
    "MA 24n",
    "MC 10n11c2n",
    "MD 20c",
    "ME 18n",
    "MF 10n11c2n",
    "MG 23n",
    "MK 3n10c2n",
    "ML 2c22n",
    "MN 16n",
    "MQ 10n11c2n",
    "MR 23n",
    "MT 4a5n18c",
    "MU 4a19n3a",
    "MZ 21n",
    "NC 10n11c2n",
    "NE 2c22n",
    "NI 4a20n",
    "NL 4a10n",
    "NO 11n",
    "OM 3n16c",
    "PF 10n11c2n",
    "PK 4a16c",
    "PL 24n",
    "PM 10n11c2n",
    "PS 4a21c",
    "PT 21n",
    "QA 4a21c",
    "RE 10n11c2n",
    "RO 4a16c",
    "RS 18n",
    "RU 14n15c",
    "SA 2n18c",
    "SC 4a20n3a",
    "SD 14n",
    "SE 20n",
    "SI 15n",
    "SK 20n",
    "SM 1a10n12c",
    "SN 2c22n",
    "SO 19n",
    "ST 21n",
    "SV 4a20n",
    "TD 23n",
    "TF 10n11c2n",
    "TG 2c22n",
    "TL 19n",
    "TN 20n",
    "TR 6n16c",
    "UA 6n19c",
    "VA 18n",
    "VG 4a16n",
    "WF 10n11c2n",
    "XK 16n",
    "YE 4a4n18c",
    "YT 10n11c2n",
];

/// An account by ISO 13616: the country's shape and ISO/IEC 7064 MOD 97-10.
pub(crate) fn iban(seen: &Seen<'_>) -> bool {
    let account = compact(seen.value);
    let (Some(country), Some(body)) = (account.get(..2), account.get(4..)) else { return false };
    let Some(shape) = ACCOUNTS.iter().find_map(|row| row.strip_prefix(country)) else { return false };
    let check = part(&account, 2, 2);
    let turned = body.bytes().chain(account.bytes().take(4));
    seen.value == seen.whole
        && fits(shape.trim_start(), body)
        && check.is_some_and(|check| (2..=98).contains(&check))
        && mod_97(turned) == 1
}

/// Whether a text has a shape like `4a6n8c`.
fn fits(shape: &str, text: &str) -> bool {
    let mut rest = text.bytes();
    let mut number = 0_usize;
    for unit in shape.bytes() {
        if unit.is_ascii_digit() {
            number = number * 10 + usize::from(unit - b'0');
            continue;
        }
        for _ in 0..number {
            let ok = rest.next().is_some_and(|byte| match unit {
                b'n' => byte.is_ascii_digit(),
                b'a' => byte.is_ascii_uppercase(),
                _ => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            });
            if !ok {
                return false;
            }
        }
        number = 0;
    }
    rest.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::{fits, issued};

    #[test]
    fn shapes_are_read() {
        for (shape, text, expect) in
            [("4a2n", "ABCD12", true), ("4a2n", "ABC112", false), ("2c", "A1", true), ("2n", "123", false), ("12n", "123456789012", true)]
        {
            assert_eq!(fits(shape, text), expect, "{shape} {text}");
        }
    }

    #[test]
    fn issuers_have_their_ranges_and_lengths() {
        for (card, expect) in [
            ("4000000000000000", true),
            ("2720990000000000", true),
            ("2721000000000000", false),
            ("2220990000000000", false),
            ("340000000000000", true),
            ("350000000000000", false),
            ("3528000000000000", true),
            ("6200000000000000000", true),
            ("1000000000000000", false),
        ] {
            assert_eq!(issued(card, false), expect, "{card}");
        }
    }
}
