//! The frames of a stream: `event:` line, `data:` line, numbered without gaps.

use bytes::{BufMut as _, BytesMut};
use serde::Serialize;
use serde_json::Value;

/// Where frames go. A whole answer is built by the same steps without any.
#[derive(Debug)]
pub(super) struct Frames<'o> {
    out: Option<&'o mut BytesMut>,
    sequence: &'o mut u64,
}

/// The members of an event about an item; each kind of event has some.
#[derive(Debug, Default, Serialize)]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    pub(super) output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<&'a [Value]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a Value>,
}

#[derive(Serialize)]
struct Frame<B> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    #[serde(flatten)]
    body: B,
}

impl<'o> Frames<'o> {
    /// Frames of a stream that has come to this number.
    pub(super) const fn new(out: &'o mut BytesMut, sequence: &'o mut u64) -> Self {
        Self { out: Some(out), sequence }
    }

    /// No frames.
    pub(super) const fn none(sequence: &'o mut u64) -> Self {
        Self { out: None, sequence }
    }

    /// Appends one frame.
    pub(super) fn put<B: Serialize>(&mut self, kind: &'static str, body: B) {
        let Some(out) = &mut self.out else { return };
        for piece in [&b"event: "[..], kind.as_bytes(), b"\ndata: "] {
            out.put_slice(piece);
        }
        let frame = Frame { kind, sequence_number: *self.sequence, body };
        // Writing into memory cannot fail, and neither can what has string keys.
        let _ = serde_json::to_writer((&mut **out).writer(), &frame);
        out.put_slice(b"\n\n");
        *self.sequence += 1;
    }
}
