//! One secret through every route, every field, whole and streamed, over vendors of every kind: it reaches none of them.

use serde_json::{Value, json};

use crate::firewall::{Ask, CLIENTS, CORE, Client, KINDS, RULE, SECRET, Yard, got};
use crate::harness::Setup;

const BOUNDARY: &str = "----canary-form-boundary";

/// Fields of each dialect in which a text may stand: what they are called, and the body.
fn chat(model: &str, s: &str, stream: bool) -> Vec<(&'static str, Value)> {
    let arguments = json!({"to": s}).to_string();
    let user = json!({"role": "user", "content": "hello"});
    let call = json!({"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "send", "arguments": arguments}}]});
    let tool = |description: &str, inner: &str| {
        json!([{"type": "function", "function": {"name": "send", "description": description,
            "parameters": {"type": "object", "properties": {"to": {"type": "string", "description": inner}}}}}])
    };
    let with = |more: Value| {
        let mut body = json!({"model": model, "messages": [user], "stream": stream});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    vec![
        ("text", with(json!({"messages": [{"role": "user", "content": s}]}))),
        ("part", with(json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": s}]}]}))),
        ("system", with(json!({"messages": [{"role": "system", "content": s}, user]}))),
        ("developer", with(json!({"messages": [{"role": "developer", "content": [{"type": "text", "text": s}]}, user]}))),
        ("assistant", with(json!({"messages": [user, {"role": "assistant", "content": s}, user]}))),
        (
            "arguments",
            with(json!({"messages": [user, call, {"role": "tool", "tool_call_id": "call_1", "content": "done"}], "tools": tool("d", "d")})),
        ),
        (
            "result",
            with(
                json!({"messages": [user, {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "send", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": s}], "tools": tool("d", "d")}),
            ),
        ),
        (
            "result in parts",
            with(
                json!({"messages": [user, {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "send", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": s}]}], "tools": tool("d", "d")}),
            ),
        ),
        ("tool", with(json!({"tools": tool(s, "d")}))),
        ("parameter", with(json!({"tools": tool("d", s)}))),
        ("metadata", with(json!({"metadata": {"note": s}}))),
        ("user", with(json!({"user": s}))),
        (
            "schema",
            with(
                json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "description": s}}}}),
            ),
        ),
        ("prediction", with(json!({"prediction": {"type": "content", "content": s}}))),
        ("unknown", with(json!({"x_new": {"deep": [[{"er": s}]]}}))),
    ]
}

fn responses(model: &str, s: &str, stream: bool) -> Vec<(&'static str, Value)> {
    let with = |more: Value| {
        let mut body = json!({"model": model, "input": "hello", "stream": stream});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let call = json!({"type": "function_call", "call_id": "call_1", "name": "send", "arguments": json!({"to": s}).to_string()});
    let plain = json!({"type": "function_call", "call_id": "call_1", "name": "send", "arguments": "{}"});
    let output = |text: &str| json!({"type": "function_call_output", "call_id": "call_1", "output": text});
    vec![
        ("text", with(json!({"input": s}))),
        ("item", with(json!({"input": [{"role": "user", "content": s}]}))),
        ("part", with(json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": s}]}]}))),
        ("instructions", with(json!({"instructions": s}))),
        ("arguments", with(json!({"input": [{"role": "user", "content": "a"}, call, output("b")]}))),
        ("result", with(json!({"input": [{"role": "user", "content": "a"}, plain, output(s)]}))),
        ("tool", with(json!({"tools": [{"type": "function", "name": "send", "description": s, "parameters": {"type": "object"}}]}))),
        ("metadata", with(json!({"metadata": {"note": s}}))),
        ("unknown", with(json!({"x_new": [s]}))),
    ]
}

fn messages(model: &str, s: &str, stream: bool) -> Vec<(&'static str, Value)> {
    let with = |more: Value| {
        let mut body = json!({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}], "stream": stream});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let user = json!({"role": "user", "content": "hello"});
    let call =
        |input: Value| json!({"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "send", "input": input}]});
    let result =
        |content: Value| json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": content}]});
    let tools = |text: &str| json!([{"name": "send", "description": text, "input_schema": {"type": "object"}}]);
    vec![
        ("text", with(json!({"messages": [{"role": "user", "content": s}]}))),
        ("block", with(json!({"messages": [{"role": "user", "content": [{"type": "text", "text": s}]}]}))),
        ("system", with(json!({"system": s}))),
        ("system block", with(json!({"system": [{"type": "text", "text": s}]}))),
        ("arguments", with(json!({"messages": [user, call(json!({"to": {"deep": [s]}})), result(json!("b"))], "tools": tools("d")}))),
        ("result", with(json!({"messages": [user, call(json!({})), result(json!(s))], "tools": tools("d")}))),
        (
            "result block",
            with(json!({"messages": [user, call(json!({})), result(json!([{"type": "text", "text": s}]))], "tools": tools("d")})),
        ),
        ("tool", with(json!({"tools": tools(s)}))),
        ("metadata", with(json!({"metadata": {"user_id": s}}))),
        (
            "document",
            with(
                json!({"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": s}}]}]}),
            ),
        ),
        ("unknown", with(json!({"x_new": {"a": s}}))),
    ]
}

fn gemini(s: &str) -> Vec<(&'static str, Value)> {
    let with = |more: Value| {
        let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let user = json!({"role": "user", "parts": [{"text": "hello"}]});
    let call = |args: Value| json!({"role": "model", "parts": [{"functionCall": {"name": "send", "args": args}}]});
    let result = |text: &str| json!({"role": "user", "parts": [{"functionResponse": {"name": "send", "response": {"result": text}}}]});
    vec![
        ("text", with(json!({"contents": [{"role": "user", "parts": [{"text": s}]}]}))),
        ("second part", with(json!({"contents": [{"role": "user", "parts": [{"text": "a"}, {"text": s}]}]}))),
        ("system", with(json!({"systemInstruction": {"parts": [{"text": s}]}}))),
        ("arguments", with(json!({"contents": [user, call(json!({"to": s})), result("b")]}))),
        ("result", with(json!({"contents": [user, call(json!({})), result(s)]}))),
        ("tool", with(json!({"tools": [{"functionDeclarations": [{"name": "send", "description": s}]}]}))),
        ("labels", with(json!({"labels": {"note": s}}))),
    ]
}

/// What a client's dialect says to a model.
fn cells(client: Client, model: &str, s: &str, stream: bool) -> Vec<Ask> {
    let at = |path: &str, bodies: Vec<(&'static str, Value)>| bodies.into_iter().map(|(what, body)| Ask::json(what, path, &body)).collect();
    match client {
        Client::Chat => at("/v1/chat/completions", chat(model, s, stream)),
        Client::Responses => at("/v1/responses", responses(model, s, stream)),
        Client::Messages => at("/v1/messages", messages(model, s, stream)),
        Client::Gemini => {
            let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            at(&format!("/v1beta/models/{model}:{method}"), gemini(s))
        }
    }
}

fn form(fields: &[(&str, &str)], file: &str) -> Vec<u8> {
    let mut out = String::new();
    for (name, value) in fields {
        out += &format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    out += &format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\ncontent-type: application/jsonl\r\n\r\n{file}\r\n"
    );
    (out + &format!("--{BOUNDARY}--\r\n")).into_bytes()
}

/// The other routes: one field each, and what goes through unread.
fn others(s: &str) -> Vec<Ask> {
    let model = "m-openai";
    let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
    let line = json!({"custom_id": "1", "body": {"messages": [{"role": "user", "content": s}]}}).to_string();
    let count = json!({"model": "m-anthropic", "messages": [{"role": "user", "content": s}]});
    let mut all = vec![
        Ask::json("", "/v1/completions", &json!({"model": model, "prompt": s})),
        Ask::json("list", "/v1/completions", &json!({"model": model, "prompt": ["a", s], "suffix": "b"})),
        Ask::json("suffix, streamed", "/v1/completions", &json!({"model": model, "prompt": "a", "suffix": s, "stream": true})),
        Ask::json("", "/v1/embeddings", &json!({"model": model, "input": s})),
        Ask::json("list", "/v1/embeddings", &json!({"model": model, "input": ["a", s]})),
        Ask::json("", "/v1/moderations", &json!({"model": model, "input": s})),
        Ask::json("part", "/v1/moderations", &json!({"model": model, "input": [{"type": "text", "text": s}]})),
        Ask::json("query", "/v1/rerank", &json!({"model": model, "query": s, "documents": ["a"]})),
        Ask::json("document", "/v1/rerank", &json!({"model": model, "query": "a", "documents": ["b", s]})),
        Ask::json("object", "/v1/rerank", &json!({"model": model, "query": "a", "documents": [{"text": s}]})),
        Ask::json("", "/v1/images/generations", &json!({"model": model, "prompt": s})),
        Ask::json("", "/v1/audio/speech", &json!({"model": model, "input": s, "voice": "a"})),
        Ask::json("instructions", "/v1/audio/speech", &json!({"model": model, "input": "a", "voice": "a", "instructions": s})),
        Ask::raw("prompt", "/v1/audio/transcriptions", &multipart, &form(&[("model", model), ("prompt", s)], "{}")),
        Ask::json("", "/v1/messages/count_tokens", &count),
        Ask::json("", "/v1beta/models/m-gemini:countTokens", &json!({"contents": [{"parts": [{"text": s}]}]})),
        Ask::json("", "/v1beta/models/m-gemini:embedContent", &json!({"content": {"parts": [{"text": s}]}})),
        Ask::json("metadata", "/v1/batches", &json!({"input_file_id": "file-1", "metadata": {"a": s}})),
        Ask::json("", "/v1/threads/runs", &json!({"assistant_id": "a", "thread": {"messages": [{"role": "user", "content": s}]}})),
        Ask::raw("file", "/v1/files", &multipart, &form(&[("purpose", "batch")], &line)),
        Ask::raw("lines", "/v1/uploads/x", "application/jsonl", format!("{{}}\n{line}\n").as_bytes()),
        Ask::raw("text", "/v1/uploads/x", "text/plain", format!("notes\nkey: {s}\n").as_bytes()),
        Ask::raw("JSON called text", "/v1/uploads/x", "text/plain", line.as_bytes()),
        Ask::raw("urlencoded", "/v1/uploads/x", "application/x-www-form-urlencoded", format!("a=b&note={s}").as_bytes()),
        Ask::json(
            "",
            "/v1/messages/batches",
            &json!({"requests": [{"custom_id": "1", "params": {"messages": [{"role": "user", "content": s}]}}]}),
        ),
    ];
    let escaped: String = s.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let text = format!("{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{escaped}\"}}]}}");
    all.push(Ask::raw("escaped", "/v1/chat/completions", "application/json", text.as_bytes()));
    all
}

/// Where nothing can be changed: a mask refuses, too.
fn fixed(s: &str) -> Vec<Ask> {
    let hello = json!({"model": "m-openai", "messages": [{"role": "user", "content": "hello"}]});
    let percent: String = s.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut beta = Ask::json("header", "/v1/chat/completions", &hello);
    beta.headers.push(("openai-beta", s.to_owned()));
    vec![
        Ask::get(&format!("/v1/files?after={s}")),
        Ask::get(&format!("/v1/files?after={percent}")),
        Ask::get(&format!("/v1/files?{s}")),
        Ask::get(&format!("/v1/files/{s}")),
        Ask::get(&format!("/v1/files/{percent}/content")),
        Ask::json("query", &format!("/v1/chat/completions?note={s}"), &hello),
        Ask::json(
            "query",
            &format!("/v1beta/models/m-gemini:generateContent?note={s}"),
            &json!({"contents": [{"parts": [{"text": "a"}]}]}),
        ),
        beta,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_a_secret_reaches_no_vendor_by_any_route_in_any_field() {
    let yard = Yard::new(Setup::default()).await;
    let (open, masked, blocked) = (yard.fluxa.key(json!({})).await, yard.key_that("mask").await, yard.key_that("block").await);
    let mut all: Vec<(Ask, bool)> = others(SECRET).into_iter().map(|ask| (ask, true)).collect();
    for client in CLIENTS {
        for kind in KINDS {
            let native = match client {
                Client::Chat => matches!(kind, "openai" | "zero-one"),
                Client::Responses => kind == "openai",
                Client::Messages => kind == "anthropic",
                Client::Gemini => kind == "gemini",
            };
            for stream in [false, true] {
                all.extend(cells(client, &format!("m-{kind}"), SECRET, stream).into_iter().map(|ask| (ask, native)));
            }
        }
    }
    let mut reached = 0;
    for (ask, native) in &all {
        let what = format!("{} {}", ask.what, String::from_utf8_lossy(&ask.body));
        // Without a policy it would have got there: what is counted below is not a request that went nowhere.
        let (_, sent) = yard.ask(&open, ask).await;
        let reaches = sent.iter().any(|record| got(record, CORE));
        assert!(reaches || !native, "without a policy it is passed on: {what}");
        reached += usize::from(reaches);
        let (answer, sent) = yard.ask(&masked, ask).await;
        assert!(sent.iter().all(|record| !got(record, CORE)), "masked: {what}");
        assert!(!reaches || sent.len() == 1, "masked, and asked all the same: {what}: {}", answer.text());
        assert!(!native || sent.iter().any(|record| got(record, "OPENAI_KEY")), "masked: {what}: {sent:?}");
        let (answer, sent) = yard.ask(&blocked, ask).await;
        assert_eq!((answer.status, sent.len()), (400, 0), "blocked: {what}: {}", answer.text());
        let told = answer.text();
        assert!(told.contains(RULE) && !told.contains(CORE), "{what}: {told}");
        assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}");
    }
    assert!(reached * 10 > all.len() * 6, "most cells mean something: {reached} of {}", all.len());
    for ask in fixed(SECRET) {
        let (_, sent) = yard.ask(&open, &ask).await;
        assert_eq!(sent.len(), 1, "{}", ask.what);
        for key in [&masked, &blocked] {
            let (answer, sent) = yard.ask(key, &ask).await;
            assert_eq!((answer.status, sent.len()), (400, 0), "{}: {}", ask.what, answer.text());
            assert!(answer.text().contains(RULE), "{}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_what_cannot_be_read_is_refused_where_a_policy_enforces_and_goes_on_where_it_only_watches() {
    let yard = Yard::new(Setup::default()).await;
    let (masked, observed) = (yard.key_that("mask").await, yard.key_that("observe").await);
    let unreadable = [
        Ask::raw("bytes", "/v1/uploads/x", "application/octet-stream", b"\xff\xfe\x00binary"),
        Ask::raw("a form that is none", "/v1/uploads/x", "application/octet-stream", &[0, 159, 146, 150]),
    ];
    for ask in unreadable {
        let (answer, sent) = yard.ask(&masked, &ask).await;
        assert_eq!((answer.status, sent.len(), answer.code().as_str()), (400, 0, "content_blocked"), "{}: {}", ask.what, answer.text());
        let (_, sent) = yard.ask(&observed, &ask).await;
        assert_eq!(sent.len(), 1, "{}", ask.what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_every_route_has_the_same_guard_and_a_refused_call_costs_and_reserves_nothing() {
    let yard = Yard::new(Setup::default()).await;
    yard.policy("block", json!({"actions": {RULE: "block"}, "default": "off"})).await;
    let limited = yard.fluxa.issued(json!({"firewall_policy": "block", "budget_usd_total": 1, "rate_limit_rpm": 1})).await;
    let key = limited["key"].as_str().expect("the secret").to_owned();
    for client in CLIENTS {
        for stream in [false, true] {
            let (answer, sent) = yard.ask(&key, &client.says("gpt-4o", SECRET, stream)).await;
            assert_eq!((answer.status, sent.len()), (400, 0), "{client:?}: {}", answer.text());
            assert_eq!(answer.header("x-fluxa-firewall"), Some("block;openai_key=1"));
            let row = yard.fluxa.log_row(&answer.id()).await;
            assert_eq!((&row["status"], &row["cost_nanos"], &row["error"]), (&json!(400), &json!(0), &json!("content_blocked")), "{row}");
            assert_eq!(row["firewall"], json!([{"rule": RULE, "action": "block", "count": 1}]), "{row}");
        }
    }
    let (answer, _) = yard.ask(&key, &Client::Chat.says("gpt-4o", "hello", false)).await;
    assert_eq!(answer.status, 200, "its one request a minute is still there: {}", answer.text());
}
