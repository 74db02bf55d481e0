//! A recorded answer in Anthropic's dialect.

use serde_json::Value;

use super::{Event, error_of};
use crate::conformance::pairs::{
    json,
    said::{Call, Said, Stop, Told},
};

const VENDOR_TOOLS: &str = "tools that the vendor ran itself may be shown as text";

/// One JSON answer.
pub fn whole(answer: &Value) -> Said {
    let mut said = Said::default();
    if json::text(answer, "/type") == "error" || answer.get("content").is_none() {
        said.error = Some(error_of(answer).unwrap_or_default());
        return said;
    }
    for block in json::list(answer, "/content") {
        if let Some(call) = open(&mut said, block) {
            said.calls.push(Call { arguments: block["input"].to_string(), ..call });
        }
    }
    finish(&mut said, answer);
    said.complete = true;
    said
}

/// A stream of events.
pub fn stream(events: &[Event]) -> Said {
    let mut said = Said::default();
    let (mut stopped, mut torn) = (false, false);
    // What the open block of each index is: a call, or something else.
    let mut calls: Vec<(u64, Option<usize>)> = Vec::new();
    let mut given: Vec<String> = Vec::new();
    for event in events {
        let Event::Json(event) = event else {
            torn |= matches!(event, Event::Torn);
            continue;
        };
        let index = json::count(event, "/index").unwrap_or(0);
        match json::text(event, "/type") {
            "content_block_start" => {
                let block = &event["content_block"];
                let call = open(&mut said, block).map(|call| {
                    said.calls.push(call);
                    given.push(block["input"].to_string());
                    said.calls.len() - 1
                });
                calls.retain(|(have, _)| *have != index);
                calls.push((index, call));
            }
            "content_block_delta" => {
                let delta = &event["delta"];
                said.text.push_str(json::text(delta, "/text"));
                said.reasoning.push_str(json::text(delta, "/thinking"));
                let call = calls.iter().find(|(have, _)| *have == index).and_then(|(_, call)| *call);
                if let Some(call) = call.and_then(|at| said.calls.get_mut(at)) {
                    call.arguments.push_str(json::text(delta, "/partial_json"));
                }
            }
            "message_delta" => finish(&mut said, &event["delta"]),
            "message_stop" => stopped = true,
            "error" => said.error = Some(error_of(event).unwrap_or_default()),
            _ => {}
        }
    }
    for (call, given) in said.calls.iter_mut().zip(given) {
        if call.arguments.is_empty() {
            call.arguments = given;
        }
    }
    said.complete = stopped && !torn && said.error.is_none();
    said
}

/// Takes what stands in the start of a block; a call of the client's tool is given back.
fn open(said: &mut Said, block: &Value) -> Option<Call> {
    match json::text(block, "/type") {
        "text" => said.text.push_str(json::text(block, "/text")),
        "thinking" => said.reasoning.push_str(json::text(block, "/thinking")),
        "redacted_thinking" => {}
        "tool_use" => {
            let (id, name) = (json::text(block, "/id").to_owned(), json::text(block, "/name").to_owned());
            return Some(Call { id, name, arguments: String::new() });
        }
        _ => said.loose.push(VENDOR_TOOLS),
    }
    None
}

fn finish(said: &mut Said, message: &Value) {
    let word = json::text(message, "/stop_reason");
    if word.is_empty() {
        return;
    }
    json::text(message, "/stop_details/explanation").clone_into(&mut said.explanation);
    word.clone_into(&mut said.finish);
    said.stop = Some(match word {
        "end_turn" => Stop::Done,
        "stop_sequence" => Stop::Sequence,
        "max_tokens" => Stop::Length,
        "model_context_window_exceeded" => Stop::Context,
        "tool_use" => Stop::Tools,
        "refusal" => Stop::Filter,
        "pause_turn" => Stop::Pause,
        "error" => {
            said.error.get_or_insert(Told::default());
            Stop::Other
        }
        _ => Stop::Other,
    });
}
