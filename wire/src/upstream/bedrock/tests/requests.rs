//! What goes out for what is asked.

use serde_json::{Value, json};

use super::{CLAUDE, target};
use crate::neutral::{
    CacheMark, Chat, Effort, Extra, Foreign, Format, HostedTool, Media, MediaKind, Origin, Part, Reasoning, Role, Sampling, Signature,
    Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use crate::upstream::bedrock::Bedrock;
use crate::upstream::{Said, UpstreamDialect, Written};

const NOVA: &str = "us.amazon.nova-2-lite-v1:0";

fn user(text: &str) -> Turn {
    Turn::new(Role::User, vec![Part::text(text)])
}

fn assistant(parts: Vec<Part>) -> Turn {
    Turn::new(Role::Assistant, parts)
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), ..ToolCall::default() })
}

fn result(id: &str, text: &str) -> Part {
    Part::Result(ToolResult { id: id.into(), content: vec![Part::text(text)], ..ToolResult::default() })
}

fn asking(turns: Vec<Turn>) -> Chat {
    Chat { turns, ..Chat::default() }
}

fn tool(name: &str) -> Tool {
    Tool { name: name.into(), description: Some("d".into()), ..Tool::default() }
}

fn written(chat: &Chat, model: &str) -> (Value, Written) {
    let written = Bedrock.write(chat, &target(model)).unwrap();
    (serde_json::from_slice(&written.body).unwrap(), written)
}

#[track_caller]
fn check(chat: &Chat, model: &str, expect: Value) -> Said {
    let (body, written) = written(chat, model);
    assert_eq!(body, expect);
    assert_eq!(written.dropped, []);
    written.said
}

#[track_caller]
fn check_dropped(chat: &Chat, model: &str, at: &str, expect: Value, dropped: &[&str]) {
    let (body, written) = written(chat, model);
    assert_eq!(body.pointer(at).cloned().unwrap_or(Value::Null), expect);
    assert_eq!(written.dropped.iter().map(ToString::to_string).collect::<Vec<_>>(), dropped);
}

#[track_caller]
fn check_refused(chat: &Chat, model: &str, what: &str) {
    let error = Bedrock.write(chat, &target(model)).unwrap_err();
    assert!(error.what.contains(what), "{error}");
}

