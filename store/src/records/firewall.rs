//! The firewall's rules and policies as they are kept.

use fluxa_domain::firewall::{PolicyRecord, RuleRecord};

use crate::error::StoreError;
use crate::open::Store;
use crate::records::from_json;
use crate::sql;

impl Store {
    /// All rules of the operator's own, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn firewall_rules(&self) -> Result<Vec<RuleRecord>, StoreError> {
        let rows: Vec<(String, String)> =
            sql::query_as("SELECT name, record FROM firewall_rules ORDER BY name").fetch_all(self.reader()).await?;
        rows.iter().map(|(name, record)| from_json(|| format!("firewall rule \"{name}\""), record)).collect()
    }

    /// The rule of this name.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn firewall_rule(&self, name: &str) -> Result<Option<RuleRecord>, StoreError> {
        let record: Option<String> =
            sql::query_scalar("SELECT record FROM firewall_rules WHERE name = $1").bind(name).fetch_optional(self.reader()).await?;
        record.map(|record| from_json(|| format!("firewall rule \"{name}\""), &record)).transpose()
    }

    /// All policies, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn firewall_policies(&self) -> Result<Vec<PolicyRecord>, StoreError> {
        let rows: Vec<(String, String)> =
            sql::query_as("SELECT name, record FROM firewall_policies ORDER BY name").fetch_all(self.reader()).await?;
        rows.iter().map(|(name, record)| from_json(|| format!("firewall policy \"{name}\""), record)).collect()
    }

    /// The policy of this name.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn firewall_policy(&self, name: &str) -> Result<Option<PolicyRecord>, StoreError> {
        let record: Option<String> =
            sql::query_scalar("SELECT record FROM firewall_policies WHERE name = $1").bind(name).fetch_optional(self.reader()).await?;
        record.map(|record| from_json(|| format!("firewall policy \"{name}\""), &record)).transpose()
    }
}
