use fluxa_domain::dialect::Op;
use fluxa_domain::vendors::{MaxTokensField, VENDORS};
use proptest::prelude::*;

use super::*;
use crate::client::chat::OpenAiChat;
use crate::client::{Asked, ClientDialect as _};
use crate::neutral::media::{Media, MediaKind, Source};
use crate::neutral::{Extra, HostedTool, Part, Reasoning, Role, Sampling, Text, Tool, ToolCall, ToolChoice, ToolResult, Turn};

fn target<'a>(model: &'a str, quirks: &'a [Quirk]) -> Target<'a> {
    Target { model, quirks, max_tokens_field: MaxTokensField::MaxTokens, max_output: None, ask_usage: true }
}

/// The fields besides model and messages, and the names of what was dropped.
fn fields(quirks: &[Quirk], model: &str, chat: &Chat) -> (Value, Vec<String>) {
    let written = write(chat, &target(model, quirks)).unwrap();
    let mut value: Value = serde_json::from_slice(&written.body).unwrap();
    let map = value.as_object_mut().unwrap();
    assert_eq!(map.shift_remove("model"), Some(Value::from(model)));
    assert!(map.shift_remove("messages").is_some_and(|list| list.is_array()));
    (value, written.dropped.iter().map(ToString::to_string).collect())
}

fn everything() -> Chat {
    Chat {
        max_output: Some(900),
        sampling: Sampling {
            temperature: Some(0.0),
            top_p: Some(0.5),
            top_k: Some(3),
            presence_penalty: Some(0.5),
            frequency_penalty: Some(-0.5),
            seed: Some(7),
        },
        stop: ["a", "b", "c", "d", "e"].map(String::from).to_vec(),
        logprobs: Some(2),
        user: Some(String::from("u")),
        verbosity: Some(String::from("low")),
        service_tier: Some(String::from("flex")),
        cache_key: Some(String::from("k")),
        hosted_tools: vec![HostedTool::WebSearch { max_uses: None }],
        stream: true,
        ..Chat::default()
    }
}

