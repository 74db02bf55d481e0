//! Reading a request: which endpoint of which dialect, and the few fields of the body that change the answer.
//!
//! One borrowed pass over the body; the text of messages is looked at only for the echo.

use std::borrow::Cow;

use http::{HeaderMap, Method};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{config::MockConfig, ledger::Dialect};

/// What the path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Chat,
    Completions,
    Embeddings,
    Responses,
    Images,
    Speech,
    Transcriptions,
    Moderations,
    Rerank,
    Models,
    Messages,
    CountTokens,
    GenerateContent,
    StreamGenerateContent,
    Converse,
    ConverseStream,
    /// `GET /` and `HEAD /`, which clients use as a probe.
    Root,
    Unknown,
}

/// The fields of a body that the mock obeys.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    #[serde(alias = "generationConfig", rename = "inferenceConfig")]
    limits: Option<Limits>,
    #[serde(borrow, alias = "contents")]
    messages: Option<Vec<Turn<'a>>>,
    #[serde(borrow, alias = "systemInstruction")]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    instructions: Option<&'a RawValue>,
    #[serde(borrow)]
    documents: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    tools: Option<Vec<Tool<'a>>>,
    #[serde(borrow)]
    encoding_format: Option<Cow<'a, str>>,
    dimensions: Option<usize>,
    top_n: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
struct Limits {
    #[serde(rename = "maxOutputTokens", alias = "maxTokens")]
    max_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Turn<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "parts")]
    content: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Debug, Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

impl Endpoint {
    /// By the end of the path, so that any prefix does.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        const POSTS: [(&str, Endpoint); 20] = [
            ("/chat/completions", Endpoint::Chat),
            ("/completions", Endpoint::Completions),
            ("/embeddings", Endpoint::Embeddings),
            ("/responses", Endpoint::Responses),
            ("/images/generations", Endpoint::Images),
            ("/images/edits", Endpoint::Images),
            ("/audio/speech", Endpoint::Speech),
            ("/audio/transcriptions", Endpoint::Transcriptions),
            ("/audio/translations", Endpoint::Transcriptions),
            ("/moderations", Endpoint::Moderations),
            ("/rerank", Endpoint::Rerank),
            ("/reranks", Endpoint::Rerank),
            ("/messages", Endpoint::Messages),
            ("/messages/count_tokens", Endpoint::CountTokens),
            (":generateContent", Endpoint::GenerateContent),
            (":streamGenerateContent", Endpoint::StreamGenerateContent),
            (":countTokens", Endpoint::CountTokens),
            ("/converse", Endpoint::Converse),
            ("/converse-stream", Endpoint::ConverseStream),
            ("/count-tokens", Endpoint::CountTokens),
        ];
        let path = path.trim_end_matches('/');
        if *method == Method::POST {
            return POSTS.iter().find(|(end, _)| path.ends_with(end)).map_or(Self::Unknown, |(_, endpoint)| *endpoint);
        }
        match path {
            "" => Self::Root,
            _ if path.ends_with("/models") || path.ends_with("/foundation-models") => Self::Models,
            _ => Self::Unknown,
        }
    }

    pub(super) fn dialect(self, path: &str, headers: &HeaderMap) -> Dialect {
        match self {
            Self::GenerateContent | Self::StreamGenerateContent => Dialect::Gemini,
            Self::Converse | Self::ConverseStream => Dialect::Bedrock,
            Self::CountTokens if path.ends_with(":countTokens") => Dialect::Gemini,
            Self::CountTokens if path.ends_with("/count-tokens") => Dialect::Bedrock,
            Self::Models | Self::Unknown if headers.contains_key("x-goog-api-key") => Dialect::Gemini,
            Self::Models if path.ends_with("/foundation-models") => Dialect::Bedrock,
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
            Self::Models | Self::Unknown if headers.contains_key("anthropic-version") => Dialect::Anthropic,
            _ => Dialect::OpenAi,
        }
    }

    /// Whether its bodies are JSON; an upload is not.
    pub(super) fn takes_json(self) -> bool {
        !matches!(self, Self::Transcriptions | Self::Models | Self::Root | Self::Unknown)
    }
}

