//! OpenAI's responses through a censor that holds words until they are whole.

use fluxa_domain::refusal::{Refusal, RefusalKind};

use super::*;

/// Events with their numbers put in.
fn stream(list: &[&str]) -> String {
    let numbered: Vec<String> = list.iter().enumerate().map(|(n, data)| data.replace('#', &n.to_string())).collect();
    named(&numbered.iter().map(String::as_str).collect::<Vec<_>>())
}

fn text(text: &str) -> String {
    format!(
        r##"{{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"{text}","logprobs":[],"sequence_number":#}}"##
    )
}

const CREATED: &str = r##"{"type":"response.created","sequence_number":#,"response":{"id":"resp_1","instructions":"be sec","output":[]}}"##;
const PROGRESS: &str =
    r##"{"type":"response.in_progress","sequence_number":#,"response":{"id":"resp_1","instructions":"be sec","output":[]}}"##;
const ADDED: &str = r##"{"type":"response.output_item.added","sequence_number":#,"output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","status":"in_progress","content":[]}}"##;
const PART: &str = r##"{"type":"response.content_part.added","sequence_number":#,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}"##;

/// How a text ends: told whole four times.
fn endings(text: &str, tokens: &str) -> Vec<String> {
    let part = format!(r#"{{"type":"output_text","text":"{text}","annotations":[],"logprobs":{tokens}}}"#);
    let item = format!(r#"{{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{part}]}}"#);
    vec![
        format!(
            r##"{{"type":"response.output_text.done","sequence_number":#,"item_id":"msg_1","output_index":0,"content_index":0,"text":"{text}","logprobs":{tokens}}}"##
        ),
        format!(
            r##"{{"type":"response.content_part.done","sequence_number":#,"item_id":"msg_1","output_index":0,"content_index":0,"part":{part}}}"##
        ),
        format!(r##"{{"type":"response.output_item.done","sequence_number":#,"output_index":0,"item":{item}}}"##),
        format!(
            r##"{{"type":"response.completed","sequence_number":#,"response":{{"id":"resp_1","instructions":"be sec","output":[{item}],"usage":{{"total_tokens":3}}}}}}"##
        ),
    ]
}

fn list<'a>(head: &[&'a str], tail: &'a [String]) -> Vec<&'a str> {
    head.iter().copied().chain(tail.iter().map(String::as_str)).collect()
}

#[test]
fn a_text_is_the_same_in_pieces_and_whole_and_numbers_have_no_gaps() {
    let (a, b, c) = (text("a se"), text("cr"), text("et"));
    let (d, e) = (text("a "), text("SECRET"));
    let tokens = r#"[{"token":"a","logprob":-1,"bytes":[97],"top_logprobs":[]}]"#;
    let before = endings("a secret", tokens);
    let after = endings("a SECRET", "[]");
    let screened = stream(&list(&[CREATED, PROGRESS, ADDED, PART, &d, &e], &after)).replace("be sec", "be SEC");
    check(RESPONSES, &stream(&list(&[CREATED, PROGRESS, ADDED, PART, &a, &b, &c], &before)), &screened);
    let mut censor = Words::default();
    let input = stream(&list(&[CREATED, PROGRESS, ADDED, PART, &a, &b, &c], &before));
    through(RESPONSES, std::iter::once(input.as_bytes()), &mut censor).1.unwrap();
    assert_eq!(censor.firsts, ["be sec"], "what was shown in pieces is not new");
    assert_eq!(censor.agains, ["be sec", "a secret", "a secret", "a secret", "be sec", "a secret"]);
}

#[test]
fn a_text_that_only_waited_keeps_its_tokens_at_the_end() {
    let tokens = r#"[{"token":"a","logprob":-1,"bytes":[97],"top_logprobs":[]}]"#;
    let ends = endings("a pub", tokens);
    let (a, b, c) = (text("a p"), text("a "), text("pub"));
    let d = text("ub");
    check(RESPONSES, &stream(&list(&[&a, &d], &ends)), &stream(&list(&[&b, &c], &ends)).replace("be sec", "be SEC"));
    assert!(stream(&list(&[&b, &c], &ends)).contains("token\":\"a"));
}

#[test]
fn every_kind_of_delta_is_told_on_in_its_own_kind() {
    for (base, place) in [
        ("response.refusal", r#""content_index":0"#),
        ("response.reasoning_text", r#""content_index":0"#),
        ("response.reasoning_summary_text", r#""summary_index":1"#),
        ("response.function_call_arguments", r#""status":null"#),
        ("response.custom_tool_call_input", r#""status":null"#),
        ("response.mcp_call_arguments", r#""status":null"#),
        ("response.code_interpreter_call_code", r#""status":null"#),
        ("response.audio.transcript", r#""status":null"#),
        ("transcript.text", r#""status":null"#),
    ] {
        let delta = |text: &str| {
            format!(r##"{{"type":"{base}.delta","item_id":"i","output_index":3,{place},"delta":"{text}","sequence_number":#}}"##)
        };
        let field = match base {
            "response.refusal" => "refusal",
            "response.custom_tool_call_input" => "input",
            "response.code_interpreter_call_code" => "code",
            _ if base.ends_with("arguments") => "arguments",
            _ => "text",
        };
        let done = |text: &str| {
            format!(r##"{{"type":"{base}.done","item_id":"i","output_index":3,{place},"{field}":"{text}","sequence_number":#}}"##)
        };
        check(
            RESPONSES,
            &stream(&[&delta("a sec"), &delta("ret"), &done("a secret")]),
            &stream(&[&delta("a "), &delta("SECRET"), &done("a SECRET")]),
        );
    }
}

#[test]
fn parallel_items_wait_for_themselves() {
    let call = |index: u32, text: &str| {
        format!(
            r##"{{"type":"response.function_call_arguments.delta","item_id":"fc_{index}","output_index":{index},"delta":"{text}","sequence_number":#}}"##
        )
    };
    let done = |index: u32, text: &str| {
        format!(
            r##"{{"type":"response.output_item.done","output_index":{index},"sequence_number":#,"item":{{"id":"fc_{index}","type":"function_call","call_id":"c","name":"f","arguments":"{text}"}}}}"##
        )
    };
    check(
        RESPONSES,
        &stream(&[&call(0, "1 se"), &call(1, "2 pu"), &call(0, "c"), &call(1, "b"), &done(1, "2 pub"), &done(0, "1 sec")]),
        &stream(&[&call(0, "1 "), &call(1, "2 "), &call(1, "pub"), &done(1, "2 pub"), &call(0, "SEC"), &done(0, "1 SEC")]),
    );
}

#[test]
fn what_was_never_in_pieces_counts_when_it_is_told() {
    let done = r##"{"type":"response.output_item.done","output_index":0,"sequence_number":0,"item":{"type":"function_call","name":"f","arguments":"{}"}}"##;
    let end = r##"{"type":"response.completed","sequence_number":1,"response":{"output":[{"type":"function_call","name":"f","arguments":"{}"}]}}"##;
    let mut censor = Words::default();
    through(RESPONSES, std::iter::once(named(&[done, end]).as_bytes()), &mut censor).1.unwrap();
    assert_eq!((censor.firsts, censor.agains), (vec!["f".to_owned(), "{}".to_owned(), "f".to_owned()], vec!["{}".to_owned()]));
}

#[test]
fn sound_and_pictures_are_not_shown() {
    shows(
        RESPONSES,
        &stream(&[
            r##"{"type":"response.audio.delta","delta":"zzzz","sequence_number":#}"##,
            r##"{"type":"speech.audio.delta","audio":"zzzz"}"##,
            r##"{"type":"response.image_generation_call.partial_image","partial_image_b64":"zzzz"}"##,
            r##"{"type":"response.output_text.annotation.added","annotation":{"type":"url_citation","title":"t","url":"u"}}"##,
            r##"{"type":"error","code":"c","message":"m","param":null}"##,
        ]),
        &["t", "u", "c", "m"],
    );
}

#[test]
fn numbers_go_on_where_events_of_ours_follow() {
    let mut screen = Screen::new(Dialect::OpenAi, Op::Responses, Framing::Sse);
    let mut out = BytesMut::new();
    let mut censor = Words::default();
    screen.push(stream(&[CREATED, &text("se"), &text("c"), &text("ret. ")]).as_bytes(), &mut censor, &mut out).unwrap();
    let refusal = Refusal::new(RefusalKind::ContentBlocked, "no");
    out.clear();
    assert!(screen.break_off(Dialect::OpenAi, Op::Responses, &refusal, &mut out));
    assert!(String::from_utf8_lossy(&out).contains(r#""sequence_number":2,"#), "{out:?}");
}