#[test]
fn a_plain_request() {
    let chat = Chat {
        system: vec![Text { cache: Some(CacheMark { one_hour: true }), ..Text::new("Be kind.") }, Text::new("  ")],
        turns: vec![user("Hallo"), user(" "), user("there")],
        max_output: Some(5),
        sampling: Sampling { temperature: Some(1.7), top_k: Some(4), ..Sampling::default() },
        stop: vec![String::from("END"), String::from(" \n")],
        service_tier: Some(String::from("auto")),
        metadata: json!({"team": "a b", "bad": "ü", "n": 3, "list": []}).as_object().unwrap().clone(),
        user: Some(String::from("u")),
        ..Chat::default()
    };
    check(
        &chat,
        CLAUDE,
        json!({
            "system": [{"text": "Be kind."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
            "messages": [{"role": "user", "content": [{"text": "Hallo"}, {"text": "there"}]}],
            "inferenceConfig": {"maxTokens": 5, "temperature": 1.0, "stopSequences": ["END"]},
            "additionalModelRequestFields": {"top_k": 4},
            "additionalModelResponseFieldPaths": ["/stop_sequence", "/delta/stop_sequence"],
            "serviceTier": {"type": "default"},
            "requestMetadata": {"team": "a b", "n": "3"},
        }),
    );
    check_dropped(&chat, NOVA, "/additionalModelRequestFields", json!({"inferenceConfig": {"topK": 4}}), &[]);
    check_dropped(&chat, "us.meta.llama3-3-70b-instruct-v1:0", "/system", json!([{"text": "Be kind."}]), &["stop", "top_k"]);
    check_dropped(&chat, "openai.gpt-oss-20b-1:0", "/inferenceConfig", json!({"maxTokens": 16, "temperature": 1.0}), &["stop", "top_k"]);
    check_dropped(
        &Chat { service_tier: None, metadata: serde_json::Map::new(), ..chat },
        "amazon.titan-text-express-v1",
        "/messages/0/content",
        json!([{"text": "Be kind."}, {"text": "Hallo"}, {"text": "there"}]),
        &["top_k"],
    );
}

#[test]
fn parallel_calls_and_their_results_keep_together() {
    let chat = Chat {
        tools: vec![tool("weather"), Tool { name: "odd.name".into(), cache: Some(CacheMark::default()), ..Tool::default() }],
        tool_choice: Some(ToolChoice::Required),
        parallel_tools: Some(false),
        turns: vec![
            user("Where?"),
            assistant(vec![Part::text(" "), call("c1", "weather", "{\"city\":\"Oslo\"}"), call("c 2", "odd.name", "")]),
            Turn::new(Role::User, vec![Part::text("here you are"), result("c1", "rain")]),
            Turn::new(Role::System, vec![Part::text("Be brief.")]),
            Turn::new(
                Role::User,
                vec![Part::Result(ToolResult {
                    id: "c 2".into(),
                    is_error: true,
                    cache: Some(CacheMark::default()),
                    ..ToolResult::default()
                })],
            ),
        ],
        ..Chat::default()
    };
    let (body, written) = written(&chat, CLAUDE);
    let made = body["messages"][1]["content"][1]["toolUse"]["toolUseId"].as_str().unwrap().to_owned();
    let odd = body["messages"][1]["content"][1]["toolUse"]["name"].as_str().unwrap().to_owned();
    assert_eq!(written.said.names.back(&odd), "odd.name");
    assert_eq!(written.dropped, []);
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"text": "Where?"}]},
            {"role": "assistant", "content": [
                {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Oslo"}}},
                {"toolUse": {"toolUseId": made, "name": odd, "input": {}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "c1", "content": [{"text": "rain"}], "status": "success"}},
                {"toolResult": {"toolUseId": made, "content": [{"text": "(no output)"}], "status": "error"}},
                {"cachePoint": {"type": "default"}},
                {"text": "here you are"},
                {"text": "Be brief."},
            ]},
        ])
    );
    let empty = json!({"type": "object", "properties": {}});
    assert_eq!(
        body["toolConfig"],
        json!({"tools": [
            {"toolSpec": {"name": "weather", "description": "d", "inputSchema": {"json": empty}}},
            {"toolSpec": {"name": odd, "inputSchema": {"json": empty}}},
            {"cachePoint": {"type": "default"}},
        ], "toolChoice": {"any": {}}})
    );
    assert_eq!(body["additionalModelRequestFields"], json!({"tool_choice": {"disable_parallel_tool_use": true}}));
}

