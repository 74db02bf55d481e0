//! A call whose arguments come in pieces (`streamFunctionCallArguments`): each names the place of a value by a JSON path.

use serde_json::{Map, Value};

use super::chunk::Piece;

/// Elements of a list beyond this are not believed: a path may name any index.
const ELEMENTS: usize = 4_096;

/// Steps of a path; deeper ones are not believed.
const STEPS: usize = 64;

/// Puts a piece into the arguments; text goes on where text is.
pub(super) fn put(arguments: &mut Value, piece: Piece) {
    let Some(steps) = piece.json_path.as_deref().and_then(steps) else { return };
    let Some(place) = place(arguments, &steps) else { return };
    match (piece.string_value, piece.number_value, piece.bool_value) {
        (Some(more), _, _) => match place {
            Value::String(text) => text.push_str(&more),
            place => *place = Value::String(more),
        },
        (None, Some(number), _) => *place = number,
        (None, None, Some(truth)) => *place = Value::Bool(truth),
        (None, None, None) => {}
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

/// The steps of `$.a.b[0]['c d']`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == STEPS {
            return None;
        }
        if let Some(inside) = rest.strip_prefix('[') {
            let quoted = ["'", "\""].into_iter().find_map(|quote| {
                let (name, after) = inside.strip_prefix(quote)?.split_once(&*format!("{quote}]"))?;
                Some((Step::Member(name.to_owned()), after))
            });
            let (step, after) = match quoted {
                Some(found) => found,
                None => {
                    let (index, after) = inside.split_once(']')?;
                    (Step::Element(index.trim().parse().ok().filter(|index| *index < ELEMENTS)?), after)
                }
            };
            steps.push(step);
            rest = after;
        } else {
            let inside = rest.strip_prefix('.').unwrap_or(rest);
            let end = inside.find(['.', '[']).unwrap_or(inside.len());
            let (name, after) = inside.split_at(end);
            if name.is_empty() {
                return None;
            }
            steps.push(Step::Member(name.to_owned()));
            rest = after;
        }
    }
    Some(steps)
}

/// The place that steps lead to, made where it is not there.
fn place<'v>(root: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    let mut at = root;
    for step in steps {
        if at.is_null() {
            *at = match step {
                Step::Member(_) => Value::Object(Map::new()),
                Step::Element(_) => Value::Array(Vec::new()),
            };
        }
        at = match (step, at) {
            (Step::Member(name), Value::Object(map)) => map.entry(name.as_str()).or_insert(Value::Null),
            (Step::Element(index), Value::Array(list)) => {
                while list.len() <= *index {
                    list.push(Value::Null);
                }
                list.get_mut(*index)?
            }
            _ => return None,
        };
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pieces_make_arguments() {
        let mut arguments = json!({});
        let pieces = json!([
            {"jsonPath": "$.city", "stringValue": "Bos", "willContinue": true},
            {"jsonPath": "$.city", "stringValue": "ton"},
            {"jsonPath": "$.days[1].n", "numberValue": 3},
            {"jsonPath": "$['a b'][0]", "boolValue": true},
            {"jsonPath": "$.none", "nullValue": "NULL_VALUE"},
            {"jsonPath": "$.days[999999999]", "boolValue": true},
            {"jsonPath": "$.city.inner", "boolValue": true},
        ]);
        for piece in pieces.as_array().unwrap() {
            put(&mut arguments, serde_json::from_value(piece.clone()).unwrap());
        }
        assert_eq!(arguments, json!({"city": "Boston", "days": [null, {"n": 3}], "a b": [true], "none": null}));
    }
}
