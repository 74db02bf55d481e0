//! `/admin/vendors`: the kinds of provider that this version knows, for forms and for reading.

use fluxa_domain::vendors::VENDORS;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::serve::Errand;

/// GET: the whole table.
pub(crate) async fn list(_errand: Errand) -> Answer {
    let rows: Vec<Value> = VENDORS
        .iter()
        .map(|vendor| {
            json!({
                "kind": vendor.kind,
                "name": vendor.name,
                "dialect": vendor.dialect.name(),
                "base_url": (!vendor.base_url.is_empty()).then_some(vendor.base_url),
                "anthropic_base_url": vendor.anthropic_base_url.filter(|url| !url.is_empty()),
                "env": vendor.env,
                "operations": vendor.ops.iter().map(|op| op.name()).collect::<Vec<_>>(),
                "key_optional": vendor.key_optional,
            })
        })
        .collect();
    answer::page(rows, None)
}
