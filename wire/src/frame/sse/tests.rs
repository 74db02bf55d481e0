use super::*;
use proptest::prelude::*;

fn events(pieces: &[&[u8]]) -> Result<Vec<(String, String)>, StreamFault> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    let mut note = |piece: Piece<'_>| {
        if let Piece::Block { event, data: Some(data) } = piece {
            found.push((String::from_utf8_lossy(event).into_owned(), String::from_utf8_lossy(data).into_owned()));
        }
    };
    for piece in pieces {
        framer.push(piece, |p, _| note(p))?;
    }
    framer.finish(note)?;
    Ok(found)
}

#[test]
fn streams_of_every_style() {
    let check = |stream: &str, expect: &[(&str, &str)]| {
        let expect: Vec<(String, String)> = expect.iter().map(|(e, d)| ((*e).into(), (*d).into())).collect();
        assert_eq!(events(&[stream.as_bytes()]).unwrap(), expect, "{stream:?}");
        for cut in 0..=stream.len() {
            let (a, b) = stream.as_bytes().split_at(cut);
            assert_eq!(events(&[a, b]).unwrap(), expect, "{stream:?} cut at {cut}");
        }
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes).unwrap(), expect, "{stream:?} byte by byte");
    };
    check("data: a\n\ndata:b\n\n", &[("", "a"), ("", "b")]);
    check("\u{feff}data: a\r\n\r\ndata:  b\r\n\r\n", &[("", "a"), ("", " b")]);
    check("data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]);
    check(": hi\n\n: ho\nevent: x\ndata: a\ndata: b\n\n", &[("x", "a\nb")]);
    check("event: x\n\ndata: a", &[("", "a")]);
    check("data\n\nid: 1\nretry: 2\nfoo\n\n", &[("", "")]);
    check("data: a\n: inside\ndata: b\n", &[("", "a\nb")]);
    check("\n\n\r\n", &[]);
    check("", &[]);
}

#[test]
fn lines_and_events_are_bounded() {
    let line = vec![b'x'; SSE_LINE_BYTES];
    let mut framer = Framer::new();
    framer.push(&line, |_, _| {}).unwrap();
    assert_eq!(framer.push(b"y", |_, _| {}), Err(StreamFault::LineTooLong));
    let mut many = Vec::new();
    for _ in 0..2 {
        many.extend_from_slice(b"data: ");
        many.extend_from_slice(&line[..SSE_LINE_BYTES - 10]);
        many.push(b'\n');
    }
    assert_eq!(events(&[&many]), Err(StreamFault::EventTooLong));
}

proptest! {
    #[test]
    fn cuts_do_not_matter(
        stream in proptest::collection::vec(proptest::sample::select(vec!["data: {\"a\":1}", "data:", "\n", "\n\n", "\r\n", "\r", ": c", "event: e", "é", "\u{feff}", "x"]), 0..40),
        sizes in proptest::collection::vec(1usize..9, 1..20),
    ) {
        let stream = stream.concat();
        let whole = events(&[stream.as_bytes()]).unwrap();
        let mut rest = stream.as_bytes();
        let mut pieces = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (a, b) = rest.split_at((*size).min(rest.len()));
            pieces.push(a);
            rest = b;
        }
        prop_assert_eq!(events(&pieces).unwrap(), whole);
    }
}
