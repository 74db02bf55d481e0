//! What this vendor takes of a JSON schema. Source: protocol specification §3.1 (`response_format`).

use serde_json::{Map, Value, json};

use crate::neutral::schema;

/// Keywords that are refused where a schema must be obeyed exactly.
const REFUSED: &[&str] = &[
    "$schema",
    "$id",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "then",
    "else",
    "not",
    "prefixItems",
    "additionalItems",
    "strict",
];

/// Formats of strings that are taken.
const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// Members whose values are schemas under names of the client's own.
const NAMED: &[&str] = &["properties", "$defs", "definitions"];

/// A schema that must be obeyed exactly: every object closed, refused keywords out.
pub(super) fn exact(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => Value::Object(exact_object(map)),
        // `true` is a schema too: anything.
        Value::Bool(true) => json!({}),
        other => other.clone(),
    }
}

fn exact_object(map: &Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in map {
        match (name.as_str(), value) {
            (name, _) if REFUSED.contains(&name) => {}
            ("additionalProperties", _) => {}
            ("format", Value::String(format)) if !FORMATS.contains(&format.as_str()) => {}
            // None and one are taken, more are not.
            ("minItems", value) if value.as_u64().is_none_or(|least| least > 1) => {}
            ("oneOf" | "anyOf" | "allOf", Value::Array(list)) => {
                let name = if name == "oneOf" { "anyOf" } else { name };
                let list: Vec<Value> = list.iter().map(exact).collect();
                match out.get_mut(name) {
                    Some(Value::Array(known)) => known.extend(list),
                    _ => {
                        out.insert(name.to_owned(), Value::Array(list));
                    }
                }
            }
            (name, Value::Object(inner)) if NAMED.contains(&name) => {
                let inner = inner.iter().map(|(key, value)| (key.clone(), exact(value))).collect();
                out.insert(name.to_owned(), Value::Object(inner));
            }
            ("items", Value::Object(_)) => {
                out.insert(name.clone(), exact(value));
            }
            _ => {
                out.insert(name.clone(), value.clone());
            }
        }
    }
    let is_object = match out.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => out.contains_key("properties"),
    };
    if is_object {
        out.insert(String::from("additionalProperties"), Value::Bool(false));
    }
    out
}

/// The schema of a tool's arguments: an object without a choice at its top, which is refused there.
pub(super) fn arguments(given: Option<&Value>) -> Value {
    let Value::Object(mut map) = schema::object(given) else { return schema::no_arguments() };
    let choices: Vec<Value> = ["anyOf", "oneOf", "allOf"]
        .iter()
        .filter_map(|name| map.remove(*name).map(|value| (*name, value)))
        .flat_map(|(name, value)| {
            let list = if let Value::Array(list) = value { list } else { Vec::new() };
            list.into_iter().map(move |choice| json!({"all": name == "allOf", "of": choice}))
        })
        .collect();
    for choice in choices {
        let Some(of) = choice.get("of").and_then(Value::as_object) else { continue };
        if let (Some(Value::Object(known)), Some(Value::Object(more))) = (map.get_mut("properties"), of.get("properties")) {
            for (name, value) in more {
                known.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        // What one choice needs, another may not: only what all must hold is needed.
        if choice.get("all") == Some(&Value::Bool(true))
            && let Some(Value::Array(more)) = of.get("required")
            && let Value::Array(known) = map.entry("required").or_insert_with(|| json!([]))
        {
            known.extend(more.iter().cloned());
        }
    }
    // Only an object will do, whatever else was allowed.
    map.insert(String::from("type"), json!("object"));
    Value::Object(map)
}
