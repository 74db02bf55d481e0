//! The grammar of OpenAI's Responses, whole and as events (§8 of the protocols).

use serde_json::Value;

use super::{Data, Event, Heard, told};
use crate::conformance::pairs::{
    json,
    said::{Call, Stop, Used},
};

/// Calls of tools that the vendor runs; each has events of its own.
const HOSTED: [&str; 6] =
    ["web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call", "mcp_list_tools"];

/// One JSON answer.
pub fn whole(answer: &Value) -> Heard {
    let mut heard = Heard::default();
    if json::has(answer, "/error") && answer.get("output").is_none() {
        heard.said.error = Some(told(&answer["error"]));
        return heard;
    }
    response(&mut heard, answer);
    heard.said.complete = true;
    heard
}

/// A stream of events.
pub fn stream(events: &[Event]) -> Heard {
    let mut heard = Heard::default();
    let mut items: Vec<Item> = Vec::new();
    let mut finished = false;
    for (number, event) in events.iter().enumerate() {
        let Data::Json(json) = &event.data else {
            heard.fault("data that is not JSON ([DONE] is not of this dialect)");
            continue;
        };
        let kind = json::text(json, "/type");
        heard.must(event.name.as_deref() == Some(kind), format!("event: {:?} for type {kind:?}", event.name));
        heard.must(
            json::count(json, "/sequence_number") == Some(number as u64),
            format!("sequence_number {} at {number}", json["sequence_number"]),
        );
        heard.must(!finished, "something after the final event");
        let first = match number {
            0 => Some("response.created"),
            1 => Some("response.in_progress"),
            _ => None,
        };
        let told_early = matches!(kind, "error" | "response.failed");
        heard.must(first.is_none_or(|first| first == kind) || told_early, format!("event {number} is {kind:?}"));
        match kind {
            "response.created" | "response.in_progress" => {
                let status = json::text(json, "/response/status");
                heard.must(matches!(status, "in_progress" | "queued"), format!("{kind} with status {status:?}"));
                heard.must(!json::text(json, "/response/id").is_empty(), "a response without id");
            }
            "response.completed" | "response.incomplete" => {
                finished = true;
                heard.must(items.iter().all(|item| item.done.is_some()), "an item is not done at the end");
                let output = json::list(json, "/response/output");
                let said = |at: usize, item: &Item| item.done.as_ref() == output.get(at);
                let same = output.len() == items.len() && items.iter().enumerate().all(|(at, item)| said(at, item));
                heard.must(same, "the final response's output is not its items");
                heard.must(
                    kind.strip_prefix("response.") == Some(json::text(json, "/response/status")),
                    format!("{kind} with another status"),
                );
                response(&mut heard, &json["response"]);
            }
            "error" => {
                let error = if json::has(json, "/error") { &json["error"] } else { json };
                heard.said.error = Some(told(error));
            }
            "response.failed" => {
                finished = true;
                heard.must(json::text(json, "/response/status") == "failed", "response.failed with another status");
                heard.must(json::has(json, "/response/error"), "response.failed without error");
                heard.said.error = Some(told(&json["response"]["error"]));
            }
            _ => item_event(&mut heard, &mut items, kind, json),
        }
    }
    if heard.said.error.is_some() {
        // What was said before the error.
        let broken = std::mem::take(&mut heard.said);
        items.iter().for_each(|item| item.tell(&mut heard));
        heard.said.error = broken.error;
    } else {
        heard.must(finished, "the stream ends without a final event");
    }
    heard.said.complete = finished && heard.said.error.is_none();
    heard
}

/// An item in the making.
struct Item {
    kind: String,
    id: String,
    /// Text, refusal, arguments or summary of each part so far.
    parts: Vec<Part>,
    done: Option<Value>,
    started: Value,
}

#[derive(Default)]
struct Part {
    kind: String,
    said: String,
    said_done: bool,
    done: bool,
}

impl Item {
    fn tell(&self, heard: &mut Heard) {
        let said: String = self.parts.iter().filter(|part| part.kind != "refusal").map(|part| part.said.as_str()).collect();
        match self.kind.as_str() {
            "message" => heard.said.text.push_str(&said),
            "reasoning" => heard.said.reasoning.push_str(&said),
            "function_call" => {
                let [id, name] = ["/call_id", "/name"].map(|path| json::text(&self.started, path).to_owned());
                heard.said.calls.push(Call { id, name, arguments: said });
            }
            _ => {}
        }
    }
}

