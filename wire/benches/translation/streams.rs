//! Answers of every upstream dialect, whole and in pieces.

use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::vendors::MaxTokensField;
use fluxa_wire::client::{ClientDialect, Voice};
use fluxa_wire::frame::event_stream::encode;
use fluxa_wire::translate::{Cut, Translation};
use fluxa_wire::upstream::anthropic::Anthropic;
use fluxa_wire::upstream::bedrock::Bedrock;
use fluxa_wire::upstream::gemini::Gemini;
use fluxa_wire::upstream::openai::OpenAi;
use fluxa_wire::upstream::{Said, Target, UpstreamDialect};
use serde_json::{Value, json};

/// A dialect that vendors speak, and its name in tables.
#[derive(Clone, Copy)]
pub(crate) struct Upstream {
    pub(crate) name: &'static str,
    pub(crate) dialect: &'static dyn UpstreamDialect,
    pub(crate) route: (Dialect, Op),
    pub(crate) cut: Cut,
    pub(crate) target: Target<'static>,
}

const fn target(model: &'static str) -> Target<'static> {
    Target { model, quirks: &[], max_tokens_field: MaxTokensField::MaxTokens, max_output: None, ask_usage: true }
}

/// Every one of them.
pub(crate) const UPSTREAMS: [Upstream; 4] = [
    Upstream { name: "openai", dialect: &OpenAi, route: (Dialect::OpenAi, Op::Chat), cut: Cut::Sse, target: target("gpt-4.1") },
    Upstream {
        name: "anthropic",
        dialect: &Anthropic,
        route: (Dialect::Anthropic, Op::Messages),
        cut: Cut::Sse,
        target: target("claude-sonnet-4-5"),
    },
    Upstream {
        name: "gemini",
        dialect: &Gemini,
        route: (Dialect::Gemini, Op::GenerateContent),
        cut: Cut::Sse,
        target: target("gemini-2.5-flash"),
    },
    Upstream {
        name: "bedrock",
        dialect: &Bedrock,
        route: (Dialect::Bedrock, Op::Chat),
        cut: Cut::EventStream,
        target: target("anthropic.claude-sonnet-4-5-20250929-v1:0"),
    },
];

/// What a stream holds, step by step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// The answer begins, and what it holds is text.
    Begin,
    /// Words.
    Text(&'a str),
    /// A call begins, the `n`th.
    Call(usize),
    /// More of its arguments. Gemini's calls are whole: there it is a call with these arguments.
    Arguments(usize, &'a str),
    /// It is whole.
    CallEnd(usize),
    /// The answer ends.
    End,
}

impl Upstream {
    /// A stream on its way to a client.
    pub(crate) fn translation(&self, client: &dyn ClientDialect) -> Translation {
        Translation::new(self.route, self.cut, self.dialect, &Said::default(), client, voice())
    }

    /// The bytes of one step.
    pub(crate) fn step(&self, step: Step<'_>) -> Vec<u8> {
        let events: Vec<(&str, Value)> = match self.name {
            "openai" => chunks(step).into_iter().map(|data| ("", data)).collect(),
            "anthropic" => messages(step),
            "gemini" => candidates(step).into_iter().map(|data| ("", data)).collect(),
            _ => converse(step),
        };
        let mut out = Vec::new();
        for (name, data) in events {
            match (self.cut, name) {
                (Cut::EventStream, _) => out.extend(frame(name, data.to_string().as_bytes())),
                (Cut::Sse, "") => out.extend(format!("data: {data}\n\n").into_bytes()),
                (Cut::Sse, _) => out.extend(format!("event: {name}\ndata: {data}\n\n").into_bytes()),
            }
        }
        if self.name == "openai" && matches!(step, Step::End) {
            out.extend(b"data: [DONE]\n\n");
        }
        out
    }

    /// A whole answer with so many bytes of text.
    pub(crate) fn whole(&self, text: &str) -> Vec<u8> {
        let answer = match self.name {
            "openai" => json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "gpt-4.1",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}}),
            "anthropic" => json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
                "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
                "usage": {"input_tokens": 9, "output_tokens": 9}}),
            "gemini" => {
                json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}],
                "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 9, "totalTokenCount": 18},
                "modelVersion": "gemini-2.5-flash", "responseId": "r1"})
            }
            _ => json!({"output": {"message": {"role": "assistant", "content": [{"text": text}]}}, "stopReason": "end_turn",
                "usage": {"inputTokens": 9, "outputTokens": 9, "totalTokens": 18}, "metrics": {"latencyMs": 9}}),
        };
        answer.to_string().into_bytes()
    }
}

/// What every answer here says besides the model's words.
pub(crate) fn voice() -> Voice {
    Voice {
        call: String::from("0198a0b1c2d37e4f8a9b0c1d2e3f4a5b"),
        created_s: 1_700_000_000,
        model: String::from("model-1"),
        include_usage: true,
        input_estimate: 9,
        ..Voice::default()
    }
}

