//! Bounds, sampling, thinking and the form of the answer, as far as a model takes them. Source: protocol specification §3.1 and §6.1.

use fluxa_domain::models::bedrock::{Bedrock as Model, ReasoningForm, TopK};
use fluxa_domain::models::claude::{Claude, ClaudeThinking};
use serde_json::{Map, Value, json};

use crate::neutral::{Chat, Dropped, Effort, Format, Reasoning, ToolChoice};
use crate::upstream::Target;

use super::schema;
use super::shape::InferenceConfig;
use super::tools::JsonTool;

/// The least thinking that a Claude takes in tokens.
const LEAST_BUDGET: u64 = 1_024;

/// Beta features of Claude that Bedrock knows; any other makes it refuse the request.
const BETAS: &[&str] = &[
    "computer-use-2024-10-22",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19",
    "token-efficient-tools-2025-02-19",
    "tool-examples-2025-10-29",
    "tool-search-tool-2025-10-19",
];

/// How the form of the answer is asked for.
#[derive(Debug)]
pub(super) enum AnswerForm<'a> {
    /// Not at all.
    Free,
    /// `outputConfig`.
    Native(Value),
    /// A tool that takes the answer.
    Tool(JsonTool<'a>),
    /// In words.
    Instruction(String),
}

/// Decides how the form of the answer is asked for.
pub(super) fn answer_form<'a>(chat: &'a Chat, model: Model, dropped: &mut Vec<Dropped>) -> AnswerForm<'a> {
    let (name, description, wanted) = match &chat.format {
        None => return AnswerForm::Free,
        Some(Format::Json) => return AnswerForm::Instruction(String::from("Answer with one JSON object and nothing else.")),
        Some(Format::Schema { name, description, schema, .. }) => (name, description.as_deref(), schema),
    };
    if model.schemas {
        let mut json_schema = Map::new();
        json_schema.insert(String::from("schema"), Value::String(schema::closed(wanted).to_string()));
        for (key, text) in [("name", name.as_deref()), ("description", description)] {
            if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
                json_schema.insert(key.to_owned(), text.into());
            }
        }
        return AnswerForm::Native(json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": json_schema}}}));
    }
    let is_object = wanted.as_object().is_some_and(schema::is_object);
    // A tool that must be called first leaves no place for another.
    let other_first = matches!(&chat.tool_choice, Some(ToolChoice::Named(_)));
    if model.tools && model.forced_tools && is_object && !other_first {
        let mut tool_name = String::from("json");
        while chat.tools.iter().any(|tool| tool.name == tool_name) {
            tool_name.push_str("_answer");
        }
        return AnswerForm::Tool(JsonTool { name: tool_name, description, schema: wanted.clone() });
    }
    Dropped::note(dropped, "response_format");
    AnswerForm::Instruction(format!("Answer with JSON and nothing else. It must obey this JSON schema: {wanted}"))
}

/// What stands against a Claude's thinking in this request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Against {
    /// The last turn of the assistant calls tools and has no thoughts.
    pub(super) thoughtless_calls: bool,
    /// The last turn is the assistant's, to be continued.
    pub(super) prefill: bool,
}

/// The settings of a request.
#[derive(Debug, Default)]
pub(super) struct Settings<'a> {
    pub(super) inference: InferenceConfig<'a>,
    /// `additionalModelRequestFields`
    pub(super) fields: Map<String, Value>,
    /// A Claude is made to think: then it cannot be made to call a tool.
    pub(super) claude_thinks: bool,
}

