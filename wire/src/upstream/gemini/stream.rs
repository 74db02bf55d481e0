//! Reads a stream of chunks.
//!
//! There is no end mark. A reason to finish may come before the last parts, so it is held until the bytes are over; a stream
//! without one was cut.

use serde_json::Value;

use super::chunk::{Call, Candidate, Chunk, Part};
use super::grounding::{Words, grounding, logprobs, recited};
use super::pieces;
use crate::answer::NotProtocol;
use crate::neutral::free_text;
use crate::neutral::media::{kind_of_mime, standard_base64};
use crate::neutral::{Citation, Event, Foreign, Media, MediaKind, Origin, Signature, Source, Stop};
use crate::upstream::{EventReader, Frame, Said};

/// Answers at once that are looked after; eight are sold.
const CHOICES: usize = 128;

/// One stream.
#[derive(Debug)]
pub(super) struct Reader {
    said: Said,
    begun: bool,
    /// Something that belongs to an answer was seen.
    answered: bool,
    choices: Vec<(u32, Choice)>,
}

/// One of the answers.
#[derive(Debug, Default)]
struct Choice {
    words: Words,
    cited: Vec<Citation>,
    calls: u32,
    /// A call whose arguments come in pieces.
    open: Option<Open>,
    last: Last,
    stop: Option<Stop>,
}

#[derive(Debug)]
struct Open {
    id: String,
    name: String,
    signature: Option<Signature>,
    arguments: Value,
}

/// What a mark by itself belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Nothing,
    Words,
    Thoughts,
}

impl Reader {
    pub(super) fn new(said: &Said) -> Self {
        Self { said: said.clone(), begun: false, answered: false, choices: Vec::new() }
    }

    /// What was read is an answer.
    pub(super) const fn has_answer(&self) -> bool {
        self.answered
    }

    fn chunk(&mut self, chunk: Chunk<'_>, out: &mut Vec<Event>) {
        self.answered |= chunk.candidates.is_some() || chunk.prompt_feedback.is_some() || chunk.usage_metadata.is_some();
        if !self.begun {
            self.begun = true;
            let text = |text: super::chunk::Str<'_>| Some(text.0.into_owned()).filter(|text| !text.is_empty());
            out.push(Event::Begin { id: chunk.response_id.and_then(text), model: chunk.model_version.and_then(text) });
        }
        for (candidate, position) in chunk.candidates.unwrap_or_default().into_iter().zip(0..) {
            self.candidate(candidate, position, out);
        }
        if let Some(feedback) = chunk.prompt_feedback
            && feedback.block_reason.is_some_and(|reason| !reason.is_empty())
            && let Some((index, choice)) = self.choice(0)
            && choice.stop.is_none()
        {
            choice.stop = Some(Stop::Filter);
            if let Some(text) = feedback.block_reason_message.filter(|text| !text.is_empty()) {
                out.push(Event::Refusal { choice: index, text });
            }
        }
    }

    fn choice(&mut self, index: u32) -> Option<(u32, &mut Choice)> {
        let at = match self.choices.iter().position(|(known, _)| *known == index) {
            Some(at) => at,
            None if self.choices.len() < CHOICES => {
                self.choices.push((index, Choice::default()));
                self.choices.len() - 1
            }
            None => return None,
        };
        self.choices.get_mut(at).map(|(index, choice)| (*index, choice))
    }

