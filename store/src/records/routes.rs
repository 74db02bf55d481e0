//! Routes as they are kept.

use fluxa_domain::route::RouteRecord;

use crate::error::StoreError;
use crate::open::Store;
use crate::records::from_json;
use crate::sql;

impl Store {
    /// All routes, by model.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn routes(&self) -> Result<Vec<RouteRecord>, StoreError> {
        let rows: Vec<(String, String)> = sql::query_as("SELECT model, record FROM routes ORDER BY model").fetch_all(self.reader()).await?;
        rows.iter().map(|(model, record)| from_json(|| format!("route \"{model}\""), record)).collect()
    }

    /// The route of exactly this model or pattern.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn route(&self, model: &str) -> Result<Option<RouteRecord>, StoreError> {
        let record: Option<String> =
            sql::query_scalar("SELECT record FROM routes WHERE model = $1").bind(model).fetch_optional(self.reader()).await?;
        record.map(|record| from_json(|| format!("route \"{model}\""), &record)).transpose()
    }
}
