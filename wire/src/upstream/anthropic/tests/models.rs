//! Requests are written: what depends on the model, and the fields beside the conversation.

use serde_json::{Value, json};

use super::requests::{MODEL, assistant, call, target, try_write, user, write};
use crate::neutral::{Chat, Effort, Extra, Format, Origin, Part, Reasoning, Sampling, Tool, ToolChoice};
use crate::upstream::{Target, UpstreamDialect as _};

fn chat() -> Chat {
    Chat { turns: vec![user("a")], ..Chat::default() }
}

fn effort(effort: Effort) -> Reasoning {
    Reasoning { effort: Some(effort), ..Reasoning::default() }
}

#[test]
fn each_model_is_asked_to_think_in_its_way() {
    let check = |model: &str, max: Option<u64>, reasoning: Reasoning, thinking: Value, output: Value, lost: &[&str]| {
        let (body, dropped) = write(&Chat { reasoning: Some(reasoning), max_output: max, ..chat() }, model);
        assert_eq!((&body["thinking"], &body["output_config"]), (&thinking, &output), "{model} {reasoning:?}");
        assert_eq!(dropped, lost, "{model} {reasoning:?}");
    };
    let enabled = |budget: u64| json!({"type": "enabled", "budget_tokens": budget});
    let adaptive = || json!({"type": "adaptive", "display": "summarized"});
    let disabled = || json!({"type": "disabled"});
    let worded = |word: &str| json!({"effort": word});
    let null = || Value::Null;
    let budget = |budget| Reasoning { enabled: Some(true), budget: Some(budget), ..Reasoning::default() };
    let off = Reasoning { enabled: Some(false), ..Reasoning::default() };
    check("claude-3-5-haiku", None, effort(Effort::High), null(), null(), &["reasoning"]);
    check("claude-3-5-haiku", None, off, null(), null(), &[]);
    check("claude-sonnet-4-5", None, effort(Effort::Minimal), enabled(1024), null(), &[]);
    check("claude-sonnet-4-5", None, effort(Effort::Max), enabled(16384), null(), &[]);
    check("claude-sonnet-4-5", Some(4000), effort(Effort::Max), enabled(2000), null(), &[]);
    check("claude-sonnet-4-5", Some(1500), effort(Effort::Max), enabled(1024), null(), &[]);
    check("claude-sonnet-4-5", Some(1024), effort(Effort::Low), null(), null(), &["reasoning"]);
    check("claude-sonnet-4-5", Some(10_000), budget(9_000), enabled(9_000), null(), &[]);
    check("claude-sonnet-4-5", None, budget(10), enabled(1024), null(), &[]);
    check("claude-sonnet-4-5", None, Reasoning { enabled: Some(true), adaptive: true, ..Reasoning::default() }, enabled(2048), null(), &[]);
    check("claude-sonnet-4-5", None, off, disabled(), null(), &[]);
    check("claude-opus-4-5", None, effort(Effort::XHigh), enabled(8192), worded("high"), &[]);
    check(MODEL, None, effort(Effort::Medium), adaptive(), worded("medium"), &[]);
    check(MODEL, None, budget(5_000), enabled(5_000), null(), &[]);
    check(MODEL, None, effort(Effort::None), disabled(), null(), &[]);
    check("claude-opus-4-7", None, budget(5_000), adaptive(), worded("high"), &[]);
    check("claude-opus-5", None, effort(Effort::XHigh), adaptive(), worded("xhigh"), &[]);
    check("claude-opus-5", None, Reasoning { effort: Some(Effort::Max), ..off }, disabled(), worded("high"), &[]);
    let hidden = Reasoning { show: Some(false), ..effort(Effort::Low) };
    check("claude-opus-5", None, hidden, json!({"type": "adaptive", "display": "omitted"}), worded("low"), &[]);
    let shown = Reasoning { show: Some(true), ..Reasoning::default() };
    check(MODEL, None, shown, null(), null(), &[]);
    check("claude-opus-5", None, shown, adaptive(), null(), &[]);
    check("another-model", None, effort(Effort::High), enabled(4096), null(), &[]);
}

#[test]
fn thinking_gives_way_to_what_forbids_it() {
    let on = Some(effort(Effort::Low));
    let tools = vec![Tool { name: "f".into(), ..Tool::default() }];
    let turns = vec![user("a"), assistant(vec![call("1", "f", "{}")])];
    let looped = Chat { reasoning: on, turns, tools: tools.clone(), ..Chat::default() };
    let check = |chat: &Chat, model: &str, thinking: &str| {
        let (body, dropped) = write(chat, model);
        assert_eq!(body["thinking"]["type"].as_str().unwrap_or_default(), thinking, "{model}");
        assert_eq!(dropped.contains(&"reasoning".to_owned()), thinking.is_empty(), "{model}");
    };
    check(&looped, "claude-sonnet-4-5", "");
    // Thinking by itself takes such a turn; so does what could be told a number.
    for model in [MODEL, "claude-opus-4-7", "claude-opus-5"] {
        check(&looped, model, "adaptive");
    }
    check(
        &Chat { reasoning: Some(Reasoning { enabled: Some(true), budget: Some(2_000), ..Reasoning::default() }), ..looped },
        MODEL,
        "adaptive",
    );
    let prefilled = Chat { reasoning: on, turns: vec![user("a"), assistant(vec![Part::text("{")])], ..Chat::default() };
    check(&prefilled, "claude-sonnet-4-5", "");
    let format = Format::Schema { name: None, description: None, schema: json!({"type": "object"}), strict: None };
    check(&Chat { reasoning: on, format: Some(format), ..chat() }, "claude-sonnet-4-0", "");
    // And a forced tool gives way to thinking.
    let forced = Chat { reasoning: on, tools, tool_choice: Some(ToolChoice::Required), ..chat() };
    let (body, dropped) = write(&forced, "claude-sonnet-4-5");
    assert_eq!((&body["tool_choice"], dropped), (&json!({"type": "auto"}), vec!["tool_choice".to_owned()]));
}

