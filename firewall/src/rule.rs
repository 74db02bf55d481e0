//! A rule: one row, with the samples that are its tests.

use fluxa_domain::firewall::{Action, Confidence};

/// A built-in rule. Rows are `Rule { id: "…", …, ..Rule::CREDENTIAL }`.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its id, snake_case; also the `kind` of its findings.
    pub id: &'static str,
    /// What it finds, for people.
    pub title: &'static str,
    /// What stands in the place of a masked value: `EMAIL` makes `[EMAIL]`.
    pub label: &'static str,
    /// Packs it belongs to.
    pub packs: &'static [Pack],
    /// How sure a finding is.
    pub confidence: Confidence,
    /// What is done where a policy says `default` for built-in rules of their own, as the test endpoint does without a policy.
    pub action: Action,
    /// Where in a text it is tried.
    pub anchor: Anchor,
    /// What it looks like: a regular expression over bytes, ASCII classes only, of at most [`crate::limits::MATCH_BYTES`]. It is
    /// matched from the anchor on (or from at most [`Rule::reach`] bytes before it). A group named `v` is the value; else all of it is.
    pub pattern: &'static str,
    /// A match may begin this many bytes before its anchor. 0: it begins there.
    pub reach: usize,
    /// What may not stand before the match.
    pub before: Edge,
    /// What may not stand after it.
    pub after: Edge,
    /// What follows the match and belongs to the value, however long it is.
    pub tail: Tail,
    /// Decides about what fits the pattern: check digits, entropy, placeholders.
    pub check: Option<fn(&Seen<'_>) -> bool>,
    /// One of these words must stand within [`crate::limits::BEFORE_BYTES`] before the match, in any case; none: no such wish.
    pub needs: &'static [&'static str],
    /// None of these may stand there.
    pub unless: &'static [&'static str],
    /// Texts in which it finds something.
    pub yes: &'static [&'static str],
    /// Texts in which it finds nothing.
    pub no: &'static [&'static str],
}

/// Rules that are switched together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pack {
    /// Personal data of any country.
    Pii,
    /// Personal data of China.
    PiiCn,
    /// Keys, tokens, passwords.
    Credentials,
    /// Cards, accounts, wallets.
    Finance,
    /// Addresses of machines.
    Network,
}

impl Pack {
    /// All of them, by the names that policies use.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("pii", Self::Pii),
        ("pii-cn", Self::PiiCn),
        ("credentials", Self::Credentials),
        ("finance", Self::Finance),
        ("network", Self::Network),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, pack)| *pack == self).map_or("", |(name, _)| name)
    }
}

/// Where in a text a rule is tried: what must be there, cheap to find.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// At each of these literals, in any case of ASCII letters; the pattern decides about the case.
    Words(&'static [&'static str]),
    /// At the start of each group of digits (a digit before which no digit stands, nor a digit and one of ` -.()/`) that holds this
    /// many digits, such separators not counted.
    Digits {
        /// At least so many.
        least: usize,
        /// At most so many.
        most: usize,
    },
    /// At each of these bytes.
    Byte(u8),
}

/// What may not stand beside a match. Bytes that are not ASCII never count: ideographs stand beside numbers without a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Anything may.
    Any,
    /// No digit.
    NoDigit,
    /// No letter and no digit.
    NoAlnum,
    /// No letter, no digit, no `_`.
    NoWord,
    /// No letter, no digit, none of `_ - + / =`: nothing that tokens are made of.
    NoToken,
    /// Nothing but the beginning or the end of a line.
    Line,
    /// No digit, and no `.`, `-`, `/` or `:` with a digit behind it: nothing that goes on with a number.
    NoNumber,
}

/// What follows a match and belongs to the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    None,
    /// Letters, digits, `_`, `-`.
    Word,
    /// Letters, digits and `_ - + / = .`.
    Token,
    /// Everything up to and with this text, or the end.
    Until(&'static str),
}

/// What a check is shown of a match.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The value: the group `v`, or all of the match. Without its tail.
    pub value: &'a str,
    /// All of the match.
    pub whole: &'a str,
    /// What stands before the match, at most [`crate::limits::BEFORE_BYTES`].
    pub before: &'a str,
}

const BLANK: Rule = Rule {
    id: "",
    title: "",
    label: "",
    packs: &[],
    confidence: Confidence::High,
    action: Action::Mask,
    anchor: Anchor::Words(&[]),
    pattern: "",
    reach: 0,
    before: Edge::NoAlnum,
    after: Edge::NoAlnum,
    tail: Tail::None,
    check: None,
    needs: &[],
    unless: &[],
    yes: &[],
    no: &[],
};

impl Rule {
    /// What rules of the pack `credentials` have in common.
    pub const CREDENTIAL: Self = Self { label: "SECRET", packs: &[Pack::Credentials], after: Edge::NoToken, ..BLANK };
    /// What rules of the pack `pii` have in common.
    pub const PII: Self = Self { packs: &[Pack::Pii], ..BLANK };
    /// What rules of the pack `pii-cn` have in common.
    pub const PII_CN: Self = Self { packs: &[Pack::PiiCn], ..BLANK };
    /// What rules of the pack `finance` have in common.
    pub const FINANCE: Self = Self { packs: &[Pack::Finance], ..BLANK };
    /// What rules of the pack `network` have in common.
    pub const NETWORK: Self = Self { packs: &[Pack::Network], action: Action::Alert, ..BLANK };
}
