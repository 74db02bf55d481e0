//! Any usage object comes to counts within the limit, or to none; any answer is read without panic.
#![no_main]

use fluxa_domain::dialect::{Dialect, Op};
use fluxa_wire::usage::{anthropic, bedrock, gemini, openai};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    for reading in [openai::read(raw), anthropic::read(raw), gemini::read(raw), bedrock::read(raw)] {
        assert!(!(reading.absurd && reading.usage.is_some()));
        if let Some(usage) = reading.usage {
            assert!(usage.reasoning <= usage.output);
        }
    }
    let _ = fluxa_wire::answer::answer(Dialect::OpenAi, Op::Chat, raw);
    let _ = fluxa_wire::upstream_error::read_error(400, raw);
});
