//! Runs recorded answers of Converse, which lie outside the project, through the reader of the dialect and the facts.
//!
//! `FLUXA_CORPUS=<folder> cargo test -p fluxa-wire --test corpus_bedrock -- --nocapture`, where the folder holds `bedrock/*.json`
//! (and may be a folder of made cases). Without the variable nothing is run, and a line says so.

#[cfg(test)]
mod corpus {
    use std::path::PathBuf;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::{Bytes, BytesMut};
    use fluxa_domain::dialect::{Dialect, Op};
    use fluxa_domain::refusal::Refusal;
    use fluxa_wire::answer;
    use fluxa_wire::client::{Asked, ClientDialect, EventWriter, Heard as ClientHeard, Unreadable, Voice};
    use fluxa_wire::frame::event_stream::EventStream;
    use fluxa_wire::neutral::untangle::Untangle;
    use fluxa_wire::neutral::{ChatAnswer, Event, Part, Stop};
    use fluxa_wire::translate::{Cut, Translation};
    use fluxa_wire::upstream::bedrock::Bedrock;
    use fluxa_wire::upstream::{Frame, Said, UpstreamDialect};
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    /// What an answer came to.
    #[derive(Debug, Default)]
    struct Heard {
        text: String,
        reasoning: String,
        calls: Vec<(String, String, String)>,
        stop: Option<Stop>,
        ended: bool,
        exception: Option<String>,
    }

    fn bytes(case: &Value) -> Vec<u8> {
        let response = &case["response"];
        match response["body_base64"].as_str() {
            Some(text) => STANDARD.decode(text).unwrap(),
            None => response["body"].as_str().unwrap_or_default().as_bytes().to_vec(),
        }
    }

    fn whole(body: &[u8]) -> Heard {
        let choice = Bedrock.read(body, &Said::default()).unwrap().settle().choices.remove(0);
        let mut heard = Heard { stop: Some(choice.stop), ended: true, ..Heard::default() };
        for part in choice.parts {
            match part {
                Part::Text(text) => heard.text.push_str(&text.text),
                Part::Thinking(thinking) => heard.reasoning.push_str(&thinking.text),
                Part::Call(call) => heard.calls.push((call.id, call.name, call.arguments)),
                _ => {}
            }
        }
        heard
    }

    fn stream(body: &[u8], step: usize) -> Heard {
        let mut reader = Bedrock.events(&Said::default());
        let (mut read, mut events) = (Vec::new(), Vec::new());
        let mut heard = Heard::default();
        let mut frames = EventStream::new();
        for bytes in body.chunks(step) {
            let cut = frames.push(bytes, |message| match message.event_type() {
                Some(name) => reader.read(Frame { name: name.as_bytes(), data: message.payload }, &mut read).unwrap(),
                None => heard.exception = message.exception_type().or(message.error_code()).map(str::to_owned),
            });
            cut.unwrap();
        }
        if frames.at_boundary() && heard.exception.is_none() {
            reader.end(&mut read);
        }
        let mut order = Untangle::new(false);
        for event in read {
            order.push(event, &mut events);
        }
        for event in events {
            match event {
                Event::Text { text, .. } => heard.text.push_str(&text),
                Event::Thinking { text, .. } => heard.reasoning.push_str(&text),
                Event::CallBegin { id, name, .. } => heard.calls.push((id, name, String::new())),
                Event::CallArguments { fragment, .. } => heard.calls.last_mut().unwrap().2.push_str(&fragment),
                Event::Stop { reason, .. } => heard.stop = Some(reason),
                Event::End => heard.ended = true,
                _ => {}
            }
        }
        heard
    }

    /// A client's dialect that says nothing: here only the facts count.
    struct Silent;

    #[derive(Debug)]
    struct Silence;

    impl ClientDialect for Silent {
        fn read(&self, _: Asked<'_>) -> Result<ClientHeard, Unreadable> {
            Ok(ClientHeard::default())
        }

        fn write(&self, _: &ChatAnswer, _: &Voice) -> Bytes {
            Bytes::new()
        }

        fn events(&self, _: Voice) -> Box<dyn EventWriter> {
            Box::new(Silence)
        }
    }

    impl EventWriter for Silence {
        fn write(&mut self, _: Event, _: &mut BytesMut) {}
        fn keep_alive(&mut self, _: &mut BytesMut) {}
        fn break_off(&mut self, _: &Refusal, _: &mut BytesMut) {}
    }

