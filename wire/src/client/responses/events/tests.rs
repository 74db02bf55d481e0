use bytes::BytesMut;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::usage::Usage;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::Writer;
use crate::client::responses::{OpenAiResponses, repeat};
use crate::client::{Asked, ClientDialect, EventWriter as _, Voice};
use crate::neutral::untangle::Untangle;
use crate::neutral::{
    ChatAnswer, Choice, Citation, Event, Foreign, Media, MediaKind, Origin, Part, Signature, Source, Stop, Text, Thinking, ToolCall,
};

const CALL: &str = "0123456789abcdef0123456789abcdef";

fn voice(request: &Value) -> Voice {
    let repeat = repeat::of_request(request.as_object().unwrap());
    Voice { call: CALL.to_owned(), created_s: 1_700_000_000, model: String::from("m-1"), repeat, ..Voice::default() }
}

/// What is written for events in the order in which a translation gives them.
fn written(request: &Value, events: impl IntoIterator<Item = Event>) -> String {
    let mut writer = Writer::new(voice(request));
    let mut out = BytesMut::new();
    for event in events {
        writer.write(event, &mut out);
    }
    String::from_utf8(out.to_vec()).unwrap()
}

/// Frames, each checked for its `event:` line and its number.
fn frames(stream: &str) -> Vec<Value> {
    let mut frames = Vec::new();
    for block in stream.split_terminator("\n\n").filter(|block| !block.starts_with(':')) {
        let (event, data) = block.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(event.strip_prefix("event: "), data["type"].as_str());
        assert_eq!(data["sequence_number"], json!(frames.len()), "{block}");
        frames.push(data);
    }
    frames
}

/// A frame without what every frame has, and with less of a response.
fn brief(mut frame: Value) -> Value {
    let members = frame.as_object_mut().unwrap();
    members.remove("sequence_number");
    if let Some(response) = members.remove("response") {
        let mut part = Map::new();
        for name in ["status", "incomplete_details", "error", "usage"] {
            if !response[name].is_null() {
                part.insert(name.to_owned(), response[name].clone());
            }
        }
        part.insert(String::from("items"), json!(response["output"].as_array().unwrap().len()));
        members.insert(String::from("response"), Value::Object(part));
    }
    frame
}

fn begin() -> Event {
    Event::Begin { id: Some(String::from("chatcmpl-7")), model: Some(String::from("vendor-model")) }
}

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.to_owned() }
}

fn thinking(text: &str) -> Event {
    Event::Thinking { choice: 0, text: text.to_owned() }
}

fn call(call: u32, id: &str, name: &str, signature: Option<Signature>) -> Event {
    Event::CallBegin { choice: 0, call, id: id.to_owned(), name: name.to_owned(), signature }
}

fn arguments(call: u32, fragment: &str) -> Event {
    Event::CallArguments { choice: 0, call, fragment: fragment.to_owned() }
}

const fn stop(reason: Stop) -> Event {
    Event::Stop { choice: 0, reason, sequence: None }
}

/// Checks what is between `response.in_progress` and the last event, and the last event.
fn check(request: &Value, events: impl IntoIterator<Item = Event>, expect: &[Value], last: &Value) {
    let stream = written(request, std::iter::once(begin()).chain(events).chain([Event::End]));
    let mut got: Vec<Value> = frames(&stream).into_iter().map(brief).collect();
    let beginning: Vec<Value> = got.drain(..2).collect();
    let in_progress = |kind: &str| json!({"type": kind, "response": {"status": "in_progress", "items": 0}});
    assert_eq!(beginning, [in_progress("response.created"), in_progress("response.in_progress")]);
    assert_eq!(got.pop().as_ref(), Some(last));
    for (got, expect) in got.iter().zip(expect) {
        assert_eq!(got, expect);
    }
    assert_eq!(got.len(), expect.len());
}

fn completed(items: u64) -> Value {
    json!({"type": "response.completed", "response": {"status": "completed", "items": items}})
}

