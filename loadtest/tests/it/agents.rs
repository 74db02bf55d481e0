//! Agents: in every dialect, whole and streamed, each turn's calls and thoughts come back and every result is told.

use fluxa_loadtest::vendor::{Dialect, Mock};
use serde_json::{Value, json};

use crate::harness::{Got, mock, post_with};

const TURNS: usize = 3;

fn schema() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}})
}

/// One dialect, as a client of it sees it.
struct Client {
    path: &'static str,
    dialect: Dialect,
    body: Value,
    /// Appends the answer and the results of its calls; the answer's calls and text.
    next: fn(&mut Value, &Value) -> (usize, String),
}

fn result(name: &Value, arguments: &Value) -> String {
    format!("{} says {arguments}", name.as_str().unwrap())
}

fn push(body: &mut Value, turns: &str, turn: Value) {
    body[turns].as_array_mut().unwrap().push(turn);
}

fn clients() -> [Client; 4] {
    let user = json!([{"role": "user", "content": "Plan a trip"}]);
    let function = |name: &str, parameters: Value| json!({"type": "function", "function": {"name": name, "parameters": parameters}});
    let empty = json!({"type": "object", "properties": {}});
    let openai = Client {
        path: "/v1/chat/completions",
        dialect: Dialect::OpenAi,
        body: json!({"model": "m", "messages": user, "reasoning_effort": "low",
            "tools": [function("weather", schema()), function("hotels", schema()), function("now", empty.clone())]}),
        next: |body, answer| {
            let message = answer["choices"][0]["message"].clone();
            let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
            assert!(message["reasoning_content"].as_str().is_some_and(|text| text.contains("step")));
            push(body, "messages", message.clone());
            for call in &calls {
                let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
                let text = result(&call["function"]["name"], &arguments);
                push(body, "messages", json!({"role": "tool", "tool_call_id": call["id"], "content": text}));
            }
            (calls.len(), message["content"].as_str().unwrap_or_default().to_owned())
        },
    };
    let tool = |name: &str, schema: Value| json!({"name": name, "input_schema": schema});
    let anthropic = Client {
        path: "/v1/messages",
        dialect: Dialect::Anthropic,
        body: json!({"model": "m", "max_tokens": 4096, "messages": user, "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": [tool("weather", schema()), tool("hotels", schema()), tool("now", empty.clone())]}),
        next: |body, answer| {
            let blocks = answer["content"].as_array().unwrap().clone();
            assert_eq!(blocks[0]["type"], "thinking");
            let calls: Vec<&Value> = blocks.iter().filter(|block| block["type"] == "tool_use").collect();
            push(body, "messages", json!({"role": "assistant", "content": blocks}));
            let results: Vec<Value> = calls
                .iter()
                .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": result(&call["name"], &call["input"])}))
                .collect();
            push(body, "messages", json!({"role": "user", "content": results}));
            (calls.len(), blocks.iter().filter_map(|block| block["text"].as_str()).collect())
        },
    };
    let declare = |name: &str| json!({"name": name, "parametersJsonSchema": schema()});
    let gemini = Client {
        path: "/v1beta/models/gemini-3-x:generateContent",
        dialect: Dialect::Gemini,
        body: json!({"contents": [{"role": "user", "parts": [{"text": "Plan a trip"}]}],
            "generationConfig": {"thinkingConfig": {"includeThoughts": true}},
            "tools": [{"functionDeclarations": [declare("weather"), declare("hotels"), {"name": "now"}]}]}),
        next: |body, answer| {
            let parts = answer["candidates"][0]["content"]["parts"].as_array().unwrap().clone();
            assert_eq!(parts[0]["thought"], true);
            let calls: Vec<&Value> = parts.iter().filter_map(|part| part.get("functionCall")).collect();
            push(body, "contents", json!({"role": "model", "parts": parts}));
            let results: Vec<Value> = calls
                .iter()
                .map(|call| {
                    let arguments = call.get("args").cloned().unwrap_or(json!({}));
                    json!({"functionResponse": {"name": call["name"], "id": call["id"], "response": {"output": result(&call["name"], &arguments)}}})
                })
                .collect();
            push(body, "contents", json!({"role": "user", "parts": results}));
            let texts = parts.iter().filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str());
            (calls.len(), texts.collect())
        },
    };
    let spec = |name: &str, schema: Value| json!({"toolSpec": {"name": name, "inputSchema": {"json": schema}}});
    let bedrock = Client {
        path: "/model/anthropic.claude-v1%3A0/converse",
        dialect: Dialect::Bedrock,
        body: json!({"messages": [{"role": "user", "content": [{"text": "Plan a trip"}]}],
            "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            "toolConfig": {"tools": [spec("weather", schema()), spec("hotels", schema()), spec("now", empty)]}}),
        next: |body, answer| {
            let blocks = answer["output"]["message"]["content"].as_array().unwrap().clone();
            assert!(blocks[0]["reasoningContent"]["reasoningText"]["signature"].is_string());
            let calls: Vec<&Value> = blocks.iter().filter_map(|block| block.get("toolUse")).collect();
            push(body, "messages", json!({"role": "assistant", "content": blocks}));
            let results: Vec<Value> = calls
                .iter()
                .map(|call| {
                    json!({"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": result(&call["name"], &call["input"])}]}})
                })
                .collect();
            push(body, "messages", json!({"role": "user", "content": results}));
            (calls.len(), blocks.iter().filter_map(|block| block["text"].as_str()).collect())
        },
    };
    [openai, anthropic, gemini, bedrock]
}

