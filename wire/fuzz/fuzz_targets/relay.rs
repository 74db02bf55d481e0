//! What a relay lets out and learns does not depend on the cuts.
#![no_main]

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_wire::facts::Finished;
use fluxa_wire::relay::{Framing, Relay, RelayPlan};
use libfuzzer_sys::fuzz_target;

fn run<'a>(plan: RelayPlan, pieces: impl Iterator<Item = &'a [u8]>) -> Option<(Vec<u8>, Finished)> {
    let mut relay = Relay::new(plan);
    let mut out = BytesMut::new();
    for piece in pieces {
        relay.push(piece, &mut out).ok()?;
    }
    let facts = relay.finish(&mut out);
    Some((out.to_vec(), facts))
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (kind, size, stream) = input;
    let (dialect, op) = match kind % 4 {
        0 => (Dialect::OpenAi, Op::Chat),
        1 => (Dialect::OpenAi, Op::Responses),
        2 => (Dialect::Anthropic, Op::Messages),
        _ => (Dialect::Gemini, Op::GenerateContent),
    };
    let plan = RelayPlan { dialect, op, hide_usage: kind & 4 != 0, framing: Framing::Sse };
    let whole = run(plan, std::iter::once(stream));
    assert_eq!(run(plan, stream.chunks(usize::from(size).max(1))), whole);
});