#[test]
fn a_text_stream_is_told_in_every_step() {
    let usage = Usage { input_uncached: 5, cache_read: 3, cache_write_5m: 2, output: 7, reasoning: 4, ..Usage::default() };
    let id = format!("msg_{CALL}0000");
    let part = |text: &str| json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text});
    let at = |kind: &str| json!({"type": kind, "item_id": id, "output_index": 0, "content_index": 0});
    let with = |mut frame: Value, members: Value| {
        frame.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        frame
    };
    check(
        &json!({}),
        [Event::Usage(Usage::default()), text("Hi"), Event::Ping, text(" there"), stop(Stop::Done), Event::Usage(usage)],
        &[
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": id, "type": "message", "status": "in_progress", "content": [], "role": "assistant"}}),
            with(at("response.content_part.added"), json!({"part": part("")})),
            with(at("response.output_text.delta"), json!({"delta": "Hi", "logprobs": []})),
            with(at("response.output_text.delta"), json!({"delta": " there", "logprobs": []})),
            with(at("response.output_text.done"), json!({"text": "Hi there", "logprobs": []})),
            with(at("response.content_part.done"), json!({"part": part("Hi there")})),
            json!({"type": "response.output_item.done", "output_index": 0, "item": {"id": id, "type": "message", "status": "completed", "content": [part("Hi there")], "role": "assistant"}}),
        ],
        &json!({"type": "response.completed", "response": {"status": "completed", "items": 1, "usage": {
            "input_tokens": 10, "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
            "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 17,
        }}}),
    );
}

#[test]
fn the_first_frames_are_byte_for_byte_so() {
    let stream = written(&json!({}), [begin(), text("é\"")]);
    let response = concat!(
        r#"{"id":"resp_0123456789abcdef0123456789abcdef","object":"response","created_at":1700000000,"status":"in_progress","#,
        r#""error":null,"incomplete_details":null,"model":"vendor-model","output":[],"usage":null,"background":false,"#,
        r#""instructions":null,"max_output_tokens":null,"max_tool_calls":null,"parallel_tool_calls":true,"#,
        r#""previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},"#,
        r#""safety_identifier":null,"service_tier":"auto","store":true,"temperature":1.0,"#,
        r#""text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],"top_logprobs":0,"#,
        r#""top_p":1.0,"truncation":"disabled","user":null,"metadata":{}}"#,
    );
    let id = "msg_0123456789abcdef0123456789abcdef0000";
    let expect = format!(
        "event: response.created\ndata: {{\"type\":\"response.created\",\"sequence_number\":0,\"response\":{response}}}\n\n\
         event: response.in_progress\ndata: {{\"type\":\"response.in_progress\",\"sequence_number\":1,\"response\":{response}}}\n\n\
         event: response.output_item.added\ndata: {{\"type\":\"response.output_item.added\",\"sequence_number\":2,\"output_index\":0,\
         \"item\":{{\"id\":\"{id}\",\"type\":\"message\",\"status\":\"in_progress\",\"content\":[],\"role\":\"assistant\"}}}}\n\n\
         event: response.content_part.added\ndata: {{\"type\":\"response.content_part.added\",\"sequence_number\":3,\"item_id\":\"{id}\",\
         \"output_index\":0,\"content_index\":0,\"part\":{{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"\"}}}}\n\n\
         event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"item_id\":\"{id}\",\
         \"output_index\":0,\"content_index\":0,\"delta\":\"é\\\"\",\"logprobs\":[]}}\n\n"
    );
    assert_eq!(stream, expect);
}

