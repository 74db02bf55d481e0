//! A wish in each client's dialect, as its official library would send it.

use serde_json::{Value, json};

use super::{Choice, DEFAULT_MAX_TOKENS, LEAST_OUTPUT_TOKENS, Part, Wish, read::PIXEL};

fn set(body: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(fields), Some(value)) = (body.as_object_mut(), value) {
        fields.insert(name.to_owned(), value);
    }
}

/// A turn's texts as one.
fn said(parts: &[Part]) -> Option<String> {
    let texts: Vec<&str> = parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None }).collect();
    if texts.is_empty() { None } else { Some(texts.join("\n")) }
}

pub(super) fn chat(wish: &Wish, model: &str, streams: bool, asks_usage: bool) -> Value {
    let mut messages: Vec<Value> = wish.system.iter().map(|text| json!({"role": "system", "content": text})).collect();
    for turn in &wish.turns {
        if turn.model {
            let calls: Vec<Value> = turn
                .parts
                .iter()
                .filter_map(|part| match part {
                    Part::Call { id, name, arguments } => {
                        Some(json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.to_string()}}))
                    }
                    _ => None,
                })
                .collect();
            let mut message = json!({"role": "assistant", "content": said(&turn.parts)});
            set(&mut message, "tool_calls", (!calls.is_empty()).then(|| Value::from(calls)));
            messages.push(message);
            continue;
        }
        let mut content = Vec::new();
        for part in &turn.parts {
            match part {
                Part::Text(text) => content.push(json!({"type": "text", "text": text})),
                Part::Picture(media, data) => {
                    content.push(json!({"type": "image_url", "image_url": {"url": format!("data:{media};base64,{data}")}}))
                }
                Part::PictureAt(url) => content.push(json!({"type": "image_url", "image_url": {"url": url}})),
                Part::Result { id, text, .. } => messages.push(json!({"role": "tool", "tool_call_id": id, "content": text})),
                Part::Call { .. } => {}
            }
        }
        match content.as_slice() {
            [] => {}
            [one] if one.get("text").is_some() => messages.push(json!({"role": "user", "content": one["text"]})),
            _ => messages.push(json!({"role": "user", "content": content})),
        }
    }
    let mut body = json!({"model": model, "messages": messages});
    let tools = wish.tools.iter().map(
        |tool| json!({"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema}}),
    );
    set(&mut body, "tools", (!wish.tools.is_empty()).then(|| tools.collect()));
    set(
        &mut body,
        "tool_choice",
        wish.choice.as_ref().map(|choice| match choice {
            Choice::Auto => json!("auto"),
            Choice::Any => json!("required"),
            Choice::None => json!("none"),
            Choice::Named(name) => json!({"type": "function", "function": {"name": name}}),
        }),
    );
    set(&mut body, "max_tokens", wish.max_tokens.map(Value::from));
    set(&mut body, "temperature", wish.temperature.map(Value::from));
    set(&mut body, "stream", streams.then_some(Value::Bool(true)));
    set(&mut body, "stream_options", (streams && asks_usage).then(|| json!({"include_usage": true})));
    body
}

pub(super) fn responses(wish: &Wish, model: &str, streams: bool) -> Value {
    let mut input = Vec::new();
    for turn in &wish.turns {
        let mut content = Vec::new();
        let mut after = Vec::new();
        for part in &turn.parts {
            match part {
                Part::Text(text) => content.push(json!({"type": if turn.model { "output_text" } else { "input_text" }, "text": text})),
                Part::Picture(media, data) => {
                    content.push(json!({"type": "input_image", "detail": "auto", "image_url": format!("data:{media};base64,{data}")}));
                }
                Part::PictureAt(url) => content.push(json!({"type": "input_image", "detail": "auto", "image_url": url})),
                Part::Call { id, name, arguments } => {
                    after.push(json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments.to_string()}));
                }
                Part::Result { id, text, .. } => input.push(json!({"type": "function_call_output", "call_id": id, "output": text})),
            }
        }
        if !content.is_empty() {
            input.push(json!({"type": "message", "role": if turn.model { "assistant" } else { "user" }, "content": content}));
        }
        input.append(&mut after);
    }
    let mut body = json!({"model": model, "input": input, "store": false});
    set(&mut body, "instructions", (!wish.system.is_empty()).then(|| Value::from(wish.system.join("\n\n"))));
    let tools = wish.tools.iter().map(
        |tool| json!({"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema, "strict": false}),
    );
    set(&mut body, "tools", (!wish.tools.is_empty()).then(|| tools.collect()));
    set(
        &mut body,
        "tool_choice",
        wish.choice.as_ref().map(|choice| match choice {
            Choice::Auto => json!("auto"),
            Choice::Any => json!("required"),
            Choice::None => json!("none"),
            Choice::Named(name) => json!({"type": "function", "name": name}),
        }),
    );
    set(&mut body, "max_output_tokens", wish.max_tokens.map(|tokens| Value::from(tokens.max(LEAST_OUTPUT_TOKENS))));
    set(&mut body, "temperature", wish.temperature.map(Value::from));
    set(&mut body, "stream", streams.then_some(Value::Bool(true)));
    body
}

/// Anthropic refuses other characters in ids.
fn sound(id: &str) -> String {
    id.chars().map(|letter| if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-') { letter } else { '_' }).collect()
}

pub(super) fn messages(wish: &Wish, model: &str, streams: bool) -> Value {
    let turns: Vec<Value> = wish
        .turns
        .iter()
        .map(|turn| {
            let content: Vec<Value> = turn
                .parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => json!({"type": "text", "text": text}),
                    Part::Picture(media, data) => json!({"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}),
                    Part::PictureAt(url) => json!({"type": "image", "source": {"type": "url", "url": url}}),
                    Part::Call { id, name, arguments } => json!({"type": "tool_use", "id": sound(id), "name": name, "input": arguments}),
                    Part::Result { id, text, .. } => json!({"type": "tool_result", "tool_use_id": sound(id), "content": text}),
                })
                .collect();
            json!({"role": if turn.model { "assistant" } else { "user" }, "content": content})
        })
        .collect();
    let mut body = json!({"model": model, "max_tokens": wish.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS).max(1), "messages": turns});
    let system: Vec<Value> = wish.system.iter().map(|text| json!({"type": "text", "text": text})).collect();
    set(&mut body, "system", (!system.is_empty()).then(|| Value::from(system)));
    let tools = wish.tools.iter().map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.schema}));
    set(&mut body, "tools", (!wish.tools.is_empty()).then(|| tools.collect()));
    set(
        &mut body,
        "tool_choice",
        wish.choice.as_ref().map(|choice| match choice {
            Choice::Auto => json!({"type": "auto"}),
            Choice::Any => json!({"type": "any"}),
            Choice::None => json!({"type": "none"}),
            Choice::Named(name) => json!({"type": "tool", "name": name}),
        }),
    );
    // Anthropic's scale ends at 1.
    set(&mut body, "temperature", wish.temperature.map(|temperature| Value::from(temperature.min(1.0))));
    set(&mut body, "stream", streams.then_some(Value::Bool(true)));
    body
}

