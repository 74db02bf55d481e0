//! `/admin/prices`: what models cost. Rows are added, never rewritten: an old row still explains old charges.

mod body;
mod view;

use fluxa_domain::change::Change;
use fluxa_domain::import::litellm;
use fluxa_domain::price::PriceRow;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::problem::{FieldFault, Problem};
use crate::query::page_by_name;
use crate::serve::Errand;

/// Faults of an import that are told by name; the rest is only counted.
const MAX_TOLD: usize = 50;

/// GET: the table, by model.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let origin = errand.query.parsed("origin", "must be builtin or added", |text| match text {
        "builtin" | "added" => Some(text == "added"),
        _ => None,
    })?;
    let (provider, model) = (errand.query.text("provider"), errand.query.text("model"));
    let added = errand.store().prices().await?;
    let rows = errand.desk.builtin_prices.iter().map(|row| (false, row)).chain(added.iter().map(|row| (true, row)));
    let rows: Vec<(String, bool, &PriceRow)> = rows
        .filter(|(is_added, _)| origin.is_none_or(|wanted| wanted == *is_added))
        .filter(|(_, row)| provider.is_none_or(|wanted| row.provider == wanted))
        .filter(|(_, row)| model.is_none_or(|wanted| row.model.contains(wanted)))
        // Newer rows first: they are the ones in force.
        .map(|(is_added, row)| {
            (format!("{} {} {:020} {}", row.model, row.provider, i64::MAX - row.valid_from.0, row.version), is_added, row)
        })
        .collect();
    let (rows, next) = page_by_name(rows, |(name, _, _)| name, &ask)?;
    answer::page(rows.iter().map(|(_, is_added, row)| view::row(row, *is_added)).collect(), next)
}

/// POST: one row.
pub(crate) async fn add(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let version = format!("manual-{}", next_revision(&errand).await?);
    let row = body::read(errand.fields()?, version, errand.now())?;
    let shown = view::row(&row, true);
    errand.apply(Change::AddPrices { rows: vec![row] }).await?;
    answer::created("/admin/prices", &shown)
}

/// POST …/import: LiteLLM's public map.
pub(crate) async fn import(errand: Errand) -> Answer {
    let valid_from = errand
        .query
        .parsed("valid_from", "must be a moment like 2026-11-22T10:00:00Z (RFC 3339)", fluxa_domain::time::Micros::from_rfc3339)?
        .unwrap_or(errand.now());
    let body = errand.body().clone();
    serde_json::from_slice::<&RawValue>(&body)
        .map_err(|e| Problem::new(http::StatusCode::BAD_REQUEST, "malformed_json", format!("the body is not JSON: {e}")))?;
    let _one_writer = errand.desk.writes.lock().await;
    let version = format!("import-{}", next_revision(&errand).await?);
    // Megabytes of decimals: off the threads that serve calls.
    let read = tokio::task::spawn_blocking({
        let version = version.clone();
        move || std::str::from_utf8(&body).map_err(|e| e.to_string()).and_then(|text| litellm(text, &version, valid_from))
    });
    let imported = read.await.map_err(|e| Problem::internal(&e))?.map_err(|why| Problem::field("", why))?;
    if imported.rows.is_empty() && !imported.skipped.is_empty() {
        let told = imported.skipped.into_iter().take(MAX_TOLD).map(|(model, why)| FieldFault { field: model, message: why });
        return Err(Problem::fields(told.collect()));
    }
    let count = imported.rows.len();
    let revision =
        if count == 0 { errand.store().revision().await? } else { errand.apply(Change::AddPrices { rows: imported.rows }).await? };
    let skipped: Vec<Value> = imported.skipped.iter().map(|(model, why)| json!({ "model": model, "why": why })).collect();
    answer::ok(&json!({
        "imported": count,
        "version": version,
        "valid_from": valid_from.to_rfc3339(),
        "revision": revision.0,
        "skipped": skipped,
    }))
}

/// The revision that the next change makes, while `writes` is held.
async fn next_revision(errand: &Errand) -> Result<i64, Problem> {
    Ok(errand.store().revision().await?.0.saturating_add(1))
}
