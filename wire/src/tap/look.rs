//! Which members of an event or answer matter, by dialect and operation. One walk, nothing parsed.
//!
//! Source: protocol specification §1.2, §1.3, §2.2, §2.3, §5 and §8, and recorded streams.

use fluxa_domain::dialect::{Dialect, Op};

use crate::count::TextCount;
use crate::json::walk::{Place, Visit, Want, contents, count_token, elements};

/// The families of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    /// `choices`: chat and completions.
    Chat,
    /// `response.*` events and `output` items.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// Gemini's `candidates`.
    Gemini,
    /// Bedrock's Converse.
    Converse,
    /// Embeddings, rerank, images, sounds and what else there is.
    Other,
}

impl Flavor {
    pub(crate) const fn of(dialect: Dialect, op: Op) -> Self {
        match (dialect, op) {
            // What a vendor's own dialect says does not depend on what the client asked for.
            (Dialect::Bedrock, _) => Self::Converse,
            (Dialect::Gemini, _) => Self::Gemini,
            (Dialect::Anthropic, op) if op.generates_text() => Self::Messages,
            (_, Op::Chat | Op::Completions) => Self::Chat,
            (_, Op::Responses) => Self::Responses,
            (Dialect::OpenAi, Op::Messages) => Self::Messages,
            _ => Self::Other,
        }
    }
}

/// What one walk found. Slices are tokens as written.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    flavor: Flavor,
    whole: bool,
    /// The type of the event, from the `event:` line or the `type` member.
    pub(crate) kind: &'a [u8],
    pub(crate) usage: Option<&'a [u8]>,
    /// How trusted the place of `usage` is: the top level beats nested copies.
    usage_rank: u8,
    pub(crate) error: Option<&'a [u8]>,
    pub(crate) model: Option<&'a [u8]>,
    pub(crate) finish: Option<&'a [u8]>,
    /// Members met below `choices`; nothing where there is no `choices`.
    pub(crate) choices: Option<u32>,
    pub(crate) text: TextCount,
    /// A second copy of reasoning (`reasoning_details`), counted only where there is no first.
    pub(crate) other_text: TextCount,
    pub(crate) tool: bool,
    pub(crate) sequence: Option<&'a [u8]>,
    pub(crate) base_status: Option<&'a [u8]>,
    pub(crate) code: Option<&'a [u8]>,
    pub(crate) sid: bool,
    pub(crate) images: u64,
    /// A member was met that every answer of this family has.
    pub(crate) envelope: bool,
    /// What only counts in some kinds of event; the kind may be written after it. See [`Look::settle`].
    pending: Pending<'a>,
}

/// Found, but not yet judged.
#[derive(Debug, Default)]
struct Pending<'a> {
    delta: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    call: bool,
    images: u64,
}

impl<'a> Look<'a> {
    pub(crate) fn stream(flavor: Flavor, name: &'a [u8]) -> Self {
        Self {
            flavor,
            whole: false,
            kind: name,
            usage: None,
            usage_rank: 0,
            error: None,
            model: None,
            finish: None,
            choices: None,
            text: TextCount::default(),
            other_text: TextCount::default(),
            tool: false,
            sequence: None,
            base_status: None,
            code: None,
            sid: false,
            images: 0,
            envelope: false,
            pending: Pending::default(),
        }
    }

    pub(crate) fn whole(flavor: Flavor) -> Self {
        Self { whole: true, ..Self::stream(flavor, b"") }
    }

    /// Ends the walk: judges what depends on the kind, now that it is known wherever it stood.
    pub(crate) fn settle(&mut self) {
        // Sound and images also come as deltas, of base64.
        let delta = self.flavor != Flavor::Responses || (self.kind.ends_with(b".delta") && !self.kind.ends_with(b"audio.delta"));
        if let Some(raw) = self.pending.delta.filter(|_| delta) {
            self.note_text(raw);
        }
        if self.kind == b"response.output_item.added" {
            self.tool |= self.pending.call;
            if let Some(raw) = self.pending.name {
                self.note_text(raw);
            }
        }
        // Streams of images send drafts first; only the finished image counts.
        if self.kind.ends_with(b".completed") {
            self.images += self.pending.images;
        }
    }

