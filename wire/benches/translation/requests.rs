//! Requests of every client dialect, in shapes that are told apart by what makes them large.

use fluxa_wire::client::anthropic::Anthropic;
use fluxa_wire::client::chat::OpenAiChat;
use fluxa_wire::client::gemini::Gemini;
use fluxa_wire::client::responses::OpenAiResponses;
use fluxa_wire::client::{Asked, ClientDialect};
use serde_json::{Value, json};

/// A dialect that clients speak, and its name in tables.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) dialect: &'static dyn ClientDialect,
}

/// Every one of them.
pub(crate) const CLIENTS: [Client; 4] = [
    Client { name: "chat", dialect: &OpenAiChat },
    Client { name: "messages", dialect: &Anthropic },
    Client { name: "gemini", dialect: &Gemini },
    Client { name: "responses", dialect: &OpenAiResponses },
];

/// What makes a request large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Turns of about 1 kB each: so many bytes of text in all.
    Text(usize),
    /// So many tools with schemas of five members.
    Tools(usize),
    /// One picture: so many bytes of base64.
    Image(usize),
    /// So many turns of a few words.
    Turns(usize),
    /// One turn of so many parts.
    Parts(usize),
    /// So many calls of tools, each answered.
    Calls(usize),
    /// So many calls at once, all of one id (where the dialect has ids), and results of none.
    Clashing(usize),
    /// So many fields that no other dialect knows.
    Unknown(usize),
}

const WORDS: &str = "The quick brown fox jumps over the lazy dog, \"twice\", and Zoë writes it down.\n";

/// Prose of so many bytes, more or less.
pub(crate) fn prose(bytes: usize) -> String {
    WORDS.repeat(bytes / WORDS.len() + 1)
}

