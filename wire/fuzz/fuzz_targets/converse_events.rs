//! Any bytes as events of a Converse stream, and as a whole answer: no panic, no empty text, one end at most and last.
#![no_main]

use fluxa_wire::neutral::Event;
use fluxa_wire::upstream::bedrock::Bedrock;
use fluxa_wire::upstream::{Frame, Said, UpstreamDialect};
use libfuzzer_sys::fuzz_target;

const NAMES: [&[u8]; 6] =
    [b"messageStart", b"contentBlockStart", b"contentBlockDelta", b"contentBlockStop", b"messageStop", b"metadata"];

fuzz_target!(|data: &[u8]| {
    let said = Said { json_tool: Some("json".into()), free_text_tools: vec!["text".into()], ..Said::default() };
    let _ = Bedrock.read(data, &said);
    let mut reader = Bedrock.events(&said);
    let mut events = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some((first, payload)) = line.split_first() else { continue };
        let name = NAMES[usize::from(*first) % NAMES.len()];
        if reader.read(Frame { name, data: payload }, &mut events).is_err() {
            break;
        }
    }
    reader.end(&mut events);
    assert!(events.iter().all(|event| !matches!(event, Event::Text { text, .. } | Event::Thinking { text, .. } if text.is_empty())));
    let ends = events.iter().filter(|event| matches!(event, Event::End)).count();
    assert!(ends == 0 || ends == 1 && matches!(events.last(), Some(Event::End)));
});
