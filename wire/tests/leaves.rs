//! One canary in every place of every dialect's requests and answers: each place is shown, and what is replaced is gone.
//!
//! The shapes are those of A-18 (string content, parts, tool definitions, arguments and results, system, items, embeddings, prompts,
//! metadata and so on); every string and every name in them is tried, one at a time.
#![cfg(test)]

#[path = "leaves/shapes.rs"]
mod shapes;

use fluxa_wire::leaf::{Edited, Fate, json};
use serde_json::Value;
use shapes::{SHAPES, Shape};

/// Canaries of several forms: a text, an address, a card as text, a long key of the base64url alphabet, a long hexadecimal key.
fn canaries() -> [String; 5] {
    [
        String::from("call me on 13800001111"),
        String::from("canary@mail.example"),
        String::from("4111111111111111"),
        format!("sk-canary-{}", "Ab3_dE5-".repeat(16)),
        "0123456789abcdef".repeat(4),
    ]
}

/// A place in a tree: where to go, and whether the name there is meant instead of the value.
#[derive(Clone, Debug)]
struct Place {
    path: Vec<Step>,
    name: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Member(String),
    Element(usize),
}

fn places(value: &Value, path: &mut Vec<Step>, found: &mut Vec<Place>) {
    match value {
        Value::String(_) => found.push(Place { path: path.clone(), name: false }),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                path.push(Step::Element(index));
                places(value, path, found);
                path.pop();
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                path.push(Step::Member(name.clone()));
                found.push(Place { path: path.clone(), name: true });
                places(value, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The tree with the canary in one place; unescaped as the SDKs write it.
fn with_canary(value: &Value, place: &Place, canary: &str) -> Value {
    let mut tree = value.clone();
    let mut at = &mut tree;
    let (last, before) = place.path.split_last().unwrap();
    for step in before {
        at = match step {
            Step::Member(name) => at.get_mut(name).unwrap(),
            Step::Element(index) => at.get_mut(index).unwrap(),
        };
    }
    match last {
        Step::Member(name) if place.name => {
            let members = at.as_object_mut().unwrap();
            let value = members.remove(name).unwrap();
            members.insert(canary.to_owned(), value);
        }
        Step::Member(name) => at[name] = Value::from(canary),
        Step::Element(index) => at[*index] = Value::from(canary),
    }
    tree
}

fn escaped(body: &str, canary: &str) -> String {
    body.replace(canary, &canary.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>())
}

#[test]
fn a_canary_passes_in_no_place_of_any_dialect() {
    let mut cells = 0;
    for Shape { name, body } in SHAPES {
        let tree: Value = serde_json::from_str(body).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let mut found = Vec::new();
        places(&tree, &mut Vec::new(), &mut found);
        for place in found {
            for canary in canaries() {
                // A name of letters and digits of which no dialect has one.
                let plain = with_canary(&tree, &place, &canary).to_string();
                for body in [escaped(&plain, &canary), plain] {
                    let mut seen = 0;
                    let edited = json(body.as_bytes(), &mut |leaf| {
                        let hit = leaf.text.contains(&canary);
                        seen += u32::from(hit);
                        if hit { Fate::Replace(leaf.text.replace(&canary, "[GONE]")) } else { Fate::Keep }
                    });
                    assert_eq!(seen, 1, "{name}: {canary} at {place:?}");
                    let Ok(Edited::Changed(edited)) = edited else { panic!("{name}: {edited:?} at {place:?}") };
                    let after: Value = serde_json::from_slice(&edited).unwrap();
                    assert_eq!(after, with_canary(&tree, &place, "[GONE]"), "{name}: {place:?}");
                    cells += 1;
                }
            }
        }
    }
    assert!(cells > 5_000, "only {cells} cells");
}

#[test]
fn nothing_of_an_ordinary_body_is_shown_twice_or_changed() {
    for Shape { name, body } in SHAPES {
        let strings = {
            let mut found = Vec::new();
            places(&serde_json::from_str(body).unwrap(), &mut Vec::new(), &mut found);
            found.len()
        };
        let mut seen = 0;
        assert_eq!(
            json(body.as_bytes(), &mut |_| {
                seen += 1;
                Fate::Keep
            }),
            Ok(Edited::Same),
            "{name}"
        );
        assert!(seen <= strings + 20, "{name}: {seen} of {strings}");
    }
}
