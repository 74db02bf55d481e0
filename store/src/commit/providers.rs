//! Changes of providers.

use fluxa_domain::provider::{Provider, ProviderRecord, ProviderSecrets};
use fluxa_domain::route::RouteRecord;
use serde_json::Value;

use super::{Diff, name_taken, shown};
use crate::error::{CommitError, StoreError};
use crate::records::providers::{fingerprints, open_row, seal};
use crate::records::{from_json, to_json};
use crate::seal::Sealer;
use crate::sql::{self, Tx};

pub(super) async fn create(tx: &mut Tx, sealer: &Sealer, record: &ProviderRecord, secrets: &ProviderSecrets) -> Result<Diff, CommitError> {
    sql::query("INSERT INTO providers (name, kind, record, secrets) VALUES ($1, $2, $3, $4)")
        .bind(&record.name)
        .bind(&record.kind)
        .bind(to_json("provider", record)?)
        .bind(seal(sealer, &record.name, secrets)?)
        .execute(tx)
        .await
        .map_err(name_taken(&record.name))?;
    Ok(Diff { before: None, after: Some(shown_provider(sealer, record, secrets)?) })
}

pub(super) async fn update(
    tx: &mut Tx,
    sealer: &Sealer,
    record: &ProviderRecord,
    secrets: Option<&ProviderSecrets>,
) -> Result<Diff, CommitError> {
    let former = read(tx, sealer, &record.name).await?;
    let secrets = secrets.unwrap_or(&former.secrets);
    sql::query("UPDATE providers SET kind = $2, record = $3, secrets = $4 WHERE name = $1")
        .bind(&record.name)
        .bind(&record.kind)
        .bind(to_json("provider", record)?)
        .bind(seal(sealer, &record.name, secrets)?)
        .execute(tx)
        .await?;
    let before = shown_provider(sealer, &former.record, &former.secrets)?;
    Ok(Diff { before: Some(before), after: Some(shown_provider(sealer, record, secrets)?) })
}

pub(super) async fn delete(tx: &mut Tx, sealer: &Sealer, name: &str) -> Result<Diff, CommitError> {
    let before = match read(tx, sealer, name).await {
        Ok(former) => Some(shown_provider(sealer, &former.record, &former.secrets)?),
        // What cannot be opened any more must still be removable.
        Err(CommitError::Store(StoreError::Sealed { .. })) => Some(Value::from("(sealed under another key)")),
        Err(error) => return Err(error),
    };
    let routes: Vec<(String, String)> = sql::query_as("SELECT model, record FROM routes ORDER BY model").fetch_all(&mut *tx).await?;
    for (model, record) in &routes {
        let route: RouteRecord = from_json(|| format!("route \"{model}\""), record)?;
        if route.targets.iter().chain(&route.fallback).any(|target| target.provider == name) {
            return Err(CommitError::InUse(format!("route \"{model}\"")));
        }
    }
    sql::query("DELETE FROM providers WHERE name = $1").bind(name).execute(tx).await?;
    Ok(Diff { before, after: None })
}

async fn read(tx: &mut Tx, sealer: &Sealer, name: &str) -> Result<Provider, CommitError> {
    let row: Option<(String, String)> =
        sql::query_as("SELECT record, secrets FROM providers WHERE name = $1").bind(name).fetch_optional(tx).await?;
    let Some((record, sealed)) = row else { return Err(CommitError::NotFound(format!("provider \"{name}\""))) };
    Ok(open_row(sealer, name, &record, &sealed)?)
}

/// A provider as the audit log shows it. Extra headers may hold credentials of a proxy, so their values are fingerprints too.
fn shown_provider(sealer: &Sealer, record: &ProviderRecord, secrets: &ProviderSecrets) -> Result<Value, CommitError> {
    let mut record = record.clone();
    record.headers.values_mut().for_each(|value| *value = sealer.fingerprint(value));
    let mut json = shown("provider", &record)?;
    if let Value::Object(fields) = &mut json {
        fields.insert(String::from("secrets"), fingerprints(sealer, secrets));
    }
    Ok(json)
}
