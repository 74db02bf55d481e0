//! Free text that comes in a JSON string, `{"input": "..."}`, read as far as it has come.

use serde_json::Value;

/// A text on its way.
#[derive(Debug, Default)]
pub(super) struct FreeText {
    stage: Stage,
    /// What came and is not read yet.
    pending: String,
    text: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Before the text: `{"input": "`.
    #[default]
    Head,
    /// In the text.
    Body,
    /// Behind it. Nothing more is meant.
    Tail,
    /// Something else: it is read when it is whole.
    Odd,
}

impl FreeText {
    /// Takes a fragment and gives what it adds to the text; often nothing.
    pub(super) fn feed(&mut self, fragment: &str) -> &str {
        self.pending.push_str(fragment);
        let before = self.text.len();
        if self.stage == Stage::Head {
            match head(&self.pending) {
                Head::Short => {}
                Head::Odd => self.stage = Stage::Odd,
                Head::Whole(rest) => {
                    self.pending = rest.to_owned();
                    self.stage = Stage::Body;
                }
            }
        }
        if self.stage == Stage::Body {
            let (end, is_over) = readable(&self.pending);
            self.text.push_str(&unescaped(self.pending.get(..end).unwrap_or_default()));
            self.pending.drain(..end);
            if is_over {
                self.stage = Stage::Tail;
            }
        }
        if self.stage == Stage::Tail {
            self.pending.clear();
        }
        self.text.get(before..).unwrap_or_default()
    }

    /// No more comes. Gives what that adds to the text.
    pub(super) fn end(&mut self) -> &str {
        let before = self.text.len();
        // Otherwise what is left is half a beginning, or half an escape.
        if self.stage == Stage::Odd {
            self.text = whole(std::mem::take(&mut self.pending));
        }
        self.text.get(before..).unwrap_or_default()
    }

    /// The text has come to its end.
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.stage, Stage::Tail | Stage::Odd)
    }

    /// All of the text so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

enum Head<'t> {
    Short,
    Odd,
    Whole(&'t str),
}

/// What stands behind `{"input": "`.
fn head(mut text: &str) -> Head<'_> {
    for token in ["{", "\"input\"", ":", "\""] {
        text = text.trim_ascii_start();
        match text.strip_prefix(token) {
            Some(rest) => text = rest,
            None if token.starts_with(text) => return Head::Short,
            None => return Head::Odd,
        }
    }
    Head::Whole(text)
}

/// How far a JSON string can be read, and whether it ends there: never into an escape that has not come whole.
fn readable(body: &str) -> (usize, bool) {
    let bytes = body.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'"' => return (at, true),
            b'\\' => match escape(bytes.get(at..).unwrap_or_default()) {
                Some(length) => length,
                None => return (at, false),
            },
            _ => 1,
        };
    }
    (at, false)
}

/// The length of an escape, with the second half of a pair of surrogates; nothing if it has not come whole.
fn escape(bytes: &[u8]) -> Option<usize> {
    if *bytes.get(1)? != b'u' {
        return Some(2);
    }
    let first = bytes.get(2..6)?;
    let is_high = matches!(first, [b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B', ..]);
    if !is_high {
        return Some(6);
    }
    match (bytes.get(6), bytes.get(7)) {
        (None, _) | (Some(b'\\'), None) => None,
        (Some(b'\\'), Some(b'u')) => bytes.get(8..12).map(|_| 12),
        _ => Some(6),
    }
}

/// The text of what stands between the quotes. Models also write line ends there that JSON wants escaped.
fn unescaped(body: &str) -> String {
    if !body.contains('\\') {
        return body.to_owned();
    }
    let escaped = body.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    serde_json::from_str(&format!("\"{escaped}\"")).unwrap_or_else(|_| body.to_owned())
}

/// The text of arguments that are whole: their `input`, else they themselves.
fn whole(arguments: String) -> String {
    match serde_json::from_str(&arguments) {
        Ok(Value::Object(mut members)) => match members.remove("input") {
            Some(Value::String(text)) => text,
            None if members.is_empty() => String::new(),
            _ => arguments,
        },
        _ => arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The text, told in deltas, of arguments that come in these fragments.
    fn read<'f>(fragments: impl IntoIterator<Item = &'f str>) -> (String, usize) {
        let mut text = FreeText::default();
        let (mut all, mut deltas) = (String::new(), 0);
        for fragment in fragments {
            let delta = text.feed(fragment);
            deltas += usize::from(!delta.is_empty());
            all.push_str(delta);
        }
        all.push_str(text.end());
        assert_eq!(all, text.text());
        (all, deltas)
    }

    #[test]
    fn texts_are_read_as_they_come() {
        let check = |fragments: &[&str], expect: &str, deltas: usize| {
            assert_eq!(read(fragments.iter().copied()), (expect.to_owned(), deltas), "{fragments:?}");
        };
        check(&["{\"input\":\"a", "b\\", "n\\ud83d", "\\ude00\"}"], "ab\n😀", 4);
        check(&[" { \"inp", "ut\" :", " \"x\"", "}"], "x", 1);
        check(&["{\"input\":\"x\",\"more\":1}"], "x", 1);
        check(&["{\"input\":\"half \\"], "half ", 1);
        check(&["{\"input\":\"line\nend\\t\"}"], "line\nend\t", 1);
        check(&["{}"], "", 0);
        check(&[], "", 0);
        check(&["{\"more\":1,\"inp", "ut\":\"x\"}"], "x", 0);
        check(&["{\"input\":7}"], "{\"input\":7}", 0);
        check(&["*** Begin"], "*** Begin", 0);
        check(&["{\"in"], "", 0);
        check(&["{\"input\":\"\\ud83d!\"}"], "\\ud83d!", 1);
    }

    proptest! {
        #[test]
        fn any_text_comes_out_of_any_cut(text in "\\PC{0,12}[\n\"\\\\😀é]{0,4}", ascii: bool, cuts in proptest::collection::vec(1_usize..5, 0..40)) {
            let mut json = serde_json::json!({ "input": text }).to_string();
            if ascii {
                let units = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
                json = json.chars().map(|c| if c.is_ascii() { c.to_string() } else { units(c) }).collect();
            }
            let chars: Vec<char> = json.chars().collect();
            let (mut fragments, mut rest) = (Vec::new(), &chars[..]);
            for cut in cuts {
                let (first, after) = rest.split_at(cut.min(rest.len()));
                fragments.push(first.iter().collect::<String>());
                rest = after;
            }
            fragments.push(rest.iter().collect());
            prop_assert_eq!(read(fragments.iter().map(String::as_str)).0, text);
        }
    }
}
