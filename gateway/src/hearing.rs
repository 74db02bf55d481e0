//! What is asked, for vendors of another dialect: the conversation that a request goes on with, and the request in the neutral form.
//!
//! Start at [`resume`], then [`hear`].

use bytes::Bytes;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::time::Micros;
use fluxa_wire::client::responses::previous_response_id;
use fluxa_wire::client::{Asked, Heard};
use fluxa_wire::neutral::Origin;
use fluxa_wire::neutral::signature::is_marked;

use crate::dispatch::Target;
use crate::running::Gateway;
use crate::snapshot::Way;

/// A conversation that was kept here, and a request that goes on with it.
pub(crate) struct Resumed {
    /// The response that it goes on from.
    pub(crate) id: String,
    /// The request with all that was said before in it.
    pub(crate) body: Bytes,
}

/// Puts what is kept of a conversation into a request that goes on with it. A vendor with responses of its own knows its own ids, and
/// ours not: targets that cannot know what is meant leave the plan.
///
/// # Errors
/// When no target is left.
pub(crate) async fn resume(
    gateway: &Gateway,
    key_id: &str,
    body: &Bytes,
    now: Micros,
    plan: &mut Vec<Target>,
) -> Result<Option<Resumed>, Refusal> {
    if !plan.iter().any(|target| target.way == Way::Translated) {
        return Ok(None);
    }
    match gateway.conversations.resume(&gateway.store, key_id, body, now).await {
        Ok(Some(whole)) => {
            plan.retain(|target| target.way == Way::Translated);
            Ok(previous_response_id(body).map(|id| Resumed { id, body: whole.into() }))
        }
        Ok(None) => Ok(None),
        Err(refusal) => {
            plan.retain(|target| target.way == Way::Native);
            if plan.is_empty() { Err(refusal) } else { Ok(None) }
        }
    }
}

/// Reads what was asked into the neutral form, where a target needs that: a vendor of another dialect, and one of the client's own where
/// a part of the conversation was another vendor's, whose marks must not reach it. A request that cannot be read so is not for those
/// targets.
///
/// # Errors
/// When no target is left.
pub(crate) fn hear(
    (dialect, op): (Dialect, Op),
    body: &[u8],
    (model, stream): (&str, bool),
    plan: &mut Vec<Target>,
) -> Result<Option<Box<Heard>>, Refusal> {
    let Some(client) = crate::dialects::client(dialect, op) else { return Ok(None) };
    if is_marked(origin_of(dialect), body) {
        for target in plan.iter_mut().filter(|target| target.provider.door(target.provider.vendor.dialect).is_some()) {
            target.way = Way::Translated;
        }
    }
    let is_translated = |target: &Target| target.way == Way::Translated;
    if !plan.iter().any(is_translated) {
        return Ok(None);
    }
    match client.read(Asked { body, model, stream }) {
        Ok(mut heard) => {
            heard.chat.name_results();
            Ok(Some(Box::new(heard)))
        }
        Err(unreadable) => {
            plan.retain(|target| !is_translated(target));
            if !plan.is_empty() {
                return Ok(None);
            }
            let refusal = Refusal::new(RefusalKind::InvalidRequest, unreadable.to_string());
            Err(match unreadable.param {
                Some(param) => refusal.param(param),
                None => refusal,
            })
        }
    }
}

/// Whose marks stand unwrapped in requests of this dialect.
const fn origin_of(dialect: Dialect) -> Origin {
    match dialect {
        Dialect::OpenAi => Origin::OpenAi,
        Dialect::Anthropic => Origin::Anthropic,
        Dialect::Gemini => Origin::Gemini,
        Dialect::Bedrock => Origin::Bedrock,
    }
}