#[test]
fn every_vendor_gets_what_it_takes() {
    let check = |quirks: &[Quirk], model: &str, expect: Value, dropped: &[&str]| {
        let (mut found, names) = fields(quirks, model, &everything());
        found.as_object_mut().unwrap().shift_remove("stream");
        assert_eq!((found, names), (expect, dropped.iter().map(|name| (*name).to_owned()).collect()), "{quirks:?}");
    };
    let usage = json!({"include_usage": true});
    check(
        &[],
        "m",
        json!({"max_tokens": 900, "stop": ["a", "b", "c", "d"], "temperature": 0.0, "top_p": 0.5, "presence_penalty": 0.5, "frequency_penalty": -0.5,
            "seed": 7, "logprobs": true, "top_logprobs": 2, "user": "u", "stream_options": usage}),
        &["web_search", "stop", "top_k", "verbosity", "service_tier"],
    );
    check(
        &[Quirk::WholeDialect],
        "gpt-5",
        json!({"max_tokens": 900, "seed": 7, "user": "u", "prompt_cache_key": "k", "verbosity": "low", "service_tier": "flex", "stream_options": usage}),
        &["web_search", "stop", "temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "logprobs"],
    );
    check(
        &[
            Quirk::NoStreamOptions,
            Quirk::RandomSeed,
            Quirk::NoUser,
            Quirk::NoLogprobs,
            Quirk::TopK,
            Quirk::OneStop,
            Quirk::NoZeroTemperature,
            Quirk::PenaltiesUpToOne,
            Quirk::EnableSearch,
        ],
        "m",
        json!({"enable_search": true, "max_tokens": 900, "stop": ["a"], "temperature": 0.01, "top_p": 0.5, "top_k": 3, "presence_penalty": 0.5, "random_seed": 7}),
        &["stop", "frequency_penalty", "logprobs", "verbosity", "service_tier"],
    );
    check(
        &[Quirk::OneTemperature, Quirk::NoPenalties, Quirk::NoStop, Quirk::NoSeed, Quirk::NoLogprobs, Quirk::SearchesUnasked],
        "m",
        json!({"max_tokens": 900, "user": "u", "stream_options": usage}),
        &[
            "stop",
            "temperature",
            "top_p",
            "top_k",
            "presence_penalty",
            "frequency_penalty",
            "seed",
            "logprobs",
            "verbosity",
            "service_tier",
        ],
    );
}

#[test]
fn bounds_are_kept() {
    let chat = Chat { max_output: Some(32_000), answers: Some(2), user: Some("u".repeat(65)), ..Chat::default() };
    let mut of = target("m", &[]);
    of.max_output = Some(8_192);
    of.max_tokens_field = MaxTokensField::MaxCompletionTokens;
    let value: Value = serde_json::from_slice(&write(&chat, &of).unwrap().body).unwrap();
    assert_eq!((&value["max_completion_tokens"], &value["n"]), (&json!(8_192), &json!(2)));
    assert_eq!(value["user"].as_str().unwrap().len(), 64);
    assert_eq!(write(&chat, &target("m", &[Quirk::OneChoice])).unwrap_err().param, Some("n"));
    let hot = Chat { sampling: Sampling { temperature: Some(1.5), ..Sampling::default() }, ..Chat::default() };
    assert_eq!(fields(&[Quirk::TemperatureUpToOne], "m", &hot), (json!({"temperature": 1.0}), vec![String::from("temperature")]));
    // Told not to think, the newer models take a temperature again.
    let calm = Chat { reasoning: Some(Reasoning { enabled: Some(false), ..Reasoning::default() }), ..hot };
    assert_eq!(fields(&[Quirk::WholeDialect], "gpt-5.2", &calm).0, json!({"temperature": 1.5, "reasoning_effort": "none"}));
}

#[test]
fn tools_and_the_choice_among_them() {
    let schema = json!({"$schema": "s", "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let tool =
        Tool { name: String::from("f"), description: Some(String::from("d")), schema: Some(schema), strict: Some(true), ..Tool::default() };
    let other = Tool { name: "x".repeat(70), ..Tool::default() };
    let chat = |choice| Chat {
        tools: vec![tool.clone(), other.clone()],
        tool_choice: Some(choice),
        parallel_tools: Some(false),
        ..Chat::default()
    };
    let (found, dropped) = fields(&[], "m", &chat(ToolChoice::Named(String::from("f"))));
    let closed = json!({"$schema": "s", "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    assert_eq!(
        found["tools"][0],
        json!({"type": "function", "function": {"name": "f", "description": "d", "parameters": closed, "strict": true}})
    );
    assert_eq!(found["tools"][1]["function"]["name"].as_str().unwrap().len(), 64);
    assert_eq!(found["tool_choice"], json!({"type": "function", "function": {"name": "f"}}));
    assert_eq!((&found["parallel_tool_calls"], dropped.len()), (&json!(false), 0));
    let (found, dropped) = fields(&[Quirk::NoSchemaMeta, Quirk::NoStrictTools, Quirk::NoParallelToolCalls], "m", &chat(ToolChoice::Auto));
    let plain = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    assert_eq!(found["tools"][0]["function"], json!({"name": "f", "description": "d", "parameters": plain}));
    assert_eq!(dropped, ["tools[].strict", "parallel_tool_calls"]);
    let check = |quirks: &[Quirk], choice: ToolChoice, sent: Value, tools: usize, dropped: &[&str]| {
        let (found, names) = fields(quirks, "m", &chat(choice.clone()));
        assert_eq!(found.get("tool_choice").cloned().unwrap_or_default(), sent, "{quirks:?} {choice:?}");
        assert_eq!(found["tools"].as_array().map_or(0, Vec::len), tools, "{quirks:?} {choice:?}");
        assert_eq!(names, dropped, "{quirks:?} {choice:?}");
    };
    let named = || ToolChoice::Named(String::from("f"));
    let allowed = || ToolChoice::Allowed { names: vec![String::from("f")], required: true };
    check(&[], ToolChoice::Required, json!("required"), 2, &[]);
    check(&[], allowed(), json!("required"), 1, &[]);
    check(
        &[Quirk::WholeDialect],
        allowed(),
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}}),
        2,
        &[],
    );
    check(&[Quirk::ToolChoiceAutoOnly], named(), json!("auto"), 2, &["tool_choice"]);
    check(&[Quirk::ToolChoiceAutoOnly], ToolChoice::None, Value::Null, 0, &[]);
    check(&[Quirk::NoRequiredToolChoice], ToolChoice::Required, json!("auto"), 2, &["tool_choice"]);
    check(&[Quirk::ToolChoiceRequiredOrNone], named(), json!("required"), 1, &[]);
    check(&[Quirk::ToolChoiceRequiredOrNone], ToolChoice::Auto, Value::Null, 2, &[]);
    check(&[Quirk::NoTools], ToolChoice::Auto, Value::Null, 0, &["tools"]);
    assert_eq!(write(&chat(named()), &target("m", &[Quirk::NoTools])).unwrap_err().param, Some("tool_choice"));
}

#[test]
fn the_form_of_the_answer() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format = |strict| Format::Schema { name: None, description: None, schema: schema.clone(), strict };
    let chat = |format| Chat { format: Some(format), tools: vec![Tool { name: String::from("f"), ..Tool::default() }], ..Chat::default() };
    let check = |quirks: &[Quirk], format: Format, expect: Value, instructed: bool, dropped: &[&str]| {
        let written = write(&chat(format), &target("m", quirks)).unwrap();
        let value: Value = serde_json::from_slice(&written.body).unwrap();
        assert_eq!(value.get("response_format").cloned().unwrap_or_default(), expect, "{quirks:?}");
        assert_eq!(value["messages"][0]["role"] == "system", instructed, "{quirks:?}");
        assert_eq!(written.dropped.iter().map(ToString::to_string).collect::<Vec<_>>(), dropped, "{quirks:?}");
    };
    check(&[], Format::Json, json!({"type": "json_object"}), false, &[]);
    let named = json!({"type": "json_schema", "json_schema": {"name": "structured_output", "schema": schema}});
    check(&[], format(None), named, false, &[]);
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    let loose = json!({"type": "json_schema", "json_schema": {"name": "structured_output", "schema": closed, "strict": false}});
    check(&[], format(Some(true)), loose, false, &["response_format.json_schema.strict"]);
    // Where the client's dialect knows nothing looser, what can be obeyed exactly is.
    let mut full = schema.clone();
    full["required"] = json!(["a"]);
    let asked = |name: Option<&str>| Format::Schema { name: name.map(String::from), description: None, schema: full.clone(), strict: None };
    let open = |name: &str| json!({"type": "json_schema", "json_schema": {"name": name, "schema": full}});
    let mut exact = open("structured_output");
    exact["json_schema"]["schema"]["additionalProperties"] = json!(false);
    exact["json_schema"]["strict"] = json!(true);
    check(&[], asked(None), exact, false, &[]);
    check(&[], asked(Some("n")), open("n"), false, &[]);
    check(&[Quirk::NoStrictTools], asked(None), open("structured_output"), false, &[]);
    check(&[Quirk::NoJsonSchema], format(None), json!({"type": "json_object"}), true, &["response_format.json_schema"]);
    check(&[Quirk::ToolsExcludeResponseFormat], format(None), Value::Null, true, &["response_format.json_schema"]);
    check(&[Quirk::NoResponseFormat], Format::Json, Value::Null, true, &["response_format"]);
}

