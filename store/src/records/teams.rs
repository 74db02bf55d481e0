//! Teams and organisations as they are kept.

use fluxa_domain::team::{DEFAULT_ORGANIZATION, OrganizationRecord, TeamRecord};

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

    /// The organisation under which the counters of a team and its keys are kept: that of its record, else [`DEFAULT_ORGANIZATION`],
    /// which is also that of keys without a team and of teams that are but a label.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn organization_of_team(&self, team: Option<&str>) -> Result<String, StoreError> {
        let record = match team {
            Some(name) => self.team(name).await?,
            None => None,
        };
        Ok(record.and_then(|record| record.organization).unwrap_or_else(|| String::from(DEFAULT_ORGANIZATION)))
    }
}
