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
            // Also beside a reference, as a recursive schema has it: vendors look no further.
            if !map.contains_key("type") {
                map.insert(String::from("type"), json!("object"));
            }
            if map.get("type") == Some(&json!("object")) && !map.contains_key("properties") && !map.contains_key("$ref") {
                map.insert(String::from("properties"), Value::Object(Map::new()));
            }
            Value::Object(map)
        }
        _ => no_arguments(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_an_object() {
        let check = |given: Value, expect: Value| assert_eq!(object(Some(&given)), expect);
        check(json!({}), json!({"type": "object", "properties": {}}));
        check(json!({"properties": {"a": {}}}), json!({"properties": {"a": {}}, "type": "object"}));
        check(json!({"$ref": "#/$defs/n", "$defs": {}}), json!({"$ref": "#/$defs/n", "$defs": {}, "type": "object"}));
        check(json!({"type": "string"}), json!({"type": "string"}));
        check(json!(true), no_arguments());
        assert_eq!(object(None), no_arguments());
    }
}
