//! Why a body is not taken.

use crate::json::text::{Flaw, What};

/// What is wrong with a body, and at which byte. Never quotes the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON.
    #[error("malformed json at byte {at}: {what}")]
    Syntax {
        /// Offset of the offending byte.
        at: usize,
        /// What was found or missed.
        what: &'static str,
    },
    /// Nested beyond [`crate::limits::BODY_DEPTH`].
    #[error("json at byte {at} is nested too deeply")]
    TooDeep {
        /// Offset of the bracket too many.
        at: usize,
    },
    /// Not UTF-8.
    #[error("invalid utf-8 at byte {at}")]
    Utf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// JSON, but no object.
    #[error("the body is not a json object")]
    NotObject,
    /// A field that must be unique is there twice; which one counts differs between parsers.
    #[error("duplicate field `{field}` at byte {at}")]
    Duplicate {
        /// The field.
        field: &'static str,
        /// Offset of the second one.
        at: usize,
    },
    /// A field has the wrong type.
    #[error("`{field}` must be {expected} (byte {at})")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// Offset of its value.
        at: usize,
    },
    /// Not a multipart form.
    #[error("malformed form at byte {at}: {what}")]
    Form {
        /// Offset of the offending byte.
        at: usize,
        /// What was found or missed.
        what: &'static str,
    },
}

impl Malformed {
    /// The field at fault, for `param`.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Duplicate { field, .. } | Self::WrongType { field, .. } => Some(field),
            _ => None,
        }
    }
}

impl From<Flaw> for Malformed {
    fn from(flaw: Flaw) -> Self {
        let at = flaw.at;
        match flaw.what {
            What::Syntax(what) => Self::Syntax { at, what },
            What::TooDeep => Self::TooDeep { at },
            What::Utf8 => Self::Utf8 { at },
        }
    }
}
