//! What is asked for a recording: the operation, the gateway's provider for it, and the request a client would send.
//!
//! Calls in a language that no client of a gateway speaks are not asked, and say so. Start at [`Plan::of`].

use serde_json::{Value, json};

use super::{corpus::Case, http::Request, sse};

mod gemini;

/// The kinds of provider a gateway knows; a vendor not among them is an `openai` with another address.
const KINDS: [&str; 27] = [
    "openai",
    "anthropic",
    "deepseek",
    "qwen",
    "ollama",
    "moonshot",
    "zhipu",
    "ernie",
    "doubao",
    "azure",
    "mistral",
    "groq",
    "xai",
    "perplexity",
    "together",
    "fireworks",
    "openrouter",
    "cohere",
    "nvidia",
    "siliconflow",
    "minimax",
    "baichuan",
    "stepfun",
    "spark",
    "zero-one",
    "tencent",
    "bedrock",
];

/// Headers of a recorded request that a client would send again.
const KEPT_HEADERS: [&str; 8] =
    ["accept", "content-type", "anthropic-version", "anthropic-beta", "openai-beta", "http-referer", "x-title", "x-client-name"];

/// The model of a request that was not recorded and whose answer names none.
const NO_MODEL: &str = "recorded-model";

/// An operation of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/completions`
    Completions,
    /// `/v1/embeddings`
    Embeddings,
    /// `/v1/responses`
    Responses,
    /// `/v1/rerank`
    Rerank,
    /// `/v1/images/generations`
    Images,
    /// `/v1/audio/speech`
    Speech,
    /// `/v1/audio/transcriptions`
    Transcriptions,
    /// `/v1/moderations`
    Moderations,
    /// `/v1/messages`
    Messages,
    /// `/v1/messages/count_tokens`
    CountTokens,
    /// `/v1/models`, which a gateway answers from its own configuration.
    Models,
    /// `/v1beta/models/{model}:generateContent`
    Generate,
    /// `/v1beta/models/{model}:streamGenerateContent`: events with `alt=sse`, a JSON array without.
    StreamGenerate,
    /// `/v1beta/models/{model}:countTokens`
    GeminiCountTokens,
    /// `/v1beta/models/{model}:embedContent`
    EmbedContent,
    /// `/v1beta/models/{model}:batchEmbedContents`
    BatchEmbedContents,
    /// `/v1beta/models`, answered like `/v1/models`.
    GeminiModels,
}

/// Why a case is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// The vendor's own language.
    OwnProtocol,
    /// Bedrock's Converse.
    Converse,
    /// The request names no model, and there is nothing else to route by.
    NoModel,
    /// The recorded request body is not JSON.
    NotJson,
}

/// One case, ready to be asked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The operation.
    pub op: Op,
    /// Kind of the provider to make.
    pub kind: &'static str,
    /// What the provider's base URL has after the case: the recorded path without the operation's own part.
    pub base: String,
    /// The model to route.
    pub model: String,
    /// What the client sends, without its key.
    pub request: Request,
    /// The client asked for the usage chunk.
    pub asked_usage: bool,
}

impl Op {
    /// The end of its path at the vendor.
    pub fn tail(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Embeddings => "/embeddings",
            Self::Responses => "/responses",
            Self::Rerank => "/rerank",
            Self::Images => "/images/generations",
            Self::Speech => "/audio/speech",
            Self::Transcriptions => "/audio/transcriptions",
            Self::Moderations => "/moderations",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
            Self::Models => "/models",
            Self::Generate => ":generateContent",
            Self::StreamGenerate => ":streamGenerateContent",
            Self::GeminiCountTokens => ":countTokens",
            Self::EmbedContent => ":embedContent",
            Self::BatchEmbedContents => ":batchEmbedContents",
            Self::GeminiModels => "/v1beta/models",
        }
    }

    /// Whether its clients speak Gemini's dialect.
    pub fn is_gemini(self) -> bool {
        self == Self::GeminiModels || self.tail().starts_with(':')
    }

    /// Whether a gateway answers it from its own configuration.
    pub fn is_models(self) -> bool {
        matches!(self, Self::Models | Self::GeminiModels)
    }

    /// Whether its clients speak Anthropic's dialect.
    pub fn is_anthropic(self) -> bool {
        matches!(self, Self::Messages | Self::CountTokens)
    }

    /// Whether a stream of it has an extra chunk for the usage, for those who ask.
    fn has_usage_chunk(self) -> bool {
        matches!(self, Self::Chat | Self::Completions)
    }

    fn of(case: &Case) -> Option<Self> {
        // Longer tails first: `/completions` is the end of `/chat/completions` too.
        const ALL: [Op; 18] = [
            Op::CountTokens,
            Op::Messages,
            Op::Chat,
            Op::Completions,
            Op::Embeddings,
            Op::Responses,
            Op::Rerank,
            Op::Images,
            Op::Speech,
            Op::Transcriptions,
            Op::Moderations,
            Op::GeminiModels,
            Op::Models,
            Op::Generate,
            Op::StreamGenerate,
            Op::GeminiCountTokens,
            Op::EmbedContent,
            Op::BatchEmbedContents,
        ];
        let path = case.request.path.split('?').next().unwrap_or_default();
        ALL.into_iter().find(|op| path.ends_with(op.tail()))
    }
}

impl Later {
    /// The reason in words.
    pub fn why(self) -> &'static str {
        match self {
            Self::OwnProtocol => {
                "a vendor's own protocol that no client speaks (Cohere v1 and v2, DashScope, Ollama, Bedrock invoke, Vertex predict, Anthropic complete)"
            }
            Self::Converse => "Converse has no clients of its own: see the pairs",
            Self::NoModel => "the request names no model",
            Self::NotJson => "the recorded request is not JSON",
        }
    }
}

