//! Tools that take free text, at vendors whose tools take objects only: the text stands in `{"input": "..."}`.

use serde_json::{Map, Value};

/// The text in the arguments of a call; the arguments themselves where there is none in them.
pub(crate) fn unwrapped(arguments: String) -> String {
    match serde_json::from_str::<Map<String, Value>>(&arguments).ok().and_then(|mut object| object.remove("input")) {
        Some(Value::String(text)) => text,
        _ => arguments,
    }
}

/// Whether a text stands in its object already.
pub(crate) fn is_wrapped(text: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(text)
        .is_ok_and(|object| object.len() == 1 && object.get("input").is_some_and(Value::is_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_of_their_objects() {
        let check = |arguments: &str, expect: &str| assert_eq!(unwrapped(arguments.to_owned()), expect);
        check(r#"{"input":"a\n\"b\""}"#, "a\n\"b\"");
        check(r#"{"input":"a","more":1}"#, "a");
        for plain in [r#"{"input":1}"#, "{}", "a", "", r#"["input"]"#] {
            check(plain, plain);
        }
        assert!(is_wrapped(r#" {"input":"a"} "#) && !is_wrapped(r#"{"input":"a","b":1}"#) && !is_wrapped("a"));
    }
}
