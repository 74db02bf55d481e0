//! How much thinking, in the form that a vendor asks for it in. Source: protocol specification §4.1 and the provider notes, §2.

use fluxa_domain::vendors::{Quirk, is_openai_reasoning};
use serde_json::{Map, Value, json};

use crate::neutral::{Chat, Dropped, Effort, Reasoning};
use crate::upstream::Target;

/// The name under which thinking that cannot be asked for is reported.
const NAME: &str = "reasoning_effort";

/// Writes what was asked for, if anything.
pub(super) fn write(chat: &Chat, target: &Target<'_>, out: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) {
    if !chat.stream && target.has(Quirk::OpenModelsThinkInStreams) && is_open(target.model) {
        out.insert(String::from("enable_thinking"), Value::Bool(false));
        if chat.reasoning.is_some_and(|asked| !asked.is_off()) {
            Dropped::note(dropped, NAME);
        }
        return;
    }
    let Some(asked) = chat.reasoning else { return };
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    let off = asked.is_off();
    if target.has(Quirk::NoReasoningControl) {
        Dropped::note(dropped, NAME);
    } else if target.has(Quirk::ThinkingObject) {
        put("thinking", json!({"type": switch(off)}));
    } else if target.has(Quirk::ThinkingObjectAndEffort) {
        put("thinking", json!({"type": switch(off)}));
        if let Some(effort) = amount(&asked).filter(|_| !off) {
            put(NAME, Value::from(three(effort)));
        }
    } else if target.has(Quirk::EnableThinking) {
        put("enable_thinking", Value::Bool(!off));
        let words = asked.effort.filter(|effort| *effort != Effort::None).map(Effort::budget);
        if let Some(budget) = asked.budget.or(words).filter(|_| !off) {
            put("thinking_budget", Value::from(budget));
        }
    } else if target.has(Quirk::ReasoningObject) {
        put("reasoning", object(&asked, off));
    } else if target.has(Quirk::ThreeEfforts) {
        match amount(&asked).filter(|_| !off) {
            Some(effort) => put(NAME, Value::from(three(effort))),
            None if off => Dropped::note(dropped, NAME),
            None => {}
        }
        if target.has(Quirk::ReasoningFormatParsed) && !off {
            put("reasoning_format", Value::from("parsed"));
        }
    } else if target.has(Quirk::EffortHighOrNone) {
        put(NAME, Value::from(if off { "none" } else { "high" }));
    } else {
        plain(&asked, off, target, out, dropped);
    }
}

/// `reasoning_effort` and nothing else, as OpenAI has it.
fn plain(asked: &Reasoning, off: bool, target: &Target<'_>, out: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) {
    let Some(effort) = amount(asked) else { return };
    let own = target.has(Quirk::WholeDialect);
    // Models that do not think refuse the field.
    if own && is_deaf(target.model) {
        if !off {
            Dropped::note(dropped, NAME);
        }
        return;
    }
    // Of those that do, the first ones cannot be told not to: they think as little as they can.
    if own && off && is_openai_reasoning(target.model) && !takes_none(target.model) {
        Dropped::note(dropped, NAME);
        // Those of the chat application take no effort.
        if !target.model.contains("chat-latest") {
            out.insert(String::from(NAME), Value::from(nearest(Effort::Minimal, target.model).name()));
        }
        return;
    }
    let effort = match asked.effort {
        _ if own && is_openai_reasoning(target.model) => nearest(effort, target.model),
        // A number says nothing of the words beyond these three, which not everybody knows.
        None => effort.min(Effort::High),
        Some(_) => effort,
    };
    out.insert(String::from(NAME), Value::from(effort.name()));
}

