//! Virtual keys as they are kept: the record, and the hashes ("doors") that open it. Never the key itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use fluxa_domain::key::{KeyAccess, KeyDoor, KeyHash, KeyRecord};
use fluxa_domain::time::Micros;

use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Page, bounded, open_cursor};
use crate::records::from_json;
use crate::sql;

/// Which keys to list; absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Exactly this name.
    pub name: Option<String>,
    /// Exactly this team.
    pub team: Option<String>,
    /// Enabled or disabled ones.
    pub enabled: Option<bool>,
}

impl Store {
    /// One key by its public id.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn key(&self, id: &str) -> Result<Option<KeyRecord>, StoreError> {
        let record: Option<String> =
            sql::query_scalar("SELECT record FROM virtual_keys WHERE id = $1").bind(id).fetch_optional(self.reader()).await?;
        record.map(|record| from_json(|| format!("key {id}"), &record)).transpose()
    }

    /// One key and all its doors, those past their grace included (the store has no clock: compare [`KeyDoor::until`] with now).
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn key_access(&self, id: &str) -> Result<Option<KeyAccess>, StoreError> {
        // One statement, so that a rotation in between cannot pair a new record with old doors.
        let rows: Vec<(String, Option<String>, Option<i64>)> = sql::query_as(
            "SELECT k.record, d.hash, d.closes_at FROM virtual_keys k LEFT JOIN key_doors d ON d.key_id = k.id WHERE k.id = $1 \
             ORDER BY d.closes_at",
        )
        .bind(id)
        .fetch_all(self.reader())
        .await?;
        let Some((record, ..)) = rows.first() else { return Ok(None) };
        let key = from_json(|| format!("key {id}"), record)?;
        let doors = rows.iter().filter_map(|(_, hash, until)| hash.as_ref().map(|hash| (hash, until)));
        let doors = doors.map(|(hash, until)| Ok(KeyDoor { hash: hash_from_text(id, hash)?, until: until.map(Micros) }));
        Ok(Some(KeyAccess { key, doors: doors.collect::<Result<_, StoreError>>()? }))
    }

    /// Keys by name, at most 500 a page.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`], [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn keys(&self, filter: &KeyFilter, limit: u32, cursor: Option<&str>) -> Result<Page<KeyRecord>, StoreError> {
        let limit = bounded(limit);
        let mut query = sql::Builder::new("SELECT record FROM virtual_keys WHERE 1 = 1");
        if let Some(name) = &filter.name {
            query.push(" AND name = ").push_bind(name);
        }
        if let Some(team) = &filter.team {
            query.push(" AND team = ").push_bind(team);
        }
        if let Some(enabled) = filter.enabled {
            query.push(" AND enabled = ").push_bind(i64::from(enabled));
        }
        if let Some(cursor) = cursor {
            query.push(" AND name > ").push_bind(open_cursor(cursor)?);
        }
        query.push(" ORDER BY name LIMIT ").push_bind(i64::try_from(limit + 1).unwrap_or(i64::MAX));
        let records: Vec<String> = query.build_query_scalar().fetch_all(self.reader()).await?;
        let rows =
            records.iter().map(|record| from_json(|| String::from("a virtual key"), record)).collect::<Result<Vec<KeyRecord>, _>>()?;
        Ok(Page::cut(rows, limit, |key| key.name.clone()))
    }
}

/// A hash as it is kept.
pub(crate) fn hash_to_text(hash: &KeyHash) -> String {
    BASE64.encode(hash)
}

fn hash_from_text(id: &str, text: &str) -> Result<KeyHash, StoreError> {
    let corrupt = |why: &str| StoreError::Corrupt { what: format!("hash of key {id}"), why: why.to_owned() };
    let bytes = BASE64.decode(text).map_err(|_| corrupt("not base64"))?;
    bytes.try_into().map_err(|_| corrupt("not 32 bytes"))
}
