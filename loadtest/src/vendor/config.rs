//! How a mock vendor behaves: the defaults of an instance, and the `x-mock` text that changes them.
//!
//! Every option has the same name as its field, so `status=429;retry_after_s=2` in an `x-mock` header, in the body of
//! `POST /__config` and on the command line all mean `config.status = 429; config.retry_after_s = Some(2)`.

use std::{fmt, str::FromStr};

/// What a mock vendor does with each request.
#[derive(Debug, Clone)]
pub struct MockConfig {
    /// TCP port on 127.0.0.1; 0 lets the system choose. Read once, at start.
    pub port: u16,
    /// Keep one [`Record`](super::Record) for each request. The totals of the bill are counted either way.
    pub record: bool,
    /// Records kept before the oldest is forgotten.
    pub keep_records: usize,
    /// Bytes of each request body kept in its record.
    pub keep_body_bytes: usize,

    /// Time from the whole request to the head of the answer, in milliseconds.
    pub delay_ms: u64,
    /// Time between two text events of a stream, in milliseconds.
    pub interval_ms: u64,
    /// Answer with this many numbered tokens (`w0 w1 w2 …`) instead of the echo. A token is one text event of a stream.
    pub events: Option<usize>,
    /// Least size of each token, in bytes; shorter ones are padded.
    pub text_bytes: usize,
    /// Answer with filler text of this many bytes instead of the echo.
    pub answer_bytes: Option<usize>,
    /// Answer with this text instead of the echo.
    pub answer: Option<String>,
    /// Characters of each text event of a stream, wherever words end; 0 leaves words whole.
    pub cut_chars: usize,
    /// Write the time of sending into each numbered token (`w3@1700000000000000`, microseconds since 1970).
    pub stamp: bool,
    /// Cut what is written into pieces of this many bytes, each its own write; 0 leaves events whole.
    pub chunk_bytes: usize,
    /// Send all events of a stream in one write.
    pub burst: bool,
    /// Report usage. In OpenAI streams it is sent only when the request asks with `stream_options.include_usage`.
    pub usage: bool,
    /// Send the usage event in OpenAI streams though nobody asked.
    pub usage_unasked: bool,
    /// Prompt tokens reported and billed, cached ones included; by default a quarter of the prompt's bytes.
    pub prompt_tokens: Option<u64>,
    /// Completion tokens reported and, once an answer is complete, billed; by default one for each token sent.
    pub completion_tokens: Option<u64>,
    /// How many of the prompt tokens were read from the vendor's cache.
    pub cached_tokens: u64,
    /// How many of the prompt tokens were written to the vendor's cache (Anthropic and Bedrock only).
    pub cache_write_tokens: u64,
    /// How many of the completion tokens are reported as reasoning (OpenAI and Gemini only).
    pub reasoning_tokens: u64,
    /// Cut the answer at the request's token limit, with the finish reason for it.
    pub honour_max_tokens: bool,

    /// HTTP status; anything from 400 answers with the dialect's error body.
    pub status: u16,
    /// The `code` (OpenAI), `details.error_code` (Anthropic), reason (Gemini) or type (Bedrock) of errors, instead of the
    /// usual one.
    pub error_code: Option<String>,
    /// The message of errors, instead of the usual one.
    pub error_message: Option<String>,
    /// `retry-after` of errors, in seconds.
    pub retry_after_s: Option<u64>,
    /// Only the first N requests since start, `set` or `clear` fail (with `status`, or 500); later ones are answered.
    pub fail_first: u64,
    /// Drop the connection after this many bytes of the body.
    pub abort_after_bytes: Option<usize>,
    /// Never send the head of the answer.
    pub stall_headers: bool,
    /// Send this many text events and then nothing, with the connection open.
    pub stall_after_events: Option<usize>,
    /// Send this many text events and then an error event in the dialect's form.
    pub error_after_events: Option<usize>,
    /// Answer with an HTML page, as a proxy in front of a vendor does.
    pub html: bool,
    /// Answer with bytes that are neither JSON nor an event stream.
    pub garbage: bool,
    /// Call the request's first tool, if it has any, instead of answering with text.
    pub tool: bool,
    /// The arguments of that call: JSON text.
    pub tool_arguments: String,
    /// Ask for tools in this many turns of a conversation before the answer: two at once, then one, then one without
    /// arguments, each after a thought if the request wants thoughts. The answer tells every result.
    pub agent: usize,
    /// Mix the fragments of parallel calls (OpenAI streams of agents only).
    pub tangled: bool,
    /// Refuse what the real vendor would refuse. Gemini and Bedrock always do, agents too.
    pub strict: bool,
    /// Whether each turn with calls must (`1`) or must not (`0`) come back with its `reasoning_content` (OpenAI, strict).
    pub reasoning_back: Option<bool>,
    /// The ids of `GET …/models`.
    pub models: Vec<String>,
}

/// Why an `x-mock` text was not understood; it says which part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOption(String);

