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
    pub(super) fn begin(number: u32, id: String, call_id: String, known: Known) -> Self {
        Self { number, id, call_id, known, arguments: String::new() }
    }

    pub(super) const fn is(&self, number: u32) -> bool {
        self.number == number
    }

    pub(super) fn added(&self, output_index: usize, frames: &mut Frames<'_>) {
        let item = self.item("", "in_progress");
        frames.put("response.output_item.added", Body { output_index, item: Some(&item), ..Body::default() });
    }

    /// More of the arguments, or of a custom tool's text.
    pub(super) fn arguments(&mut self, fragment: &str, output_index: usize, frames: &mut Frames<'_>) {
        let at = Body { item_id: Some(&self.id), output_index, ..Body::default() };
        self.arguments.push_str(fragment);
        let name = if self.known.free_text { "response.custom_tool_call_input.delta" } else { "response.function_call_arguments.delta" };
        frames.put(name, Body { delta: Some(fragment), ..at });
    }

    /// The item, whole. One whose arguments were cut off says so.
    pub(super) fn end(self, output_index: usize, frames: &mut Frames<'_>) -> Value {
        let at = || Body { item_id: Some(&self.id), output_index, ..Body::default() };
        if self.known.free_text {
            frames.put("response.custom_tool_call_input.done", Body { input: Some(&self.arguments), ..at() });
            return self.item(&self.arguments, "completed");
        }
        frames.put("response.function_call_arguments.done", Body { arguments: Some(&self.arguments), ..at() });
        let is_whole = serde_json::from_str::<IgnoredAny>(&self.arguments).is_ok();
        self.item(&self.arguments, status(is_whole))
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

const fn status(is_whole: bool) -> &'static str {
    if is_whole { "completed" } else { "incomplete" }
}