#[test]
fn thoughts_and_calls_are_items_of_their_own() {
    let mark = Signature::new(Origin::Anthropic, "EqQB");
    let reasoning = format!("rs_{CALL}0000");
    let function = format!("fc_{CALL}0001");
    let item = |status: &str, arguments: &str| json!({"id": function, "type": "function_call", "status": status, "arguments": arguments, "call_id": "toolu_1", "name": "look"});
    let summary = json!({"type": "summary_text", "text": "ab"});
    check(
        &json!({"tools": [{"type": "function", "name": "look", "parameters": {}}]}),
        [
            thinking("a"),
            thinking("b"),
            Event::ThinkingSigned { choice: 0, signature: mark },
            call(0, "toolu_1", "look", None),
            arguments(0, "{\"q\":"),
            arguments(0, "1}"),
            Event::CallEnd { choice: 0, call: 0 },
            stop(Stop::Tools),
        ],
        &[
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": reasoning, "type": "reasoning", "summary": []}}),
            json!({"type": "response.reasoning_summary_part.added", "item_id": reasoning, "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
            json!({"type": "response.reasoning_summary_text.delta", "item_id": reasoning, "output_index": 0, "summary_index": 0, "delta": "a"}),
            json!({"type": "response.reasoning_summary_text.delta", "item_id": reasoning, "output_index": 0, "summary_index": 0, "delta": "b"}),
            json!({"type": "response.reasoning_summary_text.done", "item_id": reasoning, "output_index": 0, "summary_index": 0, "text": "ab"}),
            json!({"type": "response.reasoning_summary_part.done", "item_id": reasoning, "output_index": 0, "summary_index": 0, "part": summary}),
            json!({"type": "response.output_item.done", "output_index": 0, "item": {"id": reasoning, "type": "reasoning", "summary": [summary], "encrypted_content": "fluxa.a.EqQB"}}),
            json!({"type": "response.output_item.added", "output_index": 1, "item": item("in_progress", "")}),
            json!({"type": "response.function_call_arguments.delta", "item_id": function, "output_index": 1, "delta": "{\"q\":"}),
            json!({"type": "response.function_call_arguments.delta", "item_id": function, "output_index": 1, "delta": "1}"}),
            json!({"type": "response.function_call_arguments.done", "item_id": function, "output_index": 1, "arguments": "{\"q\":1}"}),
            json!({"type": "response.output_item.done", "output_index": 1, "item": item("completed", "{\"q\":1}")}),
        ],
        &completed(2),
    );
}

#[test]
fn free_text_and_namespaces_are_told_as_the_client_knows_them() {
    let request = json!({"tools": [
        {"type": "custom", "name": "patch"},
        {"type": "namespace", "name": "crm", "description": "d", "tools": [{"type": "function", "name": "find"}]},
    ]});
    let stream = written(
        &request,
        [
            begin(),
            call(0, "", "patch", Some(Signature::new(Origin::Gemini, "Ci=="))),
            arguments(0, "*** Be"),
            arguments(0, "gin\n"),
            Event::CallEnd { choice: 0, call: 0 },
            call(1, "c1", "crm__find", None),
            arguments(1, "{}"),
            Event::CallEnd { choice: 0, call: 1 },
            stop(Stop::Tools),
            Event::End,
        ],
    );
    let frames = frames(&stream);
    let id = format!("ctc_{CALL}0000");
    let kinds = |kind: &str| -> Vec<Value> { frames.iter().filter(|frame| frame["type"] == kind).cloned().map(brief).collect() };
    let kind = "response.custom_tool_call_input.done";
    assert_eq!(kinds(kind), [json!({"type": kind, "item_id": id, "output_index": 0, "input": "*** Begin\n"})]);
    let kind = "response.custom_tool_call_input.delta";
    let delta = |text: &str| json!({"type": kind, "item_id": id, "output_index": 0, "delta": text});
    assert_eq!(kinds(kind), [delta("*** Be"), delta("gin\n")]);
    let items = &frames.last().unwrap()["response"]["output"];
    assert_eq!(items[0]["type"], "custom_tool_call");
    assert_eq!(items[0]["input"], "*** Begin\n");
    let call_id = items[0]["call_id"].as_str().unwrap();
    assert!(call_id.starts_with("call_0123456789abcdef01234567_0__ts__"), "{call_id}");
    assert_eq!((&items[1]["namespace"], &items[1]["name"], &items[1]["call_id"]), (&json!("crm"), &json!("find"), &json!("c1")));
}

#[test]
fn what_was_cut_says_so() {
    let status = |events: Vec<Event>| {
        let frames = frames(&written(&json!({}), std::iter::once(begin()).chain(events).chain([Event::End])));
        let last = frames.last().unwrap();
        let item = last["response"]["output"].get(0).map(|item| item["status"].clone());
        (last["type"].clone(), last["response"]["incomplete_details"].clone(), item.unwrap_or_default())
    };
    let check = |events: Vec<Event>, kind: &str, reason: Value, item: Value| assert_eq!(status(events), (json!(kind), reason, item));
    let length = json!({"reason": "max_output_tokens"});
    check(vec![text("a"), stop(Stop::Length)], "response.incomplete", length.clone(), json!("incomplete"));
    check(vec![text("a"), stop(Stop::Context)], "response.incomplete", length.clone(), json!("incomplete"));
    check(vec![stop(Stop::Length)], "response.incomplete", length.clone(), Value::Null);
    check(vec![stop(Stop::Filter)], "response.incomplete", json!({"reason": "content_filter"}), Value::Null);
    let cut = vec![call(0, "c", "f", None), arguments(0, "{\"a"), Event::CallEnd { choice: 0, call: 0 }, stop(Stop::Length)];
    check(cut, "response.incomplete", length, json!("incomplete"));
    check(vec![stop(Stop::Malformed)], "response.failed", Value::Null, Value::Null);
    check(vec![text("a"), stop(Stop::Malformed)], "response.completed", Value::Null, json!("completed"));
    check(vec![text("a"), stop(Stop::Pause)], "response.completed", Value::Null, json!("completed"));
    check(vec![], "response.completed", Value::Null, Value::Null);
}

#[test]
fn sources_stand_where_their_words_are() {
    let cited = |url: &str, span: Option<(u64, u64)>| Event::Cited {
        choice: 0,
        citation: Citation {
            url: url.to_owned(),
            title: String::from("t"),
            start: span.map(|span| span.0),
            end: span.map(|span| span.1),
            ..Citation::default()
        },
    };
    let events = [
        begin(),
        text("äb"),
        thinking("x"),
        cited("https://a.example/early", None),
        text("cd"),
        cited("https://a.example/same", None),
        text("ef"),
        cited("https://a.example/next", None),
        cited("https://a.example/said", Some((3, 5))),
        cited("", None),
        stop(Stop::Done),
        Event::End,
    ];
    let frames = frames(&written(&json!({}), events));
    let items = &frames.last().unwrap()["response"]["output"];
    let url = |name: &str, start: u64, end: u64| json!({"type": "url_citation", "start_index": start, "end_index": end, "title": "t", "url": format!("https://a.example/{name}")});
    let expect = json!([
        url("early", 0, 2),
        url("same", 0, 2),
        url("next", 2, 4),
        url("said", 1, 3),
        {"type": "file_citation", "file_id": "", "filename": "t", "index": 4},
    ]);
    assert_eq!(items[2]["content"][0]["annotations"], expect);
    let told: Vec<&Value> =
        frames.iter().filter(|frame| frame["type"] == "response.output_text.annotation.added").map(|frame| &frame["annotation"]).collect();
    assert_eq!(json!(told), expect);
    assert_eq!(items[0]["content"][0]["annotations"], json!([]));
}

#[test]
fn log_probabilities_come_with_their_words() {
    let request = json!({"include": ["message.output_text.logprobs"], "top_logprobs": 1});
    let value = json!({"content": [{"token": "é", "logprob": -0.5, "bytes": null, "top_logprobs": [{"token": "e", "logprob": -1.0}]}]});
    let token =
        json!([{"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": [101]}]}]);
    let events = [begin(), text("é"), Event::Logprobs { choice: 0, value }, text("z"), stop(Stop::Done), Event::End];
    let stream = written(&request, events);
    assert!(!stream.contains("\"include\""));
    let frames = frames(&stream);
    let deltas: Vec<Value> =
        frames.iter().filter(|f| f["type"] == "response.output_text.delta").map(|f| json!([f["delta"], f["logprobs"]])).collect();
    assert_eq!(deltas, [json!(["é", token]), json!(["z", []])]);
    let done = frames.iter().find(|f| f["type"] == "response.output_text.done").unwrap();
    assert_eq!(done["logprobs"], token);
    assert_eq!(frames.last().unwrap()["response"]["output"][0]["content"][0]["logprobs"], token);
}

