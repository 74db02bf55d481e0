//! Many rows into one table: the ledger's way to write.
//!
//! Postgres takes each column as an array, so a batch is one statement of one text whatever its length. SQLite has no network to
//! save and takes a few rows a statement. The rows are written in the order they were given, so who sorts them takes locks in order.

use sqlx::{AssertSqlSafe, Error, SqlSafeStr as _, SqlStr};

use super::{Read, Statement, Tx, Value};

/// Rows that Postgres gets at once: more are hardly faster, and a statement must end before its timeout.
const ROWS_PER_ARRAY: usize = 1_000;

/// Rows to be inserted.
pub(crate) struct Rows {
    /// `INSERT INTO table (columns)`.
    head: &'static str,
    /// Values of a row.
    width: usize,
    /// `ON CONFLICT …`.
    tail: &'static str,
    /// Rows of one statement on SQLite, which keeps that statement prepared.
    chunk: usize,
    values: Vec<Value>,
}

impl Rows {
    /// No rows yet. `chunk` times `width` must stay below SQLite's 32,766 values.
    pub(crate) const fn new(head: &'static str, width: usize, tail: &'static str, chunk: usize) -> Self {
        Self { head, width, tail, chunk, values: Vec::new() }
    }

    /// The next value of the row: `width` of them make a row.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
    }

    /// Inserts them; says how many rows were touched.
    pub(crate) async fn execute(self, tx: &mut Tx) -> Result<u64, Error> {
        let mut touched = 0;
        for (text, values, kept) in self.statements("", matches!(tx, Tx::Postgres(..))) {
            touched += Statement::new(text, values, kept, |()| ()).execute(&mut *tx).await?;
        }
        Ok(touched)
    }

    /// Inserts them; `returning` says what of each written row is answered.
    pub(crate) async fn fetch_all<T>(self, returning: &'static str, tx: &mut Tx) -> Result<Vec<T>, Error>
    where
        (T,): Read,
    {
        let mut rows = Vec::new();
        for (text, values, _) in self.statements(returning, matches!(tx, Tx::Postgres(..))) {
            rows.extend(Statement::new(text, values, false, |(value,): (T,)| value).fetch_all(&mut *tx).await?);
        }
        Ok(rows)
    }

    fn statements(self, returning: &'static str, arrays: bool) -> Vec<(SqlStr, Vec<Value>, bool)> {
        let (head, width, tail) = (self.head, self.width.max(1), self.tail);
        let rows = if arrays { ROWS_PER_ARRAY } else { self.chunk };
        let mut statements = Vec::new();
        let mut values = self.values.into_iter().peekable();
        while values.peek().is_some() {
            let chunk: Vec<Value> = values.by_ref().take(rows * width).collect();
            let count = chunk.len() / width;
            let (source, chunk) = if arrays { unnest(width, chunk) } else { (listed(count, width), chunk) };
            let text = format!("{head} {source} {tail} {returning}");
            statements.push((AssertSqlSafe(text).into_sql_str(), chunk, count == rows));
        }
        statements
    }
}

/// `SELECT * FROM UNNEST($1::TEXT[], …)`, and the values as one array a column.
fn unnest(width: usize, values: Vec<Value>) -> (String, Vec<Value>) {
    let mut columns: Vec<Value> = Vec::with_capacity(width);
    for (index, value) in values.into_iter().enumerate() {
        match (columns.get_mut(index % width), value) {
            (Some(Value::Texts(column)), Value::Text(text)) => column.push(text),
            (Some(Value::Ints(column)), Value::Int(number)) => column.push(number),
            (Some(Value::ManyBytes(column)), Value::Bytes(bytes)) => column.push(bytes),
            (None, Value::Text(text)) => columns.push(Value::Texts(vec![text])),
            (None, Value::Int(number)) => columns.push(Value::Ints(vec![number])),
            (None, Value::Bytes(bytes)) => columns.push(Value::ManyBytes(vec![bytes])),
            // Another kind than its column: the column is too short then, and the table's NOT NULL refuses the rows.
            _ => {}
        }
    }
    let kind = |column: &Value| match column {
        Value::Ints(_) => "BIGINT",
        Value::ManyBytes(_) => "BYTEA",
        _ => "TEXT",
    };
    let arrays: Vec<String> = columns.iter().enumerate().map(|(index, column)| format!("${}::{}[]", index + 1, kind(column))).collect();
    (format!("SELECT * FROM UNNEST({})", arrays.join(", ")), columns)
}

/// `VALUES (?, …), …`.
fn listed(rows: usize, width: usize) -> String {
    let row = format!("({})", vec!["?"; width].join(", "));
    format!("VALUES {}", vec![row; rows].join(", "))
}
