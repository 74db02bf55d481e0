//! What is said back in one turn, before any dialect: a thought, a text, calls. Start at [`Reply::of`].

use serde_json::{Map, Value, json};

use super::{
    ask::Ask,
    config::MockConfig,
    openai::fragments,
    script::{Text, Usage},
    talk::{Offer, Talk},
};

/// One turn of the vendor.
#[derive(Debug)]
pub(super) struct Reply {
    /// Its words.
    pub(super) thought: Option<Text>,
    pub(super) text: Text,
    pub(super) calls: Vec<Call>,
    pub(super) usage: Usage,
}

/// A call of one tool.
#[derive(Debug)]
pub(super) struct Call {
    /// Number of the call in its turn, from 0.
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) arguments: Value,
}

impl Reply {
    pub(super) fn of(talk: &Talk, ask: &Ask<'_>, config: &MockConfig) -> Self {
        let calls = if config.agent > 0 { plan(talk, config) } else { first(talk, config).into_iter().collect() };
        let text = match (config.agent, calls.as_slice()) {
            (0, []) => Text::of(ask, config),
            (0, _) => Text::said(String::new(), ask, config),
            (_, []) => Text::said(format!("results: {}", talk.results.join("; ")), ask, config),
            // Some text before a call, but not before each.
            (_, [_]) => Text::said(format!("Looking again, step {}.", talk.steps), ask, config),
            (_, _) => Text::said(String::new(), ask, config),
        };
        let thinks = config.agent > 0 && talk.thinks;
        let thought =
            thinks.then(|| Text::said(format!("Let me think about step {} \u{2014} \"carefully\".", talk.steps), &Ask::default(), config));
        let thought_tokens = thought.as_ref().map_or(0, Text::count);
        let tokens = thought_tokens + text.count() + calls.iter().map(Call::tokens).sum::<u64>();
        let mut usage = Usage::of(ask, config, tokens);
        usage.reasoning = usage.reasoning.max(thought_tokens).min(usage.completion);
        Self { thought, text, calls, usage }
    }

    /// Completion tokens in the pieces of all of it.
    pub(super) fn tokens(&self) -> u64 {
        self.thought.as_ref().map_or(0, Text::count) + self.text.count() + self.calls.iter().map(Call::tokens).sum::<u64>()
    }

    /// Whether the limit of the request cut it.
    pub(super) fn cut(&self) -> bool {
        self.calls.is_empty() && self.text.cut
    }
}

impl Call {
    /// An id that starts as the vendor's ids do.
    pub(super) fn id(&self, prefix: &str, turn: u64) -> String {
        format!("{prefix}mock{turn}x{}", self.index)
    }

    /// The arguments as JSON text.
    pub(super) fn text(&self) -> String {
        self.arguments.to_string()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.arguments.as_object().is_none_or(Map::is_empty)
    }

    /// One for its beginning and one for each fragment; without arguments it has none.
    pub(super) fn tokens(&self) -> u64 {
        1 + if self.is_empty() { 0 } else { fragments(&self.text()).count() as u64 }
    }
}

/// The calls of an agent's turn: none after its last.
fn plan(talk: &Talk, config: &MockConfig) -> Vec<Call> {
    let step = talk.steps;
    let Some(first) = talk.tools.first().filter(|_| step < config.agent) else { return Vec::new() };
    let offers = match step {
        0 => vec![first, talk.tools.get(1).unwrap_or(first)],
        1 => vec![first],
        2 => vec![talk.tools.iter().find(|offer| offer.takes_nothing()).unwrap_or(first)],
        _ => vec![&talk.tools[step % talk.tools.len()]],
    };
    let calls = offers.into_iter().enumerate();
    calls.map(|(index, offer)| Call { index, name: offer.name.clone(), arguments: arguments(offer, step, index) }).collect()
}

/// The one call of a vendor that is told to call a tool.
fn first(talk: &Talk, config: &MockConfig) -> Option<Call> {
    let offer = talk.tools.first().filter(|_| config.tool)?;
    let arguments = serde_json::from_str(&config.tool_arguments).unwrap_or_else(|_| json!({}));
    Some(Call { index: 0, name: offer.name.clone(), arguments })
}

/// A value for each property of the schema, none like another, with signs that are easily lost.
fn arguments(offer: &Offer, step: usize, index: usize) -> Value {
    let Some(properties) = offer.properties() else { return json!({}) };
    let value = |(name, schema): (&String, &Value)| {
        let kind = schema["type"].as_str().unwrap_or("string").to_ascii_lowercase();
        let value = match kind.as_str() {
            "integer" => json!(step * 10 + index),
            "number" => json!(step as f64 + 0.5),
            "boolean" => json!(index == 0),
            "array" => json!([]),
            "object" => json!({}),
            _ => json!(format!("{name} {step}.{index} \u{e9}\u{65e5} \"quoted\" \\ \n{{}}")),
        };
        (name.clone(), value)
    };
    Value::Object(properties.iter().map(value).collect())
}
