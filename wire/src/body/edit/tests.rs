use super::*;
use crate::body::outline::outline;
use proptest::prelude::*;
use serde_json::{Value, json};

fn edited(body: &str, edits: impl Fn(&Outline) -> Vec<Option<Edit>>) -> String {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let o = outline(&bytes).unwrap();
    let out = apply(&bytes, edits(&o).into_iter().flatten().collect()).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn each_edit_does_what_it_says() {
    let ask = |o: &Outline| vec![ask_usage(o)];
    let on = r#"{"include_usage":true}"#;
    assert_eq!(edited(r#"{"a":1}"#, ask), format!(r#"{{"stream_options":{on},"a":1}}"#));
    assert_eq!(edited("{ }", ask), format!(r#"{{"stream_options":{on} }}"#));
    assert_eq!(edited(r#"{"stream_options":null}"#, ask), format!(r#"{{"stream_options":{on}}}"#));
    assert_eq!(edited(r#"{"stream_options":{}}"#, ask), format!(r#"{{"stream_options":{on}}}"#));
    assert_eq!(edited(r#"{"stream_options":{"x":1}}"#, ask), r#"{"stream_options":{"include_usage":true,"x":1}}"#);
    assert_eq!(edited(r#"{"stream_options":{"include_usage": false}}"#, ask), r#"{"stream_options":{"include_usage": true}}"#);
    assert_eq!(edited(r#"{"stream_options":{"include_usage": true}}"#, ask), r#"{"stream_options":{"include_usage": true}}"#);

    let drop = |o: &Outline| vec![drop_stream_options(o)];
    assert_eq!(edited(r#"{"a":1 , "stream_options":{} }"#, drop), r#"{"a":1  }"#);
    assert_eq!(edited(r#"{"stream_options":{} , "a":1}"#, drop), r#"{ "a":1}"#);
    assert_eq!(edited(r#"{"stream_options":{}}"#, drop), "{}");
    assert_eq!(edited(r#"{"a":1}"#, drop), r#"{"a":1}"#);

    let max = |o: &Outline| vec![set_max(o, MaxField::Tokens, 5)];
    assert_eq!(edited(r#"{"max_tokens":9}"#, max), r#"{"max_tokens":5}"#);
    assert_eq!(edited(r#"{"max_tokens":3}"#, max), r#"{"max_tokens":3}"#);
    assert_eq!(edited(r#"{"max_tokens":null}"#, max), r#"{"max_tokens":5}"#);
    assert_eq!(edited("{}", max), r#"{"max_tokens":5}"#);
    assert_eq!(
        edited("{}", |o| vec![set_model(o, "m\"x"), ask_usage(o), set_max(o, MaxField::OutputTokens, 7)]),
        r#"{"model":"m\"x","stream_options":{"include_usage":true},"max_output_tokens":7}"#
    );
}

#[test]
fn no_edits_share_the_bytes() {
    let body = Bytes::from_static(b"{}");
    assert_eq!(apply(&body, Vec::new()).unwrap().as_ptr(), body.as_ptr());
}

#[test]
fn edits_that_meet_are_refused() {
    let body = Bytes::from_static(b"0123456789");
    assert_eq!(apply(&body, vec![Edit::replace(2..6, "a"), Edit::replace(5..7, "b")]), Err(Clash { at: 5 }));
    assert_eq!(apply(&body, vec![Edit::replace(8..11, "a")]), Err(Clash { at: 8 }));
}

proptest! {
    #[test]
    fn an_edit_changes_nothing_else(
        model in ".{0,20}",
        text in ".{0,40}",
        limit in proptest::option::of(0u64..100),
        options in proptest::sample::select(vec![json!(null), json!({}), json!({"include_usage": false}), json!({"x": [1]}), json!("absent")]),
        n in 1u64..50,
    ) {
        let mut body = json!({"z": text, "model": "old", "messages": [{"role": "user", "content": text}]});
        let fields = body.as_object_mut().unwrap();
        if let Some(limit) = limit { fields.insert("max_tokens".into(), limit.into()); }
        if options != json!("absent") { fields.insert("stream_options".into(), options); }
        let out = edited(&body.to_string(), |o| vec![set_model(o, &model), ask_usage(o), set_max(o, MaxField::Tokens, n)]);
        let mut expect = body.clone();
        expect["model"] = model.into();
        expect["max_tokens"] = limit.map_or(n, |l| l.min(n)).into();
        if !expect["stream_options"].is_object() { expect["stream_options"] = json!({}); }
        expect["stream_options"]["include_usage"] = true.into();
        let found: Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn bytes_outside_the_span_stay(body in proptest::collection::vec(any::<u8>(), 1..80), a in 0usize..80, b in 0usize..80, with in proptest::collection::vec(any::<u8>(), 0..10)) {
        let (a, b) = (a.min(body.len()), b.min(body.len()));
        let (start, end) = (a.min(b), a.max(b));
        let bytes = Bytes::from(body.clone());
        let out = apply(&bytes, vec![Edit::replace(start..end, with.clone())]).unwrap();
        prop_assert_eq!(&out[..start], &body[..start]);
        prop_assert_eq!(&out[start..start + with.len()], &with[..]);
        prop_assert_eq!(&out[start + with.len()..], &body[end..]);
    }
}
