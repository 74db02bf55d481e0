//! The way to the database: statements and rows, on whichever engine is open.
//!
//! A statement is written once, in the words that both engines share (`$1`, `ON CONFLICT`, `RETURNING`, `CAST(SUM(…) AS BIGINT)`), and
//! meets the engine only in [`on!`]. What differs is here and nowhere else: how many rows become one statement (`rows.rs`). No text is ever built from values. Start reading at [`Statement`].

use std::time::Duration;

use sqlx::postgres::{PgPool, PgRow, Postgres};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Error, FromRow, SqlSafeStr as _, SqlStr, Sqlite, Transaction};

mod rows;
mod value;

pub(crate) use rows::Rows;
pub(crate) use value::{Value, without_nul};
use value::{to_postgres, to_sqlite};

/// Connections to the one engine that is open.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    /// With the longest that an answer may take, which the server itself cannot hold when the way to it is cut.
    Postgres(PgPool, Duration),
}

/// A transaction; rolled back when it is dropped.
#[derive(Debug)]
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>, Duration),
}

/// Where a statement runs: on a connection of its own, or in a transaction.
pub(crate) enum On<'c> {
    Pool(&'c Pool),
    Tx(&'c mut Tx),
}

/// Runs `$body` on whichever engine is open: `$args` are the values as it takes them, `$db` is its pool or transaction.
macro_rules! on {
    ($on:expr, $values:expr, |$args:ident, $db:ident| $body:expr) => {
        match $on {
            On::Pool(Pool::Sqlite($db)) => {
                let $args = to_sqlite($values)?;
                $body.await
            }
            On::Pool(Pool::Postgres($db, limit)) => {
                let $args = to_postgres($values)?;
                in_time(*limit, $body).await
            }
            On::Tx(Tx::Sqlite(tx)) => {
                let ($args, $db) = (to_sqlite($values)?, &mut **tx);
                $body.await
            }
            On::Tx(Tx::Postgres(tx, limit)) => {
                let ($args, $db) = (to_postgres($values)?, &mut **tx);
                in_time(*limit, $body).await
            }
        }
    };
}

/// A row that both engines can give.
pub(crate) trait Read: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

impl<R: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>> Read for R {}

/// A statement, its values, and how a row of its answer becomes an `O`.
pub(crate) struct Statement<R = (), O = R> {
    text: SqlStr,
    values: Vec<Value>,
    /// Whether SQLite keeps it prepared: not where its text is put together, since each is another one. Postgres always does:
    /// poolers follow named statements only.
    kept: bool,
    read: fn(R) -> O,
}

/// A statement without an answer.
pub(crate) fn query(text: &'static str) -> Statement {
    Statement::new(text.into_sql_str(), Vec::new(), true, |()| ())
}

/// A statement that answers rows.
pub(crate) fn query_as<R>(text: &'static str) -> Statement<R> {
    Statement::new(text.into_sql_str(), Vec::new(), true, |row| row)
}

/// A statement that answers rows of one column.
pub(crate) fn query_scalar<T>(text: &'static str) -> Statement<(T,), T> {
    Statement::new(text.into_sql_str(), Vec::new(), true, |(value,)| value)
}

impl<R, O> Statement<R, O> {
    const fn new(text: SqlStr, values: Vec<Value>, kept: bool, read: fn(R) -> O) -> Self {
        Self { text, values, kept, read }
    }

    /// Gives the next `$n` its value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it and says how many rows it touched.
    pub(crate) async fn execute(self, on: impl Into<On<'_>>) -> Result<u64, Error> {
        let (text, kept) = (self.text, self.kept);
        on!(on.into(), self.values, |args, db| async move {
            sqlx::query_with(text, args).persistent(kept).execute(db).await.map(|done| done.rows_affected())
        })
    }
}

impl<R: Read, O> Statement<R, O> {
    /// All rows.
    pub(crate) async fn fetch_all(self, on: impl Into<On<'_>>) -> Result<Vec<O>, Error> {
        let (text, kept, read) = (self.text, self.kept, self.read);
        let rows: Vec<R> = on!(on.into(), self.values, |args, db| sqlx::query_as_with(text, args).persistent(kept).fetch_all(db))?;
        Ok(rows.into_iter().map(read).collect())
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional(self, on: impl Into<On<'_>>) -> Result<Option<O>, Error> {
        let (text, kept, read) = (self.text, self.kept, self.read);
        let row: Option<R> = on!(on.into(), self.values, |args, db| sqlx::query_as_with(text, args).persistent(kept).fetch_optional(db))?;
        Ok(row.map(read))
    }

    /// The first row.
    ///
    /// # Errors
    /// [`Error::RowNotFound`] when there is none.
    pub(crate) async fn fetch_one(self, on: impl Into<On<'_>>) -> Result<O, Error> {
        self.fetch_optional(on).await?.ok_or(Error::RowNotFound)
    }
}

/// A statement put together from constant pieces; values are only ever bound.
pub(crate) struct Builder {
    text: String,
    values: Vec<Value>,
}

impl Builder {
    /// Begins with `text`.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Adds a piece of the program.
    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// Adds `(value, value, …)`. The list is filled up to a power of two by its last value, so that a few texts serve all lengths.
    pub(crate) fn push_list<V: Into<Value> + Clone>(&mut self, values: impl ExactSizeIterator<Item = V>) -> &mut Self {
        let room = values.len().next_power_of_two();
        let mut last: Option<V> = None;
        let mut count = 0;
        self.push("(");
        for value in values {
            self.push(if count == 0 { "" } else { ", " }).push_bind(value.clone());
            count += 1;
            last = Some(value);
        }
        if let Some(last) = last {
            for _ in count..room {
                self.push(", ").push_bind(last.clone());
            }
        }
        self.push(")")
    }

    /// As a statement that answers rows.
    pub(crate) fn build_query_as<R>(self) -> Statement<R> {
        Statement::new(AssertSqlSafe(self.text).into_sql_str(), self.values, false, |row| row)
    }

    /// As a statement that answers rows of one column.
    pub(crate) fn build_query_scalar<T>(self) -> Statement<(T,), T> {
        Statement::new(AssertSqlSafe(self.text).into_sql_str(), self.values, false, |(value,)| value)
    }
}

impl Pool {
    /// Begins a transaction that may write.
    pub(crate) async fn begin(&self) -> Result<Tx, Error> {
        match self {
            Self::Sqlite(pool) => pool.begin().await.map(Tx::Sqlite),
            Self::Postgres(pool, limit) => Ok(Tx::Postgres(in_time(*limit, pool.begin()).await?, *limit)),
        }
    }

    /// Begins a transaction that only reads, and reads one state: the one of its first statement.
    pub(crate) async fn begin_moment(&self) -> Result<Tx, Error> {
        match self {
            // A read transaction of a write-ahead log is a snapshot as it is.
            Self::Sqlite(pool) => pool.begin().await.map(Tx::Sqlite),
            Self::Postgres(pool, limit) => {
                let begin = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
                Ok(Tx::Postgres(in_time(*limit, begin).await?, *limit))
            }
        }
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool, _) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes it last.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx, limit) => in_time(limit, tx.commit()).await,
        }
    }

    /// Takes it back.
    pub(crate) async fn rollback(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await,
            Self::Postgres(tx, limit) => in_time(limit, tx.rollback()).await,
        }
    }
}

impl<'c> From<&'c Pool> for On<'c> {
    fn from(pool: &'c Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'c> From<&'c mut Tx> for On<'c> {
    fn from(tx: &'c mut Tx) -> Self {
        Self::Tx(tx)
    }
}

/// Waits for `answer` until `limit` is over.
async fn in_time<T>(limit: Duration, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(limit, answer).await.map_err(late)?
}
