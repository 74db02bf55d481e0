use super::*;
use crate::upstream_error::UpstreamError;
use fluxa_domain::refusal::RefusalKind;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

struct Case {
    name: String,
    plan: RelayPlan,
    upstream: Vec<u8>,
    client: Vec<u8>,
    facts: Value,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut cases: Vec<Case> = std::fs::read_dir(root).unwrap().map(|entry| case(&entry.unwrap().path())).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn case(dir: &Path) -> Case {
    let facts: Value = serde_json::from_slice(&std::fs::read(dir.join("facts.json")).unwrap()).unwrap();
    let dialect = if facts["dialect"] == "anthropic" { Dialect::Anthropic } else { Dialect::OpenAi };
    let op = match facts["op"].as_str().unwrap() {
        "messages" => Op::Messages,
        "responses" => Op::Responses,
        _ => Op::Chat,
    };
    let upstream = std::fs::read(dir.join("answer.upstream.sse")).unwrap();
    let client = std::fs::read(dir.join("answer.client.sse")).unwrap_or_else(|_| upstream.clone());
    let hide_usage = facts["hide_usage"] == true;
    let plan = RelayPlan { dialect, op, hide_usage, framing: Framing::Sse };
    Case { name: dir.file_name().unwrap().to_string_lossy().into_owned(), plan, upstream, client, facts }
}

fn run<'a>(plan: RelayPlan, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Finished, Verdict) {
    let mut relay = Relay::new(plan);
    let mut out = BytesMut::new();
    for piece in pieces {
        relay.push(piece, &mut out).unwrap();
    }
    let facts = relay.finish(&mut out);
    (out.to_vec(), facts, relay.verdict())
}

fn shown(error: &UpstreamError) -> String {
    format!("{:?} {}", error.kind, error.message)
}

#[test]
fn every_fixture_gives_its_facts_at_every_cut() {
    for case in cases() {
        let (out, facts, verdict) = run(case.plan, std::iter::once(case.upstream.as_slice()));
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&case.client), "{}", case.name);
        let word = match &verdict {
            Verdict::Undecided => "undecided",
            Verdict::Content => "content",
            Verdict::Error(_) => "error",
        };
        let usage = facts.usage.map(|u| [u.input_uncached, u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output, u.reasoning]);
        let mut found = json!({
            "dialect": case.facts["dialect"], "op": case.facts["op"], "hide_usage": case.facts["hide_usage"],
            "usage": usage, "finish": facts.finish, "ended": facts.ended, "content_events": facts.content_events,
            "events": facts.events, "text": [facts.text.ascii_bytes, facts.text.non_ascii_chars],
            "model": facts.upstream_model, "error": facts.error.as_ref().map(shown), "verdict": word,
        });
        if facts.absurd {
            found["absurd"] = true.into();
        }
        assert_eq!(found, case.facts, "{}", case.name);

        let again = run(case.plan, case.upstream.chunks(1));
        assert_eq!(again, (out.clone(), facts.clone(), verdict.clone()), "{} byte by byte", case.name);
        for cut in 0..case.upstream.len() {
            let (a, b) = case.upstream.split_at(cut);
            assert_eq!(run(case.plan, [a, b].into_iter()), (out.clone(), facts.clone(), verdict.clone()), "{} cut at {cut}", case.name);
        }
    }
}

proptest! {
    #[test]
    fn random_cuts_do_not_matter(index in 0usize..100, sizes in proptest::collection::vec(1usize..40, 1..30)) {
        let cases = cases();
        let case = &cases[index % cases.len()];
        let mut rest = case.upstream.as_slice();
        let mut pieces = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (a, b) = rest.split_at((*size).min(rest.len()));
            pieces.push(a);
            rest = b;
        }
        let whole = run(case.plan, std::iter::once(case.upstream.as_slice()));
        prop_assert_eq!(run(case.plan, pieces.into_iter()), whole);
    }

    #[test]
    fn without_hiding_any_bytes_pass_unchanged(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let plan = RelayPlan { dialect: Dialect::OpenAi, op: Op::Chat, hide_usage: false, framing: Framing::Sse };
        for plan in [plan, RelayPlan { hide_usage: true, ..plan }] {
            let out = run(plan, bytes.chunks(7)).0;
            prop_assert!(bytes.starts_with(&out));
            // Nothing but half an event at the end is left out.
            prop_assert!(out.len() == bytes.len() || memchr::memmem::find(&bytes[out.len()..], b"data").is_some());
        }
    }
}

