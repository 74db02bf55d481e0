//! Each dialect's rules as data: a body, and a word of the refusal, or nothing if it is fine.

use serde_json::{Value, json};

use super::{anthropic, bedrock, gemini, openai};
use crate::vendor::{ask::Ask, config::MockConfig, seal};

fn strict() -> MockConfig {
    MockConfig { strict: true, ..MockConfig::default() }
}

fn check<T>(read: Result<T, String>, refusal: &str, what: &str) {
    match (read, refusal) {
        (Ok(_), "") => {}
        (Err(message), word) if !word.is_empty() && message.contains(word) => {}
        (read, _) => panic!("{what}: expected {refusal:?}, got {:?}", read.err()),
    }
}

#[test]
fn openai_wants_each_call_answered_and_arguments_as_text() {
    let call = |arguments: Value| json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}});
    let user = || json!({"role": "user", "content": "hi"});
    let assistant = |arguments| json!({"role": "assistant", "content": null, "tool_calls": [call(arguments)]});
    let tool = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "r"});
    for (messages, refusal) in [
        (json!([user(), assistant(json!("{}")), tool("c1")]), ""),
        (json!([user(), assistant(json!("{}"))]), "did not have response messages: c1"),
        (json!([user(), assistant(json!("{}")), user()]), "did not have response messages: c1"),
        (json!([user(), assistant(json!("{}")), tool("c2")]), "must be a response to a preceeding message"),
        (json!([user(), assistant(json!("{}")), tool("c1"), tool("c1")]), "must be a response to a preceeding message"),
        (json!([user(), assistant(json!({}))]), "expected a string"),
        (json!([user(), assistant(json!("{"))]), "not a JSON object"),
        (json!([user(), {"role": "assistant", "content": null}]), "expected a string, got null"),
        (json!([{"role": "user", "content": [{"type": "image", "source": {}}]}]), "Invalid value: 'image'"),
        (json!([{"role": "robot", "content": "x"}]), "Invalid value: 'robot'"),
    ] {
        let body = json!({"model": "m", "messages": messages, "tools": [{"type": "function", "function": {"name": "f"}}]});
        check(openai::read(&body, &strict()), refusal, &body.to_string());
    }
    let long = "n".repeat(65);
    for (more, refusal) in [
        (json!({"top_k": 1}), "Unrecognized request argument supplied: top_k"),
        (json!({"tools": []}), "empty array"),
        (json!({"tool_choice": "auto"}), "only allowed when"),
        (json!({"tools": [{"type": "function", "function": {"name": long}}]}), "does not match pattern"),
        (json!({"tools": [{"type": "function", "function": {"name": "f", "input_schema": {}}}]}), "Unknown parameter"),
    ] {
        let mut body = json!({"model": "m", "messages": [user()]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        check(openai::read(&body, &strict()), refusal, &body.to_string());
    }
    let body = json!({"messages": [user(), assistant(json!("{}")), tool("c1")]});
    check(openai::read(&body, &MockConfig { reasoning_back: Some(true), ..strict() }), "Missing `reasoning_content`", "without");
}

#[test]
fn anthropic_wants_alternation_results_first_and_its_own_thinking() {
    let user = || json!({"role": "user", "content": "hi"});
    let call = || json!({"type": "tool_use", "id": "t1", "name": "f", "input": {}});
    let result = || json!({"type": "tool_result", "tool_use_id": "t1", "content": "r"});
    let text = |text: &str| json!({"type": "text", "text": text});
    let thought = |signature: &str| json!({"type": "thinking", "thinking": "hm", "signature": signature});
    let turn = |role: &str, blocks: Value| json!({"role": role, "content": blocks});
    let good = seal::thought("hm");
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    for (messages, thinking, refusal) in [
        (json!([user(), turn("assistant", json!([call()])), turn("user", json!([result(), text("and")]))]), json!(null), ""),
        (json!([user(), turn("assistant", json!([call()])), turn("user", json!([text("and"), result()]))]), json!(null), "must come first"),
        (json!([user(), turn("assistant", json!([call()])), user()]), json!(null), "without `tool_result` blocks"),
        (json!([user(), turn("user", json!([result()]))]), json!(null), "alternate"),
        (json!([user(), turn("assistant", json!([text("a")])), turn("user", json!([result()]))]), json!(null), "unexpected `tool_use_id`"),
        (json!([turn("assistant", json!([text("a")]))]), json!(null), "alternate"),
        (json!([turn("user", json!([text("")]))]), json!(null), "non-empty"),
        (json!([turn("user", json!([]))]), json!(null), "non-empty content"),
        (json!([user(), turn("assistant", json!([thought(&good), call()])), turn("user", json!([result()]))]), thinking.clone(), ""),
        (
            json!([user(), turn("assistant", json!([thought("forged"), call()])), turn("user", json!([result()]))]),
            thinking.clone(),
            "Invalid `signature`",
        ),
        (json!([user(), turn("assistant", json!([call()])), turn("user", json!([result()]))]), thinking.clone(), "Expected `thinking`"),
    ] {
        let mut body =
            json!({"model": "m", "max_tokens": 4096, "messages": messages, "tools": [{"name": "f", "input_schema": {"type": "object"}}]});
        if !thinking.is_null() {
            body["thinking"] = thinking;
        }
        check(anthropic::read(&body, &strict()), refusal, &body.to_string());
    }
    for (more, refusal) in [
        (json!({"logit_bias": {}}), "logit_bias: Extra inputs"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 5000}}), "must be greater"),
        (json!({"thinking": thinking, "temperature": 0.5}), "may only be set to 1"),
        (json!({"tools": [{"name": "a.b", "input_schema": {"type": "object"}}]}), "should match pattern"),
        (json!({"tools": [{"name": "ab", "input_schema": {}}]}), "should be 'object'"),
        (json!({"system": [{"type": "text", "text": ""}]}), "non-empty"),
    ] {
        let mut body = json!({"model": "m", "max_tokens": 4096, "messages": [user()]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        check(anthropic::read(&body, &strict()), refusal, &body.to_string());
    }
}

#[test]
fn gemini_wants_named_responses_and_its_signature_back() {
    let user = || json!({"role": "user", "parts": [{"text": "hi"}]});
    let signature = seal::call("f", &json!({"a": 1}));
    let call = |signature: Option<&str>| {
        let mut part = json!({"functionCall": {"name": "f", "args": {"a": 1}}});
        if let Some(signature) = signature {
            part["thoughtSignature"] = json!(signature);
        }
        json!({"role": "model", "parts": [part]})
    };
    let response = |name: &str| json!({"role": "user", "parts": [{"functionResponse": {"name": name, "response": {"output": "r"}}}]});
    for (contents, refusal) in [
        (json!([user(), call(Some(&signature)), response("f")]), ""),
        (json!([user(), call(Some(seal::SENTINEL)), response("f")]), ""),
        (json!([user(), call(None), response("f")]), "missing a thought_signature"),
        (json!([user(), call(Some("forged")), response("f")]), "not valid"),
        (json!([user(), call(Some(&signature)), response("g")]), "does not match"),
        (json!([user(), call(Some(&signature)), response("")]), "Invalid value"),
        (json!([user(), call(Some(&signature)), user()]), "is equal to the number"),
        (json!([user(), call(Some(&signature))]), "is equal to the number"),
        (json!([user(), response("f")]), "immediately after"),
        (json!([]), "contents is not specified"),
        (json!([{"role": "assistant", "parts": [{"text": "x"}]}]), "valid role"),
        (json!([{"role": "model", "parts": [{"text": "x"}]}]), "begin with a user turn"),
        (json!([{"role": "user", "parts": []}]), "must not be empty"),
        (json!([{"role": "user", "parts": [{}]}]), "oneof field 'data'"),
        (json!([{"role": "user", "parts": [{"text": "a", "inlineData": {"mimeType": "x", "data": "y"}}]}]), "oneof field 'data'"),
        (json!([{"role": "user", "parts": [{"text": "a", "type": "text"}]}]), "Unknown name \"type\""),
    ] {
        let body = json!({"contents": contents});
        check(gemini::read(&Ask::default(), &body, &MockConfig::default()), refusal, &body.to_string());
    }
    let agent = MockConfig { agent: 1, ..MockConfig::default() };
    let body = json!({"contents": [user(), call(Some(seal::SENTINEL)), response("f")]});
    check(gemini::read(&Ask::default(), &body, &agent), "not valid", "an agent's own call");
    for (more, refusal) in [
        (json!({"messages": []}), "Unknown name \"messages\""),
        (json!({"generation_config": {"max_output_tokens": 1, "thinking_config": {"include_thoughts": true}}}), ""),
        (json!({"generationConfig": {"max_tokens": 1}}), "Unknown name \"maxTokens\""),
        (json!({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 1}}}), "only one"),
        (json!({"tools": [{"functionDeclarations": [{"name": "9"}]}]}), "Invalid function name"),
        (
            json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "object", "properties": {}}}]}]}),
            "non-empty for OBJECT",
        ),
        (json!({"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}]}), ""),
    ] {
        let mut body = json!({"contents": [user()]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        check(gemini::read(&Ask::default(), &body, &MockConfig::default()), refusal, &body.to_string());
    }
}

#[test]
fn bedrock_wants_alternation_results_and_a_tool_config() {
    let user = || json!({"role": "user", "content": [{"text": "hi"}]});
    let call = || json!({"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}}]});
    let result = |id: &str| json!({"role": "user", "content": [{"toolResult": {"toolUseId": id, "content": [{"text": "r"}]}}]});
    let tools = json!({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]});
    for (messages, more, refusal) in [
        (json!([user(), call(), result("t1")]), json!({"toolConfig": tools}), ""),
        (json!([user(), call(), result("t1")]), json!({}), "toolConfig field must be defined"),
        (json!([user(), call(), result("t2")]), json!({"toolConfig": tools}), "no toolUse"),
        (json!([user(), call(), user()]), json!({"toolConfig": tools}), "Expected toolResult blocks"),
        (json!([user(), call()]), json!({"toolConfig": tools}), "Expected toolResult blocks"),
        (json!([user(), user()]), json!({}), "must alternate"),
        (json!([call()]), json!({}), "must start with a user message"),
        (json!([]), json!({}), "must not be null"),
        (json!([{"role": "user", "content": [{"text": " "}]}]), json!({}), "is blank"),
        (json!([{"role": "user", "content": []}]), json!({}), "is empty"),
        (json!([{"role": "user", "content": [{"type": "text", "text": "x"}]}]), json!({}), "exactly one member"),
        (json!([{"role": "user", "content": [{"image": {"format": "jpg", "source": {"bytes": "x"}}}]}]), json!({}), "not valid here"),
        (json!([user()]), json!({"model": "x"}), "extraneous key [model]"),
        (json!([user()]), json!({"toolConfig": {"tools": []}}), "greater than or equal to 1"),
        (json!([user()]), json!({"system": [{"text": ""}]}), "is blank"),
        (
            json!([user(), call(), result("t1")]),
            json!({"toolConfig": tools, "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}),
            "Expected `thinking`",
        ),
    ] {
        let mut body = json!({"messages": messages});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        check(bedrock::read(&body), refusal, &body.to_string());
    }
}
