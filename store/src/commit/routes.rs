//! Changes of routes.

use fluxa_domain::route::RouteRecord;
use serde_json::Value;

use super::{Diff, shown};
use crate::error::CommitError;
use crate::records::{from_json, to_json};
use crate::sql::{self, Tx};

pub(super) async fn put(tx: &mut Tx, record: &RouteRecord) -> Result<Diff, CommitError> {
    let before = read(tx, &record.model).await?;
    sql::query("INSERT INTO routes (model, record) VALUES ($1, $2) ON CONFLICT (model) DO UPDATE SET record = excluded.record")
        .bind(&record.model)
        .bind(to_json("route", record)?)
        .execute(tx)
        .await?;
    Ok(Diff { before, after: Some(shown("route", record)?) })
}

pub(super) async fn delete(tx: &mut Tx, model: &str) -> Result<Diff, CommitError> {
    let before = read(tx, model).await?;
    if before.is_none() {
        return Err(CommitError::NotFound(format!("route \"{model}\"")));
    }
    sql::query("DELETE FROM routes WHERE model = $1").bind(model).execute(tx).await?;
    Ok(Diff { before, after: None })
}

async fn read(tx: &mut Tx, model: &str) -> Result<Option<Value>, CommitError> {
    let record: Option<String> = sql::query_scalar("SELECT record FROM routes WHERE model = $1").bind(model).fetch_optional(tx).await?;
    Ok(record.map(|record| from_json(|| format!("route \"{model}\""), &record)).transpose()?)
}
