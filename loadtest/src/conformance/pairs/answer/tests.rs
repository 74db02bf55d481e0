//! Answers made by hand: good ones are accepted, each known breach is told.

use serde_json::{Value, json};

use super::*;

fn data(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

fn named(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

fn accepts(client: Client, body: &str) -> Said {
    let heard = read(client, true, true, body.as_bytes());
    assert!(heard.faults.is_empty(), "{:?}\n{body}", heard.faults);
    heard.said
}

/// Some fault has these words.
fn refuses(client: Client, body: &str, words: &str) {
    let heard = read(client, true, true, body.as_bytes());
    assert!(heard.faults.iter().any(|fault| fault.contains(words)), "{words:?} is not in {:?}\n{body}", heard.faults);
}

fn chunk(delta: Value, finish: Value) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]})
}

fn chat_usage() -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_tokens_details": {"cached_tokens": 3}}})
}

fn chat_chunks() -> Vec<Value> {
    let call = |index: u64, id: &str| json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": "f", "arguments": ""}}]});
    let part = |index: u64, text: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]});
    vec![
        chunk(json!({"role": "assistant", "content": ""}), Value::Null),
        chunk(json!({"reasoning_content": "hm"}), Value::Null),
        chunk(json!({"content": "hi"}), Value::Null),
        chunk(call(0, "a"), Value::Null),
        chunk(part(0, "{}"), Value::Null),
        chunk(call(1, "b"), Value::Null),
        chunk(part(1, "{\"x\""), Value::Null),
        chunk(part(1, ":1}"), Value::Null),
        chunk(json!({}), json!("tool_calls")),
        chat_usage(),
    ]
}

#[test]
fn a_good_chat_stream_is_accepted() {
    let said = accepts(Client::Chat, &(data(&chat_chunks()) + "data: [DONE]\n\n"));
    assert_eq!((said.text.as_str(), said.reasoning.as_str(), said.finish.as_str()), ("hi", "hm", "tool_calls"));
    assert_eq!(said.calls[1].arguments, "{\"x\":1}");
    assert_eq!(said.usage.unwrap().cache_read, 3);
    let error = json!({"error": {"message": "gone", "type": "server_error", "param": null, "code": null}});
    let said = accepts(Client::Chat, &data(&[chat_chunks()[0].clone(), error]));
    assert_eq!(said.error.unwrap().message, "gone");
}

