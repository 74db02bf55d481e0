//! The script of an answer: a head and the pieces of its body, written before the first byte is sent.
//!
//! Dialects write scripts; `reel` plays them with the configured delays. Nothing here waits or counts.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use http::HeaderValue;

use super::{ask::Ask, config::MockConfig};

/// Words of filler text, longer ones between shorter ones, as in prose.
const FILLER: [&str; 12] =
    ["the", "gateway", "carries", "every", "request", "to", "its", "vendor", "and", "counts", "what", "passes"];

/// Where the time of sending goes in a stamped token, and how many digits it has.
pub(super) const STAMP: &[u8] = b"@0000000000000000";

/// What is said back to one request.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) status: u16,
    pub(super) content_type: HeaderValue,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Pieces,
    pub(super) prompt_tokens: u64,
    /// Replaces the count of tokens written once the answer is complete.
    pub(super) billed: Option<u64>,
}

#[derive(Debug)]
pub(super) enum Pieces {
    /// One body with a length.
    Whole { bytes: Bytes, tokens: u64 },
    /// A stream of events.
    Stream(Vec<Piece>),
}

/// One event of a stream.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    /// Completion tokens in it: 1 for a text event, else 0.
    pub(super) tokens: u64,
    /// It holds [`STAMP`], to be filled in when it is sent.
    pub(super) stamped: bool,
}

/// The text of an answer in tokens, already cut at the request's limit.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) tokens: Vec<String>,
    /// The limit cut it.
    pub(super) cut: bool,
    pub(super) stamped: bool,
}

/// Usage as reported, in the terms of OpenAI: the prompt includes what came from the cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) prompt: u64,
    pub(super) completion: u64,
    pub(super) cached: u64,
    pub(super) cache_write: u64,
    pub(super) reasoning: u64,
}

/// Collects events in one buffer, so that a stream of a hundred costs a few allocations.
#[derive(Debug, Default)]
pub(super) struct Events {
    buffer: BytesMut,
    pieces: Vec<Piece>,
}

impl Script {
    pub(super) fn json(bytes: impl Into<Bytes>, prompt_tokens: u64, tokens: u64) -> Self {
        Self {
            status: 200,
            content_type: HeaderValue::from_static("application/json"),
            headers: Vec::new(),
            body: Pieces::Whole { bytes: bytes.into(), tokens },
            prompt_tokens,
            billed: None,
        }
    }

    pub(super) fn stream(events: Events, prompt_tokens: u64) -> Self {
        Self {
            status: 200,
            content_type: HeaderValue::from_static("text/event-stream; charset=utf-8"),
            headers: vec![("cache-control", "no-cache".to_owned())],
            body: Pieces::Stream(events.pieces),
            prompt_tokens,
            billed: None,
        }
    }

    pub(super) fn of_type(mut self, content_type: &'static str) -> Self {
        self.content_type = HeaderValue::from_static(content_type);
        self
    }
}

impl Events {
    /// Adds what `write` appends as one event of `tokens` completion tokens.
    pub(super) fn push(&mut self, tokens: u64, stamped: bool, write: impl FnOnce(&mut BytesMut)) {
        write(&mut self.buffer);
        self.pieces.push(Piece { bytes: self.buffer.split().freeze(), tokens, stamped });
    }

    pub(super) fn with_capacity(events: usize, bytes: usize) -> Self {
        Self { buffer: BytesMut::with_capacity(bytes), pieces: Vec::with_capacity(events) }
    }
}

impl Text {
    pub(super) fn of(ask: &Ask<'_>, config: &MockConfig) -> Self {
        let mut tokens = match (config.events, config.answer_bytes, &config.answer) {
            (Some(count), _, _) => (0..count).map(|i| numbered(i, config)).collect(),
            (None, Some(size), _) => words(&filler(size)),
            (None, None, Some(answer)) => words(answer),
            (None, None, None) => words(&echo(ask)),
        };
        if config.text_bytes > 0 {
            tokens.iter_mut().for_each(|token| pad(token, config.text_bytes));
        }
        let limit = ask.max_tokens().filter(|_| config.honour_max_tokens).map_or(usize::MAX, |limit| limit as usize);
        let cut = tokens.len() > limit;
        tokens.truncate(limit);
        Self { tokens, cut, stamped: config.stamp && config.events.is_some() && !config.burst }
    }

    pub(super) fn whole(&self) -> String {
        self.tokens.concat()
    }

    pub(super) fn count(&self) -> u64 {
        self.tokens.len() as u64
    }
}

impl Usage {
    pub(super) fn of(ask: &Ask<'_>, config: &MockConfig, tokens: u64) -> Self {
        Self {
            prompt: ask.prompt_tokens(config),
            completion: config.completion_tokens.unwrap_or(tokens),
            cached: config.cached_tokens,
            cache_write: config.cache_write_tokens,
            reasoning: config.reasoning_tokens,
        }
    }
}

/// Seconds since 1970, for `created`.
pub(super) fn created() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs())
}

/// The text as the inside of a JSON string.
pub(super) fn escaped(text: &str) -> String {
    // A string always serialises; should that ever change, an empty text shows in every test.
    let mut quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.pop();
    if !quoted.is_empty() {
        quoted.remove(0);
    }
    quoted
}

fn echo(ask: &Ask<'_>) -> String {
    let said = ask.last_words();
    if said.trim().is_empty() { "You said nothing.".to_owned() } else { said }
}

fn numbered(i: usize, config: &MockConfig) -> String {
    let space = if i == 0 { "" } else { " " };
    let stamp = if config.stamp { std::str::from_utf8(STAMP).unwrap_or_default() } else { "" };
    format!("{space}w{i}{stamp}")
}

fn filler(size: usize) -> String {
    let mut text = String::with_capacity(size + 16);
    for word in FILLER.iter().cycle() {
        if text.len() >= size {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.truncate(size);
    text
}

/// Cut before each space that follows a word, so that the tokens put together are the text again.
fn words(text: &str) -> Vec<String> {
    let mut tokens = Vec::with_capacity(text.len() / 5 + 1);
    let mut start = 0;
    let mut after_word = false;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() && after_word {
            tokens.push(text[start..at].to_owned());
            start = at;
        }
        after_word = !c.is_whitespace();
    }
    if start < text.len() {
        tokens.push(text[start..].to_owned());
    }
    tokens
}

fn pad(token: &mut String, size: usize) {
    while token.len() < size {
        token.push('.');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_put_together_are_the_text() {
        for text in ["", "one", "one two", "  lead", "trail  ", "a\n b\t c", "é à 日本 語"] {
            assert_eq!(words(text).concat(), text);
        }
        assert_eq!(words("Hello big  world"), ["Hello", " big", "  world"]);
    }

    #[test]
    fn filler_has_the_size_asked_for() {
        for size in [0, 1, 3, 100, 1024] {
            assert_eq!(filler(size).len(), size);
        }
    }

    #[test]
    fn the_limit_cuts_and_says_so() {
        let ask = Ask::read(br#"{"max_tokens":2,"messages":[{"role":"user","content":"a b c"}]}"#).unwrap();
        let text = Text::of(&ask, &MockConfig::default());
        assert_eq!((text.whole().as_str(), text.cut), ("a b", true));
        let text = Text::of(&ask, &MockConfig { honour_max_tokens: false, ..MockConfig::default() });
        assert_eq!((text.whole().as_str(), text.cut), ("a b c", false));
    }

    #[test]
    fn text_is_escaped_for_json() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
        assert_eq!(escaped(""), "");
    }
}
