//! What stands before a value and says what it is.

use crate::rule::Seen;

/// Words that say that a number counts things: orders, parcels, moments. They speak against cards and numbers of people.
const COUNTS: &[&str] = &[
    "订单",
    "单号",
    "流水",
    "运单",
    "快递",
    "物流",
    "序列号",
    "编号",
    "时间戳",
    "order",
    "tracking",
    "invoice",
    "serial",
    "timestamp",
    "shipment",
    "isbn",
    "issn",
    "transaction",
    "txn",
    "trace",
    "span",
    "request_id",
    "req_id",
    "hash",
    "sha",
    "uuid",
    "commit",
    "build",
    "ticket",
    "sku",
    "ean",
];

/// How many bytes before a value a label stands in.
const LABEL_BYTES: usize = 28;

/// The last bytes of a text, from a whole character on.
pub(crate) fn ending(text: &str, bytes: usize) -> &str {
    let mut from = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}

/// Whether one of `words` (small letters) stands in `text`, in any case. Words of ASCII letters stand for themselves, not within others: before them
/// no letter stands, and behind them at most a plural's `s`, a digit or what is no letter. Others stand anywhere.
pub(crate) fn names(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| {
        text.match_indices(word).any(|(at, _)| {
            let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
            let bytes = text.as_bytes();
            let end = at + word.len();
            let opens =
                !word.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) || !letter(at.checked_sub(1).and_then(|at| bytes.get(at)));
            let closes = !word.as_bytes().last().is_some_and(u8::is_ascii_alphabetic)
                || !letter(bytes.get(end))
                || bytes.get(end) == Some(&b's') && !letter(bytes.get(end + 1));
            opens && closes
        })
    })
}

/// Whether one of `words` stands close before the value, as a label does.
pub(crate) fn labeled(seen: &Seen<'_>, words: &[&str]) -> bool {
    names(ending(seen.before, LABEL_BYTES), words)
}

/// Whether one of `words` stands anywhere before the value.
pub(crate) fn mentioned(seen: &Seen<'_>, words: &[&str]) -> bool {
    names(seen.before, words)
}

/// Whether a label says that the value counts things.
pub(crate) fn counts_things(seen: &Seen<'_>) -> bool {
    let label = ending(seen.before, LABEL_BYTES);
    names(label, COUNTS)
}

/// Whether the first groups of an account (IBAN) stand right before: what follows is the rest of it, whole or mistyped.
pub(crate) fn inside_account(seen: &Seen<'_>) -> bool {
    let mut words = seen.before.trim_end_matches([' ', '-']).rsplit([' ', '-']);
    let bank =
        words.next().is_some_and(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()));
    let head = words.next().unwrap_or_default().as_bytes();
    let account = |head: &[u8]| matches!(head, [a, b, c, d] if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit());
    bank && account(head.get(head.len().saturating_sub(4)..).unwrap_or_default())
}

/// The byte right before the match.
pub(crate) fn byte_before(seen: &Seen<'_>) -> Option<u8> {
    seen.before.bytes().next_back()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn words_stand_for_themselves_and_ideographs_stand_anywhere() {
        for (text, word, expect) in [
            ("our hotel: ", "tel", false),
            ("Tel: ", "tel", true),
            ("user_tel=", "tel", true),
            ("call my phones ", "phone", true),
            ("telephone", "phone", false),
            ("手机号码", "手机", true),
        ] {
            assert_eq!(names(text, &[word]), expect, "{text}");
        }
    }
}
