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

/// Keywords that may stand in a schema that is obeyed exactly. Source: the vendor's page of structured outputs.
const SUPPORTED: &[&str] = &[
    "$schema",
    "$defs",
    "definitions",
    "$ref",
    "title",
    "description",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "anyOf",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
];

/// Formats of texts that may stand there.
const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// The schema with every object closed, where the vendor would take it to be obeyed exactly.
pub(super) fn exact(schema: &Value) -> Option<Value> {
    let root = schema.get("type").and_then(Value::as_str) == Some("object");
    if !root || !is_supported(schema) {
        return None;
    }
    let mut closed = schema.clone();
    make(&mut closed).then_some(closed)
}

fn is_type(kind: &Value) -> bool {
    matches!(kind.as_str(), Some("string" | "number" | "integer" | "boolean" | "object" | "array" | "null"))
}

fn is_supported(schema: &Value) -> bool {
    let Value::Object(map) = schema else { return false };
    let is = |name: &str| match map.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        Some(kind) => kind == name,
        None => false,
    };
    let all = |of: &Value| match of {
        Value::Object(named) => named.values().all(is_supported),
        _ => false,
    };
    let told = ["type", "enum", "const", "anyOf", "$ref"].iter().any(|key| map.contains_key(*key));
    // What is open but says nothing of its members would be closed to all of them.
    let whole = (!is("object") || map.contains_key("properties")) && (!is("array") || map.contains_key("items"));
    let alone = !map.contains_key("$ref") || map.len() == 1;
    told && whole
        && alone
        && map.iter().all(|(key, value)| match key.as_str() {
            "properties" | "$defs" | "definitions" => all(value),
            "items" => is_supported(value),
            "anyOf" => value.as_array().is_some_and(|of| of.iter().all(is_supported)),
            "format" => value.as_str().is_some_and(|format| FORMATS.contains(&format)),
            "type" => match value {
                Value::Array(kinds) => kinds.iter().all(is_type),
                kind => is_type(kind),
            },
            key => SUPPORTED.contains(&key),
        })
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
    fn schemas_that_can_be_obeyed_exactly() {
        let of = |a: Value| json!({"type": "object", "properties": {"a": a}, "required": ["a"]});
        let mut closed = of(json!({"type": ["string", "null"], "format": "date"}));
        closed["additionalProperties"] = json!(false);
        assert_eq!(exact(&of(json!({"type": ["string", "null"], "format": "date"}))), Some(closed));
        let check = |schema: Value, expect: bool| assert_eq!(exact(&schema).is_some(), expect, "{schema}");
        check(of(json!({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]})), true);
        check(of(json!({"type": "array", "items": {"type": "object", "properties": {"enum": {"const": 1}}, "required": ["enum"]}})), true);
        check(of(json!({"type": "array"})), false);
        check(of(json!({"type": "object"})), false);
        check(of(json!({"type": "STRING"})), false);
        check(of(json!({"type": "string", "minLength": 1})), false);
        check(of(json!({"type": "string", "format": "uri"})), false);
        check(of(json!({"type": "integer", "default": 1})), false);
        check(of(json!({"oneOf": [{"type": "integer"}]})), false);
        check(of(json!({"$ref": "#/$defs/X", "description": "x"})), false);
        check(of(json!({})), false);
        check(of(json!(true)), false);
        check(json!({"type": "object", "properties": {"a": {"type": "string"}}}), false);
        check(json!({"type": "object", "properties": {}, "additionalProperties": true}), false);
        check(json!({"type": "array", "items": {"type": "string"}}), false);
        check(json!({"anyOf": [{"type": "string"}]}), false);
    }

    #[test]
    fn keywords_go_and_properties_of_their_name_stay() {
        let mut schema = json!({"$schema": "x", "$id": "y", "properties": {"$id": {"$id": "z", "type": "string"}}});
        without_meta(&mut schema);
        assert_eq!(schema, json!({"properties": {"$id": {"type": "string"}}}));
    }
}
