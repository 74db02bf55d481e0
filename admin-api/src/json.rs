//! A body as a tree in which numbers keep their text, so that money is read exactly, and in which a
//! member that appears twice is a fault instead of a silent choice. Reading fields: `json/fields.rs`.

mod fields;

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(crate) use fields::{Fields, Given, Item, merge};

/// How deep a body may nest (no resource here needs more than 4).
const MAX_DEPTH: usize = 64;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Flag(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object, in the order written.
    Object(Vec<(String, Node)>),
}

/// Why a body is not a tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum JsonFault {
    /// Not JSON; the parser's words hold positions, not content.
    Malformed(String),
    /// This member appears twice.
    Twice(String),
    /// Nested too deep.
    TooDeep,
}

impl Node {
    /// Reads one JSON text.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, JsonFault> {
        let raw: &RawValue = serde_json::from_slice(bytes).map_err(|e| malformed(&e))?;
        grow(raw, "", 0)
    }

    /// The JSON text of it; numbers as they were written.
    pub(crate) fn write(&self, out: &mut String) {
        // Texts always serialise.
        let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
        match self {
            Self::Null => out.push_str("null"),
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    out.push_str(&quoted(name));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// What it is, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

fn grow(raw: &RawValue, path: &str, depth: usize) -> Result<Node, JsonFault> {
    if depth > MAX_DEPTH {
        return Err(JsonFault::TooDeep);
    }
    let text = raw.get().trim();
    match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(|e| malformed(&e))?;
            let mut grown: Vec<(String, Node)> = Vec::with_capacity(members.len());
            let mut seen = std::collections::HashSet::with_capacity(members.len());
            for (name, value) in &members {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if !seen.insert(name.as_str()) {
                    return Err(JsonFault::Twice(inner));
                }
                grown.push((name.clone(), grow(value, &inner, depth + 1)?));
            }
            Ok(Node::Object(grown))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| malformed(&e))?;
            items
                .iter()
                .enumerate()
                .map(|(at, item)| grow(item, &format!("{path}[{at}]"), depth + 1))
                .collect::<Result<_, _>>()
                .map(Node::List)
        }
        Some(b'"') => serde_json::from_str(text).map(Node::Text).map_err(|e| malformed(&e)),
        Some(b't') => Ok(Node::Flag(true)),
        Some(b'f') => Ok(Node::Flag(false)),
        Some(b'n') => Ok(Node::Null),
        _ => Ok(Node::Number(text.to_owned())),
    }
}

fn malformed(error: &serde_json::Error) -> JsonFault {
    JsonFault::Malformed(error.to_string())
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                // An owned name: a borrowed one cannot hold escapes.
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text() {
        let node = Node::read(br#"{"a":0.10,"b":[1e2,null,true,"x"]}"#).unwrap();
        let Node::Object(members) = node else { panic!("{node:?}") };
        assert_eq!(members[0], (String::from("a"), Node::Number(String::from("0.10"))));
        assert_eq!(
            members[1].1,
            Node::List(vec![Node::Number(String::from("1e2")), Node::Null, Node::Flag(true), Node::Text(String::from("x"))])
        );
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let text = r#"{"a":0.10,"b":[1e2,null,true,"x\"\n阿"],"c":{}}"#;
        let mut out = String::new();
        Node::read(text.as_bytes()).unwrap().write(&mut out);
        assert_eq!(out, text);
    }

    #[test]
    fn faults_are_told_apart() {
        assert!(matches!(Node::read(b"{\"a\":}"), Err(JsonFault::Malformed(_))));
        assert!(matches!(Node::read(b""), Err(JsonFault::Malformed(_))));
        assert!(matches!(Node::read(b"{} {}"), Err(JsonFault::Malformed(_))));
        assert!(matches!(Node::read(b"{\"a\":\"\xff\"}"), Err(JsonFault::Malformed(_))));
        assert_eq!(Node::read(br#"{"a":{"b":1,"\u0062":2}}"#), Err(JsonFault::Twice(String::from("a.b"))));
        let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
        assert_eq!(Node::read(deep.as_bytes()), Err(JsonFault::TooDeep));
    }
}
