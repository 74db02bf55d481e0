//! `/admin/audit`: every change, who made it, and the record before and after. Written by the store in
//! the transaction of the change itself; only read here.

use fluxa_store::{AuditFilter, AuditRow};
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::serve::Errand;

/// GET: newest first.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let (from, to) = errand.query.span()?;
    let filter = AuditFilter {
        from,
        to,
        actor: errand.query.owned("actor"),
        action: errand.query.owned("action"),
        target: errand.query.owned("target"),
    };
    let page = errand.store().audit(&filter, ask.limit, ask.cursor.as_deref()).await?;
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