#[test]
fn the_verdict_waits_for_content() {
    let mut relay = Relay::new(RelayPlan { dialect: Dialect::OpenAi, op: Op::Chat, hide_usage: false, framing: Framing::Sse });
    let mut out = BytesMut::new();
    let mut say = |text: &str| {
        relay.push(text.as_bytes(), &mut out).unwrap();
        relay.verdict()
    };
    assert_eq!(say(": keep-alive\n\n\n"), Verdict::Undecided);
    assert_eq!(
        say("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"),
        Verdict::Undecided
    );
    assert_eq!(say("data: {\"choices\":[{\"delta\":{\"content\":\"h\"}}]}\n"), Verdict::Undecided);
    assert_eq!(say("\n"), Verdict::Content);
    assert_eq!(say("data: {\"error\":{\"message\":\"late\"}}\n\n"), Verdict::Content);
}

#[test]
fn a_broken_stream_ends_with_an_event_that_can_be_read() {
    let refusal = Refusal::new(RefusalKind::Upstream, "broke");
    let check = |op: Op, hide_usage: bool, sent: &str, start: &str| {
        let dialect = if op == Op::Messages { Dialect::Anthropic } else { Dialect::OpenAi };
        let mut relay = Relay::new(RelayPlan { dialect, op, hide_usage, framing: Framing::Sse });
        let mut out = BytesMut::new();
        relay.push(sent.as_bytes(), &mut out).unwrap();
        relay.break_off(&refusal, &mut out);
        let text = String::from_utf8(out.to_vec()).unwrap();
        assert!(text.starts_with(start), "{text:?}");
        assert!(text.ends_with("}\n\n") && !text.contains("[DONE]"), "{text:?}");
    };
    check(Op::Chat, false, "data: {\"a\":1}\n\n", "data: {\"a\":1}\n\ndata: {\"error\":");
    // Half an event never goes out.
    check(Op::Chat, false, "data: {\"a\"", "data: {\"error\":");
    check(Op::Chat, false, "data: 1\r\n\r", "data: {\"error\":");
    check(Op::Chat, true, "data: 1\n\ndata: {\"a\"", "data: 1\n\ndata: {\"error\":");
    check(Op::Messages, false, "event: ping\n", "event: error\ndata: {\"type\":\"error\"");
    check(
        Op::Responses,
        false,
        "data: {\"type\":\"x\",\"sequence_number\":4}\n\n",
        "data: {\"type\":\"x\",\"sequence_number\":4}\n\nevent: error\ndata: {\"type\":\"error\",\"sequence_number\":5,",
    );
}

#[test]
fn other_framings_pass_untouched() {
    let plan = RelayPlan { dialect: Dialect::OpenAi, op: Op::Audio, hide_usage: true, framing: Framing::Opaque };
    let (out, facts, verdict) = run(plan, b"\0\xff data: x\n\n".chunks(2));
    assert_eq!((out.as_slice(), facts, verdict), (&b"\0\xff data: x\n\n"[..], Finished::default(), Verdict::Content));
}

/// A stream that is closed in good order in the middle of an event: the error event after it must be readable.
#[test]
fn an_error_event_after_a_torn_event_stands_on_its_own() {
    for hide_usage in [false, true] {
        let plan = RelayPlan { dialect: Dialect::OpenAi, op: Op::Chat, hide_usage, framing: Framing::Sse };
        let mut relay = Relay::new(plan);
        let mut out = BytesMut::new();
        relay.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"id\"", &mut out).unwrap();
        relay.finish(&mut out);
        relay.break_off(&Refusal::new(fluxa_domain::refusal::RefusalKind::Upstream, "broke"), &mut out);
        let text = String::from_utf8(out.to_vec()).unwrap();
        assert!(text.contains("}\n\ndata: {\"error\"") && !text.contains("{\"id\""), "hide_usage {hide_usage}: {text}");
    }
}

