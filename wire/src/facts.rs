//! What was learned from an answer, streamed or whole: the raw material of a charge and a log row.

use fluxa_domain::usage::Usage;

use crate::count::TextCount;
use crate::upstream_error::UpstreamError;

/// What an answer told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The canonical usage, where the upstream gave one that can be believed.
    pub usage: Option<Usage>,
    /// The upstream gave a usage that cannot be true; estimate instead.
    pub absurd: bool,
    /// Why generation stopped, in the upstream's word (of a response: its status, or why it is incomplete).
    pub finish: Option<String>,
    /// The answer is an error, or the stream ended with one.
    pub error: Option<UpstreamError>,
    /// The dialect's end mark was seen. A whole answer has always ended.
    pub ended: bool,
    /// Events that carried text, reasoning or tool calls.
    pub content_events: u64,
    /// Generated text: visible text, reasoning, tool names and arguments.
    pub text: TextCount,
    /// Events with data, the end mark included.
    pub events: u64,
    /// The model the upstream says it used.
    pub upstream_model: Option<String>,
    /// Images in the answer.
    pub images: u64,
    /// Length of transcribed sound, where the upstream counts in time.
    pub audio_ms: Option<u64>,
}

/// What a stream told.
pub type Finished = Facts;

/// What a whole answer told.
pub type AnswerFacts = Facts;

/// Whether an answer can still be given up for another upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Only comments, pings, roles and empty deltas so far: hold what came.
    #[default]
    Undecided,
    /// Content came, or a sound end without any: send what is held, there is no way back.
    Content,
    /// The first event that said anything was an error: nothing need reach the client.
    Error(Box<UpstreamError>),
}
