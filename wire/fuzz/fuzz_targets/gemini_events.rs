//! What a translated stream says does not depend on its cuts, in events and as an array; and no chunk brings the reader down.
#![no_main]

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_wire::client::Voice;
use fluxa_wire::client::gemini::Gemini as Client;
use fluxa_wire::frame::json_array::Splitter;
use fluxa_wire::translate::{Cut, Translation};
use fluxa_wire::upstream::gemini::Gemini as Upstream;
use fluxa_wire::upstream::{Said, UpstreamDialect as _};
use libfuzzer_sys::fuzz_target;

fn run<'a>(array: bool, pieces: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let voice = Voice { call: "0".repeat(32), array, ..Voice::default() };
    let mut translation = Translation::new((Dialect::Gemini, Op::GenerateContent), Cut::Sse, &Upstream, &Said::default(), &Client, voice);
    let mut out = BytesMut::new();
    for piece in pieces {
        translation.push(piece, &mut out).ok()?;
    }
    translation.finish(&mut out);
    Some(out.to_vec())
}

fn elements<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Vec<u8>>> {
    let mut splitter = Splitter::new();
    let mut found = Vec::new();
    for piece in pieces {
        splitter.push(piece, |element| found.push(element.to_vec())).ok()?;
    }
    Some(found)
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (size, array, stream) = input;
    let size = usize::from(size).max(1);
    assert_eq!(run(array, stream.chunks(size)), run(array, std::iter::once(stream)));
    assert_eq!(elements(stream.chunks(size)), elements(std::iter::once(stream)));
    let _ = Upstream.read(stream, &Said::default());
});