#[test]
fn an_array_of_chunks_is_watched_and_broken_off() {
    let plan = RelayPlan { dialect: Dialect::Gemini, op: Op::GenerateContent, hide_usage: false, framing: Framing::JsonArray };
    let stream = concat!(
        "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi [\\\"]\"}],\"role\":\"model\"}}],\"modelVersion\":\"m-1\"}\n,\r\n",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" there\"}]},\"finishReason\":\"STOP\"}],",
        "\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":2,\"totalTokenCount\":5}}\n]",
    );
    let whole = run(plan, std::iter::once(stream.as_bytes()));
    assert_eq!(whole.0, stream.as_bytes());
    let (facts, verdict) = (&whole.1, &whole.2);
    assert_eq!((facts.finish.as_deref(), facts.ended, facts.events, verdict), (Some("STOP"), true, 2, &Verdict::Content));
    assert_eq!(facts.usage.map(|usage| (usage.input_uncached, usage.output)), Some((3, 2)));
    for cut in 0..stream.len() {
        let (a, b) = stream.as_bytes().split_at(cut);
        assert_eq!(run(plan, [a, b].into_iter()), whole, "cut at {cut}");
    }
    assert_eq!(run(plan, stream.as_bytes().chunks(1)), whole);

    let refusal = Refusal::new(RefusalKind::Upstream, "broke");
    let check = |sent: &str, expect: Option<usize>| {
        let mut relay = Relay::new(plan);
        let mut out = BytesMut::new();
        relay.push(sent.as_bytes(), &mut out).unwrap();
        relay.finish(&mut out);
        relay.break_off(&refusal, &mut out);
        let found: Option<Vec<Value>> = serde_json::from_slice(&out).ok();
        assert_eq!(found.as_ref().map(Vec::len), expect, "{sent}: {out:?}");
        if sent != stream
            && let Some(last) = found.and_then(|mut found| found.pop())
        {
            assert_eq!(last, json!({"error": {"code": 502, "message": "broke", "status": "UNAVAILABLE"}}));
        }
    };
    check("", Some(1));
    check("[", Some(1));
    check("[{\"a\":1}", Some(2));
    check("[{\"a\":1}\n", Some(2));
    check("[{\"a\":1},{\"b\"", None);
    check(stream, Some(2));
    let (_, facts, verdict) = run(plan, b"[{\"error\":{\"code\":429,\"message\":\"slow\",\"status\":\"RESOURCE_EXHAUSTED\"}}]".chunks(5));
    assert!(matches!(verdict, Verdict::Error(_)) && !facts.ended);
}

