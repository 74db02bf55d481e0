//! Reads the fields of a body one by one, by name and by type, and collects every fault before it
//! answers. A member that nobody asked for is a fault: no field is dropped silently.

use fluxa_domain::money::{NanoUsd, scaled_decimal};
use fluxa_domain::price::Rate;
use fluxa_domain::time::Micros;
use fluxa_domain::validate::FieldError;

use super::Node;
use crate::problem::{FieldFault, Problem};

/// The longest string a field may hold (API keys with certificates in them are below 8 kB).
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// The longest duration that makes sense here: 30 days.
const MAX_DURATION_MS: u64 = 30 * 86_400_000;
/// Characters of a member's name that a fault repeats.
const MAX_SHOWN_CHARS: usize = 64;
/// Members of a map such as tags.
const MAX_MEMBERS: usize = 256;

/// What a field holds. `Null` is kept apart from `Absent`, because a patch clears with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// The body does not have it, or has it wrong (a fault is noted then).
    Absent,
    /// `null`
    Null,
    /// A value of the right type.
    Value(T),
}

impl<T> Given<T> {
    /// The value if there is one.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Merged over an optional value: absent keeps, null clears.
    pub(crate) fn over(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Absent => current,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// Merged over a value that is always there: absent keeps, null puts the default.
    pub(crate) fn or_default(self, current: T) -> T
    where
        T: Default,
    {
        self.or(current, T::default())
    }

    /// Merged over a value that is always there: absent keeps, null puts `default`.
    pub(crate) fn or(self, current: T, default: T) -> T {
        match self {
            Self::Absent => current,
            Self::Null => default,
            Self::Value(value) => value,
        }
    }

    /// Whether the body has the field.
    pub(crate) const fn is_given(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// The members of one object that were not asked for yet.
#[derive(Debug)]
pub(crate) struct Fields {
    path: String,
    members: Vec<(String, Node)>,
    known: Vec<&'static str>,
    faults: Vec<FieldFault>,
}

/// One item of an array, with its place.
pub(crate) struct Item<'a> {
    node: Node,
    path: String,
    faults: &'a mut Vec<FieldFault>,
}

impl Fields {
    /// The fields of a body, which must be an object.
    pub(crate) fn of(body: Node) -> Result<Self, Problem> {
        match body {
            Node::Object(members) => Ok(Self { path: String::new(), members, known: Vec::new(), faults: Vec::new() }),
            other => Err(Problem::field("", format!("the body must be an object, not {}", other.kind()))),
        }
    }

    /// Notes a fault of the field `name`.
    pub(crate) fn fault(&mut self, name: &str, message: impl Into<String>) {
        let field = format!("{}{name}", self.path);
        self.faults.push(FieldFault { field, message: message.into() });
    }

    /// Takes a rule's verdict; its error becomes a fault under the name the rule gives.
    pub(crate) fn check<T>(&mut self, verdict: Result<T, FieldError>) -> Option<T> {
        match verdict {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(&error.field, error.message);
                None
            }
        }
    }

    /// Refuses fields that answers have and bodies may not.
    pub(crate) fn read_only(&mut self, names: &[&str]) {
        for name in names {
            self.refuse(name, "is read-only");
        }
    }

    /// Refuses one field, whatever it holds, with a better reason than that it is unknown.
    pub(crate) fn refuse(&mut self, name: &str, message: &str) {
        if let Some(at) = self.members.iter().position(|(member, _)| member == name) {
            self.members.swap_remove(at);
            self.fault(name, message);
        }
    }

    /// Whether the body has `name`, null included.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member == name)
    }

