//! The API as an OpenAPI 3.1 document, written from the list in `endpoints.rs` and the schemas beside.

mod schemas;

use serde_json::{Map, Value, json};

use crate::endpoints::{Endpoint, Gives, Takes, Verb, endpoints};
use crate::problem::PROBLEM_JSON;
use crate::show::members;

/// The document.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let path = endpoint.path.replace("{*", "{");
        let item = paths.entry(path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            item.insert(verb(endpoint.verb).to_owned(), described(&endpoint));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "fluxa admin API", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "MIT", "identifier": "MIT" } },
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "description": "the master key" } },
            "responses": { "Problem": { "description": "an error, RFC 9457", "content": { PROBLEM_JSON: { "schema": reference("Problem") } } } },
            "schemas": schemas::all(),
        },
    })
}

fn described(endpoint: &Endpoint) -> Value {
    let mut shown = members(json!({
        "operationId": endpoint.id,
        "summary": endpoint.about,
        "parameters": parameters(endpoint),
        "responses": responses(endpoint),
    }));
    let (schema, required) = match endpoint.takes {
        Takes::Nothing => return Value::Object(shown),
        Takes::Json(schema) | Takes::Large(schema) | Takes::Import(schema) => (schema, true),
        Takes::Maybe(schema) => (schema, false),
    };
    let body = json!({ "required": required, "content": { "application/json": { "schema": reference(schema) } } });
    shown.insert(String::from("requestBody"), body);
    Value::Object(shown)
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let in_path = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| {
        let description = if name.starts_with('*') { "percent-encoded; slashes may stand as they are" } else { "percent-encoded" };
        json!({ "name": name.trim_start_matches('*'), "in": "path", "required": true, "description": description, "schema": { "type": "string" } })
    });
    let in_query = endpoint.query.iter().flat_map(|params| params.iter()).map(|param| {
        let schema = if param.name == "limit" {
            json!({ "type": "integer", "minimum": 1, "maximum": crate::query::MAX_LIMIT })
        } else {
            json!({ "type": "string" })
        };
        json!({ "name": param.name, "in": "query", "description": param.about, "schema": schema })
    });
    in_path.chain(in_query).collect()
}

fn responses(endpoint: &Endpoint) -> Value {
    let one = |schema: &str| json!({ "description": "done", "content": { "application/json": { "schema": reference(schema) } } });
    let mut responses = members(match endpoint.gives {
        Gives::Nothing => json!({ "204": { "description": "done" } }),
        Gives::One(schema) => json!({ "200": one(schema) }),
        Gives::Made(schema) => json!({ "201": one(schema) }),
        Gives::Put(schema) => json!({ "200": one(schema), "201": one(schema) }),
        Gives::Page(schema) => {
            let page = json!({
                "type": "object",
                "required": ["data", "next_cursor"],
                "properties": { "data": { "type": "array", "items": reference(schema) }, "next_cursor": { "type": ["string", "null"] } },
            });
            json!({ "200": { "description": "a page", "content": { "application/json": { "schema": page } } } })
        }
        Gives::Csv => {
            json!({ "200": { "description": "RFC 4180, a header line first", "content": { "text/csv": { "schema": { "type": "string" } } } } })
        }
    });
    responses.insert(String::from("default"), json!({ "$ref": "#/components/responses/Problem" }));
    Value::Object(responses)
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

const fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "get",
        Verb::Post => "post",
        Verb::Put => "put",
        Verb::Patch => "patch",
        Verb::Delete => "delete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(node: &Value, root: &Value) {
            match node {
                Value::Object(members) => {
                    if let Some(Value::String(to)) = members.get("$ref") {
                        assert!(root.pointer(to.trim_start_matches('#')).is_some(), "{to}");
                    }
                    members.values().for_each(|inner| walk(inner, root));
                }
                Value::Array(items) => items.iter().for_each(|inner| walk(inner, root)),
                _ => {}
            }
        }
        let document = document();
        walk(&document, &document);
    }

    #[test]
    fn operation_ids_are_unique() {
        let mut ids: Vec<_> = endpoints().iter().map(|endpoint| endpoint.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
