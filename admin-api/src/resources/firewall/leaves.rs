//! The texts of a request's body, with their places, to be looked at and replaced: nearly what a gateway looks at.
//!
//! The invariant: every string is shown but for what is on the short lists below (media in base64, signatures of vendors, words of
//! the dialects); unknown fields are shown. Names and long numbers are shown where clients choose them: metadata, inputs of tools.
//! The gateway reads bytes and looks closer at encoded media; where the two differ is said in docs/firewall.md.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use fluxa_firewall::Form;

use crate::json::Node;

/// A run of base64 from which on what stands in a field for media is bytes and no text.
const BYTES_RUN: usize = 512;
/// Shorter runs are ordinary words.
const WORD_BYTES: usize = 16;
/// Vendors' signatures are no shorter.
const SEALED_BYTES: usize = 64;
/// Digits of a number that may be somebody's; shorter ones are counts and sizes.
const NUMBER_DIGITS: usize = 7;
/// The longest names that the dialects have chosen themselves.
const NAME_BYTES: usize = 48;

/// Words of the dialects, in these members only.
const WORDS: [&str; 24] = [
    "user",
    "assistant",
    "system",
    "developer",
    "tool",
    "function",
    "model",
    "text",
    "message",
    "input_text",
    "output_text",
    "image_url",
    "input_image",
    "tool_use",
    "tool_result",
    "function_call",
    "function_call_output",
    "string",
    "number",
    "integer",
    "boolean",
    "array",
    "object",
    "custom",
];

/// A text, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf<'a> {
    /// A JSON pointer: of a name, that of its member.
    pub(super) path: &'a str,
    /// The text.
    pub(super) text: &'a str,
    /// How it is looked at.
    pub(super) form: Form,
    /// It is the name of a member.
    pub(super) is_name: bool,
}

/// Who is shown the texts; the answer is what one becomes, if that is something else.
type See<'a> = dyn FnMut(Leaf<'_>) -> Option<String> + 'a;

/// What a member's name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Plain,
    /// A word of a dialect.
    Word,
    /// Media in base64.
    Media,
    /// A blob that only its vendor can read.
    Sealed,
    /// A JSON document in a string; inside of an object, what a tool is given.
    Arguments,
    /// What clients choose names and numbers in.
    Data,
    /// The same, if it is an object.
    DataObject,
}

impl Class {
    fn of(name: &str) -> Self {
        match name {
            "role" | "type" | "object" | "stop_reason" | "stopReason" | "finish_reason" | "status" | "detail" => Self::Word,
            "data" | "file_data" | "fileData" | "b64_json" | "bytes" | "embedding" | "url" | "image_url" | "video_url" | "image"
            | "audio" | "result" | "mask" | "imageBytes" | "videoBytes" | "audioBytes" | "bytesBase64Encoded" => Self::Media,
            "signature" | "thoughtSignature" | "thought_signature" | "encrypted_content" | "encryptedContent" | "redactedContent"
            | "encrypted_index" | "encrypted_stdout" => Self::Sealed,
            "arguments" => Self::Arguments,
            "metadata" | "requestMetadata" | "request_metadata" | "args" | "functionCall" | "functionResponse" | "function_response"
            | "json" | "tags" | "labels" | "input_examples" | "examples" | "example" | "structuredContent" | "structured_content"
            | "variables" | "attributes" | "default" | "const" | "enum" => Self::Data,
            "input" | "output" => Self::DataObject,
            _ => Self::Plain,
        }
    }

    const fn holds_data(self, object: bool) -> bool {
        match self {
            Self::Data => true,
            Self::Arguments | Self::DataObject => object,
            _ => false,
        }
    }
}

/// Shows `see` every text of `body` and takes what it is to become.
pub(super) fn each(body: &mut Node, see: &mut See<'_>) {
    walk(body, Class::Plain, false, &mut String::new(), see);
}

