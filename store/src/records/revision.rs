//! The number of the configuration.

use fluxa_domain::change::Revision;

use crate::error::StoreError;
use crate::open::Store;
use crate::sql;

impl Store {
    /// The configuration's number; 0 as long as nothing was ever changed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn revision(&self) -> Result<Revision, StoreError> {
        let value = sql::query_scalar("SELECT value FROM revision WHERE id = 1").fetch_one(self.reader()).await?;
        Ok(Revision(value))
    }

    /// Whether no change was ever committed: then, and only then, the configuration file seeds the database.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.revision().await? == Revision(0))
    }
}