    fn candidate(&mut self, candidate: Candidate<'_>, position: u32, out: &mut Vec<Event>) {
        let said = std::mem::take(&mut self.said);
        if let Some((index, choice)) = self.choice(candidate.index.unwrap_or(position)) {
            for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
                choice.part(index, part, &said, out);
            }
            let mut cited = Vec::new();
            if let Some(raw) = candidate.grounding_metadata {
                cited = grounding(raw.get(), &choice.words);
            }
            if let Some(raw) = candidate.citation_metadata {
                cited.extend(recited(raw.get(), &choice.words));
            }
            for citation in cited {
                // Some streams repeat them in every chunk.
                if !choice.cited.contains(&citation) {
                    choice.cited.push(citation.clone());
                    out.push(Event::Cited { choice: index, citation });
                }
            }
            if let Some(value) = candidate.logprobs_result.and_then(|raw| logprobs(raw.get())) {
                out.push(Event::Logprobs { choice: index, value });
            }
            if let Some(reason) = candidate.finish_reason.filter(|reason| !reason.is_empty()) {
                choice.stop = Some(reason.stop());
            }
        }
        self.said = said;
    }
}

impl EventReader for Reader {
    fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), NotProtocol> {
        let data = frame.data.trim_ascii();
        if data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let broken = |_| NotProtocol { what: "no chunk of an answer" };
        if data.starts_with(b"[") {
            // A stream that was not asked for as events is a list of chunks.
            for chunk in serde_json::from_slice::<Vec<Chunk<'_>>>(data).map_err(broken)? {
                self.chunk(chunk, out);
            }
        } else {
            self.chunk(serde_json::from_slice(data).map_err(broken)?, out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if self.choices.iter().all(|(_, choice)| choice.stop.is_none()) {
            return;
        }
        for (index, choice) in &mut self.choices {
            choice.close(*index, &self.said, out);
            out.push(Event::Stop { choice: *index, reason: choice.stop.unwrap_or_default(), sequence: None });
        }
        out.push(Event::End);
    }
}

impl Choice {
    fn part(&mut self, choice: u32, part: Part<'_>, said: &Said, out: &mut Vec<Event>) {
        let mark = part.thought_signature.map(|mark| mark.0.into_owned()).filter(|mark| !mark.is_empty());
        let signature = mark.map(|mark| Signature::new(Origin::Gemini, mark));
        let thought = part.thought == Some(true);
        if let Some(call) = part.function_call {
            self.call(choice, call, signature, said, out);
            return;
        }
        if let Some(media) = part.inline_data.and_then(|blob| Some(inline(blob.mime_type, blob.data?))) {
            // Drafts of a picture are thoughts too; the picture follows.
            if !thought {
                out.push(Event::Media { choice, media: Media { signature, ..media } });
            }
            return;
        }
        if let Some((url, mime)) = part.file_data.and_then(|file| Some((file.file_uri?, file.mime_type))) {
            let kind = kind_of_mime(mime.as_deref().unwrap_or_default());
            out.push(Event::Media { choice, media: Media { signature, ..Media::new(kind, Source::Url { mime, url }) } });
            return;
        }
        // What a tool of the vendor was asked, and what it gave: only this dialect has a place for it.
        for (kind, value) in [("toolCall", part.tool_call), ("toolResponse", part.tool_response)] {
            if let Some(value) = value {
                let mut whole = serde_json::Map::new();
                whole.insert(kind.to_owned(), value);
                if let Some(mark) = signature {
                    whole.insert(String::from("thoughtSignature"), Value::String(mark.value));
                }
                let part = Foreign { origin: Origin::Gemini, kind: kind.to_owned(), value: Value::Object(whole) };
                out.push(Event::Foreign { choice, part });
                self.last = Last::Nothing;
                return;
            }
        }
        if let Some(code) = part.executable_code {
            let language = code.language.unwrap_or_default().to_ascii_lowercase();
            self.fenced(choice, &language, &code.code.unwrap_or_default(), out);
        } else if let Some(outcome) = part.code_execution_result {
            self.fenced(choice, "", &outcome.output.unwrap_or_default(), out);
        } else if let Some(text) = part.text.map(|text| text.0.into_owned()).filter(|text| !text.is_empty()) {
            self.say(choice, thought, text, out);
        }
        // A mark by itself belongs to what is before it; after a call, or at the beginning, to nothing that could bring it back.
        match (signature, self.last) {
            (Some(signature), Last::Words) => out.push(Event::TextSigned { choice, signature }),
            (Some(signature), Last::Thoughts) => out.push(Event::ThinkingSigned { choice, signature }),
            _ => {}
        }
    }

