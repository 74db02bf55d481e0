//! Reads a tree of nodes key by key, by precedence flag > variable > file > default, and collects every mistake.

use std::collections::BTreeMap;
use std::fmt;

use super::addresses;
use super::error::{At, ConfigError, nearest, snippet};
use super::expand::expand;
use super::settings::{NOT_YET, Spec, spec};
use super::tree::{Node, Pair, Value};
use super::values::clip;

/// Looks up an environment variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The configuration file, at this line.
    File(usize),
    /// This variable.
    Env(&'static str),
    /// This flag.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(line) => write!(f, "file, line {line}"),
            Self::Env(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A setting that is in force, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Its key.
    pub path: &'static str,
    /// Its value; `***` for a secret, and for the password of an address.
    pub text: String,
    /// Where it comes from.
    pub source: Source,
}

/// Values that outrank the environment: key → (flag, text).
pub type Flags = BTreeMap<&'static str, (&'static str, String)>;

/// The reader of one configuration.
pub struct Reader<'a> {
    /// Name of the file, for messages.
    pub file: &'a str,
    /// Its text, for snippets.
    pub text: &'a str,
    /// The environment.
    pub env: Env<'a>,
    /// The command line.
    pub flags: &'a Flags,
    /// Defaults that the command changes (`fluxa demo`): key → text.
    pub defaults: &'a [(&'static str, &'static str)],
    /// Mistakes so far.
    pub errors: Vec<ConfigError>,
    /// Settings so far.
    pub effective: Vec<Effective>,
}

/// A mapping that is being read; what is left at the end is unknown.
pub struct Fields {
    /// The key of the mapping, `server` or `providers[0]`; empty for the file itself.
    pub path: String,
    /// Where it begins.
    pub at: At,
    pairs: Vec<Pair>,
    known: Vec<&'static str>,
}

impl Fields {
    /// Takes the value of `name`, which is a known key from now on.
    pub fn take(&mut self, name: &'static str) -> Option<Node> {
        self.known.push(name);
        let index = self.pairs.iter().position(|pair| pair.key == name)?;
        Some(self.pairs.remove(index).node)
    }

    /// Takes every remaining pair: for mappings whose keys are the user's own (headers, tags).
    pub fn take_all(&mut self) -> Vec<Pair> {
        std::mem::take(&mut self.pairs)
    }

    /// The full name of a key of this mapping.
    #[must_use]
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

impl Reader<'_> {
    /// Notes a mistake in the file.
    pub fn error(&mut self, at: At, key: &str, message: impl Into<String>) {
        self.errors.push(ConfigError {
            origin: self.file.to_owned(),
            at: (at.line > 0).then_some(at),
            key: key.to_owned(),
            message: message.into(),
            snippet: snippet(self.text, at),
        });
    }

    /// Notes a mistake in a variable or a flag.
    pub fn error_in(&mut self, origin: &str, key: &str, message: impl Into<String>) {
        self.errors.push(ConfigError {
            origin: origin.to_owned(),
            at: None,
            key: key.to_owned(),
            message: message.into(),
            snippet: String::new(),
        });
    }

    /// Opens a mapping.
    pub fn fields(&mut self, node: Node, path: &str) -> Option<Fields> {
        match node.value {
            Value::Map(pairs) => Some(Fields { path: path.to_owned(), at: node.at, pairs, known: Vec::new() }),
            Value::Null => Some(Fields { path: path.to_owned(), at: node.at, pairs: Vec::new(), known: Vec::new() }),
            _ => {
                self.error(node.at, path, "expected a mapping (name: value)");
                None
            }
        }
    }

    /// Opens a sequence; each item comes with its key, `routes[2]`.
    pub fn list(&mut self, node: Node, path: &str) -> Vec<(String, Node)> {
        match node.value {
            Value::List(nodes) => nodes.into_iter().enumerate().map(|(index, node)| (format!("{path}[{index}]"), node)).collect(),
            Value::Null => Vec::new(),
            _ => {
                self.error(node.at, path, "expected a list (- item)");
                Vec::new()
            }
        }
    }

    /// Refuses the keys of a mapping that nobody asked for.
    pub fn finish(&mut self, fields: Fields) {
        for pair in &fields.pairs {
            let path = fields.path_of(&pair.key);
            let message = match NOT_YET.iter().find(|(name, ..)| *name == path) {
                Some((_, _, message)) => (*message).to_owned(),
                None => match nearest(&pair.key, &fields.known) {
                    Some(near) => format!("unknown key \"{}\"; did you mean \"{near}\"?", clip(&pair.key)),
                    None => format!("unknown key \"{}\"; known here: {}", clip(&pair.key), fields.known.join(", ")),
                },
            };
            self.error(pair.at, &clip(&path), message);
        }
    }

