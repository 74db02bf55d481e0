//! Schemas that must be obeyed exactly: what OpenAI wants of them, and keywords that some vendors refuse.

use std::collections::HashSet;

use serde_json::{Map, Value};

/// Closes every object of the schema. False where it cannot be obeyed exactly, because a property may be left out.
///
/// Source: protocol specification §4.1: every object forbids further properties and requires all it has.
pub(super) fn make(schema: &mut Value) -> bool {
    let mut sound = true;
    each(schema, &mut |map| {
        if map.get("type").and_then(Value::as_str) != Some("object") && !map.contains_key("properties") {
            return;
        }
        if map.get("additionalProperties").is_none_or(|more| *more != Value::Bool(false)) {
            if map.contains_key("additionalProperties") {
                sound = false;
                return;
            }
            map.insert(String::from("additionalProperties"), Value::Bool(false));
        }
        let required: HashSet<&str> =
            map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = map.get("properties").and_then(Value::as_object);
        sound &= properties.is_none_or(|properties| properties.keys().all(|key| required.contains(key.as_str())));
    });
    sound
}

/// Takes `$schema` and `$id` out.
pub(super) fn without_meta(schema: &mut Value) {
    each(schema, &mut |map| {
        map.shift_remove("$schema");
        map.shift_remove("$id");
    });
}

/// Every schema in a schema. Names of properties are no keywords.
fn each(schema: &mut Value, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
    match schema {
        Value::Object(map) => {
            visit(map);
            for (key, value) in map.iter_mut() {
                match (key.as_str(), value) {
                    ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(named)) => {
                        named.values_mut().for_each(|value| each(value, visit));
                    }
                    ("enum" | "const" | "default" | "examples" | "required", _) => {}
                    (_, value) => each(value, visit),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| each(value, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_closed_where_nothing_may_be_left_out() {
        let check = |mut schema: Value, sound: bool, expect: Value| {
            assert_eq!(make(&mut schema), sound, "{schema}");
            assert_eq!(schema, expect);
        };
        check(
            json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {}}}}, "required": ["a"]}),
            true,
            json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {}, "additionalProperties": false}}},
                "required": ["a"], "additionalProperties": false}),
        );
        check(
            json!({"type": "object", "properties": {"a": {"type": "string"}}}),
            false,
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false}),
        );
        check(json!({"type": "object", "additionalProperties": true}), false, json!({"type": "object", "additionalProperties": true}));
        check(json!({"type": "string"}), true, json!({"type": "string"}));
    }

    #[test]
    fn keywords_go_and_properties_of_their_name_stay() {
        let mut schema = json!({"$schema": "x", "$id": "y", "properties": {"$id": {"$id": "z", "type": "string"}}});
        without_meta(&mut schema);
        assert_eq!(schema, json!({"properties": {"$id": {"type": "string"}}}));
    }
}
