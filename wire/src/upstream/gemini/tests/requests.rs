//! What is asked of the vendor, model by model.

use fluxa_domain::vendors::MaxTokensField;
use serde_json::{Value, json};

use crate::neutral::chat::{Extra, Format, HostedTool, Sampling, Tool, ToolChoice};
use crate::neutral::{
    Chat, Effort, Foreign, Media, MediaKind, Origin, Part, Reasoning, Role, Signature, Source, Text, Thinking, ToolCall, ToolResult, Turn,
};
use crate::upstream::gemini::Gemini;
use crate::upstream::{Target, Unsayable, UpstreamDialect as _, Written};

fn target(model: &str) -> Target<'_> {
    Target { model, quirks: &[], max_tokens_field: MaxTokensField::GenerationConfig, max_output: Some(8_192), ask_usage: true }
}

fn written(chat: &Chat, model: &str) -> (Value, Vec<String>, Written) {
    let written = Gemini.write(chat, &target(model)).unwrap();
    let dropped = written.dropped.iter().map(ToString::to_string).collect();
    (serde_json::from_slice(&written.body).unwrap(), dropped, written)
}

fn call(id: &str, name: &str, arguments: &str, mark: Option<Signature>) -> Part {
    Part::Call(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: mark, cache: None })
}

fn result(id: &str, content: Vec<Part>) -> Part {
    Part::Result(ToolResult { id: id.into(), content, ..ToolResult::default() })
}

fn gemini(mark: &str) -> Option<Signature> {
    Some(Signature::new(Origin::Gemini, mark))
}

fn png() -> Media {
    Media::new(MediaKind::Image, Source::Inline { mime: "image/png".into(), data: "AAAA".into() })
}

fn conversation() -> Chat {
    Chat {
        system: vec![Text::new("S")],
        turns: vec![
            Turn::new(Role::Assistant, vec![Part::text("hello")]),
            Turn::new(Role::User, vec![Part::text("q")]),
            Turn::new(Role::System, vec![Part::text("be brief")]),
            Turn::new(
                Role::Assistant,
                vec![
                    Part::Thinking(Thinking { text: "mine".into(), signature: gemini("T") }),
                    Part::Thinking(Thinking { text: "theirs".into(), signature: Some(Signature::new(Origin::Anthropic, "x")) }),
                    Part::Redacted(Signature::new(Origin::Anthropic, "x")),
                    Part::text("let me see"),
                    call("a", "look.up", "{\"n\":12345678901234567890123}", gemini("C")),
                    call("b", "9lives", "", None),
                ],
            ),
            Turn::new(Role::User, vec![Part::text("and?")]),
            Turn::new(Role::User, vec![result("b", vec![Part::text("meow"), Part::Media(png())])]),
            Turn::new(Role::User, vec![result("a", vec![Part::text("{\"x\":1}")])]),
            Turn::new(Role::Assistant, vec![call("c", "look.up", "{}", Some(Signature::new(Origin::OpenAi, "o")))]),
            Turn::new(
                Role::User,
                vec![Part::Result(ToolResult { id: "c".into(), content: vec![Part::text("no")], is_error: true, ..ToolResult::default() })],
            ),
        ],
        ..Chat::default()
    }
}

