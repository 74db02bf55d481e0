//! A conversation as each client would write it: by hand, apart from the writers that are tested.

use fluxa_wire::neutral::media::{data_url, encode_base64};
use fluxa_wire::neutral::{Chat, Media, Origin, Part, Role, Signature, Source, Thinking, ToolCall, ids};
use serde_json::{Value, json};

/// Chat completions, responses, messages, generateContent.
pub(super) const WRITERS: [fn(&Chat) -> Value; 4] = [chat, responses, messages, generate_content];

fn address(media: &Media) -> String {
    match &media.source {
        Source::Inline { mime, data } => data_url(mime, data),
        Source::Url { url, .. } => url.clone(),
        Source::Text(text) => data_url("text/plain", &encode_base64(text.as_bytes())),
        Source::FileId(id) => id.clone(),
    }
}

fn is_picture(media: &Media) -> bool {
    media.kind == fluxa_wire::neutral::MediaKind::Image
}

fn signed_id(call: &ToolCall) -> String {
    ids::join(&call.id, call.signature.as_ref())
}

/// Clients send the id as they got it, with the mark in it.
fn id_of(chat: &Chat, id: &str) -> String {
    let calls =
        chat.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| if let Part::Call(call) = part { Some(call) } else { None });
    calls.filter(|call| call.id == id).map(signed_id).next().unwrap()
}

fn calls(parts: &[Part]) -> impl Iterator<Item = &ToolCall> {
    parts.iter().filter_map(|part| if let Part::Call(call) = part { Some(call) } else { None })
}

fn chat_part(part: &Part) -> Option<Value> {
    Some(match part {
        Part::Text(text) => json!({"type": "text", "text": text.text}),
        Part::Media(media) if is_picture(media) => json!({"type": "image_url", "image_url": {"url": address(media)}}),
        Part::Media(media) => json!({"type": "file", "file": {"filename": media.name, "file_data": address(media)}}),
        _ => return None,
    })
}

fn chat(chat: &Chat) -> Value {
    let mut list: Vec<Value> = chat.system.iter().map(|text| json!({"role": "system", "content": text.text})).collect();
    for turn in &chat.turns {
        if turn.role == Role::Assistant {
            let text: String =
                turn.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None }).collect();
            let mut message = json!({"role": "assistant", "content": (!text.is_empty()).then_some(text)});
            let thoughts: Vec<Value> = turn
                .parts
                .iter()
                .filter_map(|part| match part {
                    Part::Thinking(Thinking { text, signature: Some(mark) }) => {
                        Some(json!({"type": "thinking", "thinking": text, "signature": mark.write_in(Origin::Anthropic)}))
                    }
                    Part::Redacted(mark) => Some(json!({"type": "redacted_thinking", "data": mark.write_in(Origin::Anthropic)})),
                    _ => None,
                })
                .collect();
            if !thoughts.is_empty() {
                message["thinking_blocks"] = Value::Array(thoughts);
            }
            let called: Vec<Value> = calls(&turn.parts)
                .map(
                    |call| json!({"id": signed_id(call), "type": "function", "function": {"name": call.name, "arguments": call.arguments}}),
                )
                .collect();
            if !called.is_empty() {
                message["tool_calls"] = Value::Array(called);
            }
            list.push(message);
            continue;
        }
        for part in &turn.parts {
            if let Part::Result(result) = part {
                let content: Vec<Value> = result.content.iter().filter_map(chat_part).collect();
                list.push(json!({"role": "tool", "tool_call_id": id_of(chat, &result.id), "content": content}));
            }
        }
        let content: Vec<Value> = turn.parts.iter().filter_map(chat_part).collect();
        list.push(json!({"role": if turn.role == Role::System { "system" } else { "user" }, "content": content}));
    }
    json!({"model": "m", "messages": list, "max_tokens": chat.max_output})
}

fn response_part(part: &Part) -> Option<Value> {
    Some(match part {
        Part::Text(text) => json!({"type": "input_text", "text": text.text}),
        Part::Media(media) if is_picture(media) => json!({"type": "input_image", "image_url": address(media)}),
        Part::Media(media) => json!({"type": "input_file", "filename": media.name, "file_data": address(media)}),
        _ => return None,
    })
}

fn responses(chat: &Chat) -> Value {
    let mut list: Vec<Value> = chat.system.iter().map(|text| json!({"role": "developer", "content": text.text})).collect();
    for turn in &chat.turns {
        for part in &turn.parts {
            match part {
                Part::Thinking(Thinking { text, signature: Some(mark) }) => list.push(json!({
                    "type": "reasoning",
                    "summary": [{"type": "summary_text", "text": text}],
                    "encrypted_content": mark.write_in(Origin::OpenAi),
                })),
                Part::Redacted(mark) => {
                    list.push(json!({"type": "reasoning", "summary": [], "encrypted_content": mark.write_in(Origin::OpenAi)}));
                }
                Part::Call(call) => {
                    list.push(json!({"type": "function_call", "call_id": signed_id(call), "name": call.name, "arguments": call.arguments}));
                }
                Part::Result(result) => {
                    let output: Vec<Value> = result.content.iter().filter_map(response_part).collect();
                    list.push(json!({"type": "function_call_output", "call_id": id_of(chat, &result.id), "output": output}));
                }
                Part::Text(text) if turn.role == Role::Assistant => {
                    list.push(json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text.text}]}));
                }
                part => list.extend(
                    response_part(part)
                        .map(|part| json!({"role": if turn.role == Role::System { "developer" } else { "user" }, "content": [part]})),
                ),
            }
        }
    }
    json!({"model": "m", "input": list, "max_output_tokens": chat.max_output})
}

