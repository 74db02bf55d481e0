//! One rule for all vendors whose tokens have no mark of their own: the vendor's name, then a value of the shape that it publishes.

use fluxa_domain::firewall::Confidence;

use super::names::{NAMES, SHAPES};
use super::shape::Shape;
use super::table::VENDORS;
use crate::checks::secrets;
use crate::rule::{Anchor, Edge, Rule, Seen};

/// Names as short as this are looked at from both sides: they are parts of other words.
const SHORT_BYTES: usize = 5;

const WORDS: [&str; VENDORS.len() + NAMES.len()] = {
    let mut words = [""; VENDORS.len() + NAMES.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = if at < VENDORS.len() { VENDORS[at].0 } else { NAMES[at - VENDORS.len()] };
        at += 1;
    }
    words
};

pub(super) const RULE: Rule = Rule {
    id: "vendor_token",
    title: "token of a vendor that is named before it",
    label: "VENDOR_TOKEN",
    confidence: Confidence::Medium,
    anchor: Anchor::Words(&WORDS),
    // The name and what is glued to it, up to four words, an operator or blanks, the value.
    pattern: concat!(
        r#"(?i)[a-z0-9][\w. -]{1,24}?[\w.]{0,30}?(?:["'`)\]]{0,3}|&quot;|\\["'])"#,
        r#"(?:[ \t]{0,3}:?[ \t]{0,3}&?(?:'static )?(?:str|string)\b)?"#,
        r#"(?:[ \t]{0,8}(?:[:?.+!|]{0,3}={1,3}>?|::?|->|>|%3D|[,(]\s{0,6}["'`])\s{0,20}|[ \t]{1,4})(?:[@brfu]{0,2}["'`]{1,3}|\\["']|&quot;)?"#,
        r#"(?:(?:bearer|basic|token|apikey)[ \t]{1,2})?(?P<v>[a-z_+/=.~:|-]{0,80}[0-9][a-z0-9_+/=.~:|-]{2,150}[a-z0-9_=-])"#,
    ),
    before: Edge::Any,
    after: Edge::NoToken,
    check: Some(named),
    yes: &[
        "ALGOLIA_ADMIN_KEY=7c1e09b2fa6d4835bb20c4d7e19f6a35",
        "mapquest key Qw7ZtN2xVb9LkR4mHs8PdF3jYc6GaT1e",
        "\"snykToken\": \"5b0f7c1e-93da-4e62-8f17-0a4bd2c6e985\"",
    ],
    no: &[
        "algolia: https://www.algolia.com/doc/guides/getting-started",
        "datadog/agent@7c1e09b2fa6d4835bb20c4d7e19f6a35",
        "ALGOLIA_KEY=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ],
    ..Rule::CREDENTIAL
};

/// Whether the match begins with the name of a vendor whose tokens have the shape of the value, and the value is no stand-in.
fn named(seen: &Seen<'_>) -> bool {
    let value = seen.value.trim_end_matches('.');
    let fits = |shapes: &[Shape]| shapes.iter().any(|shape| shape.fits(value));
    let published = VENDORS.iter().any(|(word, shapes)| begins_with(seen, word) && fits(shapes));
    (published || fits(SHAPES) && NAMES.iter().any(|word| begins_with(seen, word))) && plausible(value)
}

/// Whether the match begins with this name, and the name is no part of a longer word.
fn begins_with(seen: &Seen<'_>, word: &str) -> bool {
    let (Some(name), Some(rest)) = (seen.whole.get(..word.len()), seen.whole.get(word.len()..)) else { return false };
    if !name.eq_ignore_ascii_case(word) {
        return false;
    }
    if word.len() > SHORT_BYTES {
        return true;
    }
    let lower_start = name.starts_with(|c: char| c.is_ascii_lowercase());
    let upper = !name.chars().any(|c| c.is_ascii_lowercase());
    let left_clear = seen.before.chars().next_back().is_none_or(|c| !c.is_ascii_alphabetic() || c.is_ascii_lowercase() && !lower_start);
    let key_word = ["key", "token", "secret", "api", "access", "private", "auth", "pass", "client"];
    let right_clear = rest.chars().next().is_none_or(|c| !c.is_ascii_alphabetic() || c.is_ascii_uppercase() && !upper)
        || key_word.iter().any(|word| rest.get(..word.len()).is_some_and(|rest| rest.eq_ignore_ascii_case(word)));
    left_clear && right_clear
}

/// Not a name, not a place, not a stand-in: of enough different characters, and with digits unless drawn by chance.
fn plausible(value: &str) -> bool {
    let different = value.bytes().collect::<std::collections::BTreeSet<u8>>().len();
    different >= 6
        && !secrets::stand_in(value)
        && (secrets::random(value) || secrets::uuid(value) || value.bytes().filter(u8::is_ascii_digit).count() >= 3 && different >= 8)
}

#[cfg(test)]
mod tests;