impl Default for MockConfig {
    fn default() -> Self {
        Self {
            port: 0,
            record: true,
            keep_records: 10_000,
            keep_body_bytes: 1024 * 1024,
            delay_ms: 0,
            interval_ms: 0,
            events: None,
            text_bytes: 0,
            answer_bytes: None,
            answer: None,
            cut_chars: 0,
            stamp: false,
            chunk_bytes: 0,
            burst: false,
            usage: true,
            usage_unasked: false,
            prompt_tokens: None,
            completion_tokens: None,
            cached_tokens: 0,
            cache_write_tokens: 0,
            reasoning_tokens: 0,
            honour_max_tokens: true,
            status: 200,
            error_code: None,
            error_message: None,
            retry_after_s: None,
            fail_first: 0,
            abort_after_bytes: None,
            stall_headers: false,
            stall_after_events: None,
            error_after_events: None,
            html: false,
            garbage: false,
            tool: false,
            tool_arguments: r#"{"city":"Paris","unit":"celsius"}"#.to_owned(),
            agent: 0,
            tangled: false,
            strict: false,
            reasoning_back: None,
            models: ["gpt-4o", "gpt-4o-mini", "text-embedding-3-small", "claude-sonnet-4-5"].map(str::to_owned).to_vec(),
        }
    }
}

impl MockConfig {
    /// Applies `key=value;key=value`. A key alone means `key=1`; an empty value of an optional field clears it; the key
    /// `reset` alone returns every behaviour to its default.
    pub fn apply(&mut self, text: &str) -> Result<(), BadOption> {
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').map_or((part, "1"), |(key, value)| (key.trim(), value.trim()));
            self.apply_one(key, value).ok_or_else(|| BadOption(part.to_owned()))?;
        }
        Ok(())
    }

    fn apply_one(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "reset" => {
                *self = Self {
                    port: self.port,
                    record: self.record,
                    keep_records: self.keep_records,
                    keep_body_bytes: self.keep_body_bytes,
                    ..Self::default()
                };
            }
            "record" => self.record = flag(value)?,
            "delay_ms" => self.delay_ms = number(value)?,
            "interval_ms" => self.interval_ms = number(value)?,
            "events" => self.events = optional(value)?,
            "text_bytes" => self.text_bytes = number(value)?,
            "answer_bytes" => self.answer_bytes = optional(value)?,
            "answer" => self.answer = optional(value)?,
            "cut_chars" => self.cut_chars = number(value)?,
            "stamp" => self.stamp = flag(value)?,
            "chunk_bytes" => self.chunk_bytes = number(value)?,
            "burst" => self.burst = flag(value)?,
            "usage" => self.usage = flag(value)?,
            "usage_unasked" => self.usage_unasked = flag(value)?,
            "prompt_tokens" => self.prompt_tokens = optional(value)?,
            "completion_tokens" => self.completion_tokens = optional(value)?,
            "cached_tokens" => self.cached_tokens = number(value)?,
            "cache_write_tokens" => self.cache_write_tokens = number(value)?,
            "reasoning_tokens" => self.reasoning_tokens = number(value)?,
            "honour_max_tokens" => self.honour_max_tokens = flag(value)?,
            "status" => self.status = number(value)?,
            "error_code" => self.error_code = optional(value)?,
            "error_message" => self.error_message = optional(value)?,
            "retry_after_s" => self.retry_after_s = optional(value)?,
            "fail_first" => self.fail_first = number(value)?,
            "abort_after_bytes" => self.abort_after_bytes = optional(value)?,
            "stall_headers" => self.stall_headers = flag(value)?,
            "stall_after_events" => self.stall_after_events = optional(value)?,
            "error_after_events" => self.error_after_events = optional(value)?,
            "html" => self.html = flag(value)?,
            "garbage" => self.garbage = flag(value)?,
            "tool" => self.tool = flag(value)?,
            "tool_arguments" => self.tool_arguments = value.to_owned(),
            "agent" => self.agent = number(value)?,
            "tangled" => self.tangled = flag(value)?,
            "strict" => self.strict = flag(value)?,
            "reasoning_back" => self.reasoning_back = if value.is_empty() { None } else { Some(flag(value)?) },
            "models" => self.models = value.split(',').map(|id| id.trim().to_owned()).collect(),
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for BadOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown mock option or value {:?}; options are the fields of MockConfig, as key=value;key=value", self.0)
    }
}

impl std::error::Error for BadOption {}

fn number<T: FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

fn optional<T: FromStr>(value: &str) -> Option<Option<T>> {
    if value.is_empty() { Some(None) } else { value.parse().ok().map(Some) }
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "1" | "true" | "on" | "yes" => Some(true),
        "0" | "false" | "off" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_the_names_of_their_fields() {
        let mut config = MockConfig::default();
        config.apply("status=429; retry_after_s=2;burst;usage=off;events=7").unwrap();
        assert_eq!((config.status, config.retry_after_s, config.burst, config.usage, config.events), (429, Some(2), true, false, Some(7)));
        config.apply("events=;reset").unwrap();
        assert_eq!((config.status, config.events, config.burst), (200, None, false));
    }

    #[test]
    fn an_unknown_option_is_named() {
        let error = MockConfig::default().apply("delay_ms=5;colour=red").unwrap_err();
        assert!(error.to_string().contains("colour=red"), "{error}");
        assert!(MockConfig::default().apply("delay_ms=soon").is_err());
    }
}
