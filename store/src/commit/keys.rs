//! Changes of virtual keys.

use fluxa_domain::key::{KeyHash, KeyRecord};
use fluxa_domain::time::Micros;
use serde_json::json;

use super::{Diff, name_taken, shown};
use crate::error::CommitError;
use crate::records::keys::hash_to_text;
use crate::records::{from_json, to_json};
use crate::sql::{self, Tx};

pub(super) async fn issue(tx: &mut Tx, record: &KeyRecord, hash: &KeyHash) -> Result<Diff, CommitError> {
    sql::query("INSERT INTO virtual_keys (id, name, team, enabled, record) VALUES ($1, $2, $3, $4, $5)")
        .bind(&record.id)
        .bind(&record.name)
        .bind(record.team.as_deref().unwrap_or_default())
        .bind(i64::from(record.enabled))
        .bind(to_json("key", record)?)
        .execute(&mut *tx)
        .await
        .map_err(name_taken(&record.name))?;
    open_door(tx, &record.id, hash).await?;
    Ok(Diff { before: None, after: Some(shown("key", record)?) })
}

pub(super) async fn update(tx: &mut Tx, record: &KeyRecord) -> Result<Diff, CommitError> {
    let former = read(tx, &record.id).await?;
    write(tx, record).await?;
    Ok(Diff { before: Some(shown("key", &former)?), after: Some(shown("key", record)?) })
}

pub(super) async fn rotate(
    tx: &mut Tx,
    id: &str,
    (hash, last4): (&KeyHash, &str),
    grace_until: Micros,
    now: Micros,
) -> Result<Diff, CommitError> {
    let former = read(tx, id).await?;
    let record = KeyRecord { last4: last4.to_owned(), updated_at: now, ..former.clone() };
    write(tx, &record).await?;
    // A door never opens longer than before: a rotation without grace closes every former secret at once.
    sql::query("UPDATE key_doors SET closes_at = $2 WHERE key_id = $1 AND (closes_at IS NULL OR closes_at > $2)")
        .bind(id)
        .bind(grace_until.0)
        .execute(&mut *tx)
        .await?;
    sql::query("DELETE FROM key_doors WHERE key_id = $1 AND closes_at <= $2").bind(id).bind(now.0).execute(&mut *tx).await?;
    open_door(tx, id, hash).await?;
    let before = json!({ "last4": former.last4 });
    Ok(Diff { before: Some(before), after: Some(json!({ "last4": last4, "grace_until": grace_until })) })
}

pub(super) async fn revoke(tx: &mut Tx, id: &str) -> Result<Diff, CommitError> {
    let former = read(tx, id).await?;
    // The doors go with it (ON DELETE CASCADE); ledger rows and sums stay.
    sql::query("DELETE FROM virtual_keys WHERE id = $1").bind(id).execute(tx).await?;
    Ok(Diff { before: Some(shown("key", &former)?), after: None })
}

async fn read(tx: &mut Tx, id: &str) -> Result<KeyRecord, CommitError> {
    let record: Option<String> = sql::query_scalar("SELECT record FROM virtual_keys WHERE id = $1").bind(id).fetch_optional(tx).await?;
    let Some(record) = record else { return Err(CommitError::NotFound(format!("key {id}"))) };
    Ok(from_json(|| format!("key {id}"), &record)?)
}

async fn write(tx: &mut Tx, record: &KeyRecord) -> Result<(), CommitError> {
    sql::query("UPDATE virtual_keys SET name = $2, team = $3, enabled = $4, record = $5 WHERE id = $1")
        .bind(&record.id)
        .bind(&record.name)
        .bind(record.team.as_deref().unwrap_or_default())
        .bind(i64::from(record.enabled))
        .bind(to_json("key", record)?)
        .execute(tx)
        .await
        .map_err(name_taken(&record.name))?;
    Ok(())
}

async fn open_door(tx: &mut Tx, id: &str, hash: &KeyHash) -> Result<(), CommitError> {
    sql::query("INSERT INTO key_doors (hash, key_id, closes_at) VALUES ($1, $2, NULL)")
        .bind(hash_to_text(hash))
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}
