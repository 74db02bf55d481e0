//! One checking pass over a JSON body: is it sound, and what do its top-level fields say. Start at [`outline`].

use super::fields::{Field, GenerationConfig, MaxField, StreamOptions};
pub use super::{fields::Outline, malformed::Malformed};
use crate::json::skip::Scanner;
use crate::json::text::Scanned;
use crate::json::unquote;

/// Checks `body` as a whole and outlines its outermost object.
///
/// # Errors
///
/// When the body is not one sound JSON object, nests too deeply, names a field we rely on twice, or gives it the wrong type.
pub fn outline(body: &[u8]) -> Result<Outline, Malformed> {
    let mut s = Scanner::new(body);
    s.blanks();
    match s.peek() {
        Some(b'{') => s.at += 1,
        Some(b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            s.value(0)?;
            s.end()?;
            return Err(Malformed::NotObject);
        }
        Some(_) => return Err(s.flaw("expected `{`").into()),
        None => return Err(s.flaw("empty body").into()),
    }
    let mut o = Outline { top_open: s.at, ..Outline::default() };
    s.blanks();
    if s.peek() == Some(b'}') {
        o.empty = true;
        s.at += 1;
        s.end()?;
        return Ok(o);
    }
    let mut seen = 0u32;
    let mut comma = None;
    loop {
        s.blanks();
        let member_at = s.at;
        s.with_keys = false;
        let key = s.key()?;
        s.blanks();
        if let Some(known) = Known::of(body, &key) {
            let bit = 1 << known as u32;
            if seen & bit != 0 && !known.may_repeat() {
                return Err(Malformed::Duplicate { field: known.name(), at: member_at });
            }
            seen |= bit;
            member(&mut s, &mut o, known)?;
        } else {
            s.value(1)?;
        }
        let value_end = s.at;
        s.blanks();
        let next = s.peek();
        if let Some(options) = o.stream_options.as_mut().filter(|options| options.span.end == value_end) {
            options.cut = match (next, comma) {
                (Some(b','), _) => member_at..s.at + 1,
                (_, Some(comma)) => comma..value_end,
                (_, None) => member_at..value_end,
            };
        }
        match next {
            Some(b',') => {
                comma = Some(s.at);
                s.at += 1;
            }
            Some(b'}') => {
                s.at += 1;
                break;
            }
            Some(_) => return Err(s.flaw("expected `,` or `}`").into()),
            None => return Err(s.flaw("unfinished document").into()),
        }
    }
    s.end()?;
    o.text = s.tally.text;
    o.media = s.tally.media_parts.max(s.tally.blobs);
    o.documents = s.tally.documents;
    o.inlined = s.tally.blobs;
    o.media_bytes = s.tally.blob_bytes;
    o.file_uris = s.tally.file_uris;
    o.films = s.tally.films;
    Ok(o)
}

/// The top-level fields that are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Model,
    Stream,
    StreamOptions,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    MaxTokensToSample,
    N,
    BestOf,
    ServiceTier,
    Metadata,
    User,
    Store,
    Background,
    PreviousResponse,
    Conversation,
    Messages,
    Input,
    Prompt,
    Tools,
    Functions,
    ResponseFormat,
    GenerationConfig,
    Contents,
    CachedContent,
}

impl Known {
    fn of(body: &[u8], key: &Scanned) -> Option<Self> {
        let raw = body.get(key.start..key.end)?;
        if !key.escaped {
            return Self::named(raw);
        }
        // `mod\u0065l` is `model` to the upstream's parser, so it is to ours.
        let name = unquote(body.get(key.start - 1..=key.end)?)?;
        Self::named(name.as_bytes())
    }

    const fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"model" => Self::Model,
            b"stream" => Self::Stream,
            b"stream_options" => Self::StreamOptions,
            b"max_tokens" => Self::MaxTokens,
            b"max_completion_tokens" => Self::MaxCompletionTokens,
            b"max_output_tokens" => Self::MaxOutputTokens,
            b"max_tokens_to_sample" => Self::MaxTokensToSample,
            b"n" => Self::N,
            b"best_of" => Self::BestOf,
            b"service_tier" => Self::ServiceTier,
            b"metadata" => Self::Metadata,
            b"user" => Self::User,
            b"store" => Self::Store,
            b"background" => Self::Background,
            b"previous_response_id" => Self::PreviousResponse,
            b"conversation" => Self::Conversation,
            b"messages" => Self::Messages,
            b"input" => Self::Input,
            b"prompt" => Self::Prompt,
            b"tools" => Self::Tools,
            b"functions" => Self::Functions,
            b"response_format" => Self::ResponseFormat,
            b"generationConfig" | b"generation_config" => Self::GenerationConfig,
            b"contents" => Self::Contents,
            b"cachedContent" | b"cached_content" => Self::CachedContent,
            _ => return None,
        })
    }

    /// Labels for reports, on which nothing depends: said twice, the last one counts.
    const fn may_repeat(self) -> bool {
        matches!(self, Self::Metadata | Self::User)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Stream => "stream",
            Self::StreamOptions => "stream_options",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::MaxTokensToSample => "max_tokens_to_sample",
            Self::N => "n",
            Self::BestOf => "best_of",
            Self::ServiceTier => "service_tier",
            Self::Metadata => "metadata",
            Self::User => "user",
            Self::Store => "store",
            Self::Background => "background",
            Self::PreviousResponse => "previous_response_id",
            Self::Conversation => "conversation",
            Self::Messages => "messages",
            Self::Input => "input",
            Self::Prompt => "prompt",
            Self::Tools => "tools",
            Self::Functions => "functions",
            Self::ResponseFormat => "response_format",
            Self::GenerationConfig => "generationConfig",
            Self::Contents => "contents",
            Self::CachedContent => "cachedContent",
        }
    }
}

