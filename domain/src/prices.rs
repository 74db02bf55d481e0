//! The price table that comes with the program: `domain/prices.json`, one model a line.
//!
//! Never done here: looking up a price ([`crate::price`]). Start at [`builtin`].

use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use crate::price::PriceRow;
use crate::time::Micros;

/// The version that log rows show for a built-in price.
pub const VERSION: &str = "2026-11-22";

const TABLE: &str = include_str!("../prices.json");

#[derive(Deserialize)]
struct Table {
    models: Vec<PriceRow>,
}

/// The built-in rows. They apply from the beginning of time, so that every added row is newer.
///
/// Empty if the file were broken, which a test rules out.
#[must_use]
pub fn builtin() -> Vec<PriceRow> {
    let mut rows = serde_json::from_str::<Table>(TABLE).map(|table| table.models).unwrap_or_default();
    for row in &mut rows {
        VERSION.clone_into(&mut row.version);
        row.valid_from = Micros(0);
    }
    rows
}

/// The same rows, read once a process and shared: a table is built anew at every change of the configuration, and reading costs
/// half a millisecond. A constant that is worked out when first needed, not state.
#[must_use]
pub fn shared() -> &'static [Arc<PriceRow>] {
    static ROWS: LazyLock<Vec<Arc<PriceRow>>> = LazyLock::new(|| builtin().into_iter().map(Arc::new).collect());
    &ROWS
}

#[cfg(test)]
mod tests;
