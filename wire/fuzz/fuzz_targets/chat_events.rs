//! Any bytes as a stream of chat completions: translated to the same dialect, it is the same however it is cut, and has no end
//! where it was torn.
#![no_main]

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_wire::client::Voice;
use fluxa_wire::client::chat::OpenAiChat;
use fluxa_wire::translate::{Cut, Translation};
use fluxa_wire::upstream::Said;
use fluxa_wire::upstream::openai::OpenAi;
use libfuzzer_sys::fuzz_target;

fn translated<'a>(pieces: impl Iterator<Item = &'a [u8]>, think_tags: bool) -> Option<(BytesMut, bool)> {
    let said = Said { think_tags, ..Said::default() };
    let mut translation = Translation::new((Dialect::OpenAi, Op::Chat), Cut::Sse, &OpenAi, &said, &OpenAiChat, Voice::default());
    let mut out = BytesMut::new();
    for piece in pieces {
        translation.push(piece, &mut out).ok()?;
    }
    translation.finish(&mut out);
    Some((out, translation.is_cut()))
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (size, think_tags, stream) = input;
    let whole = translated(std::iter::once(stream), think_tags);
    if let Some((out, true)) = &whole {
        assert!(!out.ends_with(b"[DONE]\n\n"));
    }
    assert_eq!(translated(stream.chunks(usize::from(size).max(1)), think_tags), whole);
});
