//! One event as a list of its values in the order they stand in: checked, not copied, each with its span.
//!
//! Never known here: what the members mean.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::skip::Scanner;
use crate::json::unquote;
use crate::limits::BODY_DEPTH;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string; whether any of it is escaped.
    Text {
        escaped: bool,
    },
    /// `null`, `false` or `true`.
    Word,
    Number,
    Object,
    Array,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    /// The member's name as written; empty in arrays.
    pub(super) key: &'a [u8],
    /// The value as written, quotes included.
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
    /// Where the list goes on after everything in it.
    pub(super) next: usize,
}

/// An event, flattened. The first node is the whole of it.
#[derive(Debug)]
pub(super) struct Flat<'a> {
    pub(super) data: &'a [u8],
    pub(super) nodes: Vec<Node<'a>>,
    /// A name is escaped: then the names cannot be compared as written.
    pub(super) odd_keys: bool,
}

impl<'a> Flat<'a> {
    /// Reads a document; nothing where it is no sound JSON object.
    pub(super) fn read(data: &'a [u8]) -> Option<Self> {
        let mut flat = Self { data, nodes: Vec::with_capacity(32), odd_keys: false };
        let mut scanner = Scanner::new(data);
        scanner.blanks();
        if scanner.peek() != Some(b'{') {
            return None;
        }
        flat.value(&mut scanner, b"", 0)?;
        scanner.end().ok()?;
        Some(flat)
    }

    fn value(&mut self, scanner: &mut Scanner<'a>, key: &'a [u8], depth: u32) -> Option<()> {
        if depth >= BODY_DEPTH {
            return None;
        }
        scanner.blanks();
        let start = scanner.at;
        let at = self.nodes.len();
        self.nodes.push(Node { key, span: start..start, kind: Kind::Word, next: at + 1 });
        let kind = match scanner.peek()? {
            b'"' => Kind::Text { escaped: scanner.string().ok()?.escaped },
            b'{' => {
                scanner.at += 1;
                self.members(scanner, depth)?;
                Kind::Object
            }
            b'[' => {
                scanner.at += 1;
                self.elements(scanner, depth)?;
                Kind::Array
            }
            b't' => {
                scanner.word(b"true").ok()?;
                Kind::Word
            }
            b'f' => {
                scanner.word(b"false").ok()?;
                Kind::Word
            }
            b'n' => {
                scanner.word(b"null").ok()?;
                Kind::Word
            }
            _ => {
                scanner.number().ok()?;
                Kind::Number
            }
        };
        let next = self.nodes.len();
        let node = self.nodes.get_mut(at)?;
        node.span = start..scanner.at;
        node.kind = kind;
        node.next = next;
        Some(())
    }

    fn members(&mut self, scanner: &mut Scanner<'a>, depth: u32) -> Option<()> {
        scanner.blanks();
        if scanner.peek()? == b'}' {
            scanner.at += 1;
            return Some(());
        }
        loop {
            scanner.blanks();
            let key = scanner.key().ok()?;
            self.odd_keys |= key.escaped;
            let name = scanner.bytes.get(key.start..key.end)?;
            self.value(scanner, name, depth + 1)?;
            if Self::ends(scanner, b'}')? {
                return Some(());
            }
        }
    }

    fn elements(&mut self, scanner: &mut Scanner<'a>, depth: u32) -> Option<()> {
        scanner.blanks();
        if scanner.peek()? == b']' {
            scanner.at += 1;
            return Some(());
        }
        loop {
            self.value(scanner, b"", depth + 1)?;
            if Self::ends(scanner, b']')? {
                return Some(());
            }
        }
    }

    fn ends(scanner: &mut Scanner<'a>, close: u8) -> Option<bool> {
        scanner.blanks();
        let byte = scanner.peek()?;
        scanner.at += 1;
        match byte {
            b',' => Some(false),
            byte if byte == close => Some(true),
            _ => None,
        }
    }

    /// What stands directly in an object or array.
    pub(super) fn children(&self, of: usize) -> impl Iterator<Item = (usize, &Node<'a>)> {
        let end = self.nodes.get(of).map_or(0, |node| node.next);
        let mut at = of + 1;
        std::iter::from_fn(move || {
            let found = at;
            let node = self.nodes.get(found).filter(|_| found < end)?;
            at = node.next;
            Some((found, node))
        })
    }

