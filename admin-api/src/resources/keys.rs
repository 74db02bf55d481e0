//! `/admin/keys`: virtual keys. The secret is in the answer to POST and rotate, and nowhere else, ever.

mod body;

use fluxa_domain::change::Change;
use fluxa_domain::key::{KeyRecord, compose, hash};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{firewall, limits, spend};
use crate::answer::{self, Answer};
use crate::problem::Problem;
use crate::serve::Errand;
use crate::show::{members, moment};

/// How long a rotated secret still opens when the body does not say: a day, for deployments to follow.
const DEFAULT_GRACE_MS: u64 = 86_400_000;

/// GET: a page.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let filter = body::filter(&errand.query)?;
    let page = errand.store().keys(&filter, ask.limit, ask.cursor.as_deref()).await?;
    answer::page(page.rows.iter().map(|key| Value::Object(view(key))).collect(), page.next_cursor)
}

/// GET: one, with what it spent.
pub(crate) async fn get(errand: Errand) -> Answer {
    let key = find(&errand).await?;
    let mut shown = view(&key);
    let organization = errand.store().organization_of_team(key.team.as_deref()).await?;
    let scope = fluxa_domain::scope::key(&key.id);
    let holder = spend::Holder { organization: &organization, scope: &scope, limits: &key.limits, time_zone: &key.time_zone };
    shown.insert(String::from("spend"), spend::standing(&errand, holder).await?);
    answer::ok(&shown)
}

/// POST: issues a key.
pub(crate) async fn issue(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let secret = Fresh::make()?;
    let mut record = body::read(errand.fields()?, &blank(&errand, &secret), true)?;
    firewall::check_policy_name(&errand, None, record.firewall_policy.as_ref()).await?;
    record.last4 = secret.last4();
    let hash = hash(&errand.desk.admin.pepper, &secret.text);
    let mut shown = view(&record);
    shown.insert(String::from("key"), Value::from(secret.text));
    let location = format!("/admin/keys/{}", record.id);
    errand.apply(Change::IssueKey { record, hash }).await?;
    answer::created(&location, &shown)
}

/// PATCH: merges.
pub(crate) async fn update(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let current = find(&errand).await?;
    let mut record = body::read(errand.fields()?, &current, false)?;
    firewall::check_policy_name(&errand, current.firewall_policy.as_ref(), record.firewall_policy.as_ref()).await?;
    record.updated_at = errand.now();
    let shown = view(&record);
    errand.apply(Change::UpdateKey { record }).await?;
    answer::ok(&shown)
}

/// POST …/rotate: a new secret under the same id; the old one opens until its grace ends.
pub(crate) async fn rotate(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let key = find(&errand).await?;
    let grace_ms = body::grace_ms(errand.fields()?)?.unwrap_or(DEFAULT_GRACE_MS);
    let now = errand.now();
    let grace_until = fluxa_domain::time::Micros(now.0.saturating_add(i64::try_from(grace_ms).unwrap_or(0).saturating_mul(1_000)));
    let secret = Fresh::make_for(&key.id)?;
    let change =
        Change::RotateKey { id: key.id.clone(), hash: hash(&errand.desk.admin.pepper, &secret.text), last4: secret.last4(), grace_until };
    errand.apply(change).await?;
    let mut shown = view(&KeyRecord { last4: secret.last4(), updated_at: now, ..key });
    shown.insert(String::from("key"), Value::from(secret.text));
    shown.insert(String::from("grace_until"), moment(Some(grace_until)));
    answer::ok(&shown)
}

/// DELETE: for good; the ledger's rows stay.
pub(crate) async fn revoke(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    errand.apply(Change::RevokeKey { id: errand.param("id").to_owned() }).await?;
    answer::nothing()
}

async fn find(errand: &Errand) -> Result<KeyRecord, Problem> {
    let id = errand.param("id");
    errand.store().key(id).await?.ok_or_else(|| Problem::not_found(format!("no key \"{id}\"")))
}

