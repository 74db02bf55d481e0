//! Gemini's `Schema` (a subset of OpenAPI 3.0 with types in capitals) as JSON schema.

use serde_json::{Map, Value, json};

/// The JSON schema of a `Schema`.
pub(super) fn json_schema(schema: Value) -> Value {
    let Value::Object(map) = schema else { return schema };
    let mut out = Map::new();
    let mut nullable = false;
    for (name, value) in map {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("type", Value::String(kind)) => {
                let kind = kind.to_ascii_lowercase();
                if kind != "type_unspecified" {
                    out.insert(String::from("type"), Value::String(kind));
                }
            }
            ("type", Value::Array(kinds)) => {
                let kinds = kinds.into_iter().map(|kind| kind.as_str().map_or(Value::Null, |kind| json!(kind.to_ascii_lowercase())));
                out.insert(name, Value::Array(kinds.collect()));
            }
            ("nullable", value) => nullable = value == Value::Bool(true),
            ("properties" | "defs" | "$defs", Value::Object(members)) => {
                let members = members.into_iter().map(|(name, schema)| (name, json_schema(schema)));
                out.insert(if name == "properties" { name } else { String::from("$defs") }, Value::Object(members.collect()));
            }
            ("ref", reference) => {
                out.insert(String::from("$ref"), reference);
            }
            ("items" | "additionalProperties" | "additional_properties", schema) => {
                out.insert(camel(&name), json_schema(schema));
            }
            ("anyOf" | "any_of", Value::Array(schemas)) => {
                out.insert(String::from("anyOf"), Value::Array(schemas.into_iter().map(json_schema).collect()));
            }
            ("prefixItems" | "oneOf" | "allOf", Value::Array(schemas)) => {
                out.insert(name, Value::Array(schemas.into_iter().map(json_schema).collect()));
            }
            // Counts are 64-bit integers, which protobuf's JSON writes as strings.
            (
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties" | "min_items" | "max_items"
                | "min_length" | "max_length" | "min_properties" | "max_properties",
                value,
            ) => {
                let count = value.as_str().and_then(|text| text.parse::<u64>().ok()).map_or(value, Value::from);
                out.insert(camel(&name), count);
            }
            ("format", Value::String(format)) if format == "enum" => {}
            // An order of members means nothing to others.
            ("propertyOrdering" | "property_ordering", _) => {}
            ("example", value) => {
                out.insert(String::from("examples"), json!([value]));
            }
            (_, value) => {
                out.insert(name, value);
            }
        }
    }
    if nullable {
        allow_null(&mut out);
    }
    Value::Object(out)
}

/// Admits `null` in JSON schema's own way.
fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.push(json!({"type": "null"}));
    }
    match schema.get_mut("type") {
        Some(Value::Array(kinds)) => kinds.push(json!("null")),
        Some(kind) => *kind = json!([kind.take(), "null"]),
        None => {}
    }
}

fn camel(name: &str) -> String {
    match name.split_once('_') {
        None => name.to_owned(),
        Some((first, second)) => {
            let mut rest = second.chars();
            let initial = rest.next().map(|c| c.to_ascii_uppercase());
            first.chars().chain(initial).chain(rest).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_become_json_schemas() {
        let check = |schema: Value, expect: Value| assert_eq!(json_schema(schema), expect);
        check(
            json!({"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": true}}, "required": ["type"], "propertyOrdering": ["type"]}),
            json!({"type": "object", "properties": {"type": {"type": ["string", "null"]}}, "required": ["type"]}),
        );
        check(
            json!({"type": "ARRAY", "minItems": "1", "items": {"type": "STRING", "format": "enum", "enum": ["a", "b"]}}),
            json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["a", "b"]}}),
        );
        check(
            json!({"any_of": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "nullable": true}),
            json!({"anyOf": [{"type": "number"}, {"type": "boolean"}, {"type": "null"}]}),
        );
        check(json!({"type": "object", "max_items": 3}), json!({"type": "object", "maxItems": 3}));
    }
}
