//! The grammar of OpenAI's chat completions, whole and as chunks (§1.2 and §1.3 of the protocols).

use serde_json::Value;

use super::{Data, Event, Heard, told};
use crate::conformance::pairs::{
    json,
    said::{Call, Stop, Used},
};

const REASONS: [&str; 4] = ["stop", "length", "tool_calls", "content_filter"];

/// One JSON answer.
pub fn whole(answer: &Value) -> Heard {
    let mut heard = Heard::default();
    if json::has(answer, "/error") {
        heard.said.error = Some(told(&answer["error"]));
        return heard;
    }
    head(&mut heard, answer, "chat.completion");
    let choices = json::list(answer, "/choices");
    heard.must(choices.len() == 1, format!("{} choices instead of one", choices.len()));
    let Some(choice) = choices.first() else { return heard };
    heard.must(json::count(choice, "/index") == Some(0), "the choice has no index 0");
    let message = &choice["message"];
    heard.must(json::text(message, "/role") == "assistant", "the message's role is not assistant");
    match message.get("content") {
        Some(Value::String(text)) => heard.said.text.clone_from(text),
        Some(Value::Null) => {}
        other => heard.fault(format!("the message's content is {other:?}, neither text nor null")),
    }
    json::text(message, "/reasoning_content").clone_into(&mut heard.said.reasoning);
    json::text(message, "/refusal").clone_into(&mut heard.said.refusal);
    heard.must(
        message.get("tool_calls").is_none_or(|calls| calls.as_array().is_some_and(|list| !list.is_empty())),
        "tool_calls is no filled list",
    );
    for call in json::list(message, "/tool_calls") {
        heard.must(json::text(call, "/type") == "function", "a tool call is not of type function");
        let arguments = call.pointer("/function/arguments").and_then(Value::as_str);
        heard.must(arguments.is_some(), "a tool call's arguments are no text");
        let [id, name] = ["/id", "/function/name"].map(|path| json::text(call, path).to_owned());
        heard.said.calls.push(Call { id, name, arguments: arguments.unwrap_or_default().to_owned() });
    }
    finish(&mut heard, &choice["finish_reason"]);
    heard.must(heard.said.stop.is_some(), "no finish_reason");
    match answer.get("usage") {
        Some(usage @ Value::Object(_)) => heard.said.usage = used(&mut heard, usage),
        other => heard.fault(format!("usage is {other:?}")),
    }
    heard.said.complete = true;
    heard
}

/// A stream of chunks.
pub fn stream(events: &[Event], asked_usage: bool) -> Heard {
    let mut heard = Heard::default();
    let (mut chunks, mut done) = (0, false);
    let mut shared: Option<(Value, Value, Value)> = None;
    for event in events {
        heard.must(event.name.is_none(), "an event: line");
        heard.must(!done, "something after [DONE]");
        heard.must(heard.said.error.is_none(), "something after the error");
        let chunk = match &event.data {
            Data::Json(chunk) => chunk,
            Data::Done => {
                done = true;
                continue;
            }
            Data::Other(text) => {
                heard.fault(format!("data that is not JSON: {:?}", json::clip(text)));
                continue;
            }
        };
        if json::has(chunk, "/error") {
            heard.said.error = Some(told(&chunk["error"]));
            continue;
        }
        head(&mut heard, chunk, "chat.completion.chunk");
        let own = (chunk["id"].clone(), chunk["created"].clone(), chunk["model"].clone());
        heard.must(*shared.get_or_insert(own.clone()) == own, "chunks differ in id, created or model");
        let choices = json::list(chunk, "/choices");
        let usage = chunk.get("usage").filter(|usage| !usage.is_null());
        match choices {
            [] => {
                heard.must(asked_usage, "a chunk without a choice that nobody asked for");
                heard.must(heard.said.stop.is_some(), "the usage chunk comes before the finish");
                heard.must(heard.said.usage.is_none(), "a second usage chunk");
                match usage {
                    Some(usage) => heard.said.usage = used(&mut heard, usage),
                    None => heard.fault("a chunk with neither choice nor usage"),
                }
            }
            [choice] => {
                heard.must(usage.is_none(), "usage in a chunk that has a choice");
                heard.must(heard.said.usage.is_none(), "a choice after the usage chunk");
                heard.must(json::count(choice, "/index") == Some(0), "a choice has no index 0");
                let role = json::text(choice, "/delta/role");
                heard.must(
                    if chunks == 0 { role == "assistant" } else { role.is_empty() || role == "assistant" },
                    "the first chunk has no role assistant",
                );
                delta(&mut heard, &choice["delta"]);
                if json::has(choice, "/finish_reason") {
                    heard.must(heard.said.stop.is_none(), "a second finish chunk");
                    finish(&mut heard, &choice["finish_reason"]);
                }
            }
            _ => heard.fault("a chunk with several choices"),
        }
        chunks += 1;
    }
    heard.said.complete = done;
    if heard.said.error.is_some() {
        heard.must(!done, "[DONE] after an error");
    } else if done {
        heard.must(heard.said.stop.is_some(), "[DONE] without a finish chunk");
        heard.must(!asked_usage || heard.said.usage.is_some(), "no usage chunk, though asked for");
    } else {
        heard.fault("the stream ends without [DONE] and without an error");
    }
    heard
}