    /// A member by its name: the last one, as parsers have it.
    pub(super) fn child(&self, of: usize, key: &[u8]) -> Option<usize> {
        self.children(of).filter(|(_, node)| node.key == key).last().map(|(at, _)| at)
    }

    /// The kind of a value.
    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.nodes.get(at).map(|node| node.kind)
    }

    /// A value as written.
    pub(super) fn raw(&self, at: usize) -> &'a [u8] {
        self.nodes.get(at).and_then(|node| self.data.get(node.span.clone())).unwrap_or_default()
    }

    /// A string as written, without its quotes; empty for what is no string.
    pub(super) fn word(&self, at: usize) -> &'a [u8] {
        match self.kind(at) {
            Some(Kind::Text { .. }) => crate::json::walk::contents(self.raw(at)),
            _ => b"",
        }
    }

    /// The string that a member is, as written; empty where there is none.
    pub(super) fn word_of(&self, of: usize, key: &[u8]) -> &'a [u8] {
        self.child(of, key).map_or(b"".as_slice(), |at| self.word(at))
    }

    /// A number that counts something.
    pub(super) fn number(&self, at: usize) -> Option<u64> {
        std::str::from_utf8(self.raw(at)).ok()?.parse().ok()
    }

    /// The place that a member says its object has.
    pub(super) fn index_of(&self, of: usize, key: &[u8]) -> Option<u32> {
        self.child(of, key).and_then(|at| self.number(at)).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Whether a value is a string with something in it.
    pub(super) fn has_text(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Text { .. })) && self.raw(at).len() > 2
    }

    /// The text that a string stands for.
    pub(super) fn text(&self, at: usize) -> Cow<'a, str> {
        let Some(Kind::Text { escaped }) = self.kind(at) else { return Cow::Borrowed("") };
        if !escaped {
            return String::from_utf8_lossy(self.word(at));
        }
        unquote(self.raw(at)).map_or_else(|| Cow::Owned(halves(self.word(at))), Cow::Owned)
    }
}

/// The text of a string that holds half of a pair of escapes, as servers write that cut texts between the two.
fn halves(mut raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    let part = |piece: &[u8]| {
        let mut token = Vec::with_capacity(piece.len() + 2);
        token.push(b'"');
        token.extend_from_slice(piece);
        token.push(b'"');
        unquote(&token)
    };
    while let Some(found) = memchr::memchr(b'\\', raw) {
        out.push_str(&String::from_utf8_lossy(raw.get(..found).unwrap_or_default()));
        let rest = raw.get(found..).unwrap_or_default();
        let length = if rest.get(1) == Some(&b'u') { 6 } else { 2 };
        let (taken, text) = match rest.get(..12).filter(|_| length == 6).and_then(part) {
            Some(pair) if pair.chars().count() == 1 => (12, pair),
            _ => (length, rest.get(..length).and_then(part).unwrap_or_else(|| String::from('\u{fffd}'))),
        };
        out.push_str(&text);
        raw = rest.get(taken..).unwrap_or_default();
    }
    out.push_str(&String::from_utf8_lossy(raw));
    out
}

/// A document with its escaped names written plainly: `"cont\u0065nt"` is `"content"` to every parser.
pub(super) fn plain_keys(flat: &Flat<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(flat.data.len());
    let base = flat.data.as_ptr() as usize;
    let mut from = 0;
    for node in flat.nodes.iter().filter(|node| node.key.contains(&b'\\')) {
        // Names are slices of the document.
        let start = (node.key.as_ptr() as usize).saturating_sub(base).saturating_sub(1);
        let end = start + node.key.len() + 2;
        let token = flat.data.get(start..end).unwrap_or_default();
        out.extend_from_slice(flat.data.get(from..start).unwrap_or_default());
        match unquote(token) {
            Some(name) => out.extend_from_slice(crate::json::quote(&name).as_bytes()),
            None => out.extend_from_slice(token),
        }
        from = end;
    }
    out.extend_from_slice(flat.data.get(from..).unwrap_or_default());
    out
}
