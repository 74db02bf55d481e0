//! A request that is read can be written for every generation of models, and what is written can be read again.
#![no_main]

use fluxa_domain::vendors::MaxTokensField;
use fluxa_wire::client::gemini::{Gemini as Client, read_count};
use fluxa_wire::client::{Asked, ClientDialect as _};
use fluxa_wire::upstream::gemini::Gemini as Upstream;
use fluxa_wire::upstream::{Target, UpstreamDialect as _};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let _ = read_count(body);
    let asked = Asked { body, model: "m", stream: false };
    let Ok(heard) = Client.read(asked) else { return };
    for model in ["gemini-1.5-pro", "gemini-2.5-flash", "gemini-3-pro-preview", "gemma-3"] {
        let field = MaxTokensField::GenerationConfig;
        let target = Target { model, quirks: &[], max_tokens_field: field, max_output: None, ask_usage: true };
        if let Ok(written) = Upstream.write(&heard.chat, &target) {
            assert!(Client.read(Asked { body: &written.body, ..asked }).is_ok());
        }
    }
});
