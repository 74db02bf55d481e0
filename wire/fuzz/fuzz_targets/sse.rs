//! Events do not depend on where a stream is cut.
#![no_main]

use fluxa_wire::frame::sse::{Framer, Piece};
use libfuzzer_sys::fuzz_target;

fn events<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    let mut note = |piece: Piece<'_>| {
        if let Piece::Block { event, data: Some(data) } = piece {
            found.push((event.to_vec(), data.to_vec()));
        }
    };
    for piece in pieces {
        framer.push(piece, |p, _| note(p)).ok()?;
    }
    framer.finish(note).ok()?;
    Some(found)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, stream) = input;
    let whole = events(std::iter::once(stream));
    assert_eq!(events(stream.chunks(usize::from(size).max(1))), whole);
});
