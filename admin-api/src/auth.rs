//! Who is asking: the extractor that every handler sits behind. No path is ever looked at here.

mod throttle;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use fluxa_domain::change::Actor;
use fluxa_domain::rbac::Role;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use tracing::warn;

use crate::admin::PeerIp;
use crate::problem::Problem;
use crate::serve::Desk;

pub(crate) use throttle::Throttle;

/// An actor whose credential was checked. Only this extractor makes one.
pub(crate) struct Authorized(pub(crate) Actor);

impl FromRequestParts<Arc<Desk>> for Authorized {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Problem> {
        let ip = parts.extensions.get::<PeerIp>().map(|peer| peer.0.to_canonical());
        let token = bearer(&parts.headers).ok_or_else(|| refused("give the master key as a bearer token in authorization"))?;
        check(desk, ip, token)
    }
}

fn check(desk: &Desk, ip: Option<IpAddr>, token: &str) -> Result<Authorized, Problem> {
    let now = desk.now();
    if let Some(seconds) = desk.throttle.wait_s(ip, now) {
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_failed_logins", "too many failed logins from this address")
            .retry_after(seconds));
    }
    if desk.admin.master.opens(&desk.admin.pepper, token) {
        return Ok(Authorized(Actor { name: String::from("master-key"), role: Role::Owner, ip: ip.map(|ip| ip.to_string()) }));
    }
    desk.throttle.failed(ip, &fluxa_domain::key::hash(&desk.admin.pepper, token), now);
    warn!(client.ip = ip.map(tracing::field::display), "failed admin login");
    Err(refused("this credential is not accepted"))
}

fn refused(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

/// The bearer token; `None` without one, with several, or with another scheme.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
