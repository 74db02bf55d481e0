//! Every text in a body, wherever it stands, and the body with some of them changed. What is not changed keeps its bytes.
//!
//! The invariant: a string is shown unless it is on the short list of what is not text (`skip.rs`: encoded media, signatures of vendors,
//! words of the dialects themselves); unknown fields are shown. What comes out is JSON (or a form) again. Never known here: what is
//! looked for. Start at `json.rs`.

mod charset;
mod encoded;
mod form;
mod json;
mod plain;
mod skip;

use bytes::Bytes;

pub(crate) use skip::is_plain_name;

use crate::body::malformed::Malformed;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// Text for people, or anything that is not one of the others.
    Text,
    /// A JSON document in a string: the arguments of a tool call. Changed, it must still be one.
    Arguments,
    /// A number inside what a tool is given, as written. Its replacement is put in as a string.
    Number,
    /// The name of a member where clients choose names: metadata, a tool's input.
    Name,
}

/// A text and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The text, escapes read; of text that is sent as base64, what it stands for.
    pub text: &'a str,
    /// What it is.
    pub kind: LeafKind,
    /// The member it is in (`content`, `arguments`), the nearest named one in arrays; the field's name in forms. Of a name, the member
    /// whose object it names something in.
    pub field: &'a str,
}

/// What becomes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep,
    /// It becomes this.
    Replace(String),
    /// Nothing of the body is wanted any more.
    Stop,
}

/// What has become of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// Nothing was changed.
    Same,
    /// It was changed.
    Changed(Bytes),
    /// It was stopped.
    Stopped,
}

/// Who is shown the texts.
type See<'a> = dyn FnMut(Leaf<'_>) -> Fate + 'a;

/// Why a pass over a body ended early.
#[derive(Debug)]
enum Halt {
    /// The one who looks wants no more.
    Stopped,
    /// The body is not what it should be.
    Malformed(Malformed),
}

impl<E: Into<Malformed>> From<E> for Halt {
    fn from(fault: E) -> Self {
        Self::Malformed(fault.into())
    }
}

/// Shows every text of a JSON body (of any type, not only objects).
///
/// # Errors
/// When it is not JSON, is nested too deeply, or holds text that is not UTF-8: then not all of it was shown.
pub fn json(body: &[u8], see: &mut dyn FnMut(Leaf<'_>) -> Fate) -> Result<Edited, Malformed> {
    told(json::edited(body, see))
}

/// Shows every text field of a form, and its files where they are text.
///
/// # Errors
/// When it is not a form, holds something outside its parts, or a replacement would end a part.
pub fn form(content_type: &str, body: &[u8], see: &mut dyn FnMut(Leaf<'_>) -> Fate) -> Result<Edited, Malformed> {
    told(form::edited(content_type, body, see))
}

/// Shows a whole body as one text without a field.
///
/// # Errors
/// When it is not UTF-8.
pub fn text(body: &[u8], see: &mut dyn FnMut(Leaf<'_>) -> Fate) -> Result<Edited, Malformed> {
    told(plain::edited(body, see))
}

/// Shows the texts of a body whose lines are JSON each; a line that is not is shown as one text.
///
/// # Errors
/// When it is not UTF-8.
pub fn lines(body: &[u8], see: &mut dyn FnMut(Leaf<'_>) -> Fate) -> Result<Edited, Malformed> {
    told(plain::edited_lines(body, see))
}

/// The answer to callers: a body that was changed, if it was.
fn told(result: Result<Option<Vec<u8>>, Halt>) -> Result<Edited, Malformed> {
    match result {
        Ok(None) => Ok(Edited::Same),
        Ok(Some(changed)) => Ok(Edited::Changed(Bytes::from(changed))),
        Err(Halt::Stopped) => Ok(Edited::Stopped),
        Err(Halt::Malformed(fault)) => Err(fault),
    }
}

/// Shows one text; the answer is what it becomes, if that is something else.
fn ask(see: &mut See<'_>, text: &str, kind: LeafKind, field: &str) -> Result<Option<String>, Halt> {
    match see(Leaf { text, kind, field }) {
        Fate::Keep => Ok(None),
        Fate::Replace(with) => Ok((with != text).then_some(with)),
        Fate::Stop => Err(Halt::Stopped),
    }
}

/// A copy of a body with changes, begun when there is the first one. Changes come in the order of the body.
#[derive(Default)]
struct Copy {
    out: Vec<u8>,
    /// How much of the body is in `out` already.
    taken: usize,
    any: bool,
}

impl Copy {
    /// Takes the body over up to `start`; what takes the place of `start..end` is then pushed to the answer.
    fn replace(&mut self, body: &[u8], start: usize, end: usize) -> &mut Vec<u8> {
        if !self.any {
            self.any = true;
            self.out.reserve(body.len() + 256);
        }
        self.out.extend_from_slice(body.get(self.taken..start).unwrap_or_default());
        self.taken = end;
        &mut self.out
    }

    /// The copy, if anything was changed.
    fn finish(mut self, body: &[u8]) -> Option<Vec<u8>> {
        if !self.any {
            return None;
        }
        self.out.extend_from_slice(body.get(self.taken..).unwrap_or_default());
        Some(self.out)
    }
}
