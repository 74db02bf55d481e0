//! Chat and completions through a censor that holds words until they are whole.

use super::*;

const HEAD: &str = r#""id":"c1","object":"chat.completion.chunk","created":7,"model":"m""#;

fn chunk(choices: &str) -> String {
    format!(r#"{{{HEAD},"choices":[{choices}]}}"#)
}

/// A chunk of choice 0 as servers write it.
fn delta(delta: &str) -> String {
    chunk(&format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}"#))
}

fn finish(delta: &str) -> String {
    chunk(&format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":"stop"}}"#))
}

#[track_caller]
fn becomes(stream: &[String], expect: &[String]) {
    let list = |events_: &[String]| events(&events_.iter().map(String::as_str).collect::<Vec<_>>());
    check(CHAT, &list(stream), &list(expect));
}

fn done() -> String {
    String::from("[DONE]")
}

#[test]
fn a_word_over_two_chunks_goes_out_when_it_is_whole() {
    becomes(
        &[
            delta(r#"{"role":"assistant","content":""}"#),
            delta(r#"{"content":"a sec"}"#),
            delta(r#"{"content":"ret \u00e9"}"#),
            delta(r#"{"content":"x"}"#),
            finish("{}"),
            chunk("").replace("[]}", r#"[],"usage":{"total_tokens":3}}"#),
            done(),
        ],
        &[
            delta(r#"{"role":"assistant","content":""}"#),
            delta(r#"{"content":"a "}"#),
            delta(r#"{"content":"SECRET é"}"#),
            delta(r#"{"content":"x"}"#),
            finish("{}"),
            chunk("").replace("[]}", r#"[],"usage":{"total_tokens":3}}"#),
            done(),
        ],
    );
}

#[test]
fn what_waits_goes_into_the_last_chunk_if_that_has_a_place_for_it() {
    becomes(&[delta(r#"{"content":"se"}"#), finish(r#"{"content":"c"}"#), done()], &[finish(r#"{"content":"SEC"}"#), done()]);
    becomes(&[delta(r#"{"content":"sec"}"#), finish(r#"{"content":""}"#), done()], &[finish(r#"{"content":"SEC"}"#), done()]);
    becomes(&[delta(r#"{"content":"sec"}"#), done()], &[delta(r#"{"content":"SEC"}"#), done()]);
    becomes(&[delta(r#"{"content":"sec"}"#)], &[delta(r#"{"content":"SEC"}"#)]);
    becomes(
        &[delta(r#"{"role":"assistant","content":"sec"}"#)],
        &[delta(r#"{"role":"assistant","content":""}"#), delta(r#"{"content":"SEC"}"#)],
    );
}

#[test]
fn thinking_ends_where_the_text_begins() {
    becomes(
        &[delta(r#"{"content":"","reasoning_content":"my sec"}"#), delta(r#"{"content":"hi","reasoning_content":""}"#), finish("{}")],
        &[
            delta(r#"{"content":"","reasoning_content":"my "}"#),
            delta(r#"{"reasoning_content":"SEC"}"#),
            delta(r#"{"content":"hi"}"#),
            finish("{}"),
        ],
    );
    // Vendors that name it twice, or put it elsewhere.
    becomes(
        &[
            delta(r#"{"reasoning":"sec ","reasoning_details":[{"type":"reasoning.text","text":"sec ","format":null,"index":0}]}"#),
            delta(r#"{"reasoning_details":[{"type":"reasoning.summary","summary":"sec","index":0}]}"#),
            delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"sec"}]}]}"#),
            delta(r#"{"content":[{"type":"text","text":"sec "}]}"#),
        ],
        &[
            delta(r#"{"reasoning":"SEC ","reasoning_details":[{"type":"reasoning.text","text":"SEC ","format":null,"index":0}]}"#),
            delta(r#"{"reasoning_details":[{"type":"reasoning.summary","index":0,"summary":"SEC"}]}"#),
            delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"SEC"}]}]}"#),
            delta(r#"{"content":[{"type":"text","text":"SEC "}]}"#),
        ],
    );
}

#[test]
fn calls_come_interleaved_and_end_with_the_choice() {
    let call = |index: u32, text: &str| delta(&format!(r#"{{"tool_calls":[{{"index":{index},"function":{{"arguments":"{text}"}}}}]}}"#));
    let begin = |index: u32| {
        let id = format!("call_{index}");
        delta(&format!(r#"{{"tool_calls":[{{"index":{index},"id":"{id}","type":"function","function":{{"name":"f","arguments":""}}}}]}}"#))
    };
    becomes(
        &[
            delta(r#"{"content":"sec"}"#),
            begin(0),
            begin(1),
            call(0, r#"{\"a\":\"se"#),
            call(1, r#"{\"b\":\"se"#),
            call(0, r#"c"#),
            call(1, r#"\"}"#),
            call(0, r#"\"}"#),
            call(2, "sec"),
            call(3, "sec"),
            finish("{}"),
        ],
        &[
            delta(r#"{"content":"SEC"}"#),
            begin(0),
            begin(1),
            call(0, r#"{\"a\":\""#),
            call(1, r#"{\"b\":\""#),
            call(1, r#"se\"}"#),
            call(0, r#"SEC\"}"#),
            call(2, "SEC"),
            call(3, "SEC"),
            finish("{}"),
        ],
    );
}

#[test]
fn another_id_in_the_same_place_is_another_call() {
    let call = |id: &str, text: &str| {
        let name = if id.is_empty() { "" } else { "f" };
        delta(&format!(
            r#"{{"tool_calls":[{{"index":0,"id":"{id}","type":"function","function":{{"name":"{name}","arguments":"{text}"}}}}]}}"#
        ))
    };
    let tail = |text: &str| delta(&format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":"{text}"}}}}]}}"#));
    becomes(
        &[call("a", "sec"), call("", "ond"), call("b", "x"), done()],
        &[call("a", ""), tail("SECOND"), call("b", ""), tail("x"), done()],
    );
    // Calls without a number are complete.
    let bare =
        |id: &str, text: &str| delta(&format!(r#"{{"tool_calls":[{{"id":"{id}","function":{{"name":"f","arguments":"{text}"}}}}]}}"#));
    becomes(&[bare("a", "12"), bare("b", "13"), done()], &[bare("a", "12"), bare("b", "13"), done()]);
}

#[test]
fn other_texts_of_a_delta_come_in_pieces_too() {
    for (stream, first, second) in [
        (r#"{"refusal":"@"}"#, "no sec", "ret!"),
        (r#"{"function_call":{"arguments":"@"}}"#, "1 sec", "ret!"),
        (r#"{"tool_calls":[{"index":4,"custom":{"input":"@"}}]}"#, "1 sec", "ret!"),
        (r#"{"audio":{"transcript":"@"}}"#, "1 sec", "ret!"),
    ] {
        let with = |text: &str| delta(&stream.replace('@', text));
        let (a, b) = first.split_at(first.len() - 3);
        assert_eq!(b, "sec");
        becomes(&[with(first), with(second), with("sec"), done()], &[with(a), with("SECRET!"), with("SEC"), done()]);
    }
}

#[test]
fn choices_do_not_mix() {
    let choice =
        |index: u32, text: &str| format!(r#"{{"index":{index},"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}"#);
    let end = |index: u32| format!(r#"{{"index":{index},"delta":{{}},"finish_reason":"stop"}}"#);
    becomes(
        &[
            chunk(&choice(0, "se")),
            chunk(&choice(1, "a")),
            chunk(&format!("{},{}", choice(1, "b "), choice(0, "c"))),
            chunk(&end(1)),
            chunk(&end(0)),
            done(),
        ],
        &[chunk(&format!("{},{}", choice(1, "ab "), choice(0, ""))), chunk(&end(1)), chunk(&choice(0, "SEC")), chunk(&end(0)), done()],
    );
}

#[test]
fn completions_have_texts_of_their_own() {
    let text = |text: &str, end: &str| {
        format!(
            r#"{{"id":"c","object":"text_completion","choices":[{{"index":0,"text":"{text}","logprobs":null,"finish_reason":{end}}}]}}"#
        )
    };
    let stream = [text("a se", "null"), text("c", "null"), text("", "\"stop\""), done()];
    let expect = [text("a ", "null"), text("SEC", "\"stop\""), done()];
    let list = |list: &[String]| events(&list.iter().map(String::as_str).collect::<Vec<_>>());
    check(COMPLETIONS, &list(&stream), &list(&expect));
    check(COMPLETIONS, &list(&stream[..2]), &list(&[text("a ", "null"), text("SEC", "null")]));
}

#[test]
fn tokens_go_where_the_text_is_not_what_it_was() {
    let with = |text: &str, tokens: &str| {
        chunk(&format!(r#"{{"index":0,"delta":{{"content":"{text}"}},"logprobs":{tokens},"finish_reason":null}}"#))
    };
    let tokens = |text: &str| format!(r#"{{"content":[{{"token":"{text}","logprob":-0.1,"bytes":[1],"top_logprobs":[]}}]}}"#);
    becomes(
        &[with("ok ", &tokens("ok ")), with("sec", &tokens("sec")), with("ret ", &tokens("ret ")), with("a ", &tokens("sec "))],
        &[with("ok ", &tokens("ok ")), with("SECRET ", "null"), with("a ", "null")],
    );
}

#[test]
fn what_no_reader_knows_is_shown_whole() {
    let error = r#"{"error":{"message":"no sec","type":"sec","code":5}}"#;
    let hidden = error.replace("no sec", "no SEC");
    becomes(&[delta(r#"{"content":"a"}"#), error.to_owned()], &[delta(r#"{"content":"a"}"#), hidden]);
    shows(
        CHAT,
        &events(&[
            &delta(r#"{"content":"a","images":[{"url":"b"}],"annotations":[{"url_citation":{"title":"t"}}],"x":{"y":["z"]}}"#),
            &chunk(r#"{"delta":{"tool_calls":[{"id":"i","type":"function","function":{"name":"n","arguments":"{}"}}]}}"#),
            r#"{"choices":[],"search_results":["s"],"citations":["c"],"id":"i"}"#,
            "not json",
            r#"{"broken":"#,
        ]),
        &["a", "b", "t", "z", "n", "{}", "s", "c", "not json", "{\"broken\":"],
    );
}

#[test]
fn an_escaped_name_is_the_name() {
    becomes(
        &[delta(r#"{"cont\u0065nt":"sec"}"#), delta(r#"{"content":"ret"}"#), finish("{}")],
        &[delta(r#"{"content":"SECRET"}"#), finish("{}")],
    );
}

#[test]
fn a_message_told_again_is_shown_again() {
    let stream = [
        delta(r#"{"content":"sec"}"#),
        chunk(r#"{"index":0,"finish_reason":"stop","delta":{"content":""},"message":{"role":"assistant","content":"sec"}}"#),
    ];
    let mut censor = Words::default();
    let list: Vec<&str> = stream.iter().map(String::as_str).collect();
    let (out, _) = through(CHAT, std::iter::once(events(&list).as_bytes()), &mut censor);
    assert_eq!(out, events(&[&stream[1].replace("\"content\":\"\"", "\"content\":\"SEC\"").replace(":\"sec\"", ":\"SEC\"")]));
    assert_eq!((censor.firsts, censor.agains), (vec![], vec![String::from("sec")]));
}

#[test]
fn the_answer_ends_where_the_censor_says() {
    let stream = events(&[&delta(r#"{"content":"a "}"#), &delta(r#"{"content":"sto"}"#), &delta(r#"{"content":"p "}"#), "[DONE]"]);
    let expect = events(&[&delta(r#"{"content":"a "}"#)]);
    for size in 1..stream.len() {
        let (out, end) = through(CHAT, stream.as_bytes().chunks(size), &mut Words::default());
        assert_eq!((out, end), (expect.clone(), Err(ScreenFault::Stopped)), "{size}");
    }
}

#[test]
fn frames_keep_their_form() {
    let check = |stream: &str, expect: &str| check(CHAT, stream, expect);
    let (a, b) = (r#"{"choices":[{"delta":{"content":"a sec"}}]}"#, r#"{"choices":[{"delta":{"content":"a "}}]}"#);
    let tail = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"SEC\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    // CRLF, CR, comments, a byte order mark, no blank, other fields.
    check(&format!("\u{feff}data:{a}\r\n\r\n: hi\n\n"), &format!("\u{feff}data:{b}\r\n\r\n: hi\n\n{tail}"));
    check(&format!(": hi\r\rid: 5\rdata: {a}\r\r"), &format!(": hi\r\rid: 5\rdata: {b}\r\r\n\n{tail}"));
    // Without its blank line.
    check(&format!("data: {a}"), &format!("data: {b}\n\n{tail}"));
    check(&format!("data: {a}\n"), &format!("data: {b}\n\n\n{tail}"));
    check("data: {\"a\":1}", "data: {\"a\":1}");
    // Without any blank lines: each line is an event.
    check(
        &format!("data: {a}\ndata: {a}\ndata: [DONE]\n\n"),
        &format!("data: {b}\ndata: {}\n{tail}data: [DONE]\n\n", b.replace("a ", "SECA ")),
    );
    // Over several lines.
    check(
        "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"sec \"}}]}\n\n",
        "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"SEC \"}}]}\n\n",
    );
}

#[test]
fn half_an_event_at_the_end_does_not_go_out() {
    let (out, end) = through(CHAT, std::iter::once(&b": a\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"x"[..]), &mut Words::default());
    assert_eq!((out.as_str(), end), (": a\n\n", Ok(())));
}

#[test]
fn what_is_said_beside_the_data_is_looked_at() {
    let data = r#"{"choices":[{"index":0,"delta":{"role":"assistant"}}]}"#;
    check(
        CHAT,
        &format!(": alive\n\n: a sec\n\nid: sec\nevent: x_y\ndata: {data}\n\n"),
        &format!(": alive\n\n\nevent: x_y\ndata: {data}\n\n"),
    );
    let (out, ended) = through(CHAT, std::iter::once(b": stop it\n\n".as_slice()), &mut Words::default());
    assert_eq!((out.as_str(), ended), ("", Err(ScreenFault::Stopped)));
}
