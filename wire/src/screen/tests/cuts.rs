//! What a client reads does not depend on how a text was cut into events, nor on how the stream was cut into reads.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a text is in a stream that is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Voice {
    Text,
    Thinking,
    Call(u32),
}

/// A stream: by turns, whose text goes on with what.
type Story = Vec<(Voice, String)>;

fn stories() -> impl Strategy<Value = Story> {
    let words = proptest::sample::select(vec!["sec", "se", "c", "ret ", "a", " ", "\"", "\\n", "é", "🙂", "", "pub", "{\"a\":", "12"]);
    let text = proptest::collection::vec(words, 0..4).prop_map(|words| words.concat());
    let voice = prop_oneof![Just(Voice::Text), Just(Voice::Thinking), (0u32..2).prop_map(Voice::Call)];
    proptest::collection::vec((voice, text), 0..12)
}

/// What each text should have become. Thinking and text end each other; calls end both and are ended by none.
fn expected(story: &Story) -> BTreeMap<Voice, String> {
    let mut open: BTreeMap<Voice, String> = BTreeMap::new();
    let mut done: BTreeMap<Voice, String> = BTreeMap::new();
    for (voice, text) in story {
        // A call is announced even where it says nothing.
        if text.is_empty() && !matches!(voice, Voice::Call(_)) {
            continue;
        }
        for other in [Voice::Text, Voice::Thinking] {
            if other != *voice
                && let Some(text) = open.remove(&other)
            {
                done.entry(other).or_default().push_str(&judged(&text));
            }
        }
        open.entry(*voice).or_default().push_str(text);
    }
    for (voice, text) in open {
        done.entry(voice).or_default().push_str(&judged(&text));
    }
    done.retain(|_, text| !text.is_empty());
    done
}

fn chat(story: &Story) -> String {
    let mut stream: String = story
        .iter()
        .map(|(voice, text)| {
            let delta = match voice {
                Voice::Text => json!({"content": text}),
                Voice::Thinking => json!({"reasoning_content": text}),
                Voice::Call(index) => json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]}),
            };
            format!("data: {}\n\n", json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]}))
        })
        .collect();
    stream.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    stream
}

/// The data of every event, in order.
fn data(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    lines.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn add(found: &mut BTreeMap<Voice, String>, voice: Voice, text: &Value) {
    if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
        found.entry(voice).or_default().push_str(text);
    }
}

fn heard_of_chat(stream: &str) -> BTreeMap<Voice, String> {
    let mut found = BTreeMap::new();
    let mut finished = false;
    for event in data(stream) {
        let choice = &event["choices"][0];
        let delta = &choice["delta"];
        add(&mut found, Voice::Text, &delta["content"]);
        add(&mut found, Voice::Thinking, &delta["reasoning_content"]);
        let calls = delta["tool_calls"].as_array().cloned().unwrap_or_default();
        for call in &calls {
            add(&mut found, Voice::Call(u32::try_from(call["index"].as_u64().unwrap()).unwrap()), &call["function"]["arguments"]);
        }
        assert!(!finished, "nothing comes after the end");
        finished = !choice["finish_reason"].is_null();
    }
    assert!(stream.ends_with("data: [DONE]\n\n"));
    found
}

/// Blocks follow each other: each turn of a story is one.
fn messages(story: &Story) -> String {
    let mut stream = String::new();
    for (index, (voice, text)) in story.iter().enumerate() {
        let (block, kind, field) = match voice {
            Voice::Text => (json!({"type": "text", "text": ""}), "text_delta", "text"),
            Voice::Thinking => (json!({"type": "thinking", "thinking": ""}), "thinking_delta", "thinking"),
            Voice::Call(_) => (json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}), "input_json_delta", "partial_json"),
        };
        let mut put = |event: &Value| {
            stream.push_str(&format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
        };
        put(&json!({"type": "content_block_start", "index": index, "content_block": block}));
        let middle = text.char_indices().map(|(at, _)| at).nth(text.chars().count() / 2).unwrap_or(0);
        for piece in [&text[..middle], &text[middle..]] {
            put(&json!({"type": "content_block_delta", "index": index, "delta": {"type": kind, field: piece}}));
        }
        put(&json!({"type": "content_block_stop", "index": index}));
    }
    stream
}

