use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::responses::{OpenAiResponses, items_of_answer, items_of_request, with_history};
use crate::client::{Asked, ClientDialect, Heard, Unreadable, Voice};
use crate::neutral::{
    CacheMark, Chat, ChatAnswer, Choice, Citation, Effort, Extra, Foreign, Format, HostedTool, Media, MediaKind, Origin, Part, Reasoning,
    Role, Sampling, Signature, Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn, ids,
};

fn read(body: &Value) -> Result<Heard, Unreadable> {
    OpenAiResponses.read(Asked { body: body.to_string().as_bytes(), model: "m", stream: false })
}

/// Checks what an input comes to.
fn input(input: Value, system: &[&str], turns: Vec<Turn>) {
    let heard = read(&json!({"model": "m", "input": input})).unwrap();
    assert_eq!(heard.chat.system, system.iter().map(|text| Text::new(*text)).collect::<Vec<_>>());
    assert_eq!(heard.chat.turns, turns);
    assert!(heard.dropped.is_empty());
}

fn user(parts: Vec<Part>) -> Turn {
    Turn::new(Role::User, parts)
}

fn assistant(parts: Vec<Part>) -> Turn {
    Turn::new(Role::Assistant, parts)
}

#[test]
fn messages_become_turns() {
    input(json!("hi"), &[], vec![user(vec![Part::text("hi")])]);
    input(
        json!([
            {"role": "developer", "content": "be brief"},
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "be kind"}]},
            {"role": "user", "content": "hi"},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [
                {"type": "output_text", "text": "hello", "logprobs": [], "annotations": [
                    {"type": "url_citation", "url": "https://a.example/", "title": "t", "start_index": 1, "end_index": 3},
                    {"type": "file_path", "file_id": "f", "index": 1},
                ]},
                {"type": "refusal", "refusal": "no"},
            ]},
            {"role": "assistant", "content": "more"},
            {"role": "developer", "content": "now louder"},
            {"role": "user", "content": [{"type": "input_text", "text": "go", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
        ]),
        &["be brief", "be kind"],
        vec![
            user(vec![Part::text("hi")]),
            assistant(vec![
                Part::Text(Text {
                    text: String::from("hello"),
                    citations: vec![Citation {
                        url: String::from("https://a.example/"),
                        title: String::from("t"),
                        start: Some(1),
                        end: Some(3),
                        ..Citation::default()
                    }],
                    ..Text::default()
                }),
                Part::Refusal(String::from("no")),
                Part::text("more"),
            ]),
            Turn::new(Role::System, vec![Part::text("now louder")]),
            user(vec![Part::Text(Text { cache: Some(CacheMark { one_hour: false }), ..Text::new("go") })]),
        ],
    );
}

#[test]
fn media_are_found_wherever_they_are() {
    let check = |part: Value, kind: MediaKind, source: Source, name: Option<&str>, detail: Option<&str>| {
        let media = Media { name: name.map(str::to_owned), detail: detail.map(str::to_owned), ..Media::new(kind, source) };
        input(json!([{"role": "user", "content": [part]}]), &[], vec![user(vec![Part::Media(media)])]);
    };
    let inline = |mime: &str, data: &str| Source::Inline { mime: mime.to_owned(), data: data.to_owned() };
    let url = |url: &str, mime: Option<&str>| Source::Url { mime: mime.map(str::to_owned), url: url.to_owned() };
    let (image, document) = (MediaKind::Image, MediaKind::Document);
    check(
        json!({"type": "input_image", "image_url": "data:image/png;base64,-_8", "detail": "high"}),
        image,
        inline("image/png", "+/8="),
        None,
        Some("high"),
    );
    check(
        json!({"type": "input_image", "image_url": "https://a.example/b.jpg"}),
        image,
        url("https://a.example/b.jpg", Some("image/jpeg")),
        None,
        None,
    );
    check(
        json!({"type": "input_image", "file_id": "file-1", "image_url": null, "detail": "auto"}),
        image,
        Source::FileId(String::from("file-1")),
        None,
        Some("auto"),
    );
    check(
        json!({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}),
        document,
        inline("application/pdf", "AAAA"),
        Some("a.pdf"),
        None,
    );
    check(
        json!({"type": "input_file", "filename": "a.csv", "file_data": "AAAA"}),
        document,
        inline("text/csv", "AAAA"),
        Some("a.csv"),
        None,
    );
    check(json!({"type": "input_file", "file_data": "AAAA"}), document, inline("", "AAAA"), None, None);
    check(json!({"type": "input_file", "file_url": "https://a.example/x"}), document, url("https://a.example/x", None), None, None);
    check(json!({"type": "input_file", "file_id": "file-2"}), document, Source::FileId(String::from("file-2")), None, None);
    let sound = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    check(sound, MediaKind::Audio, inline("audio/wav", "AAAA"), None, None);
}