#[test]
fn a_conversation_alternates_and_results_follow_their_calls() {
    let (body, dropped, _) = written(&conversation(), "gemini-3-pro-preview");
    let expect = json!({
        "contents": [
            {"role": "user", "parts": [{"text": " "}]},
            {"role": "model", "parts": [{"text": "hello"}]},
            {"role": "user", "parts": [{"text": "q"}, {"text": "be brief"}]},
            {"role": "model", "parts": [
                {"text": "mine", "thought": true, "thoughtSignature": "T"},
                {"text": "let me see"},
                {"functionCall": {"id": "a", "name": "look.up", "args": {"n": 12345678901234567890123_f64}}, "thoughtSignature": "C"},
                {"functionCall": {"id": "b", "name": "_9lives_67afba62", "args": {}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "a", "name": "look.up", "response": {"x": 1}}},
                {"functionResponse": {"id": "b", "name": "_9lives_67afba62", "response": {"output": "meow"},
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}},
                {"text": "and?"},
            ]},
            {"role": "model", "parts": [
                {"functionCall": {"id": "c", "name": "look.up", "args": {}}, "thoughtSignature": "skip_thought_signature_validator"},
            ]},
            {"role": "user", "parts": [{"functionResponse": {"id": "c", "name": "look.up", "response": {"error": "no"}}}]},
        ],
        "systemInstruction": {"parts": [{"text": "S"}]},
    });
    let fitted = body["contents"][3]["parts"][3]["functionCall"]["name"].as_str().unwrap().to_owned();
    assert!(fitted.starts_with("_9lives_"), "{fitted}");
    let expect: Value = serde_json::from_str(&expect.to_string().replace("_9lives_67afba62", &fitted)).unwrap();
    assert_eq!(body, expect);
    assert!(dropped.is_empty());
    assert!(String::from_utf8_lossy(&Gemini.write(&conversation(), &target("gemini-3")).unwrap().body).contains("12345678901234567890123"));
}

#[test]
fn older_models_get_no_ids_and_pictures_beside_results() {
    let (body, ..) = written(&conversation(), "gemini-2.5-flash");
    let calls = &body["contents"][3]["parts"];
    assert_eq!(calls[2]["functionCall"].get("id"), None);
    assert_eq!(calls[2]["thoughtSignature"], "C");
    assert_eq!(body["contents"][5]["parts"][0].get("thoughtSignature"), None);
    let parts = body["contents"][4]["parts"].as_array().unwrap();
    assert!(parts[0]["functionResponse"].is_object() && parts[1]["functionResponse"].is_object());
    assert_eq!(parts[2..], [json!({"text": "and?"}), json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}})]);

    let (body, ..) = written(&conversation(), "gemma-3-27b-it");
    assert_eq!(body.get("systemInstruction"), None);
    assert_eq!(body["contents"][0], json!({"role": "user", "parts": [{"text": "S"}]}));
    let (body, ..) = written(&Chat { system: vec![Text::new("S")], ..Chat::default() }, "gemini-2.5-flash");
    assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": " "}]}]));
}

fn asking(change: impl FnOnce(&mut Chat)) -> Chat {
    let mut chat = Chat { turns: vec![Turn::new(Role::User, vec![Part::text("q")])], ..Chat::default() };
    change(&mut chat);
    chat
}