/// A secret just made: its public id and its whole text.
struct Fresh {
    id: String,
    text: String,
}

impl Fresh {
    fn make() -> Result<Self, Problem> {
        let mut id_random = [0; 6];
        fill(&mut id_random)?;
        let mut secret_random = [0; 32];
        fill(&mut secret_random)?;
        let (id, text) = compose(id_random, secret_random);
        Ok(Self { id, text })
    }

    /// A new secret for a key that has its id already.
    fn make_for(id: &str) -> Result<Self, Problem> {
        let mut secret_random = [0; 32];
        fill(&mut secret_random)?;
        id_bytes(id)
            .map(|id_random| compose(id_random, secret_random))
            .filter(|(made, _)| made == id)
            .map(|(id, text)| Self { id, text })
            .ok_or_else(|| Problem::new(StatusCode::CONFLICT, "foreign_key_id", "the id of this key is not one of ours; issue a new key"))
    }

    fn last4(&self) -> String {
        self.text.get(self.text.len().saturating_sub(4)..).unwrap_or_default().to_owned()
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), Problem> {
    getrandom::fill(bytes).map_err(|e| Problem::internal(&e))
}

/// The six bytes that [`compose`] writes as `id`: every 8 characters of base 62 are below 2^48.
fn id_bytes(id: &str) -> Option<[u8; 6]> {
    let number = id.bytes().try_fold(0_u64, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u64::from(digit))
    })?;
    let [0, 0, bytes @ ..] = number.to_be_bytes() else { return None };
    Some(bytes)
}

fn blank(errand: &Errand, secret: &Fresh) -> KeyRecord {
    let now = errand.now();
    KeyRecord {
        firewall_policy: None,
        id: secret.id.clone(),
        name: String::new(),
        models: Vec::new(),
        limits: Default::default(),
        model_limits: std::collections::BTreeMap::new(),
        on_store_error: None,
        cache: None,
        budget_mode: Default::default(),
        budget_clamp: false,
        time_zone: String::from("UTC"),
        show_spend: false,
        expires_at: None,
        ip_allowlist: Vec::new(),
        enabled: true,
        team: None,
        tags: Default::default(),
        last4: String::new(),
        created_at: now,
        updated_at: now,
    }
}

/// What may be seen of a key.
fn view(key: &KeyRecord) -> Map<String, Value> {
    let mut shown = members(json!({
        "id": key.id,
        "name": key.name,
        "prefix": format!("{}{}", fluxa_domain::key::PREFIX, key.id),
        "last4": key.last4,
        "models": key.models,
    }));
    limits::put(&mut shown, &key.limits);
    shown.extend(members(json!({
        "model_limits": limits::by_model(&key.model_limits),
        "on_store_error": key.on_store_error,
        "cache": key.cache,
        "budget_mode": key.budget_mode,
        "budget_clamp": key.budget_clamp,
        "time_zone": key.time_zone,
        "show_spend": key.show_spend,
        "expires_at": moment(key.expires_at),
        "ip_allowlist": key.ip_allowlist,
        "enabled": key.enabled,
        "team": key.team,
        "tags": key.tags,
        "firewall_policy": key.firewall_policy,
        "created_at": key.created_at.to_rfc3339(),
        "updated_at": key.updated_at.to_rfc3339(),
    })));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_keeps_the_id() {
        for random in [[0; 6], [255; 6], [1, 2, 3, 4, 5, 6], [0xE5, 0, 0x7F, 9, 200, 31]] {
            let (id, _) = compose(random, [7; 32]);
            let (again, text) = compose(id_bytes(&id).unwrap(), [8; 32]);
            assert_eq!(again, id);
            assert_eq!(fluxa_domain::key::public_id(&text), Some(id.as_str()));
        }
        assert_eq!(id_bytes("not-ours"), None);
        assert_eq!(id_bytes("zzzzzzzzzzzzzzzz"), None);
    }
}