    /// Whether any fault was noted so far.
    pub(crate) fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Ends the reading: members that nobody asked for are faults too.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        self.close();
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::fields(self.faults)) }
    }

    fn close(&mut self) {
        let known = self.known.join(", ");
        for (name, _) in std::mem::take(&mut self.members) {
            let shown: String = name.chars().take(MAX_SHOWN_CHARS).collect();
            self.fault(&shown, format!("unknown field; known fields are {known}"));
        }
    }

    fn take(&mut self, name: &'static str) -> Option<Node> {
        self.known.push(name);
        let at = self.members.iter().position(|(member, _)| member == name)?;
        Some(self.members.swap_remove(at).1)
    }

    /// Reads a field with `read`; its error becomes the field's fault.
    pub(crate) fn read<T>(&mut self, name: &'static str, read: impl FnOnce(Node) -> Result<T, String>) -> Given<T> {
        match self.take(name) {
            None => Given::Absent,
            Some(Node::Null) => Given::Null,
            Some(node) => match read(node) {
                Ok(value) => Given::Value(value),
                Err(message) => {
                    self.fault(name, message);
                    Given::Absent
                }
            },
        }
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &'static str) -> Given<String> {
        self.read(name, text)
    }

    /// A string that `read` turns into something.
    pub(crate) fn text_as<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Given<T> {
        self.read(name, |node| read(&text(node)?))
    }

    /// A string that must be there, not empty; an empty one comes back when it is not.
    pub(crate) fn required_text(&mut self, name: &'static str) -> String {
        let faults = self.faults.len();
        let given = self.text(name).value();
        match given.as_deref() {
            None if self.faults.len() == faults => self.fault(name, "is required"),
            Some("") => self.fault(name, "must not be empty"),
            _ => {}
        }
        given.unwrap_or_default()
    }

    /// A boolean.
    pub(crate) fn flag(&mut self, name: &'static str) -> Given<bool> {
        self.read(name, |node| match node {
            Node::Flag(flag) => Ok(flag),
            other => Err(format!("must be a boolean, not {}", other.kind())),
        })
    }

    /// A whole number from 0 to `max`.
    pub(crate) fn count(&mut self, name: &'static str, max: u64) -> Given<u64> {
        self.read(name, |node| count(node, max))
    }

    /// A JSON number of dollars, read exactly.
    pub(crate) fn dollars(&mut self, name: &'static str) -> Given<NanoUsd> {
        self.read(name, dollars)
    }

    /// A JSON number of dollars per million tokens, read exactly.
    pub(crate) fn rate(&mut self, name: &'static str) -> Given<Rate> {
        self.read(name, |node| dollars(node).map(|nanos| Rate(nanos.0)))
    }

    /// A moment in RFC 3339.
    pub(crate) fn moment(&mut self, name: &'static str) -> Given<Micros> {
        self.text_as(name, |text| {
            Micros::from_rfc3339(text).ok_or_else(|| String::from("must be a moment like 2026-11-22T10:00:00Z (RFC 3339)"))
        })
    }

    /// A duration in milliseconds: `"30s"`, `"500ms"`, `"24h"`, or a number of seconds.
    pub(crate) fn duration_ms(&mut self, name: &'static str) -> Given<u64> {
        self.read(name, |node| {
            let ms = match &node {
                Node::Number(number) => scaled_decimal(number, 3).and_then(|ms| u64::try_from(ms).ok()),
                Node::Text(text) => duration_text_ms(text),
                Node::Null | Node::Flag(_) | Node::List(_) | Node::Object(_) => None,
            };
            let ms = ms.ok_or_else(|| String::from("must be a duration like \"30s\", \"500ms\" or \"24h\", or a number of seconds"))?;
            if ms > MAX_DURATION_MS { Err(String::from("must be at most 30 days")) } else { Ok(ms) }
        })
    }

    /// An array of at most `max` items, each read by `read` (which notes the fault when it gives `None`).
    pub(crate) fn each<T>(&mut self, name: &'static str, max: usize, mut read: impl FnMut(Item<'_>) -> Option<T>) -> Given<Vec<T>> {
        let items = self.read(name, |node| match node {
            Node::List(items) if items.len() > max => Err(format!("must have at most {max} items")),
            Node::List(items) => Ok(items),
            other => Err(format!("must be an array, not {}", other.kind())),
        });
        let items = match items {
            Given::Absent => return Given::Absent,
            Given::Null => return Given::Null,
            Given::Value(items) => items,
        };
        let mut values = Vec::with_capacity(items.len());
        for (at, node) in items.into_iter().enumerate() {
            let path = format!("{}{name}[{at}]", self.path);
            values.extend(read(Item { node, path, faults: &mut self.faults }));
        }
        Given::Value(values)
    }

    /// A map of strings; a `null` value removes the member when merged with [`merge`].
    pub(crate) fn map(
        &mut self,
        name: &'static str,
        mut check: impl FnMut(&str, &str) -> Result<(), String>,
    ) -> Given<Vec<(String, Option<String>)>> {
        let members = self.read(name, |node| match node {
            Node::Object(members) if members.len() > MAX_MEMBERS => Err(format!("must have at most {MAX_MEMBERS} members")),
            Node::Object(members) => Ok(members),
            other => Err(format!("must be an object of strings, not {}", other.kind())),
        });
        let members = match members {
            Given::Absent => return Given::Absent,
            Given::Null => return Given::Null,
            Given::Value(members) => members,
        };
        let mut read = Vec::with_capacity(members.len());
        for (member, node) in members {
            let value =
                if node == Node::Null { Ok(None) } else { text(node).and_then(|value| check(&member, &value).map(|()| Some(value))) };
            match value {
                Ok(value) => read.push((member, value)),
                Err(message) => self.fault(&format!("{name}.{member}"), message),
            }
        }
        Given::Value(read)
    }

    /// An object with fields of its own.
    pub(crate) fn object<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> T) -> Given<T> {
        let members = self.read(name, |node| match node {
            Node::Object(members) => Ok(members),
            other => Err(format!("must be an object, not {}", other.kind())),
        });
        match members {
            Given::Absent => Given::Absent,
            Given::Null => Given::Null,
            Given::Value(members) => {
                let mut inner = Self { path: format!("{}{name}.", self.path), members, known: Vec::new(), faults: Vec::new() };
                let value = read(&mut inner);
                inner.close();
                self.faults.append(&mut inner.faults);
                Given::Value(value)
            }
        }
    }
}

