//! The one door for changes of configuration: permission, commit with its audit row, announcement.
//! There is no other way in, so none of the three can be forgotten.

mod aftermath;

use fluxa_domain::change::{Actor, Change, Revision};
use fluxa_domain::rbac;
use fluxa_store::CommitError;
use fluxa_store::shared::Notice;
use thiserror::Error;
use tracing::info;

use crate::admin::Admin;

/// Why a change was not made.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The actor's role does not hold the permission.
    #[error("{actor} may not do {action}")]
    Forbidden {
        /// Who asked.
        actor: String,
        /// What for.
        action: &'static str,
    },
    /// The store refused or failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Makes one change: checks the permission, commits it with its audit row, tells every replica.
///
/// The announcement is a hint and may be lost (the caller may be dropped while it runs); the revision
/// row is the truth, and replicas poll it.
///
/// # Errors
/// [`ApplyError`]; nothing was changed then.
pub async fn apply(admin: &Admin, actor: &Actor, change: Change) -> Result<Revision, ApplyError> {
    let action = change.action();
    if !rbac::allows(actor.role, rbac::required(&change)) {
        return Err(ApplyError::Forbidden { actor: actor.name.clone(), action });
    }
    let target = change.target();
    let keys = touched_keys(&change);
    let aftermath = aftermath::of(&admin.store, &change).await.map_err(CommitError::Store)?;
    let revision = admin.store.commit(actor, &change, (admin.clock)()).await?;
    info!(change.action = action, change.target = %target, actor = %actor.name, revision = revision.0, "applied {action} of {target}");
    admin.shared.bulletin.announce(Notice { revision, keys }).await;
    // After the announcement: nobody admits calls as it was before any more.
    aftermath.settle(admin.shared.counters.as_ref()).await;
    Ok(revision)
}

/// Ids of the virtual keys that caches must drop.
fn touched_keys(change: &Change) -> Vec<String> {
    match change {
        Change::IssueKey { record, .. } | Change::UpdateKey { record } => vec![record.id.clone()],
        Change::RotateKey { id, .. } | Change::RevokeKey { id } => vec![id.clone()],
        Change::CreateProvider { .. }
        | Change::UpdateProvider { .. }
        | Change::DeleteProvider { .. }
        | Change::PutRoute { .. }
        | Change::DeleteRoute { .. }
        | Change::PutFirewallRule { .. }
        | Change::DeleteFirewallRule { .. }
        | Change::PutFirewallPolicy { .. }
        | Change::DeleteFirewallPolicy { .. }
        | Change::CreateTeam { .. }
        | Change::UpdateTeam { .. }
        | Change::DeleteTeam { .. }
        | Change::CreateOrganization { .. }
        | Change::UpdateOrganization { .. }
        | Change::DeleteOrganization { .. }
        | Change::AddPrices { .. } => Vec::new(),
    }
}
