//! Every recorded answer of the dialect through its reader, its own writer, and back. Reads `FLUXA_CORPUS`; without it there is nothing to do.

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::BytesMut;
    use fluxa_domain::dialect::{Dialect, Op};
    use fluxa_domain::vendors::MaxTokensField;
    use fluxa_wire::answer::answer;
    use fluxa_wire::client::gemini::Gemini as Client;
    use fluxa_wire::client::{Asked, ClientDialect as _, Voice};
    use fluxa_wire::frame::sse::{Framer, Piece};
    use fluxa_wire::neutral::{Chat, ChatAnswer, Choice, Event, Part, Stop};
    use fluxa_wire::translate::{Cut, Translation, whole};
    use fluxa_wire::upstream::gemini::Gemini as Upstream;
    use fluxa_wire::upstream::{Frame, Said, Target, UpstreamDialect as _};
    use serde_json::{Value, json};

    /// What one answer says, however it came.
    #[derive(Debug, Default, PartialEq)]
    struct Heard {
        text: String,
        thoughts: String,
        calls: Vec<(String, Value)>,
        marks: Vec<String>,
        refusal: String,
        media: usize,
        stop: Stop,
        ended: bool,
    }

    impl Heard {
        fn of_events(events: &[Event]) -> Self {
            let mut heard = Self::default();
            let mut arguments = Vec::new();
            for event in events {
                match event {
                    Event::Text { choice: 0, text } => heard.text.push_str(text),
                    Event::Thinking { choice: 0, text } => heard.thoughts.push_str(text),
                    Event::TextSigned { signature, .. } | Event::ThinkingSigned { signature, .. } => {
                        heard.marks.push(signature.value.clone())
                    }
                    Event::Refusal { text, .. } => heard.refusal.push_str(text),
                    Event::Media { .. } => heard.media += 1,
                    Event::CallBegin { choice: 0, name, signature, .. } => {
                        heard.calls.push((name.clone(), Value::Null));
                        heard.marks.extend(signature.as_ref().map(|mark| mark.value.clone()));
                        arguments.push(String::new());
                    }
                    Event::CallArguments { choice: 0, fragment, .. } => arguments.last_mut().unwrap().push_str(fragment),
                    Event::Stop { choice: 0, reason, .. } => heard.stop = *reason,
                    Event::End => heard.ended = true,
                    _ => {}
                }
            }
            for (call, text) in heard.calls.iter_mut().zip(arguments) {
                call.1 = serde_json::from_str(&text).unwrap();
            }
            heard
        }

        fn of_answer(answer: &ChatAnswer) -> Self {
            let choice: &Choice = &answer.choices[0];
            let mut heard = Self { stop: choice.stop, ended: true, ..Self::default() };
            for part in &choice.parts {
                match part {
                    Part::Text(text) => {
                        heard.text.push_str(&text.text);
                        heard.marks.extend(text.signature.as_ref().map(|mark| mark.value.clone()));
                    }
                    Part::Thinking(thinking) => {
                        heard.thoughts.push_str(&thinking.text);
                        heard.marks.extend(thinking.signature.as_ref().map(|mark| mark.value.clone()));
                    }
                    Part::Call(call) => {
                        heard.calls.push((call.name.clone(), Value::Object(call.object())));
                        heard.marks.extend(call.signature.as_ref().map(|mark| mark.value.clone()));
                    }
                    Part::Refusal(text) => heard.refusal.push_str(text),
                    Part::Media(_) => heard.media += 1,
                    _ => {}
                }
            }
            heard
        }

        /// Ours for clients: a refusal is told in words there, and a call is a stop like any other.
        fn told(mut self) -> Self {
            if !self.refusal.is_empty() {
                self.text.push_str(&std::mem::take(&mut self.refusal));
                self.stop = Stop::Filter;
            }
            if self.stop == Stop::Tools || self.stop == Stop::Sequence {
                self.stop = Stop::Done;
            }
            self
        }
    }

    fn read_stream(body: &[u8]) -> Heard {
        let mut reader = Upstream.events(&Said::default());
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
        Heard::of_events(&events)
    }

    fn voice(array: bool) -> Voice {
        Voice { call: "0123456789abcdef0123456789abcdef".into(), created_s: 1_790_000_000, model: "m".into(), array, ..Voice::default() }
    }

    fn translate(body: &[u8], size: usize, array: bool) -> (Vec<u8>, Value) {
        let route = (Dialect::Gemini, Op::GenerateContent);
        let mut translation = Translation::new(route, Cut::Sse, &Upstream, &Said::default(), &Client, voice(array));
        let mut out = BytesMut::new();
        for piece in body.chunks(size) {
            translation.push(piece, &mut out).unwrap();
        }
        let facts = translation.finish(&mut out);
        (out.to_vec(), json!(facts.usage.map(|usage| [usage.input_total(), usage.cache_read, usage.output, usage.reasoning])))
    }

    fn usage_of(body: &Value) -> Value {
        let usage = &body["usageMetadata"];
        let n = |name: &str| usage[name].as_u64().unwrap_or(0);
        json!([
            n("promptTokenCount"),
            n("cachedContentTokenCount"),
            n("candidatesTokenCount") + n("thoughtsTokenCount"),
            n("thoughtsTokenCount")
        ])
    }

    #[test]
    fn every_recorded_answer_is_read_written_and_read_again() {
        let Ok(root) = std::env::var("FLUXA_CORPUS") else {
            println!("FLUXA_CORPUS is not set: nothing is checked");
            return;
        };
        let (mut streams, mut wholes, mut requests) = (0, 0, 0);
        for vendor in ["gemini", "vertex"] {
            for entry in std::fs::read_dir(Path::new(&root).join(vendor)).unwrap() {
                let case: Value = serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
                if case["endpoint"] != "generateContent" {
                    continue;
                }
                let id = case["id"].as_str().unwrap();
                requests += usize::from(check_request(id, &case));
                if case["response"]["status"] != 200 {
                    continue;
                }
                let body = case["response"]["body"].as_str().unwrap();
                if body.trim_start().starts_with(['{', '[']) {
                    wholes += 1;
                    check_whole(id, body.as_bytes(), &case["derived"]);
                } else {
                    streams += 1;
                    check_stream(id, body.as_bytes(), &case["derived"]);
                }
            }
        }
        println!("{streams} streams, {wholes} whole answers, {requests} requests");
        assert!(streams > 30 && wholes > 50 && requests > 100);
    }

    /// Without the mark that a client gets on a call that no vendor signed.
    fn signed_by_vendors(written: &[u8]) -> Vec<u8> {
        String::from_utf8_lossy(written).replace(",\"thoughtSignature\":\"Zmx1eGEubi4=\"", "").into_bytes()
    }

    fn check_whole(id: &str, body: &[u8], derived: &Value) {
        let found = Upstream.read(body, &Said::default()).unwrap().settle();
        let heard = Heard::of_answer(&found);
        check_derived(id, &heard, derived);
        let facts = answer(Dialect::Gemini, Op::GenerateContent, body).unwrap();
        let written = whole(&Upstream, &Said::default(), body, &facts, &Client, &voice(false)).unwrap();
        let value: Value = serde_json::from_slice(&written).unwrap();
        if let Some(usage) = facts.usage {
            assert_eq!(usage_of(&value), json!([usage.input_total(), usage.cache_read, usage.output, usage.reasoning]), "{id}");
        }
        let again = Heard::of_answer(&Upstream.read(&signed_by_vendors(&written), &Said::default()).unwrap());
        assert_eq!(again.told(), heard.told(), "{id}");
    }

    fn check_stream(id: &str, body: &[u8], derived: &Value) {
        let heard = read_stream(body);
        check_derived(id, &heard, derived);
        let (written, usage) = translate(body, 7, false);
        let again = read_stream(&signed_by_vendors(&written));
        assert_eq!(again.told(), heard.told(), "{id}");
        assert_eq!(translate(body, body.len().max(1), false).0, written, "{id}");
        let heard = read_stream(body);
        if !heard.ended {
            // Cut: the array is not closed either.
            return;
        }
        let (array, _) = translate(body, 1000, true);
        let chunks: Vec<Value> = serde_json::from_slice(&array).unwrap_or_else(|error| panic!("{id}: {error}"));
        let read = Upstream.read(&signed_by_vendors(&array), &Said::default()).unwrap();
        assert_eq!(Heard::of_answer(&read).told(), heard.told(), "{id}");
        if !usage.is_null() {
            assert_eq!(usage_of(chunks.last().unwrap()), usage, "{id}");
        }
    }

    fn check_derived(id: &str, heard: &Heard, derived: &Value) {
        let text = derived["text"].as_str().unwrap_or_default();
        if heard.text.contains("```") {
            // Code that the vendor ran is text for us, nothing for the parser that looked before.
            assert!(heard.text.len() >= text.len(), "{id}");
        } else if derived["text"].is_string() || derived["text_chars"].is_null() {
            assert_eq!(heard.text, text, "{id}");
        } else {
            assert_eq!(heard.text.chars().count() as u64, derived["text_chars"].as_u64().unwrap(), "{id}");
        }
        let thoughts = derived["reasoning_chars"].as_u64().unwrap_or(0);
        assert_eq!(heard.thoughts.chars().count() as u64, thoughts, "{id}");
        let calls: Vec<(String, Option<Value>)> = derived["tool_calls"]
            .as_array()
            .map(|calls| calls.iter().filter(|call| call["name"].is_string()))
            .into_iter()
            .flatten()
            .map(|call| {
                let arguments = call["arguments"].as_str().map(|text| serde_json::from_str(text).unwrap());
                (call["name"].as_str().unwrap().to_owned(), arguments)
            })
            .collect();
        let found: Vec<&str> = heard.calls.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, calls.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), "{id}");
        for ((_, found), (_, expect)) in heard.calls.iter().zip(&calls) {
            if let Some(expect) = expect {
                assert_eq!(found, expect, "{id}");
            }
        }
        let finish = if derived["finish"] == 1 { Some("STOP") } else { derived["finish"].as_str() };
        match finish {
            Some("STOP") => assert!(matches!(heard.stop, Stop::Done | Stop::Tools), "{id} {:?}", heard.stop),
            Some("MAX_TOKENS") => assert_eq!(heard.stop, Stop::Length, "{id}"),
            Some("MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL") => assert_eq!(heard.stop, Stop::Malformed, "{id}"),
            Some(other) => assert_eq!(heard.stop, Stop::Filter, "{id} {other}"),
            None => assert!(!heard.ended || heard.stop == Stop::Filter || heard.stop == Stop::Done, "{id}"),
        }
    }

    /// A recorded request is read, and written again for the model it was for: what is said stays the same.
    fn check_request(id: &str, case: &Value) -> bool {
        let Some(body) = case["request"]["body"].as_str().filter(|body| !body.is_empty()) else { return false };
        let asked = Asked { body: body.as_bytes(), model: "gemini-3-pro-preview", stream: false };
        let heard = match Client.read(asked) {
            Ok(heard) => heard,
            Err(error) => {
                // The vendor refused it too.
                assert_ne!(case["response"]["status"], 200, "{id}: {error}");
                return true;
            }
        };
        let target = Target {
            model: asked.model,
            quirks: &[],
            max_tokens_field: MaxTokensField::GenerationConfig,
            max_output: None,
            ask_usage: true,
        };
        let written = Upstream.write(&heard.chat, &target).unwrap();
        let again = Client.read(Asked { body: &written.body, ..asked }).unwrap_or_else(|error| panic!("{id}: {error}"));
        let parts = |chat: &Chat| chat.turns.iter().map(|turn| turn.parts.len()).sum::<usize>();
        // Where the user says nothing, a blank is said: there must be something.
        assert_eq!(parts(&again.chat), parts(&heard.chat).max(1), "{id}");
        assert_eq!(again.chat.tools, heard.chat.tools, "{id}");
        assert_eq!(again.chat.system, heard.chat.system, "{id}");
        assert_eq!(again.chat.format, heard.chat.format, "{id}");
        assert_eq!(again.chat.tool_choice, heard.chat.tool_choice, "{id}");
        for turn in &heard.chat.turns {
            for part in &turn.parts {
                if let Part::Result(result) = part {
                    let calls = heard.chat.turns.iter().flat_map(|turn| &turn.parts);
                    let mut calls = calls.filter_map(|part| if let Part::Call(call) = part { Some(call) } else { None });
                    assert!(calls.any(|call| call.id == result.id && Some(&call.name) == result.name.as_ref()), "{id}");
                }
            }
        }
        true
    }
}