impl Fields {
    /// A map of at most `max` objects with fields of their own; a `null` member is `None`.
    pub(crate) fn objects<T>(
        &mut self,
        name: &'static str,
        max: usize,
        mut read: impl FnMut(&str, &mut Self) -> T,
    ) -> Given<Vec<(String, Option<T>)>> {
        let members = self.read(name, |node| match node {
            Node::Object(members) if members.len() > max => Err(format!("must have at most {max} entries")),
            Node::Object(members) => Ok(members),
            other => Err(format!("must be an object of objects, not {}", other.kind())),
        });
        let members = match members {
            Given::Absent => return Given::Absent,
            Given::Null => return Given::Null,
            Given::Value(members) => members,
        };
        let mut values = Vec::with_capacity(members.len());
        for (member, node) in members {
            let shown: String = member.chars().take(MAX_SHOWN_CHARS).collect();
            match node {
                Node::Null => values.push((member, None)),
                Node::Object(members) => {
                    let path = format!("{}{name}.{shown}.", self.path);
                    let mut inner = Self { path, members, known: Vec::new(), faults: Vec::new() };
                    let value = read(&member, &mut inner);
                    inner.close();
                    self.faults.append(&mut inner.faults);
                    values.push((member, Some(value)));
                }
                other => self.fault(&format!("{name}.{shown}"), format!("must be an object, not {}", other.kind())),
            }
        }
        Given::Value(values)
    }
}

impl Fields {
    /// A map of at most `max` members, each read by `read` (which notes the fault when it gives `None`); a `null` member is `None`.
    pub(crate) fn members<T>(
        &mut self,
        name: &'static str,
        max: usize,
        mut read: impl FnMut(Item<'_>) -> Option<T>,
    ) -> Given<Vec<(String, Option<T>)>> {
        let members = self.read(name, |node| match node {
            Node::Object(members) if members.len() > max => Err(format!("must have at most {max} entries")),
            Node::Object(members) => Ok(members),
            other => Err(format!("must be an object, not {}", other.kind())),
        });
        let members = match members {
            Given::Absent => return Given::Absent,
            Given::Null => return Given::Null,
            Given::Value(members) => members,
        };
        let mut values = Vec::with_capacity(members.len());
        for (member, node) in members {
            if node == Node::Null {
                values.push((member, None));
                continue;
            }
            let shown: String = member.chars().take(MAX_SHOWN_CHARS).collect();
            let path = format!("{}{name}.{shown}", self.path);
            if let Some(value) = read(Item { node, path, faults: &mut self.faults }) {
                values.push((member, Some(value)));
            }
        }
        Given::Value(values)
    }

    /// A field that may be a string or an object; absent and `null` are `None`.
    pub(crate) fn item(&mut self, name: &'static str) -> Option<Item<'_>> {
        let node = self.take(name).filter(|node| *node != Node::Null)?;
        Some(Item { node, path: format!("{}{name}", self.path), faults: &mut self.faults })
    }

    /// A number of at least 0 with at most two decimals, in hundredths.
    pub(crate) fn hundredths(&mut self, name: &'static str, max: u32) -> Given<u32> {
        self.read(name, |node| {
            let Node::Number(number) = &node else { return Err(format!("must be a number, not {}", node.kind())) };
            let hundredths = scaled_decimal(number, 2).and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= max);
            hundredths.ok_or_else(|| format!("must be a number from 0 to {}, with at most two decimals", max / 100))
        })
    }
}

impl Item<'_> {
    /// A string that `read` turns into something.
    pub(crate) fn text_as<T>(self, read: impl FnOnce(String) -> Result<T, String>) -> Option<T> {
        match text(self.node).and_then(read) {
            Ok(value) => Some(value),
            Err(message) => {
                self.faults.push(FieldFault { field: self.path, message });
                None
            }
        }
    }

