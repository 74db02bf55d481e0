//! Providers as they are kept: the record in clear, the secrets sealed for exactly this row.

use fluxa_domain::provider::{ApiKey, Provider, ProviderSecrets};
use fluxa_domain::secret::Secret;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::StoreError;
use crate::open::Store;
use crate::records::from_json;
use crate::seal::Sealer;
use crate::sql;

/// The table and the column that a sealed value is bound to.
const TABLE: &str = "providers";
const COLUMN: &str = "secrets";

impl Store {
    /// All providers by name, secrets opened.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`], [`StoreError::Sealed`].
    pub async fn providers(&self) -> Result<Vec<Provider>, StoreError> {
        let rows: Vec<(String, String, String)> =
            sql::query_as("SELECT name, record, secrets FROM providers ORDER BY name").fetch_all(self.reader()).await?;
        rows.iter().map(|(name, record, sealed)| open_row(self.sealer(), name, record, sealed)).collect()
    }

    /// One provider, secrets opened.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`], [`StoreError::Sealed`].
    pub async fn provider(&self, name: &str) -> Result<Option<Provider>, StoreError> {
        let row: Option<(String, String)> =
            sql::query_as("SELECT record, secrets FROM providers WHERE name = $1").bind(name).fetch_optional(self.reader()).await?;
        row.map(|(record, sealed)| open_row(self.sealer(), name, &record, &sealed)).transpose()
    }
}

/// A provider from its row.
pub(crate) fn open_row(sealer: &Sealer, name: &str, record: &str, sealed: &str) -> Result<Provider, StoreError> {
    let what = || format!("provider \"{name}\"");
    let plain = sealer.open(TABLE, name, COLUMN, sealed)?;
    let secrets: Opened = serde_json::from_slice(plain.expose()).map_err(|_| StoreError::Sealed { what: what() })?;
    Ok(Provider { record: from_json(what, record)?, secrets: secrets.into() })
}

/// The secrets of a provider, sealed for its row.
pub(crate) fn seal(sealer: &Sealer, name: &str, secrets: &ProviderSecrets) -> Result<String, StoreError> {
    let text = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
    let mut opened = Opened {
        api_keys: secrets.api_keys.iter().map(|key| (key.key.expose().clone(), key.weight)).collect(),
        access_key_id: text(&secrets.access_key_id),
        secret_access_key: text(&secrets.secret_access_key),
        session_token: text(&secrets.session_token),
    };
    let plain = serde_json::to_vec(&opened).map(Zeroizing::new);
    opened.wipe();
    let plain = plain.map_err(|_| StoreError::Sealed { what: format!("provider \"{name}\"") })?;
    sealer.seal(TABLE, name, COLUMN, &plain)
}

/// The secrets of a provider as the audit log shows them: fingerprints.
pub(crate) fn fingerprints(sealer: &Sealer, secrets: &ProviderSecrets) -> serde_json::Value {
    let print = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| sealer.fingerprint(secret.expose()));
    let keys: Vec<serde_json::Value> = secrets
        .api_keys
        .iter()
        .map(|key| serde_json::json!({ "key": sealer.fingerprint(key.key.expose()), "weight": key.weight }))
        .collect();
    serde_json::json!({
        "api_keys": keys,
        "access_key_id": print(&secrets.access_key_id),
        "secret_access_key": print(&secrets.secret_access_key),
        "session_token": print(&secrets.session_token),
    })
}

/// What is inside the seal.
#[derive(Serialize, Deserialize)]
struct Opened {
    api_keys: Vec<(String, u32)>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
}

impl Opened {
    fn wipe(&mut self) {
        self.api_keys.iter_mut().for_each(|(key, _)| key.zeroize());
        self.access_key_id.zeroize();
        self.secret_access_key.zeroize();
        self.session_token.zeroize();
    }
}

impl From<Opened> for ProviderSecrets {
    fn from(opened: Opened) -> Self {
        Self {
            api_keys: opened.api_keys.into_iter().map(|(key, weight)| ApiKey { key: Secret::new(key), weight }).collect(),
            access_key_id: opened.access_key_id.map(Secret::new),
            secret_access_key: opened.secret_access_key.map(Secret::new),
            session_token: opened.session_token.map(Secret::new),
        }
    }
}