#[test]
fn words_that_wait_go_out_with_a_sign_of_life() {
    let mut writer = Writer::new(voice(&json!({"include": ["message.output_text.logprobs"]})));
    let mut out = BytesMut::new();
    writer.write(begin(), &mut out);
    writer.write(text("a"), &mut out);
    assert!(!String::from_utf8_lossy(&out).contains("output_text.delta"));
    writer.keep_alive(&mut out);
    let stream = String::from_utf8(out.to_vec()).unwrap();
    assert!(stream.contains("event: response.output_text.delta") && stream.ends_with("\n\n: keep-alive\n\n"));
}

#[test]
fn a_broken_stream_fails() {
    let refusal = Refusal::new(RefusalKind::RateLimited, "too fast");
    let mut writer = Writer::new(voice(&json!({})));
    let mut out = BytesMut::new();
    for event in [begin(), thinking("t"), text("half")] {
        writer.write(event, &mut out);
    }
    writer.break_off(&refusal, &mut out);
    let frames = frames(std::str::from_utf8(&out).unwrap());
    let [.., error, failed] = frames.as_slice() else { panic!("{frames:?}") };
    assert_eq!((&error["type"], &error["error"]["message"]), (&json!("error"), &json!("too fast")));
    let expect = json!({"type": "response.failed", "response": {"status": "failed", "items": 1, "error": {"code": "rate_limit_exceeded", "message": "too fast"}}});
    assert_eq!(brief(failed.clone()), expect);

    let mut out = BytesMut::new();
    Writer::new(voice(&json!({}))).break_off(&refusal, &mut out);
    let text = String::from_utf8(out.to_vec()).unwrap();
    assert!(text.starts_with("event: error\n") && !text.contains("response.failed"), "{text}");
}

