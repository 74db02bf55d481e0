//! How many tokens a prompt has: asked and answered in each dialect.
//!
//! Source: protocol specification §2.5 and §5; `CountTokensResponse` of Google's SDK, `MessageTokensCount` of Anthropic's,
//! `CountTokensOutput` of Bedrock's service model.

use bytes::Bytes;
use fluxa_domain::dialect::Dialect;
use serde_json::{Map, Value, json};

/// What a vendor of this dialect is asked, made of a request that it would be sent; nothing where it cannot be asked.
#[must_use]
pub fn ask(dialect: Dialect, request: &[u8], model: &str) -> Option<Bytes> {
    let Ok(Value::Object(mut request)) = serde_json::from_slice(request) else { return None };
    let body = match dialect {
        Dialect::OpenAi => return None,
        Dialect::Anthropic => {
            // What does not change the prompt is not taken there.
            for field in ["max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier"] {
                request.remove(field);
            }
            Value::Object(request)
        }
        Dialect::Gemini => {
            let mut inner = Map::new();
            let name = if model.contains('/') { model.to_owned() } else { format!("models/{model}") };
            inner.insert(String::from("model"), Value::String(name));
            inner.append(&mut request);
            json!({"generateContentRequest": inner})
        }
        Dialect::Bedrock => {
            request.retain(|field, _| matches!(field.as_str(), "messages" | "system" | "toolConfig" | "additionalModelRequestFields"));
            json!({"input": {"converse": request}})
        }
    };
    serde_json::to_vec(&body).ok().map(Bytes::from)
}

/// The number in a vendor's answer.
#[must_use]
pub fn read(dialect: Dialect, answer: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let field = match dialect {
        Dialect::OpenAi | Dialect::Anthropic => "input_tokens",
        Dialect::Gemini => "totalTokens",
        Dialect::Bedrock => "inputTokens",
    };
    answer.get(field)?.as_u64()
}

/// The answer to a client.
#[must_use]
pub fn write(dialect: Dialect, tokens: u64) -> Bytes {
    let body = match dialect {
        Dialect::OpenAi | Dialect::Anthropic => json!({"input_tokens": tokens}),
        Dialect::Gemini => json!({"totalTokens": tokens}),
        Dialect::Bedrock => json!({"inputTokens": tokens}),
    };
    Bytes::from(body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_is_asked_in_its_own_way() {
        let check = |dialect, request: &str, expect: Option<&str>| {
            let asked = ask(dialect, request.as_bytes(), "m-1").map(|body| String::from_utf8_lossy(&body).into_owned());
            assert_eq!(asked.as_deref(), expect);
        };
        check(Dialect::OpenAi, "{}", None);
        check(
            Dialect::Anthropic,
            r#"{"model":"m-1","max_tokens":9,"messages":[],"stream":true,"tools":[]}"#,
            Some(r#"{"model":"m-1","tools":[],"messages":[]}"#),
        );
        check(Dialect::Gemini, r#"{"contents":[1]}"#, Some(r#"{"generateContentRequest":{"model":"models/m-1","contents":[1]}}"#));
        check(
            Dialect::Bedrock,
            r#"{"messages":[1],"inferenceConfig":{},"toolConfig":{}}"#,
            Some(r#"{"input":{"converse":{"messages":[1],"toolConfig":{}}}}"#),
        );
        check(Dialect::Gemini, "[", None);
    }

    #[test]
    fn answers_are_read_and_written() {
        for dialect in [Dialect::Anthropic, Dialect::Gemini, Dialect::Bedrock] {
            assert_eq!(read(dialect, &write(dialect, 77)), Some(77));
        }
        assert_eq!(read(Dialect::Gemini, b"{}"), None);
    }
}
