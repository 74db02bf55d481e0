//! A recorded request of each vendor's dialect, as far as all dialects can say it.

use serde_json::Value;

use super::{Choice, Part, Tool, Turn, Wish};
use crate::conformance::pairs::{dialect::Upstream, json};

/// One white pixel: what a picture becomes whose data are none.
pub(super) const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";

/// Reads a request.
pub(super) fn read(upstream: Upstream, body: &Value) -> Wish {
    match upstream {
        Upstream::Chat => chat(body),
        Upstream::Messages => messages(body),
        Upstream::Gemini => gemini(body),
        Upstream::Converse => converse(body),
    }
}

fn texts(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => {
            let text = |part: &Value| part.as_str().or_else(|| part.get("text")?.as_str()).map(str::to_owned);
            parts.iter().filter_map(text).collect()
        }
        _ => Vec::new(),
    }
}

fn joined(content: &Value) -> String {
    texts(content).join("\n")
}

fn object(value: Option<&Value>) -> Value {
    match value {
        Some(Value::Object(object)) => Value::Object(object.clone()),
        Some(Value::String(text)) => serde_json::from_str(text).ok().filter(Value::is_object).unwrap_or_else(|| serde_json::json!({})),
        _ => serde_json::json!({}),
    }
}

fn schema(value: Option<&Value>) -> Value {
    let mut schema = object(value);
    if let Some(fields) = schema.as_object_mut() {
        // Google's types are in capitals; the judge's own tools are plain JSON Schema.
        if !fields.get("type").is_some_and(|kind| kind == "object") {
            fields.insert("type".to_owned(), Value::from("object"));
        }
        if !fields.get("properties").is_some_and(Value::is_object) {
            fields.insert("properties".to_owned(), serde_json::json!({}));
        }
    }
    lower(&mut schema);
    schema
}

/// Types in lower case, all the way down.
fn lower(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(kind) if name == "type" => *kind = kind.to_ascii_lowercase(),
                    other => lower(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(lower),
        _ => {}
    }
}

fn picture(url: &str) -> Part {
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let sound =
        |data: &str| data.len().is_multiple_of(4) && data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    let (media, data) = data.filter(|(media, data)| media.starts_with("image/") && sound(data)).unwrap_or(("image/png", PIXEL));
    Part::Picture(media.to_owned(), data.to_owned())
}

/// A picture of a dialect whose vendors fetch it themselves, so that the gateway need not: its address is kept.
fn picture_at(url: &str) -> Part {
    if url.starts_with("http") { Part::PictureAt(url.to_owned()) } else { picture(url) }
}

fn chat(body: &Value) -> Wish {
    let mut wish = Wish::default();
    let mut names: Vec<(String, String)> = Vec::new();
    for message in json::list(body, "/messages") {
        let content = &message["content"];
        match json::text(message, "/role") {
            "system" | "developer" => wish.system.extend(texts(content)),
            "assistant" => {
                let mut parts: Vec<Part> = texts(content).into_iter().map(Part::Text).collect();
                for call in json::list(message, "/tool_calls") {
                    let [id, name] = ["/id", "/function/name"].map(|path| json::text(call, path).to_owned());
                    names.push((id.clone(), name.clone()));
                    parts.push(Part::Call { id, name, arguments: object(call.pointer("/function/arguments")) });
                }
                wish.turns.push(Turn { model: true, parts });
            }
            "tool" => {
                let id = json::text(message, "/tool_call_id").to_owned();
                let name = names.iter().find(|(have, _)| *have == id).map(|(_, name)| name.clone()).unwrap_or_default();
                wish.turns.push(Turn { model: false, parts: vec![Part::Result { id, name, text: joined(content) }] });
            }
            _ => {
                let mut parts: Vec<Part> = Vec::new();
                match content {
                    Value::Array(list) => {
                        for part in list {
                            match json::text(part, "/type") {
                                "text" => parts.push(Part::Text(json::text(part, "/text").to_owned())),
                                "image_url" => {
                                    let url = json::text(part, "/image_url/url");
                                    parts.push(picture_at(if url.is_empty() { json::text(part, "/image_url") } else { url }));
                                }
                                _ => {}
                            }
                        }
                    }
                    other => parts.extend(texts(other).into_iter().map(Part::Text)),
                }
                wish.turns.push(Turn { model: false, parts });
            }
        }
    }
    for tool in json::list(body, "/tools") {
        let name = json::text(tool, "/function/name");
        if !name.is_empty() {
            let description = json::text(tool, "/function/description").to_owned();
            wish.tools.push(Tool { name: name.to_owned(), description, schema: schema(tool.pointer("/function/parameters")) });
        }
    }
    let named = json::text(body, "/tool_choice/function/name");
    wish.choice = choice(json::text(body, "/tool_choice"), named);
    wish.max_tokens = json::count(body, "/max_completion_tokens").or_else(|| json::count(body, "/max_tokens"));
    wish.temperature = body.get("temperature").and_then(Value::as_f64);
    wish
}