#[test]
fn pictures_and_searches_are_items() {
    let picture = Media {
        signature: Some(Signature::new(Origin::Gemini, "Ci")),
        ..Media::new(MediaKind::Image, Source::Inline { mime: String::from("image/webp"), data: String::from("AAAA") })
    };
    let link = Media::new(MediaKind::Image, Source::Url { mime: None, url: String::from("https://a.example/p") });
    let search = |kind: &str, name: &str| Foreign {
        origin: Origin::Anthropic,
        kind: kind.to_owned(),
        value: json!({"name": name, "input": {"query": "why"}}),
    };
    let events = [
        begin(),
        Event::Foreign { choice: 0, part: search("server_tool_use", "web_search") },
        Event::Foreign { choice: 0, part: search("server_tool_use", "code_execution") },
        Event::Foreign { choice: 0, part: search("web_search_tool_result", "web_search") },
        Event::Media { choice: 0, media: picture },
        Event::Media { choice: 0, media: link },
        stop(Stop::Done),
        Event::End,
    ];
    let frames = frames(&written(&json!({}), events));
    let items = frames.last().unwrap()["response"]["output"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!((&items[0]["type"], &items[0]["action"]["query"]), (&json!("web_search_call"), &json!("why")));
    assert_eq!((&items[1]["output_format"], &items[1]["result"]), (&json!("webp"), &json!("AAAA")));
    assert_eq!(items[2]["content"][0]["text"], "![](https://a.example/p)");
    // The mark on the picture comes back with it.
    let body = json!({"input": [items[1]]}).to_string();
    let heard = OpenAiResponses.read(Asked { body: body.as_bytes(), model: "m", stream: false }).unwrap();
    let Part::Media(media) = &heard.chat.turns[0].parts[0] else { panic!("{heard:?}") };
    assert_eq!(media.signature, Some(Signature::new(Origin::Gemini, "Ci")));
}

/// A whole answer says what its stream says.
#[test]
fn a_whole_answer_is_the_last_frame_of_its_stream() {
    let mark = Signature::new(Origin::Anthropic, "EqQB");
    let of_words = Signature::new(Origin::Gemini, "Ci==");
    let cited =
        Citation { url: String::from("https://a.example/"), title: String::from("t"), start: Some(1), end: Some(2), ..Citation::default() };
    let parts = vec![
        Part::Thinking(Thinking { text: String::from("hm"), signature: Some(mark.clone()) }),
        Part::Redacted(mark.clone()),
        Part::Text(Text { text: String::from("ab"), citations: vec![cited.clone()], signature: Some(of_words.clone()), ..Text::default() }),
        Part::Refusal(String::from("no")),
        Part::Call(ToolCall { id: String::from("c"), name: String::from("f"), arguments: String::from("{}"), ..ToolCall::default() }),
        Part::Thinking(Thinking { text: String::new(), signature: Some(mark.clone()) }),
    ];
    let usage = Usage { input_uncached: 1, output: 2, ..Usage::default() };
    let answer = ChatAnswer {
        id: Some(String::from("resp_own")),
        model: Some(String::from("vendor-model")),
        choices: vec![Choice { parts, stop: Stop::Tools, ..Choice::default() }],
        usage: Some(usage),
        ..ChatAnswer::default()
    };
    let request = json!({"temperature": 0.5, "instructions": "be brief", "service_tier": "flex", "text": {"verbosity": "low"}});
    let whole: Value = serde_json::from_slice(&OpenAiResponses.write(&answer, &voice(&request))).unwrap();
    let stream = written(
        &request,
        [
            Event::Begin { id: Some(String::from("resp_own")), model: Some(String::from("vendor-model")) },
            thinking("hm"),
            Event::ThinkingSigned { choice: 0, signature: mark.clone() },
            Event::Redacted { choice: 0, signature: mark.clone() },
            text("ab"),
            Event::Cited { choice: 0, citation: cited },
            Event::TextSigned { choice: 0, signature: of_words },
            Event::Refusal { choice: 0, text: String::from("no") },
            call(0, "c", "f", None),
            arguments(0, "{}"),
            Event::CallEnd { choice: 0, call: 0 },
            Event::ThinkingSigned { choice: 0, signature: mark },
            stop(Stop::Tools),
            Event::Usage(usage),
            Event::End,
        ],
    );
    assert_eq!(frames(&stream).last().unwrap()["response"], whole);
    let said = (&whole["id"], &whole["temperature"], &whole["instructions"], &whole["service_tier"], &whole["text"]);
    let text = json!({"format": {"type": "text"}, "verbosity": "low"});
    assert_eq!(said, (&json!("resp_own"), &json!(0.5), &json!("be brief"), &json!("flex"), &text));
    let items = whole["output"].as_array().unwrap();
    let kinds: Vec<&str> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "reasoning", "message", "reasoning", "message", "function_call", "reasoning"]);
    assert_eq!(items[4]["content"][0], json!({"type": "refusal", "refusal": "no"}));
    // And comes back as it was.
    let body = json!({"input": items}).to_string();
    let heard = OpenAiResponses.read(Asked { body: body.as_bytes(), model: "m", stream: false }).unwrap();
    assert_eq!(heard.chat.turns.len(), 1);
    assert_eq!(heard.chat.turns[0].parts, answer.choices[0].parts);
}