#[test]
fn calls_results_and_thoughts_keep_their_order_and_marks() {
    let mark = Signature::new(Origin::Gemini, "Ci==");
    let signed = ids::join("c1", Some(&mark));
    let result = |id: &str, name: &str, content: Vec<Part>| {
        Part::Result(ToolResult { id: id.to_owned(), name: Some(name.to_owned()), content, ..ToolResult::default() })
    };
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        ..ToolCall::default()
    };
    input(
        json!([
            {"role": "user", "content": "go"},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}], "encrypted_content": "gAAA"},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "fluxa.a.EqQB"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": ""}], "encrypted_content": "fluxa.a.EqQB"},
            {"type": "reasoning", "id": "rs_3", "summary": []},
            {"type": "reasoning", "id": "rs_4", "summary": [{"type": "summary_text", "text": "s"}], "content": [{"type": "reasoning_text", "text": "t"}], "encrypted_content": null},
            {"type": "function_call", "id": "fc_1", "call_id": signed, "name": "f", "arguments": "{\"a\":1}", "status": "completed"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "x\"\n"},
            {"type": "function_call", "call_id": "c3", "name": "find", "namespace": "crm", "arguments": "{}"},
            {"type": "function_call_output", "call_id": signed, "output": "one"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}, {"type": "input_image", "image_url": "https://a.example/p.png"}]},
            {"type": "function_call_output", "call_id": "c3", "output": ""},
            {"role": "user", "content": "and?"},
        ]),
        &[],
        vec![
            user(vec![Part::text("go")]),
            assistant(vec![
                Part::Thinking(Thinking { text: String::from("a\n\nb"), signature: Some(Signature::new(Origin::OpenAi, "gAAA")) }),
                Part::Redacted(Signature::new(Origin::Anthropic, "EqQB")),
                Part::Thinking(Thinking { text: String::new(), signature: Some(Signature::new(Origin::Anthropic, "EqQB")) }),
                Part::Thinking(Thinking { text: String::from("t"), signature: None }),
                Part::Call(ToolCall { signature: Some(mark), ..call("c1", "f", "{\"a\":1}") }),
                Part::Call(call("c2", "patch", "x\"\n")),
                Part::Call(call("c3", "crm__find", "{}")),
            ]),
            user(vec![
                result("c1", "f", vec![Part::text("one")]),
                result(
                    "c2",
                    "patch",
                    vec![
                        Part::text("two"),
                        Part::Media(Media::new(
                            MediaKind::Image,
                            Source::Url { mime: Some(String::from("image/png")), url: String::from("https://a.example/p.png") },
                        )),
                    ],
                ),
                result("c3", "crm__find", vec![Part::text("")]),
            ]),
            user(vec![Part::text("and?")]),
        ],
    );
}