#[test]
fn calls_without_answers_and_answers_without_calls() {
    let chat = asking(vec![
        assistant(vec![call("", "a", "{}"), call("", "b", "not json"), call("c", "c", "{}")]),
        Turn::new(
            Role::User,
            vec![
                Part::Result(ToolResult { name: Some("b".into()), content: vec![Part::text("of b")], ..ToolResult::default() }),
                result("unknown", "stray"),
            ],
        ),
        user("go on"),
        assistant(vec![Part::text("so it begins ")]),
    ]);
    let (body, _) = written(&chat, "mistral.mistral-large-2407-v1:0");
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages[0], json!({"role": "user", "content": [{"text": "(no text)"}]}));
    let ids: Vec<&str> = (0..3).map(|at| messages[1]["content"][at]["toolUse"]["toolUseId"].as_str().unwrap()).collect();
    assert!(ids.iter().all(|id| id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric())), "{ids:?}");
    assert_eq!(messages[1]["content"][1]["toolUse"]["input"], json!({"_raw": "not json"}));
    assert_eq!(
        messages[2]["content"],
        json!([
            {"toolResult": {"toolUseId": ids[1], "content": [{"text": "of b"}]}},
            {"toolResult": {"toolUseId": ids[0], "content": [{"text": "(no output)"}]}},
            {"toolResult": {"toolUseId": ids[2], "content": [{"text": "(no output)"}]}},
        ])
    );
    // Most models take no words beside results.
    assert_eq!(messages[3], json!({"role": "assistant", "content": [{"text": "Understood."}]}));
    assert_eq!(messages[4], json!({"role": "user", "content": [{"text": "stray"}, {"text": "go on"}]}));
    assert_eq!(messages[5]["content"], json!([{"text": "so it begins"}]));
    // Tools are made up of the history.
    let names: Vec<&str> =
        body["toolConfig"]["tools"].as_array().unwrap().iter().map(|t| t["toolSpec"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn words_and_calls_stand_apart_where_a_model_wants_it() {
    let chat =
        asking(vec![user("a"), assistant(vec![Part::text("b"), call("c", "f", "{}")]), Turn::new(Role::User, vec![result("c", "r")])]);
    let roles_and_kinds = |model: &str| -> Vec<String> {
        let (body, _) = written(&chat, model);
        let messages = body["messages"].as_array().unwrap().clone();
        let kinds = messages.iter().flat_map(|message| {
            let blocks = message["content"].as_array().unwrap();
            blocks
                .iter()
                .map(|block| format!("{} {}", message["role"].as_str().unwrap(), block.as_object().unwrap().keys().next().unwrap()))
        });
        kinds.collect()
    };
    assert_eq!(roles_and_kinds(NOVA), ["user text", "assistant text", "assistant toolUse", "user toolResult"]);
    let apart = ["user text", "assistant text", "user text", "assistant toolUse", "user toolResult"];
    assert_eq!(roles_and_kinds("us.meta.llama4-maverick-17b-instruct-v1:0"), apart);
}

#[test]
fn a_failed_tool_is_told_in_words_where_there_is_no_status() {
    let failed = Part::Result(ToolResult { id: "c".into(), content: vec![Part::text("x")], is_error: true, ..ToolResult::default() });
    let chat = asking(vec![user("a"), assistant(vec![call("c", "f", "{}")]), Turn::new(Role::User, vec![failed])]);
    let at = "/messages/2/content/0/toolResult";
    check_dropped(&chat, "cohere.command-r-v1:0", at, json!({"toolUseId": "c", "content": [{"text": "Error:"}, {"text": "x"}]}), &[]);
}

#[test]
fn choices_of_tools() {
    let chat = |choice| Chat { tools: vec![tool("f"), tool("g")], tool_choice: Some(choice), ..asking(vec![user("a")]) };
    let choice = "/toolConfig/toolChoice";
    check_dropped(&chat(ToolChoice::Auto), CLAUDE, choice, json!({"auto": {}}), &[]);
    check_dropped(&chat(ToolChoice::Named("g".into())), CLAUDE, choice, json!({"tool": {"name": "g"}}), &[]);
    check_dropped(&chat(ToolChoice::None), CLAUDE, "/toolConfig", Value::Null, &[]);
    check_dropped(&chat(ToolChoice::Required), "us.meta.llama3-1-70b-instruct-v1:0", choice, json!({"auto": {}}), &["tool_choice"]);
    let some = ToolChoice::Allowed { names: vec!["g".into()], required: true };
    check_dropped(&chat(some.clone()), CLAUDE, choice, json!({"tool": {"name": "g"}}), &[]);
    check_dropped(&chat(some), CLAUDE, "/toolConfig/tools/1", Value::Null, &[]);
    let thinking = Some(Reasoning { effort: Some(Effort::High), ..Reasoning::default() });
    let forced = Chat { reasoning: thinking, ..chat(ToolChoice::Required) };
    check_dropped(&forced, CLAUDE, choice, json!({"auto": {}}), &["tool_choice"]);
    let mut told = chat(ToolChoice::None);
    told.turns.extend([assistant(vec![call("c", "f", "{}")]), Turn::new(Role::User, vec![result("c", "r")])]);
    check_dropped(&told, CLAUDE, choice, Value::Null, &["tool_choice"]);
    check_dropped(&told, CLAUDE, "/toolConfig/tools/1/toolSpec/name", json!("g"), &["tool_choice"]);
    let not_parallel = Chat { parallel_tools: Some(false), tool_choice: None, ..chat(ToolChoice::Auto) };
    check_dropped(&not_parallel, CLAUDE, choice, json!({"auto": {}}), &[]);
    check_dropped(&not_parallel, NOVA, choice, Value::Null, &["parallel_tool_calls"]);
}

#[test]
fn thoughts_go_back_only_to_who_signed_them() {
    let thinking = |origin| Part::Thinking(Thinking { text: "hm".into(), signature: Some(Signature::new(origin, "sig")) });
    let turns = vec![
        user("a"),
        assistant(vec![
            thinking(Origin::Anthropic),
            thinking(Origin::Gemini),
            Part::Thinking(Thinking { text: "unsigned".into(), signature: None }),
            Part::Redacted(Signature::new(Origin::Anthropic, "EtkE")),
            Part::Redacted(Signature::new(Origin::OpenAi, "x")),
            Part::text("b"),
        ]),
        user("c"),
    ];
    let content = "/messages/1/content";
    let all = json!([
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "RXRrRQ=="}},
        {"text": "b"},
    ]);
    check_dropped(&asking(turns.clone()), CLAUDE, content, all, &[]);
    check_dropped(&asking(turns), NOVA, content, json!([{"text": "b"}]), &[]);
}

