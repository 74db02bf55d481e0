//! `/v1/models`: what a key may ask for, in the asker's shape.

use std::net::IpAddr;
use std::rc::Rc;

use bytes::Bytes;
use fluxa_domain::dialect::Dialect;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::time::Micros;
use fluxa_wire::models::{ModelInfo, list, single};
use hyper::http::request::Parts;

use crate::http::{key_query, token};
use crate::worker::Worker;

/// The list, or one model of it.
pub(crate) async fn answer(
    worker: &Rc<Worker>,
    parts: &Parts,
    dialect: Dialect,
    id: Option<&str>,
    ip: IpAddr,
    now: Micros,
) -> Result<Bytes, Refusal> {
    let gateway = &worker.gateway;
    let (access, _) = gateway.keys.identify(&gateway.store, token(&parts.headers, key_query(&parts.uri), dialect), now).await?;
    access.key.may_enter(ip, now)?;
    let view = gateway.view.load_full();
    let groups = crate::scopes::Groups::of(&view, &access.key);
    groups.may_enter()?;
    let models: Vec<ModelInfo> = view
        .model_names()
        .into_iter()
        .filter(|(name, _)| access.key.may_use(name).is_ok() && groups.may_use(name).is_ok())
        .map(|(name, owner)| ModelInfo { display_name: name.clone(), id: name, created_s: 0, owned_by: owner })
        .collect();
    match id {
        None => Ok(list(dialect, &models)),
        Some(id) => models.iter().find(|model| model.id == id).map(|model| single(dialect, model)).ok_or_else(|| {
            Refusal::new(RefusalKind::ModelNotFound, format!("no model \"{}\" for this key", id.chars().take(128).collect::<String>()))
                .param("model")
        }),
    }
}