    fn note_usage(&mut self, raw: &'a [u8], rank: u8) {
        if raw.starts_with(b"{") && rank >= self.usage_rank {
            self.usage = Some(raw);
            self.usage_rank = rank;
        }
    }

    fn note_text(&mut self, raw: &[u8]) {
        self.text.add(count_token(raw));
    }

    fn note_finish(&mut self, raw: &'a [u8]) {
        if !contents(raw).is_empty() {
            self.finish = Some(raw);
        }
    }
}

impl<'a> Visit<'a> for Look<'a> {
    fn member(&mut self, place: Place<'a>) -> Want {
        if place.depth == 1 {
            match place.key {
                b"usage" | b"error" | b"usageMetadata" | b"meta" => return Want::Raw,
                b"model" | b"type" | b"code" | b"modelVersion" => return Want::Into,
                b"base_resp" => return Want::Into,
                b"sid" => self.sid = true,
                _ => {}
            }
        }
        match self.flavor {
            Flavor::Chat => self.chat_member(place),
            Flavor::Responses => self.responses_member(place),
            Flavor::Messages => self.messages_member(place),
            Flavor::Gemini => self.candidates_member(place),
            Flavor::Converse => self.converse_member(place),
            Flavor::Other => match (place.depth, place.key) {
                (1, b"data") => Want::Raw,
                (1, b"text" | b"delta" | b"duration" | b"b64_json") => Want::Into,
                _ => Want::Pass,
            },
        }
    }

    fn value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        if place.depth == 1 {
            match place.key {
                b"usage" | b"usageMetadata" => return self.note_usage(raw, 3),
                b"meta" if self.flavor == Flavor::Other => return self.note_usage(raw, 1),
                b"error" => {
                    self.error = Some(raw);
                    return;
                }
                b"model" | b"modelVersion" => {
                    self.model = Some(raw);
                    return;
                }
                b"type" if !contents(raw).is_empty() => {
                    self.kind = contents(raw);
                    return;
                }
                b"code" => {
                    self.code = Some(raw);
                    return;
                }
                _ => {}
            }
        }
        if place.depth == 2 && place.parent == b"base_resp" && place.key == b"status_code" {
            self.base_status = Some(raw);
            return;
        }
        match self.flavor {
            Flavor::Chat => self.chat_value(place, raw),
            Flavor::Responses => self.responses_value(place, raw),
            Flavor::Messages => self.messages_value(place, raw),
            Flavor::Gemini => self.candidates_value(place, raw),
            Flavor::Converse => self.converse_value(place, raw),
            Flavor::Other => self.other_value(place, raw),
        }
    }
}

/// Chat and completions.
impl<'a> Look<'a> {
    fn chat_member(&mut self, place: Place<'a>) -> Want {
        match (place.depth, place.parent, place.key) {
            (1, _, b"choices") => {
                self.envelope = true;
                self.choices = self.choices.or(Some(0));
                Want::Into
            }
            (1, _, b"timings") => Want::Pass,
            // Vendor extensions may hold a copy of the usage: `x_*.usage`.
            (1, _, key) if key.starts_with(b"x_") => Want::Into,
            (2, parent, b"usage") if parent.starts_with(b"x_") => Want::Raw,
            (2, b"base_resp", b"status_code") => Want::Into,
            (2, b"choices", key) => {
                self.choices = self.choices.map(|n| n.saturating_add(1));
                match key {
                    b"usage" => Want::Raw,
                    // A last event that repeats the whole message holds no new text.
                    b"message" if !self.whole => Want::Pass,
                    b"delta" | b"message" | b"text" | b"finish_reason" => Want::Into,
                    _ => Want::Pass,
                }
            }
            (3, b"delta" | b"message", key) => match key {
                b"content" | b"reasoning_content" | b"reasoning" | b"refusal" | b"thinking" | b"reasoning_details" => Want::Into,
                b"tool_calls" | b"function_call" | b"audio" => Want::Into,
                b"images" => Want::Raw,
                _ => Want::Pass,
            },
            (4.., b"reasoning_details", b"text" | b"summary") => Want::Into,
            (4.., b"content", b"text" | b"thinking" | b"refusal") => Want::Into,
            (4.., b"thinking", b"text") => Want::Into,
            (4.., b"tool_calls", b"function" | b"custom") => Want::Into,
            (4.., b"function" | b"function_call" | b"custom", b"name" | b"arguments" | b"input") => Want::Into,
            (4.., b"audio", b"transcript") => Want::Into,
            _ => Want::Pass,
        }
    }

