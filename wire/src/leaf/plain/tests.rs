use crate::leaf::{Edited, Fate, lines, text};

fn gone(leaf: crate::leaf::Leaf<'_>) -> Fate {
    if leaf.text.contains("secret") { Fate::Replace(leaf.text.replace("secret", "[\"GONE\"]")) } else { Fate::Keep }
}

#[test]
fn a_whole_body_is_one_text() {
    let check = |body: &[u8], expect: &str| assert_eq!(text(body, &mut gone), Ok(Edited::Changed(expect.as_bytes().to_vec().into())));
    check(b"a secret\nhere", "a [\"GONE\"]\nhere");
    assert_eq!(text("schön".as_bytes(), &mut gone), Ok(Edited::Same));
    assert_eq!(text(b"x", &mut |_| Fate::Stop), Ok(Edited::Stopped));
    assert!(text(b"a\xff", &mut gone).is_err());
}

#[test]
fn lines_are_json_or_text() {
    let body = "{\"a\":\"secret\"}\r\n\n{\"a\":\"\\ud800 secret\"}\nno json: secret\n{\"b\":1}";
    let expect = "{\"a\":\"[\\\"GONE\\\"]\"}\r\n\n{\"a\":\"\\ud800 [\"GONE\"]\"}\nno json: [\"GONE\"]\n{\"b\":1}";
    assert_eq!(lines(body.as_bytes(), &mut gone), Ok(Edited::Changed(expect.as_bytes().to_vec().into())));
    assert_eq!(lines(b"{\"a\":1}\n{\"a\":\"x\"}\n", &mut gone), Ok(Edited::Same));
    assert_eq!(lines(b"{\"a\":\"secret\"}\n", &mut |_| Fate::Stop), Ok(Edited::Stopped));
    assert!(lines(b"{}\n\xff\n", &mut gone).is_err());
    assert!(lines(b"plain\n", &mut |_| Fate::Replace(String::from("a\nb"))).is_err());
}
