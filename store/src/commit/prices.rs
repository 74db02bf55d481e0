//! Added prices.

use fluxa_domain::price::PriceRow;
use serde_json::json;

use super::Diff;
use crate::error::CommitError;
use crate::records::to_json;
use crate::sql::{self, Tx};

/// Models that the audit row names; an import has thousands.
const NAMED: usize = 20;

pub(super) async fn add(tx: &mut Tx, rows: &[PriceRow]) -> Result<Diff, CommitError> {
    let mut seq: i64 = sql::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM prices").fetch_one(&mut *tx).await?;
    for row in rows {
        seq += 1;
        sql::query("INSERT INTO prices (seq, provider, model, valid_from, record) VALUES ($1, $2, $3, $4, $5)")
            .bind(seq)
            .bind(&row.provider)
            .bind(&row.model)
            .bind(row.valid_from.0)
            .bind(to_json("price", row)?)
            .execute(&mut *tx)
            .await?;
    }
    let models: Vec<&str> = rows.iter().take(NAMED).map(|row| row.model.as_str()).collect();
    let version = rows.first().map(|row| row.version.as_str());
    Ok(Diff { before: None, after: Some(json!({ "count": rows.len(), "version": version, "models": models })) })
}
