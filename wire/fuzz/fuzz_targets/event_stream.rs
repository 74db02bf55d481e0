//! Any bytes as binary frames: no panic, and the same frames however they are cut.
#![no_main]

use fluxa_wire::frame::event_stream::EventStream;
use libfuzzer_sys::fuzz_target;

type Seen = (Vec<(Option<String>, Vec<u8>)>, bool, bool);

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let mut stream = EventStream::new();
    let mut seen = Vec::new();
    let mut broken = false;
    for piece in pieces {
        broken |= stream.push(piece, |message| seen.push((message.event_type().map(str::to_owned), message.payload.to_vec()))).is_err();
    }
    (seen, broken, stream.at_boundary())
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = read(std::iter::once(bytes));
    assert_eq!(read(bytes.chunks(usize::from(size).max(1))), whole);
    assert_eq!(read(bytes.chunks(1)), whole);
});
