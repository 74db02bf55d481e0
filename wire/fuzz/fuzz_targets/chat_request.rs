//! Any bytes as a request of chat completions: what can be read can be written, and what was written can be read again.
#![no_main]

use fluxa_domain::vendors::{MaxTokensField, Quirk};
use fluxa_wire::client::chat::OpenAiChat;
use fluxa_wire::client::{Asked, ClientDialect};
use fluxa_wire::upstream::openai::OpenAi;
use fluxa_wire::upstream::{Target, UpstreamDialect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(heard) = OpenAiChat.read(Asked { body, model: "m", stream: false }) else { return };
    for quirks in [&[Quirk::WholeDialect][..], &[Quirk::AlternatingRoles, Quirk::StringContentOnly, Quirk::NoTools][..]] {
        let target = Target { model: "m", quirks, max_tokens_field: MaxTokensField::MaxTokens, max_output: None, ask_usage: true };
        let Ok(written) = OpenAi.write(&heard.chat, &target) else { continue };
        assert!(OpenAiChat.read(Asked { body: &written.body, model: "m", stream: false }).is_ok());
    }
});
