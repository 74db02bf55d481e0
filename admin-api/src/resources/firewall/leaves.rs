//! The texts of a request's body: every string of it, with its place, to be looked at and replaced.
//!
//! What is only bytes written as text (pictures, sound, documents as base64) is no text. What is JSON in a string stays JSON.

use fluxa_firewall::Form;

use crate::json::Node;

/// A run of base64 from which on a string is bytes and no text: longer than any key, shorter than any picture.
const BYTES_RUN: usize = 512;

/// Shows `see` every text of `body` with its place (a JSON pointer) and takes what it is to become.
pub(super) fn each(body: &mut Node, see: &mut dyn FnMut(&str, &str, Form) -> Option<String>) {
    walk(body, &mut String::new(), see);
}

fn walk(node: &mut Node, path: &mut String, see: &mut dyn FnMut(&str, &str, Form) -> Option<String>) {
    let here = path.len();
    match node {
        Node::Text(text) => {
            if !is_bytes(text)
                && let Some(becomes) = see(path, text, form(text))
            {
                *text = becomes;
            }
        }
        Node::List(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                path.push('/');
                path.push_str(&at.to_string());
                walk(item, path, see);
                path.truncate(here);
            }
        }
        Node::Object(members) => {
            for (name, value) in members {
                path.push('/');
                path.push_str(&name.replace('~', "~0").replace('/', "~1"));
                walk(value, path, see);
                path.truncate(here);
            }
        }
        Node::Null | Node::Flag(_) | Node::Number(_) => {}
    }
}

/// Arguments of tools are JSON in a string.
pub(super) fn form(text: &str) -> Form {
    let begins = text.trim_start().starts_with(['{', '[']);
    if begins && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() { Form::Json } else { Form::Plain }
}

fn is_bytes(text: &str) -> bool {
    let data = match text.strip_prefix("data:").and_then(|rest| rest.split_once(',')) {
        Some((kind, data)) if kind.ends_with(";base64") => return !kind.starts_with("text/") && !data.is_empty(),
        _ => text,
    };
    data.len() >= BYTES_RUN && data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_seen_at_its_place_and_may_be_replaced() {
        let body = format!(
            r#"{{"a/b":[{{"text":"x"}},1.50,"{}"],"args":"{{\"k\":\"v\"}}","url":"data:image/png;base64,aGFsbG8="}}"#,
            "QUJD".repeat(200)
        );
        let mut node = Node::read(body.as_bytes()).unwrap();
        let mut seen = Vec::new();
        each(&mut node, &mut |path, text, form| {
            seen.push(format!("{path} {text} {form:?}"));
            (text == "x").then(|| String::from("y"))
        });
        assert_eq!(seen, ["/a~1b/0/text x Plain", r#"/args {"k":"v"} Json"#]);
        let mut out = String::new();
        node.write(&mut out);
        assert_eq!(out, body.replace(r#""text":"x""#, r#""text":"y""#), "all else is as it was");
    }
}
