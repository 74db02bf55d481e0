//! What a gateway needs to keep conversations for `previous_response_id`: items, as they are put back as input.
//!
//! Nothing is stored here. Items are kept in the form in which OpenAI's clients send them back themselves.

use serde_json::{Map, Value, json};

/// The response that a request goes on from, if it names one.
#[must_use]
pub fn previous_response_id(body: &[u8]) -> Option<String> {
    object(body).and_then(|mut body| match body.remove("previous_response_id") {
        Some(Value::String(id)) => Some(id),
        _ => None,
    })
}

/// The request with `history` before its own input, and without `previous_response_id`. What is no request stays as it is.
#[must_use]
pub fn with_history(body: &[u8], history: &[Value]) -> Vec<u8> {
    let Some(mut request) = object(body) else { return body.to_vec() };
    let mut input = history.to_vec();
    let said = request.entry("input").or_insert(Value::Null);
    input.extend(input_items(Some(said.take())));
    *said = Value::Array(input);
    request.shift_remove("previous_response_id");
    serde_json::to_vec(&request).unwrap_or_else(|_| body.to_vec())
}

/// The input of a request as items.
#[must_use]
pub fn items_of_request(body: &[u8]) -> Vec<Value> {
    object(body).map(|mut body| input_items(body.remove("input"))).unwrap_or_default()
}

/// The output items of a finished response, as they are put back as input. None of what is no response.
#[must_use]
pub fn items_of_answer(response: &[u8]) -> Vec<Value> {
    match object(response).and_then(|mut response| response.remove("output")) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

fn input_items(input: Option<Value>) -> Vec<Value> {
    match input {
        Some(Value::Array(items)) => items,
        Some(Value::String(text)) => vec![json!({"type": "message", "role": "user", "content": text})],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_goes_on_from_what_was_kept() {
        let first = br#"{"model":"m","input":"hi"}"#;
        let answer = br#"{"id":"resp_1","output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[]}]}"#;
        let mut kept = items_of_request(first);
        kept.extend(items_of_answer(answer));
        let next = br#"{"previous_response_id":"resp_1","model":"m","input":[{"role":"user","content":"and?"}],"stream":true}"#;
        assert_eq!(previous_response_id(next).as_deref(), Some("resp_1"));
        let whole: Value = serde_json::from_slice(&with_history(next, &kept)).unwrap();
        let expect = json!({"model": "m", "stream": true, "input": [
            {"type": "message", "role": "user", "content": "hi"},
            {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": []},
            {"role": "user", "content": "and?"},
        ]});
        assert_eq!(whole, expect);
    }

    #[test]
    fn what_is_no_request_has_no_history() {
        for body in [&b""[..], b"[]", b"{", b"{\"previous_response_id\":null}", b"{\"previous_response_id\":7}"] {
            assert_eq!(previous_response_id(body), None);
            assert!(items_of_request(body).is_empty() && items_of_answer(body).is_empty());
        }
        assert_eq!(with_history(b"{", &[]), b"{");
    }
}
