//! Stand-ins that the client gets its values back for. They live as long as their call and are written nowhere.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::document;
use crate::view::Form;

/// The longest name of a stand-in, `EMAIL_1`: labels are shorter.
const NAME_BYTES: usize = 96;

/// The stand-ins of one call.
#[derive(Default)]
pub struct Pseudonyms {
    by_value: HashMap<(String, String), usize>,
    all: Vec<Known>,
    /// By what stands between `<` and `>`.
    by_name: BTreeMap<String, usize>,
    counts: HashMap<String, usize>,
    /// Names that the client wrote itself.
    taken: HashSet<String>,
}

struct Known {
    stand_in: String,
    value: String,
    /// As it was written in a document.
    written: Option<String>,
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pseudonyms").field("count", &self.all.len()).finish_non_exhaustive()
    }
}

/// What stands at a place of a text where a stand-in may begin.
enum Here {
    /// A stand-in, so many bytes long.
    Known(usize, usize),
    /// The end of the text decides.
    Open,
    Nothing,
}

impl Pseudonyms {
    /// The stand-in for a value: `<EMAIL_1>`; the same value has the same one.
    pub fn stand_in(&mut self, label: &str, value: &str) -> &str {
        self.of(label, value, None)
    }

    /// The stand-in for a value as it was written inside a string of a document.
    pub(crate) fn stand_in_written(&mut self, label: &str, written: &str) -> &str {
        self.of(label, &document::read(written), Some(written))
    }

    fn of(&mut self, label: &str, value: &str, written: Option<&str>) -> &str {
        let next = self.all.len();
        let at = *self.by_value.entry((label.to_owned(), value.to_owned())).or_insert(next);
        if at == next {
            let count = self.counts.entry(label.to_owned()).or_insert(0);
            let name = loop {
                *count += 1;
                let name = format!("{label}_{count}");
                if !self.taken.contains(&name) {
                    break name;
                }
            };
            self.all.push(Known { stand_in: format!("<{name}>"), value: value.to_owned(), written: None });
            self.by_name.insert(name, at);
        }
        if let (Some(known), Some(written)) = (self.all.get_mut(at), written) {
            known.written.get_or_insert_with(|| written.to_owned());
        }
        self.all.get(at).map_or("", |known| &known.stand_in)
    }

    /// Notes the names of stand-ins that a text of the client's own has: none of them is given to a value from now on.
    pub fn reserve(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = memchr::memchr3(b'<', b'&', b'\\', rest.as_bytes()) {
            rest = rest.get(at..).unwrap_or_default();
            let opening = OPENINGS.iter().find(|opening| rest.starts_with(*opening)).map_or(1, |opening| opening.len());
            let behind = rest.get(opening..).unwrap_or_default();
            let name = behind.get(..behind.bytes().take_while(|byte| in_name(*byte)).count()).unwrap_or_default();
            let numbered = name.rsplit_once('_').is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()));
            if numbered && name.len() <= NAME_BYTES && !self.taken.contains(name) {
                self.taken.insert(name.to_owned());
            }
            rest = behind;
        }
    }

    /// None have been made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Stand-ins and what they stand for.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(|known| (known.stand_in.as_str(), known.value.as_str()))
    }

    /// Appends `text` to `out` with values in the place of their stand-ins. Returned is how much of the text that took, and whether
    /// any was given back; what is left may begin a stand-in and waits, unless it is the `last`.
    pub(crate) fn give(&self, text: &str, form: Form, last: bool, out: &mut String) -> (usize, bool) {
        let (mut from, mut at, mut any) = (0, 0, false);
        let bytes = text.as_bytes();
        while let Some(next) = memchr::memchr3(b'<', b'&', b'\\', bytes.get(at..).unwrap_or_default()) {
            at += next;
            match self.here(bytes.get(at..).unwrap_or_default(), form) {
                Here::Known(known, length) => {
                    out.push_str(text.get(from..at).unwrap_or_default());
                    if let Some(known) = self.all.get(known) {
                        match (form, &known.written) {
                            (Form::Plain, _) => out.push_str(&known.value),
                            (Form::Json, Some(written)) => out.push_str(written),
                            (Form::Json, None) => out.push_str(&document::written(&known.value)),
                        }
                    }
                    any = true;
                    at += length;
                    from = at;
                }
                Here::Open if !last => {
                    out.push_str(text.get(from..at).unwrap_or_default());
                    return (at, any);
                }
                Here::Open | Here::Nothing => {
                    // In a document a backslash and what it escapes belong together.
                    at += 1;
                    if form == Form::Json && bytes.get(at - 1) == Some(&b'\\') && bytes.get(at).is_some_and(u8::is_ascii) {
                        at += 1;
                    }
                }
            }
        }
        out.push_str(text.get(from..).unwrap_or_default());
        (text.len(), any)
    }

    fn here(&self, rest: &[u8], form: Form) -> Here {
        let opening = match either(rest, &OPENINGS, form) {
            Ok(length) => length,
            Err(open) => return if open { Here::Open } else { Here::Nothing },
        };
        let behind = rest.get(opening..).unwrap_or_default();
        let length = behind.iter().take(NAME_BYTES).take_while(|byte| in_name(**byte)).count();
        let name = behind.get(..length).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        if length == behind.len() {
            let begins = |name: &str| {
                let next = self.by_name.range::<str, _>((std::ops::Bound::Included(name), std::ops::Bound::Unbounded)).next();
                next.is_some_and(|(known, _)| known.starts_with(name))
            };
            return if begins(name) { Here::Open } else { Here::Nothing };
        }
        let Some(&known) = self.by_name.get(name) else { return Here::Nothing };
        match either(behind.get(length..).unwrap_or_default(), &CLOSINGS, form) {
            Ok(closing) => Here::Known(known, opening + length + closing),
            Err(true) => Here::Open,
            Err(false) => Here::Nothing,
        }
    }
}

/// How models and their tools write `<` and `>`.
const OPENINGS: [&str; 4] = ["<", "&lt;", "\\u003c", "\\u003C"];
const CLOSINGS: [&str; 4] = [">", "&gt;", "\\u003e", "\\u003E"];

fn in_name(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

/// The length of the mark that `rest` begins with, or whether it may begin with one.
fn either(rest: &[u8], marks: &[&str; 4], form: Form) -> Result<usize, bool> {
    let written = marks.iter().filter(|mark| form == Form::Json || !mark.starts_with('\\'));
    let mut open = false;
    for mark in written {
        if rest.starts_with(mark.as_bytes()) {
            return Ok(mark.len());
        }
        open |= mark.as_bytes().starts_with(rest);
    }
    Err(open)
}
