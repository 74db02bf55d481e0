//! JSON schema as the subset of OpenAPI 3.0 that older models take. Source: protocol specification §5.1.
//!
//! References are written out (a recursion ends in an open object), unions become `anyOf`, what the subset lacks is left out.

use std::cell::Cell;

use serde_json::{Map, Value, json};

/// How deep references may lead; deeper ones are recursions or nobody's tool.
const REFERENCES: usize = 12;

/// Schemas written for one: references that lead to many others must not multiply without end.
const SCHEMAS: usize = 10_000;

/// Members that are taken as they are.
const KEPT: [&str; 13] = [
    "title",
    "description",
    "default",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "example",
];

/// `parameters` of a function; nothing for one that takes nothing, for which an empty object is refused.
pub(super) fn parameters(schema: &Value) -> Option<Value> {
    let found = subset(schema);
    let empty = found.get("properties").is_none_or(|properties| properties.as_object().is_some_and(Map::is_empty));
    let union = found.get("anyOf").is_some();
    (!empty || union).then_some(found)
}

/// A schema in the subset.
pub(super) fn subset(schema: &Value) -> Value {
    Converter { root: schema, left: Cell::new(SCHEMAS) }.schema(schema, &mut Vec::new())
}

struct Converter<'a> {
    root: &'a Value,
    left: Cell<usize>,
}

