//! A whole answer of a model.

use fluxa_domain::usage::Usage;
use serde_json::Value;

use super::part::Part;
use super::stop::Stop;

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatAnswer {
    /// The vendor's id for it.
    pub id: Option<String>,
    /// The model, in the vendor's word.
    pub model: Option<String>,
    /// One or more answers; never none (see [`ChatAnswer::settle`]).
    pub choices: Vec<Choice>,
    /// What it cost in tokens. Readers leave it empty: whoever reads the facts of the answer fills it in.
    pub usage: Option<Usage>,
    /// The service tier that was used, in the vendor's word.
    pub service_tier: Option<String>,
    /// OpenAI's `system_fingerprint`.
    pub fingerprint: Option<String>,
}

/// One of the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// What was said, in order.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub stop: Stop,
    /// The stop sequence that was met.
    pub sequence: Option<String>,
    /// Log-probabilities in OpenAI's form (`choices[].logprobs`).
    pub logprobs: Option<Value>,
}

impl ChatAnswer {
    /// Makes it sound: at least one choice, and the reason "tools" where tools are called.
    #[must_use]
    pub fn settle(mut self) -> Self {
        if self.choices.is_empty() {
            self.choices.push(Choice { stop: Stop::Filter, ..Choice::default() });
        }
        for choice in &mut self.choices {
            if choice.parts.iter().any(|part| matches!(part, Part::Call(_))) {
                choice.stop = choice.stop.with_calls();
            } else if choice.stop == Stop::Tools {
                choice.stop = Stop::Done;
            }
        }
        self
    }
}