fn head(heard: &mut Heard, answer: &Value, object: &str) {
    heard.must(json::text(answer, "/object") == object, format!("object is not {object}"));
    heard.must(!json::text(answer, "/id").is_empty(), "no id");
    heard.must(!json::text(answer, "/model").is_empty(), "no model");
    heard.must(json::count(answer, "/created").is_some(), "no created");
    heard.must(answer.get("choices").is_some_and(Value::is_array), "no list of choices");
}

fn delta(heard: &mut Heard, delta: &Value) {
    let Some(fields) = delta.as_object() else { return heard.fault("a choice without delta") };
    let finished = heard.said.stop.is_some();
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("role", Value::String(_)) | (_, Value::Null) => continue,
            ("content" | "reasoning_content" | "refusal", Value::String(text)) => {
                let to = match name.as_str() {
                    "content" => &mut heard.said.text,
                    "refusal" => &mut heard.said.refusal,
                    _ => &mut heard.said.reasoning,
                };
                to.push_str(text);
                heard.must(!finished || text.is_empty(), "something is said after the finish chunk");
            }
            ("content" | "reasoning_content" | "refusal", _) => heard.fault(format!("delta.{name} is no text")),
            ("tool_calls", Value::Array(calls)) => {
                heard.must(!finished, "a call after the finish chunk");
                for call in calls {
                    call_part(heard, call);
                }
            }
            // The official library adds lists up by the index of their entries, and raises where there is none.
            (_, Value::Array(list)) => heard
                .must(list.iter().all(|entry| json::count(entry, "/index").is_some()), format!("entries of delta.{name} without index")),
            _ => {}
        }
    }
}

fn call_part(heard: &mut Heard, part: &Value) {
    let Some(index) = json::count(part, "/index").and_then(|index| usize::try_from(index).ok()) else {
        return heard.fault("a call's delta without index");
    };
    let [id, name] = ["/id", "/function/name"].map(|path| json::text(part, path).to_owned());
    let arguments = part.pointer("/function/arguments").and_then(Value::as_str);
    let calls = heard.said.calls.len();
    if index == calls {
        heard.must(!id.is_empty() && !name.is_empty(), "the first delta of a call has no id or no name");
        heard.must(json::text(part, "/type") == "function", "the first delta of a call is not of type function");
        heard.must(arguments.is_some(), "the first delta of a call has no arguments");
        heard.said.calls.push(Call { id, name, arguments: arguments.unwrap_or_default().to_owned() });
    } else if let Some(call) = heard.said.calls.get_mut(index) {
        let same = (id.is_empty() || id == call.id) && (name.is_empty() || name == call.name);
        call.arguments.push_str(arguments.unwrap_or_default());
        heard.must(same, "a later delta of a call has another id or name");
    } else {
        heard.fault(format!("call {index} comes when there are {calls}"));
    }
}

fn finish(heard: &mut Heard, reason: &Value) {
    let word = reason.as_str().unwrap_or_default();
    heard.must(REASONS.contains(&word), format!("finish_reason {reason} is not OpenAI's"));
    word.clone_into(&mut heard.said.finish);
    heard.said.stop = Some(match word {
        "stop" => Stop::Done,
        "length" => Stop::Length,
        "tool_calls" => Stop::Tools,
        "content_filter" => Stop::Filter,
        _ => Stop::Other,
    });
}

fn used(heard: &mut Heard, usage: &Value) -> Option<Used> {
    let number = |path: &str| json::count(usage, path);
    let (Some(input), Some(output)) = (number("/prompt_tokens"), number("/completion_tokens")) else {
        heard.fault(format!("usage without its counts: {usage}"));
        return None;
    };
    heard.must(number("/total_tokens") == Some(input + output), "total_tokens is not the sum");
    Some(Used {
        input,
        output,
        cache_read: number("/prompt_tokens_details/cached_tokens").unwrap_or(0),
        reasoning: number("/completion_tokens_details/reasoning_tokens").unwrap_or(0),
    })
}
