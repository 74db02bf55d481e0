//! Pages of a list: rows, and an opaque cursor for the next ones.
//!
//! Cursors hold the last row's sort key, never an offset, so rows that come and go meanwhile neither repeat nor vanish.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::error::StoreError;

/// Most rows of a page.
pub const MAX_LIMIT: u32 = 500;

/// Some rows, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Give this to the same list for the next page; `None` at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Cuts `rows`, read with one more than `limit`, to a page; `key` is the sort key of a row.
    pub(crate) fn cut(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| BASE64.encode(key(last)));
        Self { rows, next_cursor }
    }
}

/// The sort key inside a cursor.
pub(crate) fn open_cursor(cursor: &str) -> Result<String, StoreError> {
    let bytes = BASE64.decode(cursor).map_err(|_| StoreError::BadCursor)?;
    String::from_utf8(bytes).map_err(|_| StoreError::BadCursor)
}

/// `limit` between 1 and [`MAX_LIMIT`].
pub(crate) fn bounded(limit: u32) -> usize {
    usize::try_from(limit.clamp(1, MAX_LIMIT)).unwrap_or(1)
}
