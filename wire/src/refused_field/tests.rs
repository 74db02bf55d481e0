use super::*;
use proptest::prelude::*;

const SENT: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi","name":"n"}],"temperature":0.2,"user":"u","store":true,"seed":7,"max_tokens":9,"stream":true,"tools":[],"response_format":{"type":"text"},"stream_options":{"include_usage":true},"presence_penalty":1,"logprobs":true}"#;

fn drops(names: &[&str]) -> Vec<Mend> {
    names.iter().map(|name| Mend::Drop((*name).to_owned())).collect()
}

fn openai(message: &str, param: &str, code: &str) -> String {
    serde_json::json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}).to_string()
}

#[test]
fn the_field_that_an_error_names_is_found() {
    let check = |error: &str, expect: &[&str]| assert_eq!(read(error.as_bytes(), SENT.as_bytes(), &[]), drops(expect), "{error}");
    check(&openai("Unsupported parameter: 'user' is not supported with this model.", "user", "unsupported_parameter"), &["user"]);
    check(&openai("Unknown parameter: 'seed'.", "seed", "unknown_parameter"), &["seed"]);
    check(
        &openai("Unsupported value: 'temperature' does not support 0.2 with this model.", "temperature", "unsupported_value"),
        &["temperature"],
    );
    check(
        r#"{"error":{"message":"Unrecognized request argument supplied: store","type":"invalid_request_error","param":null,"code":null}}"#,
        &["store"],
    );
    check(r#"{"error":{"message":"Unrecognized request arguments supplied: store, user"}}"#, &["store", "user"]);
    check(
        r#"{"detail":[{"type":"extra_forbidden","loc":["body","store"],"msg":"Extra inputs are not permitted","input":true}]}"#,
        &["store"],
    );
    check(
        r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","store"],"msg":"m"},{"type":"extra_forbidden","loc":["body","user"],"msg":"m"}]},"code":null}"#,
        &["store", "user"],
    );
    check(r#"{"detail":[{"type":"value_error.extra","loc":["body","seed"],"msg":"extra fields not permitted"}]}"#, &["seed"]);
    check(r#"{"type":"error","error":{"type":"invalid_request_error","message":"store: Extra inputs are not permitted"}}"#, &["store"]);
    check(r#"{"error":{"message":"property 'logprobs' is unsupported","type":"invalid_request_error"}}"#, &["logprobs"]);
    check(r#"{"error":{"message":"`logprobs` is not supported with this model","type":"invalid_request_error"}}"#, &["logprobs"]);
    check(r#"{"error":{"message":"logprobs is not supported by this model"}}"#, &["logprobs"]);
    check(r#"{"code":"c","error":"Argument not supported on this model: presencePenalty"}"#, &["presence_penalty"]);
    check(r#"{"code":"c","error":"Model x-1 does not support parameter presencePenalty."}"#, &["presence_penalty"]);
    check(r#"{"message":"invalid request: json: unknown field \"store\""}"#, &["store"]);
    check(r#"{"error":{"message":"Unknown field: stream_options"}}"#, &["stream_options"]);
    check(
        r#"{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"user\": Cannot find field.","status":"INVALID_ARGUMENT"}}"#,
        &["user"],
    );
    check(r#"[{"error":{"message":"Unknown parameter: 'seed'."}}]"#, &["seed"]);
}

#[test]
fn what_is_needed_nested_absent_or_something_else_is_left_alone() {
    let check = |error: &str| assert_eq!(read(error.as_bytes(), SENT.as_bytes(), &[]), Vec::new(), "{error}");
    for needed in ["model", "messages", "stream", "tools", "response_format"] {
        check(&openai(&format!("Unsupported parameter: '{needed}'"), needed, "unsupported_parameter"));
        check(&format!(r#"{{"error":{{"message":"Unknown parameter: '{needed}'."}}}}"#));
        check(&format!(r#"{{"detail":[{{"type":"extra_forbidden","loc":["body","{needed}"],"msg":"m"}}]}}"#));
    }
    // Not sent.
    check(&openai("Unknown parameter: 'top_k'.", "top_k", "unknown_parameter"));
    // A field inside.
    check(&openai("Unknown parameter: 'messages[0].name'.", "messages[0].name", "unknown_parameter"));
    check(r#"{"error":{"message":"Unknown parameter: 'user.name'."}}"#);
    check(r#"{"error":{"message":"messages.0.user: Extra inputs are not permitted"}}"#);
    check(r#"{"detail":[{"type":"extra_forbidden","loc":["body","messages",0,"user","name"],"msg":"Extra inputs are not permitted"}]}"#);
    check(
        r#"{"error":{"message":"'messages.0' : for 'role:user' the following must be satisfied[('messages.0' : property 'user' is unsupported)]"}}"#,
    );
    check(
        r#"{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"user\" at 'generation_config': Cannot find field."}}"#,
    );
    // Another fault beside it.
    check(
        r#"{"detail":[{"type":"extra_forbidden","loc":["body","store"],"msg":"m"},{"type":"missing","loc":["body","messages"],"msg":"Field required"}]}"#,
    );
    check(r#"{"error":{"message":"Unrecognized request arguments supplied: store, messages"}}"#);
    // Another fault of the field, or one that only quotes the words.
    check(&openai("Invalid value for 'temperature'", "temperature", "invalid_value"));
    check(r#"{"error":{"message":"invalid role 'unknown parameter: store'"}}"#);
    check(r#"{"error":{"message":"too long: \"user: Extra inputs are not permitted\""}}"#);
    check(&openai("Unsupported value: 'max_tokens' does not support 9", "max_tokens", "unsupported_value"));
    check("<html>Unknown parameter: 'store'</html>");
    check("");
    check("[]");
    check(&format!(r#"{{"error":{{"message":"Unknown parameter: 'store'.","x":"{}"}}}}"#, "x".repeat(ERROR_BODY_BYTES)));
    // A form has no fields of this kind.
    let error = br#"{"error":{"message":"Unknown parameter: 'store'."}}"#;
    assert_eq!(read(error, b"--b\r\ncontent-disposition: form-data; name=\"store\"\r\n\r\n1\r\n--b--", &[]), Vec::new());
}

#[test]
fn a_bound_is_renamed_and_never_lost() {
    let check = |sent: &str, error: &str, expect: Option<(&'static str, &'static str)>| {
        let expect: Vec<Mend> = expect.map(|(from, to)| Mend::Rename { from, to }).into_iter().collect();
        assert_eq!(read(error.as_bytes(), sent.as_bytes(), &[]), expect, "{sent} {error}");
    };
    let use_other = openai(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "max_tokens",
        "unsupported_parameter",
    );
    check(SENT, &use_other, Some(("max_tokens", "max_completion_tokens")));
    check(r#"{"max_tokens":1,"max_completion_tokens":2}"#, &use_other, None);
    check(r#"{"max_completion_tokens":2}"#, &use_other, None);
    check(
        SENT,
        r#"{"error":{"message":"'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}"#,
        Some(("max_tokens", "max_completion_tokens")),
    );
    check(
        r#"{"max_completion_tokens":2}"#,
        r#"{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"m"}]}"#,
        Some(("max_completion_tokens", "max_tokens")),
    );
    check(
        SENT,
        r#"{"error":{"message":"Unsupported parameter: 'max_tokens'. In the Responses API, this parameter has moved to 'max_output_tokens'."}}"#,
        Some(("max_tokens", "max_output_tokens")),
    );
    check(SENT, r#"{"error":{"message":"Unsupported parameter: 'max_tokens'. Use 'budget' instead."}}"#, None);
    check(r#"{"max_output_tokens":2}"#, r#"{"error":{"message":"Unsupported parameter: 'max_output_tokens'."}}"#, None);
}

#[test]
fn no_field_is_mended_twice_and_no_more_than_three() {
    let error = br#"{"error":{"message":"Unrecognized request arguments supplied: store, user, seed, temperature"}}"#;
    assert_eq!(read(error, SENT.as_bytes(), &[]), drops(&["store", "user", "seed"]));
    assert_eq!(read(error, SENT.as_bytes(), &drops(&["a", "b"])), drops(&["store"]));
    assert_eq!(read(error, SENT.as_bytes(), &drops(&["a", "b", "c"])), Vec::new());
    assert_eq!(read(error, SENT.as_bytes(), &drops(&["user"])), Vec::new());
    let renamed = [Mend::Rename { from: "max_tokens", to: "max_completion_tokens" }];
    let back = br#"{"error":{"message":"Unsupported parameter: 'max_completion_tokens'."}}"#;
    assert_eq!(read(back, br#"{"max_completion_tokens":1}"#, &renamed), Vec::new());
}

#[test]
fn a_member_is_cut_with_one_comma() {
    let check = |body: &'static str, expect: &str| {
        let mended = Mend::Drop(String::from("user")).apply(&Bytes::from_static(body.as_bytes()));
        assert_eq!(String::from_utf8_lossy(&mended), expect, "{body}");
    };
    check(r#"{"user":"u"}"#, "{}");
    check(r#" { "user" : "u" } "#, " {  } ");
    check(r#"{"user":"u","a":1}"#, r#"{"a":1}"#);
    check(r#"{"a":1,"user":"u"}"#, r#"{"a":1}"#);
    check(r#"{"a":1 , "user":{"user":[1,"}"]} , "b":2}"#, r#"{"a":1 ,  "b":2}"#);
    check(r#"{"user":1,"a":{"user":2},"user":3}"#, r#"{"a":{"user":2}}"#);
    check(r#"{"\u0075ser":1,"a":2}"#, r#"{"a":2}"#);
    check(r#"{"a":1}"#, r#"{"a":1}"#);
    check(r#"{"user":1"#, r#"{"user":1"#);
    check(r#"["user"]"#, r#"["user"]"#);
    let rename = Mend::Rename { from: "max_tokens", to: "max_completion_tokens" };
    let body = Bytes::from_static(br#"{"a":1, "max_tokens" : 5, "b":{"max_tokens":1}}"#);
    assert_eq!(rename.apply(&body), br#"{"a":1, "max_completion_tokens" : 5, "b":{"max_tokens":1}}"#[..]);
}

proptest! {
    #[test]
    fn only_the_field_goes(
        names in proptest::collection::vec("[a-c]{1,2}|user", 0..6),
        values in proptest::collection::vec("[ -~é]{0,6}", 6),
        pretty in any::<bool>(),
    ) {
        let mut object = serde_json::Map::new();
        for (name, value) in names.iter().zip(values) {
            object.insert(name.clone(), serde_json::json!({"user": value}));
        }
        let body = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
        let mended = Mend::Drop(String::from("user")).apply(&Bytes::from(body));
        object.shift_remove("user");
        prop_assert_eq!(serde_json::from_slice::<Value>(&mended).unwrap(), Value::Object(object));
    }

    #[test]
    fn garbage_is_left_alone(error in "[ -~é]{0,40}", body in "[{}\",:a\\[\\] ]{0,30}") {
        let error = serde_json::json!({"error": {"message": error}}).to_string();
        prop_assert!(read(error.as_bytes(), body.as_bytes(), &[]).len() <= REFUSED_FIELDS);
        let body = Bytes::from(body);
        prop_assert!(Mend::Drop(String::from("aa")).apply(&body).len() <= body.len());
    }
}