fn choice(word: &str, named: &str) -> Option<Choice> {
    match word {
        _ if !named.is_empty() => Some(Choice::Named(named.to_owned())),
        "auto" | "AUTO" => Some(Choice::Auto),
        "required" | "any" | "ANY" => Some(Choice::Any),
        "none" | "NONE" => Some(Choice::None),
        _ => None,
    }
}

fn messages(body: &Value) -> Wish {
    let mut wish = Wish { system: texts(&body["system"]), ..Wish::default() };
    let mut names: Vec<(String, String)> = Vec::new();
    for message in json::list(body, "/messages") {
        let model = json::text(message, "/role") == "assistant";
        let mut parts = Vec::new();
        match &message["content"] {
            Value::Array(blocks) => {
                for block in blocks {
                    match json::text(block, "/type") {
                        "text" => parts.push(Part::Text(json::text(block, "/text").to_owned())),
                        "image" if !model => {
                            let [media, data, url] =
                                ["media_type", "data", "url"].map(|name| json::text(&block["source"], &format!("/{name}")));
                            parts.push(picture_at(&if url.is_empty() { format!("data:{media};base64,{data}") } else { url.to_owned() }));
                        }
                        "tool_use" => {
                            let [id, name] = ["/id", "/name"].map(|path| json::text(block, path).to_owned());
                            names.push((id.clone(), name.clone()));
                            parts.push(Part::Call { id, name, arguments: object(block.get("input")) });
                        }
                        "tool_result" => {
                            let id = json::text(block, "/tool_use_id").to_owned();
                            let name = names.iter().find(|(have, _)| *have == id).map(|(_, name)| name.clone()).unwrap_or_default();
                            parts.push(Part::Result { id, name, text: joined(&block["content"]) });
                        }
                        _ => {}
                    }
                }
            }
            other => parts.extend(texts(other).into_iter().map(Part::Text)),
        }
        wish.turns.push(Turn { model, parts });
    }
    for tool in json::list(body, "/tools").iter().filter(|tool| json::has(tool, "/input_schema")) {
        let [name, description] = ["/name", "/description"].map(|path| json::text(tool, path).to_owned());
        wish.tools.push(Tool { name, description, schema: schema(tool.get("input_schema")) });
    }
    wish.choice = choice(json::text(body, "/tool_choice/type"), json::text(body, "/tool_choice/name"));
    wish.max_tokens = json::count(body, "/max_tokens");
    wish.temperature = body.get("temperature").and_then(Value::as_f64);
    wish
}

/// Google's clients write camel case or snake case.
fn either<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake)).filter(|found| !found.is_null())
}