fn member(s: &mut Scanner<'_>, o: &mut Outline, known: Known) -> Result<(), Malformed> {
    match known {
        Known::Model => {
            let field = text(s, "model", "a string")?;
            o.model = Some(field.ok_or(Malformed::WrongType { field: "model", expected: "a string", at: s.at })?);
        }
        Known::Stream => o.stream = boolean(s, "stream")?,
        Known::StreamOptions => o.stream_options = Some(stream_options(s)?),
        Known::MaxTokens => limit(s, o, MaxField::Tokens)?,
        Known::MaxCompletionTokens => limit(s, o, MaxField::CompletionTokens)?,
        Known::MaxOutputTokens => limit(s, o, MaxField::OutputTokens)?,
        Known::MaxTokensToSample => limit(s, o, MaxField::TokensToSample)?,
        Known::N => o.n = count(s, "n")?.value,
        Known::BestOf => o.best_of = count(s, "best_of")?.value,
        Known::ServiceTier => o.service_tier = text(s, "service_tier", "a string or null")?.map(|f| f.value),
        Known::Metadata | Known::User => {
            let start = s.at;
            s.value(1)?;
            let place = if known == Known::User { &mut o.user } else { &mut o.metadata };
            *place = Some(start..s.at);
        }
        Known::Store => o.store = boolean(s, "store")?.map(|f| f.value),
        Known::Background => o.background = boolean(s, "background")?.map(|f| f.value),
        Known::GenerationConfig => o.generation = Some(generation(s)?),
        Known::Contents => o.messages = o.messages.max(s.value(1)?),
        Known::PreviousResponse | Known::Conversation | Known::CachedContent => {
            o.previous_response |= s.peek() != Some(b'n');
            s.value(1)?;
        }
        Known::Messages => o.messages = s.value(1)?,
        Known::Input | Known::Prompt => {
            // `"prompt": {"id": …}` names a text that the vendor keeps.
            o.previous_response |= known == Known::Prompt && s.peek() == Some(b'{');
            let before = s.tally.numbers;
            let elements = s.value(1)?;
            o.token_ids += s.tally.numbers - before;
            if known == Known::Input {
                o.messages = o.messages.max(elements);
            }
        }
        Known::Tools => {
            s.with_keys = true;
            o.tools = s.value(1)?;
        }
        Known::Functions | Known::ResponseFormat => {
            s.with_keys = true;
            s.value(1)?;
        }
    }
    Ok(())
}

fn limit(s: &mut Scanner<'_>, o: &mut Outline, field: MaxField) -> Result<(), Malformed> {
    *o.max.slot(field) = Some(count(s, field.name())?);
    Ok(())
}

fn text(s: &mut Scanner<'_>, field: &'static str, expected: &'static str) -> Result<Option<Field<String>>, Malformed> {
    let start = s.at;
    match s.peek() {
        Some(b'"') => {
            let scanned = s.string()?;
            let token = s.bytes.get(start..s.at).unwrap_or_default();
            let value = if scanned.escaped {
                // The grammar allows lone halves of surrogate pairs; a name made of them is no text.
                unquote(token).ok_or(Malformed::WrongType { field, expected, at: start })?
            } else {
                String::from_utf8_lossy(s.bytes.get(scanned.start..scanned.end).unwrap_or_default()).into_owned()
            };
            Ok(Some(Field { span: start..s.at, value }))
        }
        Some(b'n') if field != "model" => {
            s.word(b"null")?;
            Ok(None)
        }
        _ => Err(wrong(s, field, expected)),
    }
}

fn boolean(s: &mut Scanner<'_>, field: &'static str) -> Result<Option<Field<bool>>, Malformed> {
    let start = s.at;
    let value = match s.peek() {
        Some(b't') => {
            s.word(b"true")?;
            true
        }
        Some(b'f') => {
            s.word(b"false")?;
            false
        }
        Some(b'n') => {
            s.word(b"null")?;
            return Ok(None);
        }
        _ => return Err(wrong(s, field, "a boolean or null")),
    };
    Ok(Some(Field { span: start..s.at, value }))
}

