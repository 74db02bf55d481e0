//! `/admin/health`, `/admin/reload`, `/admin/openapi.json`: the program itself.

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::problem::Problem;
use crate::serve::Call;
use crate::show::members;

/// GET: how the program is. 200 as long as this answers: `status` says how well.
pub(crate) async fn health(call: Call) -> Answer {
    let store = call.store().ping().await;
    let revision = call.store().revision().await.ok();
    let mut shown = members(json!({
        "status": if store.is_ok() { "ok" } else { "degraded" },
        "version": env!("CARGO_PKG_VERSION"),
        "at": call.now().to_rfc3339(),
        "revision": revision.map(|revision| revision.0),
        "store": { "ok": store.is_ok() },
    }));
    for (name, value) in members(call.desk.admin.health.report()) {
        shown.insert(name, value);
    }
    answer::ok(&shown)
}

/// POST: reads the configuration again, on this replica and on the others.
pub(crate) async fn reload(call: Call) -> Answer {
    call.fields()?.finish()?;
    call.desk.admin.reload.reload().await.map_err(|why| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "reload_failed", why))?;
    let revision = call.store().revision().await?;
    answer::ok(&json!({ "reloaded": true, "revision": revision.0 }))
}

/// GET: this API as a document.
pub(crate) async fn openapi(_call: Call) -> Answer {
    let document: Value = crate::openapi::document();
    answer::ok(&document)
}