#[test]
fn numbers_of_any_size_stay_as_they_are() {
    let arguments = r#"{"n":12345678901234567890123,"x":0.10000000000000000000001}"#;
    let written = Bedrock.write(&asking(vec![user("a"), assistant(vec![call("c", "f", arguments)])]), &target(CLAUDE)).unwrap();
    let body = String::from_utf8_lossy(&written.body);
    assert!(body.contains(&format!("\"input\":{arguments}")), "{body}");
}

#[test]
fn thinking_is_asked_for_in_each_models_way() {
    let sampled = Sampling { temperature: Some(0.5), top_p: Some(0.9), ..Sampling::default() };
    let chat = |reasoning, max_output| Chat { reasoning: Some(reasoning), max_output, sampling: sampled, ..asking(vec![user("a")]) };
    let effort = |effort| Reasoning { effort: Some(effort), ..Reasoning::default() };
    let budget = |budget| Reasoning { budget: Some(budget), enabled: Some(true), ..Reasoning::default() };
    let off = Reasoning { enabled: Some(false), ..Reasoning::default() };
    let fields = "/additionalModelRequestFields";
    let hot = ["temperature", "top_p"];
    check_dropped(&chat(effort(Effort::High), None), CLAUDE, fields, json!({"thinking": {"type": "enabled", "budget_tokens": 4096}}), &hot);
    check_dropped(&chat(effort(Effort::High), None), CLAUDE, "/inferenceConfig", json!({"maxTokens": 64000}), &hot);
    check_dropped(&chat(budget(9000), Some(2000)), CLAUDE, fields, json!({"thinking": {"type": "enabled", "budget_tokens": 1500}}), &hot);
    check_dropped(&chat(budget(9000), Some(1000)), CLAUDE, fields, Value::Null, &["reasoning_effort", "top_p"]);
    check_dropped(&chat(off, None), CLAUDE, fields, Value::Null, &["top_p"]);
    // A turn that has begun leaves no place for thoughts; models that do not go on with one are asked to.
    let begun = |reasoning| Chat { reasoning: Some(reasoning), ..asking(vec![user("a"), assistant(vec![Part::text("{")])]) };
    check_dropped(&begun(budget(2048)), CLAUDE, fields, Value::Null, &["reasoning_effort"]);
    let adaptive = json!({"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}});
    check_dropped(&begun(effort(Effort::High)), "us.anthropic.claude-opus-4-6-v1", fields, adaptive, &[]);
    check_dropped(
        &chat(effort(Effort::XHigh), None),
        "us.anthropic.claude-opus-4-6-v1",
        fields,
        json!({"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}}),
        &hot,
    );
    check_dropped(
        &chat(budget(2048), None),
        "us.anthropic.claude-sonnet-4-6",
        fields,
        json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        &hot,
    );
    check_dropped(&chat(off, None), "us.anthropic.claude-sonnet-5", fields, json!({"thinking": {"type": "disabled"}}), &hot);
    check_dropped(
        &chat(effort(Effort::Max), None),
        NOVA,
        fields,
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        &[],
    );
    check_dropped(
        &chat(effort(Effort::High), Some(100)),
        NOVA,
        fields,
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}),
        &["reasoning_effort"],
    );
    check_dropped(&chat(effort(Effort::Minimal), None), "openai.gpt-oss-120b-1:0", fields, json!({"reasoning_effort": "low"}), &[]);
    check_dropped(&chat(effort(Effort::Max), None), "openai.gpt-5.6", fields, json!({"reasoning": {"effort": "xhigh"}}), &hot);
    check_dropped(&chat(effort(Effort::High), None), "us.deepseek.r1-v1:0", fields, Value::Null, &["reasoning_effort"]);
    // To be shown thoughts is not to ask for them.
    let shown = Reasoning { show: Some(true), ..Reasoning::default() };
    check_dropped(&chat(shown, None), CLAUDE, fields, Value::Null, &["top_p"]);
    check_dropped(&chat(shown, None), NOVA, fields, Value::Null, &[]);
    let summarized = json!({"thinking": {"type": "adaptive", "display": "summarized"}});
    check_dropped(&chat(shown, None), "us.anthropic.claude-sonnet-5", fields, summarized, &hot);
    // Who called a tool without a thought cannot be made to think in the same turn.
    let mut called = chat(budget(2000), None);
    called.turns.extend([assistant(vec![call("c", "f", "{}")]), Turn::new(Role::User, vec![result("c", "r")])]);
    check_dropped(&called, CLAUDE, fields, Value::Null, &["reasoning_effort", "top_p"]);
}

#[test]
fn answers_of_a_form() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]});
    let chat = Chat {
        format: Some(Format::Schema { name: Some("number".into()), description: None, schema: schema.clone(), strict: Some(true) }),
        ..asking(vec![user("a")])
    };
    let (body, written_native) = written(&chat, CLAUDE);
    let sent = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"].as_str().unwrap();
    let closed = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false});
    assert_eq!(serde_json::from_str::<Value>(sent).unwrap(), closed);
    assert_eq!(written_native.said.json_tool, None);

    let (body, forced) = written(&chat, "anthropic.claude-3-haiku-20240307-v1:0");
    assert_eq!(forced.said.json_tool.as_deref(), Some("json"));
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"tool": {"name": "json"}}));
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"], schema);
    let beside = Chat { tools: vec![tool("json")], ..chat.clone() };
    let (body, forced) = written(&beside, "anthropic.claude-3-haiku-20240307-v1:0");
    assert_eq!(forced.said.json_tool.as_deref(), Some("json_answer"));
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"any": {}}));

    let (body, told) = written(&chat, "us.meta.llama3-3-70b-instruct-v1:0");
    assert!(body["system"][0]["text"].as_str().unwrap().contains("\"minimum\":1"));
    assert_eq!((told.said.json_tool, told.dropped.len()), (None, 1));
    let (body, any) = written(&Chat { format: Some(Format::Json), ..chat }, CLAUDE);
    assert!(body["system"][0]["text"].as_str().unwrap().contains("JSON"));
    assert_eq!(any.dropped, []);
}

