use super::*;
use crate::body::edit::{apply, set_model};
use bytes::Bytes;
use proptest::prelude::*;

const TYPE: &str = "multipart/form-data; charset=x; boundary=\"b.1\"";

fn form(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut out = String::new();
    for (headers, value) in parts {
        out.push_str(&format!("--b.1\r\n{headers}\r\n\r\n{value}\r\n"));
    }
    out.push_str("--b.1--\r\n");
    out.into_bytes()
}

const FILE: (&str, &str) =
    ("Content-Disposition: form-data; name=\"file\"; filename=\"a;b.mp3\"\r\nContent-Type: audio/mpeg", "\0\r\n--b\r\nmodel");
const MODEL: (&str, &str) = ("content-disposition: form-data; name=\"model\"", "old");

#[test]
fn the_model_is_found_and_changed() {
    let body = form(&[
        FILE,
        MODEL,
        ("Content-Disposition: form-data; name=stream", "True"),
        ("Content-Disposition: form-data; name=\"prompt\"", "hi"),
    ]);
    let o = outline(TYPE, &body).unwrap();
    assert_eq!((o.model_name(), o.wants_stream(), o.media, o.text.bytes), (Some("old"), true, 1, 2));
    let bytes = Bytes::from(body.clone());
    let out = apply(&bytes, set_model(&o, "new-model").into_iter().collect()).unwrap();
    assert_eq!(
        out,
        form(&[
            FILE,
            ("content-disposition: form-data; name=\"model\"", "new-model"),
            ("Content-Disposition: form-data; name=stream", "True"),
            ("Content-Disposition: form-data; name=\"prompt\"", "hi")
        ])
    );
    assert_eq!(set_model(&o, "a\r\n--b.1"), None);
}

#[test]
fn an_empty_field_and_a_preamble_are_fine() {
    let mut body = b"preamble\r\n".to_vec();
    body.extend(form(&[("content-disposition: form-data; name=\"model\"", "")]));
    assert_eq!(outline(TYPE, &body).unwrap().model_name(), Some(""));
}

#[test]
fn what_is_refused() {
    let check = |kind: &str, body: &[u8], expect: &str| {
        assert_eq!(outline(kind, body).unwrap_err().to_string(), expect);
    };
    check(TYPE, &form(&[MODEL, MODEL]), "duplicate field `model` at byte 67");
    check("multipart/form-data", b"", "malformed form at byte 0: no usable boundary");
    check("text/plain; boundary=b", b"", "malformed form at byte 0: no usable boundary");
    check(TYPE, b"hello", "malformed form at byte 0: no first part");
    check(TYPE, b"--b.1\r\nx: y\r\n\r\nvalue", "malformed form at byte 15: unfinished part");
    // Found by fuzzing: writing a model here would have broken the boundary.
    check(
        TYPE,
        b"--b.1\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n--b.1--",
        "malformed form at byte 55: field without a value",
    );
    check(TYPE, b"--b.1x", "malformed form at byte 5: expected a line break after the boundary");
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic(bytes in proptest::collection::vec(proptest::sample::select(b"--b.1\r\n:; name=\"model\"x".to_vec()), 0..200)) {
        let _ = outline(TYPE, &bytes);
    }
}