impl<'a> Ask<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// An upload has its model in a form field.
    pub(super) fn of_form(body: &'a [u8]) -> Self {
        const FIELD: &[u8] = b"name=\"model\"\r\n\r\n";
        let model = memchr::memmem::find(body, FIELD).and_then(|at| {
            let rest = &body[at + FIELD.len()..];
            let end = memchr::memchr(b'\r', rest)?;
            std::str::from_utf8(&rest[..end]).ok()
        });
        Self { model: model.map(Cow::Borrowed), ..Self::default() }
    }

    /// The same with what some dialects say in the path: the model, and whether to stream.
    pub(super) fn at(mut self, endpoint: Endpoint, dialect: Dialect, path: &str) -> Self {
        let named = match dialect {
            Dialect::Gemini => path.rsplit_once("/models/").and_then(|(_, rest)| rest.rsplit_once(':')),
            Dialect::Bedrock => path.split_once("/model/").and_then(|(_, rest)| rest.rsplit_once('/')),
            Dialect::OpenAi | Dialect::Anthropic => None,
        };
        if let Some((model, _)) = named {
            self.model = Some(Cow::Owned(unescaped(model)));
            self.stream = Some(matches!(endpoint, Endpoint::StreamGenerateContent | Endpoint::ConverseStream));
        }
        self
    }

    pub(super) fn model(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }

    pub(super) fn stream(&self) -> bool {
        self.stream == Some(true)
    }

    pub(super) fn include_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage == Some(true))
    }

    pub(super) fn max_tokens(&self) -> Option<u64> {
        let inner = self.limits.as_ref().and_then(|limits| limits.max_tokens);
        self.max_completion_tokens.or(self.max_output_tokens).or(self.max_tokens).or(inner)
    }

    pub(super) fn has_messages(&self) -> bool {
        self.messages.as_ref().is_some_and(|messages| !messages.is_empty())
    }

    pub(super) fn wants_base64(&self) -> bool {
        self.encoding_format.as_deref() == Some("base64")
    }

    pub(super) fn dimensions(&self) -> usize {
        // A vendor's usual 1,536 would only make tests slow to read.
        const USUAL: usize = 8;
        const MOST: usize = 4096;
        self.dimensions.unwrap_or(USUAL).clamp(1, MOST)
    }

    /// How many texts there are to embed, or to moderate.
    pub(super) fn inputs(&self) -> usize {
        let Some(input) = self.input else { return 1 };
        match serde_json::from_str::<Vec<&RawValue>>(input.get()) {
            // A list of numbers is one text in tokens.
            Ok(items) if items.first().is_some_and(|item| item.get().starts_with(|c: char| c.is_ascii_digit())) => 1,
            Ok(items) => items.len(),
            Err(_) => 1,
        }
    }

    /// How many documents are to be ranked, and how many of them are wanted back.
    pub(super) fn documents(&self) -> (usize, usize) {
        let count = self.documents.as_ref().map_or(0, Vec::len);
        (count, self.top_n.unwrap_or(count).min(count))
    }

    /// The name of the first tool, if the configuration says to call one.
    pub(super) fn tool(&self, config: &MockConfig) -> Option<String> {
        if !config.tool {
            return None;
        }
        let first = self.tools.as_ref()?.first()?;
        let name = first.name.as_ref().or_else(|| first.function.as_ref()?.name.as_ref());
        name.map(|name| name.clone().into_owned())
    }

    /// Prompt tokens: as configured, or a quarter of the bytes of all text, at least one.
    pub(super) fn prompt_tokens(&self, config: &MockConfig) -> u64 {
        if let Some(tokens) = config.prompt_tokens {
            return tokens;
        }
        let size = |value: Option<&RawValue>| value.map_or(0, |value| value.get().len());
        let turns: usize = self.messages.iter().flatten().map(|turn| size(turn.content)).sum();
        let documents: usize = self.documents.iter().flatten().map(|document| document.get().len()).sum();
        let bytes = turns + documents + size(self.system) + size(self.prompt) + size(self.input) + size(self.instructions);
        (bytes as u64).div_ceil(4).max(1)
    }

    /// The last thing the user said, for the echo.
    pub(super) fn last_words(&self) -> String {
        if let Some(messages) = &self.messages {
            return last_user(messages);
        }
        let Some(value) = self.prompt.or(self.input) else { return String::new() };
        match serde_json::from_str::<Vec<Turn<'_>>>(value.get()) {
            Ok(items) => last_user(&items),
            Err(_) => text_of(value),
        }
    }
}