#[test]
fn every_call_is_answered_once_and_right_after_it() {
    let check = |turns: Vec<(Role, Vec<Part>)>, expect: Value| {
        let turns = turns.into_iter().map(|(role, parts)| Turn::new(role, parts)).collect();
        let (body, ..) = written(&Chat { turns, ..Chat::default() }, "gemini-2.5-flash");
        let contents = body["contents"].as_array().unwrap();
        assert_eq!(Value::from(contents[1..].to_vec()), expect);
    };
    let f = |id: &str| call(id, "f", "{}", None);
    let g = |id: &str| call(id, "g", "{}", None);
    let (user, model) = (Role::User, Role::Assistant);
    let said = |id: &str, text: &str| result(id, vec![Part::text(text)]);
    let asks = |names: &[&str]| {
        let parts: Vec<Value> = names.iter().map(|name| json!({"functionCall": {"name": name, "args": {}}})).collect();
        json!({"role": "model", "parts": parts})
    };
    let told = |name: &str, key: &str, text: &str| json!({"functionResponse": {"name": name, "response": {key: text}}});
    let missing = |name: &str| told(name, "error", "(no output)");
    // One of two is missing.
    check(
        vec![(user, vec![Part::text("q")]), (model, vec![f("a"), g("b")]), (user, vec![said("a", "A"), Part::text("and?")])],
        json!([asks(&["f", "g"]), {"role": "user", "parts": [told("f", "output", "A"), missing("g"), {"text": "and?"}]}]),
    );
    // In the order of the calls; one of nobody's, and a second one, are words.
    check(
        vec![
            (user, vec![Part::text("q")]),
            (model, vec![f("a"), f("b")]),
            (user, vec![said("b", "B"), said("x", "X"), said("a", "A"), said("a", "2")]),
        ],
        json!([asks(&["f", "f"]), {"role": "user", "parts": [told("f", "output", "A"), told("f", "output", "B"), {"text": "X"}, {"text": "2"}]}]),
    );
    // The answer comes a turn too late, and calls end everything.
    check(
        vec![
            (user, vec![Part::text("q")]),
            (model, vec![f("a")]),
            (user, vec![Part::text("wait")]),
            (model, vec![Part::text("yes")]),
            (user, vec![said("a", "A")]),
            (model, vec![g("b")]),
        ],
        json!([
            asks(&["f"]),
            {"role": "user", "parts": [missing("f"), {"text": "wait"}]},
            {"role": "model", "parts": [{"text": "yes"}]},
            {"role": "user", "parts": [{"text": "A"}]},
            asks(&["g"]),
            {"role": "user", "parts": [missing("g")]},
        ]),
    );
    // Without ids: by name, then in turn.
    let unnamed = |name: Option<&str>, text: &str| {
        Part::Result(ToolResult { name: name.map(str::to_owned), content: vec![Part::text(text)], ..ToolResult::default() })
    };
    check(
        vec![(user, vec![Part::text("q")]), (model, vec![f(""), g("")]), (user, vec![unnamed(Some("g"), "G"), unnamed(None, "F")])],
        json!([asks(&["f", "g"]), {"role": "user", "parts": [told("f", "output", "F"), told("g", "output", "G")]}]),
    );
    // A result that says nothing and that nobody asked for.
    check(
        vec![(user, vec![Part::text("q")]), (model, vec![Part::text("a")]), (user, vec![said("x", "")])],
        json!([{"role": "model", "parts": [{"text": "a"}]}, {"role": "user", "parts": [{"text": "(no output)"}]}]),
    );
}