#[test]
fn the_tier_is_one_that_clients_know() {
    let check = |asked: Value, used: Option<&str>, expect: &str| {
        let answer = ChatAnswer { service_tier: used.map(str::to_owned), ..ChatAnswer::default() };
        let whole: Value = serde_json::from_slice(&OpenAiResponses.write(&answer, &voice(&asked))).unwrap();
        assert_eq!(whole["service_tier"], expect, "{asked} {used:?}");
    };
    check(json!({}), None, "default");
    check(json!({"service_tier": "auto"}), Some("standard"), "default");
    check(json!({"service_tier": "auto"}), Some("priority"), "priority");
    check(json!({"service_tier": "flex"}), None, "flex");
    check(json!({"service_tier": "flex"}), Some("on_demand"), "default");
}

fn any_event() -> impl Strategy<Value = Event> {
    let words = "[a-zé\"\\\\]{1,3}";
    let mark =
        || prop_oneof![Just(Origin::Anthropic), Just(Origin::OpenAi), Just(Origin::Nobody)].prop_map(|origin| Signature::new(origin, "Ci"));
    prop_oneof![
        4 => words.prop_map(|text| Event::Text { choice: 0, text }),
        2 => words.prop_map(|text| Event::Thinking { choice: 0, text }),
        1 => mark().prop_map(|signature| Event::ThinkingSigned { choice: 0, signature }),
        1 => mark().prop_map(|signature| Event::TextSigned { choice: 0, signature }),
        1 => mark().prop_map(|signature| Event::Redacted { choice: 0, signature }),
        1 => words.prop_map(|text| Event::Refusal { choice: 0, text }),
        1 => words.prop_map(|text| Event::Text { choice: 1, text }),
        2 => (0_u32..4, "(f|patch)").prop_map(|(call, name)| Event::CallBegin { choice: 0, call, id: String::new(), name, signature: None }),
        3 => (0_u32..4, prop_oneof!["[{}\"a:]{1,4}", Just(String::from("{\"input\":\"x\"}"))]).prop_map(|(call, fragment)| Event::CallArguments { choice: 0, call, fragment }),
        2 => (0_u32..4).prop_map(|call| Event::CallEnd { choice: 0, call }),
        1 => (proptest::option::of(0_u64..9), proptest::option::of(0_u64..9)).prop_map(|(start, end)| Event::Cited {
            choice: 0,
            citation: Citation { url: String::from("https://a.example/"), start, end, ..Citation::default() },
        }),
        1 => Just(Event::Logprobs { choice: 0, value: json!({"content": [{"token": "a", "logprob": -1.0}]}) }),
        1 => Just(Event::Media { choice: 0, media: Media::new(MediaKind::Image, Source::Inline { mime: String::from("image/png"), data: String::from("AA==") }) }),
        1 => Just(Event::Ping),
        1 => prop_oneof![Just(Stop::Done), Just(Stop::Length), Just(Stop::Tools), Just(Stop::Filter)].prop_map(stop),
    ]
}