async fn post(mock: &Mock, path: &str, options: &str, body: &Value) -> Got {
    let headers = [
        ("authorization", "Bearer any"),
        ("x-goog-api-key", "any"),
        ("anthropic-version", "2023-06-01"),
        ("content-type", "application/json"),
        ("x-mock", options),
    ];
    post_with(mock, path, &headers, &body.to_string()).await
}

#[tokio::test]
async fn an_agent_asks_for_two_tools_for_one_for_one_without_arguments_and_tells_every_result() {
    let mock = mock().await;
    for mut client in clients() {
        let mut calls = Vec::new();
        let text = loop {
            let got = post(&mock, client.path, &format!("agent={TURNS}"), &client.body).await;
            assert_eq!(got.status, 200, "{:?}: {}", client.dialect, got.text());
            let (asked, text) = (client.next)(&mut client.body, &got.json());
            calls.push(asked);
            if asked == 0 {
                break text;
            }
        };
        assert_eq!(calls, [2, 1, 1, 0], "{:?}", client.dialect);
        assert!(text.starts_with("results: weather says {\"city\":\"city 0.0"), "{text}");
        for name in ["weather", "hotels", "now"] {
            assert!(text.contains(&format!("{name} says")), "{name}: {text}");
        }
        let requests = mock.requests();
        let last = requests.last().unwrap();
        assert_eq!((last.dialect, last.finished, requests.len() % 4), (client.dialect, true, 0));
        assert!(last.completion_tokens > 0 && last.prompt_tokens > requests[requests.len() - 2].prompt_tokens);
    }
}

#[tokio::test]
async fn a_streamed_turn_costs_what_the_whole_one_does() {
    let mock = mock().await;
    for client in clients() {
        let mut streamed = client.body.clone();
        let path = match client.dialect {
            Dialect::Gemini => client.path.replace(":generateContent", ":streamGenerateContent?alt=sse"),
            Dialect::Bedrock => format!("{}-stream", client.path),
            Dialect::OpenAi | Dialect::Anthropic => {
                streamed["stream"] = json!(true);
                client.path.to_owned()
            }
        };
        for options in ["agent=1", "agent=1;tangled=1;chunk_bytes=7"] {
            mock.clear();
            post(&mock, client.path, options, &client.body).await.json();
            let whole = mock.until(|bill| bill.finished == 1).await.unwrap();
            let got = post(&mock, &path, options, &streamed).await;
            let both = mock.until(|bill| bill.finished == 2).await.unwrap();
            assert_eq!(both.completion_tokens, 2 * whole.completion_tokens, "{:?}", client.dialect);
            assert!(got.text().contains("weather") && got.text().contains("hotels"), "{}", got.text());
        }
    }
}

#[tokio::test]
async fn a_list_of_chunks_is_json_and_so_is_its_error() {
    let mock = mock().await;
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "one two"}]}]});
    let path = "/v1beta/models/gemini-3:streamGenerateContent";
    let chunks = post(&mock, path, "cached_tokens=1;prompt_tokens=9", &body).await.json();
    let texts: String =
        chunks.as_array().unwrap().iter().filter_map(|chunk| chunk["candidates"][0]["content"]["parts"][0]["text"].as_str()).collect();
    assert_eq!(texts, "one two");
    let last = chunks.as_array().unwrap().last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(
        last["usageMetadata"],
        json!({"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11, "cachedContentTokenCount": 1,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}]})
    );
    let refused = post(&mock, path, "status=429;retry_after_s=2", &body).await;
    assert_eq!(refused.json()[0]["error"]["status"], "RESOURCE_EXHAUSTED");
    let counted = post(&mock, "/v1beta/models/gemini-3:countTokens", "prompt_tokens=7", &body).await.json();
    assert_eq!(counted["totalTokens"], 7);
}

#[tokio::test]
async fn strangers_are_refused_with_the_vendors_own_words() {
    let mock = mock().await;
    let ask = json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}).to_string();
    let got = post_with(
        &mock,
        "/model/m/converse",
        &[(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDOTHER/20260102/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=00",
        )],
        &ask,
    )
    .await;
    assert_eq!((got.status, got.json()["message"].is_string()), (403, true));
    let got = post_with(&mock, "/v1beta/models/g:generateContent", &[], r#"{"contents":[]}"#).await;
    assert_eq!((got.status, &got.json()["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    let got = post(&mock, "/v1beta/models/g:generateContent", "", &json!({"contents": []})).await;
    assert_eq!((got.status, &got.json()["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
}