/// Percent-decoded; what is not UTF-8 afterwards is shown as such.
pub(super) fn unescaped(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn last_user(turns: &[Turn<'_>]) -> String {
    let last = turns.iter().rev().find(|turn| turn.role.as_deref() == Some("user")).or(turns.last());
    last.and_then(|turn| turn.content).map(text_of).unwrap_or_default()
}

/// The text of a content: a string, a list of parts with text in some, or a list of strings.
fn text_of(content: &RawValue) -> String {
    if let Ok(text) = serde_json::from_str::<Cow<'_, str>>(content.get()) {
        return text.into_owned();
    }
    if let Ok(parts) = serde_json::from_str::<Vec<Part<'_>>>(content.get()) {
        let texts: Vec<_> = parts.into_iter().filter_map(|part| part.text).collect();
        return texts.join(" ");
    }
    serde_json::from_str::<Vec<String>>(content.get()).map(|texts| texts.join(" ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_found_under_any_prefix() {
        let post = |path| Endpoint::of(&Method::POST, path);
        assert_eq!(post("/v1/chat/completions"), Endpoint::Chat);
        assert_eq!(post("/openai/deployments/x/chat/completions"), Endpoint::Chat);
        assert_eq!(post("/completions"), Endpoint::Completions);
        assert_eq!(post("/anthropic/v1/messages/count_tokens"), Endpoint::CountTokens);
        assert_eq!(post("/v1/messages/"), Endpoint::Messages);
        assert_eq!(Endpoint::of(&Method::GET, "/v1/models"), Endpoint::Models);
        assert_eq!(Endpoint::of(&Method::GET, "/v1/chat/completions"), Endpoint::Unknown);
    }

    #[test]
    fn the_last_words_are_the_last_users() {
        let read = |body: &str| Ask::read(body.as_bytes()).unwrap().last_words();
        assert_eq!(read(r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#), "a");
        assert_eq!(
            read(
                r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a\u00e9"},{"type":"image_url"},{"type":"text","text":"b"}]}]}"#
            ),
            "aé b"
        );
        assert_eq!(read(r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#), "hi");
        assert_eq!(read(r#"{"prompt":"say"}"#), "say");
        assert_eq!(read(r#"{"input":["x","y"]}"#), "x y");
        assert_eq!(read(r#"{"messages":[{"role":"user","content":null}]}"#), "");
    }

    #[test]
    fn a_model_may_be_in_the_path() {
        for (path, model, stream, dialect) in [
            ("/v1beta/models/gemini-3:generateContent", "gemini-3", false, Dialect::Gemini),
            ("/p/v1beta/models/a%2Fb:c:streamGenerateContent", "a/b:c", true, Dialect::Gemini),
            ("/model/anthropic.claude-v1%3A0/converse", "anthropic.claude-v1:0", false, Dialect::Bedrock),
            ("/model/arn:x%2Fy/converse-stream", "arn:x/y", true, Dialect::Bedrock),
        ] {
            let endpoint = Endpoint::of(&Method::POST, path);
            assert_eq!(endpoint.dialect(path, &HeaderMap::new()), dialect, "{path}");
            let ask = Ask::default().at(endpoint, dialect, path);
            assert_eq!((ask.model(), ask.stream()), (model, stream), "{path}");
        }
    }

    #[test]
    fn an_upload_has_its_model_in_a_field() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--";
        assert_eq!(Ask::of_form(body).model(), "whisper-1");
    }
}