    fn chat_value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        match (place.parent, place.key) {
            (b"choices", b"usage") => self.note_usage(raw, 2),
            (_, b"usage") => self.note_usage(raw, 1),
            (b"choices", b"finish_reason") => self.note_finish(raw),
            (b"reasoning_details", _) => self.other_text.add(count_token(raw)),
            (_, b"images") => self.images += elements(raw).count() as u64,
            (b"function" | b"function_call" | b"custom", b"name") => {
                self.tool |= !contents(raw).is_empty();
                self.note_text(raw);
            }
            _ => self.note_text(raw),
        }
    }
}

/// Responses.
impl<'a> Look<'a> {
    fn responses_member(&mut self, place: Place<'a>) -> Want {
        match (place.depth, place.parent, place.key) {
            (1, _, b"sequence_number" | b"delta" | b"response" | b"item") => Want::Into,
            (1, _, b"status" | b"incomplete_details") => {
                self.envelope = true;
                Want::Into
            }
            (1, _, b"output") => {
                self.envelope = true;
                if self.whole { Want::Into } else { Want::Pass }
            }
            (2, b"response", b"usage" | b"error") => Want::Raw,
            (2, b"response", b"model" | b"status" | b"incomplete_details") => Want::Into,
            (2, b"item", b"type" | b"name") => Want::Into,
            (_, b"incomplete_details", b"reason") => Want::Into,
            (2, b"output", b"content" | b"summary" | b"arguments" | b"input" | b"name") => Want::Into,
            (3, b"content" | b"summary", b"text" | b"refusal") => Want::Into,
            _ => Want::Pass,
        }
    }

    fn responses_value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        match (place.depth, place.parent, place.key) {
            (1, _, b"sequence_number") => self.sequence = Some(raw),
            (1, _, b"delta") => self.pending.delta = Some(raw),
            (2, b"response", b"usage") => self.note_usage(raw, 2),
            (2, b"response", b"error") => self.error = Some(raw),
            (2, b"response", b"model") => self.model = Some(raw),
            // A status on the way is no finish; and a reason, where there is one, says more.
            (1, _, b"status") | (2, b"response", b"status")
                if self.finish.is_some() || matches!(contents(raw), b"in_progress" | b"queued") => {}
            (1, _, b"status") | (2, b"response", b"status") => self.note_finish(raw),
            (_, b"incomplete_details", b"reason") => self.note_finish(raw),
            (2, b"item", b"type") => self.pending.call = contents(raw).ends_with(b"_call"),
            (2, b"item", _) => self.pending.name = Some(raw),
            (2.., b"output" | b"content" | b"summary", _) => self.note_text(raw),
            _ => {}
        }
    }
}

/// Anthropic's messages.
impl<'a> Look<'a> {
    fn messages_member(&mut self, place: Place<'a>) -> Want {
        match (place.depth, place.parent, place.key) {
            (1, _, b"message" | b"delta" | b"content_block" | b"stop_reason") => Want::Into,
            (1, _, b"content") => {
                self.envelope = true;
                Want::Into
            }
            (2, b"message", b"usage") => Want::Raw,
            (2, b"message", b"model") => Want::Into,
            (2, b"delta", b"text" | b"thinking" | b"partial_json" | b"stop_reason") => Want::Into,
            (2, b"content_block" | b"content", b"type" | b"text" | b"thinking" | b"name") => Want::Into,
            (2, b"content", b"input") => Want::Raw,
            _ => Want::Pass,
        }
    }