impl<'a> Settings<'a> {
    /// The settings of `chat` for a model.
    pub(super) fn of(chat: &'a Chat, target: &Target<'_>, model: Model, against: Against, dropped: &mut Vec<Dropped>) -> Self {
        let mut settings = Self::default();
        settings.bound(chat, target, model);
        settings.stops(chat, model, dropped);
        settings.think(chat, target, model, against, dropped);
        settings.sample(chat, model, dropped);
        for (is_set, field) in [
            (chat.sampling.presence_penalty.is_some(), "presence_penalty"),
            (chat.sampling.frequency_penalty.is_some(), "frequency_penalty"),
            (chat.sampling.seed.is_some(), "seed"),
            (chat.logprobs.is_some(), "logprobs"),
            (chat.verbosity.is_some(), "verbosity"),
        ] {
            if is_set {
                Dropped::note(dropped, field);
            }
        }
        settings
    }

    fn bound(&mut self, chat: &Chat, target: &Target<'_>, model: Model) {
        let most = target.max_output.unwrap_or(u64::MAX);
        self.inference.max_tokens = chat.max_output.map(|wanted| wanted.min(most).max(model.least_output));
    }

    fn stops(&mut self, chat: &'a Chat, model: Model, dropped: &mut Vec<Dropped>) {
        let stops = chat.stop.iter().map(String::as_str).filter(|stop| !stop.trim().is_empty());
        if model.stop_sequences {
            self.inference.stop_sequences = stops.collect();
        } else if stops.count() > 0 {
            Dropped::note(dropped, "stop");
        }
    }

    fn sample(&mut self, chat: &Chat, model: Model, dropped: &mut Vec<Dropped>) {
        let sampling = &chat.sampling;
        let may = model.sampling && !self.claude_thinks;
        if let Some(temperature) = sampling.temperature {
            if may {
                self.inference.temperature = Some(temperature.clamp(0.0, 1.0));
            } else {
                Dropped::note(dropped, "temperature");
            }
        }
        if let Some(top_p) = sampling.top_p {
            // Newer Claudes refuse both together.
            if may && !(model.claude.is_some() && sampling.temperature.is_some()) {
                self.inference.top_p = Some(top_p.clamp(0.0, 1.0));
            } else {
                Dropped::note(dropped, "top_p");
            }
        }
        let Some(top_k) = sampling.top_k else { return };
        match model.top_k {
            TopK::Plain if may => {
                self.fields.insert(String::from("top_k"), top_k.into());
            }
            TopK::InInferenceConfig if may => {
                self.fields.insert(String::from("inferenceConfig"), json!({"topK": top_k}));
            }
            _ => Dropped::note(dropped, "top_k"),
        }
    }

    fn think(&mut self, chat: &Chat, target: &Target<'_>, model: Model, against: Against, dropped: &mut Vec<Dropped>) {
        let Some(reasoning) = chat.reasoning else { return };
        let asked = reasoning.enabled.is_some() || reasoning.adaptive || reasoning.effort.is_some() || reasoning.budget.is_some();
        // Whether thoughts are shown matters only where there are any.
        if !asked && !model.claude.is_some_and(|claude| claude.thinks_by_default) {
            return;
        }
        match (model.reasoning, model.claude) {
            (ReasoningForm::Claude, Some(claude)) => self.think_claude(reasoning, claude, target, against, dropped),
            (ReasoningForm::ReasoningConfig, _) => self.think_config(reasoning, dropped),
            (ReasoningForm::ReasoningEffort, _) => {
                // What always thinks thinks least at "low".
                let word = match reasoning.meant() {
                    Some(Effort::None) => {
                        Dropped::note(dropped, "reasoning_effort");
                        "low"
                    }
                    meant => low_to_high(meant),
                };
                self.fields.insert(String::from("reasoning_effort"), word.into());
            }
            (ReasoningForm::ReasoningObject, _) => {
                let word = match reasoning.meant() {
                    Some(Effort::Max) => Effort::XHigh.name(),
                    meant => meant.unwrap_or(Effort::Medium).name(),
                };
                self.fields.insert(String::from("reasoning"), json!({"effort": word}));
            }
            _ if reasoning.is_off() => {}
            _ => Dropped::note(dropped, "reasoning_effort"),
        }
    }

