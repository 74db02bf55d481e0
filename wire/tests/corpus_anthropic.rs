//! Recorded answers of this dialect, read, written to a client of the same dialect and read again.
//!
//! The recordings are not part of the project: `FLUXA_CORPUS` names the folder that holds them, a folder of JSON files a vendor.

#[cfg(test)]
mod corpus {
    use std::path::Path;

    use bytes::BytesMut;
    use fluxa_domain::dialect::{Dialect, Op};
    use fluxa_domain::usage::Usage;
    use fluxa_wire::answer;
    use fluxa_wire::client::{self, ClientDialect as _, Voice};
    use fluxa_wire::frame::sse::{Framer, Piece};
    use fluxa_wire::neutral::{Event, Part, Stop};
    use fluxa_wire::translate::{self, Cut, Translation};
    use fluxa_wire::upstream::{self, Frame, Said, UpstreamDialect as _};
    use serde_json::Value;

    /// What was said, however it was cut: the same of a stream and of a whole answer.
    #[derive(Debug, Default, PartialEq)]
    struct Told {
        text: String,
        thoughts: String,
        signatures: Vec<String>,
        citations: Vec<Value>,
        calls: Vec<(String, String, Value)>,
        foreign: Vec<Value>,
        stop: Option<Stop>,
        ended: bool,
        id: Option<String>,
        model: Option<String>,
        usage: Option<Usage>,
    }

    fn voice() -> Voice {
        Voice { call: "0123456789abcdef0123456789abcdef".to_owned(), model: "asked".to_owned(), ..Voice::default() }
    }

