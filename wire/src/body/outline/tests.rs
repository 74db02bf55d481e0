use super::*;
use proptest::prelude::*;

#[test]
fn the_fields_are_found_with_their_places() {
    let body = br#" {"model":"m-1","stream":true,"stream_options":{"x":1,"include_usage":false},"max_tokens":12,"n":2,
        "messages":[{"role":"user","content":"h\u00e9llo"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],
        "tools":[{"name":"t"}],"service_tier":"flex","store":false,"previous_response_id":null} "#;
    let o = outline(body).unwrap();
    assert_eq!(o.model_name(), Some("m-1"));
    assert_eq!(&body[o.model.as_ref().unwrap().span.clone()], br#""m-1""#);
    assert!(o.wants_stream() && !o.wants_usage());
    assert_eq!(o.max.get(MaxField::Tokens).unwrap().value, Some(12));
    assert_eq!((o.n, o.messages, o.tools, o.media), (Some(2), 2, 1, 1));
    assert_eq!((o.store, o.previous_response, o.service_tier.as_deref()), (Some(false), false, Some("flex")));
    assert_eq!(&body[..o.top_open], b" {");
    // user, h.llo, user, image_url, name, t
    assert_eq!((o.text.ascii_bytes, o.text.non_ascii_chars), (4 + 4 + 4 + 9 + 4 + 1, 1));
}

#[test]
fn what_is_refused_and_why() {
    let check = |body: &[u8], expect: &str| {
        assert_eq!(outline(body).unwrap_err().to_string(), expect, "{}", String::from_utf8_lossy(body));
    };
    check(b"", "malformed json at byte 0: empty body");
    check(b"[1]", "the body is not a json object");
    check(b"\xef\xbb\xbf{}", "malformed json at byte 0: expected `{`");
    check(br#"{"model":"a","model":"b"}"#, "duplicate field `model` at byte 13");
    check(br#"{"model":"a","mod\u0065l":"b"}"#, "duplicate field `model` at byte 13");
    check(br#"{"max_tokens":1,"max_tokens":2}"#, "duplicate field `max_tokens` at byte 16");
    check(br#"{"model":null}"#, "`model` must be a string (byte 9)");
    check(br#"{"model":["a"]}"#, "`model` must be a string (byte 9)");
    check(br#"{"model":[}"#, "malformed json at byte 10: expected a value");
    check(br#"{"model":"\ud800"}"#, "`model` must be a string (byte 9)");
    check(br#"{"stream":"yes"}"#, "`stream` must be a boolean or null (byte 10)");
    check(br#"{"max_tokens":-1}"#, "`max_tokens` must be a non-negative integer or null (byte 14)");
    check(br#"{"max_tokens":1.5}"#, "`max_tokens` must be a non-negative integer or null (byte 14)");
    check(br#"{"n":99999999999999999999}"#, "`n` must be a non-negative integer or null (byte 5)");
    check(br#"{"stream_options":1}"#, "`stream_options` must be an object or null (byte 18)");
    check(br#"{"stream_options":{"include_usage":1}}"#, "`stream_options.include_usage` must be a boolean or null (byte 35)");
    check(br#"{"model":"a"} x"#, "malformed json at byte 14: something follows the document");
    check(b"{\"a\":\"\xff\"}", "invalid utf-8 at byte 6");
    check(br#"{"a":"b""#, "malformed json at byte 8: unfinished document");
}

#[test]
fn depth_is_bounded_and_counted_from_the_top() {
    let nest = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    assert!(outline(nest(63).as_bytes()).is_ok());
    assert!(matches!(outline(nest(64).as_bytes()), Err(Malformed::TooDeep { .. })));
}

#[test]
fn token_ids_and_inlined_media_are_not_text() {
    let long = "QUJD".repeat(2000);
    let body = format!(r#"{{"model":"m","input":[[1,2,3],[4]],"file":{{"type":"input_file","file_data":"{long}"}}}}"#);
    let o = outline(body.as_bytes()).unwrap();
    assert_eq!((o.token_ids, o.messages, o.text.bytes), (4, 2, 10));
    assert_eq!((o.media, o.documents, o.inlined, o.media_bytes), (1, 1, 1, 8000));
}

#[test]
fn what_looks_like_media_where_text_belongs_is_text() {
    let long = "QUJD".repeat(2000);
    for body in [
        format!(r#"{{"input":["{long}"]}}"#),
        format!(r#"{{"messages":[{{"role":"user","content":"{long}"}}]}}"#),
        format!(r#"{{"prompt":"{long}"}}"#),
        format!(r#"{{"messages":[{{"content":[{{"type":"text","text":"data: {long}"}}]}}]}}"#),
    ] {
        let o = outline(body.as_bytes()).unwrap();
        assert_eq!((o.media, o.media_bytes), (0, 0), "{body:.60}");
        assert!(o.text.bytes >= 8000, "{body:.60}");
    }
}

#[test]
fn media_may_be_inlined_or_only_named() {
    let check = |part: &str, expect: (u32, u32, u32)| {
        let o = outline(format!(r#"{{"messages":[{{"content":[{part}]}}]}}"#).as_bytes()).unwrap();
        assert_eq!((o.media, o.documents, o.inlined), expect, "{part}");
    };
    check(r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}"#, (1, 0, 1));
    check(r#"{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}"#, (1, 0, 0));
    check(r#"{"type":"input_image","image_url":"data:image/png;base64,AAAA"}"#, (1, 0, 1));
    check(r#"{"type":"input_file","file_id":"file-1"}"#, (1, 1, 0));
    check(&format!(r#"{{"type":"document","source":{{"type":"base64","data":"{}"}}}}"#, "QUJD".repeat(2000)), (1, 1, 1));
}

#[test]
fn text_that_the_vendor_keeps_is_noticed() {
    let check = |body: &str, expect| assert_eq!(outline(body.as_bytes()).unwrap().previous_response, expect, "{body}");
    check(r#"{"previous_response_id":"resp_1"}"#, true);
    check(r#"{"previous_response_id":null,"conversation":"conv_1"}"#, true);
    check(r#"{"conversation":{"id":"conv_1"},"previous_response_id":null}"#, true);
    check(r#"{"prompt":{"id":"pmpt_1"}}"#, true);
    check(r#"{"prompt":"hello","conversation":null,"previous_response_id":null}"#, false);
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = outline(&bytes);
    }

    #[test]
    fn mutated_bodies_are_judged_as_serde_judges_them(at in 0usize..150, byte in any::<u8>()) {
        let mut body = br#"{"model":"m","messages":[{"role":"user","content":"hi \u00e9 there"}],"stream":true,"max_tokens":10,"x":{"y":[1,2]}}"#.to_vec();
        if let Some(place) = body.get_mut(at) { *place = byte; }
        if outline(&body).is_ok() {
            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert!(value.is_object());
        }
    }
}
