//! Members of a client's JSON, which official SDKs write as `inlineData` and older clients as `inline_data`.

use serde_json::{Map, Value};

use crate::client::Unreadable;

/// An object that is taken apart member by member.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// The members of a value, where it is an object.
    pub(super) fn of(value: Value) -> Option<Self> {
        if let Value::Object(map) = value { Some(Self(map)) } else { None }
    }

    /// As [`Fields::of`], where nothing else will do.
    pub(super) fn want(value: Value, at: &str) -> Result<Self, Unreadable> {
        Self::of(value).ok_or_else(|| unreadable(at, "must be an object"))
    }

    /// Takes a member out, by its camelCase name or its snake_case one; `null` is as good as nothing.
    pub(super) fn take(&mut self, camel: &str) -> Option<Value> {
        let found = self.0.shift_remove(camel).or_else(|| self.0.shift_remove(&snake(camel)));
        found.filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, camel: &str) -> Option<String> {
        match self.take(camel)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn float(&mut self, camel: &str) -> Option<f64> {
        self.take(camel)?.as_f64()
    }

    /// A whole number; SDKs write some of them as `40.0`.
    pub(super) fn whole(&mut self, camel: &str) -> Option<i64> {
        let value = self.take(camel)?;
        #[expect(clippy::cast_possible_truncation, reason = "a number without a fraction and far below 2^53")]
        let float = || value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15).map(|n| n as i64);
        value.as_i64().or_else(float).or_else(|| value.as_str()?.parse().ok())
    }

    pub(super) fn count(&mut self, camel: &str) -> Option<u64> {
        self.whole(camel).and_then(|n| u64::try_from(n).ok())
    }

    pub(super) fn flag(&mut self, camel: &str) -> Option<bool> {
        self.take(camel)?.as_bool()
    }

    /// The members of an object in it.
    pub(super) fn inner(&mut self, camel: &str) -> Option<Self> {
        self.take(camel).and_then(Self::of)
    }

    /// What is left, without `null`s, by camelCase names.
    pub(super) fn rest(self) -> impl Iterator<Item = (String, Value)> {
        self.0.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (camel(&name), value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(Value::is_null)
    }
}

/// One or many: what stands where a list belongs.
pub(super) fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

pub(super) fn unreadable(at: &str, what: &str) -> Unreadable {
    Unreadable { at: at.to_owned(), what: what.to_owned(), param: None }
}

fn snake(camel: &str) -> String {
    let mut out = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.trim_start_matches('_').chars() {
        match c {
            '_' => upper = true,
            c if std::mem::take(&mut upper) => out.push(c.to_ascii_uppercase()),
            c => out.push(c),
        }
    }
    out
}