/// The nearest effort that a model of OpenAI's takes. Any other word is refused.
///
/// Source: `reasoning_effort` in the OpenAI SDK and the vendor's pages of its models: `minimal` came with GPT-5 and went with
/// 5.1, `xhigh` came with 5.1's largest and with 5.2, `max` with 5.6; the first `pro` knows `high` alone.
fn nearest(effort: Effort, model: &str) -> Effort {
    let model = model.rsplit('/').next().unwrap_or(model);
    let (least, most) = match version(model) {
        // `o3`, `codex-mini`.
        None => (Effort::Low, Effort::High),
        Some((5, 0)) if model.contains("-pro") => (Effort::High, Effort::High),
        Some((5, 0)) if model.contains("-codex") => (Effort::Low, Effort::High),
        Some((5, 0)) => (Effort::Minimal, Effort::High),
        Some((5, 1)) if model.contains("-max") => (Effort::Low, Effort::XHigh),
        Some((5, 1)) => (Effort::Low, Effort::High),
        Some((5, 2..=5)) => (Effort::Low, Effort::XHigh),
        Some(_) => (Effort::Low, Effort::Max),
    };
    if effort == Effort::None { effort } else { effort.clamp(least, most) }
}

/// The generation of a GPT: `gpt-5.2-codex` is of 5.2.
fn version(model: &str) -> Option<(u32, u32)> {
    let number = model.strip_prefix("gpt-")?.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The amount in words, where one was given or can be guessed: thinking that is only switched on is the usual amount.
fn amount(asked: &Reasoning) -> Option<Effort> {
    asked.meant().or_else(|| (asked.adaptive || asked.enabled == Some(true)).then_some(Effort::Medium))
}

const fn switch(off: bool) -> &'static str {
    if off { "disabled" } else { "enabled" }
}

const fn three(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh | Effort::Max => "high",
    }
}

fn object(asked: &Reasoning, off: bool) -> Value {
    let mut of = Map::new();
    match (asked.budget, asked.effort) {
        _ if off => {
            of.insert(String::from("enabled"), Value::Bool(false));
        }
        (_, Some(effort)) => {
            of.insert(String::from("effort"), Value::from(effort.name()));
        }
        (Some(budget), None) => {
            of.insert(String::from("max_tokens"), Value::from(budget));
        }
        (None, None) => {
            of.insert(String::from("enabled"), Value::Bool(true));
        }
    }
    if asked.show == Some(false) {
        of.insert(String::from("exclude"), Value::Bool(true));
    }
    Value::Object(of)
}

/// Models with open weights have their size in their names: `-32b`, `-30b-a3b`. Those that can only think are not meant.
fn is_open(model: &str) -> bool {
    let size = |word: &str| {
        word.strip_suffix(['b', 'B']).is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    };
    model.split('-').any(size) && !model.contains("thinking")
}

/// Generations of GPT before they thought.
fn is_deaf(model: &str) -> bool {
    let model = model.rsplit('/').next().unwrap_or(model);
    ["gpt-3", "gpt-4", "chatgpt-"].iter().any(|old| model.starts_with(old))
}

