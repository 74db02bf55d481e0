//! Responses that a client may go on with: the conversation behind each, sealed, for the key that made it, until it expires.

use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;

use crate::error::StoreError;
use crate::open::Store;
use crate::sql;

/// Rows that one sweep removes at most before it lets other writers in.
const SWEEP_ROWS: i64 = 500;

impl Store {
    /// Keeps a response: `plain` is sealed before it is written. Keeping the same id again replaces it.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Random`].
    pub async fn keep_response(&self, id: &str, key_id: &str, expires_at: Micros, plain: &[u8]) -> Result<(), StoreError> {
        let sealed = self.sealer().seal("responses", id, "body", plain)?;
        sql::query(
            "INSERT INTO responses (id, key_id, expires_at, body) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id) DO UPDATE SET key_id = excluded.key_id, expires_at = excluded.expires_at, body = excluded.body",
        )
        .bind(id)
        .bind(key_id)
        .bind(expires_at.0)
        .bind(sealed)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// A response of this key that has not expired.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Sealed`].
    pub async fn response(&self, id: &str, key_id: &str, now: Micros) -> Result<Option<Secret<Vec<u8>>>, StoreError> {
        let sealed: Option<String> = sql::query_scalar("SELECT body FROM responses WHERE id = $1 AND key_id = $2 AND expires_at > $3")
            .bind(id)
            .bind(key_id)
            .bind(now.0)
            .fetch_optional(self.reader())
            .await?;
        sealed.map(|sealed| self.sealer().open("responses", id, "body", &sealed)).transpose()
    }

    /// Forgets a response of this key; false if there is none.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_response(&self, id: &str, key_id: &str) -> Result<bool, StoreError> {
        let gone = sql::query("DELETE FROM responses WHERE id = $1 AND key_id = $2").bind(id).bind(key_id).execute(self.writer()).await?;
        Ok(gone > 0)
    }

    /// Removes what has expired, and says how many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn expire_responses(&self, now: Micros) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let gone = sql::query("DELETE FROM responses WHERE id IN (SELECT id FROM responses WHERE expires_at <= $1 LIMIT $2)")
                .bind(now.0)
                .bind(SWEEP_ROWS)
                .execute(self.writer())
                .await?;
            removed += gone;
            if i64::try_from(gone).is_ok_and(|gone| gone < SWEEP_ROWS) {
                return Ok(removed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_response_is_its_keys_alone_and_not_for_ever() {
        let store = Store::in_memory().await.unwrap();
        store.keep_response("resp_1", "key-a", Micros(100), b"said").await.unwrap();
        let read = async |id: &str, key: &str, now| store.response(id, key, Micros(now)).await.unwrap().map(|plain| plain.expose().clone());
        assert_eq!(read("resp_1", "key-a", 99).await, Some(b"said".to_vec()));
        assert_eq!(read("resp_1", "key-b", 99).await, None);
        assert_eq!(read("resp_1", "key-a", 100).await, None);
        assert_eq!(read("resp_2", "key-a", 99).await, None);
        assert!(!store.forget_response("resp_1", "key-b").await.unwrap());
        store.keep_response("resp_2", "key-a", Micros(50), b"x").await.unwrap();
        assert_eq!(store.expire_responses(Micros(60)).await.unwrap(), 1);
        assert!(store.forget_response("resp_1", "key-a").await.unwrap());
        assert_eq!(read("resp_1", "key-a", 1).await, None);
    }
}