    /// The text of a scalar, expanded.
    pub fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.value {
            Value::Scalar(text) => match expand(text, self.env) {
                Ok(text) => Some(text),
                Err(message) => {
                    self.error(node.at, path, message);
                    None
                }
            },
            Value::Null => {
                self.error(node.at, path, "has no value; give one or remove the line");
                None
            }
            Value::List(_) | Value::Map(_) => {
                self.error(node.at, path, "expected a single value");
                None
            }
        }
    }

    /// Takes an optional value of a mapping, expanded and read by `parse`.
    pub fn optional<T>(&mut self, fields: &mut Fields, name: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let node = fields.take(name)?;
        let path = fields.path_of(name);
        let text = self.text(&node, &path)?;
        parse(&text).map_err(|message| self.error(node.at, &path, message)).ok()
    }

    /// Takes an optional list of texts; a single text counts as a list of one.
    pub fn texts(&mut self, fields: &mut Fields, name: &'static str) -> Vec<(At, String)> {
        let Some(node) = fields.take(name) else { return Vec::new() };
        let path = fields.path_of(name);
        if let Value::Scalar(_) = node.value {
            return self.text(&node, &path).map(|text| (node.at, text)).into_iter().collect();
        }
        let items = self.list(node, &path);
        items.into_iter().filter_map(|(path, node)| self.text(&node, &path).map(|text| (node.at, text))).collect()
    }

    /// One setting by precedence. `None` when it is not set, or wrong (then a mistake is noted).
    pub fn setting<T>(&mut self, fields: &mut Fields, name: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let path = fields.path_of(name);
        let in_file = fields.take(name);
        let spec = spec(&path)?;
        let (text, source, at) = self.winner(spec, in_file)?;
        let shown = match spec.secret {
            true if spec.path.ends_with("url") => addresses::redacted(&text),
            true => String::from("***"),
            false => text.clone(),
        };
        self.effective.push(Effective { path: spec.path, text: shown, source: source.clone() });
        match parse(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                match (source, at) {
                    (Source::Env(origin) | Source::Flag(origin), _) => self.error_in(origin, spec.path, message),
                    (_, Some(at)) => self.error(at, spec.path, message),
                    (_, None) => self.error_in("default", spec.path, message),
                }
                None
            }
        }
    }

    fn winner(&mut self, spec: &'static Spec, in_file: Option<Node>) -> Option<(String, Source, Option<At>)> {
        if let Some((flag, text)) = self.flags.get(spec.path) {
            return Some((text.clone(), Source::Flag(flag), None));
        }
        // Kubernetes sets FLUXA_PORT=tcp://… beside a service called "fluxa"; that is no port of ours.
        if let Some(text) = (self.env)(spec.env).filter(|text| !text.starts_with("tcp://")) {
            if !text.is_empty() {
                return Some((text, Source::Env(spec.env), None));
            }
            // An empty secret is a mistake that must not pass for "not set".
            if spec.secret {
                self.error_in(spec.env, spec.path, "is set but empty; unset it or give it a value");
                return None;
            }
        }
        if let Some(node) = in_file {
            let text = match &node.value {
                Value::List(nodes) => self.joined(nodes, spec.path),
                _ => self.text(&node, spec.path),
            }?;
            if text.is_empty() && spec.secret {
                self.error(node.at, spec.path, "is empty; remove the line or give it a value");
                return None;
            }
            return Some((text, Source::File(node.at.line), Some(node.at)));
        }
        let default = self.defaults.iter().find(|(path, _)| *path == spec.path).map_or(spec.default, |(_, text)| *text);
        if spec.secret || (default.is_empty() && !is_list(spec)) {
            return None;
        }
        Some((default.to_owned(), Source::Default, None))
    }

    fn joined(&mut self, nodes: &[Node], path: &str) -> Option<String> {
        let texts: Vec<String> = nodes.iter().filter_map(|node| self.text(node, path)).collect();
        (texts.len() == nodes.len()).then(|| texts.join(","))
    }
}

/// Lists are shown even when empty.
fn is_list(spec: &Spec) -> bool {
    matches!(spec.path, "server.trusted_proxies" | "upstream.allow_private" | "upstream.media_allow_private")
}
