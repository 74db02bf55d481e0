use proptest::prelude::*;

use crate::body::malformed::Malformed;
use crate::leaf::{Edited, Fate, Leaf, LeafKind, form};

const TYPE: &str = "multipart/form-data; boundary=XX";

/// A form of parts, each given with its header lines and its value.
fn body(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (headers, value) in parts {
        body.extend_from_slice(format!("--XX\r\n{headers}\r\n\r\n").as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

fn shown(body: &[u8]) -> Vec<String> {
    let mut shown = Vec::new();
    let edited = form(TYPE, body, &mut |Leaf { text, field, .. }| {
        shown.push(format!("{field}={text}"));
        Fate::Keep
    });
    assert_eq!(edited, Ok(Edited::Same));
    shown
}

const FIELD: &str = "Content-Disposition: form-data; name=\"prompt\"";

#[test]
fn fields_names_and_files_of_text_are_shown() {
    let check = |headers: &str, value: &[u8], expect: &[&str]| assert_eq!(shown(&body(&[(headers, value)])), expect, "{headers}");
    check(FIELD, b"hello", &["prompt=hello"]);
    check("content-disposition:form-data;name=prompt", "schön".as_bytes(), &["prompt=schön"]);
    check("Content-Disposition: form-data; name=\"timestamp_granularities[]\"", b"word", &["timestamp_granularities[]=word"]);
    check("Content-Disposition: form-data; name=\"a@b.example\"", b"", &["name=a@b.example"]);
    let file = |name: &str, kind: &str| format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"{kind}");
    check(
        &file("ann's voice.mp3", "\r\nContent-Type: audio/mpeg"),
        b"ID3\xff\xfe",
        &["filename=ann's voice.mp3", "Content-Type=audio/mpeg"],
    );
    check(&file("a.txt", "\r\nContent-Type: text/plain"), b"words", &["filename=a.txt", "Content-Type=text/plain", "file=words"]);
    check(&file("a.srt", ""), b"1\nwords", &["filename=a.srt", "file=1\nwords"]);
    check(&file("a.bin", ""), b"a\0b", &["filename=a.bin"]);
    check(&file("b.jsonl", ""), b"{\"content\":\"x\"}\n{\"arguments\":\"{}\"}", &["filename=b.jsonl", "content=x", "arguments={}"]);
    check(&file("b.json", ""), b"{\"content\":\"\\u0041\"}", &["filename=b.json", "content=A"]);
    check(&file("b.json", ""), b"{broken", &["filename=b.json", "file={broken"]);
    check(&file("a \\\"b\\\".txt", ""), b"x", &["filename=a \"b\".txt", "file=x"]);
    check("Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''a%20b%40c", b"x", &["filename=a b@c", "f=x"]);
}

#[test]
fn files_of_other_encodings_are_shown_and_keep_theirs() {
    let headers = "Content-Disposition: form-data; name=\"file\"; filename=\"f\"";
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let gone = |leaf: Leaf<'_>| match leaf.text.contains("secret") {
        true => Fate::Replace(leaf.text.replace("secret", "[X]")),
        false => Fate::Keep,
    };
    for (value, expect) in [
        (wide("\u{feff}a secret, Zoë"), wide("\u{feff}a [X], Zoë")),
        (wide("a secret"), wide("a [X]")),
        (b"caf\xe9 secret".to_vec(), b"caf\xe9 [X]".to_vec()),
        (b"a secret and a zero\0".to_vec(), b"a [X] and a zero\0".to_vec()),
    ] {
        let edited = form(TYPE, &body(&[(headers, &value)]), &mut { gone });
        assert_eq!(edited, Ok(Edited::Changed(body(&[(headers, &expect)]).into())));
    }
    let declared = format!("{headers}\r\nContent-Type: text/plain");
    let edited = form(TYPE, &body(&[(&declared, &wide("a secret"))]), &mut { gone });
    assert!(matches!(edited, Err(Malformed::Utf8 { .. })), "{edited:?}");
}

#[test]
fn changed_parts_are_put_in_and_the_others_stay() {
    let file = "Content-Disposition: form-data; name=\"file\"; filename=\"secret.txt\"\r\nContent-Type: text/plain";
    let before = body(&[(FIELD, b"a secret"), ("Content-Disposition: form-data; name=\"model\"", b"m"), (file, b"{\"n\": \"secret\"}")]);
    let gone = |leaf: Leaf<'_>| match leaf.kind {
        LeafKind::Text if leaf.text.contains("secret") => Fate::Replace(leaf.text.replace("secret", "\"GONE\r\n\"")),
        _ => Fate::Keep,
    };
    let after = body(&[
        (FIELD, b"a \"GONE\r\n\""),
        ("Content-Disposition: form-data; name=\"model\"", b"m"),
        (
            "Content-Disposition: form-data; name=\"file\"; filename=\"%22GONE  %22.txt\"\r\nContent-Type: text/plain",
            b"{\"n\": \"\"GONE\r\n\"\"}",
        ),
    ]);
    assert_eq!(form(TYPE, &before, &mut { gone }), Ok(Edited::Changed(after.into())));
    assert_eq!(form(TYPE, &before, &mut |_| Fate::Stop), Ok(Edited::Stopped));
}

