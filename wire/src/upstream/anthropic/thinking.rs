//! How much the model is asked to think, and what that forbids. Source: protocol specification §2.1 and §3.1.

use fluxa_domain::models::claude::{Claude, ClaudeThinking};
use serde::Serialize;

use crate::neutral::{Effort, Reasoning};

/// The least number of tokens of thinking that is taken.
const LEAST: u64 = 1_024;

/// What is said about thinking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Thought {
    /// `thinking`; nothing leaves it to the model.
    pub(super) config: Option<Config>,
    /// `output_config.effort`.
    pub(super) effort: Option<&'static str>,
    /// The client asked for thinking and does not get it.
    pub(super) denied: bool,
}

/// `thinking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Config {
    Enabled {
        budget_tokens: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
    Adaptive {
        display: &'static str,
    },
    Disabled,
}

/// What stands against thinking in this request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Against {
    /// The last turn of the assistant calls tools and has no thoughts: "expected thinking, but found tool_use", where the model
    /// is told a number of tokens.
    pub(super) thoughtless_calls: bool,
    /// The last turn is the assistant's, to be continued.
    pub(super) prefill: bool,
    /// A tool must be called for the answer's form.
    pub(super) forced_form: bool,
}

impl Thought {
    /// Thinking is on for sure.
    pub(super) const fn is_on(&self) -> bool {
        matches!(self.config, Some(Config::Enabled { .. } | Config::Adaptive { .. }))
    }

    pub(super) fn of(reasoning: Option<&Reasoning>, claude: &Claude, max_tokens: u64, against: Against) -> Self {
        let Some(reasoning) = reasoning else { return Self::default() };
        let mut thought = Self { effort: effort(reasoning, claude), ..Self::default() };
        if reasoning.is_off() {
            if claude.thinks() {
                thought.config = Some(Config::Disabled);
            }
            // More than "high" is refused without thinking.
            thought.effort = thought.effort.map(|word| if matches!(word, "xhigh" | "max") { "high" } else { word });
            return thought;
        }
        let asked = reasoning.enabled == Some(true) || reasoning.adaptive || reasoning.effort.is_some() || reasoning.budget.is_some();
        if !asked && !claude.thinks_by_default {
            // Whether thoughts are shown says nothing about whether there are any.
            return thought;
        }
        if !claude.thinks() {
            thought.denied = true;
            return thought;
        }
        let stopped = against.forced_form || against.prefill;
        let config = if stopped { None } else { config(reasoning, claude, max_tokens, against.thoughtless_calls) };
        thought.denied = config.is_none();
        thought.config = config;
        thought
    }
}

/// Only thinking with a number of tokens wants thoughts before calls; thinking by itself takes turns without.
fn config(reasoning: &Reasoning, claude: &Claude, max_tokens: u64, thoughtless_calls: bool) -> Option<Config> {
    let by_itself = match claude.thinking {
        ClaudeThinking::None => return None,
        ClaudeThinking::Budget => false,
        ClaudeThinking::Both => reasoning.adaptive || reasoning.budget.is_none() || thoughtless_calls,
        ClaudeThinking::Adaptive => true,
    };
    let display = if reasoning.show == Some(false) { "omitted" } else { "summarized" };
    if by_itself {
        return Some(Config::Adaptive { display });
    }
    // Thinking counts as output: there must be room for some of both.
    if max_tokens <= LEAST || thoughtless_calls {
        return None;
    }
    let wanted = reasoning.budget.or_else(|| reasoning.effort.map(Effort::budget)).unwrap_or_else(|| Effort::Medium.budget()).max(LEAST);
    let budget_tokens = if wanted < max_tokens { wanted } else { (max_tokens / 2).max(LEAST) };
    // Models that only know numbers do not know `display`.
    let display = reasoning.show.filter(|_| claude.thinking == ClaudeThinking::Both).map(|_| display);
    Some(Config::Enabled { budget_tokens, display })
}

fn effort(reasoning: &Reasoning, claude: &Claude) -> Option<&'static str> {
    if !claude.effort {
        return None;
    }
    // A number of tokens becomes a word only where numbers are refused.
    let of_budget = || reasoning.budget.filter(|_| claude.thinking == ClaudeThinking::Adaptive).map(Effort::of_budget);
    let effort = reasoning.effort.or_else(of_budget)?;
    match effort {
        Effort::None => None,
        Effort::Minimal => Some(Effort::Low.name()),
        Effort::XHigh if !claude.xhigh => Some(Effort::High.name()),
        other => Some(other.name()),
    }
}
