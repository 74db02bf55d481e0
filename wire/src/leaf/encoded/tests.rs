use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::leaf::{Edited, Fate, LeafKind, json};

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes as compressed ones are.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn shown(body: &Value) -> Vec<String> {
    let mut shown = Vec::new();
    let edited = json(body.to_string().as_bytes(), &mut |leaf| {
        shown.push(leaf.text.to_owned());
        Fate::Keep
    });
    assert_eq!(edited, Ok(Edited::Same));
    shown
}

fn is_hidden(body: Value) {
    let shown = shown(&body);
    assert!(shown.iter().all(|text| text.len() < 64), "{body} shows {shown:?}");
}

#[test]
fn media_are_not_shown() {
    let picture = base64(&[b"\x89PNG\r\n\x1a\n".to_vec(), noise(20)].concat());
    let sound = base64(&noise(4000));
    let pdf = base64(&[b"%PDF-1.7\n".to_vec(), b"1 0 obj << /Type /Catalog >> endobj\n".repeat(40)].concat());
    for media in [&sound, &picture, &pdf] {
        is_hidden(json!({"source": {"type": "base64", "media_type": "image/png", "data": media}}));
        is_hidden(json!({"source": {"data": media, "type": "base64", "media_type": "application/pdf"}}));
        is_hidden(json!({"input_audio": {"data": media, "format": "wav"}}));
        is_hidden(json!({"file": {"file_data": media, "filename": "a.pdf"}}));
        is_hidden(json!({"image_url": {"url": format!("data:image/png;base64,{media}")}}));
        is_hidden(json!({"image_url": format!("data:image/jpeg;base64,{media}")}));
        is_hidden(json!({"inlineData": {"mimeType": "image/png", "data": media}}));
        is_hidden(json!({"inline_data": {"mime_type": "image/png", "data": media}}));
        is_hidden(json!({"data": [{"b64_json": media}]}));
        is_hidden(json!({"image": {"format": "png", "source": {"bytes": media}}}));
        is_hidden(json!({"type": "image_generation_call", "result": media}));
        is_hidden(json!({"embedding": media}));
    }
}

#[test]
fn what_a_vendor_sealed_is_not_shown() {
    let sealed = base64(&noise(120));
    for body in [
        json!({"type": "thinking", "thinking": "", "signature": sealed}),
        json!({"thoughtSignature": sealed}),
        json!({"thought_signature": sealed}),
        json!({"encrypted_content": URL_SAFE_NO_PAD.encode([b"\x80\0\0\0\0".to_vec(), noise(300)].concat())}),
        json!({"type": "redacted_thinking", "data": sealed}),
        json!({"data": sealed, "type": "redacted_thinking"}),
        json!({"reasoningContent": {"redactedContent": sealed}}),
    ] {
        is_hidden(body);
    }
}

#[test]
fn what_is_not_what_its_field_says_is_shown() {
    let long = base64(&noise(600));
    let key = format!("sk-proj-{}", URL_SAFE_NO_PAD.encode(noise(120)));
    let check = |body: Value, text: &str| assert!(shown(&body).iter().any(|shown| shown.contains(text)), "{body}");
    for text in [&key, "AKIAIOSFODNN7EXAMPLE", "a secret, in words", &format!("{long} {key}"), &format!("{long}.{long}"), &"ab".repeat(32)]
    {
        check(json!({"signature": text}), text);
        check(json!({"thoughtSignature": text}), text);
        check(json!({"type": "redacted_thinking", "data": text}), text);
        check(json!({"source": {"type": "base64", "media_type": "image/png", "data": text}}), text);
        check(json!({"url": format!("data:image/png;base64,{text}")}), text);
        check(json!({"url": format!("data:{text};base64,{long}")}), text);
        check(json!({"b64_json": text}), text);
        check(json!({"role": text}), text);
        check(json!({"type": text}), text);
    }
    // Elsewhere a run of base64 is what a model reads.
    check(json!({"content": long}), &long);
    check(json!({"signature": format!("{long}\n{long}")}), &long);
}

#[test]
fn text_in_base64_is_read_and_written_again() {
    let secret = "the password of ann is hunter2, and more of it";
    let long = format!("{secret}. {}", "And so on. ".repeat(200));
    let check = |body: Value, place: &str, read: &dyn Fn(&str) -> String| {
        let edited = json(body.to_string().as_bytes(), &mut |leaf| {
            if leaf.text.contains(secret) { Fate::Replace(leaf.text.replace(secret, "[GONE]")) } else { Fate::Keep }
        });
        let Ok(Edited::Changed(bytes)) = edited else { panic!("{body} {edited:?}") };
        let after: Value = serde_json::from_slice(&bytes).unwrap();
        let text = read(after.pointer(place).and_then(Value::as_str).unwrap());
        assert!(text.contains("[GONE]") && !text.contains("hunter2"), "{body} {text}");
    };
    let standard = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    let after_comma = |text: &str| standard(text.split_once(',').unwrap().1);
    for text in [secret, &long] {
        let run = base64(text.as_bytes());
        check(json!({"source": {"type": "base64", "media_type": "text/plain", "data": run}}), "/source/data", &standard);
        check(json!({"source": {"data": run, "media_type": "text/plain"}}), "/source/data", &standard);
        check(json!({"inlineData": {"mimeType": "text/csv", "data": run}}), "/inlineData/data", &standard);
        // Said to be a picture, or nothing at all: what it is counts.
        check(json!({"inlineData": {"mimeType": "image/png", "data": run}}), "/inlineData/data", &standard);
        check(json!({"document": {"source": {"bytes": run}}}), "/document/source/bytes", &standard);
        check(json!({"file_data": format!("data:text/plain;base64,{run}")}), "/file_data", &after_comma);
        check(json!({"file_data": format!("DATA:;base64,{run}")}), "/file_data", &after_comma);
        check(json!({"content": format!("data:text/markdown;charset=utf-8;base64,{run}")}), "/content", &after_comma);
        let bare = URL_SAFE_NO_PAD.encode(text);
        let url_safe = |text: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
        if bare.contains(['-', '_']) || bare.len() % 4 != 0 {
            check(json!({"inlineData": {"data": bare}}), "/inlineData/data", &url_safe);
        }
        let percent = |text: &str| String::from_utf8(crate::percent::decode(text.split_once(',').unwrap().1)).unwrap();
        check(json!({"url": format!("data:text/plain,{}", crate::percent::encode(text.as_bytes(), ""))}), "/url", &percent);
    }
    let wrapped = base64(long.as_bytes()).as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>();
    check(json!({"source": {"media_type": "text/plain", "data": wrapped.join("\n")}}), "/source/data", &standard);
}

#[test]
fn json_in_base64_stays_json() {
    let document = json!({"a": "b", "more": "of it"}).to_string();
    let mut kinds = Vec::new();
    let body = json!({"url": format!("data:application/json;base64,{}", base64(document.as_bytes()))}).to_string();
    json(body.as_bytes(), &mut |leaf| {
        kinds.push((leaf.kind, leaf.text.to_owned()));
        Fate::Keep
    })
    .unwrap();
    assert!(kinds.contains(&(LeafKind::Arguments, document)), "{kinds:?}");
}

#[test]
fn text_of_another_encoding_is_shown_as_far_as_it_can_be_read() {
    let mut latin = b"caf\xe9, the key is hunter2. ".repeat(40);
    latin.push(0);
    let body = json!({"source": {"type": "base64", "media_type": "text/plain", "data": base64(&latin)}});
    assert!(shown(&body).iter().any(|text| text.contains("hunter2")));
}