/// The texts of the blocks, read as strictly as the official SDK does.
fn heard_of_messages(stream: &str) -> Vec<String> {
    let mut blocks: Vec<(bool, String)> = Vec::new();
    for event in data(stream) {
        let index = usize::try_from(event["index"].as_u64().unwrap()).unwrap();
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(index, blocks.len());
                blocks.push((true, String::new()));
            }
            "content_block_delta" => {
                let (open, text) = &mut blocks[index];
                assert!(*open, "a piece of a block that has stopped");
                let delta = event["delta"].as_object().unwrap();
                text.push_str(delta.iter().find(|(key, _)| *key != "type").unwrap().1.as_str().unwrap());
            }
            _ => blocks[index].0 = false,
        }
    }
    assert!(blocks.iter().all(|(open, _)| !open));
    blocks.into_iter().map(|(_, text)| text).collect()
}

fn responses(story: &Story) -> String {
    let mut stream = String::new();
    let mut number = 0;
    for (index, (voice, text)) in story.iter().enumerate() {
        let mut put = |mut event: Value| {
            event["sequence_number"] = json!(number);
            number += 1;
            stream.push_str(&format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
        };
        let (base, field) = match voice {
            Voice::Text => ("response.output_text", "text"),
            Voice::Thinking => ("response.reasoning_text", "text"),
            Voice::Call(_) => ("response.function_call_arguments", "arguments"),
        };
        let middle = text.char_indices().map(|(at, _)| at).nth(text.chars().count() / 2).unwrap_or(0);
        for piece in [&text[..middle], &text[middle..]] {
            put(json!({"type": format!("{base}.delta"), "item_id": "i", "output_index": index, "content_index": 0, "delta": piece}));
        }
        put(json!({"type": format!("{base}.done"), "item_id": "i", "output_index": index, "content_index": 0, field: text}));
    }
    stream
}

fn heard_of_responses(stream: &str) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut pieces = String::new();
    for (number, event) in data(stream).iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(number), "numbers have no gaps");
        match event["delta"].as_str() {
            Some(piece) => pieces.push_str(piece),
            None => {
                let text = event["text"].as_str().or(event["arguments"].as_str()).unwrap();
                assert_eq!(pieces, text, "in pieces and whole it is the same");
                texts.push(std::mem::take(&mut pieces));
            }
        }
    }
    texts
}

fn cut(kind: (Dialect, Op, Framing), stream: &str, sizes: &[usize]) -> String {
    let mut rest = stream.as_bytes();
    let mut sizes = sizes.iter().copied().cycle();
    let pieces = std::iter::from_fn(|| {
        let (piece, after) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    });
    let (out, end) = through(kind, pieces, &mut Words::default());
    assert_eq!(end, Ok(()));
    out
}

proptest! {
    #[test]
    fn every_text_is_what_the_censor_makes_of_all_of_it(story in stories(), sizes in proptest::collection::vec(1usize..90, 1..5)) {
        let stream = chat(&story);
        prop_assert_eq!(heard_of_chat(&cut(CHAT, &stream, &sizes)), expected(&story));
        prop_assert_eq!(through(CHAT, stream.as_bytes().chunks(sizes[0]), &mut Open::default()), (stream.clone(), Ok(())));
        let texts: Vec<String> = story.iter().map(|(_, text)| judged(text)).collect();
        let stream = messages(&story);
        prop_assert_eq!(heard_of_messages(&cut(MESSAGES, &stream, &sizes)), texts.clone());
        prop_assert_eq!(through(MESSAGES, stream.as_bytes().chunks(sizes[0]), &mut Open::default()), (stream.clone(), Ok(())));
        let stream = responses(&story);
        prop_assert_eq!(heard_of_responses(&cut(RESPONSES, &stream, &sizes)), texts);
        prop_assert_eq!(through(RESPONSES, stream.as_bytes().chunks(sizes[0]), &mut Open::default()), (stream.clone(), Ok(())));
    }

    // Lines that end in a lone CR and events without a blank line between them are each read by guess; both at once may come out with
    // other line ends at other cuts. The tables of framings have lone CRs with blank lines.
    #[test]
    fn any_bytes_come_out_the_same_at_every_cut(
        lines in proptest::collection::vec(proptest::sample::select(vec![
            "data: {\"choices\":[{\"delta\":{\"content\":\"sec\"}}]}", "data: {\"choices\":[{\"delta\":{\"content\":\"a \"}}]}", "data: [DONE]",
            "data:", "event: x", ": c", "", "", "data: {\"choices\":", "data: sec x", "\u{feff}data: {}",
        ]), 0..10),
        end in proptest::sample::select(vec!["\n", "\r\n"]),
        size in 1usize..40,
    ) {
        let stream = lines.join(end);
        let whole = through(CHAT, std::iter::once(stream.as_bytes()), &mut Words::default());
        prop_assert_eq!(through(CHAT, stream.as_bytes().chunks(size), &mut Words::default()), whole);
    }
}
