//! One wish, read from each vendor's request and written for each client.

use super::*;

fn recorded() -> Value {
    json!({"model": "m", "max_tokens": 20, "temperature": 0.5, "tool_choice": "auto", "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}]},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "a tool", "parameters": {"type": "object", "properties": {"x": {"type": "number"}}}}}]})
}

/// What is written for a client and read again is the same wish.
#[test]
fn what_is_written_is_what_was_read() {
    let mut wish = read::read(Upstream::Chat, &recorded());
    wish.mend();
    assert_eq!((wish.turns.len(), wish.tools.len(), wish.max_tokens), (3, 1, Some(20)));
    for (client, upstream) in [(Client::Chat, Upstream::Chat), (Client::Messages, Upstream::Messages), (Client::Gemini, Upstream::Gemini)] {
        let mut again = read::read(upstream, &wish.body(client, "m", true, true));
        again.mend();
        if client == Client::Gemini {
            // Its results are objects.
            let Some(Part::Result { text, .. }) = again.turns[2].parts.first_mut() else { panic!("no result") };
            assert_eq!(text, "{\"output\":\"sunny\"}");
            "sunny".clone_into(text);
        }
        assert_eq!(again, wish, "{client}");
    }
    let responses = wish.body(Client::Responses, "m", false, false);
    assert_eq!(responses["input"][2], json!({"type": "function_call_output", "call_id": "call_1", "output": "sunny"}));
    assert_eq!((&responses["instructions"], &responses["max_output_tokens"]), (&json!("be brief"), &json!(20)));
}

#[test]
fn turns_are_put_in_order() {
    let turn = |model, parts| Turn { model, parts };
    let text = |text: &str| Part::Text(text.to_owned());
    let result = Part::Result { id: "nobody".to_owned(), name: "f".to_owned(), text: "x".to_owned() };
    let call = Part::Call { id: "unanswered".to_owned(), name: "f".to_owned(), arguments: json!({}) };
    let mut wish = Wish {
        turns: vec![
            turn(true, vec![text("hello")]),
            turn(false, vec![text("a")]),
            turn(true, vec![call]),
            turn(false, vec![result, text("b")]),
            turn(true, vec![text("prefilled")]),
        ],
        ..Wish::default()
    };
    wish.mend();
    assert_eq!(wish.turns, [turn(false, vec![text(GENERIC)]), turn(true, vec![text("hello")]), turn(false, vec![text("a"), text("b")])]);
}