    fn stream(body: &[u8]) -> Told {
        let mut reader = upstream::anthropic::Anthropic.events(&Said::default());
        let mut events = Vec::new();
        let mut framer = Framer::new();
        let mut take = |piece: Piece<'_>| {
            if let Piece::Block { event, data: Some(data) } = piece {
                reader.read(Frame { name: event, data }, &mut events).unwrap();
            }
        };
        framer.push(body, |piece, _| take(piece)).unwrap();
        framer.finish(take).unwrap();
        reader.end(&mut events);
        let mut told = Told::default();
        let mut arguments = Vec::new();
        for event in events {
            match event {
                Event::Begin { id, model } => (told.id, told.model) = (id, model),
                Event::Text { text, .. } | Event::Refusal { text, .. } => told.text.push_str(&text),
                Event::Thinking { text, .. } => told.thoughts.push_str(&text),
                Event::ThinkingSigned { signature, .. } | Event::Redacted { signature, .. } => told.signatures.push(signature.value),
                Event::Cited { citation, .. } => told.citations.extend(citation.raw.map(|(_, raw)| raw)),
                Event::CallBegin { id, name, .. } => {
                    told.calls.push((id, name, Value::Null));
                    arguments.push(String::new());
                }
                Event::CallArguments { call, fragment, .. } => arguments[usize::try_from(call).unwrap()].push_str(&fragment),
                Event::Foreign { part, .. } => told.foreign.push(part.value),
                Event::Stop { reason, .. } => told.stop = Some(reason),
                Event::End => told.ended = true,
                _ => {}
            }
        }
        for (call, text) in told.calls.iter_mut().zip(arguments) {
            let text = if text.is_empty() { "{}" } else { &text };
            call.2 = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        }
        told.usage = answer_usage(body);
        told
    }

    fn answer_usage(body: &[u8]) -> Option<Usage> {
        use fluxa_wire::relay::{Framing, Relay, RelayPlan};
        let plan = RelayPlan { dialect: Dialect::Anthropic, op: Op::Messages, hide_usage: false, framing: Framing::Sse };
        let mut relay = Relay::new(plan);
        let mut out = BytesMut::new();
        relay.push(body, &mut out).unwrap();
        relay.finish(&mut out).usage
    }

    fn whole(body: &[u8]) -> Told {
        let answer = upstream::anthropic::Anthropic.read(body, &Said::default()).unwrap().settle();
        let choice = answer.choices.into_iter().next().unwrap();
        let facts = answer::answer(Dialect::Anthropic, Op::Messages, body).unwrap();
        let mut told =
            Told { id: answer.id, model: answer.model, stop: Some(choice.stop), ended: true, usage: facts.usage, ..Told::default() };
        for part in choice.parts {
            match part {
                Part::Text(text) => {
                    told.text.push_str(&text.text);
                    told.citations.extend(text.citations.into_iter().filter_map(|citation| citation.raw).map(|(_, raw)| raw));
                }
                Part::Refusal(text) => told.text.push_str(&text),
                Part::Thinking(thinking) => {
                    told.thoughts.push_str(&thinking.text);
                    told.signatures.extend(thinking.signature.map(|mark| mark.value));
                }
                Part::Redacted(mark) => told.signatures.push(mark.value),
                Part::Call(call) => told.calls.push((call.id, call.name, serde_json::from_str(&call.arguments).unwrap())),
                Part::Foreign(foreign) => told.foreign.push(foreign.value),
                Part::Media(_) | Part::Result(_) => panic!("no such part in an answer"),
            }
        }
        told
    }

    fn compare(id: &str, told: &Told, derived: &Value) {
        if let Some(text) = derived["text"].as_str() {
            let explained = told.stop == Some(Stop::Filter);
            assert!(told.text == text || explained && told.text.starts_with(text), "{id}: text");
        }
        if let Some(count) = derived["text_chars"].as_u64() {
            assert_eq!(told.text.chars().count(), usize::try_from(count).unwrap(), "{id}: length of text");
        }
        if let Some(count) = derived["reasoning_chars"].as_u64() {
            assert_eq!(told.thoughts.chars().count(), usize::try_from(count).unwrap(), "{id}: thoughts");
        }
        let calls = derived["tool_calls"].as_array().cloned().unwrap_or_default();
        assert_eq!(told.calls.len(), calls.len(), "{id}: calls");
        for ((call_id, name, arguments), call) in told.calls.iter().zip(&calls) {
            assert_eq!(Some(name.as_str()), call["name"].as_str(), "{id}");
            assert_eq!(Some(call_id.as_str()), call["id"].as_str(), "{id}");
            let expect = call["arguments"].as_str().unwrap();
            let expect: Value = serde_json::from_str(expect).unwrap_or_else(|_| Value::String(expect.to_owned()));
            assert_eq!(*arguments, expect, "{id}");
        }
        let stop = match derived["finish"].as_str() {
            Some("tool_use") => Stop::Tools,
            Some("max_tokens") => Stop::Length,
            Some("refusal") => Stop::Filter,
            Some("pause_turn") => Stop::Pause,
            Some("stop_sequence") => Stop::Sequence,
            // The rule of the neutral form: where tools are called, that is the reason.
            Some("end_turn") if !told.calls.is_empty() => Stop::Tools,
            Some("end_turn") => Stop::Done,
            _ => return,
        };
        assert_eq!(told.stop, Some(stop), "{id}: stop");
    }

    /// Through the whole machine, in pieces of `size` bytes.
    fn through(body: &[u8], size: usize) -> (Vec<u8>, bool) {
        let (up, client) = (upstream::anthropic::Anthropic, client::anthropic::Anthropic);
        let mut machine = Translation::new((Dialect::Anthropic, Op::Messages), Cut::Sse, &up, &Said::default(), &client, voice());
        let mut out = BytesMut::new();
        for piece in body.chunks(size) {
            machine.push(piece, &mut out).unwrap();
        }
        machine.finish(&mut out);
        (out.to_vec(), machine.is_cut())
    }

    /// The writer says words of a refusal as text, merges blocks of text and begins no id that is not the dialect's.
    fn same(id: &str, mut before: Told, mut after: Told) {
        for told in [&mut before, &mut after] {
            told.id = None;
        }
        assert_eq!(after, before, "{id}");
    }

    #[test]
    fn recorded_answers_are_read_and_come_back_as_they_were() {
        let Ok(folder) = std::env::var("FLUXA_CORPUS") else {
            println!("FLUXA_CORPUS is not set: no recordings to read");
            return;
        };
        let (mut wholes, mut streams, mut errors) = (0, 0, 0);
        for vendor in std::fs::read_dir(folder).unwrap().filter_map(Result::ok).filter(|entry| entry.path().is_dir()) {
            for file in std::fs::read_dir(vendor.path()).unwrap().filter_map(Result::ok) {
                let Some(case) = read(&file.path()) else { continue };
                let id = case["id"].as_str().unwrap();
                let body = case["response"]["body"].as_str().unwrap_or_default();
                if case["response"]["status"] != 200 {
                    errors += 1;
                    continue;
                }
                if let Some(request) = case["request"]["body"].as_str().filter(|body| body.starts_with('{')) {
                    request_is_read(id, request);
                }
                if body.trim_start().starts_with('{') {
                    wholes += 1;
                    let told = whole(body.as_bytes());
                    compare(id, &told, &case["derived"]);
                    let facts = answer::answer(Dialect::Anthropic, Op::Messages, body.as_bytes()).unwrap();
                    let (up, client) = (upstream::anthropic::Anthropic, client::anthropic::Anthropic);
                    let again = translate::whole(&up, &Said::default(), body.as_bytes(), &facts, &client, &voice()).unwrap();
                    same(id, told, whole(&again));
                } else {
                    streams += 1;
                    let told = stream(body.as_bytes());
                    compare(id, &told, &case["derived"]);
                    let (again, cut) = through(body.as_bytes(), usize::MAX);
                    for size in [1, 7, 64] {
                        assert_eq!(through(body.as_bytes(), size), (again.clone(), cut), "{id}: cut into {size}");
                    }
                    assert_eq!(!cut, told.ended || again.windows(12).any(|w| w == b"event: error"), "{id}");
                    if told.ended {
                        same(id, told, stream(&again));
                    }
                }
            }
        }
        println!("{wholes} whole answers, {streams} streams, {errors} errors");
        assert!(wholes + streams > 0, "no recordings");
    }

    fn request_is_read(id: &str, body: &str) {
        let Ok(value) = serde_json::from_str::<Value>(body) else { return };
        let asked = client::Asked { body: body.as_bytes(), model: "m", stream: false };
        let heard = client::anthropic::Anthropic.read(asked);
        if value["messages"].as_array().is_some_and(|list| list.iter().all(Value::is_object)) {
            let heard = heard.unwrap_or_else(|error| panic!("{id}: {error}"));
            let target = upstream::Target {
                model: value["model"].as_str().unwrap_or("claude-opus-4-6"),
                quirks: &[],
                max_tokens_field: fluxa_domain::vendors::MaxTokensField::MaxTokens,
                max_output: None,
                ask_usage: false,
            };
            let written = upstream::anthropic::Anthropic.write(&heard.chat, &target).unwrap_or_else(|error| panic!("{id}: {error}"));
            let asked = client::Asked { body: &written.body, model: "m", stream: false };
            let again = client::anthropic::Anthropic.read(asked).unwrap_or_else(|error| panic!("{id}: {error}"));
            let turns = |chat: &fluxa_wire::neutral::Chat| {
                chat.turns.iter().flat_map(|turn| turn.parts.clone()).filter(|part| !matches!(part, Part::Result(_))).collect::<Vec<_>>()
            };
            assert_eq!(turns(&again.chat), turns(&heard.chat), "{id}: the conversation");
        }
    }

    fn read(path: &Path) -> Option<Value> {
        let case: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        (case["endpoint"] == "messages").then_some(case)
    }
}
