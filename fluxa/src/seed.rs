//! What an empty database begins with: providers, routes and keys of the file, or providers of the environment.
//!
//! [`plan`] is pure and makes [`Change`]s; [`plant`] sends them through the admin API's one door. A database that
//! has ever been written to is left alone: the admin API is the source of truth then, and [`environment::drift`] only says what
//! differs. Start reading at [`plan`].

use fluxa_domain::change::{Actor, Change};
use fluxa_domain::key::{KeyHash, compose, hash, public_id};
use fluxa_domain::provider::Provider;
use fluxa_domain::rbac::Role;
use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;

use crate::banner::Found;
use crate::config::seeds::{SeedKey, Seeds};

pub mod environment;

/// The store's setting that lists the providers which the environment made, comma-separated.
pub const FROM_ENVIRONMENT: &str = "providers_from_environment";

/// What is to be written, and what there is to tell about it.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In the order in which they have to be made: providers, rules, policies, routes, organisations, teams, keys.
    pub changes: Vec<Change>,
    /// For the banner.
    pub found: Vec<Found>,
    /// Virtual keys that were made, not given: name and text, to be shown once.
    pub made_keys: Vec<(String, Secret<String>)>,
    /// Names of the providers that come from the environment ([`FROM_ENVIRONMENT`]).
    pub from_environment: Vec<String>,
}

/// Fills a buffer with random bytes.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

/// Who makes the changes, as the audit log shows it.
#[must_use]
pub fn actor(name: &str) -> Actor {
    Actor { name: name.to_owned(), role: Role::System, ip: None }
}

/// Plans the seeds. With no provider in the file, every `<KIND>_API_KEY` of the environment makes one.
///
/// # Errors
/// A sentence that names the provider or the variable.
pub fn plan(
    seeds: &Seeds,
    file: Option<&str>,
    env: &dyn Fn(&str) -> Option<String>,
    now: Micros,
    pepper: &[u8; 32],
    random: Random<'_>,
) -> Result<Plan, String> {
    let mut plan = Plan::default();
    for seed in &seeds.providers {
        let mut record = seed.record.clone();
        (record.created_at, record.updated_at) = (now, now);
        let source = format!("{}, line {}", file.unwrap_or("the file"), seed.at.line);
        plan.found.push(Found { name: record.name.clone(), kind: record.kind.clone(), source });
        plan.changes.push(Change::CreateProvider { record, secrets: seed.secrets.clone() });
    }
    if seeds.providers.is_empty() {
        for provider in environment::providers(env)? {
            let mut record = provider.record;
            (record.created_at, record.updated_at) = (now, now);
            plan.from_environment.push(record.name.clone());
            plan.found.push(Found { name: record.name.clone(), kind: record.kind.clone(), source: provider.variable });
            plan.changes.push(Change::CreateProvider { record, secrets: provider.secrets });
        }
    }
    for seed in &seeds.rules {
        let mut record = seed.record.clone();
        (record.created_at, record.updated_at) = (now, now);
        plan.changes.push(Change::PutFirewallRule { record });
    }
    for seed in &seeds.policies {
        let mut record = seed.record.clone();
        (record.created_at, record.updated_at) = (now, now);
        plan.changes.push(Change::PutFirewallPolicy { record });
    }
    for route in &seeds.routes {
        for target in route.record.targets.iter().chain(&route.record.fallback) {
            if !plan.found.iter().any(|found| found.name == target.provider) {
                return Err(format!(
                    "route \"{}\" names provider \"{}\", which has no key in the environment",
                    route.record.model, target.provider
                ));
            }
        }
        plan.changes.push(Change::PutRoute { record: route.record.clone() });
    }
    for seed in &seeds.organizations {
        let mut record = seed.record.clone();
        (record.created_at, record.updated_at) = (now, now);
        plan.changes.push(Change::CreateOrganization { record });
    }
    for seed in &seeds.teams {
        let mut record = seed.record.clone();
        (record.created_at, record.updated_at) = (now, now);
        plan.changes.push(Change::CreateTeam { record });
    }
    for seed in &seeds.keys {
        let (change, made) = issue(seed, now, pepper, random);
        plan.changes.push(change);
        plan.made_keys.extend(made.map(|text| (seed.record.name.clone(), text)));
    }
    Ok(plan)
}

/// The change that makes a key, and its text where it was made here.
pub fn issue(seed: &SeedKey, now: Micros, pepper: &[u8; 32], random: Random<'_>) -> (Change, Option<Secret<String>>) {
    let (id, text, made) = match seed.fixed.as_ref().and_then(|text| public_id(text.expose()).map(|id| (id.to_owned(), text.clone()))) {
        Some((id, text)) => (id, text, None),
        None => {
            let (mut id_random, mut secret_random) = ([0; 6], [0; 32]);
            random(&mut id_random);
            random(&mut secret_random);
            let (id, text) = compose(id_random, secret_random);
            let text = Secret::new(text);
            (id, text.clone(), Some(text))
        }
    };
    let key_hash: KeyHash = hash(pepper, text.expose());
    let mut record = seed.record.clone();
    record.id = id;
    record.last4 = text.last4();
    (record.created_at, record.updated_at) = (now, now);
    (Change::IssueKey { record, hash: key_hash }, made)
}

/// The providers that a first start would make, each with its source: what `fluxa check` tries.
///
/// # Errors
/// A sentence that names the variable.
pub fn providers(seeds: &Seeds, file: Option<&str>, env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<(Provider, String)>, String> {
    let no_keys = Seeds { keys: Vec::new(), ..seeds.clone() };
    let plan = plan(&no_keys, file, env, Micros(0), &[0; 32], &mut |_| {})?;
    let sources = plan.found.into_iter().map(|found| found.source);
    let providers = plan.changes.into_iter().filter_map(|change| match change {
        Change::CreateProvider { record, secrets } => Some(Provider { record, secrets }),
        _ => None,
    });
    Ok(providers.zip(sources).collect())
}

/// Sends the changes through `apply`, in order.
///
/// # Errors
/// The first change that was refused, by name.
pub async fn plant(changes: Vec<Change>, mut apply: impl AsyncFnMut(Change) -> Result<(), String>) -> Result<usize, String> {
    let mut count = 0;
    for change in changes {
        let (action, target) = (change.action(), change.target());
        apply(change).await.map_err(|error| format!("{action} of \"{target}\": {error}"))?;
        count += 1;
    }
    Ok(count)
}

/// What to tell when the database is not empty: seeds of the file that are passed over.
#[must_use]
pub fn ignored(seeds: &Seeds, file: Option<&str>) -> Option<String> {
    let counts = [
        ("providers", seeds.providers.len()),
        ("routes", seeds.routes.len()),
        ("organizations", seeds.organizations.len()),
        ("teams", seeds.teams.len()),
        ("keys", seeds.keys.len()),
        ("firewall rules", seeds.rules.len()),
        ("firewall policies", seeds.policies.len()),
    ];
    let parts: Vec<String> = counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}")).collect();
    if parts.is_empty() {
        return None;
    }
    Some(format!(
        "{} of {} are not read: the database is not empty, and the admin API is the source of truth",
        parts.join(", "),
        file.unwrap_or("the configuration file")
    ))
}

#[cfg(test)]
mod tests;