fn gemini(body: &Value) -> Wish {
    let mut wish = Wish::default();
    if let Some(system) = either(body, "systemInstruction", "system_instruction") {
        wish.system = texts(system.get("parts").unwrap_or(system));
    }
    let mut waiting: Vec<(String, String)> = Vec::new();
    let mut calls = 0;
    for content in json::list(body, "/contents") {
        let mut parts = Vec::new();
        for part in json::list(content, "/parts") {
            if let Some(call) = either(part, "functionCall", "function_call") {
                calls += 1;
                let name = json::text(call, "/name").to_owned();
                let id = format!("call_{calls}");
                waiting.push((id.clone(), name.clone()));
                parts.push(Part::Call { id, name, arguments: object(call.get("args")) });
            } else if let Some(result) = either(part, "functionResponse", "function_response") {
                let name = json::text(result, "/name").to_owned();
                let text = result.get("response").map_or_else(String::new, Value::to_string);
                if let Some(at) = waiting.iter().position(|(_, have)| *have == name) {
                    parts.push(Part::Result { id: waiting.remove(at).0, name, text });
                }
            } else if let Some(data) = either(part, "inlineData", "inline_data") {
                let media = either(data, "mimeType", "mime_type").and_then(Value::as_str).unwrap_or_default();
                if media.starts_with("image/") {
                    let standard = json::text(data, "/data").replace('-', "+").replace('_', "/");
                    parts.push(picture(&format!("data:{media};base64,{standard}")));
                }
            } else if part.get("thought") != Some(&Value::Bool(true)) {
                parts.push(Part::Text(json::text(part, "/text").to_owned()));
            }
        }
        wish.turns.push(Turn { model: json::text(content, "/role") == "model", parts });
    }
    for tool in json::list(body, "/tools") {
        for function in either(tool, "functionDeclarations", "function_declarations").and_then(Value::as_array).into_iter().flatten() {
            let [name, description] = ["/name", "/description"].map(|path| json::text(function, path).to_owned());
            let parameters = either(function, "parametersJsonSchema", "parameters_json_schema").or_else(|| function.get("parameters"));
            wish.tools.push(Tool { name, description, schema: schema(parameters) });
        }
    }
    let config = either(body, "generationConfig", "generation_config").unwrap_or(&Value::Null);
    wish.max_tokens = either(config, "maxOutputTokens", "max_output_tokens").and_then(Value::as_u64);
    wish.temperature = config.get("temperature").and_then(Value::as_f64);
    wish.choice = choice(json::text(body, "/toolConfig/functionCallingConfig/mode"), "");
    wish
}

fn converse(body: &Value) -> Wish {
    let mut wish = Wish { system: texts(&body["system"]), ..Wish::default() };
    let mut names: Vec<(String, String)> = Vec::new();
    for message in json::list(body, "/messages") {
        let mut parts = Vec::new();
        for block in json::list(message, "/content") {
            if let Some(call) = block.get("toolUse") {
                let [id, name] = ["/toolUseId", "/name"].map(|path| json::text(call, path).to_owned());
                names.push((id.clone(), name.clone()));
                parts.push(Part::Call { id, name, arguments: object(call.get("input")) });
            } else if let Some(result) = block.get("toolResult") {
                let id = json::text(result, "/toolUseId").to_owned();
                let name = names.iter().find(|(have, _)| *have == id).map(|(_, name)| name.clone()).unwrap_or_default();
                let told = |part: &Value| part.get("text").and_then(Value::as_str).map_or_else(|| part["json"].to_string(), str::to_owned);
                let text = json::list(result, "/content").iter().map(told).collect::<Vec<_>>().join("\n");
                parts.push(Part::Result { id, name, text });
            } else if let Some(image) = block.get("image") {
                let data = json::text(image, "/source/bytes");
                parts.push(picture(&format!("data:image/{};base64,{data}", json::text(image, "/format"))));
            } else {
                parts.push(Part::Text(json::text(block, "/text").to_owned()));
            }
        }
        wish.turns.push(Turn { model: json::text(message, "/role") == "assistant", parts });
    }
    for tool in json::list(body, "/toolConfig/tools").iter().filter_map(|tool| tool.get("toolSpec")) {
        let [name, description] = ["/name", "/description"].map(|path| json::text(tool, path).to_owned());
        wish.tools.push(Tool { name, description, schema: schema(tool.pointer("/inputSchema/json")) });
    }
    let kind = body.pointer("/toolConfig/toolChoice").and_then(Value::as_object).and_then(|choice| choice.keys().next());
    wish.choice = choice(kind.map_or("", String::as_str), json::text(body, "/toolConfig/toolChoice/tool/name"));
    wish.max_tokens = json::count(body, "/inferenceConfig/maxTokens");
    wish.temperature = body.pointer("/inferenceConfig/temperature").and_then(Value::as_f64);
    wish
}