#[test]
fn media_go_where_they_can() {
    let check = |media: Media, model: &str, expect: Value| {
        let (body, ..) = written(&asking(|chat| chat.turns[0].parts = vec![Part::Media(media)]), model);
        assert_eq!(body["contents"][0]["parts"][0], expect);
    };
    let new = Media::new;
    let url = |mime: Option<&str>, url: &str| Source::Url { mime: mime.map(str::to_owned), url: url.into() };
    check(png(), "gemini-3", json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}));
    let low = Media { detail: Some("low".into()), ..png() };
    let resolved = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}});
    check(low.clone(), "gemini-3", resolved);
    let (body, ..) = written(&asking(|chat| chat.turns[0].parts = vec![Part::Media(low)]), "gemini-2.5-pro");
    assert_eq!(body["generationConfig"], json!({"mediaResolution": "MEDIA_RESOLUTION_LOW"}));
    let file = |mime: &str, uri: &str| json!({"fileData": {"mimeType": mime, "fileUri": uri}});
    check(new(MediaKind::Document, url(None, "gs://b/x.pdf")), "gemini-3", file("application/pdf", "gs://b/x.pdf"));
    check(new(MediaKind::Video, url(None, "https://youtu.be/x")), "gemini-3", file("video/mp4", "https://youtu.be/x"));
    check(new(MediaKind::Image, url(Some("image/webp"), "https://a.test/x.png")), "gemini-3", file("image/webp", "https://a.test/x.png"));
    let stored = "https://generativelanguage.googleapis.com/v1beta/files/x";
    check(new(MediaKind::Image, url(None, stored)), "gemini-3", json!({"fileData": {"fileUri": stored}}));
    check(new(MediaKind::Image, Source::FileId("files/x".into())), "gemini-3", json!({"fileData": {"fileUri": "files/x"}}));
    check(new(MediaKind::Document, Source::Text("plain".into())), "gemini-3", json!({"text": "plain"}));
    let source = Source::Inline { mime: "application/json".into(), data: "e30=".into() };
    check(new(MediaKind::Document, source), "gemini-3", json!({"text": "{}"}));
    let named = Media { name: Some("a.wav".into()), ..new(MediaKind::Audio, Source::Inline { mime: String::new(), data: "AAAA".into() }) };
    check(named, "gemini-3", json!({"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}));

    let others = asking(|chat| chat.turns[0].parts = vec![Part::Media(new(MediaKind::Document, Source::FileId("file-1".into())))]);
    let refused = Gemini.write(&others, &target("gemini-3")).unwrap_err();
    assert_eq!(refused, Unsayable { what: "this provider cannot read a file that was given to another one".into(), param: None });
}

#[test]
fn tools_are_one_object() {
    let schema = json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}}, "$defs": {"X": {"type": ["string", "null"]}}});
    let chat = asking(|chat| {
        chat.tools = vec![
            Tool { name: "f".into(), description: Some("F".into()), schema: Some(schema.clone()), strict: Some(true), ..Tool::default() },
            Tool { name: "with space".into(), free_text: true, ..Tool::default() },
            Tool { name: "h".into(), ..Tool::default() },
        ];
        chat.tool_choice = Some(ToolChoice::Named("with space".into()));
        chat.parallel_tools = Some(false);
        chat.hosted_tools = vec![
            HostedTool::WebSearch { max_uses: None },
            HostedTool::Other { origin: Origin::Anthropic, kind: "code_execution_1".into(), value: json!({}) },
        ];
    });
    let (body, dropped, found) = written(&chat, "gemini-2.5-flash");
    let name = body["tools"][0]["functionDeclarations"][1]["name"].as_str().unwrap();
    assert!(name.starts_with("with_space_"));
    let input = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
    let functions = json!([
        {"name": "f", "description": "F", "parametersJsonSchema": schema},
        {"name": name, "parametersJsonSchema": input},
        {"name": "h"},
    ]);
    assert_eq!(body["tools"], json!([{"functionDeclarations": functions}]));
    assert_eq!(body["toolConfig"], json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [name]}}));
    assert_eq!(dropped, ["tools[].strict", "web_search", "code_execution_1", "parallel_tool_calls"]);
    assert_eq!(found.said.free_text_tools, ["with space"]);
    assert_eq!(found.said.names.back(name), "with space");

    let (body, ..) = written(&chat, "gemini-1.5-pro");
    let parameters = json!({"type": "OBJECT", "properties": {"x": {"type": "STRING", "nullable": true}}});
    assert_eq!(body["tools"][0]["functionDeclarations"][0], json!({"name": "f", "description": "F", "parameters": parameters}));

    let (body, dropped, _) = written(&chat, "gemini-3-flash-preview");
    assert_eq!(body["tools"][0], json!({"googleSearch": {}}));
    assert_eq!(body["toolConfig"]["includeServerSideToolInvocations"], true);
    assert_eq!(dropped, ["code_execution_1", "parallel_tool_calls"]);
}

