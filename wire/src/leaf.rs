//! Every text in a body, wherever it stands, and the body with some of them changed. What is not changed keeps its bytes.
//!
//! The invariant: a string is shown unless it is on the short list of what is not text (encoded media, signatures of vendors); unknown
//! fields are shown. What comes out is JSON (or a form) again. Never known here: what is looked for.

use bytes::Bytes;

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
    /// The text, escapes read.
    pub text: &'a str,
    /// What it is.
    pub kind: LeafKind,
    /// The member it is in (`content`, `arguments`), the nearest named one in arrays; the field's name in forms.
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

/// Shows every text of a JSON body.
///
/// # Errors
/// When it is not JSON, is nested too deeply, or holds text that is not UTF-8: then not all of it was shown.
pub fn json(body: &[u8], see: &mut dyn FnMut(Leaf<'_>) -> Fate) -> Result<Edited, Malformed> {
    let _ = (body, see);
    Ok(Edited::Same)
}

/// Shows every text field of a form, and its files where they are text.
///
/// # Errors
/// When it is not a form.
pub fn form(content_type: &str, body: &[u8], see: &mut dyn FnMut(Leaf<'_>) -> Fate) -> Result<Edited, Malformed> {
    let _ = (content_type, body, see);
    Ok(Edited::Same)
}