#[test]
fn a_replacement_never_ends_its_part() {
    for with in ["a\r\n--XX\r\nb", "--XX--", "x--XX"] {
        let edited = form(TYPE, &body(&[(FIELD, b"a")]), &mut |_| Fate::Replace(with.to_owned()));
        assert!(matches!(edited, Err(Malformed::Form { .. })), "{edited:?}");
    }
}

#[test]
fn what_nobody_would_look_at_is_refused() {
    let sound = body(&[(FIELD, b"a")]);
    let with = |before: &[u8], after: &[u8]| [before, &sound, after].concat();
    let bodies = [
        with(b"secret\r\n", b""),
        with(b"", b"secret"),
        with(b"", b"--XX\r\n"),
        sound[..sound.len() - 4].to_vec(),
        b"".to_vec(),
        body(&[("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64", b"c2VjcmV0")]),
        body(&[("Content-Disposition: form-data; name=\"a\"\r\n folded", b"x")]),
        body(&[("Content-Disposition: form-data; name=\"a", b"x")]),
        body(&[("Content-Disposition: attachment; name=\"a\"", b"x")]),
        body(&[("no colon", b"x")]),
        body(&[(FIELD, b"\xff\xfe")]),
        body(&[("Content-Disposition: form-data; name=\"f\"; filename=\"a\"\r\nContent-Type: text/plain", b"\xff\xfe")]),
    ];
    for body in bodies {
        assert!(form(TYPE, &body, &mut |_| Fate::Keep).is_err(), "{}", String::from_utf8_lossy(&body));
    }
    assert!(form("application/json", &sound, &mut |_| Fate::Keep).is_err());
}

proptest! {
    #[test]
    fn any_form_is_read_or_refused(bytes in proptest::collection::vec(proptest::sample::select(b"-X\r\n:;=\" an%*'\\\xff".to_vec()), 0..80), with in ".{0,8}") {
        for bytes in [&bytes, &body(&[(FIELD, &bytes)]), &body(&[(&String::from_utf8_lossy(&bytes), b"x")])] {
            if let Ok(Edited::Changed(changed)) = form(TYPE, bytes, &mut |_| Fate::Replace(with.clone())) {
                // What comes out is a form with as many parts.
                let parts = |body: &[u8]| memchr::memmem::find_iter(body, b"--XX").count();
                prop_assert_eq!(parts(&changed), parts(bytes));
                let again = form(TYPE, &changed, &mut |_| Fate::Keep);
                prop_assert!(again.is_ok(), "{:?} {:?}", again, changed);
            }
        }
    }
}
