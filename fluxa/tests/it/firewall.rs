//! The yard of the firewall's stories: a program with a vendor of every kind, policies, and something that may not leave.

use fluxa_loadtest::vendor::{Mock, MockConfig, Record};
use serde_json::{Value, json};

use crate::harness::{Answer, Fluxa, Setup};

/// A key that may not leave. It opens nothing: its middle says so in base64.
pub(crate) const SECRET: &str = "sk-proj-Zm9yIGEgdGVzdCBvbmx5LCBub3QgYSBrZXkgYXQgYWxs_x4";
/// What of it is looked for wherever it must not be.
pub(crate) const CORE: &str = "Zm9yIGEgdGVzdCBvbmx5";
/// The rule that finds it.
pub(crate) const RULE: &str = "openai_key";
/// An address that may not leave.
pub(crate) const MAIL: &str = "zoe.adler@harbor-lights.net";

/// Vendors, by the kind of their providers: `m-KIND` is a model there. The last has chat completions and no responses.
pub(crate) const KINDS: [&str; 5] = ["openai", "anthropic", "gemini", "bedrock", "zero-one"];

/// A program with a vendor of every kind behind it.
pub(crate) struct Yard {
    pub(crate) fluxa: Fluxa,
    pub(crate) mock: Mock,
}

impl Yard {
    pub(crate) async fn new(setup: Setup) -> Self {
        let mock = Mock::start(MockConfig { usage_unasked: true, ..MockConfig::default() }).await.expect("the mock starts");
        let fluxa = Fluxa::start(setup).await;
        let host = format!("http://{}", mock.addr());
        for kind in KINDS {
            let base = match kind {
                "openai" | "zero-one" => format!("{host}/v1"),
                "gemini" => format!("{host}/v1beta"),
                _ => host.clone(),
            };
            let more = match kind {
                "bedrock" => json!({"region": "eu-west-1", "access_key_id": "AKIDEXAMPLE", "api_key": null,
                    "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}),
                _ => json!({}),
            };
            fluxa.provider(kind, kind, &base, more).await;
            fluxa.route(&format!("m-{kind}"), json!({"provider": kind, "retries": 0})).await;
        }
        Self { fluxa, mock }
    }

    /// Makes a policy, or replaces it.
    pub(crate) async fn policy(&self, name: &str, body: Value) {
        let (status, answer) = self.fluxa.admin("PUT", &format!("/admin/firewall/policies/{name}"), body).await;
        assert!(matches!(status, 200 | 201), "{status} {answer}");
    }

    /// A policy that does one thing about [`RULE`] and about addresses, both ways, and a key that it is given to.
    pub(crate) async fn key_that(&self, action: &str) -> String {
        self.policy(action, json!({"actions": {RULE: action, "email": action}, "default": "off"})).await;
        self.fluxa.key(json!({"firewall_policy": action})).await
    }

    /// Asks, and gives back what vendors were sent meanwhile.
    pub(crate) async fn ask(&self, key: &str, ask: &Ask) -> (Answer, Vec<Record>) {
        self.mock.clear();
        let bearer = format!("Bearer {key}");
        let mut headers = vec![("authorization", bearer.as_str())];
        if !ask.content_type.is_empty() {
            headers.push(("content-type", &ask.content_type));
        }
        headers.extend(ask.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let answer = self.fluxa.send(ask.method, &ask.path, &headers, &ask.body).await;
        (answer, self.mock.requests())
    }
}

/// A request of any kind.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) what: String,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    /// A request with a JSON body.
    pub(crate) fn json(what: &str, path: &str, body: &Value) -> Self {
        Self::raw(what, path, "application/json", body.to_string().as_bytes())
    }

    /// A request with any body.
    pub(crate) fn raw(what: &str, path: &str, content_type: &str, body: &[u8]) -> Self {
        Self {
            what: format!("{path} {what}"),
            method: "POST",
            path: path.to_owned(),
            content_type: content_type.to_owned(),
            headers: Vec::new(),
            body: body.to_vec(),
        }
    }

    /// A request without a body.
    pub(crate) fn get(path: &str) -> Self {
        Self { method: "GET", ..Self::raw("", path, "", b"") }
    }
}

/// Whether anything that a vendor was sent holds this text, in its address, its head or its body, escapes and all.
pub(crate) fn got(record: &Record, text: &str) -> bool {
    let body = String::from_utf8_lossy(&record.body).into_owned();
    let head = format!("{} {:?} {}", record.path, record.headers, record.model);
    let decoded = serde_json::from_slice::<Value>(&record.body).map(|value| texts(&value)).unwrap_or_default();
    [&body, &head, &decoded].iter().any(|place| place.contains(text))
}

/// All strings of a document, one a line.
pub(crate) fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(items) => items.iter().map(texts).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| format!("{name}\n{}", texts(value))).collect(),
        _ => String::new(),
    }
}

/// A client's way to talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Chat,
    Responses,
    Messages,
    Gemini,
}