impl Client {
    /// Calls the dialect's reader and the vendor's writer, as a call through the gateway does.
    pub(crate) fn asked<'a>(&self, body: &'a [u8]) -> Asked<'a> {
        Asked { body, model: "model-1", stream: true }
    }

    /// A request of this shape.
    pub(crate) fn request(&self, shape: Shape) -> Vec<u8> {
        let turns: Vec<Value> = match shape {
            Shape::Text(bytes) => {
                (0..bytes.div_ceil(1024)).map(|at| self.turn(at % 2 == 1, vec![self.text(at % 2 == 1, &prose(1000))])).collect()
            }
            Shape::Image(bytes) => {
                vec![self.turn(false, vec![self.text(false, "what is this?"), self.image(&"iVBORw0K".repeat(bytes / 8))])]
            }
            Shape::Turns(turns) => (0..turns).map(|at| self.turn(at % 2 == 1, vec![self.text(at % 2 == 1, "so it is")])).collect(),
            Shape::Parts(parts) => vec![self.turn(false, (0..parts).map(|_| self.text(false, "and")).collect())],
            Shape::Calls(calls) => {
                let asked = self.turn(false, vec![self.text(false, "look it up")]);
                std::iter::once(asked).chain((0..calls).flat_map(|call| self.called(call, call))).collect()
            }
            Shape::Clashing(calls) => {
                let asked = self.turn(false, vec![self.text(false, "look it up")]);
                let (calls, results): (Vec<_>, Vec<_>) =
                    (0..calls).map(|call| self.called(0, call)).map(|[call, result]| (call, result)).unzip();
                std::iter::once(asked).chain(calls).chain(results).collect()
            }
            Shape::Tools(_) | Shape::Unknown(_) => vec![self.turn(false, vec![self.text(false, "hello")])],
        };
        let tools: Vec<Value> = match shape {
            Shape::Tools(tools) => (0..tools).map(|tool| self.tool(tool)).collect(),
            _ => Vec::new(),
        };
        let mut request = match self.name {
            "chat" => json!({"model": "model-1", "stream": true, "max_tokens": 1024, "messages": turns}),
            "messages" => json!({"model": "model-1", "stream": true, "max_tokens": 1024, "messages": turns}),
            "gemini" => json!({"contents": turns, "generationConfig": {"maxOutputTokens": 1024}}),
            // Calls and their results are items beside the messages.
            _ => {
                let items: Vec<Value> =
                    turns.into_iter().flat_map(|turn| if let Value::Array(items) = turn { items } else { vec![turn] }).collect();
                json!({"model": "model-1", "stream": true, "max_output_tokens": 1024, "input": items})
            }
        };
        if !tools.is_empty() {
            request["tools"] = if self.name == "gemini" { json!([{"functionDeclarations": tools}]) } else { Value::Array(tools) };
        }
        if let Shape::Unknown(fields) = shape {
            for field in 0..fields {
                request[format!("unknown_{field}")] = json!(field);
            }
        }
        request.to_string().into_bytes()
    }

    fn turn(&self, model: bool, parts: Vec<Value>) -> Value {
        match self.name {
            "gemini" => json!({"role": if model { "model" } else { "user" }, "parts": parts}),
            "responses" => json!({"type": "message", "role": if model { "assistant" } else { "user" }, "content": parts}),
            _ => json!({"role": if model { "assistant" } else { "user" }, "content": parts}),
        }
    }

    fn text(&self, model: bool, text: &str) -> Value {
        match self.name {
            "gemini" => json!({"text": text}),
            "responses" => json!({"type": if model { "output_text" } else { "input_text" }, "text": text}),
            _ => json!({"type": "text", "text": text}),
        }
    }

    fn image(&self, data: &str) -> Value {
        let url = || format!("data:image/png;base64,{data}");
        match self.name {
            "chat" => json!({"type": "image_url", "image_url": {"url": url()}}),
            "messages" => json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}),
            "gemini" => json!({"inlineData": {"mimeType": "image/png", "data": data}}),
            _ => json!({"type": "input_image", "image_url": url()}),
        }
    }

    /// A call of a tool whose name some vendors do not take, and what it gave.
    fn called(&self, call: usize, tool: usize) -> [Value; 2] {
        let name = format!("tool.{tool}");
        let id = format!("call_{call:06}");
        let arguments = json!({"query": "weather in Oslo", "limit": 3});
        match self.name {
            "chat" => [
                json!({"role": "assistant", "content": null, "tool_calls":
                    [{"id": id, "type": "function", "function": {"name": name, "arguments": arguments.to_string()}}]}),
                json!({"role": "tool", "tool_call_id": id, "content": "rain"}),
            ],
            "messages" => [
                json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": name, "input": arguments}]}),
                json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "rain"}]}),
            ],
            "gemini" => [
                json!({"role": "model", "parts": [{"functionCall": {"name": name, "args": arguments}}]}),
                json!({"role": "user", "parts": [{"functionResponse": {"name": name, "response": {"output": "rain"}}}]}),
            ],
            _ => [
                json!([{"type": "function_call", "call_id": id, "name": name, "arguments": arguments.to_string()}]),
                json!([{"type": "function_call_output", "call_id": id, "output": "rain"}]),
            ],
        }
    }

    fn tool(&self, tool: usize) -> Value {
        let name = format!("tool.{tool}");
        let about = "Looks something up. Use it when the answer depends on what happened lately.";
        let schema = json!({
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "What to look for, in a few words"},
                "limit": {"type": "integer", "description": "How many results", "minimum": 1, "maximum": 50},
                "since": {"type": "string", "format": "date"},
                "sort": {"type": "string", "enum": ["newest", "oldest", "best"]},
                "places": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
            },
            "required": ["query"],
        });
        match self.name {
            "chat" => json!({"type": "function", "function": {"name": name, "description": about, "parameters": schema}}),
            "messages" => json!({"name": name, "description": about, "input_schema": schema}),
            "gemini" => json!({"name": name, "description": about, "parameters": schema}),
            _ => json!({"type": "function", "name": name, "description": about, "parameters": schema, "strict": false}),
        }
    }
}