/// Models that take an effort of `none`: those after GPT-5. Source: `reasoning_effort` in the OpenAI SDK.
pub(super) fn takes_none(model: &str) -> bool {
    let model = model.rsplit('/').next().unwrap_or(model);
    let Some(rest) = model.strip_prefix("gpt-") else { return false };
    let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse::<f64>().is_ok_and(|number| number > 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluxa_domain::vendors::MaxTokensField;

    #[test]
    fn every_form_of_asking() {
        let check = |quirks: &[Quirk], model: &str, asked: Reasoning, expect: Value| {
            let target = Target { model, quirks, max_tokens_field: MaxTokensField::MaxTokens, max_output: None, ask_usage: false };
            let (mut out, mut dropped) = (Map::new(), Vec::new());
            write(&Chat { reasoning: Some(asked), ..Chat::default() }, &target, &mut out, &mut dropped);
            if !dropped.is_empty() {
                out.insert(String::from("dropped"), Value::Bool(true));
            }
            assert_eq!(Value::Object(out), expect, "{quirks:?} {model} {asked:?}");
        };
        let none = Reasoning::default();
        let off = Reasoning { enabled: Some(false), ..none };
        let on = Reasoning { enabled: Some(true), ..none };
        let high = Reasoning { effort: Some(Effort::High), ..none };
        let max = Reasoning { effort: Some(Effort::Max), ..none };
        let budget = Reasoning { enabled: Some(true), budget: Some(2_000), ..none };
        let whole = &[Quirk::WholeDialect];
        check(&[], "m", high, json!({"reasoning_effort": "high"}));
        check(&[], "m", budget, json!({"reasoning_effort": "low"}));
        check(&[], "m", on, json!({"reasoning_effort": "medium"}));
        check(&[], "m", off, json!({"reasoning_effort": "none"}));
        check(whole, "gpt-5.1", off, json!({"reasoning_effort": "none"}));
        check(whole, "gpt-5", off, json!({"reasoning_effort": "minimal", "dropped": true}));
        check(whole, "gpt-5-codex", off, json!({"reasoning_effort": "low", "dropped": true}));
        check(whole, "gpt-5-chat-latest", off, json!({"dropped": true}));
        check(whole, "gpt-5-pro", off, json!({"reasoning_effort": "high", "dropped": true}));
        let much = Reasoning { enabled: Some(true), budget: Some(31_999), ..none };
        let minimal = Reasoning { effort: Some(Effort::Minimal), ..none };
        check(&[], "m", much, json!({"reasoning_effort": "high"}));
        check(&[], "m", max, json!({"reasoning_effort": "max"}));
        for (model, least, most) in [
            ("o3", "low", "high"),
            ("codex-mini-latest", "low", "high"),
            ("gpt-5", "minimal", "high"),
            ("openai/gpt-5-mini-2025-08-07", "minimal", "high"),
            ("gpt-5-pro", "high", "high"),
            ("gpt-5.1", "low", "high"),
            ("gpt-5.1-codex-max", "low", "xhigh"),
            ("gpt-5.2-codex", "low", "xhigh"),
            ("gpt-5.6", "low", "max"),
            ("gpt-6", "low", "max"),
        ] {
            check(whole, model, minimal, json!({"reasoning_effort": least}));
            check(whole, model, much, json!({"reasoning_effort": most}));
            check(whole, model, max, json!({"reasoning_effort": most}));
        }
        check(whole, "o3", off, json!({"reasoning_effort": "low", "dropped": true}));
        check(whole, "gpt-4o", high, json!({"dropped": true}));
        check(whole, "gpt-4o", off, json!({}));
        check(&[Quirk::ThinkingObject], "m", budget, json!({"thinking": {"type": "enabled"}}));
        check(&[Quirk::ThinkingObject], "m", off, json!({"thinking": {"type": "disabled"}}));
        check(&[Quirk::ThinkingObjectAndEffort], "m", max, json!({"thinking": {"type": "enabled"}, "reasoning_effort": "high"}));
        check(&[Quirk::EnableThinking], "m", budget, json!({"enable_thinking": true, "thinking_budget": 2000}));
        check(&[Quirk::EnableThinking], "m", off, json!({"enable_thinking": false}));
        let open = &[Quirk::EnableThinking, Quirk::OpenModelsThinkInStreams];
        check(open, "big-plus", on, json!({"enable_thinking": true}));
        check(open, "big-30b-a3b", on, json!({"enable_thinking": false, "dropped": true}));
        check(open, "big-0.6b", off, json!({"enable_thinking": false}));
        check(open, "big-30b-a3b-thinking", on, json!({"enable_thinking": true}));
        check(&[Quirk::ReasoningObject], "m", budget, json!({"reasoning": {"max_tokens": 2000}}));
        check(&[Quirk::ReasoningObject], "m", max, json!({"reasoning": {"effort": "max"}}));
        check(&[Quirk::ReasoningObject], "m", off, json!({"reasoning": {"enabled": false}}));
        let parsed = &[Quirk::ThreeEfforts, Quirk::ReasoningFormatParsed];
        check(parsed, "m", max, json!({"reasoning_effort": "high", "reasoning_format": "parsed"}));
        check(parsed, "m", off, json!({"dropped": true}));
        check(&[Quirk::EffortHighOrNone], "m", budget, json!({"reasoning_effort": "high"}));
        check(&[Quirk::NoReasoningControl], "m", high, json!({"dropped": true}));
    }
}
