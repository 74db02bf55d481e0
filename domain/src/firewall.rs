//! The words of the firewall: what is done about what may not leave, and where the operator says so.
//!
//! How leaks are found is the `firewall` room's business; this is what configuration, ledger and refusals say about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Micros;

/// What is done about a finding, from the mildest to the strictest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The rule is not even looked for.
    Off,
    /// Counted as "would have"; nothing is done.
    #[default]
    Observe,
    /// Counted, logged and told to the webhook; the text stays.
    Alert,
    /// The vendor sees a stand-in (`<EMAIL_1>`), the client gets the value back. In answers, where nothing can be given back: a mask.
    Pseudonym,
    /// Replaced for good: `[EMAIL]`.
    Mask,
    /// The call is refused.
    Block,
}

impl Action {
    /// All of them, by the names that configuration uses.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("off", Self::Off),
        ("observe", Self::Observe),
        ("alert", Self::Alert),
        ("pseudonym", Self::Pseudonym),
        ("mask", Self::Mask),
        ("block", Self::Block),
    ];

    /// Reads a name.
    ///
    /// # Errors
    /// A sentence that names them all.
    pub fn parse(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, action)| *action).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            format!("must be one of {}", names.join(", "))
        })
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Alert => "alert",
            Self::Pseudonym => "pseudonym",
            Self::Mask => "mask",
            Self::Block => "block",
        }
    }

    /// Whether it changes or refuses a text.
    #[must_use]
    pub const fn enforces(self) -> bool {
        matches!(self, Self::Pseudonym | Self::Mask | Self::Block)
    }
}

/// What a masked value looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskStyle {
    /// `[EMAIL]`.
    #[default]
    Label,
    /// Stars, and the last four letters or digits as they were; separators stay.
    Last4,
    /// `[EMAIL:3f2a9c01]`: a keyed hash, the same for the same value, so that masked texts can be told apart.
    Hash,
}

impl MaskStyle {
    /// All of them, by the names that configuration uses.
    pub const NAMES: [(&'static str, Self); 3] = [("label", Self::Label), ("last4", Self::Last4), ("hash", Self::Hash)];
}

/// What a policy says about a rule or a pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Treatment {
    /// What is done.
    pub action: Action,
    /// How a mask looks.
    #[serde(default)]
    pub style: MaskStyle,
    /// Findings less sure than this are only observed.
    #[serde(default)]
    pub min_confidence: Confidence,
}

/// How sure a rule is of what it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A shape that other things have too.
    #[default]
    Low,
    /// A shape with a check or with words beside it.
    Medium,
    /// A shape that only this has, or one with a check digit and words beside it.
    High,
}

/// Which way a text goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client to the vendor.
    Request,
    /// From the vendor to the client.
    Response,
    /// Both ways.
    #[default]
    Both,
}

impl Direction {
    /// All of them, by the names that configuration uses.
    pub const NAMES: [(&'static str, Self); 3] = [("request", Self::Request), ("response", Self::Response), ("both", Self::Both)];

    /// Whether what holds for `self` holds for `way`, which is one of the two ways.
    #[must_use]
    pub fn covers(self, way: Self) -> bool {
        self == Self::Both || self == way
    }
}

/// A policy: what is done about which rule, for whom it is given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// Its name, which is its id.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub note: String,
    /// Which texts it holds for.
    #[serde(default)]
    pub direction: Direction,
    /// By rule or pack. A rule's own name wins over its packs; among packs the strictest wins.
    #[serde(default)]
    pub actions: BTreeMap<String, Treatment>,
    /// What is done about the other rules.
    #[serde(default)]
    pub default: Action,
    /// Nothing is done, whatever the actions say: everything is counted as "would have".
    #[serde(default)]
    pub observe_only: bool,
    /// When it was made.
    pub created_at: Micros,
    /// When it was last changed.
    pub updated_at: Micros,
}

/// How far a rule of the operator's own may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleMode {
    /// Not used.
    Off,
    /// Whatever a policy says, it is only counted: how new and edited rules begin.
    #[default]
    Observe,
    /// Policies decide.
    Enforce,
}

impl RuleMode {
    /// All of them, by the names that configuration uses.
    pub const NAMES: [(&'static str, Self); 3] = [("off", Self::Off), ("observe", Self::Observe), ("enforce", Self::Enforce)];
}

/// A rule of the operator's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRecord {
    /// Its name, which is its id: snake_case, none of the built-in ones.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub note: String,
    /// What it looks for.
    pub find: Find,
    /// Packs it belongs to, beside `custom`.
    #[serde(default)]
    pub packs: Vec<String>,
    /// Values that are let through, as they are.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Hundredths of a bit a character (Shannon) below which a value is let through; 0 takes all.
    #[serde(default)]
    pub min_entropy_centibits: u32,
    /// What is done where a policy does not name the rule and is asked for the rule's own wish.
    #[serde(default)]
    pub action: Action,
    /// How far it may go.
    #[serde(default)]
    pub mode: RuleMode,
    /// Texts in which it must find something.
    #[serde(default)]
    pub yes: Vec<String>,
    /// Texts in which it must find nothing.
    #[serde(default)]
    pub no: Vec<String>,
    /// When it was made.
    pub created_at: Micros,
    /// When it was last changed.
    pub updated_at: Micros,
}

/// What a rule looks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Find {
    /// A regular expression of linear time; a group named `value` narrows what is found.
    Pattern(String),
    /// Words.
    Keywords(Keywords),
}

/// A list of words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keywords {
    /// The words; up to 100,000.
    pub words: Vec<String>,
    /// Upper and lower case differ.
    #[serde(default)]
    pub case_sensitive: bool,
    /// Letters and digits beside a word make it another; ideographs, which stand beside each other, do not.
    #[serde(default)]
    pub whole_word: bool,
}

/// One line of a ledger row: what a rule found in a call, and what was done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hit {
    /// The rule.
    pub rule: String,
    /// What was done; `would_block` and the like where it was only observed.
    pub action: String,
    /// How many findings.
    pub count: u32,
}