    /// The item as it is.
    pub(crate) fn into_node(self) -> Node {
        self.node
    }

    /// Whether the item is a string (where both a name and an object will do).
    pub(crate) const fn is_text(&self) -> bool {
        matches!(self.node, Node::Text(_))
    }

    /// An object with fields of its own.
    pub(crate) fn object<T>(self, read: impl FnOnce(&mut Fields) -> T) -> Option<T> {
        match self.node {
            Node::Object(members) => {
                let mut inner = Fields { path: format!("{}.", self.path), members, known: Vec::new(), faults: Vec::new() };
                let value = read(&mut inner);
                inner.close();
                self.faults.append(&mut inner.faults);
                Some(value)
            }
            other => {
                self.faults.push(FieldFault { field: self.path, message: format!("must be an object, not {}", other.kind()) });
                None
            }
        }
    }
}

/// A map merged over the current one: absent keeps, null empties, members merge (RFC 7396).
pub(crate) fn merge(
    given: Given<Vec<(String, Option<String>)>>,
    current: &std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    match given {
        Given::Absent => current.clone(),
        Given::Null => std::collections::BTreeMap::new(),
        Given::Value(members) => {
            let mut merged = current.clone();
            for (member, value) in members {
                match value {
                    Some(value) => merged.insert(member, value),
                    None => merged.remove(&member),
                };
            }
            merged
        }
    }
}

fn text(node: Node) -> Result<String, String> {
    match node {
        Node::Text(text) if text.len() > MAX_TEXT_BYTES => Err(format!("must be at most {MAX_TEXT_BYTES} bytes")),
        Node::Text(text) => Ok(text),
        other => Err(format!("must be a string, not {}", other.kind())),
    }
}

fn count(node: Node, max: u64) -> Result<u64, String> {
    let Node::Number(number) = node else { return Err(format!("must be a whole number, not {}", node.kind())) };
    if number.starts_with('-') {
        return Err(String::from("must not be negative"));
    }
    match scaled_decimal(&number, 0).and_then(|n| u64::try_from(n).ok()) {
        Some(n) if n <= max => Ok(n),
        _ => Err(format!("must be a whole number, at most {max}")),
    }
}

fn dollars(node: Node) -> Result<NanoUsd, String> {
    let Node::Number(number) = node else { return Err(format!("must be a number of dollars, not {}", node.kind())) };
    if number.starts_with('-') {
        return Err(String::from("must not be negative"));
    }
    match NanoUsd::from_decimal_usd(&number) {
        Some(nanos) if nanos <= fluxa_domain::money::MAX_AMOUNT => Ok(nanos),
        _ => Err(String::from("must be a number of dollars, at most a billion, with at most 9 decimals")),
    }
}

/// Reads `500ms`, `30s`, `5m`, `24h`, `7d`.
fn duration_text_ms(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ms = match text.get(digits.len()..)? {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let thousandths = scaled_decimal(digits, 3).filter(|n| *n >= 0)?;
    u64::try_from(thousandths.checked_mul(unit_ms)? / 1_000).ok()
}

#[cfg(test)]
mod tests;
