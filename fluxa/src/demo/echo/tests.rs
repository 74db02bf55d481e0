//! The echo over real HTTP, without pauses.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

async fn post(address: SocketAddr, path: &str, body: &Value) -> (String, String) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn post_json(path: &str, body: Value) -> Value {
    let echo = start(Duration::ZERO).await.unwrap();
    let (head, body) = post(echo.address(), path, &body).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-length"), "{head}");
    serde_json::from_str(&body).unwrap()
}

/// The JSON of every `data:` line, chunk sizes left out.
async fn post_stream(path: &str, body: Value) -> Vec<Value> {
    let echo = start(Duration::ZERO).await.unwrap();
    let (head, body) = post(echo.address(), path, &body).await;
    assert!(head.contains("text/event-stream"), "{head}");
    body.lines().filter_map(|line| line.strip_prefix("data: ")).filter_map(|data| serde_json::from_str(data).ok()).collect()
}

fn chat(extra: Value) -> Value {
    let mut body = json!({ "model": "echo", "messages": [{ "role": "user", "content": "hello there" }] });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn chat_repeats_and_reports_usage() {
    let answer = post_json("/v1/chat/completions", chat(json!({}))).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "You said: hello there");
    assert_eq!(answer["usage"]["completion_tokens"], 4);
    assert_eq!(answer["usage"]["total_tokens"], answer["usage"]["prompt_tokens"].as_u64().unwrap() + 4);
}

#[tokio::test]
async fn max_tokens_is_honoured_in_every_spelling() {
    for (path, field, pointer, expect) in [
        ("/v1/chat/completions", "max_tokens", "/choices/0/finish_reason", "length"),
        ("/v1/chat/completions", "max_completion_tokens", "/choices/0/finish_reason", "length"),
        ("/v1/messages", "max_tokens", "/stop_reason", "max_tokens"),
        ("/v1/responses", "max_output_tokens", "/status", "incomplete"),
    ] {
        let answer = post_json(path, chat(json!({ field: 2 }))).await;
        assert_eq!(answer.pointer(pointer).unwrap(), expect, "{path} {field}");
    }
}

#[tokio::test]
async fn a_chat_stream_adds_up_and_ends_with_usage_only_when_asked() {
    let events = post_stream("/v1/chat/completions", chat(json!({ "stream": true, "stream_options": { "include_usage": true } }))).await;
    let text: String = events.iter().filter_map(|e| e.pointer("/choices/0/delta/content")?.as_str()).collect();
    assert_eq!(text, "You said: hello there");
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 4);
    assert_eq!(events.last().unwrap()["choices"], json!([]));
    let events = post_stream("/chat/completions", chat(json!({ "stream": true }))).await;
    assert!(events.iter().all(|e| e.get("usage").is_none()));
}

#[tokio::test]
async fn messages_stream_in_anthropics_order() {
    let events = post_stream("/v1/messages", chat(json!({ "stream": true, "max_tokens": 100 }))).await;
    let types: Vec<&str> = events.iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(types[..3], ["message_start", "content_block_start", "ping"]);
    assert_eq!(types[types.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    assert_eq!(events[events.len() - 2]["usage"]["output_tokens"], 4);
}

#[tokio::test]
async fn responses_stream_numbers_its_events() {
    let events = post_stream("/v1/responses", json!({ "model": "echo", "input": "hello there", "stream": true })).await;
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let last = events.last().unwrap();
    assert_eq!((last["type"].as_str(), last["response"]["usage"]["output_tokens"].as_u64()), (Some("response.completed"), Some(4)));
    assert_eq!(last.pointer("/response/output/0/content/0/text").unwrap(), "You said: hello there");
}

#[tokio::test]
async fn embeddings_have_length_one_and_pack() {
    let answer = post_json("/v1/embeddings", json!({ "model": "echo", "input": ["a", "b"], "dimensions": 8 })).await;
    let vector: Vec<f64> = answer["data"][1]["embedding"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert_eq!(vector.len(), 8);
    assert!((vector.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-5);
    let packed = post_json("/v1/embeddings", json!({ "model": "echo", "input": "a", "encoding_format": "base64" })).await;
    assert!(packed["data"][0]["embedding"].as_str().unwrap().len() > 300);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let echo = start(Duration::ZERO).await.unwrap();
    let (head, _) = post(echo.address(), "/v1/chat/completions", &json!([1])).await;
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    let (head, _) = post(echo.address(), "/v1/nothing", &json!({})).await;
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[tokio::test]
async fn words_come_at_their_pace() {
    let began = std::time::Instant::now();
    let body =
        Words { left: VecDeque::from([Bytes::from("a"), Bytes::from("b"), Bytes::from("c")]), pace: Duration::from_millis(2), pause: None };
    assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
    assert!(began.elapsed() >= Duration::from_millis(6));
}
