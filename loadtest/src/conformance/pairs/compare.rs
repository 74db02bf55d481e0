//! Compares what a client heard with what the recording says, by the tables of the protocols (§0).
//!
//! What a dialect cannot say is excused by a rule, whose words go into the report. Start at [`judge`].

use std::collections::BTreeSet;

use super::{
    dialect::{Client, Upstream},
    json, record,
    said::{Call, Said, Stop, Used},
};
use crate::conformance::{
    corpus::Case,
    tokens::{self, Counts, Oracle},
};

/// What was found about a pair.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong.
    pub failures: Vec<String>,
    /// The rules that excused something.
    pub rules: BTreeSet<&'static str>,
    /// What was excused, where that is worth a look.
    pub notes: Vec<String>,
}

/// The usage that a client must be told.
#[derive(Debug, Clone)]
pub enum Usage {
    /// These totals.
    Exactly(Used),
    /// One of these: the recorded numbers contradict each other.
    OneOf(Vec<Used>),
    /// Anything: the vendor reported none.
    Estimated,
}

/// What a pair must say.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The client's dialect.
    pub client: Client,
    /// The recording passes through, byte for byte.
    pub native: bool,
    /// What the recording says.
    pub said: Said,
    /// What it used.
    pub usage: Usage,
    /// The client is told the usage: always but in a chat stream that did not ask.
    pub tells_usage: bool,
}

impl Findings {
    /// Notes what is wrong.
    pub fn fail(&mut self, what: impl Into<String>) {
        self.failures.push(what.into());
    }

    /// Notes a rule that excused something.
    pub fn rule(&mut self, why: &'static str) {
        self.rules.insert(why);
    }
}

/// The usage of a recording.
pub fn usage(case: &Case, upstream: Upstream) -> Usage {
    let used = |counts: Counts| Used {
        input: counts.input_uncached + counts.cache_read + counts.cache_write_5m + counts.cache_write_1h,
        cache_read: counts.cache_read,
        output: counts.output,
        reasoning: counts.reasoning,
    };
    let own = match upstream.op() {
        Some(op) => match tokens::expected(case, op) {
            Oracle::Exactly(counts) => return Usage::Exactly(used(counts)),
            Oracle::Contradictory(any) => return Usage::OneOf(any.into_iter().map(used).collect()),
            Oracle::Estimated | Oracle::Free => None,
        },
        None => case.usage.as_ref().and_then(|usage| match upstream {
            Upstream::Gemini => record::gemini::used(usage),
            _ => record::converse::used(usage),
        }),
    };
    own.map_or(Usage::Estimated, Usage::Exactly)
}

/// Compares a whole answer. `via` says by whom it was heard.
pub fn judge(expected: &Expected, got: &Said, via: &str, findings: &mut Findings) {
    let mut failures = Vec::new();
    texts(expected, got, &mut failures, findings);
    calls(expected, got, &mut failures, findings);
    stop(expected, got, &mut failures, findings);
    used(expected, got, &mut failures, findings);
    findings.failures.extend(failures.into_iter().map(|failure| format!("{via}: {failure}")));
}

/// Compares what came before a stream broke: it must be the beginning of what the recording says.
pub fn judge_beginning(expected: &Expected, got: &Said, via: &str, findings: &mut Findings) {
    let whole = wanted_text(expected);
    if expected.said.loose.is_empty() && !whole.contains("<think>") && !whole.starts_with(&got.text) {
        findings.fail(format!("{via}: the text before the break is not the recording's: {}", json::parting(&got.text, &whole)));
    }
    if got.calls.len() > expected.said.calls.len() {
        findings.fail(format!("{via}: {} calls before the break, {} in the recording", got.calls.len(), expected.said.calls.len()));
    }
}

/// The text that a dialect shows: a refusal is text where there is no word for it.
fn wanted_text(expected: &Expected) -> String {
    let said = &expected.said;
    match expected.client {
        Client::Messages | Client::Gemini if !expected.native => format!("{}{}", said.text, said.refusal),
        _ => said.text.clone(),
    }
}

