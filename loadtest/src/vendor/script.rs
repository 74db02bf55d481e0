//! The script of an answer: a head and the pieces of its body, written before the first byte is sent.
//!
//! Dialects write scripts; `reel` plays them with the configured delays. Nothing here waits or counts.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use http::HeaderValue;

use super::{ask::Ask, config::MockConfig};
use crate::filler::filler;

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
    text: String,
    /// Where each token ends in `text`.
    ends: Vec<usize>,
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

    /// The events as one body, for forms that are no event stream.
    pub(super) fn pieces(events: Events, content_type: &'static str, prompt_tokens: u64) -> Self {
        Self { headers: Vec::new(), ..Self::stream(events, prompt_tokens) }.of_type(content_type)
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
        let text = match (config.events, config.answer_bytes, &config.answer) {
            (Some(count), _, _) => return Self::numbered(count, ask, config),
            (None, Some(size), _) => filler(size),
            (None, None, Some(answer)) => answer.clone(),
            (None, None, None) => echo(ask),
        };
        let ends = if config.cut_chars > 0 { cuts(&text, config.cut_chars) } else { word_ends(&text) };
        let text = Self { text, ends, cut: false, stamped: false };
        if config.text_bytes > 0 { text.padded(config.text_bytes) } else { text }.limited(ask, config)
    }

    /// This text, cut at the request's limit.
    pub(super) fn said(text: String, ask: &Ask<'_>, config: &MockConfig) -> Self {
        let ends = word_ends(&text);
        Self { text, ends, cut: false, stamped: false }.limited(ask, config)
    }

    pub(super) fn whole(&self) -> &str {
        &self.text
    }

    pub(super) fn count(&self) -> u64 {
        self.ends.len() as u64
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }

    fn numbered(count: usize, ask: &Ask<'_>, config: &MockConfig) -> Self {
        let stamp = if config.stamp { std::str::from_utf8(STAMP).unwrap_or_default() } else { "" };
        let mut numbered = Self { text: String::new(), ends: Vec::with_capacity(count), cut: false, stamped: false };
        for i in 0..count {
            let space = if i == 0 { "" } else { " " };
            numbered.push(&format!("{space}w{i}{stamp}"), config.text_bytes);
        }
        // In a burst all events share one write, and one time.
        numbered.stamped = config.stamp && !config.burst;
        numbered.limited(ask, config)
    }

    fn push(&mut self, token: &str, least_bytes: usize) {
        self.text.push_str(token);
        self.text.extend(std::iter::repeat_n('.', least_bytes.saturating_sub(token.len())));
        self.ends.push(self.text.len());
    }

    fn padded(&self, least_bytes: usize) -> Self {
        let mut padded = Self { text: String::new(), ends: Vec::new(), cut: false, stamped: false };
        self.tokens().for_each(|token| padded.push(token, least_bytes));
        padded
    }

    fn limited(mut self, ask: &Ask<'_>, config: &MockConfig) -> Self {
        let Some(limit) = ask.max_tokens().filter(|_| config.honour_max_tokens) else { return self };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if self.ends.len() > limit {
            self.cut = true;
            self.ends.truncate(limit);
            self.text.truncate(self.ends.last().copied().unwrap_or(0));
        }
        self
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

/// Where pieces of this many characters end.
fn cuts(text: &str, chars: usize) -> Vec<usize> {
    let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(chars).skip(1).collect();
    if !text.is_empty() {
        ends.push(text.len());
    }
    ends
}

/// A token ends before each space that follows a word, so that the tokens put together are the text again.
fn word_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::with_capacity(text.len() / 5 + 1);
    let mut after_word = false;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() && after_word {
            ends.push(at);
        }
        after_word = !c.is_whitespace();
    }
    if !text.is_empty() {
        ends.push(text.len());
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echoed(text: &str, config: &MockConfig) -> Text {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#, escaped(text));
        Text::of(&Ask::read(body.as_bytes()).unwrap(), config)
    }

    #[test]
    fn tokens_put_together_are_the_text() {
        for said in ["one", "one two", "  lead", "trail  ", "a\n b\t c", "é à 日本 語"] {
            let text = echoed(said, &MockConfig::default());
            assert_eq!(text.tokens().collect::<String>(), said);
        }
        let text = echoed("Hello big  world", &MockConfig::default());
        assert_eq!(text.tokens().collect::<Vec<_>>(), ["Hello", " big", "  world"]);
    }

    #[test]
    fn tokens_are_numbered_and_padded() {
        let config = MockConfig { events: Some(3), text_bytes: 6, ..MockConfig::default() };
        assert_eq!(echoed("x", &config).tokens().collect::<Vec<_>>(), ["w0....", " w1...", " w2..."]);
    }

    #[test]
    fn the_limit_cuts_and_says_so() {
        let ask = Ask::read(br#"{"max_tokens":2,"messages":[{"role":"user","content":"a b c"}]}"#).unwrap();
        let text = Text::of(&ask, &MockConfig::default());
        assert_eq!((text.whole(), text.cut), ("a b", true));
        let text = Text::of(&ask, &MockConfig { honour_max_tokens: false, ..MockConfig::default() });
        assert_eq!((text.whole(), text.cut), ("a b c", false));
    }

    #[test]
    fn text_is_escaped_for_json() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
        assert_eq!(escaped(""), "");
    }
}
