//! JSON schemas, as far as dialects differ in what they take of them.

use serde_json::{Map, Value, json};

/// The schema of a tool that takes nothing.
#[must_use]
pub fn no_arguments() -> Value {
    json!({"type": "object", "properties": {}})
}

/// A schema whose top is an object, which every vendor wants of a tool's arguments.
#[must_use]
pub fn object(schema: Option<&Value>) -> Value {
    match schema {
        Some(Value::Object(map)) => {
            let mut map = map.clone();
            if !map.contains_key("type") && !map.contains_key("$ref") {
                map.insert(String::from("type"), json!("object"));
            }
            if map.get("type") == Some(&json!("object")) && !map.contains_key("properties") {
                map.insert(String::from("properties"), Value::Object(Map::new()));
            }
            Value::Object(map)
        }
        _ => no_arguments(),
    }
}
