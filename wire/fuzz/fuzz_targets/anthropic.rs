//! Any request of Anthropic's messages is read or refused, and what is read can be written; any stream comes out the same, however it
//! is cut.
#![no_main]

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::vendors::MaxTokensField;
use fluxa_wire::client::{self, Asked, ClientDialect as _, Voice};
use fluxa_wire::translate::{Cut, Translation};
use fluxa_wire::upstream::{self, Said, Target, UpstreamDialect as _};
use libfuzzer_sys::fuzz_target;

fn through<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Option<(Vec<u8>, bool)> {
    let (up, client) = (upstream::anthropic::Anthropic, client::anthropic::Anthropic);
    let mut machine = Translation::new((Dialect::Anthropic, Op::Messages), Cut::Sse, &up, &Said::default(), &client, Voice::default());
    let mut out = BytesMut::new();
    for piece in pieces {
        machine.push(piece, &mut out).ok()?;
    }
    machine.finish(&mut out);
    Some((out.to_vec(), machine.is_cut()))
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    if let Ok(heard) = client::anthropic::Anthropic.read(Asked { body: bytes, model: "m", stream: false }) {
        let model = ["claude-opus-4-6", "claude-opus-5", "claude-3-5-haiku", "other"][usize::from(size % 4)];
        let target = Target { model, quirks: &[], max_tokens_field: MaxTokensField::MaxTokens, max_output: None, ask_usage: false };
        if let Ok(written) = upstream::anthropic::Anthropic.write(&heard.chat, &target) {
            client::anthropic::Anthropic.read(Asked { body: &written.body, model, stream: false }).expect("own requests are sound");
        }
    }
    let _ = upstream::anthropic::Anthropic.read(bytes, &Said::default());
    let whole = through(std::iter::once(bytes));
    assert_eq!(through(bytes.chunks(usize::from(size).max(1))), whole);
});