#[test]
fn tools_of_free_text_are_remembered() {
    let extra = |field: &str, value| Extra { origin: Origin::OpenAi, field: field.to_owned(), value };
    let grammar = extra("format", json!({"type": "grammar"}));
    let tool = Tool { name: String::from("c"), free_text: true, extras: vec![grammar], ..Tool::default() };
    let chat = Chat { tools: vec![tool], ..Chat::default() };
    let written = write(&chat, &target("m", &[])).unwrap();
    assert_eq!(written.said.free_text_tools, ["c"]);
    assert_eq!(written.dropped, [Dropped::new("tools[].custom.format")]);
    let (found, dropped) = fields(&[Quirk::WholeDialect], "gpt-5", &chat);
    assert_eq!(found["tools"], json!([{"type": "custom", "custom": {"name": "c", "format": {"type": "grammar"}}}]));
    assert_eq!(dropped.len(), 0);
}

#[test]
fn what_only_one_dialect_knows_stays_there() {
    let extra = |origin, field: &str, value| Extra { origin, field: field.to_owned(), value };
    let chat = Chat {
        extras: vec![
            extra(Origin::OpenAi, "logit_bias", json!({"1": 2})),
            extra(Origin::OpenAi, "prediction", json!({})),
            extra(Origin::OpenAi, "truncation", json!("auto")),
            extra(Origin::Anthropic, "container", json!("c")),
            extra(Origin::OpenAi, "store", json!(true)),
        ],
        ..Chat::default()
    };
    let (found, dropped) = fields(&[Quirk::WholeDialect], "gpt-4.1", &chat);
    assert_eq!(
        (found, dropped),
        (json!({"logit_bias": {"1": 2}, "prediction": {}, "store": true}), vec!["truncation".into(), "container".into()])
    );
    let (found, dropped) = fields(&[], "m", &chat);
    assert_eq!((found, dropped), (json!({"logit_bias": {"1": 2}}), vec!["prediction".into(), "truncation".into(), "container".into()]));
    let sound = Chat { extras: vec![extra(Origin::OpenAi, "modalities", json!(["text", "audio"]))], ..Chat::default() };
    assert_eq!(write(&sound, &target("m", &[])).unwrap_err().param, Some("modalities"));
}

