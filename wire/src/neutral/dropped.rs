//! What a translation could not carry.

use std::borrow::Cow;
use std::fmt;

use crate::limits::DROPPED_NAMES;

/// The name of a field (or of a kind of part) that the other side cannot say, as the client wrote it: `logit_bias`,
/// `tools[].cache_control`. Shown to the client in `x-fluxa-dropped`; never holds values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dropped(pub Cow<'static, str>);

impl Dropped {
    /// A dropped field.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// Adds `name` unless it is there already, or too many are: see [`DROPPED_NAMES`].
    pub fn note(list: &mut Vec<Self>, name: impl Into<Cow<'static, str>>) {
        let dropped = Self::new(name);
        if list.len() < DROPPED_NAMES && !list.contains(&dropped) {
            list.push(dropped);
        }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