fn item_event(heard: &mut Heard, items: &mut Vec<Item>, kind: &str, json: &Value) {
    let index = json::count(json, "/output_index").and_then(|index| usize::try_from(index).ok());
    let Some(index) = index else { return heard.fault(format!("{kind} without output_index")) };
    if kind == "response.output_item.added" {
        heard.must(index == items.len(), format!("item {index} comes when there are {}", items.len()));
        heard.must(items.iter().all(|item| item.done.is_some()), "an item is added before the last is done");
        let started = json["item"].clone();
        let [id, kind] = ["/id", "/type"].map(|path| json::text(&started, path).to_owned());
        heard.must(!id.is_empty(), "an item without id");
        // A call's arguments are its one part.
        let parts = if kind == "function_call" { vec![Part::default()] } else { Vec::new() };
        items.push(Item { kind, id, parts, done: None, started });
        return;
    }
    let Some(item) = items.get_mut(index).filter(|item| item.done.is_none()) else {
        return heard.fault(format!("{kind} for item {index}, which is not open"));
    };
    if kind == "response.output_item.done" {
        let done = json["item"].clone();
        let all = item.parts.iter().all(|part| part.said_done && (part.done || item.kind == "function_call"));
        heard.must(all, "an item is done before its parts");
        heard.must(json::text(&done, "/id") == item.id && json::text(&done, "/type") == item.kind, "an item changes its id or type");
        let said: String = item.parts.iter().map(|part| part.said.as_str()).collect();
        heard.must(text_of(&done) == said, format!("a done {} is not its deltas", item.kind));
        item.done = Some(done);
        return;
    }
    heard.must(json::text(json, "/item_id") == item.id, format!("{kind} with another item_id"));
    if HOSTED.contains(&item.kind.as_str()) {
        let own = kind.strip_prefix("response.").is_some_and(|kind| kind.starts_with(&item.kind));
        return heard.must(own, format!("{kind} in a {} item", item.kind));
    }
    let place = ["/content_index", "/summary_index"].iter().find_map(|path| json::count(json, path)).unwrap_or(0);
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    let (of, what) = match kind.strip_prefix("response.").and_then(|kind| kind.rsplit_once('.')) {
        Some(pair) => pair,
        None => return heard.fault(format!("an event {kind:?}")),
    };
    let fitting = match of {
        "content_part" => matches!(item.kind.as_str(), "message" | "reasoning"),
        "output_text" | "refusal" => item.kind == "message",
        "function_call_arguments" => item.kind == "function_call",
        "reasoning_summary_part" | "reasoning_summary_text" | "reasoning_text" => item.kind == "reasoning",
        "output_text.annotation" => return,
        _ => false,
    };
    heard.must(fitting, format!("{kind} in a {} item", item.kind));
    if what == "added" {
        heard.must(place == item.parts.len(), format!("part {place} comes when there are {}", item.parts.len()));
        heard.must(item.parts.last().is_none_or(|part| part.done), "a part is added before the last is done");
        item.parts.push(Part { kind: json::text(json, "/part/type").to_owned(), ..Part::default() });
        return;
    }
    let Some(part) = item.parts.get_mut(place).filter(|part| !part.done) else {
        return heard.fault(format!("{kind} for a part that is not open"));
    };
    let told = ["/text", "/refusal", "/arguments", "/part/text", "/part/refusal"].iter().find_map(|path| json.pointer(path)?.as_str());
    match (of, what) {
        (_, "delta") => {
            let delta = json.get("delta").and_then(Value::as_str);
            heard.must(delta.is_some_and(|delta| !delta.is_empty()), format!("{kind} without a delta"));
            heard.must(!part.said_done, "a delta after its end");
            part.said.push_str(delta.unwrap_or_default());
        }
        ("content_part" | "reasoning_summary_part", "done") => {
            heard.must(part.said_done, "a part is done before its text");
            heard.must(told == Some(&part.said), format!("{kind} is not its deltas"));
            part.done = true;
        }
        (_, "done") => {
            heard.must(told == Some(&part.said), format!("{kind} is not its deltas"));
            part.said_done = true;
        }
        _ => heard.fault(format!("an event {kind:?}")),
    }
}