fn chunks(step: Step<'_>) -> Vec<Value> {
    let chunk = |delta: Value, finish: Option<&str>| {
        vec![
            json!({"id": "chatcmpl-B1a2b3c4d5e6f7g8h9i0", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "gpt-4.1-2025-04-14",
            "service_tier": "default", "system_fingerprint": "fp_0123456789",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}], "usage": null}),
        ]
    };
    match step {
        Step::Begin => chunk(json!({"role": "assistant", "content": "", "refusal": null}), None),
        Step::Text(text) => chunk(json!({"content": text}), None),
        Step::Call(call) => chunk(
            json!({"tool_calls": [{"index": call, "id": format!("call_{call}"), "type": "function", "function": {"name": "tool_0", "arguments": ""}}]}),
            None,
        ),
        Step::Arguments(call, text) => chunk(json!({"tool_calls": [{"index": call, "function": {"arguments": text}}]}), None),
        Step::CallEnd(_) => Vec::new(),
        Step::End => chunk(json!({}), Some("stop")),
    }
}

fn messages(step: Step<'_>) -> Vec<(&'static str, Value)> {
    match step {
        Step::Begin => vec![
            (
                "message_start",
                json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
                "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 9, "output_tokens": 1}}}),
            ),
            ("content_block_start", json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
        ],
        Step::Text(text) => {
            vec![("content_block_delta", json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}))]
        }
        Step::Call(call) => vec![(
            "content_block_start",
            json!({"type": "content_block_start", "index": call + 1,
            "content_block": {"type": "tool_use", "id": format!("toolu_{call}"), "name": "tool_0", "input": {}}}),
        )],
        Step::Arguments(call, text) => vec![(
            "content_block_delta",
            json!({"type": "content_block_delta", "index": call + 1,
            "delta": {"type": "input_json_delta", "partial_json": text}}),
        )],
        Step::CallEnd(call) => vec![("content_block_stop", json!({"type": "content_block_stop", "index": call + 1}))],
        Step::End => vec![
            ("content_block_stop", json!({"type": "content_block_stop", "index": 0})),
            (
                "message_delta",
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 9}}),
            ),
            ("message_stop", json!({"type": "message_stop"})),
        ],
    }
}

fn candidates(step: Step<'_>) -> Vec<Value> {
    let chunk = |part: Value, finish: Option<&str>| {
        let mut candidate = json!({"content": {"parts": [part], "role": "model"}, "index": 0});
        if let Some(finish) = finish {
            candidate["finishReason"] = json!(finish);
        }
        vec![json!({"candidates": [candidate],
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 9, "totalTokenCount": 18,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}], "thoughtsTokenCount": 3},
            "modelVersion": "gemini-2.5-flash", "responseId": "Zq0AaZ1bY2cX3dW4"})]
    };
    match step {
        Step::Begin | Step::Call(_) | Step::CallEnd(_) => Vec::new(),
        Step::Text(text) => chunk(json!({"text": text}), None),
        Step::Arguments(_, text) => chunk(json!({"functionCall": {"name": "tool_0", "args": {"query": text}}}), None),
        Step::End => chunk(json!({"text": ""}), Some("STOP")),
    }
}

fn converse(step: Step<'_>) -> Vec<(&'static str, Value)> {
    match step {
        Step::Begin => vec![("messageStart", json!({"p": "abcdefgh", "role": "assistant"}))],
        Step::Text(text) => vec![("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": text}, "p": "abcdefghijklmnop"}))],
        Step::Call(call) => vec![(
            "contentBlockStart",
            json!({"contentBlockIndex": call + 1,
            "start": {"toolUse": {"name": "tool_0", "toolUseId": format!("tooluse_{call}")}}, "p": "abcdefghijklmnop"}),
        )],
        Step::Arguments(call, text) => {
            vec![(
                "contentBlockDelta",
                json!({"contentBlockIndex": call + 1, "delta": {"toolUse": {"input": text}}, "p": "abcdefghijklmnop"}),
            )]
        }
        Step::CallEnd(call) => vec![("contentBlockStop", json!({"contentBlockIndex": call + 1, "p": "abcdefgh"}))],
        Step::End => vec![
            ("contentBlockStop", json!({"contentBlockIndex": 0, "p": "abcdefgh"})),
            ("messageStop", json!({"p": "abcdefgh", "stopReason": "end_turn"})),
            ("metadata", json!({"metrics": {"latencyMs": 9}, "usage": {"inputTokens": 9, "outputTokens": 9, "totalTokens": 18}})),
        ],
    }
}

/// A binary frame as Converse sends it.
fn frame(name: &str, payload: &[u8]) -> Vec<u8> {
    encode(&[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")], payload)
}