#[test]
fn breaches_of_the_chat_stream_are_told() {
    let with = |at: usize, chunk: Value| {
        let mut chunks = chat_chunks();
        chunks[at] = chunk;
        data(&chunks) + "data: [DONE]\n\n"
    };
    let check = |body: String, words: &str| refuses(Client::Chat, &body, words);
    check(data(&chat_chunks()), "without [DONE]");
    check(data(&chat_chunks()[1..]) + "data: [DONE]\n\n", "role");
    check(data(&chat_chunks()[..8]) + "data: [DONE]\n\n", "without a finish");
    check(data(&chat_chunks()[..9]) + "data: [DONE]\n\n", "no usage chunk");
    check(with(2, chunk(json!({"thinking_blocks": [{"type": "thinking"}]}), Value::Null)), "without index");
    check(
        with(
            5,
            chunk(
                json!({"tool_calls": [{"index": 0, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]}),
                Value::Null,
            ),
        ),
        "another id",
    );
    check(
        with(3, chunk(json!({"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}), Value::Null)),
        "without index",
    );
    check(with(8, chunk(json!({}), json!("end_turn"))), "not OpenAI's");
    let mut usage = chat_usage();
    usage["choices"] = json!([{"index": 0, "delta": {}}]);
    check(with(9, usage), "usage in a chunk that has a choice");
    let mut other = chat_chunks()[2].clone();
    other["id"] = json!("chatcmpl-2");
    check(with(2, other), "differ in id");
    let error = json!({"error": {"message": "gone", "type": "server_error"}});
    check(data(&[chat_chunks()[0].clone(), error]) + "data: [DONE]\n\n", "[DONE] after an error");
    check(format!("event: x\n{}data: [DONE]\n\n", data(&chat_chunks())), "event: line");
    let heard = read(Client::Chat, true, false, (data(&chat_chunks()) + "data: [DONE]\n\n").as_bytes());
    assert!(heard.faults.iter().any(|fault| fault.contains("nobody asked")), "{:?}", heard.faults);
}

fn anthropic_events() -> Vec<Value> {
    let usage = json!({"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage});
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    vec![
        json!({"type": "message_start", "message": message}),
        json!({"type": "ping"}),
        start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
        delta(0, json!({"type": "signature_delta", "signature": "s"})),
        stop(0),
        start(1, json!({"type": "text", "text": ""})),
        delta(1, json!({"type": "text_delta", "text": "hi"})),
        stop(1),
        start(2, json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "{\"x\":1}"})),
        stop(2),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
            "usage": {"input_tokens": 4, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3, "output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ]
}

#[test]
fn a_good_stream_of_messages_is_accepted() {
    let said = accepts(Client::Messages, &named(&anthropic_events()));
    assert_eq!((said.text.as_str(), said.reasoning.as_str(), said.finish.as_str()), ("hi", "hm", "tool_use"));
    let used = said.usage.unwrap();
    assert_eq!((used.input, used.cache_read, used.output), (9, 3, 9));
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "gone"}});
    let said = accepts(Client::Messages, &named(&[&anthropic_events()[..8], &[error]].concat()));
    assert_eq!((said.error.unwrap().message.as_str(), said.text.as_str()), ("gone", "hi"));
}

#[test]
fn breaches_of_the_stream_of_messages_are_told() {
    let without = |at: usize| {
        let mut events = anthropic_events();
        events.remove(at);
        named(&events)
    };
    let check = |body: String, words: &str| refuses(Client::Messages, &body, words);
    check(without(0), "before message_start");
    check(without(4), "without signature");
    check(without(5), "blocks overlap");
    check(without(7), "an empty text block");
    check(without(12), "without message_delta");
    check(without(13), "without message_stop");
    let error = json!({"type": "error", "error": {"type": "api_error", "message": "gone"}});
    check(named(&[&anthropic_events()[..8], &[error], &anthropic_events()[13..]].concat()), "after the error");
    let mut renumbered = anthropic_events();
    renumbered[9]["index"] = json!(3);
    check(named(&renumbered), "block Some(3)");
    let mut mixed = anthropic_events();
    mixed[7]["delta"] = json!({"type": "input_json_delta", "partial_json": "{}"});
    check(named(&mixed), "in a \"text\" block");
    check(data(&anthropic_events()), "event: None");
}

fn gemini_chunk(parts: Value, finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    json!({"candidates": [candidate], "modelVersion": "m", "responseId": "r",
        "usageMetadata": {"promptTokenCount": 5, "cachedContentTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 4, "totalTokenCount": 11}})
}

#[test]
fn gemini_chunks_are_accepted_or_told() {
    let good = [
        gemini_chunk(json!([{"text": "hm", "thought": true}]), None),
        gemini_chunk(json!([{"text": "hi"}]), None),
        gemini_chunk(json!([{"functionCall": {"name": "f", "args": {"x": 1}}}]), Some("STOP")),
    ];
    let said = accepts(Client::Gemini, &data(&good));
    assert_eq!((said.text.as_str(), said.reasoning.as_str(), said.usage.unwrap().output), ("hi", "hm", 6));
    refuses(Client::Gemini, &data(&good[..2]), "no finishReason");
    refuses(Client::Gemini, &(data(&good) + "data: [DONE]\n\n"), "[DONE]");
    refuses(Client::Gemini, &data(&[gemini_chunk(json!([{"functionCall": {"name": "f", "args": "{}"}}]), Some("STOP"))]), "no object");
    refuses(Client::Gemini, &data(&[gemini_chunk(json!([{"text": "hi"}]), Some("tool_calls"))]), "not Google's");
    refuses(Client::Gemini, &data(&[json!({"error": {"message": "gone", "type": "server_error", "code": null}})]), "no status");
    let mut bare = good[2].clone();
    bare.as_object_mut().unwrap().remove("usageMetadata");
    refuses(Client::Gemini, &data(&[bare]), "no usageMetadata");
}

fn response_events() -> Vec<Value> {
    let reasoning = json!({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]});
    let part = json!({"type": "output_text", "text": "hi", "annotations": []});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]});
    let call = json!({"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}", "status": "completed"});
    let empty = |item: &Value, field: &str, value: Value| {
        let mut item = item.clone();
        item[field] = value;
        item
    };
    let response = json!({"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "in_progress", "output": [],
        "error": null, "incomplete_details": null, "tools": [], "tool_choice": "auto", "parallel_tool_calls": true, "usage": null});
    let mut done = empty(&response, "output", json!([reasoning, message, call]));
    done["status"] = json!("completed");
    done["usage"] = json!({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 3}, "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 11});
    let at = |kind: &str, item: &str, index: u64| json!({"type": kind, "item_id": item, "output_index": index, "content_index": 0, "summary_index": 0});
    let and = |mut event: Value, name: &str, value: Value| {
        event[name] = value;
        event
    };
    let mut events = vec![
        json!({"type": "response.created", "response": response}),
        json!({"type": "response.in_progress", "response": response}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": empty(&reasoning, "summary", json!([]))}),
        and(at("response.reasoning_summary_part.added", "rs_1", 0), "part", json!({"type": "summary_text", "text": ""})),
        and(at("response.reasoning_summary_text.delta", "rs_1", 0), "delta", json!("hm")),
        and(at("response.reasoning_summary_text.done", "rs_1", 0), "text", json!("hm")),
        and(at("response.reasoning_summary_part.done", "rs_1", 0), "part", json!({"type": "summary_text", "text": "hm"})),
        json!({"type": "response.output_item.done", "output_index": 0, "item": reasoning}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": empty(&message, "content", json!([]))}),
        and(at("response.content_part.added", "msg_1", 1), "part", json!({"type": "output_text", "text": "", "annotations": []})),
        and(at("response.output_text.delta", "msg_1", 1), "delta", json!("hi")),
        and(at("response.output_text.done", "msg_1", 1), "text", json!("hi")),
        and(at("response.content_part.done", "msg_1", 1), "part", part),
        json!({"type": "response.output_item.done", "output_index": 1, "item": message}),
        json!({"type": "response.output_item.added", "output_index": 2, "item": empty(&call, "arguments", json!(""))}),
        and(at("response.function_call_arguments.delta", "fc_1", 2), "delta", json!("{}")),
        and(at("response.function_call_arguments.done", "fc_1", 2), "arguments", json!("{}")),
        json!({"type": "response.output_item.done", "output_index": 2, "item": call}),
        json!({"type": "response.completed", "response": done}),
    ];
    number(&mut events);
    events
}

fn number(events: &mut [Value]) {
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
}

#[test]
fn a_good_stream_of_responses_is_accepted() {
    let said = accepts(Client::Responses, &named(&response_events()));
    assert_eq!((said.text.as_str(), said.reasoning.as_str(), said.finish.as_str()), ("hi", "hm", "completed"));
    assert_eq!((said.calls[0].id.as_str(), said.usage.unwrap().reasoning), ("call_1", 4));
    let mut broken = response_events();
    broken.truncate(11);
    broken.push(json!({"type": "error", "code": "server_error", "message": "gone", "param": null}));
    number(&mut broken);
    let said = accepts(Client::Responses, &named(&broken));
    assert_eq!((said.error.unwrap().message.as_str(), said.text.as_str()), ("gone", "hi"));
}

#[test]
fn breaches_of_the_stream_of_responses_are_told() {
    let changed = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut events = response_events();
        change(&mut events);
        named(&events)
    };
    let check = |body: String, words: &str| refuses(Client::Responses, &body, words);
    check(data(&response_events()), "event: None");
    check(named(&response_events()) + "data: [DONE]\n\n", "[DONE]");
    check(changed(&|events| events[0]["sequence_number"] = Value::Null), "sequence_number");
    check(changed(&|events| events[5]["text"] = json!("other")), "is not its deltas");
    check(changed(&|events| events[18]["response"]["output"] = json!([])), "not its items");
    check(changed(&|events| events[18]["response"]["usage"]["output_tokens_details"] = Value::Null), "usage without");
    check(changed(&|events| events.truncate(18)), "without a final event");
    check(
        changed(&|events| {
            events.remove(13);
            number(events);
        }),
        "before the last is done",
    );
    check(
        changed(&|events| {
            events.remove(9);
            number(events);
        }),
        "not open",
    );
}

#[test]
fn whole_answers_are_held_to_their_grammar() {
    let check = |client: Client, body: Value, words: Option<&str>| {
        let heard = read(client, false, false, body.to_string().as_bytes());
        match words {
            None => assert!(heard.faults.is_empty(), "{:?}", heard.faults),
            Some(words) => assert!(heard.faults.iter().any(|fault| fault.contains(words)), "{words:?} is not in {:?}", heard.faults),
        }
    };
    let message = json!({"role": "assistant", "content": "hi", "refusal": null});
    let chat = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}});
    check(Client::Chat, chat.clone(), None);
    let with = |body: &Value, path: &str, value: Value| {
        let mut body = body.clone();
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    check(Client::Chat, with(&chat, "/choices", json!([])), Some("0 choices"));
    check(Client::Chat, with(&chat, "/choices/0/finish_reason", json!("")), Some("not OpenAI's"));
    check(Client::Chat, with(&chat, "/usage/total_tokens", json!(4)), Some("not the sum"));
    let anthropic = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "hi"}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 2}});
    check(Client::Messages, anthropic.clone(), None);
    check(Client::Messages, with(&anthropic, "/content/0/signature", Value::Null), Some("without signature"));
    check(Client::Messages, with(&anthropic, "/content/1/text", json!("")), Some("empty text"));
    check(Client::Messages, with(&anthropic, "/stop_reason", json!("stop")), Some("not Anthropic's"));
    check(Client::Gemini, gemini_chunk(json!([{"text": "hi"}]), Some("STOP")), None);
    check(Client::Gemini, gemini_chunk(json!([{"text": "hi"}]), None), Some("no finishReason"));
    let response = response_events()[18]["response"].clone();
    check(Client::Responses, response.clone(), None);
    check(Client::Responses, with(&response, "/output/0/summary", Value::Null), Some("without summary"));
}