fn texts(expected: &Expected, got: &Said, failures: &mut Vec<String>, findings: &mut Findings) {
    let said = &expected.said;
    let wanted = wanted_text(expected);
    let same_refusal = got.refusal == said.refusal || matches!(expected.client, Client::Messages | Client::Gemini);
    if same_refusal && got.text == wanted && got.reasoning == said.reasoning {
        return;
    }
    // What the vendor says of a refusal beside the answer.
    if !said.explanation.is_empty() && got.reasoning == said.reasoning {
        let told = format!("{}{}", got.text, got.refusal);
        if told == format!("{wanted}{}", said.explanation) {
            findings.rule("why a vendor refused may be told as the refusal, or as text");
            return;
        }
    }
    if wanted.contains("<think>") && squeezed(&[&got.reasoning, &got.text]) == squeezed(&[&said.reasoning, &wanted]) {
        findings.rule("thinking in <think> tags may be told as thinking");
        return;
    }
    for why in &said.loose {
        findings.rule(why);
    }
    let loose = !said.loose.is_empty();
    if same_refusal && loose && is_within(&wanted, &got.text) && is_within(&said.reasoning, &got.reasoning) {
        return;
    }
    // An object where a text should be has no one spelling.
    let same_json = |a: &str, b: &str| {
        let read = |text| serde_json::from_str::<serde_json::Value>(text).ok();
        read(a).is_some_and(|a| Some(a) == read(b))
    };
    if same_refusal && loose && same_json(&wanted, &got.text) {
        return;
    }
    if !same_refusal {
        failures.push(format!("the refusal is {:?} instead of {:?}", json::clip(&got.refusal), json::clip(&said.refusal)));
    }
    if got.text != wanted {
        failures.push(format!("another text: {}", json::parting(&got.text, &wanted)));
    }
    if got.reasoning != said.reasoning {
        failures.push(format!("another reasoning: {}", json::parting(&got.reasoning, &said.reasoning)));
    }
}

fn squeezed(texts: &[&str]) -> String {
    let all = texts.concat().replace("<think>", "").replace("</think>", "");
    all.split_whitespace().collect()
}

/// Whether all of a text comes in another in its order, with other things between.
fn is_within(part: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    part.chars().filter(|letter| !letter.is_whitespace()).all(|letter| rest.any(|have| have == letter))
}

fn calls(expected: &Expected, got: &Said, failures: &mut Vec<String>, findings: &mut Findings) {
    let wanted = &expected.said.calls;
    let names = |calls: &[Call]| calls.iter().map(|call| call.name.clone()).collect::<Vec<_>>();
    if names(wanted) != names(&got.calls) {
        failures.push(format!("calls of {:?} instead of {:?}", names(&got.calls), names(wanted)));
        return;
    }
    for (call, wanted) in got.calls.iter().zip(wanted) {
        let Some(json) = wanted.json() else {
            findings.rule("arguments that the vendor cut off are no JSON: as they are, or any object");
            continue;
        };
        if call.json().as_ref() != Some(&json) {
            failures.push(format!(
                "the arguments of {:?} are {:?} instead of {:?}",
                call.name,
                json::clip(&call.arguments),
                json::clip(&wanted.arguments)
            ));
        }
    }
    if expected.native {
        return;
    }
    let ids: Vec<&str> = got.calls.iter().map(|call| call.id.as_str()).filter(|id| !id.is_empty()).collect();
    if ids.len() < got.calls.len() && expected.client != Client::Gemini {
        failures.push("a call without id".to_owned());
    }
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        failures.push(format!("calls share an id: {ids:?}"));
    }
}

