//! Values of statements, and how each engine takes them.

use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// A value of a statement: what the columns of the schema are.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Vec<u8>),
    /// A column of many rows, for `UNNEST`.
    Texts(Vec<Option<String>>),
    Ints(Vec<Option<i64>>),
    ManyBytes(Vec<Vec<u8>>),
}

/// The values as SQLite takes them.
pub(super) fn to_sqlite(values: Vec<Value>) -> Result<SqliteArguments, sqlx::Error> {
    let mut args = SqliteArguments::default();
    for value in values {
        match value {
            Value::Text(text) => args.add(text),
            Value::Int(number) => args.add(number),
            Value::Bytes(bytes) => args.add(bytes),
            Value::Texts(_) | Value::Ints(_) | Value::ManyBytes(_) => Err("an array is no value of this engine".into()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}

/// The values as Postgres takes them.
pub(super) fn to_postgres(values: Vec<Value>) -> Result<PgArguments, sqlx::Error> {
    let mut args = PgArguments::default();
    for value in values {
        match value {
            Value::Text(text) => args.add(text),
            Value::Int(number) => args.add(number),
            Value::Bytes(bytes) => args.add(bytes),
            Value::Texts(texts) => args.add(texts),
            Value::Ints(numbers) => args.add(numbers),
            Value::ManyBytes(many) => args.add(many),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}

/// Postgres refuses a NUL in a text, so none is written or searched for on either engine: both find each other. Records are JSON,
/// which has no NUL, and keep what was said.
pub(crate) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(without_nul(text)))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::from(text.clone())
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(without_nul))
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::from(text.clone())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}