fn count(s: &mut Scanner<'_>, field: &'static str) -> Result<Field<Option<u64>>, Malformed> {
    let start = s.at;
    if s.peek() == Some(b'n') {
        s.word(b"null")?;
        return Ok(Field { span: start..s.at, value: None });
    }
    let expected = "a non-negative integer or null";
    if !matches!(s.peek(), Some(b'-' | b'0'..=b'9')) {
        return Err(wrong(s, field, expected));
    }
    s.number()?;
    let digits = s.bytes.get(start..s.at).unwrap_or_default();
    let value = std::str::from_utf8(digits).ok().and_then(|d| d.parse::<u64>().ok());
    match value {
        Some(value) => Ok(Field { span: start..s.at, value: Some(value) }),
        None => Err(Malformed::WrongType { field, expected, at: start }),
    }
}

fn stream_options(s: &mut Scanner<'_>) -> Result<StreamOptions, Malformed> {
    let start = s.at;
    let mut found = StreamOptions { span: start..start, cut: start..start, open: None, empty: true, include_usage: None };
    match s.peek() {
        Some(b'n') => s.word(b"null")?,
        Some(b'{') => {
            s.at += 1;
            found.open = Some(s.at);
            s.blanks();
            found.empty = s.peek() == Some(b'}');
            if found.empty {
                s.at += 1;
            } else {
                options_members(s, &mut found)?;
            }
        }
        _ => return Err(wrong(s, "stream_options", "an object or null")),
    }
    found.span.end = s.at;
    Ok(found)
}

fn options_members(s: &mut Scanner<'_>, found: &mut StreamOptions) -> Result<(), Malformed> {
    let field = "stream_options.include_usage";
    loop {
        s.blanks();
        let at = s.at;
        let key = s.key()?;
        let ours = if key.escaped {
            unquote(s.bytes.get(at..=key.end).unwrap_or_default()).is_some_and(|k| k == "include_usage")
        } else {
            s.bytes.get(key.start..key.end) == Some(b"include_usage")
        };
        s.blanks();
        if ours {
            if found.include_usage.is_some() {
                return Err(Malformed::Duplicate { field, at });
            }
            let start = s.at;
            let value = boolean(s, field)?.is_some_and(|f| f.value);
            found.include_usage = Some(Field { span: start..s.at, value });
        } else {
            s.value(2)?;
        }
        s.blanks();
        match s.peek() {
            Some(b',') => s.at += 1,
            Some(b'}') => {
                s.at += 1;
                return Ok(());
            }
            _ => return Err(s.flaw("expected `,` or `}`").into()),
        }
    }
}

/// Gemini's bounds. Any other member may be anything, and null.
fn generation(s: &mut Scanner<'_>) -> Result<GenerationConfig, Malformed> {
    let mut found = GenerationConfig { empty: true, ..GenerationConfig::default() };
    let start = s.at;
    match s.peek() {
        Some(b'n') => {
            s.word(b"null")?;
            found.null = Some(start..s.at);
        }
        Some(b'{') => {
            s.at += 1;
            found.open = Some(s.at);
            s.blanks();
            if s.peek() == Some(b'}') {
                s.at += 1;
            } else {
                found.empty = false;
                generation_members(s, &mut found)?;
            }
        }
        _ => return Err(wrong(s, "generationConfig", "an object or null")),
    }
    Ok(found)
}

fn generation_members(s: &mut Scanner<'_>, found: &mut GenerationConfig) -> Result<(), Malformed> {
    loop {
        s.blanks();
        let at = s.at;
        let key = s.key()?;
        let name = unquote(s.bytes.get(key.start - 1..=key.end).unwrap_or_default()).unwrap_or_default();
        s.blanks();
        match name.as_str() {
            "maxOutputTokens" | "max_output_tokens" => {
                let field = "generationConfig.maxOutputTokens";
                if found.max.is_some() {
                    return Err(Malformed::Duplicate { field, at });
                }
                found.max = Some(count(s, field)?);
            }
            // Said twice, the larger one counts: which of them a vendor obeys is its affair.
            "candidateCount" | "candidate_count" => {
                found.answers = found.answers.max(count(s, "generationConfig.candidateCount")?.value);
            }
            _ => {
                s.value(2)?;
            }
        }
        s.blanks();
        match s.peek() {
            Some(b',') => s.at += 1,
            Some(b'}') => {
                s.at += 1;
                return Ok(());
            }
            _ => return Err(s.flaw("expected `,` or `}`").into()),
        }
    }
}

/// A wrong type, unless the value is not even JSON.
fn wrong(s: &mut Scanner<'_>, field: &'static str, expected: &'static str) -> Malformed {
    let at = s.at;
    match s.value(1) {
        Ok(_) => Malformed::WrongType { field, expected, at },
        Err(flaw) => flaw.into(),
    }
}

#[cfg(test)]
mod tests;
