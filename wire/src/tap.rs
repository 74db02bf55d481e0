//! Watches the events of a stream (or a whole answer) and keeps the facts. Changes nothing.
//!
//! `look` finds the members that matter in one trusting walk; this file draws the conclusions.

pub(crate) mod look;

use fluxa_domain::dialect::{Dialect, Op};

use crate::facts::{Facts, Verdict};
use crate::json::unquote;
use crate::json::walk::{contents, walk};
use crate::upstream_error::{self, UpstreamError};
use crate::usage::{self, Reading, anthropic};
use look::{Flavor, Look};

/// Gathers facts event by event.
#[derive(Debug)]
pub(crate) struct Tap {
    flavor: Flavor,
    pub(crate) facts: Facts,
    pub(crate) verdict: Verdict,
    account: anthropic::Account,
    /// The last `sequence_number` of a response stream.
    pub(crate) sequence: Option<u64>,
    /// The client has no word for something malformed: such an end counts as a fault.
    pub(crate) malformed_is_fault: bool,
}

/// What was seen of a whole answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole {
    /// The document is complete.
    pub(crate) sound: bool,
    /// It has a member that every answer of its family has.
    pub(crate) known: bool,
}

impl Tap {
    pub(crate) fn new(dialect: Dialect, op: Op) -> Self {
        Self {
            flavor: Flavor::of(dialect, op),
            facts: Facts::default(),
            verdict: Verdict::Undecided,
            account: anthropic::Account::default(),
            sequence: None,
            malformed_is_fault: false,
        }
    }

    /// For an answer that goes to a client of another dialect; `tells_malformed` says that it has a word for something malformed.
    pub(crate) fn translated(dialect: Dialect, op: Op, tells_malformed: bool) -> Self {
        Self { malformed_is_fault: !tells_malformed, ..Self::new(dialect, op) }
    }

    /// Takes one event of a stream. True if it is nothing but a usage account (`choices:[]` and a usage).
    pub(crate) fn event(&mut self, name: &[u8], data: &[u8]) -> bool {
        let data = data.trim_ascii();
        if data.is_empty() {
            return false;
        }
        self.facts.events += 1;
        if data == b"[DONE]" {
            self.facts.ended = true;
            self.commit();
            return false;
        }
        let mut look = Look::stream(self.flavor, name);
        walk(data, &mut look);
        look.settle();
        if let Some(error) = fault(&look, data) {
            if self.verdict == Verdict::Undecided {
                self.verdict = Verdict::Error(Box::new(error.clone()));
            }
            self.facts.error = Some(error);
        }
        self.take_stream_usage(&look);
        let usage_only = look.choices == Some(0) && look.usage.is_some_and(|u| u.starts_with(b"{"));
        let content = self.take(&look);
        if content {
            self.facts.content_events += 1;
        }
        if self.verdict == Verdict::Undecided && self.facts.content_events == 0 {
            self.judge_finish(look.finish.is_some());
        }
        if let Some(number) = look.sequence.and_then(number) {
            self.sequence = Some(number);
        }
        if matches!(look.kind, b"message_stop" | b"response.completed" | b"response.incomplete" | b"response.failed") {
            self.facts.ended = true;
        }
        // Usage comes after the reason: only then is a stream of Converse whole.
        if self.flavor == Flavor::Converse && name == b"metadata" && self.facts.finish.is_some() {
            self.facts.ended = true;
        }
        let finished = look.finish.is_some_and(|f| !f.is_empty() && f != b"\"\"");
        if content || finished || self.facts.ended {
            self.commit();
        }
        usage_only
    }

    /// Takes an exception that a binary stream holds in place of an event: its name and its payload.
    pub(crate) fn exception(&mut self, name: &str, payload: &[u8]) {
        self.facts.events += 1;
        let error = upstream_error::read_error_named(200, Some(name), payload);
        if self.verdict == Verdict::Undecided {
            self.verdict = Verdict::Error(Box::new(error.clone()));
        }
        self.facts.error = Some(error);
    }

    /// The stream has ended: what a dialect without an end mark counts as its end is settled.
    pub(crate) fn end(&mut self) {
        if matches!(self.flavor, Flavor::Gemini | Flavor::Converse) && self.facts.finish.is_some() && self.facts.error.is_none() {
            self.facts.ended = true;
        }
    }

    /// Takes a whole answer. True if it has a member that every answer of its operation has.
    pub(crate) fn whole(&mut self, body: &[u8]) -> Whole {
        let mut look = Look::whole(self.flavor);
        let sound = walk(body, &mut look);
        look.settle();
        if let Some(error) = fault(&look, body) {
            self.facts.error = Some(error);
        }
        if let Some(raw) = look.usage {
            self.reading(self.read_usage(raw));
        }
        self.take(&look);
        self.facts.ended = true;
        Whole { sound, known: look.envelope }
    }

