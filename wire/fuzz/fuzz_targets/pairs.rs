//! Any stream of any vendor to any client: no panic, the same output however it is cut, and no proper end where it was cut.
#![no_main]

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_wire::client::{self, ClientDialect, Voice};
use fluxa_wire::translate::{Cut, Translation};
use fluxa_wire::upstream::{self, Said, UpstreamDialect};
use libfuzzer_sys::fuzz_target;

fn through<'a>(pair: u8, pieces: impl Iterator<Item = &'a [u8]>) -> Option<(Vec<u8>, bool)> {
    let (route, cut, up): (_, _, &dyn UpstreamDialect) = match pair % 4 {
        0 => ((Dialect::OpenAi, Op::Chat), Cut::Sse, &upstream::openai::OpenAi),
        1 => ((Dialect::Anthropic, Op::Messages), Cut::Sse, &upstream::anthropic::Anthropic),
        2 => ((Dialect::Gemini, Op::GenerateContent), Cut::Sse, &upstream::gemini::Gemini),
        _ => ((Dialect::Bedrock, Op::Chat), Cut::EventStream, &upstream::bedrock::Bedrock),
    };
    let client: &dyn ClientDialect = match pair / 4 % 4 {
        0 => &client::chat::OpenAiChat,
        1 => &client::responses::OpenAiResponses,
        2 => &client::anthropic::Anthropic,
        _ => &client::gemini::Gemini,
    };
    let voice = Voice { call: String::from("0123456789abcdef0123456789abcdef"), include_usage: pair >= 128, ..Voice::default() };
    let mut machine = Translation::new(route, cut, up, &Said::default(), client, voice);
    let mut out = BytesMut::new();
    for piece in pieces {
        machine.push(piece, &mut out).ok()?;
    }
    machine.finish(&mut out);
    Some((out.to_vec(), machine.is_cut()))
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (pair, size, bytes) = input;
    let whole = through(pair, std::iter::once(bytes));
    assert_eq!(through(pair, bytes.chunks(usize::from(size).max(1))), whole);
});