impl<'a> Converter<'a> {
    fn schema(&self, schema: &'a Value, path: &mut Vec<&'a str>) -> Value {
        let left = self.left.get();
        let Value::Object(map) = schema else { return json!({"type": "OBJECT"}) };
        if left == 0 {
            return json!({"type": "OBJECT"});
        }
        self.left.set(left - 1);
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            return self.reference(reference, map, path);
        }
        if let Some(Value::Array(all)) = map.get("allOf") {
            return self.all_of(map, all, path);
        }
        if let Some(Value::Array(any)) = map.get("anyOf").or_else(|| map.get("oneOf")) {
            return self.any_of(map, any, path);
        }
        if let Some(Value::Array(kinds)) = map.get("type") {
            return self.kinds(map, kinds, path);
        }
        self.plain(map, map.get("type").and_then(Value::as_str), path)
    }

    /// A schema of one type.
    fn plain(&self, map: &'a Map<String, Value>, kind: Option<&str>, path: &mut Vec<&'a str>) -> Value {
        let mut out = Map::new();
        let values = map.get("enum").and_then(Value::as_array).cloned().or_else(|| map.get("const").map(|only| vec![only.clone()]));
        let kind = kind.map(str::to_ascii_lowercase).or_else(|| {
            let inferred = if map.contains_key("properties") {
                "object"
            } else if map.contains_key("items") {
                "array"
            } else if values.is_some() {
                "string"
            } else {
                return None;
            };
            Some(inferred.to_owned())
        });
        // Values are texts; those of numbers can only be told in words.
        let texts = values.filter(|_| kind.as_deref() == Some("string"));
        let kind = kind.unwrap_or_else(|| String::from("object"));
        out.insert(String::from("type"), Value::String(kind.to_ascii_uppercase()));
        for name in KEPT {
            if let Some(value) = map.get(name) {
                out.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(values) = texts {
            let texts = values.into_iter().filter_map(|value| match value {
                Value::String(text) if text.is_empty() => None,
                Value::String(text) => Some(text),
                Value::Null => None,
                other => Some(other.to_string()),
            });
            out.insert(String::from("format"), json!("enum"));
            out.insert(String::from("enum"), Value::Array(texts.map(Value::String).collect()));
        } else if map.get("format").and_then(Value::as_str) == Some("date-time") && kind == "string" {
            out.insert(String::from("format"), json!("date-time"));
        }
        if map.get("nullable") == Some(&Value::Bool(true)) {
            out.insert(String::from("nullable"), Value::Bool(true));
        }
        if kind == "object" {
            self.members(map, &mut out, path);
        }
        if kind == "array" {
            let items = map.get("items").filter(|items| items.is_object());
            let first = || map.get("prefixItems").and_then(Value::as_array).and_then(|items| items.first());
            let items = items.or_else(first).map_or_else(|| json!({"type": "STRING"}), |items| self.schema(items, path));
            out.insert(String::from("items"), items);
        }
        Value::Object(out)
    }

    fn members(&self, map: &'a Map<String, Value>, out: &mut Map<String, Value>, path: &mut Vec<&'a str>) {
        let Some(Value::Object(members)) = map.get("properties") else { return };
        let written: Map<String, Value> = members.iter().map(|(name, schema)| (name.clone(), self.schema(schema, path))).collect();
        if let Some(Value::Array(required)) = map.get("required") {
            let known: Vec<Value> =
                required.iter().filter(|name| name.as_str().is_some_and(|name| members.contains_key(name))).cloned().collect();
            if !known.is_empty() {
                out.insert(String::from("required"), Value::Array(known));
            }
        }
        out.insert(String::from("properties"), Value::Object(written));
    }

    /// `["string", "null"]` and wider unions.
    fn kinds(&self, map: &'a Map<String, Value>, kinds: &'a [Value], path: &mut Vec<&'a str>) -> Value {
        let nullable = kinds.iter().any(|kind| kind == "null");
        let real: Vec<&str> = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
        let mut written: Vec<Value> = real.iter().map(|kind| self.plain(map, Some(kind), path)).collect();
        let mut out = if written.len() == 1 { written.remove(0) } else { json!({"anyOf": written}) };
        if nullable {
            out["nullable"] = Value::Bool(true);
        }
        out
    }

    /// Where there is a choice nothing else may stand beside it.
    fn any_of(&self, map: &'a Map<String, Value>, any: &'a [Value], path: &mut Vec<&'a str>) -> Value {
        let is_null = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("null");
        let nullable = any.iter().any(is_null);
        let mut written: Vec<Value> = any.iter().filter(|schema| !is_null(schema)).map(|schema| self.schema(schema, path)).collect();
        let mut out = if written.len() == 1 {
            let mut only = written.remove(0);
            for name in ["title", "description"] {
                if let (None, Some(value)) = (only.get(name), map.get(name)) {
                    only[name] = value.clone();
                }
            }
            only
        } else {
            json!({"anyOf": written})
        };
        if nullable {
            out["nullable"] = Value::Bool(true);
        }
        out
    }

    /// Everything at once: members are merged, the first word on anything else counts.
    fn all_of(&self, map: &'a Map<String, Value>, all: &'a [Value], path: &mut Vec<&'a str>) -> Value {
        let mut out = Map::new();
        let own = if map.contains_key("properties") || map.contains_key("type") {
            self.plain(map, map.get("type").and_then(Value::as_str), path)
        } else {
            let words = map.iter().filter(|(name, _)| matches!(name.as_str(), "title" | "description"));
            Value::Object(words.map(|(name, value)| (name.clone(), value.clone())).collect())
        };
        let written = all.iter().map(|schema| self.schema(schema, path));
        for schema in std::iter::once(own).chain(written.collect::<Vec<_>>()) {
            let Value::Object(schema) = schema else { continue };
            for (name, value) in schema {
                match (out.get_mut(&name), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                    (Some(Value::Array(known)), Value::Array(more)) if name == "required" => {
                        known.extend(more);
                        known.dedup();
                    }
                    (Some(_), _) => {}
                    (None, value) => {
                        out.insert(name, value);
                    }
                }
            }
        }
        Value::Object(out)
    }

    /// What a reference leads to, with the words that stand beside it.
    fn reference(&self, reference: &'a str, map: &Map<String, Value>, path: &mut Vec<&'a str>) -> Value {
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let mut out = match target {
            Some(target) if !path.contains(&reference) && path.len() < REFERENCES => {
                path.push(reference);
                let found = self.schema(target, path);
                path.pop();
                found
            }
            _ => json!({"type": "OBJECT"}),
        };
        if let Some(words) = map.get("description") {
            out["description"] = words.clone();
        }
        out
    }
}
