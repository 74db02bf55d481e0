//! Rules on small recordings of our own.

use serde_json::json;

use super::*;
use crate::conformance::corpus::{Answered, Asked};

fn case(status: u16, content_type: &str, body: &str) -> Case {
    Case {
        id: "case".to_owned(),
        vendor: "openai".to_owned(),
        endpoint: "chat".to_owned(),
        capture: "raw".to_owned(),
        tags: Vec::new(),
        request: Asked {
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            headers: Vec::new(),
            body: Some(br#"{"model":"m","stream":true}"#.to_vec()),
        },
        response: Answered { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body: body.as_bytes().to_vec() },
        usage: None,
        model: None,
        error_message: Some("Incorrect API key provided: sk-12345".to_owned()),
        derived: serde_json::Map::new(),
    }
}

fn reply(status: u16, content_type: &str, body: &str) -> Reply {
    Reply { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body: body.as_bytes().to_vec() }
}

fn check(case: &Case, reply: &Reply) -> Result<(), String> {
    Expectation::of(case, Op::Chat, false).check(case, Op::Chat, reply)
}

fn refused(code: &str, message: &str) -> Reply {
    reply(502, "application/json", &json!({"error": {"message": message, "type": "server_error", "param": null, "code": code}}).to_string())
}

#[test]
fn the_same_bytes_pass_and_one_other_byte_does_not() {
    let case = case(200, "application/json", r#"{"choices":[]}"#);
    assert_eq!(check(&case, &reply(200, "application/json; charset=utf-8", r#"{"choices":[]}"#)), Ok(()));
    assert!(check(&case, &reply(200, "application/json", r#"{"choices": []}"#)).is_err());
    assert!(check(&case, &reply(201, "application/json", r#"{"choices":[]}"#)).is_err());
    assert!(check(&case, &reply(200, "text/plain", r#"{"choices":[]}"#)).is_err());
}

#[test]
fn a_refused_vendor_key_is_a_502_without_the_vendors_text() {
    for (status, body) in [(401, "{}"), (403, "<html>"), (400, r#"{"error":"Incorrect API key provided"}"#)] {
        let case = case(status, "application/json", body);
        assert_eq!(check(&case, &refused("upstream_auth_failed", "the provider refused our key")), Ok(()));
        assert!(check(&case, &refused("upstream_error", "the provider refused our key")).is_err());
        assert!(check(&case, &refused("upstream_auth_failed", "Incorrect API key provided: sk-12345")).is_err());
        assert!(check(&case, &reply(status, "application/json", body)).is_err());
    }
}

#[test]
fn a_success_that_is_no_answer_is_a_502() {
    for body in ["", "<html></html>", "{\"choices\":["] {
        assert_eq!(check(&case(200, "application/json", body), &refused("upstream_protocol_error", "not an answer")), Ok(()));
    }
    assert_eq!(check(&case(200, "text/event-stream", "<html></html>"), &refused("upstream_protocol_error", "not an answer")), Ok(()));
}

#[test]
fn a_stream_that_breaks_off_may_be_ended_by_one_error_event() {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";
    let error = "data: {\"error\":{\"message\":\"the provider broke off\"}}\n\n";
    let case = case(200, "text/event-stream", &format!("{text}data: {{\"cho"));
    let same = |body: &str| check(&case, &reply(200, "text/event-stream", body));
    assert_eq!(same(&format!("{text}data: {{\"cho")), Ok(()));
    assert_eq!(same(&format!("{text}{error}")), Ok(()));
    assert!(same(&format!("{text}{error}data: [DONE]\n\n")).is_err());
    assert!(same(text).is_err());
}

#[test]
fn the_request_may_gain_stream_options_and_nothing_else() {
    let case = case(200, "text/event-stream", "data: [DONE]\n\n");
    let plan = Plan::of(&case).unwrap();
    assert_eq!(check_request(&plan, br#"{"model":"m","stream":true}"#), Ok(()));
    assert_eq!(check_request(&plan, br#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#), Ok(()));
    assert!(check_request(&plan, br#"{"stream":true,"model":"m","stream_options":{"include_usage":true}}"#).is_err());
    assert!(check_request(&plan, br#"{"model":"m","stream":true,"user":"x"}"#).is_err());
}

#[test]
fn an_error_of_another_shape_is_told_with_its_status_and_words() {
    let case = case(404, "application/json", r#"{"code":5,"message":"no such model"}"#);
    let told = |status, message: &str| reply(status, "application/json", &json!({"error": {"message": message}}).to_string());
    assert_eq!(check(&case, &told(404, "no such model (provider \"p\")")), Ok(()));
    assert!(check(&case, &told(502, "no such model")).is_err());
    assert!(check(&case, &told(404, "something broke")).is_err());
    assert!(check(&case, &reply(404, "application/json", r#"{"code":5,"message":"no such model"}"#)).is_err());
}

#[test]
fn only_a_named_field_is_left_out_of_a_repeat() {
    let refused = case(400, "application/json", r#"{"error":{"message":"'stop' is not supported","param":"stop"}}"#);
    let answer = reply(400, "application/json", "{}");
    let first = br#"{"model":"m","seed":1,"stop":"x"}"#.as_slice();
    let check = |case: &Case, later: &[u8]| check_repeats(case, &answer, &[first, later]);
    assert_eq!(check(&refused, br#"{"model":"m","seed":1}"#), Ok(()));
    for other in [br#"{"model":"m","stop":"x"}"#.as_slice(), br#"{"model":"m","seed":2}"#, first] {
        assert!(check(&refused, other).is_err());
    }
    assert!(check(&case(500, "application/json", r#"{"error":{"message":"stop"}}"#), br#"{"model":"m","seed":1}"#).is_err());
    assert!(check_repeats(&refused, &answer, &[first; 5]).is_err());
}
