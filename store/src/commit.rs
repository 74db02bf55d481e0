//! The one door of configuration: a change, its audit row and the new revision, in one transaction.
//!
//! Nothing is decided here: changes come validated and permitted. What the database alone can know is checked (a name is taken,
//! a record is missing, a route still names a provider). The revision row is written first, which puts changes in a line.

use fluxa_domain::change::{Actor, Change, Revision};
use fluxa_domain::time::Micros;
use serde::Serialize;
use serde_json::Value;

use crate::error::{CommitError, StoreError};
use crate::open::Store;
use crate::records::audit;
use crate::seal::Sealer;
use crate::sql::{self, Tx};

mod firewall;
mod keys;
mod prices;
mod providers;
mod routes;
mod teams;

/// A record before and after a change, as the audit log shows them.
#[derive(Debug, Default)]
struct Diff {
    before: Option<Value>,
    after: Option<Value>,
}

impl Store {
    /// Commits `change` by `actor` at `now`: the change, its audit row and the next revision, or nothing.
    ///
    /// # Errors
    /// [`CommitError::NameTaken`], [`CommitError::NotFound`], [`CommitError::InUse`] when the records do not allow it;
    /// [`CommitError::Store`] when the database fails.
    pub async fn commit(&self, actor: &Actor, change: &Change, now: Micros) -> Result<Revision, CommitError> {
        let mut tx = self.writer().begin().await?;
        let revision = sql::query_scalar("UPDATE revision SET value = value + 1 WHERE id = 1 RETURNING value").fetch_one(&mut tx).await?;
        let revision = Revision(revision);
        let diff = apply(&mut tx, self.sealer(), change, now).await?;
        audit::write(&mut tx, actor, now, (change.action(), &change.target()), diff.before, diff.after, revision).await?;
        tx.commit().await?;
        Ok(revision)
    }
}

async fn apply(tx: &mut Tx, sealer: &Sealer, change: &Change, now: Micros) -> Result<Diff, CommitError> {
    match change {
        Change::CreateProvider { record, secrets } => providers::create(tx, sealer, record, secrets).await,
        Change::UpdateProvider { record, secrets } => providers::update(tx, sealer, record, secrets.as_ref()).await,
        Change::DeleteProvider { name } => providers::delete(tx, sealer, name).await,
        Change::PutRoute { record } => routes::put(tx, record).await,
        Change::DeleteRoute { model } => routes::delete(tx, model).await,
        Change::IssueKey { record, hash } => keys::issue(tx, record, hash).await,
        Change::UpdateKey { record } => keys::update(tx, record).await,
        Change::RotateKey { id, hash, last4, grace_until } => keys::rotate(tx, id, (hash, last4), *grace_until, now).await,
        Change::RevokeKey { id } => keys::revoke(tx, id).await,
        Change::CreateTeam { record } => teams::create_team(tx, record).await,
        Change::UpdateTeam { record } => teams::update_team(tx, record).await,
        Change::DeleteTeam { name } => teams::delete_team(tx, name).await,
        Change::CreateOrganization { record } => teams::create_organization(tx, record).await,
        Change::UpdateOrganization { record } => teams::update_organization(tx, record).await,
        Change::DeleteOrganization { name } => teams::delete_organization(tx, name).await,
        Change::PutFirewallRule { record } => firewall::put_rule(tx, record).await,
        Change::DeleteFirewallRule { name } => firewall::delete_rule(tx, name).await,
        Change::PutFirewallPolicy { record } => firewall::put_policy(tx, record).await,
        Change::DeleteFirewallPolicy { name } => firewall::delete_policy(tx, name).await,
        Change::AddPrices { rows } => prices::add(tx, rows).await,
    }
}

/// A record as the audit log shows it.
fn shown<T: Serialize>(what: &str, record: &T) -> Result<Value, StoreError> {
    serde_json::to_value(record).map_err(|error| StoreError::Corrupt { what: what.to_owned(), why: error.to_string() })
}

/// A failed insert or update: a unique name that exists becomes [`CommitError::NameTaken`].
fn name_taken(name: &str) -> impl FnOnce(sqlx::Error) -> CommitError + '_ {
    move |error| match &error {
        sqlx::Error::Database(inner) if inner.is_unique_violation() => CommitError::NameTaken(name.to_owned()),
        _ => CommitError::from(error),
    }
}
