//! Changes of the firewall's rules and policies.

use fluxa_domain::firewall::{PolicyRecord, RuleRecord};
use serde_json::Value;

use super::{Diff, shown};
use crate::error::CommitError;
use crate::records::{from_json, to_json};
use crate::sql::{self, Tx};

pub(super) async fn put_rule(tx: &mut Tx, record: &RuleRecord) -> Result<Diff, CommitError> {
    let before = rule(tx, &record.name).await?;
    sql::query("INSERT INTO firewall_rules (name, record) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET record = excluded.record")
        .bind(&record.name)
        .bind(to_json("firewall rule", record)?)
        .execute(tx)
        .await?;
    Ok(Diff { before, after: Some(shown("firewall rule", record)?) })
}

pub(super) async fn delete_rule(tx: &mut Tx, name: &str) -> Result<Diff, CommitError> {
    let Some(before) = rule(tx, name).await? else { return Err(CommitError::NotFound(format!("rule \"{name}\""))) };
    let rows: Vec<(String, String)> = sql::query_as("SELECT name, record FROM firewall_policies ORDER BY name").fetch_all(&mut *tx).await?;
    for (policy, record) in rows {
        let record: PolicyRecord = from_json(|| format!("firewall policy \"{policy}\""), &record)?;
        if record.actions.contains_key(name) {
            return Err(CommitError::InUse(format!("firewall policy \"{policy}\"")));
        }
    }
    sql::query("DELETE FROM firewall_rules WHERE name = $1").bind(name).execute(tx).await?;
    Ok(Diff { before: Some(before), after: None })
}

pub(super) async fn put_policy(tx: &mut Tx, record: &PolicyRecord) -> Result<Diff, CommitError> {
    let before = policy(tx, &record.name).await?;
    sql::query("INSERT INTO firewall_policies (name, record) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET record = excluded.record")
        .bind(&record.name)
        .bind(to_json("firewall policy", record)?)
        .execute(tx)
        .await?;
    Ok(Diff { before, after: Some(shown("firewall policy", record)?) })
}

pub(super) async fn delete_policy(tx: &mut Tx, name: &str) -> Result<Diff, CommitError> {
    let Some(before) = policy(tx, name).await? else {
        return Err(CommitError::NotFound(format!("firewall policy \"{name}\"")));
    };
    for (what, statement) in [
        ("key", "SELECT name, record FROM virtual_keys WHERE record LIKE $1 ESCAPE '!' ORDER BY name"),
        ("team", "SELECT name, record FROM teams WHERE record LIKE $1 ESCAPE '!' ORDER BY name"),
        ("organization", "SELECT name, record FROM organizations WHERE record LIKE $1 ESCAPE '!' ORDER BY name"),
        ("route", "SELECT model, record FROM routes WHERE record LIKE $1 ESCAPE '!' ORDER BY model"),
    ] {
        // The pattern finds too many where the name has a wildcard in it; the record decides.
        let quoted = to_json("name", &name)?.replace('!', "!!");
        let rows: Vec<(String, String)> =
            sql::query_as(statement).bind(format!("%\"firewall_policy\":{quoted}%")).fetch_all(&mut *tx).await?;
        for (owner, record) in rows {
            let record: Value = from_json(|| format!("{what} \"{owner}\""), &record)?;
            if record.get("firewall_policy").and_then(Value::as_str) == Some(name) {
                return Err(CommitError::InUse(format!("{what} \"{owner}\"")));
            }
        }
    }
    sql::query("DELETE FROM firewall_policies WHERE name = $1").bind(name).execute(tx).await?;
    Ok(Diff { before: Some(before), after: None })
}

async fn rule(tx: &mut Tx, name: &str) -> Result<Option<Value>, CommitError> {
    let record: Option<String> =
        sql::query_scalar("SELECT record FROM firewall_rules WHERE name = $1").bind(name).fetch_optional(tx).await?;
    Ok(record.map(|record| from_json(|| format!("rule \"{name}\""), &record)).transpose()?)
}

async fn policy(tx: &mut Tx, name: &str) -> Result<Option<Value>, CommitError> {
    let record: Option<String> =
        sql::query_scalar("SELECT record FROM firewall_policies WHERE name = $1").bind(name).fetch_optional(tx).await?;
    Ok(record.map(|record| from_json(|| format!("firewall policy \"{name}\""), &record)).transpose()?)
}
