//! Gemini, as events and as an array through a censor that holds words until they are whole.

use fluxa_domain::refusal::{Refusal, RefusalKind};

use super::*;

const TAIL: &str = r#""usageMetadata":{"totalTokenCount":3},"modelVersion":"m","responseId":"r""#;

fn chunk(parts: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}],"role":"model"}},"index":0}}],"modelVersion":"m","responseId":"r"}}"#)
}

fn text(text: &str) -> String {
    chunk(&format!(r#"{{"text":"{text}"}}"#))
}

fn thought(text: &str) -> String {
    chunk(&format!(r#"{{"text":"{text}","thought":true}}"#))
}

fn end(parts: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}],"role":"model"}},"finishReason":"STOP","index":0}}],{TAIL}}}"#)
}

/// As events and as an array.
#[track_caller]
fn becomes(stream: &[String], expect: &[String]) {
    let list = |list: &[String]| events(&list.iter().map(String::as_str).collect::<Vec<_>>());
    check(GEMINI, &list(stream), &list(expect));
    let array = |list: &[String]| format!("[{}\n]\n", list.join(",\r\n"));
    check(ARRAY, &array(stream), &array(expect));
}

#[test]
fn texts_end_where_others_begin() {
    becomes(
        &[thought("a sec"), thought("ret"), text("b se"), text("c"), end("")],
        &[thought("a "), thought("SECRET"), text("b "), text("SEC"), end("")],
    );
    becomes(&[text("sec"), end(r#"{"text":"ret"}"#)], &[end(r#"{"text":"SECRET"}"#)]);
    // Several parts in one chunk; a call of a tool among them.
    let call = r#"{"functionCall":{"name":"f","args":{}}}"#;
    becomes(
        &[chunk(&format!(r#"{{"text":"sec","thought":true}},{{"text":"sec"}},{call},{{"text":"sec"}}"#)), end("")],
        &[chunk(&format!(r#"{{"text":"SEC","thought":true}},{{"text":"SEC"}},{call},{{"text":""}}"#)), text("SEC"), end("")],
    );
    becomes(&[text("sec"), chunk(call)], &[text("SEC"), chunk(call)]);
}

#[test]
fn a_stream_may_end_anywhere() {
    becomes(&[text("sec")], &[text("SEC")]);
    becomes(&[], &[]);
    check(ARRAY, &format!("[{}", text("a sec")), &format!("[{},\r\n{}", text("a "), text("SEC")));
    check(ARRAY, r#"{"error":{"code":400,"message":"a sec"}}"#, r#"{"error":{"code":400,"message":"a SEC"}}"#);
    let half = format!("[{},\r\n{{\"cand", text("a"));
    let (out, ended) = through(ARRAY, std::iter::once(half.as_bytes()), &mut Words::default());
    assert_eq!((out, ended), (format!("[{}", text("a")), Ok(())));
}

#[test]
fn candidates_do_not_mix() {
    let of = |index: u32, text: &str| {
        format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}},"index":{index}}}]}}"#)
    };
    becomes(&[of(0, "a se"), of(1, "b pu"), of(0, "c "), of(1, "b ")], &[of(0, "a "), of(1, "b "), of(0, "SEC "), of(1, "pub ")]);
}

#[test]
fn other_texts_are_shown() {
    shows(
        GEMINI,
        &events(&[
            &chunk(r#"{"executableCode":{"language":"PYTHON","code":"a"}},{"codeExecutionResult":{"outcome":"OK","output":"b"}}"#),
            &chunk(r#"{"inlineData":{"mimeType":"image/png","data":"zz"}},{"text":"c","thoughtSignature":"zz"}"#),
            r#"{"candidates":[{"groundingMetadata":{"webSearchQueries":["d"]},"finishReason":"STOP","finishMessage":"e"}]}"#,
            r#"{"promptFeedback":{"blockReasonMessage":"f"}}"#,
        ]),
        &["PYTHON", "a", "OK", "b", "c", "d", "e", "f"],
    );
}

#[test]
fn what_a_tool_is_given_is_shown_leaf_by_leaf() {
    let call = |text: &str| chunk(&format!(r#"{{"functionCall":{{"name":"f","args":{{"a":["{text}",true],"b":{{"c":"x"}}}}}}}}"#));
    becomes(&[text("sec"), call("a secret"), end("")], &[text("SEC"), call("a SECRET"), end("")]);
}

#[test]
fn an_array_that_is_stopped_is_closed_after_what_went_out() {
    let refusal = Refusal::new(RefusalKind::ContentBlocked, "no");
    for (before, expect) in [(vec![], 1), (vec![text("a b ")], 2)] {
        let list: Vec<String> = before.into_iter().chain([text("stop it "), end("")]).collect();
        let array = format!("[{}\n]\n", list.join(",\r\n"));
        for size in [1, 7, array.len()] {
            let mut screen = Screen::new(ARRAY.0, ARRAY.1, ARRAY.2);
            let (mut out, mut censor) = (BytesMut::new(), Words::default());
            let passed = array.as_bytes().chunks(size).try_for_each(|piece| screen.push(piece, &mut censor, &mut out));
            assert_eq!(passed, Err(ScreenFault::Stopped));
            assert!(screen.break_off(ARRAY.0, ARRAY.1, &refusal, &mut out));
            let told: Vec<serde_json::Value> = serde_json::from_slice(&out).unwrap();
            assert_eq!((told.len(), told.last().unwrap()["error"]["code"].as_u64()), (expect, Some(400)), "{out:?}");
        }
    }
}