pub(crate) const CLIENTS: [Client; 4] = [Client::Chat, Client::Responses, Client::Messages, Client::Gemini];

impl Client {
    /// Says a text to a model.
    pub(crate) fn says(self, model: &str, text: &str, stream: bool) -> Ask {
        let messages = json!([{"role": "user", "content": text}]);
        let (path, body) = match self {
            Self::Chat => ("/v1/chat/completions".to_owned(), json!({"model": model, "messages": messages, "stream": stream})),
            Self::Responses => ("/v1/responses".to_owned(), json!({"model": model, "input": text, "stream": stream})),
            Self::Messages => {
                ("/v1/messages".to_owned(), json!({"model": model, "max_tokens": 900, "messages": messages, "stream": stream}))
            }
            Self::Gemini => {
                let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                (format!("/v1beta/models/{model}:{method}"), json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}))
            }
        };
        Ask::json(if stream { "streamed" } else { "whole" }, &path, &body)
    }

    /// The same with a tool that takes `note`.
    pub(crate) fn says_with_a_tool(self, model: &str, text: &str, stream: bool) -> Ask {
        let mut ask = self.says(model, text, stream);
        let schema = json!({"type": "object", "properties": {"note": {"type": "string"}}});
        let tools = match self {
            Self::Chat => json!([{"type": "function", "function": {"name": "send", "parameters": schema}}]),
            Self::Responses => json!([{"type": "function", "name": "send", "parameters": schema}]),
            Self::Messages => json!([{"name": "send", "input_schema": schema}]),
            Self::Gemini => json!([{"functionDeclarations": [{"name": "send", "parameters": schema}]}]),
        };
        let mut body: Value = serde_json::from_slice(&ask.body).expect("JSON");
        body["tools"] = tools;
        ask.body = body.to_string().into_bytes();
        ask
    }

    /// The documents of an answer: one, or one an event.
    pub(crate) fn documents(self, answer: &Answer) -> Vec<Value> {
        if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return answer.events().iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
        }
        vec![answer.json()]
    }

    /// What is said in an answer, whole or streamed.
    pub(crate) fn said(self, answer: &Answer) -> String {
        let text = |document: &Value| {
            let found = match self {
                Self::Chat => document["choices"][0]["delta"]["content"].as_str().or(document["choices"][0]["message"]["content"].as_str()),
                Self::Responses if document["type"] == "response.output_text.delta" => document["delta"].as_str(),
                Self::Responses => document["output"][0]["content"][0]["text"].as_str(),
                Self::Messages => document["delta"]["text"].as_str().or(document["content"][0]["text"].as_str()),
                Self::Gemini => document["candidates"][0]["content"]["parts"][0]["text"].as_str(),
            };
            found.unwrap_or_default().to_owned()
        };
        self.documents(answer).iter().map(text).collect()
    }

    /// The arguments of the first tool call in an answer.
    pub(crate) fn arguments(self, answer: &Answer) -> Value {
        let documents = self.documents(answer);
        if self == Self::Gemini {
            let parts =
                documents.iter().flat_map(|document| document["candidates"][0]["content"]["parts"].as_array().cloned().unwrap_or_default());
            return parts.map(|part| part["functionCall"]["args"].clone()).find(Value::is_object).unwrap_or_default();
        }
        let mut text = String::new();
        for document in &documents {
            match self {
                Self::Chat => {
                    for side in ["delta", "message"] {
                        text.push_str(document["choices"][0][side]["tool_calls"][0]["function"]["arguments"].as_str().unwrap_or_default());
                    }
                }
                Self::Responses if document["type"] == "response.function_call_arguments.delta" => {
                    text.push_str(document["delta"].as_str().unwrap_or_default());
                }
                Self::Responses => {
                    let items = document["output"].as_array().cloned().unwrap_or_default();
                    text.extend(items.iter().filter_map(|item| item["arguments"].as_str().map(str::to_owned)));
                }
                Self::Messages | Self::Gemini => {
                    text.push_str(document["delta"]["partial_json"].as_str().unwrap_or_default());
                    let blocks = document["content"].as_array().cloned().unwrap_or_default();
                    if let Some(block) = blocks.iter().find(|block| block["type"] == "tool_use") {
                        return block["input"].clone();
                    }
                }
            }
        }
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?} in {}", answer.text()))
    }

    /// Whether the answer came to its end in good order.
    pub(crate) fn ended_well(self, answer: &Answer) -> bool {
        let documents = self.documents(answer);
        let last = documents.last().cloned().unwrap_or_default();
        let streamed = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        answer.complete
            && match self {
                _ if !streamed => answer.status == 200,
                Self::Chat => answer.events().last().is_some_and(|event| event == "[DONE]"),
                Self::Responses => last["type"] == "response.completed",
                Self::Messages => last["type"] == "message_stop",
                Self::Gemini => documents.iter().any(|document| document["candidates"][0]["finishReason"].is_string()),
            }
    }
}