fn walk(node: &mut Node, class: Class, data: bool, path: &mut String, see: &mut See<'_>) {
    let here = path.len();
    match node {
        Node::Text(text) => {
            if let Some(becomes) = string(text, class, path, see) {
                *text = becomes;
            }
        }
        Node::Number(number) => {
            let long = number.bytes().filter(u8::is_ascii_digit).count() >= NUMBER_DIGITS;
            if long && (data || class == Class::Data) {
                let becomes = see(Leaf { path, text: number, form: Form::Plain, is_name: false });
                if let Some(becomes) = becomes {
                    *node = Node::Text(becomes);
                }
            }
        }
        Node::List(items) => {
            let data = data || class.holds_data(false);
            for (at, item) in items.iter_mut().enumerate() {
                path.push('/');
                path.push_str(&at.to_string());
                walk(item, class, data, path, see);
                path.truncate(here);
            }
        }
        Node::Object(members) => {
            let data = data || class.holds_data(true);
            for (name, value) in members {
                path.push('/');
                path.push_str(&name.replace('~', "~0").replace('/', "~1"));
                let class = Class::of(name);
                let becomes =
                    if data || !is_plain_name(name) { see(Leaf { path, text: name, form: Form::Plain, is_name: true }) } else { None };
                walk(value, class, data, path, see);
                if let Some(becomes) = becomes {
                    *name = becomes;
                }
                path.truncate(here);
            }
        }
        Node::Null | Node::Flag(_) => {}
    }
}

fn string(text: &str, class: Class, path: &str, see: &mut See<'_>) -> Option<String> {
    let mut show = |text: &str, form: Form| see(Leaf { path, text, form, is_name: false });
    match class {
        Class::Word if WORDS.contains(&text) => return None,
        Class::Sealed if text.len() >= SEALED_BYTES && is_run(text) => return None,
        Class::Arguments => return show(text, Form::Json),
        _ => {}
    }
    if let Some((head, contents)) = data_url(text) {
        return match decoded(contents) {
            Some((decoded, engine)) => show(&decoded, Form::Plain).map(|with| format!("{head},{}", engine.encode(with))),
            None if is_run(contents) => None,
            None => show(text, Form::Plain),
        };
    }
    if class == Class::Media && text.len() >= WORD_BYTES {
        if let Some((decoded, engine)) = decoded(text) {
            // Short runs are shown as they are written too: they may be a key.
            let raw = if text.len() < BYTES_RUN { show(text, Form::Plain) } else { None };
            return raw.or_else(|| show(&decoded, Form::Plain).map(|with| engine.encode(with)));
        }
        if text.len() >= BYTES_RUN && is_run(text) {
            return None;
        }
    }
    show(text, Form::Plain)
}

/// A `data:` URL of base64 in its halves.
fn data_url(text: &str) -> Option<(&str, &str)> {
    let (head, contents) = text.split_once(',')?;
    let scheme = head.get(.."data:".len())?;
    let end = head.len().checked_sub(";base64".len()).and_then(|at| head.get(at..))?;
    (scheme.eq_ignore_ascii_case("data:") && end.eq_ignore_ascii_case(";base64")).then_some((head, contents))
}

/// The text that a run of base64 stands for, if it is one, and how to write it again.
fn decoded(run: &str) -> Option<(String, &'static base64::engine::GeneralPurpose)> {
    if !is_run(run) {
        return None;
    }
    let mut engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].into_iter();
    let (bytes, engine) = engines.find_map(|engine| Some((engine.decode(run).ok()?, engine)))?;
    let text = String::from_utf8(bytes).ok()?;
    let is_text = !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{1b}'));
    is_text.then_some((text, engine))
}

fn is_run(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte))
}

/// A name that a dialect may have chosen.
fn is_plain_name(name: &str) -> bool {
    name.len() <= NAME_BYTES && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-$.".contains(&byte))
}

#[cfg(test)]
mod tests;