impl Plan {
    /// How to ask for a case.
    ///
    /// # Errors
    /// A reason why it is not asked.
    pub fn of(case: &Case) -> Result<Self, Later> {
        let (path, query) = case.request.path.split_once('?').unwrap_or((&case.request.path, ""));
        let converse = path.ends_with("/converse") || path.ends_with("/converse-stream");
        let op = Op::of(case).ok_or(if converse { Later::Converse } else { Later::OwnProtocol })?;
        if op.is_gemini() {
            return gemini::plan(case, op, path, query);
        }
        let body = match &case.request.body {
            _ if op == Op::Models => Vec::new(),
            Some(body) => body.clone(),
            None => minimal_body(case, op),
        };
        let (model, asked_usage) = match serde_json::from_slice::<Value>(&body) {
            Ok(json) => {
                let model = json.get("model").and_then(Value::as_str).ok_or(Later::NoModel)?.to_owned();
                (model, json.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)))
            }
            Err(_) if op == Op::Models => (NO_MODEL.to_owned(), false),
            Err(_) => return Err(Later::NotJson),
        };
        let mut target = if op.is_anthropic() { op.tail().to_owned() } else { format!("/v1{}", op.tail()) };
        if op.is_anthropic() && !query.is_empty() {
            target = format!("{target}?{query}");
        }
        let kind = kind(case, op);
        let base = if matches!(kind, "azure" | "anthropic") { "" } else { path.strip_suffix(op.tail()).unwrap_or_default() };
        let request =
            Request { method: if op == Op::Models { "GET" } else { "POST" }.to_owned(), target, headers: headers(case, op), body };
        Ok(Self { op, kind, base: base.trim_start_matches("//").to_owned(), model, request, asked_usage })
    }

    /// The same call by a client that does not ask for the usage chunk; `None` where the recording has none, or nobody asked.
    pub fn without_asking(&self, case: &Case) -> Option<Self> {
        if !self.asked_usage || !self.op.has_usage_chunk() || !case.streams() || sse::without_usage(&case.response.body).is_none() {
            return None;
        }
        let mut body: Value = serde_json::from_slice(&self.request.body).ok()?;
        body.as_object_mut()?.shift_remove("stream_options");
        let mut plan = self.clone();
        plan.asked_usage = false;
        plan.request.body = body.to_string().into_bytes();
        Some(plan)
    }

    /// The path at the vendor, where it must be the recorded one.
    pub fn vendor_path(&self, case: &Case) -> Option<String> {
        let (base, call) = gemini::halves(case.request.path.split('?').next()?).filter(|_| self.op.is_gemini())?;
        Some(base + call)
    }

    /// The request with a key, as the dialect's clients send it.
    pub fn with_key(&self, key: &str) -> Request {
        let mut request = self.request.clone();
        let header = match self.op {
            op if op.is_anthropic() => ("x-api-key", key.to_owned()),
            op if op.is_gemini() => ("x-goog-api-key", key.to_owned()),
            _ => ("authorization", format!("Bearer {key}")),
        };
        request.headers.push((header.0.to_owned(), header.1));
        request
    }
}

fn kind(case: &Case, op: Op) -> &'static str {
    let vendor = match case.vendor.as_str() {
        "zai" => "zhipu",
        other => other,
    };
    match KINDS.into_iter().find(|kind| *kind == vendor) {
        // The dialect decides: what Anthropic and Amazon serve in OpenAI's is OpenAI's.
        Some("anthropic") if !op.is_anthropic() && op != Op::Models => "openai",
        // Its row has chat only, so responses of it would be translated; here they are asked as they were recorded.
        Some("deepseek") if op == Op::Responses => "openai",
        Some("bedrock") | None => "openai",
        Some(kind) => kind,
    }
}

fn headers(case: &Case, op: Op) -> Vec<(String, String)> {
    let kept = case.request.headers.iter().filter(|(name, _)| KEPT_HEADERS.contains(&name.as_str()));
    let mut headers: Vec<_> = kept.cloned().collect();
    let mut default = |name: &str, value: &str| {
        if !headers.iter().any(|(have, _)| have == name) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    };
    if !op.is_models() {
        default("content-type", "application/json");
    }
    if op.is_anthropic() || (op == Op::Models && case.vendor == "anthropic") {
        default("anthropic-version", "2023-06-01");
    }
    headers
}

/// A request that could have had this answer.
fn minimal_body(case: &Case, op: Op) -> Vec<u8> {
    let model = case.model.as_deref().filter(|model| !model.is_empty()).unwrap_or(NO_MODEL);
    let turns = json!([{"role": "user", "content": "Hello"}]);
    let mut body = match op {
        Op::Chat => json!({"model": model, "messages": turns}),
        Op::Messages => json!({"model": model, "max_tokens": 1024, "messages": turns}),
        Op::CountTokens => json!({"model": model, "messages": turns}),
        Op::Completions | Op::Images => json!({"model": model, "prompt": "Hello"}),
        Op::Rerank => json!({"model": model, "query": "Hello", "documents": ["Hello", "Goodbye"]}),
        _ => json!({"model": model, "input": "Hello"}),
    };
    if case.streams() {
        body["stream"] = Value::Bool(true);
        if op.has_usage_chunk() && sse::without_usage(&case.response.body).is_some() {
            body["stream_options"] = json!({"include_usage": true});
        }
    }
    body.to_string().into_bytes()
}
