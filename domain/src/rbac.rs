//! Who may do what: deny by default, one table.

use serde::{Deserialize, Serialize};

use crate::change::Change;

/// What an actor is. Users, teams and finer roles come with single sign-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Holds the master key.
    Owner,
    /// The program itself, seeding an empty database.
    System,
}

/// What a change needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Create, edit, delete providers.
    Providers,
    /// Edit routes.
    Routes,
    /// Create, edit, rotate, revoke keys.
    Keys,
    /// Create, edit, delete teams and organisations.
    Teams,
    /// Create, edit, delete rules and policies of the firewall.
    Firewall,
    /// Add prices.
    Prices,
}

/// The permission that a change needs; a new kind of change does not compile without one.
#[must_use]
pub const fn required(change: &Change) -> Permission {
    match change {
        Change::CreateProvider { .. } | Change::UpdateProvider { .. } | Change::DeleteProvider { .. } => Permission::Providers,
        Change::PutRoute { .. } | Change::DeleteRoute { .. } => Permission::Routes,
        Change::IssueKey { .. } | Change::UpdateKey { .. } | Change::RotateKey { .. } | Change::RevokeKey { .. } => Permission::Keys,
        Change::CreateTeam { .. }
        | Change::UpdateTeam { .. }
        | Change::DeleteTeam { .. }
        | Change::CreateOrganization { .. }
        | Change::UpdateOrganization { .. }
        | Change::DeleteOrganization { .. } => Permission::Teams,
        Change::PutFirewallRule { .. }
        | Change::DeleteFirewallRule { .. }
        | Change::PutFirewallPolicy { .. }
        | Change::DeleteFirewallPolicy { .. } => Permission::Firewall,
        Change::AddPrices { .. } => Permission::Prices,
    }
}

/// Whether `role` holds `permission`.
#[must_use]
pub const fn allows(role: Role, permission: Permission) -> bool {
    match (role, permission) {
        (
            Role::Owner | Role::System,
            Permission::Providers | Permission::Routes | Permission::Keys | Permission::Teams | Permission::Firewall | Permission::Prices,
        ) => true,
    }
}