#[test]
fn choices_have_modes() {
    let check = |choice: Option<ToolChoice>, strict: bool, expect: Value| {
        let chat = asking(|chat| {
            chat.tools = vec![Tool { name: "f".into(), strict: strict.then_some(true), ..Tool::default() }];
            chat.tool_choice = choice;
        });
        let (body, ..) = written(&chat, "gemini-3-pro-preview");
        assert_eq!(body["toolConfig"]["functionCallingConfig"], expect);
    };
    let names = || vec!["f".to_owned()];
    check(None, false, Value::Null);
    check(None, true, json!({"mode": "VALIDATED"}));
    check(Some(ToolChoice::Auto), false, json!({"mode": "AUTO"}));
    check(Some(ToolChoice::None), true, json!({"mode": "NONE"}));
    check(Some(ToolChoice::Required), false, json!({"mode": "ANY"}));
    check(Some(ToolChoice::Allowed { names: names(), required: true }), false, json!({"mode": "ANY", "allowedFunctionNames": ["f"]}));
    check(
        Some(ToolChoice::Allowed { names: names(), required: false }),
        false,
        json!({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    );
    let (body, ..) = written(&asking(|chat| chat.tool_choice = Some(ToolChoice::Auto)), "gemini-3");
    assert_eq!(body.get("toolConfig"), None);
}

#[test]
fn sampling_goes_as_far_as_the_model() {
    let chat = asking(|chat| {
        chat.max_output = Some(100_000);
        chat.sampling = Sampling {
            temperature: Some(0.5),
            top_p: Some(0.9),
            top_k: Some(40),
            presence_penalty: Some(0.1),
            frequency_penalty: Some(0.2),
            seed: Some(7),
        };
        chat.stop = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec();
        chat.answers = Some(2);
        chat.logprobs = Some(3);
        chat.verbosity = Some("low".into());
        chat.service_tier = Some("flex".into());
        chat.user = Some("u".into());
    });
    let all = json!({
        "maxOutputTokens": 8192, "temperature": 0.5, "topP": 0.9, "topK": 40, "presencePenalty": 0.1, "frequencyPenalty": 0.2, "seed": 7,
        "stopSequences": ["a", "b", "c", "d", "e"], "candidateCount": 2, "responseLogprobs": true, "logprobs": 3,
    });
    let (body, dropped, _) = written(&chat, "gemini-2.5-flash");
    assert_eq!((&body["generationConfig"], &body["serviceTier"]), (&all, &json!("flex")));
    assert_eq!(dropped, ["stop", "verbosity"]);
    let (body, dropped, _) = written(&chat, "gemini-3.6-flash");
    assert_eq!(body["generationConfig"].get("temperature"), None);
    assert_eq!(dropped, ["temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "stop", "verbosity"]);
    let (_, dropped, _) = written(&asking(|chat| chat.sampling.seed = Some(1 << 40)), "gemini-2.5-flash");
    assert_eq!(dropped, ["seed"]);
}

#[test]
fn thinking_is_asked_in_tokens_or_words() {
    let check = |model: &str, reasoning: Reasoning, expect: Value| {
        let (body, ..) = written(&asking(|chat| chat.reasoning = Some(reasoning)), model);
        assert_eq!(body["generationConfig"]["thinkingConfig"], expect, "{model} {reasoning:?}");
    };
    let effort = |effort| Reasoning { effort: Some(effort), ..Reasoning::default() };
    let budget = |budget| Reasoning { budget: Some(budget), ..Reasoning::default() };
    let hidden = Reasoning { show: Some(false), ..effort(Effort::High) };
    let on = Reasoning { enabled: Some(true), ..Reasoning::default() };
    check("gemini-2.5-flash", effort(Effort::Minimal), json!({"includeThoughts": true, "thinkingBudget": 1}));
    check("gemini-2.5-flash", effort(Effort::Low), json!({"includeThoughts": true, "thinkingBudget": 1024}));
    check("gemini-2.5-flash", hidden, json!({"includeThoughts": false, "thinkingBudget": 4096}));
    check("gemini-2.5-flash", effort(Effort::None), json!({"includeThoughts": false, "thinkingBudget": 0}));
    check("gemini-2.5-pro", effort(Effort::None), json!({"includeThoughts": false, "thinkingBudget": 128}));
    check("gemini-2.5-pro", budget(1), json!({"includeThoughts": true, "thinkingBudget": 128}));
    check("gemini-2.5-flash-lite", effort(Effort::Minimal), json!({"includeThoughts": true, "thinkingBudget": 512}));
    check("gemini-2.5-flash", on, json!({"includeThoughts": true, "thinkingBudget": -1}));
    check("gemini-3-pro-preview", effort(Effort::None), json!({"includeThoughts": false, "thinkingLevel": "low"}));
    check("gemini-3-flash-preview", effort(Effort::None), json!({"includeThoughts": false, "thinkingLevel": "minimal"}));
    check("gemini-3-pro-preview", effort(Effort::Medium), json!({"includeThoughts": true, "thinkingLevel": "high"}));
    check("gemini-3.1-pro-preview", effort(Effort::Medium), json!({"includeThoughts": true, "thinkingLevel": "medium"}));
    check("gemini-3-flash-preview", budget(20_000), json!({"includeThoughts": true, "thinkingLevel": "high"}));
    check("gemini-3-flash-preview", on, json!({"includeThoughts": true}));
    let (body, dropped, _) = written(&asking(|chat| chat.reasoning = Some(effort(Effort::High))), "gemini-2.0-flash");
    assert_eq!((body.get("generationConfig"), dropped), (None, vec!["reasoning".to_owned()]));
}

#[test]
fn the_form_of_the_answer() {
    let schema = json!({"type": "object", "properties": {"a": {"const": "x"}}, "additionalProperties": false});
    let formed = |tools: bool| {
        asking(|chat| {
            chat.format = Some(Format::Schema { name: Some("n".into()), description: None, schema: schema.clone(), strict: Some(true) });
            chat.tools = if tools { vec![Tool { name: "f".into(), ..Tool::default() }] } else { Vec::new() };
        })
    };
    let json_schema = json!({"responseMimeType": "application/json", "responseJsonSchema": schema});
    assert_eq!(written(&formed(false), "gemini-2.5-flash").0["generationConfig"], json_schema);
    assert_eq!(written(&formed(true), "gemini-3-flash-preview").0["generationConfig"], json_schema);
    let subset = json!({"type": "OBJECT", "properties": {"a": {"type": "STRING", "format": "enum", "enum": ["x"]}}});
    let config = json!({"responseMimeType": "application/json", "responseSchema": subset});
    assert_eq!(written(&formed(false), "gemini-1.5-flash").0["generationConfig"], config);

    let (body, dropped, found) = written(&formed(true), "gemini-2.5-flash");
    assert_eq!(body.get("generationConfig"), None);
    assert_eq!(body["tools"][0]["functionDeclarations"][1]["parametersJsonSchema"], schema);
    assert_eq!(body["toolConfig"], json!({"functionCallingConfig": {"mode": "ANY"}}));
    assert_eq!((found.said.json_tool.as_deref(), dropped.len()), (Some("json_tool_call"), 0));
}

#[test]
fn members_of_the_dialect_come_back_to_their_places() {
    let extra = |origin, field: &str, value: Value| Extra { origin, field: field.into(), value };
    let chat = asking(|chat| {
        chat.extras = vec![
            extra(Origin::Gemini, "generationConfig.speechConfig", json!({"a": 1})),
            extra(Origin::Gemini, "toolConfig.retrievalConfig", json!({"b": 2})),
            extra(Origin::Gemini, "safetySettings", json!([])),
            extra(Origin::OpenAi, "logit_bias", json!({})),
        ];
        let value = json!({"executableCode": {"code": "1"}});
        let foreign = |origin, kind: &str| Part::Foreign(Foreign { origin, kind: kind.into(), value: value.clone() });
        let parts = vec![foreign(Origin::Gemini, "executableCode"), foreign(Origin::Anthropic, "server_tool_use")];
        chat.turns.push(Turn::new(Role::Assistant, parts));
    });
    let (body, dropped, _) = written(&chat, "gemini-3");
    assert_eq!(body["generationConfig"], json!({"speechConfig": {"a": 1}}));
    assert_eq!((&body["toolConfig"], &body["safetySettings"]), (&json!({"retrievalConfig": {"b": 2}}), &json!([])));
    assert_eq!(body["contents"][1]["parts"], json!([{"executableCode": {"code": "1"}}]));
    assert_eq!(dropped, ["server_tool_use", "logit_bias"]);
}

#[test]
fn schemas_become_the_subset() {
    let check = |schema: Value, expect: Value| assert_eq!(super::super::schema::subset(&schema), expect);
    check(
        json!({
            "$schema": "s", "type": "object", "additionalProperties": false, "required": ["a", "gone"],
            "properties": {
                "a": {"type": "string", "enum": ["", "x", null], "exclusiveMinimum": 1},
                "b": {"oneOf": [{"type": "integer", "enum": [1, 2]}, {"type": "null"}], "description": "B"},
                "c": {"type": ["string", "number", "null"]},
                "d": {"type": "array"},
                "e": {"allOf": [{"type": "object", "properties": {"x": {"type": "string"}}}, {"properties": {"y": {"type": "string", "format": "uri"}}}]},
                "f": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "title": "gone"},
                "g": {"type": "string", "format": "date-time"},
            },
        }),
        json!({
            "type": "OBJECT", "required": ["a"],
            "properties": {
                "a": {"type": "STRING", "format": "enum", "enum": ["x"]},
                "b": {"type": "INTEGER", "description": "B", "nullable": true},
                "c": {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": true},
                "d": {"type": "ARRAY", "items": {"type": "STRING"}},
                "e": {"type": "OBJECT", "properties": {"x": {"type": "STRING"}, "y": {"type": "STRING"}}},
                "f": {"anyOf": [{"type": "STRING"}, {"type": "ARRAY", "items": {"type": "STRING"}}]},
                "g": {"type": "STRING", "format": "date-time"},
            },
        }),
    );
    // A list of itself.
    check(
        json!({"$ref": "#/$defs/N", "$defs": {"N": {"type": "object", "properties": {"next": {"$ref": "#/$defs/N", "description": "D"}}}}}),
        json!({"type": "OBJECT", "properties": {"next": {"type": "OBJECT", "description": "D"}}}),
    );
    check(json!({"$ref": "#/nowhere"}), json!({"type": "OBJECT"}));
    assert_eq!(super::super::schema::parameters(&json!({"type": "object", "properties": {}})), None);
}

/// References that lead to ten others each, twelve deep, would be a million million schemas.
#[test]
fn references_do_not_multiply_without_end() {
    let mut definitions = serde_json::Map::new();
    for level in 0..12 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        let members: serde_json::Map<String, Value> = (0..10).map(|n| (format!("m{n}"), next.clone())).collect();
        definitions.insert(format!("d{level}"), json!({"type": "object", "properties": members}));
    }
    definitions.insert("d12".into(), json!({"type": "string"}));
    let found = super::super::schema::subset(&json!({"$ref": "#/$defs/d0", "$defs": definitions}));
    assert!(found.to_string().len() < 2_000_000);
}

#[test]
fn results_stand_in_the_order_of_the_calls() {
    let chat = Chat {
        turns: vec![
            Turn::new(Role::User, vec![Part::text("q")]),
            Turn::new(Role::Assistant, vec![call("a", "f", "{}", None), call("b", "f", "{}", None)]),
            Turn::new(Role::User, vec![result("b", vec![Part::text("second")]), Part::text("and?")]),
            Turn::new(Role::User, vec![result("a", vec![Part::text("first")])]),
        ],
        ..Chat::default()
    };
    for model in ["gemini-2.5-flash", "gemini-3-pro-preview"] {
        let (body, ..) = written(&chat, model);
        let parts = body["contents"][2]["parts"].as_array().unwrap();
        let told = |at: usize| parts[at]["functionResponse"]["response"]["output"].as_str();
        assert_eq!([told(0), told(1)], [Some("first"), Some("second")], "{model}");
        assert_eq!(parts[2], json!({"text": "and?"}));
    }
}

#[test]
fn what_cannot_be_said_is_named() {
    let named = Turn { name: Some("anna".into()), ..Turn::new(Role::User, vec![Part::text("q")]) };
    let tool = Tool { name: "f".into(), strict: Some(true), ..Tool::default() };
    let chat = Chat { turns: vec![named], tools: vec![tool], ..Chat::default() };
    assert_eq!(written(&chat, "gemini-2.5-flash").1, ["tools[].strict", "messages[].name"]);
    assert_eq!(written(&chat, "gemini-3-pro-preview").1, ["messages[].name"]);
}

#[test]
fn a_remark_about_a_document_stands_before_it() {
    let media = Media { context: Some("of last week".into()), ..png() };
    let chat = Chat { turns: vec![Turn::new(Role::User, vec![Part::Media(media)])], ..Chat::default() };
    let parts = json!([{"text": "of last week"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]);
    assert_eq!(written(&chat, "gemini-3-pro-preview").0["contents"][0]["parts"], parts);
}
