//! Recorded answers of chat completions through the reader, beside what an independent parser found in them. Runs where
//! `FLUXA_CORPUS` names the folder of the recordings, which are no part of the project.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use bytes::BytesMut;
    use fluxa_domain::dialect::{Dialect, Op};
    use fluxa_domain::vendors::{MaxTokensField, Quirk};
    use fluxa_wire::client::chat::OpenAiChat;
    use fluxa_wire::client::{Asked, ClientDialect, Voice};
    use fluxa_wire::frame::sse::{Framer, Piece};
    use fluxa_wire::neutral::{Chat, ChatAnswer, Event, Part};
    use fluxa_wire::translate::{Cut, Translation};
    use fluxa_wire::upstream::openai::OpenAi;
    use fluxa_wire::upstream::{Frame, Said, Target, UpstreamDialect};
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    /// What the reader found.
    #[derive(Debug, Default, PartialEq)]
    struct Found {
        text: String,
        refusal: String,
        reasoning: usize,
        calls: Vec<(String, String, String)>,
        ended: bool,
    }

    fn of_answer(answer: &ChatAnswer) -> Found {
        let mut found = Found { ended: true, ..Found::default() };
        for part in answer.choices.first().iter().flat_map(|choice| &choice.parts) {
            match part {
                Part::Text(text) => found.text += &text.text,
                Part::Refusal(text) => found.refusal += text,
                Part::Thinking(thinking) => found.reasoning += thinking.text.chars().count(),
                Part::Call(call) => found.calls.push((call.id.clone(), call.name.clone(), call.arguments.clone())),
                _ => {}
            }
        }
        found
    }

    fn of_stream(body: &[u8], said: &Said) -> Found {
        let mut reader = OpenAi.events(said);
        let (mut framer, mut events) = (Framer::new(), Vec::new());
        let mut take = |piece: Piece<'_>| {
            if let Piece::Block { event, data: Some(data) } = piece {
                // A broken event is the stream's end for whoever translates it.
                let _ = reader.read(Frame { name: event, data }, &mut events);
            }
        };
        for cut in body.chunks(7) {
            framer.push(cut, |piece, _| take(piece)).unwrap();
        }
        framer.finish(&mut take).unwrap();
        reader.end(&mut events);
        let mut found = Found::default();
        let mut numbers = Vec::new();
        for event in events {
            match event {
                Event::Text { choice: 0, text } => found.text += &text,
                Event::Refusal { choice: 0, text } => found.refusal += &text,
                Event::Thinking { choice: 0, text } => found.reasoning += text.chars().count(),
                Event::CallBegin { choice: 0, call, id, name, .. } => {
                    numbers.push(call);
                    found.calls.push((id, name, String::new()));
                }
                Event::CallArguments { choice: 0, call, fragment } => {
                    let at = numbers.iter().position(|number| *number == call).unwrap();
                    found.calls[at].2 += &fragment;
                }
                Event::End => found.ended = true,
                _ => {}
            }
        }
        found
    }

    fn differences(found: &Found, derived: &Value, spoken: bool) -> Vec<String> {
        let mut out = Vec::new();
        let string = |key: &str| derived.get(key).and_then(Value::as_str);
        let same = match (string("text"), string("text_sha256")) {
            (Some(text), _) => found.text == text,
            (None, Some(digest)) => {
                let own: String = Sha256::digest(found.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
                own.starts_with(digest)
            }
            // The other parser leaves out what is said in sound.
            (None, None) => found.text.is_empty() || spoken,
        };
        if !same {
            out.push(format!("text {:.60?} for {:.60?}", found.text, string("text")));
        }
        let refusal = string("refusal").unwrap_or_default();
        if found.refusal != refusal {
            out.push(format!("refusal {:?} for {refusal:?}", found.refusal));
        }
        let reasoning = derived.get("reasoning_chars").and_then(Value::as_u64).unwrap_or(0);
        // The other parser leaves out thoughts that are told in detail only.
        if found.reasoning as u64 != reasoning && reasoning > 0 {
            out.push(format!("reasoning {} for {reasoning}", found.reasoning));
        }
        let calls = derived.get("tool_calls").and_then(Value::as_array).cloned().unwrap_or_default();
        // The other parser puts the calls of all choices together; here the first is looked at.
        let mut seen = std::collections::BTreeSet::new();
        let calls: Vec<Value> = calls.into_iter().filter(|call| seen.insert(call.get("id").map(Value::to_string))).collect();
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| Value::from(text));
        let same = calls.len() == found.calls.len()
            && calls.iter().zip(&found.calls).all(|(call, (id, name, arguments))| {
                let of = |key: &str| call.get(key).and_then(Value::as_str).unwrap_or_default();
                of("name") == name && (of("id") == id) && json(of("arguments")) == json(arguments)
            });
        if !same {
            out.push(format!("calls {:?} for {calls:?}", found.calls));
        }
        if derived.get("finish").is_some_and(|finish| finish.as_str().is_some_and(|finish| !finish.is_empty())) && !found.ended {
            out.push(String::from("no end"));
        }
        out
    }

    fn voice() -> Voice {
        Voice { call: "ab".repeat(16), created_s: 7, model: String::from("m"), include_usage: true, ..Voice::default() }
    }

    /// What a client that reads the dialect as it should be finds in the translation.
    fn again(body: &[u8], whole: bool) -> Option<Found> {
        if whole {
            let answer = OpenAi.read(body, &Said::default()).unwrap();
            return Some(of_answer(&OpenAi.read(&OpenAiChat.write(&answer, &voice()), &Said::default()).unwrap()));
        }
        let mut out = BytesMut::new();
        let mut translation = Translation::new((Dialect::OpenAi, Op::Chat), Cut::Sse, &OpenAi, &Said::default(), &OpenAiChat, voice());
        for cut in body.chunks(11) {
            let _ = translation.push(cut, &mut out);
        }
        translation.finish(&mut out);
        // Errors inside a stream end it.
        translation.facts().error.is_none().then(|| of_stream(&out, &Said::default()))
    }

    /// Calls without arguments are filled in, calls without ids get one, and a stream says why it ended.
    fn tidied(mut found: Found) -> Found {
        for (id, _, arguments) in &mut found.calls {
            if arguments.is_empty() {
                *arguments = String::from("{}");
            }
            id.clear();
        }
        found
    }

    /// Whether a choice of an answer tells of an error: its generation broke off.
    fn has_broken_choice(answer: &Value) -> bool {
        let choices = answer.get("choices").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        choices.iter().any(|choice| choice.get("error").is_some_and(|error| !error.is_null()))
    }

    #[test]
    fn recorded_answers_are_read_as_they_were_meant() {
        let Ok(root) = std::env::var("FLUXA_CORPUS") else {
            println!("skipped: FLUXA_CORPUS is not set");
            return;
        };
        let (mut read, mut wrong) = (0, BTreeMap::new());
        for folder in std::fs::read_dir(Path::new(&root)).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
            for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
                let Ok(case) = serde_json::from_slice::<Value>(&std::fs::read(file.path()).unwrap_or_default()) else { continue };
                let body = case.pointer("/response/body").and_then(Value::as_str);
                let (Some("chat"), Some(200), Some(body)) =
                    (case.get("endpoint").and_then(Value::as_str), case.pointer("/response/status").and_then(Value::as_u64), body)
                else {
                    continue;
                };
                let id = case.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                // Errors in a good answer are recognised before anything is read.
                let whole = serde_json::from_str::<Value>(body).ok();
                let broke_off = whole.as_ref().is_some_and(has_broken_choice);
                if case.pointer("/derived/error").is_some() || whole.is_some_and(|whole| whole.get("choices").is_none_or(Value::is_null)) {
                    continue;
                }
                let derived = case.get("derived").cloned().unwrap_or_default();
                let tagged = Said { think_tags: true, ..Said::default() };
                let found = if body.trim_start().starts_with('{') {
                    let _ = OpenAi.read(body.as_bytes(), &tagged);
                    OpenAi.read(body.as_bytes(), &Said::default()).map(|answer| of_answer(&answer)).map_err(|error| format!("{error:?}"))
                } else {
                    of_stream(body.as_bytes(), &tagged);
                    Ok(of_stream(body.as_bytes(), &Said::default()))
                };
                read += 1;
                // A choice with an error in it is no answer, whatever the other parser took from it.
                if broke_off {
                    if found.is_ok() {
                        wrong.insert(id, vec![String::from("read, though its generation broke off")]);
                    }
                    continue;
                }
                let mut differences = match &found {
                    Err(error) => vec![error.clone()],
                    Ok(found) => differences(found, &derived, body.contains("\"transcript\"")),
                };
                if let Ok(found) = found {
                    let again = again(body.as_bytes(), body.trim_start().starts_with('{')).map(tidied);
                    let found = tidied(found);
                    if again.as_ref().is_some_and(|again| *again != found) {
                        differences.push(format!("translated: {again:?} for {found:?}"));
                    }
                }
                if !differences.is_empty() {
                    wrong.insert(id, differences);
                }
            }
        }
        println!("{read} answers read");
        assert!(read > 0 && wrong.is_empty(), "{} of {read}: {wrong:#?}", wrong.len());
    }

    #[test]
    fn recorded_requests_are_understood() {
        let Ok(root) = std::env::var("FLUXA_CORPUS") else {
            println!("skipped: FLUXA_CORPUS is not set");
            return;
        };
        let (mut read, mut wrong) = (0, BTreeMap::new());
        for folder in std::fs::read_dir(Path::new(&root)).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
            for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
                let Ok(case) = serde_json::from_slice::<Value>(&std::fs::read(file.path()).unwrap_or_default()) else { continue };
                let body = case.pointer("/request/body").and_then(Value::as_str).filter(|body| body.starts_with('{'));
                let (Some("chat"), Some(200), Some(body)) =
                    (case.get("endpoint").and_then(Value::as_str), case.pointer("/response/status").and_then(Value::as_u64), body)
                else {
                    continue;
                };
                let id = case.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                read += 1;
                let heard = match OpenAiChat.read(Asked { body: body.as_bytes(), model: "m", stream: false }) {
                    Ok(heard) => heard,
                    Err(error) => {
                        wrong.insert(id, format!("unreadable: {error}"));
                        continue;
                    }
                };
                let quirks = &[Quirk::WholeDialect, Quirk::TopK, Quirk::VideoParts, Quirk::CacheMarks];
                let target = Target { model: "m", quirks, max_tokens_field: MaxTokensField::MaxTokens, max_output: None, ask_usage: true };
                match OpenAi.write(&heard.chat, &target) {
                    Err(error) => drop(wrong.insert(id, format!("unsayable: {error}"))),
                    Ok(written) => {
                        let again = OpenAiChat.read(Asked { body: &written.body, model: "m", stream: false }).unwrap();
                        let told = |chat: &Chat| {
                            let parts = chat.turns.iter().flat_map(|turn| &turn.parts);
                            parts.filter(|part| matches!(part, Part::Call(_) | Part::Result(_))).count()
                        };
                        if again.chat.turns.len() < heard.chat.turns.len() || told(&again.chat) != told(&heard.chat) {
                            wrong.insert(id, format!("{} turns for {}", again.chat.turns.len(), heard.chat.turns.len()));
                        } else if !written.dropped.is_empty() {
                            println!("{id}: dropped {:?}", written.dropped);
                        }
                    }
                }
            }
        }
        println!("{read} requests read");
        assert!(wrong.is_empty(), "{} of {read}: {wrong:#?}", wrong.len());
    }
}
