//! Tokens of the many lesser vendors: those whose prefix says whose they are, and those that only the vendor's name beside them does.

use crate::rule::Rule;

mod named;
mod names;
mod prefixed;
mod shape;
mod table;

/// All of them.
pub(super) const RULES: &[Rule] = &{
    let mut all = [named::RULE; prefixed::RULES.len() + 1];
    let mut at = 0;
    while at < prefixed::RULES.len() {
        all[at] = prefixed::RULES[at];
        at += 1;
    }
    all
};
