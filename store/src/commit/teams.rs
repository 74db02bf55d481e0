//! Changes of teams and organisations.

use fluxa_domain::team::{OrganizationRecord, TeamRecord};
use serde_json::Value;

use super::{Diff, name_taken, shown};
use crate::error::CommitError;
use crate::records::{from_json, to_json};
use crate::sql::{self, Tx};

pub(super) async fn create_team(tx: &mut Tx, record: &TeamRecord) -> Result<Diff, CommitError> {
    sql::query("INSERT INTO teams (name, organization, record) VALUES ($1, $2, $3)")
        .bind(&record.name)
        .bind(record.organization.as_deref().unwrap_or_default())
        .bind(to_json("team", record)?)
        .execute(tx)
        .await
        .map_err(name_taken(&record.name))?;
    Ok(Diff { before: None, after: Some(shown("team", record)?) })
}

pub(super) async fn update_team(tx: &mut Tx, record: &TeamRecord) -> Result<Diff, CommitError> {
    let before = team(tx, &record.name).await?;
    sql::query("UPDATE teams SET organization = $2, record = $3 WHERE name = $1")
        .bind(&record.name)
        .bind(record.organization.as_deref().unwrap_or_default())
        .bind(to_json("team", record)?)
        .execute(tx)
        .await?;
    Ok(Diff { before: Some(before), after: Some(shown("team", record)?) })
}

pub(super) async fn delete_team(tx: &mut Tx, name: &str) -> Result<Diff, CommitError> {
    let before = team(tx, name).await?;
    let key: Option<String> = sql::query_scalar("SELECT name FROM virtual_keys WHERE team = $1 ORDER BY name LIMIT 1")
        .bind(name)
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(key) = key {
        return Err(CommitError::InUse(format!("key \"{key}\"")));
    }
    sql::query("DELETE FROM teams WHERE name = $1").bind(name).execute(tx).await?;
    Ok(Diff { before: Some(before), after: None })
}

pub(super) async fn create_organization(tx: &mut Tx, record: &OrganizationRecord) -> Result<Diff, CommitError> {
    sql::query("INSERT INTO organizations (name, record) VALUES ($1, $2)")
        .bind(&record.name)
        .bind(to_json("organization", record)?)
        .execute(tx)
        .await
        .map_err(name_taken(&record.name))?;
    Ok(Diff { before: None, after: Some(shown("organization", record)?) })
}

pub(super) async fn update_organization(tx: &mut Tx, record: &OrganizationRecord) -> Result<Diff, CommitError> {
    let before = organization(tx, &record.name).await?;
    sql::query("UPDATE organizations SET record = $2 WHERE name = $1")
        .bind(&record.name)
        .bind(to_json("organization", record)?)
        .execute(tx)
        .await?;
    Ok(Diff { before: Some(before), after: Some(shown("organization", record)?) })
}

pub(super) async fn delete_organization(tx: &mut Tx, name: &str) -> Result<Diff, CommitError> {
    let before = organization(tx, name).await?;
    let team: Option<String> = sql::query_scalar("SELECT name FROM teams WHERE organization = $1 ORDER BY name LIMIT 1")
        .bind(name)
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(team) = team {
        return Err(CommitError::InUse(format!("team \"{team}\"")));
    }
    sql::query("DELETE FROM organizations WHERE name = $1").bind(name).execute(tx).await?;
    Ok(Diff { before: Some(before), after: None })
}

async fn team(tx: &mut Tx, name: &str) -> Result<Value, CommitError> {
    let record: Option<String> = sql::query_scalar("SELECT record FROM teams WHERE name = $1").bind(name).fetch_optional(tx).await?;
    let Some(record) = record else { return Err(CommitError::NotFound(format!("team \"{name}\""))) };
    Ok(from_json(|| format!("team \"{name}\""), &record)?)
}

async fn organization(tx: &mut Tx, name: &str) -> Result<Value, CommitError> {
    let record: Option<String> =
        sql::query_scalar("SELECT record FROM organizations WHERE name = $1").bind(name).fetch_optional(tx).await?;
    let Some(record) = record else { return Err(CommitError::NotFound(format!("organization \"{name}\""))) };
    Ok(from_json(|| format!("organization \"{name}\""), &record)?)
}
