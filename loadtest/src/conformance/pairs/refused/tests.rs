//! Errors of each dialect, right and wrong.

use serde_json::json;

use super::*;

fn failures(client: Client, refusal: &Refusal, status: u16, body: &Value) -> Vec<String> {
    let reply = Reply { status, headers: Vec::new(), body: body.to_string().into_bytes() };
    let mut findings = Findings::default();
    judge(client, false, refusal, "the model is unknown to us", &reply, &mut findings);
    findings.failures
}

#[test]
fn errors_have_the_shape_of_the_client() {
    let told = "the model is unknown to us";
    let openai = json!({"error": {"message": told, "type": "invalid_request_error", "param": null, "code": "model_not_found"}});
    let anthropic = json!({"type": "error", "error": {"type": "not_found_error", "message": told}});
    let gemini = json!({"error": {"code": 404, "message": told, "status": "NOT_FOUND"}});
    let vendor = Refusal::Vendor(404);
    for (client, right) in
        [(Client::Chat, &openai), (Client::Responses, &openai), (Client::Messages, &anthropic), (Client::Gemini, &gemini)]
    {
        for body in [&openai, &anthropic, &gemini] {
            let accepted = failures(client, &vendor, 404, body).is_empty();
            assert_eq!(accepted, body == right, "{client} {body}");
        }
        assert!(!failures(client, &vendor, 500, right).is_empty(), "{client} with another status");
    }
    let mut silent = openai.clone();
    silent["error"]["message"] = json!("something went wrong");
    assert!(!failures(Client::Chat, &vendor, 404, &silent).is_empty());
}

#[test]
fn our_key_is_no_business_of_the_client() {
    let body = |message: &str, code: &str| json!({"error": {"message": message, "type": "server_error", "param": null, "code": code}});
    let check = |status, body: Value| failures(Client::Chat, &Refusal::OurKey, status, &body).is_empty();
    assert!(check(502, body("the provider refused", "upstream_auth_failed")));
    assert!(!check(401, body("the provider refused", "upstream_auth_failed")));
    assert!(!check(502, body("the provider refused", "server_error")));
    assert!(!check(502, body("it said: the model is unknown to us", "upstream_auth_failed")));
}

#[test]
fn overload_has_a_status_of_its_own_at_anthropic() {
    assert!(allowed(Client::Messages, &Refusal::Vendor(529), 529));
    assert!(allowed(Client::Chat, &Refusal::Vendor(529), 503));
    assert!(!allowed(Client::Chat, &Refusal::Vendor(529), 529));
    assert!(!allowed(Client::Chat, &Refusal::Vendor(429), 500));
}
