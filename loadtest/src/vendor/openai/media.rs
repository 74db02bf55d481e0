//! OpenAI's other endpoints: embeddings, images, speech, transcriptions, moderations, models, and the rerank of its
//! imitators. Answers are small and constant but for their counts.

use serde_json::{Value, json};

use crate::vendor::{
    ask::Ask,
    config::MockConfig,
    script::{Script, created},
};

/// A transparent picture of one pixel, so that a client which decodes it gets a picture.
const PIXEL_PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// The header of an MP3 frame and silence: bytes that are not text.
const SILENCE: [u8; 64] = {
    let mut bytes = [0_u8; 64];
    bytes[0] = 0xff;
    bytes[1] = 0xfb;
    bytes[2] = 0x90;
    bytes
};

pub(in crate::vendor) fn embeddings(ask: &Ask<'_>, config: &MockConfig) -> Script {
    let prompt = ask.prompt_tokens(config);
    let size = ask.dimensions();
    let data: Vec<Value> = (0..ask.inputs())
        .map(|index| {
            let values: Vec<f32> = (0..size).map(|i| (i + index + 1) as f32 / 64.0).collect();
            let embedding = if ask.wants_base64() {
                Value::String(base64(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>()))
            } else {
                json!(values)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let mut body = json!({"object": "list", "data": data, "model": ask.model()});
    if config.usage {
        body["usage"] = json!({"prompt_tokens": prompt, "total_tokens": prompt});
    }
    Script::json(body.to_string(), prompt, 0)
}

pub(in crate::vendor) fn images(ask: &Ask<'_>, config: &MockConfig) -> Script {
    let prompt = ask.prompt_tokens(config);
    let body = json!({
        "created": created(),
        "data": [{"b64_json": PIXEL_PNG}],
        "usage": {"input_tokens": prompt, "output_tokens": 1, "total_tokens": prompt + 1,
            "input_tokens_details": {"text_tokens": prompt, "image_tokens": 0}}
    });
    Script::json(body.to_string(), prompt, 1)
}

pub(in crate::vendor) fn speech(ask: &Ask<'_>, config: &MockConfig) -> Script {
    Script::json(SILENCE.to_vec(), ask.prompt_tokens(config), 0).of_type("audio/mpeg")
}

pub(in crate::vendor) fn transcriptions(config: &MockConfig) -> Script {
    let text = config.answer.as_deref().unwrap_or("This is what was said.");
    let body = json!({"text": text, "usage": {"type": "duration", "seconds": 1}});
    Script::json(body.to_string(), 0, 0)
}

pub(in crate::vendor) fn moderations(id: u64, ask: &Ask<'_>) -> Script {
    let result = json!({
        "flagged": false,
        "categories": {"hate": false, "harassment": false, "self-harm": false, "sexual": false, "violence": false},
        "category_scores": {"hate": 0.0, "harassment": 0.0, "self-harm": 0.0, "sexual": 0.0, "violence": 0.0}
    });
    let results = vec![result; ask.inputs()];
    let body = json!({"id": format!("modr-mock{id:012}"), "model": ask.model(), "results": results});
    Script::json(body.to_string(), 0, 0)
}

pub(in crate::vendor) fn rerank(id: u64, ask: &Ask<'_>, config: &MockConfig) -> Script {
    let prompt = ask.prompt_tokens(config);
    let (count, wanted) = ask.documents();
    let results: Vec<Value> =
        (0..count).take(wanted).map(|rank| json!({"index": count - 1 - rank, "relevance_score": 1.0 / (rank as f64 + 1.0)})).collect();
    let body = json!({
        "id": format!("rerank-mock{id:012}"),
        "results": results,
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}, "tokens": {"input_tokens": prompt}}
    });
    Script::json(body.to_string(), prompt, 0)
}

pub(in crate::vendor) fn models(config: &MockConfig) -> Script {
    let data: Vec<Value> =
        config.models.iter().map(|id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "mock"})).collect();
    Script::json(json!({"object": "list", "data": data}).to_string(), 0, 0)
}

/// Standard base64 with padding; too little of it here for a dependency.
pub(in crate::vendor) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            if place > group.len() {
                text.push('=');
            } else {
                text.push(char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