    fn say(&mut self, choice: u32, thought: bool, text: String, out: &mut Vec<Event>) {
        if thought {
            self.last = Last::Thoughts;
            out.push(Event::Thinking { choice, text });
        } else {
            self.last = Last::Words;
            self.words.parts.push(self.words.text.len());
            self.words.text.push_str(&text);
            out.push(Event::Text { choice, text });
        }
    }

    /// Code that the vendor ran, and what it printed, as every client can show it.
    fn fenced(&mut self, choice: u32, language: &str, code: &str, out: &mut Vec<Event>) {
        if !code.is_empty() {
            let line = if code.ends_with('\n') { "" } else { "\n" };
            self.say(choice, false, format!("```{language}\n{code}{line}```\n"), out);
        }
    }

    fn call(&mut self, choice: u32, call: Call<'_>, signature: Option<Signature>, said: &Said, out: &mut Vec<Event>) {
        let goes_on = call.will_continue == Some(true);
        let Some(name) = call.name.filter(|name| !name.is_empty()) else {
            // More of the call before, or its end.
            if let Some(open) = &mut self.open {
                for piece in call.partial_args.unwrap_or_default() {
                    pieces::put(&mut open.arguments, piece);
                }
                if !goes_on {
                    self.close(choice, said, out);
                }
            }
            return;
        };
        self.close(choice, said, out);
        let id = call.id.unwrap_or_default();
        if goes_on || call.partial_args.is_some() {
            let mut arguments = call.args.and_then(|args| serde_json::from_str(args.get()).ok()).unwrap_or(Value::Null);
            for piece in call.partial_args.unwrap_or_default() {
                pieces::put(&mut arguments, piece);
            }
            self.open = Some(Open { id, name, signature, arguments });
            if !goes_on {
                self.close(choice, said, out);
            }
            return;
        }
        let arguments = call.args.map(|args| args.get()).filter(|args| *args != "null").unwrap_or("{}");
        self.whole(choice, (id, &name, signature), arguments.to_owned(), said, out);
    }

    /// Ends a call whose arguments came in pieces.
    fn close(&mut self, choice: u32, said: &Said, out: &mut Vec<Event>) {
        if let Some(Open { id, name, signature, arguments }) = self.open.take() {
            let arguments = if arguments.is_null() { String::from("{}") } else { arguments.to_string() };
            self.whole(choice, (id, &name, signature), arguments, said, out);
        }
    }

    fn whole(
        &mut self,
        choice: u32,
        (id, name, signature): (String, &str, Option<Signature>),
        arguments: String,
        said: &Said,
        out: &mut Vec<Event>,
    ) {
        let name = said.names.back(name);
        if said.json_tool.as_deref() == Some(name) {
            self.say(choice, false, arguments, out);
            return;
        }
        self.last = Last::Nothing;
        let call = self.calls;
        self.calls += 1;
        let is_text = said.free_text_tools.iter().any(|tool| tool == name);
        let fragment = if is_text { free_text::unwrapped(arguments) } else { arguments };
        out.push(Event::CallBegin { choice, call, id, name: name.to_owned(), signature });
        if !fragment.is_empty() {
            out.push(Event::CallArguments { choice, call, fragment });
        }
        out.push(Event::CallEnd { choice, call });
    }
}

fn inline(mime: Option<String>, data: String) -> Media {
    let mime = mime.unwrap_or_default();
    let kind = if mime.is_empty() { MediaKind::Image } else { kind_of_mime(&mime) };
    let data = match standard_base64(&data) {
        std::borrow::Cow::Borrowed(_) => data,
        std::borrow::Cow::Owned(mended) => mended,
    };
    Media::new(kind, Source::Inline { mime, data })
}
