use super::*;

#[test]
fn every_shape_is_read() {
    let check = |status: u16, body: &str, kind: ErrorKind, code: Option<&str>, message: &str| {
        let e = read_error(status, body.as_bytes());
        assert_eq!((e.kind, e.code.as_deref(), e.message.as_str()), (kind, code, message), "{body}");
    };
    use ErrorKind as K;
    check(
        404,
        r#"{"error":{"message":"no model","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
        K::NotFound,
        Some("model_not_found"),
        "no model",
    );
    check(
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#,
        K::Overloaded,
        Some("overloaded_error"),
        "Overloaded",
    );
    check(
        429,
        r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        K::Quota,
        Some("insufficient_quota"),
        "m",
    );
    check(
        429,
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
        K::Quota,
        Some("rate_limit_error"),
        "m",
    );
    check(
        400,
        r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
        K::Auth,
        Some("400"),
        "API key not valid.",
    );
    check(429, r#"[{"error":{"code":429,"message":"q","status":"RESOURCE_EXHAUSTED"}}]"#, K::RateLimited, Some("429"), "q");
    check(
        400,
        r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: sk***Y"}"#,
        K::Auth,
        Some("Client specified an invalid argument"),
        "Incorrect API key provided: sk***Y",
    );
    check(
        400,
        r#"{"object":"error","message":{"detail":[{"loc":["body","x"],"msg":"extra"}]},"type":"t","code":3001}"#,
        K::BadRequest,
        Some("3001"),
        "body.x: extra",
    );
    check(
        422,
        r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs","input":{}}]}"#,
        K::BadRequest,
        None,
        "body.stream_options: Extra inputs",
    );
    check(422, r#"{"detail":"no"}"#, K::BadRequest, None, "no");
    check(401, r#"{"message":"Unauthorized","request_id":"r"}"#, K::Auth, None, "Unauthorized");
    check(400, r#"{"code":20012,"message":"no model","data":null}"#, K::BadRequest, Some("20012"), "no model");
    check(200, r#"{"base_resp":{"status_code":1002,"status_msg":"rate limit"}}"#, K::RateLimited, Some("1002"), "rate limit");
    check(200, r#"{"base_resp":{"status_code":1008,"status_msg":"balance"}}"#, K::Quota, Some("1008"), "balance");
    check(200, r#"{"code":10013,"message":"bad","sid":"s"}"#, K::Server, Some("10013"), "bad");
    check(200, r#"{"error":{"code":429,"message":"slow"}}"#, K::RateLimited, Some("429"), "slow");
    check(400, r#"{"error_code":336003,"error_msg":"bad"}"#, K::BadRequest, Some("336003"), "bad");
    check(400, r#"{"Response":{"Error":{"Code":"C","Message":"bad"}}}"#, K::BadRequest, Some("C"), "bad");
    check(401, r#""Invalid token""#, K::Auth, None, "Invalid token");
    check(502, "<html>secret</html>", K::Server, None, "the upstream answered 502 with a page");
    check(500, "", K::Server, None, "the upstream answered 500 with an empty body");
    check(403, "{}", K::Forbidden, None, "the upstream answered 403 with an unreadable body");
    check(418, r#"{"error":"tea"}"#, K::Other, None, "tea");
}

#[test]
fn a_clients_words_do_not_blame_our_key() {
    let check = |body: &str, kind: ErrorKind| assert_eq!(read_error(400, body.as_bytes()).kind, kind, "{body}");
    use ErrorKind as K;
    check(r#"{"error":{"message":"Invalid value: 'incorrect api key'","type":"invalid_request_error","code":null}}"#, K::BadRequest);
    check(
        r#"{"error":{"message":"unknown role \"Invalid API key\"","type":"invalid_request_error","code":"invalid_value"}}"#,
        K::BadRequest,
    );
    check(r#"{"error":{"message":"Invalid API key is no role","code":"invalid_value"}}"#, K::BadRequest);
    check(r#"{"detail":"no tool named api key expired"}"#, K::BadRequest);
    check(r#"{"error":"Incorrect API key provided: x"}"#, K::Auth);
    check(r#"{"error":{"message":"Invalid API key","type":"invalid_request_error"}}"#, K::Auth);
    check(r#"{"error":{"code":400,"message":"API key expired. Please renew it.","status":"INVALID_ARGUMENT"}}"#, K::Auth);
    check(r#"{"error":{"message":"x","code":"invalid_api_key"}}"#, K::Auth);
}

#[test]
fn stream_options_are_found_where_the_vendor_speaks() {
    let check = |body: &str, expect: bool| assert_eq!(read_error(400, body.as_bytes()).mentions_stream_options, expect, "{body}");
    check(r#"{"error":{"message":"Unknown parameter","param":"stream_options"}}"#, true);
    check(r#"{"error":{"message":"unknown field stream_options"}}"#, true);
    check(r#"{"error":{"message":"bad model","param":"model"},"request":{"stream_options":{}}}"#, false);
}

#[test]
fn hints_are_found() {
    let e = read_error(429, br#"{"error":{"code":429,"message":"m","details":[{"@type":"x"},{"retryDelay":"13.5s"}]}}"#);
    assert_eq!((e.retry_after_ms, e.retryable), (Some(13_500), true));
    let e = read_error(422, br#"{"detail":[{"loc":["body","stream_options"],"msg":"Extra"}]}"#);
    assert!(e.mentions_stream_options && !e.retryable);
}

#[test]
fn messages_are_bounded_and_clean() {
    let long = format!(r#"{{"error":{{"message":"a\nb{}"}}}}"#, "é".repeat(5000));
    let e = read_error(400, long.as_bytes());
    assert!(e.message.len() <= ERROR_MESSAGE_BYTES && e.message.starts_with("a\\nb"));
    let huge = format!(r#"{{"error":"{}"}}"#, "x".repeat(ERROR_BODY_BYTES));
    assert_eq!(read_error(400, huge.as_bytes()).message, "the upstream answered 400 with an unreadable body");
}

#[test]
fn names_outside_the_body_tell_what_happened() {
    use ErrorKind::{Auth, BadRequest, Forbidden, NotFound, Overloaded, RateLimited, Server};
    let check = |status, name: Option<&str>, body: &str, kind: ErrorKind, code: Option<&str>, retryable: bool| {
        let error = read_error_named(status, name, body.as_bytes());
        assert_eq!((error.kind, error.code.as_deref(), error.retryable), (kind, code, retryable), "{status} {name:?} {body}");
        assert!(!error.message.is_empty());
    };
    let message = r#"{"message":"m"}"#;
    let throttled = "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/";
    check(429, Some(throttled), message, RateLimited, Some("ThrottlingException"), true);
    check(429, Some("ModelNotReadyException"), message, Overloaded, Some("ModelNotReadyException"), true);
    check(400, Some("ServiceQuotaExceededException"), r#"{"Message":"m"}"#, RateLimited, Some("ServiceQuotaExceededException"), true);
    for name in ["AccessDeniedException", "InvalidSignatureException", "UnrecognizedClientException", "ExpiredTokenException"] {
        check(403, Some(name), message, Auth, Some(name), false);
    }
    check(404, Some("ResourceNotFoundException:"), message, NotFound, Some("ResourceNotFoundException"), false);
    check(408, Some("ModelTimeoutException"), message, Server, Some("ModelTimeoutException"), true);
    check(424, Some("ModelErrorException"), r#"{"message":"m","originalStatusCode":400}"#, Server, Some("ModelErrorException"), true);
    check(500, Some("InternalServerException"), "", Server, Some("InternalServerException"), true);
    check(503, Some("ServiceUnavailableException"), message, Overloaded, Some("ServiceUnavailableException"), true);
    check(400, Some("ValidationException"), message, BadRequest, Some("ValidationException"), false);
    check(
        400,
        None,
        r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"m"}"#,
        Auth,
        Some("com.amazon.coral.service#ExpiredTokenException"),
        false,
    );
    check(403, Some("IncompleteSignature"), message, Auth, Some("IncompleteSignature"), false);
    check(200, Some("InternalFailure"), message, Server, Some("InternalFailure"), true);
    check(500, None, r#"{"message":"m","type":"validation"}"#, Server, Some("validation"), true);
    // Without a name, or with one that is not known, the status tells.
    check(403, None, message, Forbidden, None, false);
    check(503, Some("NewException"), message, Overloaded, Some("NewException"), true);
    check(200, Some("modelStreamErrorException"), message, Server, Some("modelStreamErrorException"), true);
}

/// Gemini wraps the error in a list where a stream was asked for without `alt=sse`.
#[test]
fn an_error_in_a_list_is_read() {
    let error = read_error(429, br#"[{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}]"#);
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::RateLimited, "slow"));
}
