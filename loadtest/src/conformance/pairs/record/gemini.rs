//! A recorded answer in Google's dialect.

use serde_json::Value;

use super::{Event, error_of};
use crate::conformance::pairs::{
    json,
    said::{Call, Said, Stop, Told, Used},
};

/// One JSON answer, or the list that a stream without `alt=sse` is.
pub fn whole(answer: &Value) -> Said {
    let mut said = Said::default();
    match answer {
        Value::Array(chunks) => chunks.iter().for_each(|chunk| take(&mut said, chunk)),
        chunk => take(&mut said, chunk),
    }
    if said.error.is_none() && answer.get("candidates").is_none() && answer.get("promptFeedback").is_none() && !answer.is_array() {
        said.error = Some(Told::default());
    }
    said.complete = said.error.is_none();
    said
}

/// A stream of chunks; it ends with its last.
pub fn stream(events: &[Event]) -> Said {
    let mut said = Said::default();
    let mut torn = false;
    for event in events {
        match event {
            Event::Json(chunk) => take(&mut said, chunk),
            Event::Done => {}
            Event::Torn => torn = true,
        }
    }
    said.complete = said.stop.is_some() && !torn && said.error.is_none();
    said
}

fn take(said: &mut Said, chunk: &Value) {
    let error = chunk.get(0).unwrap_or(chunk);
    if json::has(error, "/error") {
        said.error = error_of(error);
    }
    if let Some(candidate) = json::list(chunk, "/candidates").iter().find(|candidate| json::count(candidate, "/index").unwrap_or(0) == 0) {
        for part in json::list(candidate, "/content/parts") {
            part_of(said, part);
        }
        finish(said, &candidate["finishReason"]);
        if said.explanation.is_empty() {
            json::text(candidate, "/finishMessage").clone_into(&mut said.explanation);
        }
    }
    if json::has(chunk, "/promptFeedback/blockReason") {
        json::text(chunk, "/promptFeedback/blockReasonMessage").clone_into(&mut said.explanation);
        said.stop = Some(Stop::Filter);
        said.finish = "blocked".to_owned();
    }
}

fn part_of(said: &mut Said, part: &Value) {
    if let Some(call) = part.get("functionCall") {
        let arguments = call.get("args").map_or_else(|| "{}".to_owned(), Value::to_string);
        said.calls.push(Call { id: json::text(call, "/id").to_owned(), name: json::text(call, "/name").to_owned(), arguments });
        return;
    }
    let text = json::text(part, "/text");
    match part.get("thought") {
        Some(Value::Bool(true)) => said.reasoning.push_str(text),
        _ => said.text.push_str(text),
    }
    if part.get("text").is_none()
        && part.as_object().is_some_and(|part| part.keys().any(|key| key != "thoughtSignature" && key != "thought"))
    {
        said.loose.push("code that the vendor ran, or media, may be shown as text");
    }
}

fn finish(said: &mut Said, reason: &Value) {
    // With `enum-encoding=int` the reasons are numbers, in the order of the enum.
    const NUMBERED: [&str; 12] = [
        "FINISH_REASON_UNSPECIFIED",
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
        "IMAGE_SAFETY",
        "UNEXPECTED_TOOL_CALL",
    ];
    let numbered = reason.as_u64().and_then(|number| NUMBERED.get(usize::try_from(number).ok()?)).copied();
    let Some(word) = reason.as_str().or(numbered).filter(|word| !word.is_empty()) else { return };
    word.clone_into(&mut said.finish);
    said.stop = Some(match word {
        "STOP" | "FINISH_REASON_UNSPECIFIED" => Stop::Done,
        "MAX_TOKENS" | "CONTINUATION" => Stop::Length,
        "MALFORMED_FUNCTION_CALL" | "MALFORMED_RESPONSE" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" | "MISSING_THOUGHT_SIGNATURE" => {
            Stop::Malformed
        }
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "OTHER" | "ESCALATION" | "MODEL_ARMOR" => {
            Stop::Filter
        }
        image if image.starts_with("IMAGE_") => Stop::Filter,
        _ => Stop::Other,
    });
}

/// What the usage says: thoughts are extra, unless the candidates already have them.
pub fn used(usage: &Value) -> Option<Used> {
    let number = |name: &str| json::count(usage, &format!("/{name}")).unwrap_or(0);
    json::count(usage, "/promptTokenCount").or_else(|| json::count(usage, "/totalTokenCount"))?;
    let (prompt, tools) = (number("promptTokenCount"), number("toolUsePromptTokenCount"));
    let (candidates, thoughts) = (number("candidatesTokenCount"), number("thoughtsTokenCount"));
    let inclusive = thoughts > 0 && prompt + tools + candidates == number("totalTokenCount");
    let output = if inclusive { candidates } else { candidates + thoughts };
    Some(Used { input: prompt + tools, cache_read: number("cachedContentTokenCount"), output, reasoning: thoughts })
}