#[test]
fn media_are_written_inline() {
    let inline = |mime: &str, data: &str| Source::Inline { mime: mime.into(), data: data.into() };
    let with = |media: Media| asking(vec![Turn::new(Role::User, vec![Part::Media(media)])]);
    let content = "/messages/0/content";
    let image = with(Media::new(MediaKind::Image, inline("image/jpg", "iVBORw0KGgoA")));
    check_dropped(&image, CLAUDE, content, json!([{"image": {"format": "png", "source": {"bytes": "iVBORw0KGgoA"}}}]), &[]);
    let jpg = with(Media::new(MediaKind::Image, inline("image/jpg", "AAA_")));
    check_dropped(&jpg, CLAUDE, content, json!([{"image": {"format": "jpeg", "source": {"bytes": "AAA/"}}}]), &[]);
    let pdf = with(Media { name: Some("my_report.pdf".into()), ..Media::new(MediaKind::Document, inline("", "JVBERi0x")) });
    let block = json!({"document": {"format": "pdf", "name": "my report", "source": {"bytes": "JVBERi0x"}}});
    check_dropped(&pdf, CLAUDE, content, json!([{"text": "(no text)"}, block]), &[]);
    let cited = with(Media { citations: true, context: Some("c".into()), ..Media::new(MediaKind::Document, Source::Text("ab".into())) });
    let block = json!({"document": {"format": "txt", "name": "document", "source": {"text": "ab"}, "context": "c", "citations": {"enabled": true}}});
    check_dropped(&cited, CLAUDE, content, json!([{"text": "(no text)"}, block]), &[]);
    let plain = json!({"document": {"format": "txt", "name": "document", "source": {"bytes": "YWI="}, "context": "c"}});
    check_dropped(&cited, NOVA, content, json!([{"text": "(no text)"}, plain]), &[]);
    let film = with(Media::new(MediaKind::Video, Source::Url { mime: None, url: "s3://b/k.mp4".into() }));
    check_refused(&film, CLAUDE, "films");

    check_refused(
        &with(Media::new(MediaKind::Image, Source::Url { mime: None, url: "https://a.example/b.png".into() })),
        CLAUDE,
        "cannot fetch",
    );
    check_refused(&with(Media::new(MediaKind::Image, Source::FileId("f".into()))), CLAUDE, "id");
    check_refused(&with(Media::new(MediaKind::Image, inline("image/svg+xml", "AAAA"))), CLAUDE, "png");
    check_refused(&with(Media::new(MediaKind::Document, inline("application/zip", "AAAA"))), CLAUDE, "documents of this type");
    check_refused(&with(Media::new(MediaKind::Audio, inline("audio/wav", "AAAA"))), CLAUDE, "audio");
    check_refused(&image, "us.amazon.nova-micro-v1:0", "pictures");
}