#[test]
fn every_row_of_the_table_can_be_written_for() {
    for vendor in VENDORS {
        let field = vendor.max_tokens_field(Op::Chat, "m");
        let of = Target { model: "m", quirks: vendor.quirks, max_tokens_field: field, max_output: None, ask_usage: true };
        let written = write(&everything(), &of).unwrap();
        let value: Value = serde_json::from_slice(&written.body).unwrap();
        assert_eq!(written.said.think_tags, vendor.has(Quirk::ThinkTags));
        assert_eq!(value.get("stream_options").is_some(), !vendor.has(Quirk::NoStreamOptions), "{}", vendor.name);
    }
}

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 é\"\\\\\n]{1,12}"
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-zA-Z0-9_-]{0,20}"
}

fn media() -> impl Strategy<Value = Part> {
    let inline = |mime: &str, data: String| Source::Inline { mime: mime.to_owned(), data };
    let data = || "[A-Za-z0-9+/]{4}".prop_map(String::from);
    prop_oneof![
        (data(), prop::option::of(Just(String::from("low"))))
            .prop_map(move |(data, detail)| Part::Media(Media { detail, ..Media::new(MediaKind::Image, inline("image/jpeg", data)) })),
        Just(Part::Media(Media::new(MediaKind::Image, Source::Url { mime: None, url: String::from("https://example.com/a") }))),
        data().prop_map(move |data| Part::Media(Media::new(MediaKind::Audio, inline("audio/wav", data)))),
        (data(), name()).prop_map(move |(data, name)| Part::Media(Media {
            name: Some(name),
            ..Media::new(MediaKind::Document, inline("application/pdf", data))
        })),
    ]
}

/// One exchange: a user's turn, an answer, and where it calls tools, their results.
fn exchange(at: usize) -> impl Strategy<Value = Vec<Turn>> {
    let parts = prop::collection::vec(prop_oneof![word().prop_map(Part::text), media()], 1..4);
    let calls = prop::collection::vec((name(), word(), word()), 0..3);
    (parts, prop::option::of(name()), prop::option::of(word()), calls, any::<bool>()).prop_map(
        move |(parts, speaker, text, calls, remark)| {
            let mut turns = vec![Turn { role: Role::User, parts, name: speaker }];
            let mut said: Vec<Part> = text.map(Part::text).into_iter().collect();
            let mut results = Vec::new();
            for (number, (name, argument, result)) in calls.into_iter().enumerate() {
                let id = format!("call_{at}_{number}");
                let arguments = json!({ "a": argument }).to_string();
                said.push(Part::Call(ToolCall { id: id.clone(), name: name.clone(), arguments, ..ToolCall::default() }));
                results.push(Part::Result(ToolResult { id, name: Some(name), content: vec![Part::text(result)], ..ToolResult::default() }));
            }
            if !said.is_empty() {
                turns.push(Turn::new(Role::Assistant, said));
            }
            if !results.is_empty() {
                turns.push(Turn::new(Role::User, results));
            }
            if remark {
                turns.push(Turn::new(Role::System, vec![Part::text("remark")]));
            }
            turns
        },
    )
}

