//! Labels that a request brings for reports: the header `x-fluxa-tags`, `metadata.tags` of the body, and the end user it names.
//!
//! The invariant: what a row carries is bounded, whatever a client sends. Never done here: labels of keys and teams.

use std::collections::BTreeMap;
use std::ops::Range;

use fluxa_domain::dialect::Op;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_wire::body::fields::Outline;
use hyper::header::{HeaderMap, HeaderName};
use serde_json::Value;

/// The header.
pub(crate) const X_FLUXA_TAGS: HeaderName = HeaderName::from_static("x-fluxa-tags");
/// Most tags of one request; each log row carries them.
const MAX_TAGS: usize = 16;
/// Longest name in characters.
const MAX_NAME_CHARS: usize = 64;
/// Longest value in characters.
const MAX_VALUE_CHARS: usize = 128;
/// The value of a tag that is only a name, so that reports can tell it from an absent one.
const PRESENT: &str = "true";
/// The tag of the end user.
const USER: &str = "user";
/// A longer `metadata` is not read: OpenAI's own bound is 16 pairs of at most 64 and 512 characters, which is 10 kB.
const MAX_METADATA_BYTES: usize = 16 * 1024;

/// The tags of the header.
///
/// # Errors
/// [`RefusalKind::InvalidRequest`] when it is not a list of `name` and `name=value`, or too long.
pub(crate) fn of_header(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    for list in headers.get_all(&X_FLUXA_TAGS) {
        let list = std::str::from_utf8(list.as_bytes()).map_err(|_| malformed())?;
        for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = pair(part).ok_or_else(malformed)?;
            tags.insert(name, value);
            if tags.len() > MAX_TAGS {
                return Err(malformed());
            }
        }
    }
    Ok(tags)
}

fn malformed() -> Refusal {
    let text = format!(
        "the header x-fluxa-tags is malformed: send at most {MAX_TAGS} tags like \"name=value, name\", with names of at most \
         {MAX_NAME_CHARS} characters (letters, digits and . _ : / @ -) and values of at most {MAX_VALUE_CHARS}"
    );
    Refusal::new(RefusalKind::InvalidRequest, text)
}

/// Adds the tags of a body to those of the header, which win. A field of the vendor's is the vendor's: what is no tag is left alone.
pub(crate) fn add_of_body(tags: &mut BTreeMap<String, String>, op: Op, outline: &Outline, body: &[u8]) {
    if op == Op::Other {
        return;
    }
    let metadata = outline.metadata.clone().filter(|span| span.len() <= MAX_METADATA_BYTES).and_then(|span| read(span, body));
    if let Some(metadata) = &metadata {
        match metadata.get("tags") {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).filter_map(pair).for_each(|(name, value)| add(tags, name, value)),
            Some(Value::Object(map)) => {
                for (name, value) in map {
                    let Some(value) = value.as_str() else { continue };
                    if is_name(name) && is_value(value) {
                        add(tags, name.clone(), value.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    let user = match op {
        Op::Messages | Op::CountTokens => metadata.as_ref().and_then(|metadata| metadata.get("user_id")).cloned(),
        _ => outline.user.clone().filter(|span| span.len() <= MAX_METADATA_BYTES).and_then(|span| read(span, body)),
    };
    if let Some(Value::String(user)) = user {
        // Clients put whole sessions in here: the beginning tells users apart.
        let user: String = user.chars().take(MAX_VALUE_CHARS).collect();
        if is_value(&user) && !user.is_empty() {
            add(tags, String::from(USER), user);
        }
    }
}

fn read(span: Range<usize>, body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body.get(span)?).ok()
}

fn add(tags: &mut BTreeMap<String, String>, name: String, value: String) {
    if tags.len() < MAX_TAGS {
        tags.entry(name).or_insert(value);
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=').unwrap_or((text, PRESENT));
    let (name, value) = (name.trim(), value.trim());
    (is_name(name) && is_value(value)).then(|| (name.to_owned(), value.to_owned()))
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_CHARS && fluxa_domain::validate::name(USER, text).is_ok()
}

fn is_value(text: &str) -> bool {
    text.chars().count() <= MAX_VALUE_CHARS && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<BTreeMap<String, String>, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(X_FLUXA_TAGS, hyper::header::HeaderValue::from_bytes(text.as_bytes()).unwrap());
        of_header(&headers)
    }

    fn body(op: Op, text: &str) -> Vec<String> {
        let outline = fluxa_wire::body::outline::outline(text.as_bytes()).unwrap();
        let mut tags = BTreeMap::from([(String::from("app"), String::from("header"))]);
        add_of_body(&mut tags, op, &outline, text.as_bytes());
        tags.remove("app");
        tags.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn the_header_is_a_list_of_names_and_pairs() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let expect: BTreeMap<String, String> = expect.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(header(text).unwrap(), expect, "{text}");
        };
        check("", &[]);
        check("a=1, b = two words ,c,,d=x=y", &[("a", "1"), ("b", "two words"), ("c", "true"), ("d", "x=y")]);
        check("a=", &[("a", "")]);
        check("stadt=K\u{f6}ln", &[("stadt", "K\u{f6}ln")]);
        let long = |name: usize, value: usize| header(&format!("{}={}", "n".repeat(name), "v".repeat(value)));
        assert!(long(64, 128).is_ok());
        for bad in [long(65, 1), long(1, 129), header("=x"), header("a b!=x"), header("a=x\ty")] {
            let refusal = bad.unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::InvalidRequest);
            assert!(refusal.message.contains("x-fluxa-tags"), "{}", refusal.message);
        }
        let many = |count: usize| header(&(0..count).map(|n| format!("t{n}")).collect::<Vec<_>>().join(","));
        assert!(many(16).is_ok() && many(17).is_err());
    }

    #[test]
    fn bodies_bring_tags_in_two_shapes_and_the_header_wins() {
        assert_eq!(body(Op::Chat, r#"{"metadata":{"tags":["app=body","x","y=1",7,"!"]}}"#), ["x=true", "y=1"]);
        assert_eq!(body(Op::Responses, r#"{"metadata":{"tags":{"app":"body","y":"1","z":2}}}"#), ["y=1"]);
        assert_eq!(body(Op::Messages, r#"{"metadata":{"tags":{"y":"1"},"user_id":"u-1"}}"#), ["user=u-1", "y=1"]);
        for other in [r#"{"metadata":null}"#, r#"{"metadata":[]}"#, r#"{"metadata":{"tags":"x"}}"#, r#"{"metadata":{"tags":null},"user":7}"#, "{}"] {
            assert!(body(Op::Chat, other).is_empty(), "{other}");
        }
    }

    #[test]
    fn the_end_user_is_a_tag() {
        assert_eq!(body(Op::Chat, r#"{"user":"anna"}"#), ["user=anna"]);
        assert_eq!(body(Op::Embeddings, r#"{"user":"an\u006ea"}"#), ["user=anna"]);
        assert!(body(Op::Messages, r#"{"user":"anna"}"#).is_empty());
        assert!(body(Op::Chat, r#"{"user":"a\nb"}"#).is_empty());
        let long = body(Op::Chat, &format!(r#"{{"user":"{}"}}"#, "u".repeat(500)));
        assert_eq!(long, [format!("user={}", "u".repeat(128))]);
        let many: Vec<String> = (0..40).map(|n| format!("\"t{n}\"")).collect();
        assert_eq!(body(Op::Chat, &format!(r#"{{"metadata":{{"tags":[{}]}}}}"#, many.join(","))).len(), 15);
    }
}