/// All that an item says.
fn text_of(item: &Value) -> String {
    let mut said = json::text(item, "/arguments").to_owned();
    for part in json::list(item, "/content").iter().chain(json::list(item, "/summary")) {
        said.push_str(json::text(part, "/text"));
        said.push_str(json::text(part, "/refusal"));
    }
    said
}

/// A whole response.
fn response(heard: &mut Heard, answer: &Value) {
    heard.must(json::text(answer, "/object") == "response", "object is not response");
    heard.must(!json::text(answer, "/id").is_empty(), "no id");
    heard.must(!json::text(answer, "/model").is_empty(), "no model");
    heard.must(answer.get("created_at").is_some_and(Value::is_number), "no created_at");
    for name in ["error", "incomplete_details", "tools", "tool_choice", "parallel_tool_calls"] {
        heard.must(answer.get(name).is_some(), format!("no {name}"));
    }
    let mut ids: Vec<&str> = Vec::new();
    for item in json::list(answer, "/output") {
        let id = json::text(item, "/id");
        heard.must(!id.is_empty() && !ids.contains(&id), format!("an item's id {id:?}"));
        ids.push(id);
        item_of(heard, item);
    }
    let why = json::text(answer, "/incomplete_details/reason");
    let status = json::text(answer, "/status");
    heard.said.finish = if why.is_empty() { status.to_owned() } else { format!("{status}:{why}") };
    heard.said.stop = Some(match (status, why) {
        ("completed", "") if heard.said.calls.is_empty() => Stop::Done,
        ("completed", "") => Stop::Tools,
        ("incomplete", "max_output_tokens") => Stop::Length,
        ("incomplete", "content_filter") => Stop::Filter,
        ("failed", _) => {
            heard.said.error = Some(told(&answer["error"]));
            Stop::Other
        }
        _ => {
            heard.fault(format!("status {status:?} with reason {why:?}"));
            Stop::Other
        }
    });
    heard.said.usage = used(heard, &answer["usage"]);
}

fn item_of(heard: &mut Heard, item: &Value) {
    match json::text(item, "/type") {
        "message" => {
            heard.must(json::text(item, "/role") == "assistant", "a message's role is not assistant");
            heard.must(!json::text(item, "/status").is_empty(), "a message without status");
            heard.must(!json::list(item, "/content").is_empty(), "a message without content");
            for part in json::list(item, "/content") {
                match json::text(part, "/type") {
                    "output_text" => {
                        heard.must(part.get("annotations").is_some_and(Value::is_array), "output_text without annotations");
                        heard.said.text.push_str(json::text(part, "/text"));
                    }
                    "refusal" => heard.said.refusal.push_str(json::text(part, "/refusal")),
                    other => heard.fault(format!("a part of type {other:?}")),
                }
            }
        }
        "reasoning" => {
            heard.must(item.get("summary").is_some_and(Value::is_array), "a reasoning item without summary");
            for part in json::list(item, "/summary") {
                heard.must(json::text(part, "/type") == "summary_text", "a summary that is not summary_text");
                heard.said.reasoning.push_str(json::text(part, "/text"));
            }
            if json::list(item, "/summary").is_empty() {
                for part in json::list(item, "/content") {
                    heard.said.reasoning.push_str(json::text(part, "/text"));
                }
            }
        }
        "function_call" => {
            let [id, name, arguments] = ["/call_id", "/name", "/arguments"].map(|path| json::text(item, path).to_owned());
            heard.must(!json::text(item, "/status").is_empty(), "a call without status");
            heard.must(item.get("arguments").is_some_and(Value::is_string), "a call's arguments are no text");
            heard.said.calls.push(Call { id, name, arguments });
        }
        hosted if HOSTED.contains(&hosted) => heard.must(!json::text(item, "/status").is_empty(), "a hosted call without status"),
        other => heard.fault(format!("an item of type {other:?}")),
    }
}

fn used(heard: &mut Heard, usage: &Value) -> Option<Used> {
    let number = |path: &str| json::count(usage, path);
    let all = [
        number("/input_tokens"),
        number("/input_tokens_details/cached_tokens"),
        number("/output_tokens"),
        number("/output_tokens_details/reasoning_tokens"),
    ];
    let [Some(input), Some(cache_read), Some(output), Some(reasoning)] = all else {
        heard.fault(format!("usage without its counts: {usage}"));
        return None;
    };
    heard.must(number("/total_tokens") == Some(input + output), "total_tokens is not the sum");
    Some(Used { input, cache_read, output, reasoning })
}
