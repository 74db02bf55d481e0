//! What happens in a stream.

use fluxa_domain::usage::Usage;
use serde_json::Value;

use super::media::Media;
use super::part::{Citation, Foreign};
use super::signature::Signature;
use super::stop::Stop;

/// One step of a stream. A reader gives them in the order of the vendor's stream; `choice` counts from 0 and is 0 where a
/// dialect has one answer only.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer has begun. Once, first; a vendor that says nothing like it lets it begin with its first event.
    Begin {
        /// The vendor's id for it.
        id: Option<String>,
        /// The model, in the vendor's word.
        model: Option<String>,
    },
    /// Words; never empty.
    Text {
        /// Which answer.
        choice: u32,
        /// The next words.
        text: String,
    },
    /// A vendor's mark on the words before it (Gemini's `thoughtSignature` on text).
    TextSigned {
        /// Which answer.
        choice: u32,
        /// The mark.
        signature: Signature,
    },
    /// Where words come from.
    Cited {
        /// Which answer.
        choice: u32,
        /// The source.
        citation: Citation,
    },
    /// Thoughts; never empty.
    Thinking {
        /// Which answer.
        choice: u32,
        /// The next thoughts.
        text: String,
    },
    /// The signature of the thoughts since the last signature (perhaps of none: some vendors hide them but sign). Ends that block of thoughts.
    ThinkingSigned {
        /// Which answer.
        choice: u32,
        /// The signature.
        signature: Signature,
    },
    /// Thoughts that only their vendor can read.
    Redacted {
        /// Which answer.
        choice: u32,
        /// The vendor's mark.
        signature: Signature,
    },
    /// The model declines in words; never empty.
    Refusal {
        /// Which answer.
        choice: u32,
        /// The next words.
        text: String,
    },
    /// A call for a tool begins. Its name is known.
    CallBegin {
        /// Which answer.
        choice: u32,
        /// The number of the call within the answer, from 0, ascending.
        call: u32,
        /// Its id; empty where the vendor gives none.
        id: String,
        /// The tool's name as the client knows it.
        name: String,
        /// A vendor's mark that must come back with the call.
        signature: Option<Signature>,
    },
    /// More of a call's arguments: a fragment of JSON text, never empty.
    CallArguments {
        /// Which answer.
        choice: u32,
        /// Which call.
        call: u32,
        /// The fragment.
        fragment: String,
    },
    /// A call is whole. Readers of dialects that do not say so leave it out; [`super::untangle`] adds it.
    CallEnd {
        /// Which answer.
        choice: u32,
        /// Which call.
        call: u32,
    },
    /// A generated picture or sound, whole.
    Media {
        /// Which answer.
        choice: u32,
        /// The medium.
        media: Media,
    },
    /// Something that only its own dialect knows.
    Foreign {
        /// Which answer.
        choice: u32,
        /// The thing.
        part: Foreign,
    },
    /// Log-probabilities of the words before it, in OpenAI's form (`choices[].logprobs`).
    Logprobs {
        /// Which answer.
        choice: u32,
        /// The object.
        value: Value,
    },
    /// Generation ended, and why. Once for each answer.
    Stop {
        /// Which answer.
        choice: u32,
        /// Why.
        reason: Stop,
        /// The stop sequence that was met.
        sequence: Option<String>,
    },
    /// What it cost so far. Not given by readers: it comes from the facts of the stream, at its beginning (input only) where a
    /// vendor says it there, and before [`Event::End`].
    Usage(Usage),
    /// The vendor is alive.
    Ping,
    /// The stream has come to its proper end: its end mark, or what serves as one. Nothing follows. A stream without it was cut.
    End,
}
