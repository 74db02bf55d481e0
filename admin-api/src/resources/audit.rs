//! `/admin/audit`: every change, who made it, and the record before and after. Written by the store in
//! the transaction of the change itself; only read here.

use fluxa_store::{AuditFilter, AuditRow};
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::serve::Call;

/// GET: newest first.
pub(crate) async fn list(call: Call) -> Answer {
    let ask = call.query.page()?;
    let (from, to) = call.query.span()?;
    let filter =
        AuditFilter { from, to, actor: call.query.owned("actor"), action: call.query.owned("action"), target: call.query.owned("target") };
    let page = call.store().audit(&filter, ask.limit, ask.cursor.as_deref()).await?;
    answer::page(page.rows.iter().map(view).collect(), page.next_cursor)
}

fn view(row: &AuditRow) -> Value {
    json!({
        "seq": row.seq,
        "at": row.at.to_rfc3339(),
        "actor": row.actor,
        "role": row.role,
        "ip": row.ip,
        "action": row.action,
        "target": row.target,
        "before": row.before,
        "after": row.after,
        "revision": row.revision.0,
    })
}