#[test]
fn sampling_goes_where_it_is_taken() {
    let check = |model: &str, sampling: Sampling, reasoning: Option<Reasoning>, expect: Value, lost: &[&str]| {
        let (body, dropped) = write(&Chat { sampling, reasoning, ..chat() }, model);
        assert_eq!(json!([body["temperature"], body["top_p"], body["top_k"]]), expect, "{model} {sampling:?}");
        assert_eq!(dropped, lost, "{model} {sampling:?}");
    };
    let all = Sampling { temperature: Some(1.5), top_p: Some(0.5), top_k: Some(5), ..Sampling::default() };
    check(MODEL, all, None, json!([1.0, null, 5]), &["top_p"]);
    check(MODEL, Sampling { temperature: None, ..all }, None, json!([null, 0.5, 5]), &[]);
    check("claude-opus-4-7", all, None, json!([null, null, null]), &["temperature", "top_p", "top_k"]);
    check(MODEL, all, Some(effort(Effort::Low)), json!([null, null, null]), &["temperature", "top_p", "top_k"]);
    check(
        "claude-opus-5",
        Sampling { temperature: Some(1.0), top_p: Some(1.0), ..Sampling::default() },
        None,
        json!([null, null, null]),
        &[],
    );
    let others = Sampling { presence_penalty: Some(0.0), frequency_penalty: Some(0.5), seed: Some(7), ..Sampling::default() };
    check(MODEL, others, None, json!([null, null, null]), &["frequency_penalty", "seed"]);
}

#[test]
fn the_bound_is_always_said_and_never_too_high() {
    let check = |wanted: Option<u64>, model: &str, known: Option<u64>, expect: u64| {
        let chat = Chat { max_output: wanted, ..chat() };
        let written = super::super::Anthropic.write(&chat, &Target { max_output: known, ..target(model) }).unwrap();
        let body: Value = serde_json::from_slice(&written.body).unwrap();
        assert_eq!(body["max_tokens"], expect, "{wanted:?} {model} {known:?}");
    };
    check(None, "claude-sonnet-4-5", None, 64_000);
    check(None, "claude-sonnet-4-5", Some(1_000), 1_000);
    check(Some(100), "claude-sonnet-4-5", None, 100);
    check(Some(100_000), "claude-sonnet-4-5", None, 64_000);
    check(Some(100_000), "another-model", None, 100_000);
    check(None, "another-model", None, 8_192);
}

#[test]
fn fields_beside_the_conversation_find_their_place_or_are_named() {
    let own = |field: &str, value: Value| Extra { origin: Origin::Anthropic, field: field.into(), value };
    let extras = vec![
        own("context_management", json!({"edits": []})),
        own("output_config", json!({"task_budget": 1})),
        own("metadata", json!({"team": "t"})),
        Extra { origin: Origin::OpenAi, field: "logit_bias".into(), value: json!({}) },
    ];
    let full = Chat {
        extras,
        stop: vec!["END".into(), " \n".into()],
        user: Some("u-1".into()),
        service_tier: Some("default".into()),
        stream: true,
        logprobs: Some(2),
        verbosity: Some("low".into()),
        reasoning: Some(effort(Effort::Low)),
        ..chat()
    };
    let written = try_write(&full, "claude-opus-5").unwrap();
    let body: Value = serde_json::from_slice(&written.body).unwrap();
    let expect = json!({
        "model": "claude-opus-5", "max_tokens": 128_000, "stream": true, "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"task_budget": 1, "effort": "low"}, "stop_sequences": ["END"], "metadata": {"team": "t", "user_id": "u-1"},
        "service_tier": "standard_only", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
        "context_management": {"edits": []},
    });
    assert_eq!(body, expect);
    let dropped: Vec<String> = written.dropped.iter().map(ToString::to_string).collect();
    assert_eq!(dropped, ["logprobs", "verbosity", "stop", "logit_bias"]);
    assert_eq!(written.headers, vec![("anthropic-beta", "context-management-2025-06-27".to_owned())]);
    let many = try_write(&Chat { answers: Some(2), ..chat() }, MODEL).unwrap_err();
    assert_eq!(many.param, Some("n"));
    let flex = write(&Chat { service_tier: Some("flex".into()), ..chat() }, MODEL);
    assert_eq!((&flex.0["service_tier"], flex.1), (&Value::Null, vec!["service_tier".to_owned()]));
}

#[test]
fn users_are_not_told_by_mail_or_telephone() {
    let check = |user: &str, told: bool| {
        let (body, dropped) = write(&Chat { user: Some(user.into()), ..chat() }, MODEL);
        assert_eq!((body["metadata"]["user_id"] == user, dropped.is_empty()), (told, told), "{user}");
    };
    check("user-123", true);
    check("user_1@session", true);
    check("123", true);
    check("jane.doe@mail.example", false);
    check("+1 (555) 010-9999", false);
    check(&"x".repeat(257), false);
}
