//! What a change does to the counters: those of what is gone are dropped, those that may be old are read from the ledger anew.
//!
//! Counters are kept by organisation. A key or a team that comes (back) to one may find counters there from before, which know
//! nothing of what was spent elsewhere since; so may one that is (again) given limits, because without any it is not counted.
//! Limits that only change need nothing: every call brings its own.

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
        Change::DeleteOrganization { name } => Aftermath { gone: Some((name.clone(), vec![scope::organization(name)])), stale: None },
        Change::UpdateKey { record } => stale_of_key(store, record).await?,
        Change::CreateTeam { record } | Change::UpdateTeam { record } => {
            let before = store.organization_of_team(Some(&record.name)).await?;
            let after = record.organization.as_deref().unwrap_or(DEFAULT_ORGANIZATION);
            if before != after {
                // All its keys move, and which models they have counters of is not known here: the whole organisation is read anew.
                return Ok(Aftermath { gone: None, stale: Some((after.to_owned(), Vec::new())) });
            }
            let limits = store.team(&record.name).await?.map(|team| team.limits);
            stale(after, newly_limited(limits.as_ref(), &record.limits).then(|| scope::team(&record.name)))
        }
        Change::CreateOrganization { record } | Change::UpdateOrganization { record } => {
            let limits = store.organization(&record.name).await?.map(|organization| organization.limits);
            stale(&record.name, newly_limited(limits.as_ref(), &record.limits).then(|| scope::organization(&record.name)))
        }
        Change::CreateProvider { .. }
        | Change::UpdateProvider { .. }
        | Change::DeleteProvider { .. }
        | Change::PutRoute { .. }
        | Change::DeleteRoute { .. }
        | Change::PutFirewallRule { .. }
        | Change::DeleteFirewallRule { .. }
        | Change::PutFirewallPolicy { .. }
        | Change::DeleteFirewallPolicy { .. }
        | Change::IssueKey { .. }
        | Change::RotateKey { .. }
        | Change::AddPrices { .. } => Aftermath::default(),
    })
}

async fn stale_of_key(store: &Store, record: &KeyRecord) -> Result<Aftermath, StoreError> {
    let Some(current) = store.key(&record.id).await? else { return Ok(Aftermath::default()) };
    let before = store.organization_of_team(current.team.as_deref()).await?;
    let after = store.organization_of_team(record.team.as_deref()).await?;
    if before != after {
        return Ok(stale(&after, scopes(&record.id, &record.model_limits)));
    }
    let own = newly_limited(Some(&current.limits), &record.limits).then(|| scope::key(&record.id));
    let models = record.model_limits.iter().filter(|(model, limits)| newly_limited(current.model_limits.get(*model), limits));
    Ok(stale(&after, own.into_iter().chain(models.map(|(model, _)| scope::key_model(&record.id, model)))))
}

/// Whether there are limits now and were none before: calls in between were not counted.
fn newly_limited(before: Option<&KeyLimits>, after: &KeyLimits) -> bool {
    let none = KeyLimits::default();
    *after != none && before.is_none_or(|before| *before == none)
}

/// These scopes of `organization` are to be read anew; no scopes mean nothing here.
fn stale(organization: &str, scopes: impl IntoIterator<Item = String>) -> Aftermath {
    let scopes: Vec<String> = scopes.into_iter().collect();
    Aftermath { gone: None, stale: (!scopes.is_empty()).then(|| (organization.to_owned(), scopes)) }
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
