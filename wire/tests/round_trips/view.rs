//! A conversation as it is compared: what every dialect must keep, without what dialects may say differently.

use fluxa_wire::neutral::media::decode_base64;
use fluxa_wire::neutral::{Chat, Format, Media, Origin, Part, Role, Signature, Source, Tool};
use serde_json::{Value, json};

/// What Gemini's clients and the writer put where a mark is missing.
const SKIP: &str = "skip_thought_signature_validator";

/// Which of the optional things must be there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeps {
    /// Thoughts and marks of this vendor; of nobody else.
    pub(super) thoughts_of: Option<Origin>,
    /// Whether a tool failed, apart from its words.
    pub(super) errors: bool,
}

/// Neighbours of one role.
#[derive(Clone, Debug, Default, PartialEq)]
struct Run {
    by_assistant: bool,
    thoughts: Vec<(String, String)>,
    words: String,
    media: Vec<String>,
    /// Name, arguments and mark.
    calls: Vec<(String, Value, Option<String>)>,
    /// The number of the call in the conversation, words, failed; in the order of the calls.
    results: Vec<(Option<usize>, String, bool)>,
}

/// A conversation.
#[derive(Debug, PartialEq)]
pub(super) struct View {
    system: String,
    runs: Vec<Run>,
}

impl View {
    pub(super) fn of(chat: &Chat, keeps: Keeps) -> Self {
        let system: String = chat.system.iter().map(|text| plain(&text.text)).collect();
        let mut runs: Vec<Run> = Vec::new();
        let mut ids: Vec<&str> = Vec::new();
        for turn in &chat.turns {
            let by_assistant = turn.role == Role::Assistant;
            if runs.last().is_none_or(|last| last.by_assistant != by_assistant) {
                runs.push(Run { by_assistant, ..Run::default() });
            }
            let run = runs.last_mut().unwrap();
            for part in &turn.parts {
                match part {
                    Part::Call(call) => ids.push(&call.id),
                    Part::Result(result) => {
                        let number = ids.iter().rposition(|id| *id == result.id);
                        let text = plain(&result.text().replace("[image]", ""));
                        let text = if keeps.errors { text } else { text.trim_start_matches("Error: ").to_owned() };
                        run.results.push((number, text, keeps.errors && result.is_error));
                        run.media.extend(
                            result
                                .content
                                .iter()
                                .filter_map(|part| if let Part::Media(media) = part { Some(picture(media)) } else { None }),
                        );
                    }
                    _ => {}
                }
                run.take(part, keeps);
            }
        }
        for run in &mut runs {
            run.results.sort();
            run.media.sort();
        }
        Self { system, runs }
    }
}

impl Run {
    fn take(&mut self, part: &Part, keeps: Keeps) {
        let own = |mark: &Signature| keeps.thoughts_of == Some(mark.origin) && mark.value != SKIP;
        match part {
            Part::Text(text) => self.words.push_str(&plain(&text.text)),
            Part::Media(Media { source: Source::Text(text), .. }) => self.words.push_str(&plain(text)),
            Part::Media(media) if is_text(media) => self.words.push_str(&plain(&picture(media))),
            Part::Media(media) => self.media.push(picture(media)),
            Part::Thinking(thinking) => {
                if let Some(mark) = thinking.signature.as_ref().filter(|mark| own(mark)) {
                    self.thoughts.push((thinking.text.clone(), mark.value.clone()));
                }
            }
            Part::Call(call) => {
                // Only Gemini's calls are signed.
                let mark = call.signature.as_ref().filter(|mark| own(mark)).map(|mark| mark.value.clone());
                self.calls.push((call.name.clone(), Value::Object(call.object()), mark));
            }
            Part::Redacted(mark) if own(mark) => self.thoughts.push((String::new(), mark.value.clone())),
            Part::Redacted(_) | Part::Result(_) | Part::Refusal(_) | Part::Foreign(_) => {}
        }
    }
}

/// Words without what stands between blocks of them.
fn plain(text: &str) -> String {
    text.replace('\n', "")
}

/// A document of text, which many dialects only know as words.
fn is_text(media: &Media) -> bool {
    matches!(&media.source, Source::Inline { mime, .. } if mime == "text/plain")
}

fn picture(media: &Media) -> String {
    match &media.source {
        Source::Inline { mime, data } if mime == "text/plain" => String::from_utf8(decode_base64(data).unwrap()).unwrap(),
        Source::Inline { mime, data } => format!("{mime} {data}"),
        Source::Url { url, .. } => url.clone(),
        Source::FileId(id) => id.clone(),
        Source::Text(text) => text.clone(),
    }
}

/// All vendors' marks in a conversation.
pub(super) fn marks(chat: &Chat) -> Vec<Signature> {
    let of = |part: &Part| match part {
        Part::Thinking(thinking) => thinking.signature.clone(),
        Part::Call(call) => call.signature.clone(),
        Part::Redacted(mark) => Some(mark.clone()),
        _ => None,
    };
    chat.turns.iter().flat_map(|turn| &turn.parts).filter_map(of).filter(|mark| mark.value != SKIP).collect()
}

/// A tool without what dialects add to its schema.
pub(super) fn tool(tool: &Tool) -> Value {
    let properties = tool.schema.as_ref().and_then(|schema| schema.get("properties")).cloned().unwrap_or_default();
    json!({"name": tool.name, "description": tool.description, "properties": properties})
}

/// The form of the answer, without its name.
pub(super) fn format(chat: &Chat) -> Option<Value> {
    chat.format.as_ref().map(|format| match format {
        Format::Json => Value::from("json"),
        Format::Schema { schema, .. } => schema["properties"].clone(),
    })
}
