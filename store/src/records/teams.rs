//! Teams and organisations as they are kept.

use fluxa_domain::team::{OrganizationRecord, TeamRecord};

use crate::error::StoreError;
use crate::open::Store;
use crate::records::from_json;
use crate::sql;

impl Store {
    /// All teams, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn teams(&self) -> Result<Vec<TeamRecord>, StoreError> {
        let rows: Vec<(String, String)> = sql::query_as("SELECT name, record FROM teams ORDER BY name").fetch_all(self.reader()).await?;
        rows.iter().map(|(name, record)| from_json(|| format!("team \"{name}\""), record)).collect()
    }

    /// The team of this name.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn team(&self, name: &str) -> Result<Option<TeamRecord>, StoreError> {
        let record: Option<String> =
            sql::query_scalar("SELECT record FROM teams WHERE name = $1").bind(name).fetch_optional(self.reader()).await?;
        record.map(|record| from_json(|| format!("team \"{name}\""), &record)).transpose()
    }

    /// All organisations, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn organizations(&self) -> Result<Vec<OrganizationRecord>, StoreError> {
        let rows: Vec<(String, String)> =
            sql::query_as("SELECT name, record FROM organizations ORDER BY name").fetch_all(self.reader()).await?;
        rows.iter().map(|(name, record)| from_json(|| format!("organization \"{name}\""), record)).collect()
    }

    /// The organisation of this name.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn organization(&self, name: &str) -> Result<Option<OrganizationRecord>, StoreError> {
        let record: Option<String> =
            sql::query_scalar("SELECT record FROM organizations WHERE name = $1").bind(name).fetch_optional(self.reader()).await?;
        record.map(|record| from_json(|| format!("organization \"{name}\""), &record)).transpose()
    }
}
