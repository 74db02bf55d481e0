//! The four dialects of each side, with the model that each is asked for.

use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::vendors::{MaxTokensField, Quirk};
use fluxa_wire::client::ClientDialect;
use fluxa_wire::upstream::{Target, UpstreamDialect, anthropic, bedrock, gemini, openai};

/// A side that asks.
pub(super) struct Client {
    pub(super) name: &'static str,
    pub(super) dialect: &'static dyn ClientDialect,
    /// The request that every feature is added to.
    pub(super) base: &'static str,
    /// The tool that features about tools use: the member `tools`.
    pub(super) tools: &'static str,
}

/// A side that answers.
pub(super) struct Upstream {
    pub(super) name: &'static str,
    pub(super) dialect: &'static dyn UpstreamDialect,
    pub(super) of: (Dialect, Op),
    /// Which of a feature's signs is looked for.
    pub(super) signs: usize,
    pub(super) model: &'static str,
    /// The model for features about thinking, where that is another one.
    pub(super) thinker: &'static str,
    pub(super) quirks: &'static [Quirk],
}

impl Upstream {
    pub(super) const fn target(&self, thinks: bool) -> Target<'_> {
        let model = if thinks { self.thinker } else { self.model };
        Target { model, quirks: self.quirks, max_tokens_field: MaxTokensField::MaxCompletionTokens, max_output: None, ask_usage: true }
    }
}

const SCHEMA: &str = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;

pub(super) const CLIENTS: [Client; 4] = [
    Client {
        name: "chat completions",
        dialect: &fluxa_wire::client::chat::OpenAiChat,
        base: r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#,
        tools: r#""tools":[{"type":"function","function":{"name":"weather","description":"Tells the weather.","parameters":@schema}}]"#,
    },
    Client {
        name: "responses",
        dialect: &fluxa_wire::client::responses::OpenAiResponses,
        base: r#"{"model":"m","input":"Hi"}"#,
        tools: r#""tools":[{"type":"function","name":"weather","description":"Tells the weather.","parameters":@schema}]"#,
    },
    Client {
        name: "messages",
        dialect: &fluxa_wire::client::anthropic::Anthropic,
        base: r#"{"model":"m","max_tokens":8000,"messages":[{"role":"user","content":"Hi"}]}"#,
        tools: r#""tools":[{"name":"weather","description":"Tells the weather.","input_schema":@schema}]"#,
    },
    Client {
        name: "generateContent",
        dialect: &fluxa_wire::client::gemini::Gemini,
        base: r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#,
        tools: r#""tools":[{"functionDeclarations":[{"name":"weather","description":"Tells the weather.","parametersJsonSchema":@schema}]}]"#,
    },
];

pub(super) const UPSTREAMS: [Upstream; 5] = [
    Upstream {
        name: "OpenAI",
        dialect: &openai::OpenAi,
        of: (Dialect::OpenAi, Op::Chat),
        signs: 0,
        model: "gpt-4.1",
        thinker: "gpt-5.1",
        quirks: &[Quirk::ReasoningModelsRefuseMaxTokens, Quirk::WholeDialect],
    },
    Upstream {
        name: "like OpenAI",
        dialect: &openai::OpenAi,
        of: (Dialect::OpenAi, Op::Chat),
        signs: 0,
        model: "open-model",
        thinker: "open-model",
        quirks: &[],
    },
    Upstream {
        name: "Anthropic",
        dialect: &anthropic::Anthropic,
        of: (Dialect::Anthropic, Op::Messages),
        signs: 1,
        model: "claude-sonnet-4-5-20250929",
        thinker: "claude-sonnet-4-5-20250929",
        quirks: &[],
    },
    Upstream {
        name: "Gemini",
        dialect: &gemini::Gemini,
        of: (Dialect::Gemini, Op::GenerateContent),
        signs: 2,
        model: "gemini-2.5-flash",
        thinker: "gemini-3-pro-preview",
        quirks: &[],
    },
    Upstream {
        name: "Bedrock",
        dialect: &bedrock::Bedrock,
        of: (Dialect::Bedrock, Op::Chat),
        signs: 3,
        model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        thinker: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        quirks: &[],
    },
];

/// A feature's request as text: placeholders are filled in.
pub(super) fn filled(text: &str, tools: &str) -> String {
    use fluxa_wire::neutral::media::encode_base64;
    use fluxa_wire::neutral::{Origin, Signature, ids};
    let signed = ids::join("call_1", Some(&Signature::new(Origin::Gemini, "CiQB")));
    text.replace("@tools", tools)
        .replace("@schema", SCHEMA)
        .replace("@long", LONG)
        .replace("@signed_id", &signed)
        .replace("@claude_mark", &encode_base64(b"fluxa.a.c2ln"))
        .replace("@claude_redacted", &encode_base64(b"redacted:fluxa.a.UmVk"))
}

/// A name of a tool that is longer than any vendor but one takes.
const LONG: &str = "read_the_weather_of_the_whole_country_for_every_single_day_of_the_coming_month_and_put_it_into_one_table";
