//! Lists of models, as the clients of each dialect expect them on the same path.
//!
//! Source: `types/model.py` of the OpenAI SDK, `types/model_info.py` of the Anthropic SDK, `Model` in `types.py` of Google's.

use bytes::Bytes;
use fluxa_domain::dialect::Dialect;
use serde::Serialize;

use crate::civil;

/// One model of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name to ask for.
    pub id: String,
    /// When it appeared, in seconds since the epoch.
    pub created_s: i64,
    /// Who serves it.
    pub owned_by: String,
    /// A name for people.
    pub display_name: String,
}

/// A list of models. Bedrock has no list of its own and gets OpenAI's.
#[must_use]
pub fn list(dialect: Dialect, models: &[ModelInfo]) -> Bytes {
    let rendered = match dialect {
        Dialect::Anthropic => serde_json::to_vec(&AnthropicList {
            data: models.iter().map(AnthropicModel::of).collect(),
            has_more: false,
            first_id: models.first().map(|m| m.id.as_str()),
            last_id: models.last().map(|m| m.id.as_str()),
        }),
        Dialect::Gemini => serde_json::to_vec(&GeminiList { models: models.iter().map(GeminiModel::of).collect() }),
        Dialect::OpenAi | Dialect::Bedrock => {
            serde_json::to_vec(&OpenAiList { object: "list", data: models.iter().map(OpenAiModel::of).collect() })
        }
    };
    Bytes::from(rendered.unwrap_or_default())
}

/// A single model.
#[must_use]
pub fn single(dialect: Dialect, model: &ModelInfo) -> Bytes {
    let rendered = match dialect {
        Dialect::Anthropic => serde_json::to_vec(&AnthropicModel::of(model)),
        Dialect::Gemini => serde_json::to_vec(&GeminiModel::of(model)),
        Dialect::OpenAi | Dialect::Bedrock => serde_json::to_vec(&OpenAiModel::of(model)),
    };
    Bytes::from(rendered.unwrap_or_default())
}

#[derive(Serialize)]
struct OpenAiList<'a> {
    object: &'static str,
    data: Vec<OpenAiModel<'a>>,
}

#[derive(Serialize)]
struct OpenAiModel<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
}

impl<'a> OpenAiModel<'a> {
    fn of(model: &'a ModelInfo) -> Self {
        Self { id: &model.id, object: "model", created: model.created_s, owned_by: &model.owned_by }
    }
}

#[derive(Serialize)]
struct AnthropicList<'a> {
    data: Vec<AnthropicModel<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicModel<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
}

impl<'a> AnthropicModel<'a> {
    fn of(model: &'a ModelInfo) -> Self {
        Self { kind: "model", id: &model.id, display_name: &model.display_name, created_at: civil::rfc3339(model.created_s) }
    }
}

#[derive(Serialize)]
struct GeminiList<'a> {
    models: Vec<GeminiModel<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GeminiModel<'a> {
    name: String,
    display_name: &'a str,
    supported_generation_methods: [&'static str; 3],
}

impl<'a> GeminiModel<'a> {
    fn of(model: &'a ModelInfo) -> Self {
        Self {
            name: format!("models/{}", model.id),
            display_name: &model.display_name,
            supported_generation_methods: ["generateContent", "streamGenerateContent", "countTokens"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_shape() {
        let m = ModelInfo { id: "m-1".into(), created_s: 784_111_777, owned_by: "fluxa".into(), display_name: "M 1".into() };
        let check = |bytes: Bytes, expect: &str| assert_eq!(String::from_utf8_lossy(&bytes), expect);
        check(
            list(Dialect::Gemini, std::slice::from_ref(&m)),
            r#"{"models":[{"name":"models/m-1","displayName":"M 1","supportedGenerationMethods":["generateContent","streamGenerateContent","countTokens"]}]}"#,
        );
        check(
            list(Dialect::OpenAi, std::slice::from_ref(&m)),
            r#"{"object":"list","data":[{"id":"m-1","object":"model","created":784111777,"owned_by":"fluxa"}]}"#,
        );
        check(
            list(Dialect::Anthropic, std::slice::from_ref(&m)),
            r#"{"data":[{"type":"model","id":"m-1","display_name":"M 1","created_at":"1994-11-06T08:49:37Z"}],"has_more":false,"first_id":"m-1","last_id":"m-1"}"#,
        );
        check(list(Dialect::Anthropic, &[]), r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#);
        check(single(Dialect::OpenAi, &m), r#"{"id":"m-1","object":"model","created":784111777,"owned_by":"fluxa"}"#);
    }
}
