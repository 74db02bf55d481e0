//! What a change does to the counters: those of what is gone are dropped, and those that move to another organisation are read
//! from the ledger anew.
//!
//! Counters are kept by organisation. A key or a team that comes (back) to one may find counters there from before, which know
//! nothing of what was spent elsewhere since. Limits that change need nothing: every call brings its own.

use std::collections::BTreeMap;

use fluxa_domain::change::Change;
use fluxa_domain::key::{KeyLimits, KeyRecord};
use fluxa_domain::scope;
use fluxa_domain::team::DEFAULT_ORGANIZATION;
use fluxa_store::shared::Counters;
use fluxa_store::{Store, StoreError};
use tracing::warn;

/// What is left to do once a change is in force.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Aftermath {
    /// Organisation and scopes that nobody asks for any more.
    gone: Option<(String, Vec<String>)>,
    /// Organisation and scopes whose counters there may be old; without scopes, all of them.
    stale: Option<(String, Vec<String>)>,
}

/// Finds out before the change, while what it replaces can still be read.
pub(super) async fn of(store: &Store, change: &Change) -> Result<Aftermath, StoreError> {
    Ok(match change {
        Change::RevokeKey { id } => {
            let Some(key) = store.key(id).await? else { return Ok(Aftermath::default()) };
            let organization = store.organization_of_team(key.team.as_deref()).await?;
            Aftermath { gone: Some((organization, scopes(&key.id, &key.model_limits))), stale: None }
        }
        Change::DeleteTeam { name } => {
            let organization = store.organization_of_team(Some(name)).await?;
            Aftermath { gone: Some((organization, vec![scope::team(name)])), stale: None }
        }
        Change::DeleteOrganization { name } => {
            Aftermath { gone: Some((name.clone(), vec![scope::organization(name)])), stale: None }
        }
        Change::UpdateKey { record } => moved_key(store, record).await?,
        Change::CreateTeam { record } | Change::UpdateTeam { record } => {
            let before = store.organization_of_team(Some(&record.name)).await?;
            let after = record.organization.as_deref().unwrap_or(DEFAULT_ORGANIZATION);
            // All its keys move, and which models they have counters of is not known here: the whole organisation is read anew.
            Aftermath { gone: None, stale: (before != after).then(|| (after.to_owned(), Vec::new())) }
        }
        Change::CreateProvider { .. }
        | Change::UpdateProvider { .. }
        | Change::DeleteProvider { .. }
        | Change::PutRoute { .. }
        | Change::DeleteRoute { .. }
        | Change::IssueKey { .. }
        | Change::RotateKey { .. }
        | Change::CreateOrganization { .. }
        | Change::UpdateOrganization { .. }
        | Change::AddPrices { .. } => Aftermath::default(),
    })
}

async fn moved_key(store: &Store, record: &KeyRecord) -> Result<Aftermath, StoreError> {
    let Some(current) = store.key(&record.id).await?.filter(|current| current.team != record.team) else { return Ok(Aftermath::default()) };
    let before = store.organization_of_team(current.team.as_deref()).await?;
    let after = store.organization_of_team(record.team.as_deref()).await?;
    Ok(Aftermath { gone: None, stale: (before != after).then(|| (after, scopes(&record.id, &record.model_limits))) })
}

/// The scopes of a key: its own, and those of its models that are limited.
fn scopes(id: &str, model_limits: &BTreeMap<String, KeyLimits>) -> Vec<String> {
    std::iter::once(scope::key(id)).chain(model_limits.keys().map(|model| scope::key_model(id, model))).collect()
}

impl Aftermath {
    /// Does it. What cannot be reached is told: dropping is but tidiness, and counters that stay old err in favour of who moved.
    pub(super) async fn settle(self, counters: &dyn Counters) {
        if let Some((organization, scopes)) = self.gone {
            for scope in scopes {
                counters.forget(&organization, &scope).await;
            }
        }
        if let Some((organization, scopes)) = self.stale
            && !counters.chill(&organization, &scopes).await
        {
            warn!(organization = %organization, "the counters cannot be reached: what moved to \"{organization}\" may have old sums there");
        }
    }
}

#[cfg(test)]
mod tests;
