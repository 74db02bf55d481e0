//! `/admin/health`, `/admin/reload`, `/admin/openapi.json`: the program itself.

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::problem::Problem;
use crate::serve::Errand;
use crate::show::members;

/// GET: how the program is. 200 as long as this answers: `status` says how well.
pub(crate) async fn health(errand: Errand) -> Answer {
    let store = errand.store().ping().await;
    let revision = errand.store().revision().await.ok();
    let mut shown = members(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "at": errand.now().to_rfc3339(),
        "revision": revision.map(|revision| revision.0),
        "store": { "ok": store.is_ok() },
    }));
    for (name, value) in members(errand.desk.admin.health.report()) {
        shown.insert(name, value);
    }
    let is_degraded = shown.get("degraded").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
    if store.is_err() || is_degraded {
        // Whatever the report says of itself: without the store no change and no ledger row is possible.
        shown.insert(String::from("status"), Value::from("degraded"));
    }
    answer::ok(&shown)
}

/// POST: reads the configuration again, on this replica and on the others.
pub(crate) async fn reload(errand: Errand) -> Answer {
    errand.fields()?.finish()?;
    errand.desk.admin.reload.reload().await.map_err(|why| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "reload_failed", why))?;
    let revision = errand.store().revision().await?;
    answer::ok(&json!({ "reloaded": true, "revision": revision.0 }))
}

/// GET: this API as a document.
pub(crate) async fn openapi(_errand: Errand) -> Answer {
    let document: Value = crate::openapi::document();
    answer::ok(&document)
}