    /// An end without any content before it: where the upstream failed or the model only made something malformed, another try may
    /// do better.
    fn judge_finish(&mut self, finished: bool) {
        let Some(finish) = self.facts.finish.as_deref().filter(|_| finished) else { return };
        if is_fault(finish) || self.malformed_is_fault && is_malformed(self.flavor, finish) {
            let error = self.facts.error.get_or_insert_with(|| UpstreamError::generation_failed(finish));
            self.verdict = Verdict::Error(Box::new(error.clone()));
        }
    }

    fn commit(&mut self) {
        if self.verdict == Verdict::Undecided && self.facts.error.is_none() {
            self.verdict = Verdict::Content;
        }
    }

    fn take(&mut self, look: &Look<'_>) -> bool {
        let text = if look.text.is_empty() { look.other_text } else { look.text };
        self.facts.text.add(text);
        self.facts.images += look.images;
        // The name is the same in every event: compared as written, decoded once.
        if let Some(raw) = look.model
            && self.facts.upstream_model.as_ref().is_none_or(|known| known.as_bytes() != contents(raw))
            && let Some(model) = unquote(raw).filter(|m| !m.is_empty())
        {
            self.facts.upstream_model = Some(model);
        }
        let word = |raw: &[u8]| unquote(raw).or_else(|| number(raw).map(|number| number.to_string()));
        if let Some(finish) = look.finish.and_then(word).filter(|f| !f.is_empty()) {
            if is_fault(&finish) && self.facts.error.is_none() {
                self.facts.error = Some(UpstreamError::generation_failed(&finish));
            }
            self.facts.finish = Some(finish);
        }
        !text.is_empty() || look.tool || look.images > 0 || self.flavor == Flavor::Other
    }

    fn take_stream_usage(&mut self, look: &Look<'_>) {
        let Some(raw) = look.usage else { return };
        if self.flavor != Flavor::Messages {
            self.reading(self.read_usage(raw));
            return;
        }
        if look.kind == b"message_start" {
            self.account.restart(raw);
            self.facts.absurd = false;
        } else {
            self.account.update(raw);
        }
        let reading = self.account.reading();
        self.facts.absurd |= reading.absurd;
        self.facts.usage = reading.usage;
    }

    fn read_usage(&self, raw: &[u8]) -> Reading {
        match self.flavor {
            Flavor::Messages => anthropic::read(raw),
            Flavor::Gemini => usage::gemini::read(raw),
            Flavor::Converse => usage::bedrock::read(raw),
            Flavor::Chat | Flavor::Responses | Flavor::Other => usage::openai::read(raw),
        }
    }

    fn reading(&mut self, reading: Reading) {
        self.facts.absurd |= reading.absurd;
        self.facts.audio_ms = reading.audio_ms.or(self.facts.audio_ms);
        match (reading.usage, self.facts.usage) {
            // The last account wins, but an empty one (sent in every chunk by some) says nothing.
            (Some(new), Some(old)) if new.total() == 0 && old.total() > 0 => {}
            (Some(new), _) => self.facts.usage = Some(new),
            (None, _) => {}
        }
        if self.facts.absurd {
            self.facts.usage = None;
        }
    }
}

/// Finish reasons that mean a failure of the upstream. Source: protocol specification §0, stop reasons.
fn is_fault(finish: &str) -> bool {
    matches!(finish, "network_error" | "insufficient_system_resource" | "error")
}

/// Finish reasons that mean that the model made something malformed. Source: protocol specification §0, stop reasons, and the
/// vendors' own lists; Gemini's can be asked for as numbers.
fn is_malformed(flavor: Flavor, finish: &str) -> bool {
    match flavor {
        Flavor::Gemini => matches!(
            finish,
            "MALFORMED_FUNCTION_CALL"
                | "MALFORMED_RESPONSE"
                | "UNEXPECTED_TOOL_CALL"
                | "TOO_MANY_TOOL_CALLS"
                | "MISSING_THOUGHT_SIGNATURE"
                | "9"
                | "10"
        ),
        Flavor::Converse => matches!(finish, "malformed_model_output" | "malformed_tool_use"),
        _ => false,
    }
}

fn number(raw: &[u8]) -> Option<u64> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}

/// The error that an answer with status 200 is, in any of the shapes it can have.
fn fault(look: &Look<'_>, data: &[u8]) -> Option<UpstreamError> {
    let named = look.error.is_some_and(|raw| !matches!(raw, b"null" | b"{}" | b"\"\"" | b"false"));
    let status = look.base_status.is_some_and(|raw| raw != b"0" && raw != b"null");
    let code = look.code.is_some_and(|raw| !matches!(raw, b"0" | b"null" | b"\"0\"")) && look.sid;
    if look.kind == b"error" || status || code {
        return Some(upstream_error::read_error(200, data));
    }
    // A failed response holds its error; it is read in place, the response around it would hide it.
    named.then(|| {
        let raw = look.error.unwrap_or_default();
        let mut wrapped = Vec::with_capacity(raw.len() + 12);
        wrapped.extend_from_slice(b"{\"error\":");
        wrapped.extend_from_slice(raw);
        wrapped.push(b'}');
        upstream_error::read_error(200, &wrapped)
    })
}
