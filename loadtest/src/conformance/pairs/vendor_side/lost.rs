//! What of a client's request is not in the vendor's: every text, picture, call, tool and argument is looked for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::conformance::pairs::{
    compare::Findings,
    dialect::Client,
    json,
    wish::{Choice, Part, Wish},
};

/// Everything in a body: its strings, those within JSON that is a string, its names and its objects.
#[derive(Default)]
struct Leaves {
    texts: Vec<String>,
    names: BTreeSet<String>,
    objects: Vec<Value>,
}

impl Leaves {
    fn take(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                if text.starts_with('{')
                    && let Ok(inner) = serde_json::from_str::<Value>(text)
                {
                    self.take(&inner);
                }
                self.texts.push(text.clone());
            }
            Value::Array(list) => list.iter().for_each(|value| self.take(value)),
            Value::Object(fields) => {
                self.objects.push(value.clone());
                for (name, value) in fields {
                    self.names.insert(name.clone());
                    self.take(value);
                }
            }
            _ => {}
        }
    }

    fn has_text(&self, text: &str) -> bool {
        let text = text.trim();
        text.is_empty() || self.texts.iter().any(|have| have.contains(text))
    }
}

/// What of the wish is not in the body.
pub(super) fn judge(client: Client, wish: &Wish, body: &Value, dropped: &str, findings: &mut Findings) {
    let mut leaves = Leaves::default();
    leaves.take(body);
    let mut lost = Vec::new();
    for text in wish.texts() {
        // A result that is JSON may have become an object.
        let as_object = || serde_json::from_str::<Value>(text).is_ok_and(|json| leaves.objects.contains(&json));
        if !leaves.has_text(text) && !as_object() {
            lost.push(format!("the text {:?}", json::clip(text)));
        }
    }
    for part in wish.turns.iter().flat_map(|turn| &turn.parts) {
        match part {
            Part::Picture(_, data) if !leaves.has_text(data) => lost.push("a picture".to_owned()),
            Part::PictureAt(url) if client != Client::Gemini && !leaves.has_text(url) => lost.push("the address of a picture".to_owned()),
            Part::Call { name, arguments, .. } if !leaves.objects.contains(arguments) => {
                lost.push(format!("the arguments of the call of {name:?}"))
            }
            _ => {}
        }
    }
    let tools_off = wish.choice == Some(Choice::None);
    for tool in wish.tools.iter().filter(|_| !tools_off) {
        let sound: String = tool
            .name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-') { letter } else { '_' })
            .collect();
        if !leaves.texts.iter().any(|text| *text == tool.name || *text == sound) && tool.name.len() <= 64 {
            lost.push(format!("the tool {:?}", tool.name));
        }
        if !leaves.has_text(&tool.description) {
            lost.push(format!("the description of {:?}", tool.name));
        }
        for name in tool.schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|fields| fields.keys()) {
            if !leaves.names.contains(name) {
                lost.push(format!("the argument {name:?} of {:?}", tool.name));
            }
        }
    }
    match lost.first() {
        None => {}
        Some(_) if !dropped.is_empty() => findings.rule("something was dropped, and x-fluxa-dropped says so"),
        Some(first) => findings.fail(format!("vendor's side: {} of the request lost, the first: {first}", lost.len())),
    }
}
