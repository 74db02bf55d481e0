//! What limits hold for, by name: a key, a model of a key, a team, an organisation.
//!
//! Counters and the ledger's sums go by the same names, so that one can be compared with the other.

use crate::entry::Entry;
use crate::team::DEFAULT_ORGANIZATION;

/// The scope of a key.
#[must_use]
pub fn key(id: &str) -> String {
    format!("key:{id}")
}

/// The scope of one model of a key: the name that the client used, or the pattern that limits it.
#[must_use]
pub fn key_model(id: &str, model: &str) -> String {
    format!("key:{id}:model:{model}")
}

/// The scope of a team.
#[must_use]
pub fn team(name: &str) -> String {
    format!("team:{name}")
}

/// The scope of an organisation.
#[must_use]
pub fn organization(name: &str) -> String {
    format!("org:{name}")
}

/// Every scope in which the ledger sums `entry`, whether or not it is limited: key, its model, team, organisation.
#[must_use]
pub fn of_entry(entry: &Entry) -> Vec<String> {
    let mut scopes = Vec::with_capacity(4);
    if !entry.key_id.is_empty() {
        scopes.push(key(&entry.key_id));
        scopes.push(key_model(&entry.key_id, &entry.model));
    }
    if !entry.team.is_empty() {
        scopes.push(team(&entry.team));
    }
    scopes.push(organization(organization_of(entry)));
    scopes
}

/// The organisation of `entry`; rows from before there were any belong to the default one.
#[must_use]
pub fn organization_of(entry: &Entry) -> &str {
    if entry.organization.is_empty() { DEFAULT_ORGANIZATION } else { &entry.organization }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CallId;
    use crate::time::Micros;

    #[test]
    fn a_row_counts_in_all_its_scopes() {
        let mut entry = Entry::new(CallId::new(Micros(0), [0; 10]), Micros(0));
        assert_eq!(of_entry(&entry), ["org:default"]);
        entry.key_id = String::from("K");
        entry.model = String::from("m");
        entry.team = String::from("t");
        entry.organization = String::from("o");
        assert_eq!(of_entry(&entry), ["key:K", "key:K:model:m", "team:t", "org:o"]);
    }
}
