//! Tokens that carry a vendor's mark: the mark says whose they are, wherever they stand.

use crate::checks::secrets;
use crate::rule::{Anchor, Edge, Rule, Tail};

mod delivery;
mod inference;
mod team;
mod work;

/// A rule for a mark and what follows it.
const fn marked(
    id: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    pattern: &'static str,
    yes: &'static [&'static str],
    no: &'static [&'static str],
) -> Rule {
    at_end(id, title, words, pattern, 0, yes, no)
}

/// As [`marked`], for tokens that may be longer than a match may be: what runs on is theirs.
const fn long(
    id: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    pattern: &'static str,
    yes: &'static [&'static str],
    no: &'static [&'static str],
) -> Rule {
    Rule { tail: Tail::Token, ..at_end(id, title, words, pattern, 0, yes, no) }
}

/// A rule for a mark that at most `reach` bytes of its token stand before.
const fn at_end(
    id: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    pattern: &'static str,
    reach: usize,
    yes: &'static [&'static str],
    no: &'static [&'static str],
) -> Rule {
    Rule {
        id,
        title,
        label: "VENDOR_TOKEN",
        anchor: Anchor::Words(words),
        pattern,
        reach,
        before: Edge::NoAlnum,
        after: Edge::NoAlnum,
        check: Some(secrets::marked),
        yes,
        no,
        ..Rule::CREDENTIAL
    }
}

const COUNT: usize = delivery::RULES.len() + inference::RULES.len() + team::RULES.len() + work::RULES.len();

/// All of them.
pub(super) const RULES: &[Rule] = &{
    let tables = [delivery::RULES, inference::RULES, team::RULES, work::RULES];
    let mut all = [tables[0][0]; COUNT];
    let (mut table, mut row, mut at) = (0, 0, 0);
    while at < COUNT {
        if row == tables[table].len() {
            table += 1;
            row = 0;
        } else {
            all[at] = tables[table][row];
            row += 1;
            at += 1;
        }
    }
    all
};