#[test]
fn what_cannot_be_said() {
    check_refused(&Chat { answers: Some(2), ..asking(vec![user("a")]) }, CLAUDE, "one answer");
    let chat = Chat {
        answers: Some(1),
        logprobs: Some(2),
        sampling: Sampling { seed: Some(1), presence_penalty: Some(1.0), frequency_penalty: Some(1.0), ..Sampling::default() },
        extras: vec![
            Extra { origin: Origin::OpenAi, field: "logit_bias".into(), value: json!({}) },
            Extra { origin: Origin::Bedrock, field: "guardrailConfig".into(), value: json!({"guardrailIdentifier": "g"}) },
            Extra { origin: Origin::Bedrock, field: "additionalModelRequestFields".into(), value: json!({"x": 1}) },
            Extra { origin: Origin::Anthropic, field: "anthropic_beta".into(), value: json!(["effort-2025-11-24", "new"]) },
        ],
        hosted_tools: vec![
            HostedTool::WebSearch { max_uses: None },
            HostedTool::Other { origin: Origin::Bedrock, kind: "s".into(), value: json!({"systemTool": {"name": "s"}}) },
        ],
        ..asking(vec![user("a")])
    };
    let (body, written) = written(&chat, CLAUDE);
    let dropped: Vec<String> = written.dropped.iter().map(ToString::to_string).collect();
    let expect = ["presence_penalty", "frequency_penalty", "seed", "logprobs", "tools[].web_search", "logit_bias", "anthropic_beta"];
    assert_eq!(dropped, expect);
    assert_eq!(body["guardrailConfig"], json!({"guardrailIdentifier": "g"}));
    assert_eq!(body["additionalModelRequestFields"], json!({"x": 1, "anthropic_beta": ["effort-2025-11-24"]}));
    assert_eq!(body["toolConfig"], json!({"tools": [{"systemTool": {"name": "s"}}]}));
}