    /// The facts of a stream, through the whole machine.
    fn check_facts(case: &Value, body: &[u8]) {
        let (id, derived) = (case["id"].as_str().unwrap(), &case["derived"]);
        let mut out = BytesMut::new();
        let mut translation =
            Translation::new((Dialect::Bedrock, Op::Messages), Cut::EventStream, &Bedrock, &Said::default(), &Silent, Voice::default());
        translation.push(body, &mut out).unwrap();
        let facts = translation.finish(&mut out);
        let tokens = |name: &str| derived["usage"][name].as_u64();
        assert_eq!(facts.usage.map(|usage| usage.input_uncached), tokens("inputTokens"), "{id}");
        assert_eq!(facts.usage.map(|usage| usage.output), tokens("outputTokens"), "{id}");
        let finish = derived["finish"].as_str();
        let exception = finish.and_then(|finish| finish.strip_prefix("exception:"));
        assert_eq!(facts.error.as_ref().and_then(|error| error.code.as_deref()), exception, "{id}");
        assert_eq!(facts.finish.as_deref(), finish.filter(|_| exception.is_none()), "{id}");
        assert_eq!(facts.ended, finish.is_some() && exception.is_none(), "{id}");
        assert_eq!(translation.is_cut(), finish.is_none(), "{id}");
        if exception.is_none() {
            assert_eq!(facts.events, derived["events"].as_u64().unwrap(), "{id}");
        }
        let chars = derived["text_chars"].as_u64().unwrap_or(0) + derived["reasoning_chars"].as_u64().unwrap_or(0);
        assert!(facts.text.ascii_bytes + facts.text.non_ascii_chars >= chars, "{id}");
    }

    fn check(case: &Value, heard: &Heard) {
        let (id, derived) = (case["id"].as_str().unwrap(), &case["derived"]);
        let digest: String = Sha256::digest(heard.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(expect) = derived["text_sha256"].as_str() {
            assert_eq!(digest, expect, "{id}: {}", heard.text);
        } else {
            assert_eq!(heard.text, derived["text"].as_str().unwrap_or_default(), "{id}");
        }
        assert_eq!(heard.reasoning.chars().count() as u64, derived["reasoning_chars"].as_u64().unwrap_or(0), "{id}");
        // What Bedrock runs itself is no call to the client.
        let calls = derived["tool_calls"].as_array().into_iter().flatten().filter(|call| call["name"] != "nova_code_interpreter");
        let calls: Vec<&Value> = calls.collect();
        assert_eq!(heard.calls.len(), calls.len(), "{id}");
        for ((call_id, name, arguments), expect) in heard.calls.iter().zip(calls) {
            assert_eq!((call_id.as_str(), name.as_str()), (expect["id"].as_str().unwrap(), expect["name"].as_str().unwrap()), "{id}");
            let expect =
                expect["arguments"].as_str().map_or_else(|| expect["arguments"].clone(), |text| serde_json::from_str(text).unwrap());
            assert_eq!(serde_json::from_str::<Value>(arguments).unwrap(), expect, "{id}");
        }
        let finish = derived["finish"].as_str();
        if let Some(exception) = finish.and_then(|finish| finish.strip_prefix("exception:")) {
            assert_eq!((heard.exception.as_deref(), heard.ended), (Some(exception), false), "{id}");
            return;
        }
        let stop = finish.map(|finish| match finish {
            "end_turn" => Stop::Done,
            "tool_use" => Stop::Tools,
            "max_tokens" => Stop::Length,
            "guardrail_intervened" => Stop::Filter,
            other => panic!("{id}: {other}"),
        });
        assert_eq!((heard.stop, heard.ended), (stop, stop.is_some()), "{id}");
    }

    #[test]
    fn recorded_answers_are_read() {
        let Some(folder) = std::env::var_os("FLUXA_CORPUS") else {
            println!("FLUXA_CORPUS is not set: nothing was run");
            return;
        };
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(PathBuf::from(folder).join("bedrock")).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let (mut wholes, mut streams, mut errors) = (0, 0, 0);
        for file in files {
            let case: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let (id, body) = (case["id"].as_str().unwrap(), bytes(&case));
            let status = u16::try_from(case["response"]["status"].as_u64().unwrap()).unwrap();
            match case["endpoint"].as_str().unwrap() {
                "converse" | "converse-stream" if status >= 400 => {
                    let named = case["response"]["headers"]["x-amzn-errortype"].as_str();
                    let error = fluxa_wire::upstream_error::read_error_named(status, named, &body);
                    assert_eq!(error.message, case["derived"]["error"]["message"].as_str().unwrap(), "{id}");
                    errors += 1;
                }
                "converse" => {
                    check(&case, &whole(&body));
                    let facts = answer::answer(Dialect::Bedrock, Op::Chat, &body).unwrap();
                    let usage = &case["derived"]["usage"];
                    assert_eq!(facts.usage.map(|usage| usage.input_uncached), usage["inputTokens"].as_u64(), "{id}");
                    assert_eq!(facts.usage.map(|usage| usage.output), usage["outputTokens"].as_u64(), "{id}");
                    assert_eq!(facts.finish.as_deref(), case["derived"]["finish"].as_str(), "{id}");
                    wholes += 1;
                }
                "converse-stream" if case["response"].get("body_base64").is_some() => {
                    for step in [1, 7, 1460, usize::MAX] {
                        check(&case, &stream(&body, step));
                    }
                    check_facts(&case, &body);
                    streams += 1;
                }
                _ => {}
            }
        }
        println!("{wholes} whole answers, {streams} streams, {errors} errors");
        assert!(wholes + streams + errors > 0);
    }
}
