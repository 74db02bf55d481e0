//! Which tools a request has, as far as a call of one must be told in its own way: free text, or inside a namespace.

use serde_json::Value;

/// Between the name of a namespace and a tool's, where only one name can be said.
const JOINT: &str = "__";

/// The tools of a request that are not plain functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Toolbox {
    odd: Vec<(String, Known)>,
}

/// How a call of a tool is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Its own name, without the namespace.
    pub(super) name: String,
    /// The namespace it is in.
    pub(super) namespace: Option<String>,
    /// It takes free text.
    pub(super) free_text: bool,
}

impl Toolbox {
    /// Of the `tools` of a request.
    pub(super) fn of(tools: Option<&Value>) -> Self {
        let mut odd = Vec::new();
        for tool in tools.and_then(Value::as_array).into_iter().flatten() {
            let (Some(kind), Some(name)) = (word(tool, "type"), word(tool, "name")) else { continue };
            match kind {
                "custom" => odd.push((name.to_owned(), Known { name: name.to_owned(), namespace: None, free_text: true })),
                "namespace" => {
                    for inner in tool.get("tools").and_then(Value::as_array).into_iter().flatten() {
                        let Some(own) = word(inner, "name") else { continue };
                        let free_text = word(inner, "type") == Some("custom");
                        odd.push((flat(Some(name), own), Known { name: own.to_owned(), namespace: Some(name.to_owned()), free_text }));
                    }
                }
                _ => {}
            }
        }
        Self { odd }
    }

    /// How a call of the tool with this (flat) name is told.
    pub(super) fn known(&self, name: &str) -> Known {
        let odd = self.odd.iter().find(|(flat, _)| flat == name).map(|(_, known)| known.clone());
        odd.unwrap_or_else(|| Known { name: name.to_owned(), ..Known::default() })
    }
}

/// The one name of a tool in a namespace.
pub(super) fn flat(namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}{JOINT}{name}"))
}

fn word<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str)
}
