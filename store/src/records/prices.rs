//! Prices that were added to the built-in table.

use fluxa_domain::price::PriceRow;

use crate::error::StoreError;
use crate::open::Store;
use crate::records::from_json;
use crate::sql;

impl Store {
    /// All added prices in the order they were added; of two for one moment the later one counts.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn prices(&self) -> Result<Vec<PriceRow>, StoreError> {
        let rows: Vec<(i64, String)> = sql::query_as("SELECT seq, record FROM prices ORDER BY seq").fetch_all(self.reader()).await?;
        rows.iter().map(|(seq, record)| from_json(|| format!("price {seq}"), record)).collect()
    }
}
