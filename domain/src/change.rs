//! Every change of configuration. There is one door (`apply(actor, Change)`) and this is what fits through.

use serde::{Deserialize, Serialize};

use crate::firewall::{PolicyRecord, RuleRecord};
use crate::key::{KeyHash, KeyRecord};
use crate::price::PriceRow;
use crate::provider::{ProviderRecord, ProviderSecrets};
use crate::route::RouteRecord;
use crate::team::{OrganizationRecord, TeamRecord};
use crate::time::Micros;

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What the audit log shows: `master-key`, `seed`, `demo`.
    pub name: String,
    /// What they may do.
    pub role: crate::rbac::Role,
    /// Address they came from, where there is one.
    pub ip: Option<String>,
}

/// One change, validated. `store` writes it, its audit row and the new revision in one transaction.
#[derive(Clone, Debug)]
pub enum Change {
    /// Makes a provider; refused when the name is taken.
    CreateProvider {
        /// What it becomes.
        record: ProviderRecord,
        /// Its secrets, opened.
        secrets: ProviderSecrets,
    },
    /// Replaces a provider; `secrets: None` keeps the sealed ones.
    UpdateProvider {
        /// What it becomes.
        record: ProviderRecord,
        /// Its secrets, opened.
        secrets: Option<ProviderSecrets>,
    },
    /// Removes a provider; refused while a route names it.
    DeleteProvider {
        /// Its name.
        name: String,
    },
    /// Makes or replaces a route.
    PutRoute {
        /// What it becomes.
        record: RouteRecord,
    },
    /// Removes a route.
    DeleteRoute {
        /// Its model or pattern.
        model: String,
    },
    /// Makes a virtual key; refused when the name is taken.
    IssueKey {
        /// What it becomes.
        record: KeyRecord,
        /// Keyed hash of the new secret.
        hash: KeyHash,
    },
    /// Replaces everything but the secret.
    UpdateKey {
        /// What it becomes.
        record: KeyRecord,
    },
    /// Replaces the secret; former ones open until `grace_until`.
    RotateKey {
        /// Public id of the key.
        id: String,
        /// Keyed hash of the new secret.
        hash: KeyHash,
        /// Last four characters of the new secret.
        last4: String,
        /// Until when former secrets open.
        grace_until: Micros,
    },
    /// Removes a key for good; its ledger rows stay.
    RevokeKey {
        /// Public id of the key.
        id: String,
    },
    /// Makes a team; refused when the name is taken.
    CreateTeam {
        /// What it becomes.
        record: TeamRecord,
    },
    /// Replaces a team.
    UpdateTeam {
        /// What it becomes.
        record: TeamRecord,
    },
    /// Removes a team; refused while a key names it.
    DeleteTeam {
        /// Its name.
        name: String,
    },
    /// Makes an organisation; refused when the name is taken.
    CreateOrganization {
        /// What it becomes.
        record: OrganizationRecord,
    },
    /// Replaces an organisation.
    UpdateOrganization {
        /// What it becomes.
        record: OrganizationRecord,
    },
    /// Removes an organisation; refused while a team names it.
    DeleteOrganization {
        /// Its name.
        name: String,
    },
    /// Makes or replaces a rule of the firewall.
    PutFirewallRule {
        /// What it becomes.
        record: RuleRecord,
    },
    /// Removes a rule of the firewall; refused while a policy names it.
    DeleteFirewallRule {
        /// Its name.
        name: String,
    },
    /// Makes or replaces a policy of the firewall.
    PutFirewallPolicy {
        /// What it becomes.
        record: PolicyRecord,
    },
    /// Removes a policy of the firewall; refused while a key, team, organisation or route names it.
    DeleteFirewallPolicy {
        /// Its name.
        name: String,
    },
    /// Adds prices that apply from their `valid_from` on; rows are never rewritten.
    AddPrices {
        /// The rows.
        rows: Vec<PriceRow>,
    },
}

impl Change {
    /// The word for the audit log: `provider.create`, `key.rotate`, …
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::CreateProvider { .. } => "provider.create",
            Self::UpdateProvider { .. } => "provider.update",
            Self::DeleteProvider { .. } => "provider.delete",
            Self::PutRoute { .. } => "route.put",
            Self::DeleteRoute { .. } => "route.delete",
            Self::IssueKey { .. } => "key.issue",
            Self::UpdateKey { .. } => "key.update",
            Self::RotateKey { .. } => "key.rotate",
            Self::RevokeKey { .. } => "key.revoke",
            Self::CreateTeam { .. } => "team.create",
            Self::UpdateTeam { .. } => "team.update",
            Self::DeleteTeam { .. } => "team.delete",
            Self::CreateOrganization { .. } => "organization.create",
            Self::UpdateOrganization { .. } => "organization.update",
            Self::DeleteOrganization { .. } => "organization.delete",
            Self::PutFirewallRule { .. } => "firewall_rule.put",
            Self::DeleteFirewallRule { .. } => "firewall_rule.delete",
            Self::PutFirewallPolicy { .. } => "firewall_policy.put",
            Self::DeleteFirewallPolicy { .. } => "firewall_policy.delete",
            Self::AddPrices { .. } => "price.add",
        }
    }

    /// The thing that is changed, by name.
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Self::CreateProvider { record, .. } | Self::UpdateProvider { record, .. } => record.name.clone(),
            Self::DeleteProvider { name } => name.clone(),
            Self::PutRoute { record } => record.model.clone(),
            Self::DeleteRoute { model } => model.clone(),
            Self::IssueKey { record, .. } | Self::UpdateKey { record } => record.id.clone(),
            Self::RotateKey { id, .. } | Self::RevokeKey { id } => id.clone(),
            Self::CreateTeam { record } | Self::UpdateTeam { record } => record.name.clone(),
            Self::CreateOrganization { record } | Self::UpdateOrganization { record } => record.name.clone(),
            Self::PutFirewallRule { record } => record.name.clone(),
            Self::PutFirewallPolicy { record } => record.name.clone(),
            Self::DeleteTeam { name }
            | Self::DeleteOrganization { name }
            | Self::DeleteFirewallRule { name }
            | Self::DeleteFirewallPolicy { name } => name.clone(),
            Self::AddPrices { rows } => format!("{} prices", rows.len()),
        }
    }
}

/// The number of the configuration; every committed change makes the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub i64);
