//! Requests, answers and streams by data, and properties over generated ones.

mod answers;
mod requests;
mod round_trip;
mod streams;

use fluxa_domain::vendors::MaxTokensField;

use crate::upstream::Target;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn target(model: &str) -> Target<'_> {
    Target { model, quirks: &[], max_tokens_field: MaxTokensField::MaxTokens, max_output: None, ask_usage: false }
}