/// The words of a client's dialect for a reason to stop.
fn words(client: Client, stop: Stop) -> &'static [&'static str] {
    const GEMINI_FILTERS: &[&str] = &[
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "OTHER",
        "ESCALATION",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "blocked",
    ];
    match (client, stop) {
        (Client::Chat, Stop::Length | Stop::Context) => &["length"],
        (Client::Chat, Stop::Tools) => &["tool_calls"],
        (Client::Chat, Stop::Filter) => &["content_filter"],
        (Client::Chat, _) => &["stop"],
        (Client::Responses, Stop::Length | Stop::Context) => &["incomplete:max_output_tokens"],
        (Client::Responses, Stop::Filter) => &["incomplete:content_filter"],
        (Client::Responses, _) => &["completed"],
        (Client::Messages, Stop::Sequence) => &["stop_sequence"],
        (Client::Messages, Stop::Length) => &["max_tokens"],
        (Client::Messages, Stop::Context) => &["model_context_window_exceeded"],
        (Client::Messages, Stop::Tools) => &["tool_use"],
        (Client::Messages, Stop::Filter) => &["refusal"],
        (Client::Messages, Stop::Pause) => &["pause_turn"],
        (Client::Messages, _) => &["end_turn"],
        (Client::Gemini, Stop::Length | Stop::Context) => &["MAX_TOKENS"],
        (Client::Gemini, Stop::Filter) => GEMINI_FILTERS,
        (Client::Gemini, Stop::Malformed) => &["MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "OTHER"],
        (Client::Gemini, _) => &["STOP"],
    }
}

fn stop(expected: &Expected, got: &Said, failures: &mut Vec<String>, findings: &mut Findings) {
    let said = &expected.said;
    if expected.native {
        if got.finish != said.finish && !(got.finish.is_empty() || said.finish.is_empty()) {
            failures.push(format!("finish {:?} instead of {:?}", got.finish, said.finish));
        }
        return;
    }
    let stops: &[Stop] = match (said.stop, said.calls.is_empty()) {
        (Some(Stop::Length | Stop::Context), false) => {
            findings.rule("calls cut off at the token limit stop for either reason");
            &[Stop::Length, Stop::Context, Stop::Tools]
        }
        (Some(Stop::Filter), false) => &[Stop::Filter, Stop::Tools],
        (_, false) => &[Stop::Tools],
        (Some(Stop::Tools), true) => {
            findings.rule("a stop for tools without a call of the client's");
            &[Stop::Done, Stop::Tools]
        }
        (Some(Stop::Context), true) => &[Stop::Context, Stop::Length],
        (_, true) if !said.refusal.is_empty() => match expected.client {
            Client::Messages => &[Stop::Filter],
            _ => &[Stop::Done, Stop::Filter],
        },
        (Some(Stop::Other) | None, true) => {
            findings.rule("the vendor says no reason that a table has");
            &[Stop::Done, Stop::Malformed, Stop::Filter]
        }
        (Some(Stop::Done), true) => &[Stop::Done],
        (Some(Stop::Sequence), true) => &[Stop::Sequence],
        (Some(Stop::Length), true) => &[Stop::Length],
        (Some(Stop::Filter), true) => &[Stop::Filter],
        (Some(Stop::Pause), true) => &[Stop::Pause],
        (Some(Stop::Malformed), true) => &[Stop::Malformed],
    };
    let words: Vec<&str> = stops.iter().flat_map(|stop| words(expected.client, *stop)).copied().collect();
    if !words.contains(&got.finish.as_str()) {
        failures.push(format!("finish {:?} instead of {words:?} (the vendor's is {:?})", got.finish, said.finish));
    }
}

fn used(expected: &Expected, got: &Said, failures: &mut Vec<String>, findings: &mut Findings) {
    if !expected.tells_usage {
        return;
    }
    let Some(used) = got.usage else {
        if !matches!(expected.usage, Usage::Estimated) || !expected.native {
            failures.push("no usage".to_owned());
        }
        return;
    };
    // Anthropic's dialect need not say how much of the output is thinking.
    let silent = expected.client == Client::Messages && used.reasoning == 0;
    let same = |wanted: &Used| {
        let reasoning = if silent { 0 } else { wanted.reasoning };
        used == Used { reasoning, ..*wanted }
    };
    match &expected.usage {
        Usage::Exactly(wanted) if !same(wanted) => failures.push(format!("usage {used:?} instead of {wanted:?}")),
        Usage::OneOf(any) if !any.iter().any(same) => {
            findings.rule("the recorded usage contradicts itself: any reading, or an estimate");
        }
        Usage::Estimated => findings.rule("the vendor reported no usage: any estimate"),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
