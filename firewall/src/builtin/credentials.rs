//! Credentials with a shape of their own, and those that stand beside the name of whose they are.
//!
//! A row's prefix is strict and its length generous: vendors lengthen their tokens. What has a prefix is masked by default; what only its
//! surroundings make a secret is masked where they name the vendor, and else shown as an alert.

use crate::builtin::join;
use crate::checks::tokens;
use crate::rule::{Edge, Rule};

/// The pattern of a value that is assigned to something whose name holds a word: `WORD_KEY = "value"`, `"wordKey": "value"`,
/// `<wordToken>value`, `setProperty("WORD", "value")`. The anchor is the word.
macro_rules! assigned {
    ($word:literal, $value:literal) => {
        concat!(
            "(?i:",
            $word,
            r#")[\w.-]{0,40}(?:[\s\w.-]{0,20})[\s'"\]]{0,3}(?:\?=|=>|:{1,3}=|\.=|=|>|\|\||:|,|\()[\x60'"\s=>({/]{0,6}(?P<v>"#,
            $value,
            ")"
        )
    };
}

mod ai;
mod azure;
mod chat;
mod china;
mod cloud;
mod code;
mod hosting;
mod infra;
mod keys;
mod saas;
mod services;

/// What tokens with a shape of their own have in common: they may begin behind color codes and escapes, and are no placeholders.
const TOKEN: Rule = Rule { before: Edge::Any, check: Some(tokens::token), ..Rule::CREDENTIAL };

const TABLES: [&[Rule]; 11] = [
    ai::RULES,
    cloud::RULES,
    azure::RULES,
    china::RULES,
    code::RULES,
    chat::RULES,
    saas::RULES,
    services::RULES,
    hosting::RULES,
    infra::RULES,
    keys::RULES,
];

pub(super) const RULES: &[Rule] = &join::<{ super::count(&TABLES) }>(&TABLES);
