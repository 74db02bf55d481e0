use proptest::prelude::*;
use serde_json::{Value, json};

use crate::leaf::{Edited, Fate, Leaf, LeafKind, json};

/// Quotes, line breaks and a backslash: what must be escaped.
fn changed(text: &str) -> String {
    format!("<\"{text}\\\n>")
}

fn all_changed(body: &str) -> Value {
    match json(body.as_bytes(), &mut |leaf| Fate::Replace(changed(leaf.text))).unwrap() {
        Edited::Changed(bytes) => serde_json::from_slice(&bytes).unwrap(),
        Edited::Same => serde_json::from_str(body).unwrap(),
        Edited::Stopped => panic!("nobody stopped it"),
    }
}

/// The same on a tree; in `data`, names and long numbers too.
fn tree_changed(value: &Value, data: bool) -> Value {
    match value {
        Value::String(text) => Value::String(changed(text)),
        Value::Number(number) if data && number.to_string().bytes().filter(u8::is_ascii_digit).count() >= 7 => {
            Value::String(changed(&number.to_string()))
        }
        Value::Array(values) => values.iter().map(|value| tree_changed(value, data)).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                (if data { changed(name) } else { name.clone() }, tree_changed(value, data || name == "args"))
            };
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

/// Everything beyond ASCII as escapes.
fn escaped(json: &str) -> String {
    let unit = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    json.chars().map(|c| if c.is_ascii() { c.to_string() } else { unit(c) }).collect()
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        (0u32..200).prop_map(Value::from),
        ".{0,40}".prop_map(Value::String),
        "[a-z \"\\\\\n]{0,80}".prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::btree_map("k_[a-z]{1,6}|args", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_change_is_the_change_of_a_tree(value in values()) {
        let expect = tree_changed(&value, false);
        for body in [value.to_string(), serde_json::to_string_pretty(&value).unwrap(), escaped(&value.to_string())] {
            prop_assert_eq!(&all_changed(&body), &expect);
        }
    }

    #[test]
    fn what_is_kept_is_the_same(value in values()) {
        let body = escaped(&value.to_string());
        prop_assert_eq!(json(body.as_bytes(), &mut |_| Fate::Keep), Ok(Edited::Same));
        let same = |leaf: Leaf<'_>| Fate::Replace(leaf.text.to_owned());
        prop_assert_eq!(json(body.as_bytes(), &mut { same }), Ok(Edited::Same));
    }

    #[test]
    fn a_torn_body_is_refused(value in values(), at in any::<prop::sample::Index>()) {
        let body = json!({ "k": value }).to_string();
        let torn = body.as_bytes().get(..at.index(body.len())).unwrap();
        prop_assert!(json(torn, &mut |_| Fate::Keep).is_err());
    }

    #[test]
    fn any_bytes_are_judged_as_serde_judges_them(bytes in proptest::collection::vec(any::<u8>(), 0..60), place in any::<prop::sample::Index>(), value in values()) {
        let mut body = value.to_string().into_bytes();
        let place = place.index(body.len() + 1);
        body.splice(place..place, bytes.iter().copied().take(3));
        for body in [&body, &bytes] {
            let ours = json(body, &mut |_| Fate::Replace(String::from("\u{1}x")));
            let theirs = serde_json::from_slice::<Value>(body);
            let range = theirs.as_ref().is_err_and(|fault| fault.to_string().contains("out of range"));
            prop_assert!(range || ours.is_ok() == theirs.is_ok(), "{:?} {:?}", ours, theirs);
            if let Ok(Edited::Changed(changed)) = ours {
                prop_assert!(range || serde_json::from_slice::<Value>(&changed).is_ok());
            }
        }
    }
}

#[test]
fn what_is_no_json_is_refused() {
    let deep = format!("{}1{}", "[".repeat(65), "]".repeat(65));
    let faults: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"[1,]",
        b"\"\xff\"",
        b"\"\\ud800\"",
        b"\"\\udc00\"",
        b"\"\\ud800\\u0041\"",
        b"\"a\nb\"",
        b"{\"a\":01}",
        b"\"\\x\"",
        b"{\"a\" 1}",
        deep.as_bytes(),
    ];
    for fault in faults {
        assert!(json(fault, &mut |_| Fate::Keep).is_err(), "{}", String::from_utf8_lossy(fault));
    }
    let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    assert_eq!(json(deep.as_bytes(), &mut |_| Fate::Keep), Ok(Edited::Same));
}

#[test]
fn a_stop_ends_it_at_once() {
    let mut seen = 0;
    let edited = json(br#"{"a":"x","b":"y","c":["#, &mut |_| {
        seen += 1;
        Fate::Stop
    });
    assert_eq!((edited, seen), (Ok(Edited::Stopped), 1));
}

