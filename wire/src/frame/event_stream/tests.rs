use proptest::prelude::*;

use super::*;

/// What a frame said, without its memory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    headers: Vec<(String, String)>,
    payload: Vec<u8>,
}

fn told(message: Message<'_>) -> Told {
    let headers = message.headers().map(|header| (header.name.to_owned(), format!("{:?}", header.value))).collect();
    Told { headers, payload: message.payload.to_vec() }
}

/// All frames of a stream that came in `pieces`, how it ended, and whether it ended between frames.
fn read(pieces: &[&[u8]]) -> (Vec<Told>, Result<(), FrameFault>, bool) {
    let mut stream = EventStream::new();
    let mut found = Vec::new();
    for piece in pieces {
        if let Err(fault) = stream.push(piece, |message| found.push(told(message))) {
            assert_eq!(stream.push(b"", |_| panic!("a broken stream tells nothing more")), Err(fault));
            return (found, Err(fault), stream.at_boundary());
        }
    }
    (found, Ok(()), stream.at_boundary())
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Frames as an independent writer makes them.
fn golden() -> [Vec<u8>; 3] {
    [
        hex(concat!(
            "0000007f000000529bc598af0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d74797065",
            "0700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b2270223a226162222c2272",
            "6f6c65223a22617373697374616e74227d362c6c18"
        )),
        hex(concat!(
            "00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a63",
            "6f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074",
            "696f6e7b226d657373616765223a22546f6f206d616e79207265717565737473227de67f8005"
        )),
        hex("000000100000000005c248eb7d98c8ff"),
    ]
}

#[test]
fn frames_say_what_they_are() {
    let [start, throttled, empty] = golden();
    let mut stream = EventStream::new();
    let mut seen = 0;
    stream
        .push(&start, |message| {
            seen += 1;
            assert_eq!(message.message_type(), Some("event"));
            assert_eq!(message.event_type(), Some("messageStart"));
            assert_eq!(message.content_type(), Some("application/json"));
            assert_eq!((message.exception_type(), message.error_code(), message.error_message()), (None, None, None));
            assert_eq!(message.payload, br#"{"p":"ab","role":"assistant"}"#);
            assert_eq!(message.headers().count(), 3);
        })
        .unwrap();
    stream
        .push(&throttled, |message| {
            seen += 1;
            assert_eq!((message.message_type(), message.event_type()), (Some("exception"), None));
            assert_eq!(message.exception_type(), Some("throttlingException"));
            assert_eq!(message.payload, br#"{"message":"Too many requests"}"#);
        })
        .unwrap();
    stream
        .push(&empty, |message| {
            seen += 1;
            assert_eq!((message.headers().count(), message.payload, message.message_type()), (0, &[][..], None));
        })
        .unwrap();
    let error = encode(&[(":message-type", "error"), (":error-code", "internal"), (":error-message", "broken \u{e9}")], b"");
    stream
        .push(&error, |message| {
            seen += 1;
            assert_eq!(message.message_type(), Some("error"));
            assert_eq!((message.error_code(), message.error_message()), (Some("internal"), Some("broken \u{e9}")));
        })
        .unwrap();
    assert_eq!(seen, 4);
}

#[test]
fn the_writer_writes_what_others_read() {
    let [start, throttled, empty] = golden();
    let event = [(":event-type", "messageStart"), (":content-type", "application/json"), (":message-type", "event")];
    assert_eq!(encode(&event, br#"{"p":"ab","role":"assistant"}"#), start);
    let exception = [(":exception-type", "throttlingException"), (":content-type", "application/json"), (":message-type", "exception")];
    assert_eq!(encode(&exception, br#"{"message":"Too many requests"}"#), throttled);
    assert_eq!(encode(&[], b""), empty);
    let (long, wide) = ("n".repeat(256), "v".repeat(65_536));
    assert_eq!(encode(&[("", "x"), (&long, "x"), ("x", &wide)], b""), empty);
}

#[test]
fn cuts_do_not_matter() {
    let all = golden().concat();
    let (whole, ended, boundary) = read(&[&all]);
    assert_eq!((whole.len(), ended, boundary), (3, Ok(()), true));
    for cut in 0..=all.len() {
        let (a, b) = all.split_at(cut);
        assert_eq!(read(&[a, b]), (whole.clone(), Ok(()), true), "cut at {cut}");
        assert_eq!(read(&[a, b"", b]), (whole.clone(), Ok(()), true), "empty read at {cut}");
        for second in cut..=all.len() {
            assert_eq!(read(&[a, &all[cut..second], &all[second..]]).0, whole, "cut at {cut} and {second}");
        }
    }
    let bytes: Vec<&[u8]> = all.chunks(1).collect();
    assert_eq!(read(&bytes), (whole, Ok(()), true), "byte by byte");
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_not_at_a_boundary() {
    let [start, throttled, _] = golden();
    let all = [start.as_slice(), &throttled].concat();
    for end in 0..=all.len() {
        let (found, ended, boundary) = read(&[&all[..end]]);
        assert_eq!(ended, Ok(()));
        assert_eq!(found.len(), usize::from(end >= start.len()) + usize::from(end == all.len()), "{end}");
        assert_eq!(boundary, end == 0 || end == start.len() || end == all.len(), "{end}");
    }
}

#[test]
fn every_type_of_header_is_read() {
    let mut block = Vec::new();
    let mut add = |name: &str, kind: u8, value: &[u8]| {
        block.push(u8::try_from(name.len()).unwrap());
        block.extend_from_slice(name.as_bytes());
        block.push(kind);
        block.extend_from_slice(value);
    };
    add("yes", 0, &[]);
    add("no", 1, &[]);
    add("byte", 2, &[0xcf]);
    add("short", 3, &[0xff, 0xfe]);
    add("int", 4, &[0, 0, 0xa0, 0x0c]);
    add("long", 5, &(-5_i64).to_be_bytes());
    add("bytes", 6, b"\x00\x03a\xffc");
    add("text", 7, b"\x00\x02hi");
    add("time", 8, &1_700_000_000_123_i64.to_be_bytes());
    add("uuid", 9, b"0123456789abcdef");
    let bytes = frame(&block, b"x");
    let mut stream = EventStream::new();
    let mut values = Vec::new();
    stream
        .push(&bytes, |message| {
            values = message.headers().map(|header| format!("{}={:?}", header.name, header.value)).collect();
            // Only strings are text.
            assert_eq!((message.text("text"), message.text("bytes"), message.text("none")), (Some("hi"), None, None));
        })
        .unwrap();
    let uuid = format!("uuid={:?}", Value::Uuid(*b"0123456789abcdef"));
    let expect = [
        "yes=Bool(true)",
        "no=Bool(false)",
        "byte=Byte(-49)",
        "short=Short(-2)",
        "int=Integer(40972)",
        "long=Long(-5)",
        "bytes=Bytes([97, 255, 99])",
        "text=Text(\"hi\")",
        "time=TimestampMs(1700000000123)",
        &uuid,
    ];
    assert_eq!(values, expect);
}

#[test]
fn malformed_headers_are_refused() {
    let check = |block: &[u8], expect: FrameFault| {
        assert_eq!(read(&[&frame(block, b"{}")]), (Vec::new(), Err(expect), false), "{block:?}");
    };
    let bad = |at: usize, what: &'static str| FrameFault::Header { at, what };
    check(b"\x00\x07\x00\x00", bad(1, "empty name"));
    check(b"\x05abc", bad(1, "cut"));
    check(b"\x03abc", bad(4, "cut"));
    check(b"\x01a\x0a", bad(3, "unknown type"));
    check(b"\x01a\x60\x00\x00", bad(3, "unknown type"));
    check(b"\x01a\x05\x00\x00", bad(3, "cut"));
    check(b"\x01a\x07\x00", bad(3, "cut"));
    check(b"\x01a\x07\x00\x03hi", bad(5, "cut"));
    check(b"\x01a\x07\xff\xffhi", bad(5, "cut"));
    check(b"\x01a\x06\x00\x03hi", bad(5, "cut"));
    check(b"\x01a\x09short", bad(3, "cut"));
    check(b"\x01\xff\x00", bad(2, "a name that is not utf-8"));
    check(b"\x01a\x07\x00\x01\xff", bad(6, "a string that is not utf-8"));
    check(b"\x01a\x00\x01b", bad(5, "cut"));
    check(b"\x01a\x00\x01a\x01", FrameFault::DuplicateHeader);
    let many: Vec<u8> =
        (0..EVENT_HEADERS).flat_map(|n| [2, b'a' + u8::try_from(n / 26).unwrap(), b'a' + u8::try_from(n % 26).unwrap(), 0]).collect();
    assert_eq!(read(&[&frame(&many, b"")]).1, Ok(()));
    check(&[many.as_slice(), b"\x01z\x00"].concat(), FrameFault::TooManyHeaders);
}

/// A prelude with these lengths and the right checksum.
fn announced(total: u32, headers: u32) -> Vec<u8> {
    let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

#[test]
fn lengths_are_judged_before_anything_is_waited_for() {
    let check = |total: usize, headers: usize, expect: Result<(), FrameFault>| {
        let prelude = announced(u32::try_from(total).unwrap(), u32::try_from(headers).unwrap());
        assert_eq!(read(&[&prelude]).1, expect, "{total} {headers}");
        let bytes: Vec<&[u8]> = prelude.chunks(1).collect();
        assert_eq!(read(&bytes).1, expect, "{total} {headers} byte by byte");
    };
    check(0, 0, Err(FrameFault::Lengths));
    check(15, 0, Err(FrameFault::Lengths));
    check(20, 5, Err(FrameFault::Lengths));
    check(20, 4, Ok(()));
    check(100, u32::MAX as usize, Err(FrameFault::HeadersTooLong));
    check(EVENT_HEADERS_BYTES + 17, EVENT_HEADERS_BYTES + 1, Err(FrameFault::HeadersTooLong));
    check(EVENT_HEADERS_BYTES + 16, EVENT_HEADERS_BYTES, Ok(()));
    check(EVENT_PAYLOAD_BYTES + 17, 0, Err(FrameFault::PayloadTooLong));
    check(EVENT_PAYLOAD_BYTES + 16, 0, Ok(()));
    check(u32::MAX as usize, 0, Err(FrameFault::PayloadTooLong));
}

#[test]
fn memory_grows_by_what_came_and_is_given_back() {
    let mut stream = EventStream::new();
    stream.push(&announced(u32::try_from(EVENT_PAYLOAD_BYTES + 16).unwrap(), 0), |_| {}).unwrap();
    assert!(stream.partial.capacity() < 1024, "{}", stream.partial.capacity());
    let big = encode(&[], &vec![b'x'; 100_000]);
    let mut stream = EventStream::new();
    let mut found = 0;
    for piece in big.chunks(1000) {
        stream.push(piece, |message| found += message.payload.len()).unwrap();
    }
    assert_eq!(found, 100_000);
    assert!(stream.partial.capacity() <= KEPT_BUFFER_BYTES && stream.at_boundary());
}

#[test]
fn a_long_frame_byte_by_byte_takes_no_longer_than_its_length() {
    // Were every byte to look at all bytes before it, this would not end within a minute.
    let big = encode(&[(":event-type", "chunk")], &vec![b'x'; 2_000_000]);
    let mut stream = EventStream::new();
    let mut found = 0;
    for piece in big.chunks(1) {
        stream.push(piece, |message| found += message.payload.len()).unwrap();
    }
    assert_eq!(found, 2_000_000);
}

/// Headers and payload of a frame.
type Written = (Vec<(String, String)>, Vec<u8>);

fn frames() -> impl Strategy<Value = Vec<Written>> {
    let header = ("[a-z:-]{1,12}", "\\PC{0,20}");
    let headers = proptest::collection::btree_map(header.0, header.1, 0..4).prop_map(|map| map.into_iter().collect::<Vec<_>>());
    proptest::collection::vec((headers, proptest::collection::vec(any::<u8>(), 0..200)), 1..5)
}

fn written(frames: &[Written]) -> Vec<u8> {
    let one = |(headers, payload): &Written| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        encode(&headers, payload)
    };
    frames.iter().flat_map(one).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(frames in frames(), sizes in proptest::collection::vec(0_usize..40, 1..20)) {
        let stream = written(&frames);
        let mut pieces: Vec<&[u8]> = Vec::new();
        let mut rest = stream.as_slice();
        for size in sizes.iter().chain(std::iter::once(&7)).cycle() {
            if rest.is_empty() { break; }
            let (a, b) = rest.split_at((*size).min(rest.len()));
            pieces.push(a);
            rest = b;
        }
        let expect: Vec<Told> = frames.iter().map(|(headers, payload)| Told {
            headers: headers.iter().map(|(name, value)| (name.clone(), format!("{:?}", Value::Text(value)))).collect(),
            payload: payload.clone(),
        }).collect();
        prop_assert_eq!(read(&pieces), (expect, Ok(()), true));
    }

    #[test]
    fn no_changed_byte_is_believed(frames in frames(), place in any::<prop::sample::Index>(), change in 1_u8.., cut in any::<prop::sample::Index>()) {
        let mut stream = written(&frames);
        let place = place.index(stream.len());
        stream[place] ^= change;
        let (a, b) = stream.split_at(cut.index(stream.len()));
        let (found, ended, _) = read(&[a, b]);
        prop_assert!(ended.is_err(), "byte {place}");
        prop_assert!(found.len() < frames.len());
    }

    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), block in proptest::collection::vec(0_u8..12, 0..60)) {
        let _ = read(&[&bytes]);
        let _ = read(&[&frame(&block, &bytes)]);
    }
}