#[test]
fn reasons_as_numbers_and_pictures_count() {
    let plan = RelayPlan { dialect: Dialect::Gemini, op: Op::GenerateContent, hide_usage: false, framing: Framing::Sse };
    let check = |event: &str, finish: Option<&str>, ended: bool, expect: Verdict| {
        let (_, facts, verdict) = run(plan, std::iter::once(format!("data: {event}\r\n\r\n").as_bytes()));
        assert_eq!((facts.finish.as_deref(), facts.ended, verdict), (finish, ended, expect), "{event}");
    };
    check(r#"{"candidates":[{"content":{},"finishReason":2}]}"#, Some("2"), true, Verdict::Content);
    check(r#"{"candidates":[{"content":{},"finishReason":0}]}"#, None, false, Verdict::Undecided);
    check(r#"{"candidates":[{"content":{},"finishReason":""}]}"#, None, false, Verdict::Undecided);
    check(r#"{"promptFeedback":{"blockReason":4}}"#, Some("4"), true, Verdict::Content);
    let picture = r#"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}"#;
    check(picture, None, false, Verdict::Content);
}

#[test]
fn an_end_that_is_a_failure_with_nothing_before_it_can_be_tried_again() {
    let check = |dialect: Dialect, tells: bool, events: &[(&[u8], &str)], fault: Option<&str>| {
        let op = if dialect == Dialect::Gemini { Op::GenerateContent } else { Op::Chat };
        let mut tap = Tap::translated(dialect, op, tells);
        for (name, data) in events {
            tap.event(name, data.as_bytes());
        }
        let told = match &tap.verdict {
            Verdict::Error(error) => {
                assert!(error.retryable && tap.facts.error.as_ref() == Some(&**error) && !tap.facts.ended, "{events:?}");
                error.code.clone()
            }
            _ => None,
        };
        assert_eq!(told.as_deref(), fault, "{events:?} {:?}", tap.verdict);
    };
    let malformed = r#"{"candidates":[{"content":{},"finishReason":"MALFORMED_FUNCTION_CALL"}],"usageMetadata":{"promptTokenCount":4}}"#;
    check(Dialect::Gemini, false, &[(b"", malformed)], Some("MALFORMED_FUNCTION_CALL"));
    // Whoever has a word for it hears it, as a client of Gemini's own does.
    check(Dialect::Gemini, true, &[(b"", malformed)], None);
    check(Dialect::Gemini, false, &[(b"", r#"{"candidates":[{"finishReason":9}]}"#)], Some("9"));
    check(Dialect::Gemini, false, &[(b"", r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#)], None);
    check(Dialect::Gemini, false, &[(b"", r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#), (b"", malformed)], None);
    let both = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#;
    check(Dialect::Gemini, false, &[(b"", both)], None);
    check(Dialect::OpenAi, true, &[(b"", r#"{"choices":[{"delta":{},"finish_reason":"network_error"}]}"#)], Some("network_error"));
    for word in ["malformed_model_output", "malformed_tool_use"] {
        let stop = format!("{{\"stopReason\":\"{word}\"}}");
        check(Dialect::Bedrock, false, &[(b"messageStart", r#"{"role":"assistant"}"#), (b"messageStop", &stop)], Some(word));
    }
    check(Dialect::Bedrock, false, &[(b"messageStop", r#"{"stopReason":"end_turn"}"#)], None);
}

#[test]
fn events_without_blank_lines_are_events_all_the_same() {
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\ndata: [DONE]\n";
    for cut in 0..stream.len() {
        let mut relay = Relay::new(RelayPlan { dialect: Dialect::OpenAi, op: Op::Chat, hide_usage: false, framing: Framing::Sse });
        let mut out = BytesMut::new();
        relay.push(&stream.as_bytes()[..cut], &mut out).unwrap();
        relay.push(&stream.as_bytes()[cut..], &mut out).unwrap();
        let facts = relay.finish(&mut out);
        assert!(facts.ended && facts.events == 3 && facts.finish.as_deref() == Some("stop"), "{cut}: {facts:?}");
        assert_eq!(out, stream);
    }
    // A document over several data lines is one event.
    let mut relay = Relay::new(RelayPlan { dialect: Dialect::OpenAi, op: Op::Chat, hide_usage: false, framing: Framing::Sse });
    relay.push(b"data: {\ndata: \"choices\":[{\"delta\":{\"content\":\"a\"}}]\ndata: }\n\n", &mut BytesMut::new()).unwrap();
    assert_eq!(relay.facts().events, 1);
}

#[test]
fn a_torn_event_stays_torn_however_often_the_end_is_told() {
    let mut relay = Relay::new(RelayPlan { dialect: Dialect::OpenAi, op: Op::Chat, hide_usage: false, framing: Framing::Sse });
    let mut out = BytesMut::new();
    relay.push(b"data: {\"choices\":[]}\n", &mut out).unwrap();
    relay.finish(&mut out);
    relay.finish(&mut out);
    relay.break_off(&Refusal::new(fluxa_domain::refusal::RefusalKind::Upstream, "x"), &mut out);
    assert!(std::str::from_utf8(&out).unwrap().contains("}\n\n\ndata: {\"error\""), "{out:?}");
}
