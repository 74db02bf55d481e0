//! What of a body is shown, and how it is put back.

use super::*;

/// What is shown of a body, and the body with every `x` of it made a `y`.
fn shown(body: &str) -> (Vec<String>, String) {
    let mut node = Node::read(body.as_bytes()).unwrap();
    let mut seen = Vec::new();
    each(&mut node, &mut |leaf| {
        let mark = if leaf.is_name { "name " } else { "" };
        let form = if leaf.form == Form::Json { "json " } else { "" };
        seen.push(format!("{} {mark}{form}{}", leaf.path, leaf.text));
        leaf.text.contains('x').then(|| leaf.text.replace('x', "y"))
    });
    let mut out = String::new();
    node.write(&mut out);
    (seen, out)
}

#[test]
fn every_text_is_shown_at_its_place_and_may_be_replaced() {
    let run = "QUJD/+8a".repeat(100);
    for (body, seen, becomes) in [
        (r#"{"a":[{"text":"x"},1.50,null,true]}"#, &["/a/0/text x"][..], r#"{"a":[{"text":"y"},1.50,null,true]}"#),
        (r#"{"arguments":"{\"k\":\"x\"}"}"#, &[r#"/arguments json {"k":"x"}"#], r#"{"arguments":"{\"k\":\"y\"}"}"#),
        (r#"{"content":"{\"k\":\"x\"}"}"#, &[r#"/content {"k":"x"}"#], r#"{"content":"{\"k\":\"y\"}"}"#),
        (r#"{"role":"user","type":"other"}"#, &["/type other"], r#"{"role":"user","type":"other"}"#),
        (r#"{"metadata":{"x":"a"}}"#, &["/metadata/x name x", "/metadata/x a"], r#"{"metadata":{"y":"a"}}"#),
        (r#"{"a/b@x":"c"}"#, &["/a~1b@x name a/b@x", "/a~1b@x c"], r#"{"a/b@y":"c"}"#),
        (
            r#"{"input":{"n":13812345678,"m":12}}"#,
            &["/input/n name n", "/input/n 13812345678", "/input/m name m"],
            r#"{"input":{"n":13812345678,"m":12}}"#,
        ),
        (r#"{"seed":13812345678,"input":"x"}"#, &["/input x"], r#"{"seed":13812345678,"input":"y"}"#),
        (r#"{"url":"data:image/png;base64,iVBORw0KGgo="}"#, &[], r#"{"url":"data:image/png;base64,iVBORw0KGgo="}"#),
        (r#"{"url":"data:text/plain;base64,eHg="}"#, &["/url xx"], r#"{"url":"data:text/plain;base64,eXk="}"#),
        (
            r#"{"data":"dGhpcyBpcyBteCB0ZXh0"}"#,
            &["/data dGhpcyBpcyBteCB0ZXh0", "/data this is mx text"],
            r#"{"data":"dGhpcyBpcyBteSB0ZXl0"}"#,
        ),
    ] {
        assert_eq!(shown(body), (seen.iter().map(|text| (*text).to_owned()).collect(), becomes.to_owned()), "{body}");
    }
    assert_eq!(shown(&format!(r#"{{"data":"{run}","signature":"{run}"}}"#)).0, [""; 0], "bytes");
    assert_eq!(shown(&format!(r#"{{"text":"{run}"}}"#)).0, [format!("/text {run}")], "no field for bytes");
}

#[test]
fn a_number_that_is_replaced_becomes_a_string() {
    let mut node = Node::read(br#"{"args":{"phone":13812345678}}"#).unwrap();
    each(&mut node, &mut |leaf| (leaf.text == "13812345678").then(|| "[CN_MOBILE]".to_owned()));
    let mut out = String::new();
    node.write(&mut out);
    assert_eq!(out, r#"{"args":{"phone":"[CN_MOBILE]"}}"#);
}
