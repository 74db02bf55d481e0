//! Where words come from: `groundingMetadata` and `citationMetadata`, and log-probabilities in OpenAI's form.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::neutral::Citation;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Grounding {
    grounding_chunks: Option<Vec<Source>>,
    grounding_supports: Option<Vec<Support>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    web: Option<Place>,
    retrieved_context: Option<Place>,
    maps: Option<Place>,
}

#[derive(Deserialize)]
struct Place {
    uri: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Support {
    segment: Option<Segment>,
    grounding_chunk_indices: Option<Vec<usize>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Segment {
    start_index: Option<usize>,
    end_index: Option<usize>,
    part_index: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Citations {
    #[serde(alias = "citationSources")]
    citations: Option<Vec<Recited>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recited {
    uri: Option<String>,
    title: Option<String>,
    start_index: Option<usize>,
    end_index: Option<usize>,
}

/// The words of an answer, in which spans are counted. Gemini counts bytes within a part, citations count characters.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) text: String,
    /// Where each part of a whole answer begins, in bytes; of a stream it is not known.
    pub(super) parts: Vec<usize>,
}

impl Words {
    fn character(&self, part: usize, byte: usize) -> u64 {
        let from = self.parts.get(part).copied().unwrap_or(0);
        let mut end = from.saturating_add(byte).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.get(..end).map_or(0, |text| text.chars().count()) as u64
    }

    fn span(&self, part: usize, start: Option<usize>, end: Option<usize>) -> (Option<u64>, Option<u64>) {
        match end {
            Some(end) => (Some(self.character(part, start.unwrap_or(0))), Some(self.character(part, end))),
            None => (None, None),
        }
    }
}

/// The sources that a search found: each span with each of its sources, then the sources of no span.
pub(super) fn grounding(raw: &str, words: &Words) -> Vec<Citation> {
    let Ok(found) = serde_json::from_str::<Grounding>(raw) else { return Vec::new() };
    let sources: Vec<Citation> = found
        .grounding_chunks
        .unwrap_or_default()
        .into_iter()
        .map(|source| {
            let place = source.web.or(source.retrieved_context).or(source.maps);
            let (url, title) = place.map(|place| (place.uri.unwrap_or_default(), place.title.unwrap_or_default())).unwrap_or_default();
            Citation { url, title, ..Citation::default() }
        })
        .collect();
    let mut used = vec![false; sources.len()];
    let mut out = Vec::new();
    for support in found.grounding_supports.unwrap_or_default() {
        let segment = support.segment.unwrap_or(Segment { start_index: None, end_index: None, part_index: None });
        let (start, end) = words.span(segment.part_index.unwrap_or(0), segment.start_index, segment.end_index);
        for index in support.grounding_chunk_indices.unwrap_or_default() {
            if let (Some(source), Some(used)) = (sources.get(index), used.get_mut(index)) {
                *used = true;
                out.push(Citation { start, end, ..source.clone() });
            }
        }
    }
    let unused = sources.into_iter().zip(used).filter(|(source, used)| !used && !source.url.is_empty());
    out.extend(unused.map(|(source, _)| source));
    out
}

/// Where words are recited from.
pub(super) fn recited(raw: &str, words: &Words) -> Vec<Citation> {
    let Ok(found) = serde_json::from_str::<Citations>(raw) else { return Vec::new() };
    let cite = |recited: Recited| {
        let (start, end) = words.span(0, recited.start_index, recited.end_index);
        let (url, title) = (recited.uri.unwrap_or_default(), recited.title.unwrap_or_default());
        Citation { url, title, start, end, ..Citation::default() }
    };
    let cited = found.citations.unwrap_or_default().into_iter().map(cite);
    cited.filter(|citation| !citation.url.is_empty() || !citation.title.is_empty()).collect()
}

/// OpenAI's `logprobs` of a `logprobsResult`.
pub(super) fn logprobs(raw: &str) -> Option<Value> {
    let found: Value = serde_json::from_str(raw).ok()?;
    let chosen = found.get("chosenCandidates")?.as_array()?;
    let token = |told: &Value| {
        let text = told.get("token").and_then(Value::as_str).unwrap_or_default();
        json!({"token": text, "logprob": told.get("logProbability"), "bytes": text.as_bytes()})
    };
    let content: Vec<Value> = chosen
        .iter()
        .enumerate()
        .map(|(index, told)| {
            let others = found.pointer(&format!("/topCandidates/{index}/candidates")).and_then(Value::as_array);
            let mut out = token(told);
            out["top_logprobs"] = Value::Array(others.map(|others| others.iter().map(token).collect()).unwrap_or_default());
            out
        })
        .collect();
    (!content.is_empty()).then(|| json!({"content": content, "refusal": null}))
}
