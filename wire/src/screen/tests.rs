//! Censors to try a screen with, and what is read out of the streams that come through.

use std::collections::BTreeMap;

use super::*;

mod chat;
mod cuts;
mod gemini;
mod messages;
mod responses;

/// Lets everything through, and notes what it was shown.
#[derive(Debug, Default)]
struct Open {
    shown: Vec<String>,
}

impl Censor for Open {
    fn piece(&mut self, _: &Strand, piece: &str, out: &mut String) -> Result<(), Stopped> {
        self.shown.push(piece.to_owned());
        out.push_str(piece);
        Ok(())
    }
    fn end(&mut self, _: &Strand, _: &mut String) -> Result<(), Stopped> {
        Ok(())
    }
    fn whole(&mut self, text: &str, _: LeafKind, _: bool) -> Result<Option<String>, Stopped> {
        self.shown.push(text.to_owned());
        Ok(None)
    }
}

/// Holds a word until it is whole; words that begin with `sec` become capitals, `stop` ends the answer.
#[derive(Debug, Default)]
struct Words {
    held: BTreeMap<Strand, String>,
    /// Texts that were shown whole for the first time.
    firsts: Vec<String>,
    /// Texts that were shown whole again.
    agains: Vec<String>,
}

fn word(word: &str) -> Result<String, Stopped> {
    match word {
        "stop" => Err(Stopped),
        word if word.starts_with("sec") => Ok(word.to_uppercase()),
        word => Ok(word.to_owned()),
    }
}

/// A text with its words judged, but for the last one if it may go on.
fn judge(held: &mut String, end: bool, out: &mut String) -> Result<(), Stopped> {
    let text = std::mem::take(held);
    let mut from = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_ascii_alphanumeric()) {
        out.push_str(&word(&text[from..at])?);
        out.push(c);
        from = at + c.len_utf8();
    }
    if end {
        out.push_str(&word(&text[from..])?);
    } else {
        text[from..].clone_into(held);
    }
    Ok(())
}

fn judged(text: &str) -> String {
    let mut out = String::new();
    judge(&mut text.to_owned(), true, &mut out).unwrap();
    out
}

impl Censor for Words {
    fn piece(&mut self, strand: &Strand, piece: &str, out: &mut String) -> Result<(), Stopped> {
        let held = self.held.entry(strand.clone()).or_default();
        held.push_str(piece);
        judge(held, false, out)
    }
    fn end(&mut self, strand: &Strand, out: &mut String) -> Result<(), Stopped> {
        judge(&mut self.held.remove(strand).unwrap(), true, out)
    }
    fn whole(&mut self, text: &str, _: LeafKind, again: bool) -> Result<Option<String>, Stopped> {
        if again { &mut self.agains } else { &mut self.firsts }.push(text.to_owned());
        let mut out = String::new();
        judge(&mut text.to_owned(), true, &mut out)?;
        Ok((out != text).then_some(out))
    }
}

/// What comes out of a stream that comes in pieces.
fn through<'a>(
    (dialect, op, framing): (Dialect, Op, Framing),
    pieces: impl Iterator<Item = &'a [u8]>,
    censor: &mut dyn Censor,
) -> (String, Result<(), ScreenFault>) {
    let mut screen = Screen::new(dialect, op, framing);
    let mut out = BytesMut::new();
    let mut end = Ok(());
    for piece in pieces {
        end = end.and_then(|()| screen.push(piece, censor, &mut out));
    }
    let end = end.and_then(|()| screen.finish(censor, &mut out));
    (String::from_utf8(out.to_vec()).unwrap(), end)
}

const CHAT: (Dialect, Op, Framing) = (Dialect::OpenAi, Op::Chat, Framing::Sse);
const COMPLETIONS: (Dialect, Op, Framing) = (Dialect::OpenAi, Op::Completions, Framing::Sse);
const MESSAGES: (Dialect, Op, Framing) = (Dialect::Anthropic, Op::Messages, Framing::Sse);
const RESPONSES: (Dialect, Op, Framing) = (Dialect::OpenAi, Op::Responses, Framing::Sse);
const GEMINI: (Dialect, Op, Framing) = (Dialect::Gemini, Op::GenerateContent, Framing::Sse);
const ARRAY: (Dialect, Op, Framing) = (Dialect::Gemini, Op::GenerateContent, Framing::JsonArray);

/// A stream comes out as expected, in one piece, in two at every place, and byte by byte; and as it is where nothing is censored.
#[track_caller]
fn check(kind: (Dialect, Op, Framing), stream: &str, expect: &str) {
    let bytes = stream.as_bytes();
    let (out, end) = through(kind, std::iter::once(bytes), &mut Words::default());
    assert_eq!((out.as_str(), end), (expect, Ok(())));
    let (out, end) = through(kind, bytes.chunks(1), &mut Words::default());
    assert_eq!((out.as_str(), end), (expect, Ok(())), "byte by byte");
    for cut in 0..=bytes.len() {
        let (a, b) = bytes.split_at(cut);
        let (out, end) = through(kind, [a, b].into_iter(), &mut Words::default());
        assert_eq!((out.as_str(), end), (expect, Ok(())), "cut at {cut}");
    }
    assert_eq!(through(kind, bytes.chunks(7), &mut Open::default()), (stream.to_owned(), Ok(())));
}

/// Everything of a stream is shown.
#[track_caller]
fn shows(kind: (Dialect, Op, Framing), stream: &str, texts: &[&str]) {
    let mut censor = Open::default();
    through(kind, std::iter::once(stream.as_bytes()), &mut censor).1.unwrap();
    assert_eq!(censor.shown, texts);
}

/// Events of data lines.
fn events(data: &[&str]) -> String {
    data.iter().map(|data| format!("data: {data}\n\n")).collect()
}

/// Events with the names that their types are.
fn named(data: &[&str]) -> String {
    let kind = |data: &str| serde_json::from_str::<serde_json::Value>(data).unwrap()["type"].as_str().unwrap().to_owned();
    data.iter().map(|data| format!("event: {}\ndata: {data}\n\n", kind(data))).collect()
}