#[test]
fn blocks_of_converse_go_back_as_they_were() {
    let foreign = |origin, kind: &str| {
        let value = json!({"toolUse": {"toolUseId": "t", "name": "py", "input": {}, "type": "server_tool_use"}});
        Part::Foreign(Foreign { origin, kind: kind.into(), value })
    };
    let own = foreign(Origin::Bedrock, "server_tool_use");
    let other = foreign(Origin::Anthropic, "web_search_tool_result");
    let chat = asking(vec![user("a"), assistant(vec![own, other, Part::text("b")]), Turn { name: Some("n".into()), ..user("c") }]);
    let block = json!({"toolUse": {"toolUseId": "t", "name": "py", "input": {}, "type": "server_tool_use"}});
    check_dropped(&chat, NOVA, "/messages/1/content", json!([block, {"text": "b"}]), &["web_search_tool_result", "messages[].name"]);
}

#[test]
fn tools_of_free_text_get_a_schema() {
    let chat = Chat {
        tools: vec![Tool { free_text: true, ..tool("patch") }],
        ..asking(vec![user("a"), assistant(vec![call("c", "patch", "*** Begin")]), Turn::new(Role::User, vec![result("c", "ok")])])
    };
    let (body, written) = written(&chat, CLAUDE);
    assert_eq!(written.said.free_text_tools, ["patch"]);
    assert_eq!(body["messages"][1]["content"][0]["toolUse"]["input"], json!({"input": "*** Begin"}));
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["required"], json!(["input"]));
}

#[test]
fn a_strict_tool_is_named_where_no_schema_is_obeyed() {
    let strict = |model| {
        let asked = Chat { tools: vec![Tool { strict: Some(true), ..tool("f") }], ..asking(vec![user("q")]) };
        written(&asked, model).1.dropped
    };
    assert_eq!(strict(CLAUDE), []);
    assert_eq!(strict(NOVA), [crate::neutral::Dropped::new("tools[].strict")]);
}

#[test]
fn the_user_has_the_last_word_where_it_must() {
    let last = |chat: Vec<Turn>, model: &str| written(&asking(chat), model).0["messages"].as_array().unwrap().last().unwrap().clone();
    let words = || vec![user("hi"), assistant(vec![Part::text("well, ")])];
    let goes_on = json!({"role": "user", "content": [{"text": "Continue."}]});
    let ended = json!({"role": "assistant", "content": [{"text": "well,"}]});
    assert_eq!(last(words(), "us.anthropic.claude-opus-4-6-v1"), goes_on);
    assert_eq!(last(words(), "anthropic.claude-sonnet-4-5-20250929-v1:0"), ended);
    let calls = vec![user("hi"), assistant(vec![call("a", "f", "{}")])];
    let status = json!({"toolUseId": "a", "content": [{"text": "(no output)"}], "status": "error"});
    assert_eq!(last(calls, "us.anthropic.claude-opus-4-6-v1"), json!({"role": "user", "content": [{"toolResult": status}]}));
}
