//! Tokens that carry a vendor's mark.

use crate::rule::{Anchor, Edge, Rule, Tail};

/// A rule for a mark and what follows it.
const fn marked(
    id: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    pattern: &'static str,
    yes: &'static [&'static str],
    no: &'static [&'static str],
) -> Rule {
    Rule {
        id,
        title,
        label: "VENDOR_TOKEN",
        anchor: Anchor::Words(words),
        pattern,
        before: Edge::NoAlnum,
        after: Edge::NoAlnum,
        yes,
        no,
        ..Rule::CREDENTIAL
    }
}

pub(super) const RULES: &[Rule] = &[Rule {
    tail: Tail::Word,
    ..marked(
        "shippo_token",
        "Shippo API token",
        &["shippo_live_", "shippo_test_"],
        r"shippo_(?:live|test)_[A-Fa-f0-9]{40}",
        &["shippo_live_4c0f9d21b7e63a58c4de0179fb8a26350e9d714b"],
        &["shippo_live_token"],
    )
}];
