//! JSON schemas for answers that must obey them. Source: structured outputs in Bedrock's user guide; protocol specification §3.1 and §6.1.

use serde_json::{Map, Value};

/// What the decoder does not know; it refuses a schema with any of these.
const UNKNOWN: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "$schema",
    "$id",
];

const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// The schema with every object closed and without what the decoder does not know.
pub(super) fn closed(schema: &Value) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    let mut out = Map::new();
    for (key, value) in map {
        match (key.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(schemas)) => {
                out.insert(key.clone(), Value::Object(schemas.iter().map(|(name, schema)| (name.clone(), closed(schema))).collect()));
            }
            ("anyOf" | "allOf", Value::Array(list)) => {
                out.insert(key.clone(), list.iter().map(closed).collect());
            }
            ("oneOf", Value::Array(list)) => {
                out.insert(String::from("anyOf"), list.iter().map(closed).collect());
            }
            ("items", value) => {
                out.insert(key.clone(), closed(value));
            }
            ("format", Value::String(format)) if !FORMATS.contains(&format.as_str()) => {}
            ("minItems", value) if value.as_u64().is_none_or(|least| least > 1) => {}
            ("additionalProperties", _) => {}
            (key, _) if UNKNOWN.contains(&key) => {}
            (key, value) => {
                out.insert(key.to_owned(), value.clone());
            }
        }
    }
    if is_object(map) {
        out.insert(String::from("additionalProperties"), Value::Bool(false));
    }
    Value::Object(out)
}

/// Its values are objects.
pub(super) fn is_object(map: &Map<String, Value>) -> bool {
    let kind = map.get("type");
    let named = kind.and_then(Value::as_str) == Some("object");
    let among = kind.and_then(Value::as_array).is_some_and(|kinds| kinds.iter().any(|kind| kind.as_str() == Some("object")));
    named || among || kind.is_none() && map.contains_key("properties")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_closed_and_properties_keep_their_names() {
        let check = |schema: Value, expect: Value| assert_eq!(closed(&schema), expect);
        check(
            json!({"type": "object", "$schema": "x", "properties": {"minimum": {"type": "integer", "minimum": 1, "enum": [1]}, "format": {"type": "string", "format": "color"}}}),
            json!({"type": "object", "properties": {"minimum": {"type": "integer", "enum": [1]}, "format": {"type": "string"}}, "additionalProperties": false}),
        );
        check(
            json!({"oneOf": [{"properties": {}}, {"type": ["object", "null"], "additionalProperties": true}], "minItems": 2}),
            json!({"anyOf": [{"properties": {}, "additionalProperties": false}, {"type": ["object", "null"], "additionalProperties": false}]}),
        );
        check(
            json!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "object"}}}),
            json!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "object", "additionalProperties": false}}}),
        );
    }
}
