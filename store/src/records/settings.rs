//! Settings of the installation: names and values. Not for configuration, which is audited; for what the program keeps for itself.

use crate::error::StoreError;
use crate::open::Store;
use crate::sql;

impl Store {
    /// The value of a setting.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(sql::query_scalar("SELECT value FROM settings WHERE name = $1").bind(name).fetch_optional(self.reader()).await?)
    }

    /// Sets a setting.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn put_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        sql::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name)
            .bind(value)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}
