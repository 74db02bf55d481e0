//! The two ways in which a stream goes to the client: as it came, or in another dialect.

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::Refusal;
use fluxa_wire::facts::{Facts, Verdict};
use fluxa_wire::relay::{Relay, StreamFault};
use fluxa_wire::translate::Translation;

/// A stream's way to the client.
#[derive(Debug)]
pub(crate) enum Course {
    /// As it came.
    Same(Relay),
    /// In the client's dialect.
    Translated(Translation),
}

impl Course {
    pub(crate) fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), StreamFault> {
        match self {
            Self::Same(relay) => relay.push(input, out),
            Self::Translated(translation) => translation.push(input, out),
        }
    }

    pub(crate) fn finish(&mut self, out: &mut BytesMut) {
        match self {
            Self::Same(relay) => relay.finish(out),
            Self::Translated(translation) => translation.finish(out),
        };
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Same(relay) => relay.verdict(),
            Self::Translated(translation) => translation.verdict(),
        }
    }

    pub(crate) const fn facts(&self) -> &Facts {
        match self {
            Self::Same(relay) => relay.facts(),
            Self::Translated(translation) => translation.facts(),
        }
    }

    /// False where nothing can be said that would be read.
    pub(crate) fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut) -> bool {
        match self {
            Self::Same(relay) => relay.break_off(refusal, out),
            Self::Translated(translation) => {
                translation.break_off(refusal, out);
                true
            }
        }
    }

    /// A sign of life, where one may stand.
    pub(crate) fn keep_alive(&mut self, out: &mut BytesMut) {
        match self {
            Self::Same(relay) => relay.keep_alive(out),
            Self::Translated(translation) => translation.keep_alive(out),
        }
    }

    /// A stream that was closed in good order but before its end. Many vendors of the chat dialect leave out `[DONE]`, so there a
    /// finish reason is end mark enough.
    pub(crate) fn is_cut(&self, dialect: Dialect, op: Op) -> bool {
        let facts = self.facts();
        if facts.error.is_some() {
            return false;
        }
        match self {
            Self::Translated(translation) => translation.is_cut(),
            Self::Same(_) if facts.ended => false,
            Self::Same(_) => match (dialect, op) {
                (Dialect::Anthropic, Op::Messages) | (Dialect::OpenAi, Op::Responses) | (Dialect::Gemini, Op::GenerateContent) => true,
                (Dialect::OpenAi, Op::Chat | Op::Completions) => facts.finish.is_none(),
                _ => false,
            },
        }
    }
}