#[test]
fn what_only_its_vendor_knows_is_kept_as_it_is() {
    let foreign = |value: &Value| {
        let kind = value["type"].as_str().unwrap().to_owned();
        Part::Foreign(Foreign { origin: Origin::OpenAi, kind, value: value.clone() })
    };
    let items = [
        json!({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
        json!({"type": "shell_call", "call_id": "s", "action": {"commands": ["ls"]}}),
        json!({"type": "shell_call_output", "call_id": "s", "output": []}),
        json!({"type": "mcp_approval_response", "approval_request_id": "a", "approve": true}),
        json!({"type": "compaction", "encrypted_content": "x"}),
    ];
    input(
        json!(items),
        &[],
        vec![
            assistant(vec![foreign(&items[0]), foreign(&items[1])]),
            user(vec![foreign(&items[2]), foreign(&items[3])]),
            assistant(vec![foreign(&items[4])]),
        ],
    );
}

/// Checks what members of a request come to, beside an input of "hi".
fn members(members: Value, expect: Chat, dropped: &[&str]) {
    let mut body = json!({"model": "m", "input": "hi"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let heard = read(&body).unwrap();
    let expect = Chat { turns: vec![user(vec![Part::text("hi")])], ..expect };
    assert_eq!(heard.chat, expect);
    let names: Vec<&str> = heard.dropped.iter().map(|dropped| &*dropped.0).collect();
    assert_eq!(names, dropped);
}

#[test]
fn settings_are_read() {
    members(
        json!({
            "instructions": "be brief", "parallel_tool_calls": false, "max_output_tokens": 64, "temperature": 0.5, "top_p": 0.25,
            "metadata": {"a": "b"}, "safety_identifier": "u", "prompt_cache_key": "k", "service_tier": "flex",
            "reasoning": {"effort": "low", "summary": "auto"}, "text": {"verbosity": "low", "format": {"type": "text"}},
            "store": false, "stream": false, "truncation": "disabled", "include": ["reasoning.encrypted_content"],
            "stream_options": {"include_obfuscation": false}, "background": false, "previous_response_id": null, "prompt": null,
        }),
        Chat {
            system: vec![Text::new("be brief")],
            parallel_tools: Some(false),
            max_output: Some(64),
            sampling: Sampling { temperature: Some(0.5), top_p: Some(0.25), ..Sampling::default() },
            metadata: json!({"a": "b"}).as_object().unwrap().clone(),
            user: Some(String::from("u")),
            cache_key: Some(String::from("k")),
            service_tier: Some(String::from("flex")),
            reasoning: Some(Reasoning { effort: Some(Effort::Low), show: Some(true), ..Reasoning::default() }),
            verbosity: Some(String::from("low")),
            ..Chat::default()
        },
        &[],
    );
    members(json!({"user": "u", "max_output_tokens": null}), Chat { user: Some(String::from("u")), ..Chat::default() }, &[]);
    members(
        json!({"truncation": "auto", "max_tool_calls": 3, "include": ["file_search_call.results"], "seed": 7, "context_management": []}),
        Chat::default(),
        &["truncation", "include", "max_tool_calls", "seed", "context_management"],
    );
    let kept = Extra { origin: Origin::OpenAi, field: String::from("prompt_cache_retention"), value: json!("24h") };
    members(json!({"prompt_cache_retention": "24h"}), Chat { extras: vec![kept], ..Chat::default() }, &[]);
    members(json!({"include": ["message.output_text.logprobs"]}), Chat { logprobs: Some(0), ..Chat::default() }, &[]);
    members(json!({"top_logprobs": 4}), Chat { logprobs: Some(4), ..Chat::default() }, &[]);
    members(json!({"top_logprobs": 0}), Chat::default(), &[]);
    members(json!({"reasoning": {"effort": null, "summary": null}}), Chat::default(), &[]);
}

#[test]
fn formats_are_read() {
    let check = |format: Value, expect: Option<Format>| {
        members(json!({"text": {"format": format}}), Chat { format: expect, ..Chat::default() }, &[]);
    };
    check(json!({"type": "text"}), None);
    check(json!(null), None);
    check(json!({"type": "json_object"}), Some(Format::Json));
    check(
        json!({"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}),
        Some(Format::Schema { name: Some(String::from("n")), description: None, schema: json!({"type": "object"}), strict: Some(true) }),
    );
}

#[test]
fn tools_are_read() {
    let tool = |name: &str| Tool { name: name.to_owned(), ..Tool::default() };
    let grammar = json!({"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}});
    members(
        json!({"tools": [
            {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true},
            {"type": "function", "name": "g", "parameters": null, "strict": null},
            {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
            {"type": "custom", "name": "say", "format": {"type": "text"}},
            {"type": "namespace", "name": "crm", "description": "d", "tools": [{"type": "function", "name": "find"}, {"type": "custom", "name": "say"}]},
            {"type": "web_search_preview_2025_03_11", "search_context_size": "low", "user_location": {"type": "approximate"}, "filters": null},
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ]}),
        Chat {
            tools: vec![
                Tool { description: Some(String::from("d")), schema: Some(json!({"type": "object"})), strict: Some(true), ..tool("f") },
                tool("g"),
                Tool {
                    free_text: true,
                    extras: vec![Extra { origin: Origin::OpenAi, field: String::from("format"), value: grammar }],
                    ..tool("patch")
                },
                Tool { free_text: true, ..tool("say") },
                tool("crm__find"),
                Tool { free_text: true, ..tool("crm__say") },
            ],
            hosted_tools: vec![
                HostedTool::WebSearch { max_uses: None },
                HostedTool::Other {
                    origin: Origin::OpenAi,
                    kind: String::from("code_interpreter"),
                    value: json!({"type": "code_interpreter", "container": {"type": "auto"}}),
                },
            ],
            ..Chat::default()
        },
        &["tools[].user_location"],
    );
}

#[test]
fn choices_among_tools_are_read() {
    let check = |choice: Value, expect: Option<ToolChoice>, dropped: &[&str]| {
        members(json!({ "tool_choice": choice }), Chat { tool_choice: expect, ..Chat::default() }, dropped);
    };
    let allowed = |names: &[&str], required| ToolChoice::Allowed { names: names.iter().map(|name| (*name).to_owned()).collect(), required };
    check(json!("auto"), Some(ToolChoice::Auto), &[]);
    check(json!("none"), Some(ToolChoice::None), &[]);
    check(json!("required"), Some(ToolChoice::Required), &[]);
    check(json!({"type": "function", "name": "f"}), Some(ToolChoice::Named(String::from("f"))), &[]);
    check(json!({"type": "custom", "name": "p"}), Some(ToolChoice::Named(String::from("p"))), &[]);
    let tools = json!([{"type": "function", "name": "f"}, {"type": "custom", "name": "p"}]);
    check(json!({"type": "allowed_tools", "mode": "required", "tools": tools}), Some(allowed(&["f", "p"], true)), &[]);
    let tools = json!([{"type": "function", "name": "f"}, {"type": "image_generation"}]);
    check(json!({"type": "allowed_tools", "mode": "auto", "tools": tools}), Some(allowed(&["f"], false)), &["tool_choice.tools"]);
    check(json!({"type": "web_search"}), None, &["tool_choice"]);
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let check = |body: Value, at: &str, what: &str, param: Option<&str>| {
        let complaint = read(&body).unwrap_err();
        assert_eq!((&*complaint.at, &*complaint.what, complaint.param), (at, what, param), "{body}");
    };
    let input = |item: Value| json!({"input": [{"role": "user", "content": "a"}, item]});
    check(json!([]), "body", "must be an object", None);
    check(json!({"model": "m"}), "input", "is missing", Some("input"));
    check(json!({"input": 7}), "input", "must be a string or a list of items", Some("input"));
    check(input(json!(7)), "input[1]", "must be an object", Some("input"));
    check(input(json!({"type": 7})), "input[1].type", "must be a string", Some("input"));
    check(input(json!({"role": "tool", "content": ""})), "input[1].role", "must be user, assistant, system or developer", Some("input"));
    check(input(json!({"role": "user"})), "input[1].content", "must be a string or a list of parts", Some("input"));
    let parts = |part: Value| input(json!({"role": "user", "content": [{"type": "input_text", "text": "secret"}, part]}));
    check(parts(json!({"type": "secret"})), "input[1].content[1].type", "unknown part type", Some("input"));
    check(parts(json!({"type": "input_text"})), "input[1].content[1].text", "must be a string", Some("input"));
    check(
        parts(json!({"type": "input_image", "image_url": {"url": "x"}})),
        "input[1].content[1].image_url",
        "must be a string",
        Some("input"),
    );
    check(
        parts(json!({"type": "input_image", "image_url": "data:x"})),
        "input[1].content[1].image_url",
        "is not a data url",
        Some("input"),
    );
    check(parts(json!({"type": "input_file"})), "input[1].content[1]", "a file must have file_data, file_url or file_id", Some("input"));
    check(input(json!({"type": "function_call", "name": "f"})), "input[1].call_id", "must be a string", Some("input"));
    check(input(json!({"type": "reasoning", "summary": [7]})), "input[1].summary[0]", "must be an object", Some("input"));
    let stored = "items are not kept here: give the item itself instead of a reference";
    check(input(json!({"type": "item_reference", "id": "msg_1"})), "input[1]", stored, Some("input"));
    check(input(json!({"id": "msg_1"})), "input[1]", stored, Some("input"));
    let with = |name: &str, value: Value| json!({"input": "hi", name: value});
    let gone = "no such response: \"resp_1\"";
    check(with("previous_response_id", json!("resp_1")), "previous_response_id", gone, Some("previous_response_id"));
    let background = "responses in the background are not supported for this model";
    check(with("background", json!(true)), "background", background, Some("background"));
    let kept = "conversations are not kept here: give the items in input";
    check(with("conversation", json!("conv_1")), "conversation", kept, Some("conversation"));
    let kept = "stored prompts are not kept here: give instructions and input";
    check(with("prompt", json!({"id": "p"})), "prompt", kept, Some("prompt"));
    check(with("max_output_tokens", json!(-1)), "max_output_tokens", "must be a whole number, not negative", Some("max_output_tokens"));
    check(with("temperature", json!("hot")), "temperature", "must be a number", Some("temperature"));
    let efforts = "must be none, minimal, low, medium, high, xhigh or max";
    check(with("reasoning", json!({"effort": "some"})), "reasoning.effort", efforts, Some("reasoning"));
    let kinds = "must be text, json_object or json_schema";
    check(with("text", json!({"format": {"type": "xml"}})), "text.format.type", kinds, Some("text"));
    check(with("text", json!({"format": {"type": "json_schema"}})), "text.format.schema", "must be an object", Some("text"));
    check(with("tools", json!({})), "tools", "must be a list", Some("tools"));
    check(with("tools", json!([{"type": "function", "function": {}}])), "tools[0].name", "must be a string", Some("tools"));
    let inner = json!([{"type": "namespace", "name": "n", "tools": [{"type": "custom"}]}]);
    check(with("tools", inner), "tools[0].tools[0].name", "must be a string", Some("tools"));
    let words = "must be auto, none, required or an object";
    check(with("tool_choice", json!("any")), "tool_choice", words, Some("tool_choice"));
}

#[test]
fn what_an_answer_repeats_is_kept() {
    let tools = json!([{"type": "function", "name": "f", "strict": true}, {"type": "web_search"}]);
    let body = json!({"model": "m", "input": "hi", "tools": tools, "tool_choice": "required", "store": false,
        "max_output_tokens": 64, "reasoning": {"effort": "low"}, "user": "u", "metadata": {"a": "b"}, "seed": 7});
    let repeat = read(&body).unwrap().repeat;
    let expect = json!({
        "background": false, "instructions": null, "max_output_tokens": 64, "max_tool_calls": null, "parallel_tool_calls": true,
        "previous_response_id": null, "prompt_cache_key": null, "reasoning": {"effort": "low", "summary": null},
        "safety_identifier": null, "service_tier": "auto", "store": false, "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"}, "tool_choice": "required",
        "tools": [
            {"type": "function", "name": "f", "strict": true, "description": null, "parameters": null},
            {"type": "web_search"},
        ],
        "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": "u", "metadata": {"a": "b"},
    });
    assert_eq!(Value::Object(repeat), expect);
}

/// JSON with the words of this dialect in it, in any place.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("message"),
        Just("function_call"),
        Just("function_call_output"),
        Just("custom_tool_call"),
        Just("reasoning"),
        Just("user"),
        Just("assistant"),
        Just("developer"),
        Just("input_text"),
        Just("input_image"),
        Just("input_file"),
        Just("input_audio"),
        Just("refusal"),
        Just("function"),
        Just("custom"),
        Just("namespace"),
        Just("allowed_tools"),
        Just("json_schema"),
        Just("item_reference"),
        Just("image_generation_call"),
        Just("data:a;base64,é"),
        Just("c__ts__AAAA"),
        Just("fluxa.a."),
    ];
    let name = prop_oneof![
        Just("type"),
        Just("role"),
        Just("content"),
        Just("text"),
        Just("input"),
        Just("tools"),
        Just("tool_choice"),
        Just("name"),
        Just("call_id"),
        Just("output"),
        Just("arguments"),
        Just("summary"),
        Just("encrypted_content"),
        Just("image_url"),
        Just("file_data"),
        Just("input_audio"),
        Just("format"),
        Just("reasoning"),
        Just("effort"),
        Just("include"),
        Just("instructions"),
        Just("annotations"),
        Just("namespace"),
        Just("result"),
        Just("id"),
        Just("metadata"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())),
        ]
    })
}

proptest! {
    /// Whatever comes is read or complained about; what is read can be answered, and the answer sent back.
    #[test]
    fn hostile_requests_are_only_refused(body in any_json(), input in any_json(), tools in any_json()) {
        let _ = read(&body);
        for input in [input.clone(), json!([input])] {
            let body = json!({"input": input, "tools": tools});
            let Ok(heard) = read(&body) else { continue };
            let turns = heard.chat.turns.iter().filter(|turn| turn.role == Role::Assistant);
            let parts = turns.flat_map(|turn| turn.parts.clone()).collect();
            let answer = ChatAnswer { choices: vec![Choice { parts, ..Choice::default() }], ..ChatAnswer::default() };
            let voice = Voice { repeat: heard.repeat, ..Voice::default() };
            let mut history = items_of_request(body.to_string().as_bytes());
            history.extend(items_of_answer(&OpenAiResponses.write(&answer, &voice)));
            let next: Value = serde_json::from_slice(&with_history(body.to_string().as_bytes(), &history)).unwrap();
            prop_assert!(read(&next).is_ok(), "{}", next);
        }
    }
}
