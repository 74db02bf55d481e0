//! The grammar of Google's GenerateContentResponse, whole and as chunks (§5.2 of the protocols).

use serde_json::Value;

use super::{Data, Event, Heard, told};
use crate::conformance::pairs::record::gemini::used;
use crate::conformance::pairs::{
    json,
    said::{Call, Stop},
};

const FILTERS: [&str; 9] =
    ["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "OTHER", "ESCALATION", "MODEL_ARMOR"];

/// What a part may hold.
const PARTS: [&str; 6] = ["text", "functionCall", "inlineData", "executableCode", "codeExecutionResult", "fileData"];

/// One JSON answer.
pub fn whole(answer: &Value) -> Heard {
    let mut heard = Heard::default();
    if json::has(answer, "/error") {
        error(&mut heard, answer);
        return heard;
    }
    chunk(&mut heard, answer);
    last(&mut heard, answer);
    heard.said.complete = true;
    heard
}

/// A stream of chunks.
pub fn stream(events: &[Event]) -> Heard {
    let mut heard = Heard::default();
    let mut final_chunk: Option<&Value> = None;
    for event in events {
        heard.must(event.name.is_none(), "an event: line");
        heard.must(heard.said.error.is_none(), "something after the error");
        let Data::Json(json) = &event.data else {
            heard.fault("data that is not JSON ([DONE] is not Google's)");
            continue;
        };
        if json::has(json, "/error") {
            error(&mut heard, json);
            continue;
        }
        let first = json::list(json, "/candidates").iter().find(|candidate| json::count(candidate, "/index").unwrap_or(0) == 0);
        let silent = first.is_none_or(|candidate| json::list(candidate, "/content/parts").is_empty());
        heard.must(heard.said.stop.is_none() || silent, "something is said after the finishReason");
        chunk(&mut heard, json);
        final_chunk = Some(json);
    }
    if heard.said.error.is_none() {
        match final_chunk {
            Some(chunk) => last(&mut heard, chunk),
            None => heard.fault("no chunk at all"),
        }
    }
    heard.said.complete = heard.said.error.is_none() && heard.said.stop.is_some();
    heard
}

fn error(heard: &mut Heard, answer: &Value) {
    heard.must(json::count(answer, "/error/code").is_some(), "the error's code is no number");
    heard.must(!json::text(answer, "/error/status").is_empty(), "the error has no status");
    let status = json::count(answer, "/error/code").and_then(|code| u16::try_from(code).ok());
    heard.said.error = Some(crate::conformance::pairs::said::Told { status, ..told(&answer["error"]) });
}

fn chunk(heard: &mut Heard, chunk: &Value) {
    let blocked = json::has(chunk, "/promptFeedback/blockReason");
    let candidates = json::list(chunk, "/candidates");
    heard.must(!candidates.is_empty() || blocked || json::has(chunk, "/usageMetadata"), "a chunk with nothing in it");
    heard.must(!json::text(chunk, "/modelVersion").is_empty(), "no modelVersion");
    // Others are further choices, which no other dialect can ask for.
    for candidate in candidates.iter().filter(|candidate| json::count(candidate, "/index").unwrap_or(0) == 0) {
        if json::has(candidate, "/content") {
            heard.must(json::text(candidate, "/content/role") == "model", "the content's role is not model");
        }
        for part in json::list(candidate, "/content/parts") {
            part_of(heard, part);
        }
        if json::has(candidate, "/finishReason") {
            heard.must(heard.said.stop.is_none(), "a second finishReason");
            finish(heard, json::text(candidate, "/finishReason"));
        }
    }
    if blocked {
        heard.said.stop = Some(Stop::Filter);
        heard.said.finish = "blocked".to_owned();
    }
    if let Some(usage) = chunk.get("usageMetadata") {
        heard.said.usage = used(usage);
        let number = |name: &str| json::count(usage, &format!("/{name}")).unwrap_or(0);
        let sum =
            ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount"].map(number).iter().sum::<u64>();
        heard.must(number("totalTokenCount") == sum, "totalTokenCount is not the sum");
    }
}

fn part_of(heard: &mut Heard, part: &Value) {
    let held = part.as_object().map_or(0, |part| PARTS.iter().filter(|name| part.contains_key(**name)).count());
    heard.must(held == 1, format!("a part with {held} things in it: {}", json::clip(&part.to_string())));
    if let Some(call) = part.get("functionCall") {
        heard.must(!json::text(call, "/name").is_empty(), "a functionCall without name");
        heard.must(call.get("args").is_none_or(Value::is_object), "a functionCall's args are no object");
        let arguments = call.get("args").map_or_else(|| "{}".to_owned(), Value::to_string);
        let [id, name] = ["/id", "/name"].map(|path| json::text(call, path).to_owned());
        heard.said.calls.push(Call { id, name, arguments });
        return;
    }
    let text = json::text(part, "/text");
    if part.get("thought") == Some(&Value::Bool(true)) {
        heard.said.reasoning.push_str(text);
    } else {
        heard.said.text.push_str(text);
    }
}

fn finish(heard: &mut Heard, word: &str) {
    word.clone_into(&mut heard.said.finish);
    heard.said.stop = Some(match word {
        "STOP" => Stop::Done,
        "MAX_TOKENS" => Stop::Length,
        "MALFORMED_FUNCTION_CALL" | "MALFORMED_RESPONSE" | "UNEXPECTED_TOOL_CALL" => Stop::Malformed,
        word if FILTERS.contains(&word) || word.starts_with("IMAGE_") => Stop::Filter,
        word => {
            heard.fault(format!("finishReason {word:?} is not Google's"));
            Stop::Other
        }
    });
}

/// What the last chunk must have.
fn last(heard: &mut Heard, chunk: &Value) {
    heard.must(heard.said.stop.is_some(), "no finishReason");
    let finishes = json::has(chunk, "/candidates/0/finishReason") || json::has(chunk, "/promptFeedback/blockReason");
    heard.must(finishes, "the last chunk has no finishReason");
    heard.must(json::has(chunk, "/usageMetadata"), "the last chunk has no usageMetadata");
}
