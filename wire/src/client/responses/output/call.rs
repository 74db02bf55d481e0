//! A call of a tool, as an item: a function's with JSON, a custom tool's with free text.

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::super::frames::{Body, Frames};
use super::super::toolbox::Known;

/// A call that is being told.
#[derive(Debug)]
pub(super) struct Call {
    /// Its number in the answer.
    number: u32,
    id: String,
    call_id: String,
    known: Known,
    arguments: String,
}

impl Call {
    pub(super) const fn begin(number: u32, id: String, call_id: String, known: Known) -> Self {
        Self { number, id, call_id, known, arguments: String::new() }
    }

    pub(super) const fn is(&self, number: u32) -> bool {
        self.number == number
    }

    pub(super) fn added(&self, output_index: usize, frames: &mut Frames<'_>) {
        let item = self.item("", "in_progress");
        frames.put("response.output_item.added", Body { output_index, item: Some(&item), ..Body::default() });
    }

    /// Free text comes in a JSON string here; it is told when it is whole.
    pub(super) fn arguments(&mut self, fragment: &str, output_index: usize, frames: &mut Frames<'_>) {
        self.arguments.push_str(fragment);
        if !self.known.free_text {
            let body = Body { item_id: Some(&self.id), output_index, delta: Some(fragment), ..Body::default() };
            frames.put("response.function_call_arguments.delta", body);
        }
    }

    /// The item, whole. One whose arguments were cut off says so.
    pub(super) fn end(self, output_index: usize, frames: &mut Frames<'_>) -> Value {
        let at = || Body { item_id: Some(&self.id), output_index, ..Body::default() };
        if self.known.free_text {
            let input = free_text(&self.arguments);
            if !input.is_empty() {
                frames.put("response.custom_tool_call_input.delta", Body { delta: Some(&input), ..at() });
            }
            frames.put("response.custom_tool_call_input.done", Body { input: Some(&input), ..at() });
            return self.item(&input, "completed");
        }
        let body = Body { arguments: Some(&self.arguments), ..at() };
        frames.put("response.function_call_arguments.done", body);
        let is_whole = serde_json::from_str::<IgnoredAny>(&self.arguments).is_ok();
        self.item(&self.arguments, if is_whole { "completed" } else { "incomplete" })
    }

    fn item(&self, said: &str, status: &str) -> Value {
        let (id, call_id, name) = (&self.id, &self.call_id, &self.known.name);
        let mut item = if self.known.free_text {
            json!({"id": id, "type": "custom_tool_call", "status": status, "call_id": call_id, "input": said, "name": name})
        } else {
            json!({"id": id, "type": "function_call", "status": status, "arguments": said, "call_id": call_id, "name": name})
        };
        if let (Value::Object(item), Some(namespace)) = (&mut item, &self.known.namespace) {
            item.insert(String::from("namespace"), Value::from(namespace.as_str()));
        }
        item
    }
}

/// The text in `{"input": "..."}`; what is not of this form is the text itself.
fn free_text(arguments: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(arguments).ok();
    match parsed {
        Some(Value::Object(mut members)) => match members.remove("input") {
            Some(Value::String(text)) => text,
            None if members.is_empty() => String::new(),
            _ => arguments.to_owned(),
        },
        _ => arguments.to_owned(),
    }
}