pub(super) fn gemini(wish: &Wish) -> Value {
    let contents: Vec<Value> = wish
        .turns
        .iter()
        .map(|turn| {
            let parts: Vec<Value> = turn
                .parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => json!({"text": text}),
                    Part::Picture(media, data) => json!({"inlineData": {"mimeType": media, "data": data}}),
                    // Google's clients send data, or files that they sent to Google before.
                    Part::PictureAt(_) => json!({"inlineData": {"mimeType": "image/png", "data": PIXEL}}),
                    Part::Call { name, arguments, .. } => json!({"functionCall": {"name": name, "args": arguments}}),
                    Part::Result { name, text, .. } => {
                        let object = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
                        json!({"functionResponse": {"name": name, "response": object.unwrap_or_else(|| json!({"output": text}))}})
                    }
                })
                .collect();
            json!({"role": if turn.model { "model" } else { "user" }, "parts": parts})
        })
        .collect();
    let mut body = json!({"contents": contents});
    let system: Vec<Value> = wish.system.iter().map(|text| json!({"text": text})).collect();
    set(&mut body, "systemInstruction", (!system.is_empty()).then(|| json!({"parts": system})));
    let tools: Vec<Value> = wish
        .tools
        .iter()
        .map(|tool| json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.schema}))
        .collect();
    set(&mut body, "tools", (!tools.is_empty()).then(|| json!([{"functionDeclarations": tools}])));
    set(
        &mut body,
        "toolConfig",
        wish.choice.as_ref().map(|choice| {
            let config = match choice {
                Choice::Auto => json!({"mode": "AUTO"}),
                Choice::Any => json!({"mode": "ANY"}),
                Choice::None => json!({"mode": "NONE"}),
                Choice::Named(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
            };
            json!({"functionCallingConfig": config})
        }),
    );
    let mut config = json!({});
    set(&mut config, "maxOutputTokens", wish.max_tokens.map(Value::from));
    set(&mut config, "temperature", wish.temperature.map(Value::from));
    let given = config.as_object().is_some_and(|config| !config.is_empty());
    set(&mut body, "generationConfig", given.then_some(config));
    body
}