    fn think_config(&mut self, reasoning: Reasoning, dropped: &mut Vec<Dropped>) {
        let config = if reasoning.is_off() {
            json!({"type": "disabled"})
        } else {
            let mut word = low_to_high(reasoning.meant());
            // "high" is refused together with a bound on the output; the bound is worth more.
            if word == "high" && self.inference.max_tokens.is_some() {
                Dropped::note(dropped, "reasoning_effort");
                word = "medium";
            }
            json!({"type": "enabled", "maxReasoningEffort": word})
        };
        self.fields.insert(String::from("reasoningConfig"), config);
    }

    fn think_claude(&mut self, reasoning: Reasoning, claude: Claude, target: &Target<'_>, against: Against, dropped: &mut Vec<Dropped>) {
        if reasoning.is_off() {
            if claude.thinks_by_default {
                self.fields.insert(String::from("thinking"), json!({"type": "disabled"}));
            }
            return;
        }
        // Thoughts come first: a turn that has begun leaves no place for them.
        if against.prefill {
            Dropped::note(dropped, "reasoning_effort");
            return;
        }
        let with_number = match claude.thinking {
            ClaudeThinking::Budget => true,
            ClaudeThinking::Both => reasoning.budget.is_some() && !reasoning.adaptive && reasoning.effort.is_none(),
            ClaudeThinking::Adaptive | ClaudeThinking::None => false,
        };
        if with_number {
            self.think_number(reasoning, claude, target, against, dropped);
            return;
        }
        let mut thinking = Map::new();
        thinking.insert(String::from("type"), "adaptive".into());
        let display = if reasoning.show == Some(false) { "omitted" } else { "summarized" };
        thinking.insert(String::from("display"), display.into());
        self.fields.insert(String::from("thinking"), Value::Object(thinking));
        self.claude_thinks = true;
        if let Some(effort) = reasoning.meant().filter(|_| claude.effort) {
            let word = match effort {
                Effort::None | Effort::Minimal => "low",
                Effort::XHigh if !claude.xhigh => "high",
                effort => effort.name(),
            };
            self.fields.insert(String::from("output_config"), json!({"effort": word}));
        }
    }

    /// Thinking with a number of tokens, which must leave room below the bound on the output.
    fn think_number(&mut self, reasoning: Reasoning, claude: Claude, target: &Target<'_>, against: Against, dropped: &mut Vec<Dropped>) {
        let wanted = reasoning.budget.unwrap_or_else(|| reasoning.effort.unwrap_or(Effort::Medium).budget()).max(LEAST_BUDGET);
        let most = *self.inference.max_tokens.get_or_insert_with(|| target.max_output.unwrap_or(claude.max_output));
        // A history in which tools were called without a thought is refused by one who thinks.
        if against.thoughtless_calls || most <= LEAST_BUDGET {
            Dropped::note(dropped, "reasoning_effort");
            return;
        }
        let budget = if wanted < most { wanted } else { (most - most / 4).max(LEAST_BUDGET) };
        self.fields.insert(String::from("thinking"), json!({"type": "enabled", "budget_tokens": budget}));
        self.claude_thinks = true;
    }
}

fn low_to_high(meant: Option<Effort>) -> &'static str {
    match meant {
        Some(Effort::None | Effort::Minimal | Effort::Low) => "low",
        None | Some(Effort::Medium) => "medium",
        Some(Effort::High | Effort::XHigh | Effort::Max) => "high",
    }
}

/// Beta features that Bedrock knows.
pub(super) fn betas(wanted: &[Value], fields: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) {
    let (known, unknown): (Vec<_>, Vec<_>) =
        wanted.iter().cloned().partition(|beta| beta.as_str().is_some_and(|beta| BETAS.contains(&beta)));
    if !unknown.is_empty() {
        Dropped::note(dropped, "anthropic_beta");
    }
    if !known.is_empty() {
        fields.insert(String::from("anthropic_beta"), Value::Array(known));
    }
}