fn any_chat() -> impl Strategy<Value = Chat> {
    let number = || prop::option::of((0_u32..200).prop_map(|n| f64::from(n) / 100.0));
    let sampling = (number(), number(), number(), number(), prop::option::of(any::<i64>()));
    let sampling = sampling.prop_map(|(temperature, top_p, presence_penalty, frequency_penalty, seed)| Sampling {
        temperature,
        top_p,
        top_k: None,
        presence_penalty,
        frequency_penalty,
        seed,
    });
    let schema =
        || Just(json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}));
    let tool = (prop::option::of(word()), prop::option::of(schema()), prop::option::of(any::<bool>()));
    let tools = prop::collection::vec(tool, 0..3).prop_map(|list| {
        let tool =
            |(at, (description, schema, strict))| Tool { name: format!("tool_{at}"), description, schema, strict, ..Tool::default() };
        list.into_iter().enumerate().map(tool).collect::<Vec<_>>()
    });
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        Just(ToolChoice::Named(String::from("tool_0"))),
        any::<bool>().prop_map(|required| ToolChoice::Allowed { names: vec![String::from("tool_0")], required }),
    ];
    let format = prop_oneof![
        Just(Format::Json),
        (name(), schema(), prop::option::of(any::<bool>())).prop_map(|(name, schema, strict)| Format::Schema {
            name: Some(name),
            description: None,
            schema,
            strict
        }),
    ];
    let efforts = [Effort::None, Effort::Minimal, Effort::Low, Effort::Medium, Effort::High, Effort::XHigh, Effort::Max];
    let effort = prop::sample::select(efforts.to_vec()).prop_map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() });
    let turns = (exchange(0), exchange(1)).prop_map(|(one, other)| [one, other].concat());
    let talk = (prop::option::of(word()), turns, tools, prop::option::of(choice), prop::option::of(any::<bool>()));
    let bounds = (
        prop::option::of(1_u64..100_000),
        sampling,
        prop::collection::vec(word(), 0..4),
        prop::option::of(1_u32..4),
        prop::option::of(0_u32..5),
    );
    let about = (prop::option::of(format), prop::option::of(effort), prop::option::of(name()), any::<bool>(), prop::option::of(name()));
    (talk, bounds, about).prop_map(
        |(
            (system, turns, tools, choice, parallel),
            (max_output, sampling, stop, answers, logprobs),
            (format, reasoning, user, stream, key),
        )| {
            let some = !tools.is_empty();
            Chat {
                system: system.map(Text::new).into_iter().collect(),
                turns,
                tools,
                tool_choice: choice.filter(|_| some),
                parallel_tools: parallel.filter(|_| some),
                max_output,
                sampling,
                stop,
                answers,
                logprobs,
                format,
                reasoning,
                stream,
                metadata: key.iter().map(|key| (key.clone(), json!("v"))).collect(),
                service_tier: key.as_ref().map(|_| String::from("flex")),
                verbosity: key.as_ref().map(|_| String::from("high")),
                cache_key: key,
                user,
                ..Chat::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(chat in any_chat()) {
        // A model that takes everything: the dialect's own service, with a model that is none of its own.
        let written = write(&chat, &target("m", &[Quirk::WholeDialect])).unwrap();
        prop_assert_eq!(&written.dropped, &Vec::new());
        let heard = OpenAiChat.read(Asked { body: &written.body, model: "m", stream: chat.stream }).unwrap();
        prop_assert_eq!(heard.dropped, Vec::new());
        prop_assert_eq!(heard.chat, chat);
    }
}
