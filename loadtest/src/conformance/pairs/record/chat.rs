//! A recorded chat completion: OpenAI's own and what its many imitators make of it.

use serde_json::Value;

use super::{Event, error_of};
use crate::conformance::pairs::{
    json,
    said::{Call, Said, Stop, Told},
};

/// One JSON answer.
pub fn whole(answer: &Value) -> Said {
    let mut said = Said::default();
    let mut calls = Calls::default();
    if let Some(told) = error_of(answer) {
        said.error = Some(told);
    }
    if let Some(choice) = first_choice(answer) {
        if json::has(choice, "/error") {
            said.error = error_of(choice);
        }
        take(&mut said, &mut calls, &choice["message"]);
        finish(&mut said, json::text(choice, "/finish_reason"));
        said.complete = said.error.is_none();
    } else if said.error.is_none() {
        said.error = Some(Told::default());
    }
    said.calls = calls.list;
    said
}

/// A stream of chunks.
pub fn stream(events: &[Event]) -> Said {
    let mut said = Said::default();
    let mut calls = Calls::default();
    let mut torn = false;
    for event in events {
        let chunk = match event {
            Event::Json(chunk) => chunk,
            Event::Done => {
                said.complete = true;
                continue;
            }
            Event::Torn => {
                torn = true;
                continue;
            }
        };
        if let Some(told) = error_of(chunk) {
            said.error.get_or_insert(told);
        }
        let Some(choice) = first_choice(chunk) else { continue };
        if json::has(choice, "/error") {
            said.error = error_of(choice);
        }
        if choice.get("delta").is_some() {
            take(&mut said, &mut calls, &choice["delta"]);
        } else if said.is_empty() && calls.list.is_empty() {
            // Some repeat the whole message at the end; it counts where nothing came before.
            take(&mut said, &mut calls, &choice["message"]);
        }
        finish(&mut said, json::text(choice, "/finish_reason"));
    }
    said.calls = calls.list;
    said.complete = (said.complete || said.stop.is_some()) && !torn && said.error.is_none();
    said
}

fn first_choice(answer: &Value) -> Option<&Value> {
    json::list(answer, "/choices").iter().find(|choice| json::count(choice, "/index").unwrap_or(0) == 0)
}

fn finish(said: &mut Said, word: &str) {
    if word.is_empty() {
        return;
    }
    word.clone_into(&mut said.finish);
    said.stop = Some(match word {
        "stop" | "eos" | "eos_token" | "COMPLETE" | "end_turn" | "stop_sequence" => Stop::Done,
        "length" | "max_tokens" => Stop::Length,
        "tool_calls" | "function_call" => Stop::Tools,
        "content_filter" | "sensitive" => Stop::Filter,
        "error" | "network_error" | "insufficient_system_resource" => {
            said.error.get_or_insert(Told::default());
            Stop::Other
        }
        _ => Stop::Other,
    });
}

/// Adds a message or a delta.
fn take(said: &mut Said, calls: &mut Calls, part: &Value) {
    match &part["content"] {
        Value::String(text) => said.text.push_str(text),
        Value::Array(parts) => {
            for part in parts {
                match json::text(part, "/type") {
                    "text" => said.text.push_str(json::text(part, "/text")),
                    "thinking" => {
                        said.reasoning.push_str(json::text(part, "/thinking"));
                        for inner in json::list(part, "/thinking") {
                            said.reasoning.push_str(json::text(inner, "/text"));
                        }
                    }
                    _ => said.loose.push("parts of the answer that no other dialect has"),
                }
            }
        }
        Value::Object(object) => {
            said.text.push_str(&Value::Object(object.clone()).to_string());
            said.loose.push("JSON where a text should be");
        }
        _ => {}
    }
    let reasoning = ["/reasoning_content", "/reasoning"].map(|path| json::text(part, path)).into_iter().find(|text| !text.is_empty());
    if let Some(reasoning) = reasoning {
        said.reasoning.push_str(reasoning);
    } else if json::list(part, "/reasoning_details").iter().any(|detail| json::has(detail, "/text") || json::has(detail, "/summary")) {
        said.loose.push("reasoning in `reasoning_details` alone");
    }
    said.refusal.push_str(json::text(part, "/refusal"));
    if json::has(part, "/audio") || json::has(part, "/images") {
        said.loose.push("media in the answer");
    }
    let listed = match &part["tool_calls"] {
        Value::Array(list) => list.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => &[],
    };
    for (position, call) in listed.iter().enumerate() {
        calls.add(call, position);
    }
    if json::has(part, "/function_call") && part["function_call"] != serde_json::json!({"arguments": "", "name": ""}) {
        calls.add(&serde_json::json!({"index": 0, "function": part["function_call"]}), 0);
    }
}

/// Calls in the making.
#[derive(Default)]
struct Calls {
    list: Vec<Call>,
    /// The index that the vendor gave to each; some give none, some give the same to all.
    indexes: Vec<Option<u64>>,
}

impl Calls {
    fn add(&mut self, part: &Value, position: usize) {
        let id = json::text(part, "/id");
        let name = [json::text(part, "/function/name"), json::text(part, "/custom/name")].concat();
        let arguments = match part.pointer("/function/arguments").or_else(|| part.pointer("/custom/input")) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        };
        let index = json::count(part, "/index");
        let known = match index {
            Some(_) => self.indexes.iter().rposition(|have| *have == index),
            None if id.is_empty() => self.list.len().checked_sub(1),
            None => self.list.iter().position(|call| call.id == id),
        };
        let same = known.filter(|at| {
            let have = &self.list[*at];
            // Another id and a name under a known index: the vendor does not count.
            id.is_empty() || have.id.is_empty() || have.id == id || name.is_empty()
        });
        // Without an index, each entry of one list is a call of its own.
        match same.filter(|_| index.is_some() || position == 0 || !id.is_empty()) {
            Some(at) => {
                let have = &mut self.list[at];
                if have.id.is_empty() {
                    id.clone_into(&mut have.id);
                }
                if have.name.is_empty() {
                    have.name = name;
                }
                have.arguments.push_str(&arguments);
            }
            None => {
                self.list.push(Call { id: id.to_owned(), name, arguments });
                self.indexes.push(index);
            }
        }
    }
}