    fn messages_value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        match (place.parent, place.key) {
            (b"message", b"usage") => self.note_usage(raw, 2),
            (b"message", b"model") => self.model = Some(raw),
            (_, b"stop_reason") => self.note_finish(raw),
            (b"content" | b"content_block", b"type") => self.tool |= contents(raw).ends_with(b"tool_use"),
            (_, b"input") => self.text.add(TextCount::of(raw)),
            _ => self.note_text(raw),
        }
    }
}

/// Gemini's candidates.
impl<'a> Look<'a> {
    fn candidates_member(&mut self, place: Place<'a>) -> Want {
        match (place.depth, place.parent, place.key) {
            (1, _, b"candidates" | b"promptFeedback") => {
                self.envelope = true;
                Want::Into
            }
            (1, _, b"embedding" | b"embeddings" | b"totalTokens") => {
                self.envelope = true;
                Want::Pass
            }
            (2, b"candidates", b"content" | b"finishReason") => Want::Into,
            (2, b"promptFeedback", b"blockReason") => Want::Into,
            (3, b"content", b"parts") => Want::Into,
            (4, b"parts", b"text") => Want::Into,
            (4, b"parts", b"functionCall" | b"inlineData" | b"executableCode" | b"codeExecutionResult") => Want::Raw,
            _ => Want::Pass,
        }
    }

    fn candidates_value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        match place.key {
            // Enumerations can be asked for as numbers; 0 is "unspecified".
            b"finishReason" | b"blockReason" if raw.first().is_some_and(u8::is_ascii_digit) => {
                self.finish = (raw != b"0").then_some(raw).or(self.finish);
            }
            b"finishReason" | b"blockReason" => self.note_finish(raw),
            b"inlineData" => self.tool = true,
            b"functionCall" | b"executableCode" | b"codeExecutionResult" => {
                self.tool = true;
                self.text.add(TextCount::of(raw));
            }
            b"text" => self.note_text(raw),
            _ => {}
        }
    }
}

/// Converse: whole answers, and the payloads of a stream's events.
impl<'a> Look<'a> {
    fn converse_member(&mut self, place: Place<'a>) -> Want {
        match (place.depth, place.parent, place.key) {
            (1, _, b"output" | b"stopReason") => {
                self.envelope = true;
                Want::Into
            }
            (1, _, b"embedding" | b"embeddings" | b"inputTokens") => {
                self.envelope = true;
                Want::Pass
            }
            (1, _, b"delta" | b"start") if !self.whole => Want::Into,
            (2, b"output", b"message") => Want::Into,
            (3, b"message", b"content") => Want::Into,
            (4, b"content", b"text" | b"reasoningContent" | b"citationsContent") => Want::Into,
            (4, b"content", b"toolUse" | b"image") => Want::Raw,
            (5, b"reasoningContent", b"reasoningText") => Want::Into,
            (6, b"reasoningText", b"text") => Want::Into,
            (5, b"citationsContent", b"content") => Want::Into,
            (6, b"content", b"text") => Want::Into,
            (2, b"delta", b"text" | b"toolUse" | b"reasoningContent") => Want::Into,
            (3, b"toolUse", b"input" | b"name") | (3, b"reasoningContent", b"text") => Want::Into,
            (2, b"start", b"toolUse") => Want::Into,
            (2, b"start", b"image") => Want::Raw,
            _ => Want::Pass,
        }
    }

    fn converse_value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        match place.key {
            b"stopReason" => self.note_finish(raw),
            b"toolUse" => {
                self.tool = true;
                self.text.add(TextCount::of(raw));
            }
            b"name" => {
                self.tool = true;
                self.note_text(raw);
            }
            b"image" => self.images += 1,
            b"text" | b"input" => self.note_text(raw),
            _ => {}
        }
    }
}

/// Everything else.
impl<'a> Look<'a> {
    fn other_value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        match place.key {
            b"data" => self.images += elements(raw).count() as u64,
            b"b64_json" => self.pending.images += 1,
            b"text" if self.whole => self.note_text(raw),
            b"delta" => self.pending.delta = Some(raw),
            _ => {}
        }
    }
}
