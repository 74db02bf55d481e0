//! Anthropic's messages through a censor that holds words until they are whole.

use super::*;

fn start(index: u32, block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
}

fn delta(index: u32, delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)
}

fn stop(index: u32) -> String {
    format!(r#"{{"type":"content_block_stop","index":{index}}}"#)
}

const BEGIN: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1}}}"#;
const PING: &str = r#"{"type":"ping"}"#;
const END: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

#[track_caller]
fn becomes(stream: &[&str], expect: &[&str]) {
    check(MESSAGES, &named(stream), &named(expect));
}

#[test]
fn what_waits_of_a_block_goes_out_before_its_stop() {
    let text = |text: &str| delta(0, &format!(r#"{{"type":"text_delta","text":"{text}"}}"#));
    let thinking = |text: &str| delta(0, &format!(r#"{{"type":"thinking_delta","thinking":"{text}"}}"#));
    let input = |text: &str| delta(1, &format!(r#"{{"type":"input_json_delta","partial_json":"{text}"}}"#));
    let begin = start(0, r#"{"type":"text","text":""}"#);
    let tool = start(1, r#"{"type":"tool_use","id":"toolu_1","name":"f","input":{}}"#);
    becomes(
        &[
            BEGIN,
            &begin,
            PING,
            &text("a sec"),
            &text("ret"),
            &stop(0),
            &tool,
            &input(""),
            &input(r#"{\"a\":\"s"#),
            &input(r#"ec\"}"#),
            &stop(1),
            END,
            STOP,
        ],
        &[
            BEGIN,
            &begin,
            PING,
            &text("a "),
            &text("SECRET"),
            &stop(0),
            &tool,
            &input(""),
            &input(r#"{\"a\":\""#),
            &input(r#"SEC\"}"#),
            &stop(1),
            END,
            STOP,
        ],
    );
    let think = start(0, r#"{"type":"thinking","thinking":"","signature":""}"#);
    let sign = delta(0, r#"{"type":"signature_delta","signature":"secret"}"#);
    becomes(
        &[BEGIN, &think, &thinking("a sec"), &sign, &stop(0), STOP],
        &[BEGIN, &think, &thinking("a "), &sign, &thinking("SEC"), &stop(0), STOP],
    );
}

#[test]
fn a_block_may_begin_with_its_text() {
    becomes(
        &[BEGIN, &start(0, r#"{"type":"text","text":"a sec"}"#), &stop(0), STOP],
        &[BEGIN, &start(0, r#"{"type":"text","text":"a "}"#), &delta(0, r#"{"type":"text_delta","text":"SEC"}"#), &stop(0), STOP],
    );
}

#[test]
fn deltas_that_are_not_known_yet_come_in_pieces_too() {
    let new = |text: &str| delta(2, &format!(r#"{{"type":"compaction_delta","content":"{text}"}}"#));
    becomes(&[&new("a se"), &new("cret"), &stop(2)], &[&new("a "), &new("SECRET"), &stop(2)]);
}

#[test]
fn a_stream_that_breaks_lets_out_what_waits_first() {
    let text = |text: &str| delta(0, &format!(r#"{{"type":"text_delta","text":"{text}"}}"#));
    let error = |text: &str| format!(r#"{{"type":"error","error":{{"type":"overloaded_error","message":"{text}"}}}}"#);
    becomes(&[&text("sec"), &error("a sec")], &[&text("SEC"), &error("a SEC")]);
    becomes(&[&text("sec")], &[&text("SEC")]);
    becomes(&[&text("sec"), END], &[&text("SEC"), END]);
}

#[test]
fn results_and_sources_are_shown() {
    shows(
        MESSAGES,
        &named(&[
            &start(
                0,
                r#"{"type":"web_search_tool_result","tool_use_id":"t","content":[{"type":"web_search_result","title":"a","url":"b","encrypted_content":"zz"}]}"#,
            ),
            &delta(
                1,
                r#"{"type":"citations_delta","citation":{"type":"char_location","cited_text":"c","document_title":"d","encrypted_index":"zz"}}"#,
            ),
            &start(2, r#"{"type":"redacted_thinking","data":"zz"}"#),
            r#"{"type":"message_start","message":{"content":[{"type":"text","text":"e"}],"stop_sequence":"f"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"explanation":"g"}}}"#,
            r#"{"type":"new","x":"h"}"#,
        ]),
        &["a", "b", "c", "d", "e", "f", "g", "h"],
    );
}
