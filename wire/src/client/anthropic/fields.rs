//! Members of a JSON object, taken out one by one, with the place to name where one is not what it should be.

use std::fmt;

use serde_json::{Map, Value};

use crate::client::Unreadable;
use crate::neutral::CacheMark;

pub(super) type Read<T> = Result<T, Unreadable>;

/// A place in a request. Costs nothing until it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    up: Option<&'a At<'a>>,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Root,
    Field(&'static str),
    Item(usize),
}

impl At<'_> {
    pub(super) const ROOT: At<'static> = At { up: None, step: Step::Root };

    pub(super) const fn field(&self, name: &'static str) -> At<'_> {
        At { up: Some(self), step: Step::Field(name) }
    }

    pub(super) const fn item(&self, index: usize) -> At<'_> {
        At { up: Some(self), step: Step::Item(index) }
    }

    /// Says what is wrong here.
    pub(super) fn wrong(&self, what: &'static str) -> Unreadable {
        let at = if self.up.is_none() { String::from("body") } else { self.to_string() };
        Unreadable { at, what: what.to_owned(), param: self.param() }
    }

    fn param(&self) -> Option<&'static str> {
        match (self.up, self.step) {
            (Some(At { step: Step::Root, .. }), Step::Field(name)) => Some(name),
            (Some(up), _) => up.param(),
            (None, _) => None,
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(up) = self.up {
            up.fmt(f)?;
        }
        match (self.up.map(|up| up.step), self.step) {
            (None, _) | (_, Step::Root) => Ok(()),
            (Some(Step::Root), Step::Field(name)) => f.write_str(name),
            (_, Step::Field(name)) => write!(f, ".{name}"),
            (_, Step::Item(index)) => write!(f, "[{index}]"),
        }
    }
}

/// An object and its place. `null` is the same as nothing everywhere.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    map: Map<String, Value>,
    at: &'a At<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(value: Value, at: &'a At<'a>) -> Read<Self> {
        match value {
            Value::Object(map) => Ok(Self { map, at }),
            _ => Err(at.wrong("must be an object")),
        }
    }

    pub(super) const fn at(&self) -> &'a At<'a> {
        self.at
    }

    /// The member, whatever it is.
    pub(super) fn any(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    pub(super) fn word(&self, name: &str) -> Option<&str> {
        self.map.get(name).and_then(Value::as_str)
    }

    pub(super) fn string(&mut self, name: &'static str) -> Read<Option<String>> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.at.field(name).wrong("must be a string")),
        }
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Read<Option<bool>> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.at.field(name).wrong("must be true or false")),
        }
    }

    pub(super) fn number(&mut self, name: &'static str) -> Read<Option<f64>> {
        let Some(value) = self.any(name) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| self.at.field(name).wrong("must be a number"))
    }

    pub(super) fn count(&mut self, name: &'static str) -> Read<Option<u64>> {
        let Some(value) = self.any(name) else { return Ok(None) };
        count(&value).map(Some).ok_or_else(|| self.at.field(name).wrong("must be a whole number"))
    }

    pub(super) fn list(&mut self, name: &'static str) -> Read<Vec<Value>> {
        match self.any(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(self.at.field(name).wrong("must be a list")),
        }
    }

    /// `cache_control`. Source: `cache_control_ephemeral_param.py` of the Anthropic SDK.
    pub(super) fn cache(&mut self) -> Read<Option<CacheMark>> {
        match self.any("cache_control") {
            None => Ok(None),
            Some(Value::Object(mark)) => Ok(Some(CacheMark { one_hour: mark.get("ttl").and_then(Value::as_str) == Some("1h") })),
            Some(_) => Err(self.at.field("cache_control").wrong("must be an object")),
        }
    }

    /// What was not taken.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.map
    }
}

/// A number without a fraction; some clients write `1024.0`.
fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        // Beyond 2^53 a float is no count.
        let whole = number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number);
        whole.then(|| format!("{number:.0}").parse().ok()).flatten()
    })
}
