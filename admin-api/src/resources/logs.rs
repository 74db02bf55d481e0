//! `/admin/logs` and `/admin/usage/export`: one row a call, as pages of JSON or as one stream of CSV.

mod row;

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use fluxa_domain::entry::Entry;
use fluxa_store::{LogFilter, StoreError};
use futures_util::{StreamExt, stream};
use http::header;
use serde_json::Value;
use tracing::error;

use crate::answer::{self, Answer};
use crate::csv_text::{self, Cell};
use crate::problem::Problem;
use crate::query::Query;
use crate::serve::Errand;

/// Rows written into one chunk of an export, at most: about 100 kB.
const CHUNK_ROWS: usize = 256;

/// GET: newest first.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let page = errand.store().entries(&filter(&errand.query)?, ask.limit, ask.cursor.as_deref()).await?;
    answer::page(page.rows.iter().map(|entry| Value::Object(row::json(entry))).collect(), page.next_cursor)
}

/// GET: one, by `x-fluxa-id`, or the newest of an `x-request-id`. Only here are stored contents shown, where there are any.
pub(crate) async fn get(errand: Errand) -> Answer {
    let id = errand.param("request_id");
    let entry = errand.store().entry(id).await?.ok_or_else(|| Problem::not_found(format!("no call \"{id}\"")))?;
    let mut shown = row::json(&entry);
    for (name, content) in [("request_body", &entry.request_body), ("response_body", &entry.response_body)] {
        if let Some(content) = content {
            shown.insert(name.to_owned(), Value::from(content.as_str()));
        }
    }
    answer::ok(&shown)
}

/// GET: all rows that fit, oldest first. What is sent is never held: the client's pace is the reader's.
pub(crate) async fn export(errand: Errand) -> Answer {
    let header_line = csv_text::rows(std::iter::once(row::COLUMNS.iter().map(|name| Cell::Plain((*name).to_owned())).collect()))?;
    let rows = errand.store().export(filter(&errand.query)?);
    let chunks = rows.ready_chunks(CHUNK_ROWS).map(chunk);
    let body = Body::from_stream(stream::once(async { Ok(Bytes::from(header_line)) }).chain(chunks));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"fluxa-usage.csv\""),
    ];
    Ok((headers, body).into_response())
}

/// An error breaks the connection off: a shorter file that looks whole would be worse.
fn chunk(rows: Vec<Result<Entry, StoreError>>) -> Result<Bytes, std::io::Error> {
    let rows: Vec<Entry> = rows.into_iter().collect::<Result<_, _>>().map_err(|cause| {
        error!(cause = %cause, "an export broke off");
        std::io::Error::other("the ledger cannot be read")
    })?;
    csv_text::rows(rows.iter().map(row::cells)).map(Bytes::from).map_err(|_| std::io::Error::other("a row cannot be written"))
}

fn filter(query: &Query) -> Result<LogFilter, Problem> {
    let (from, to) = query.span()?;
    let mut filter = LogFilter {
        from,
        to,
        key: query.owned("key"),
        model: query.owned("model"),
        provider: query.owned("provider"),
        team: query.owned("team"),
        stream: query.flag("stream")?,
        request_id: query.owned("request_id"),
        firewall_rule: query.owned("firewall_rule"),
        firewall_action: query.owned("firewall_action"),
        ..LogFilter::default()
    };
    match query.text("status") {
        None => {}
        Some("ok") => filter.failed = Some(false),
        Some("error") => filter.failed = Some(true),
        Some(status) => match status.parse() {
            Ok(status @ 100..=599) => filter.status = Some(status),
            _ => return Err(Problem::field("status", "must be a status like 429, ok or error")),
        },
    }
    Ok(filter)
}
