//! A reader of requests of Converse, which exists for tests only: no client speaks it.

use fluxa_wire::neutral::media::decode_base64;
use fluxa_wire::neutral::{
    Chat, Media, MediaKind, Origin, Part, Role, Signature, Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use serde_json::Value;

pub(super) fn read(request: &Value) -> Chat {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let system = list(&request["system"]);
    let mut chat = Chat {
        system: system.iter().filter_map(|block| block["text"].as_str()).map(Text::new).collect(),
        max_output: request["inferenceConfig"]["maxTokens"].as_u64(),
        ..Chat::default()
    };
    chat.sampling.temperature = request["inferenceConfig"]["temperature"].as_f64();
    chat.stop = list(&request["inferenceConfig"]["stopSequences"]).iter().map(|stop| stop.as_str().unwrap().to_owned()).collect();
    for tool in list(&request["toolConfig"]["tools"]) {
        let spec = &tool["toolSpec"];
        // The tool that stands for the answer's form.
        if spec["name"] != "json" {
            let description = spec["description"].as_str().map(str::to_owned);
            let schema = Some(spec["inputSchema"]["json"].clone());
            chat.tools.push(Tool { name: spec["name"].as_str().unwrap().into(), description, schema, ..Tool::default() });
        }
    }
    chat.tool_choice = request["toolConfig"]["toolChoice"].as_object().filter(|_| !chat.tools.is_empty()).map(|choice| {
        match choice.iter().next().unwrap() {
            (kind, _) if kind == "auto" => ToolChoice::Auto,
            (kind, _) if kind == "any" => ToolChoice::Required,
            (_, tool) => ToolChoice::Named(tool["name"].as_str().unwrap().into()),
        }
    });
    for message in list(&request["messages"]) {
        let role = if message["role"] == "user" { Role::User } else { Role::Assistant };
        chat.turns.push(Turn::new(role, list(&message["content"]).iter().filter_map(block).collect()));
    }
    chat
}

fn block(block: &Value) -> Option<Part> {
    let (kind, value) = block.as_object().unwrap().iter().next().unwrap();
    let word = |key: &str| value[key].as_str().unwrap().to_owned();
    Some(match kind.as_str() {
        "text" => Part::text(value.as_str().unwrap()),
        "image" => {
            let mime = format!("image/{}", word("format"));
            Part::Media(Media::new(MediaKind::Image, Source::Inline { mime, data: value["source"]["bytes"].as_str().unwrap().into() }))
        }
        "document" => {
            let data = value["source"]["bytes"].as_str().unwrap().to_owned();
            let source = match word("format").as_str() {
                "txt" => Source::Text(String::from_utf8(decode_base64(&data).unwrap()).unwrap()),
                format => Source::Inline { mime: format!("application/{format}"), data },
            };
            Part::Media(Media::new(MediaKind::Document, source))
        }
        "toolUse" => {
            Part::Call(ToolCall { id: word("toolUseId"), name: word("name"), arguments: value["input"].to_string(), ..ToolCall::default() })
        }
        "toolResult" => Part::Result(ToolResult {
            id: word("toolUseId"),
            content: value["content"].as_array().unwrap().iter().filter_map(self::block).collect(),
            is_error: value["status"] == "error",
            ..ToolResult::default()
        }),
        "reasoningContent" if value["redactedContent"].is_string() => {
            let data = decode_base64(&word("redactedContent")).unwrap();
            Part::Redacted(Signature::new(Origin::Anthropic, String::from_utf8(data).unwrap()))
        }
        "reasoningContent" => {
            let text = &value["reasoningText"];
            let signature = Signature::new(Origin::Anthropic, text["signature"].as_str().unwrap());
            Part::Thinking(Thinking { text: text["text"].as_str().unwrap().into(), signature: Some(signature) })
        }
        "cachePoint" => return None,
        other => panic!("unknown block {other}"),
    })
}
