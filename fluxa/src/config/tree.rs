//! The configuration file as a tree of nodes that know their line.
//!
//! Scalars stay text here: what `8080` or `5m` means is decided by the key that asks. Start at [`parse`].

use std::borrow::Cow;
use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::error::{At, ConfigError, snippet};
use super::expand::{is_shielded, shield, unshield};

/// The largest configuration file; a hand-written one has a few kilobytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting; the contract's needs four.
const MAX_DEPTH: usize = 16;
/// The most nodes, aliases counted each time, so that a few aliases cannot become a billion nodes.
const MAX_NODES: usize = 20_000;

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub at: At,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing: `key:`, `~` or `null`.
    Null,
    /// Any other scalar, with its references not yet expanded.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in order.
    Map(Vec<Pair>),
}

/// One key of a mapping and its value.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub at: At,
    /// The value.
    pub node: Node,
}

/// Reads `text` as one YAML document. `None` for a file without content.
///
/// # Errors
/// Where and what the first mistake is.
pub fn parse(file: &str, text: &str) -> Result<Option<Node>, ConfigError> {
    let fail = |message: &str| ConfigError {
        origin: file.to_owned(),
        at: None,
        key: String::new(),
        message: message.to_owned(),
        snippet: String::new(),
    };
    if text.len() > MAX_BYTES {
        return Err(fail("the file is larger than 1 MiB"));
    }
    if text.chars().any(is_shielded) {
        return Err(fail("the file holds private-use characters (U+F0000 and up)"));
    }
    let shielded = shield(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut builder = Builder { file, text, events: Parser::new_from_str(&shielded), anchors: HashMap::new(), nodes: 0 };
    builder.document()
}

struct Builder<'a, I> {
    file: &'a str,
    text: &'a str,
    events: I,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

type Item<'i> = Result<(Event<'i>, Span), serde_saphyr::granit_parser::ScanError>;

impl<'i, I: Iterator<Item = Item<'i>>> Builder<'_, I> {
    fn document(&mut self) -> Result<Option<Node>, ConfigError> {
        let mut root = None;
        let mut documents = 0;
        while let Some((event, at)) = self.next()? {
            match event {
                Event::DocumentStart(..) => documents += 1,
                Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
                other if documents == 1 && root.is_none() => root = Some(self.node(other, at, 0)?),
                _ => return Err(self.error(at, "more than one YAML document in the file")),
            }
        }
        Ok(root.filter(|node| !matches!(node.value, Value::Null)))
    }

    fn next(&mut self) -> Result<Option<(Event<'i>, At)>, ConfigError> {
        match self.events.next() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, At { line: span.start.line(), column: span.start.col() + 1 }))),
            Some(Err(error)) => {
                let at = At { line: error.marker().line(), column: error.marker().col() + 1 };
                let info = unshield(&error.info());
                let message =
                    if info.is_empty() { String::from("this is not valid YAML") } else { format!("this is not valid YAML: {info}") };
                Err(self.error(at, &message))
            }
        }
    }

    fn node(&mut self, event: Event<'i>, at: At, depth: usize) -> Result<Node, ConfigError> {
        if depth > MAX_DEPTH {
            return Err(self.error(at, "nested too deeply"));
        }
        self.count(1, at)?;
        let before = self.nodes;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_tag(tag.as_ref(), at)?;
                (scalar(&text, style), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.plain_tag(tag.as_ref(), at)?;
                (Value::List(self.list(depth)?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.plain_tag(tag.as_ref(), at)?;
                (Value::Map(self.map(depth)?), anchor)
            }
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    return Err(self.error(at, "this alias refers to itself"));
                };
                self.count(size, at)?;
                return Ok(Node { at, value: node.value });
            }
            _ => return Err(self.error(at, "this is not valid YAML")),
        };
        let node = Node { at, value };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before + 1));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, ConfigError> {
        let mut nodes = Vec::new();
        while let Some((event, at)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            nodes.push(self.node(event, at, depth + 1)?);
        }
        Ok(nodes)
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Pair>, ConfigError> {
        let mut pairs: Vec<Pair> = Vec::new();
        while let Some((event, at)) = self.next()? {
            let key = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, ..) => unshield(&text),
                _ => return Err(self.error(at, "a key must be a plain word")),
            };
            if let Some(first) = pairs.iter().find(|pair| pair.key == key) {
                let message = format!("key \"{key}\" stands twice; first on line {}", first.at.line);
                return Err(self.error(at, &message));
            }
            let Some((event, value_at)) = self.next()? else {
                return Err(self.error(at, "this key has no value"));
            };
            let node = self.node(event, value_at, depth + 1)?;
            pairs.push(Pair { key, at, node });
        }
        Ok(pairs)
    }

    fn count(&mut self, nodes: usize, at: At) -> Result<(), ConfigError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES { Err(self.error(at, "too many values")) } else { Ok(()) }
    }

    fn plain_tag(&self, tag: Option<&Cow<'_, Tag>>, at: At) -> Result<(), ConfigError> {
        match tag {
            Some(tag) if !tag.is_yaml_core_schema() => Err(self.error(at, "YAML tags mean nothing here")),
            _ => Ok(()),
        }
    }

    fn error(&self, at: At, message: &str) -> ConfigError {
        ConfigError {
            origin: self.file.to_owned(),
            at: Some(at),
            key: String::new(),
            message: message.to_owned(),
            snippet: snippet(self.text, at),
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    Value::Scalar(unshield(text))
}