/// The grammar of a stream: what is begun is ended, ends repeat what was said, the last frame has all items.
fn grammatical(stream: &str) -> Result<(), TestCaseError> {
    let frames = frames(stream);
    let kind = |at: usize| frames.get(at).and_then(|frame| frame["type"].as_str()).unwrap_or_default();
    prop_assert_eq!((kind(0), kind(1)), ("response.created", "response.in_progress"));
    let last = frames.last().unwrap();
    prop_assert!(matches!(last["type"].as_str().unwrap(), "response.completed" | "response.incomplete" | "response.failed"));
    let mut items: Vec<Value> = Vec::new();
    let mut open: Option<Value> = None;
    let (mut part, mut parts, mut said, mut notes): (Option<&str>, Vec<Value>, String, Vec<Value>) =
        (None, Vec::new(), String::new(), Vec::new());
    let mut input = String::new();
    for frame in &frames[2..frames.len() - 1] {
        let kind = frame["type"].as_str().unwrap();
        prop_assert_eq!(&frame["output_index"], &json!(items.len()), "{}", frame);
        if let (Some(id), Some(open)) = (frame.get("item_id"), &open) {
            prop_assert_eq!(id, &open["id"]);
        }
        if let Some(index) = frame.get("content_index").or_else(|| frame.get("summary_index")) {
            prop_assert_eq!(index, &json!(parts.len()));
        }
        match kind {
            "response.output_item.added" => {
                prop_assert!(open.is_none());
                open = Some(frame["item"].clone());
                parts.clear();
                input.clear();
            }
            "response.output_item.done" => {
                let begun = open.take().unwrap();
                let item = &frame["item"];
                prop_assert!(part.is_none());
                prop_assert_eq!((&begun["id"], &begun["type"], &begun["call_id"]), (&item["id"], &item["type"], &item["call_id"]));
                prop_assert!(items.iter().all(|other| other["id"] != item["id"]));
                match item["type"].as_str().unwrap() {
                    "message" => prop_assert_eq!(&item["content"], &json!(parts)),
                    "reasoning" => prop_assert_eq!(&item["summary"], &json!(parts)),
                    "function_call" => prop_assert_eq!(&item["arguments"], &json!(input)),
                    "custom_tool_call" => prop_assert_eq!(&item["input"], &json!(input)),
                    _ => {}
                }
                items.push(item.clone());
            }
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                prop_assert!(part.is_none() && open.is_some());
                part = frame["part"]["type"].as_str();
                said.clear();
                notes.clear();
            }
            "response.output_text.delta" | "response.refusal.delta" | "response.reasoning_summary_text.delta" => {
                prop_assert!(part.is_some());
                said.push_str(frame["delta"].as_str().unwrap());
            }
            "response.output_text.annotation.added" => {
                prop_assert_eq!(&frame["annotation_index"], &json!(notes.len()));
                notes.push(frame["annotation"].clone());
            }
            "response.output_text.done" | "response.reasoning_summary_text.done" => prop_assert_eq!(&frame["text"], &json!(said)),
            "response.refusal.done" => prop_assert_eq!(&frame["refusal"], &json!(said)),
            "response.content_part.done" | "response.reasoning_summary_part.done" => {
                prop_assert_eq!(part.take(), frame["part"]["type"].as_str());
                let name = if frame["part"]["type"] == "refusal" { "refusal" } else { "text" };
                prop_assert_eq!(&frame["part"][name], &json!(said));
                if name == "text" && frame["part"]["type"] == "output_text" {
                    prop_assert_eq!(&frame["part"]["annotations"], &json!(notes));
                }
                parts.push(frame["part"].clone());
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                input.push_str(frame["delta"].as_str().unwrap());
            }
            "response.function_call_arguments.done" => prop_assert_eq!(&frame["arguments"], &json!(input)),
            "response.custom_tool_call_input.done" => prop_assert_eq!(&frame["input"], &json!(input)),
            kind => prop_assert!(kind.starts_with("response.image_generation_call."), "{}", kind),
        }
    }
    prop_assert!(open.is_none());
    prop_assert_eq!(&last["response"]["output"], &json!(items));
    Ok(())
}

proptest! {
    #[test]
    fn every_stream_is_grammatical(events in proptest::collection::vec(any_event(), 0..40), logprobs: bool, begins: bool, ordered: bool) {
        let mut request = json!({"tools": [{"type": "custom", "name": "patch"}]});
        if logprobs {
            request["include"] = json!(["message.output_text.logprobs"]);
        }
        let first = begins.then(begin).into_iter();
        let all = first.chain(events).chain([Event::Usage(Usage::default()), Event::End]);
        // The writer stands also what no vendor should send.
        let events = if ordered {
            let (mut untangle, mut out) = (Untangle::new(false), Vec::new());
            all.for_each(|event| untangle.push(event, &mut out));
            out
        } else {
            all.collect()
        };
        grammatical(&written(&request, events))?;
    }
}