fn message_block(chat: &Chat, part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text.text}),
        Part::Media(media) => {
            let source = match &media.source {
                Source::Inline { mime, data } => json!({"type": "base64", "media_type": mime, "data": data}),
                Source::Url { url, .. } => json!({"type": "url", "url": url}),
                Source::Text(text) => json!({"type": "text", "media_type": "text/plain", "data": text}),
                Source::FileId(id) => json!({"type": "file", "file_id": id}),
            };
            json!({"type": if is_picture(media) { "image" } else { "document" }, "source": source})
        }
        Part::Thinking(thinking) => {
            let mark = thinking.signature.as_ref().map(|mark| mark.write_in(Origin::Anthropic));
            json!({"type": "thinking", "thinking": thinking.text, "signature": mark})
        }
        Part::Redacted(mark) => json!({"type": "redacted_thinking", "data": mark.write_in(Origin::Anthropic)}),
        Part::Call(call) => json!({"type": "tool_use", "id": signed_id(call), "name": call.name, "input": call.object()}),
        Part::Result(result) => {
            let content: Vec<Value> = result.content.iter().map(|part| message_block(chat, part)).collect();
            json!({"type": "tool_result", "tool_use_id": id_of(chat, &result.id), "is_error": result.is_error, "content": content})
        }
        other => panic!("not generated: {other:?}"),
    }
}

fn messages(chat: &Chat) -> Value {
    let system: Vec<Value> = chat.system.iter().map(|text| json!({"type": "text", "text": text.text})).collect();
    let turns = chat.turns.iter().map(|turn| {
        let content: Vec<Value> = turn.parts.iter().map(|part| message_block(chat, part)).collect();
        let role = match turn.role {
            Role::Assistant => "assistant",
            Role::System => "system",
            Role::User => "user",
        };
        json!({"role": role, "content": content})
    });
    json!({"model": "m", "max_tokens": chat.max_output, "system": system, "messages": turns.collect::<Vec<_>>()})
}

/// A mark in Gemini's own field, which SDKs take for base64.
fn gemini_mark(mark: &Signature) -> String {
    mark.of(Origin::Gemini).map_or_else(|| encode_base64(mark.write_in(Origin::Gemini).as_bytes()), str::to_owned)
}

fn gemini_part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"text": text.text}),
        Part::Media(media) => match &media.source {
            Source::Inline { mime, data } => json!({"inlineData": {"mimeType": mime, "data": data}}),
            Source::Text(text) => json!({"text": text}),
            Source::Url { url, .. } | Source::FileId(url) => json!({"fileData": {"mimeType": "image/png", "fileUri": url}}),
        },
        Part::Thinking(thinking) => {
            json!({"text": thinking.text, "thought": true, "thoughtSignature": thinking.signature.as_ref().map(gemini_mark)})
        }
        Part::Redacted(mark) => {
            let mark = encode_base64(format!("redacted:{}", mark.write_in(Origin::Nobody)).as_bytes());
            json!({"text": "", "thought": true, "thoughtSignature": mark})
        }
        Part::Call(call) => {
            let mut part = json!({"functionCall": {"id": call.id, "name": call.name, "args": call.object()}});
            if let Some(mark) = &call.signature {
                part["thoughtSignature"] = Value::from(gemini_mark(mark));
            }
            part
        }
        Part::Result(result) => {
            let key = if result.is_error { "error" } else { "output" };
            let media: Vec<Value> = result.content.iter().filter(|part| matches!(part, Part::Media(_))).map(gemini_part).collect();
            json!({"functionResponse": {"id": result.id, "name": result.name, "response": {key: result.text()}, "parts": media}})
        }
        other => panic!("not generated: {other:?}"),
    }
}

fn generate_content(chat: &Chat) -> Value {
    let system: Vec<Value> = chat.system.iter().map(|text| json!({"text": text.text})).collect();
    let contents = chat.turns.iter().map(|turn| {
        let parts: Vec<Value> = turn.parts.iter().map(gemini_part).collect();
        json!({"role": if turn.role == Role::Assistant { "model" } else { "user" }, "parts": parts})
    });
    let mut request = json!({"contents": contents.collect::<Vec<_>>(), "generationConfig": {"maxOutputTokens": chat.max_output}});
    if !system.is_empty() {
        request["systemInstruction"] = json!({"parts": system});
    }
    request
}