#[test]
fn bytes_around_a_change_stay() {
    let body = br#" { "a" : "\u00e9\/" , "n":1.50e1,"b":[ "x", "secret" ],"c":"\ud83d\ude00" } "#;
    let edited = json(body, &mut |leaf| if leaf.text == "secret" { Fate::Replace(String::from("\"é\"")) } else { Fate::Keep });
    let expect = r#" { "a" : "\u00e9\/" , "n":1.50e1,"b":[ "x", "\"é\"" ],"c":"\ud83d\ude00" } "#;
    assert_eq!(edited, Ok(Edited::Changed(expect.as_bytes().to_vec().into())));
}

/// What is shown of a body, as `kind field=text`.
fn shown(body: &Value) -> Vec<String> {
    let mut shown = Vec::new();
    let edited = json(body.to_string().as_bytes(), &mut |Leaf { text, kind, field }| {
        let kind = match kind {
            LeafKind::Text => "text",
            LeafKind::Arguments => "arguments",
            LeafKind::Number => "number",
            LeafKind::Name => "name",
        };
        shown.push(format!("{kind} {field}={text}"));
        Fate::Keep
    });
    assert_eq!(edited, Ok(Edited::Same));
    shown
}

#[test]
fn kinds_and_fields_follow_the_names() {
    let check = |body: Value, expect: &[&str]| assert_eq!(shown(&body), expect, "{body}");
    check(json!({"stop": ["a", ["b"]]}), &["text stop=a", "text stop=b"]);
    check(json!(["a"]), &["text =a"]);
    check(json!({"arguments": "{\"a\":1}"}), &["arguments arguments={\"a\":1}"]);
    check(json!({"max_tokens": 12345678, "seed": 1234567}), &[]);
    check(
        json!({"metadata": {"user": "u", "phone": 13800001111u64, "n": 123456}}),
        &["name metadata=user", "text user=u", "name metadata=phone", "number phone=13800001111", "name metadata=n"],
    );
    check(json!({"input": [1234567, "t"]}), &["text input=t"]);
    check(json!({"input": {"card": [4111111111111111u64]}}), &["name input=card", "number card=4111111111111111"]);
    check(json!({"toolResult": {"content": [{"json": {"a": -1234567.5}}]}}), &["name json=a", "number a=-1234567.5"]);
    check(json!({"functionCall": {"args": {"a": {"b": "c"}}}}), &["name functionCall=args", "name args=a", "name a=b", "text b=c"]);
    check(json!({"logit_bias": {"50256": -100}, "a@b.example": 1}), &["name logit_bias=50256", "name =a@b.example"]);
}

#[test]
fn names_are_read_with_their_escapes() {
    let body = br#"{"argum\u0065nts":"{}","met\u0061data":{"\u0041":"b"},"typ\u0065":"text","x\ny":1}"#;
    let mut seen = Vec::new();
    json(body, &mut |leaf| {
        seen.push((leaf.kind, leaf.field.to_owned(), leaf.text.to_owned()));
        Fate::Keep
    })
    .unwrap();
    let expect = [
        (LeafKind::Arguments, "arguments", "{}"),
        (LeafKind::Name, "metadata", "A"),
        (LeafKind::Text, "A", "b"),
        (LeafKind::Name, "", "x\ny"),
    ];
    assert_eq!(seen, expect.map(|(kind, field, text)| (kind, field.to_owned(), text.to_owned())));
}

#[test]
fn a_number_becomes_a_string_and_a_name_another() {
    let body = br#"{"args":{"a@b.example":13800001111,"c":2}}"#;
    let edited = json(body, &mut |leaf| match leaf.kind {
        LeafKind::Number => Fate::Replace(String::from("[PHONE]")),
        LeafKind::Name if leaf.text.contains('@') => Fate::Replace(String::from("[EMAIL]")),
        _ => Fate::Keep,
    });
    assert_eq!(edited, Ok(Edited::Changed(br#"{"args":{"[EMAIL]":"[PHONE]","c":2}}"#.to_vec().into())));
}
