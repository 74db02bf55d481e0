//! Tokens of the many lesser vendors: those whose prefix says whose they are, and those that only the vendor's name beside them does.

use crate::rule::{Anchor, Edge, Rule};

mod named;
mod names;
mod prefixed;
mod shape;
mod table;

/// All of them.
pub(super) const RULES: &[Rule] = &{
    let mut all = [named::RULE; prefixed::RULES.len() + 2];
    all[prefixed::RULES.len()] = FACEBOOK_APP;
    let mut at = 0;
    while at < prefixed::RULES.len() {
        all[at] = prefixed::RULES[at];
        at += 1;
    }
    all
};

const FACEBOOK_APP: Rule = Rule {
    id: "facebook_app_token",
    title: "Facebook app token",
    label: "VENDOR_TOKEN",
    anchor: Anchor::Digits { least: 13, most: 17 },
    pattern: r"[0-9]{13,17}(?:[|]|%7[Cc])[A-Za-z0-9_-]{24,27}",
    before: Edge::NoAlnum,
    after: Edge::NoAlnum,
    yes: &["1480273659104|k4Qz9TnW2bXs7LmV0cRy3p8dQa1"],
    no: &["1480273659104", "1480273659104|name"],
    ..Rule::CREDENTIAL
};
