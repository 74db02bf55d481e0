//! What a screen lets out does not depend on the cuts; with a censor that changes nothing it is what came in.
#![no_main]

use std::collections::BTreeMap;

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_wire::leaf::LeafKind;
use fluxa_wire::relay::Framing;
use fluxa_wire::screen::{Censor, Screen, ScreenFault, Stopped, Strand};
use libfuzzer_sys::fuzz_target;

/// Holds words until they are whole; words with an `s` become capitals.
#[derive(Default)]
struct Words {
    open: bool,
    held: BTreeMap<Strand, String>,
}

impl Words {
    fn judge(&self, text: &str) -> String {
        if self.open { text.to_owned() } else { text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()).map(large).collect() }
    }
}

fn large(word: &str) -> String {
    if word.contains('s') { word.to_uppercase() } else { word.to_owned() }
}

impl Censor for Words {
    fn piece(&mut self, strand: &Strand, piece: &str, out: &mut String) -> Result<(), Stopped> {
        let mut text = self.held.remove(strand).unwrap_or_default();
        text.push_str(piece);
        let whole = text.trim_end_matches(|c: char| !self.open && c.is_ascii_alphanumeric()).len();
        self.held.insert(strand.clone(), text.split_off(whole));
        out.push_str(&self.judge(&text));
        Ok(())
    }
    fn end(&mut self, strand: &Strand, out: &mut String) -> Result<(), Stopped> {
        let held = self.held.remove(strand).expect("only what was begun ends");
        out.push_str(&self.judge(&held));
        Ok(())
    }
    fn whole(&mut self, text: &str, _: LeafKind, _: bool) -> Result<Option<String>, Stopped> {
        Ok(Some(self.judge(text)).filter(|new| new != text))
    }
}

fn run<'a>(kind: u8, open: bool, pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, ScreenFault> {
    let (dialect, op, framing) = match kind % 6 {
        0 => (Dialect::OpenAi, Op::Chat, Framing::Sse),
        1 => (Dialect::OpenAi, Op::Responses, Framing::Sse),
        2 => (Dialect::Anthropic, Op::Messages, Framing::Sse),
        3 => (Dialect::Gemini, Op::GenerateContent, Framing::Sse),
        4 => (Dialect::Gemini, Op::GenerateContent, Framing::JsonArray),
        _ => (Dialect::OpenAi, Op::Other, Framing::Sse),
    };
    let mut screen = Screen::new(dialect, op, framing);
    let mut censor = Words { open, ..Words::default() };
    let mut out = BytesMut::new();
    for piece in pieces {
        screen.push(piece, &mut censor, &mut out)?;
    }
    screen.finish(&mut censor, &mut out)?;
    assert!(censor.held.is_empty() || open, "nothing is kept back for good");
    Ok(out.to_vec())
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (kind, size, stream) = input;
    let size = usize::from(size).max(1);
    if let Ok(out) = run(kind, true, stream.chunks(size)) {
        assert!(stream.starts_with(&out), "what is not changed keeps its bytes");
    }
    let whole = run(kind, false, std::iter::once(stream));
    assert_eq!(run(kind, false, stream.chunks(size)), whole);
});
