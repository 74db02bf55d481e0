//! The data plane's part of the wiring: its settings, what is mounted beside it, what the telemetry listener asks it.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use axum::Router;
use axum::body::Body;
use fluxa_admin_api::PeerIp;
use fluxa_domain::entry::Entry;
use fluxa_domain::provider::Provider;
use fluxa_gateway::{AwsAccess, BoxError, LastKnown, Mount, MountBody, Running, Settings};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tower::ServiceExt as _;

use crate::aws_environment::aws_environment;
use crate::check::{BoxFuture, Reach, Reached};
use crate::config::Config;
use crate::config::mode::Role;
use crate::telemetry::Format;
use crate::telemetry::listener::Vitals;
use crate::telemetry::request_log::RequestLog;

/// The settings of the data plane, whose keys are hashed under `pepper`.
pub(super) fn settings(config: &Config, pepper: [u8; 32], node: &str, role: Role, last_known: Option<Arc<LastKnown>>) -> Settings {
    Settings {
        listen: config.listen(),
        workers: config.server.workers.unwrap_or(0),
        max_body_bytes: usize::try_from(config.server.max_body_bytes).unwrap_or(usize::MAX),
        max_connections_per_ip: config.server.max_connections_per_ip,
        trusted_proxies: config.server.trusted_proxies.clone(),
        egress: config.egress(role),
        media_allow_private: config.upstream.media_allow_private.clone(),
        connect_timeout: config.upstream.connect_timeout,
        first_byte_timeout: config.upstream.first_byte_timeout,
        idle_timeout: config.upstream.idle_timeout,
        reservation_ttl: config.budget.reservation_ttl,
        on_store_error: config.budget.on_store_error,
        unpriced: config.budget.unpriced.policy(),
        assumed_max_output: config.budget.assumed_max_output,
        store_content: config.logging.store_content,
        firewall_policy: config.firewall.policy.clone(),
        firewall_webhook: config.firewall.webhook.as_ref().map(|address| address.expose().clone()),
        pepper,
        aws: AwsAccess::new(aws_environment(&crate::load::env)),
        keep_responses: config.retention.responses,
        node_id: node.to_owned(),
        role: role.name().to_owned(),
        spool_max_bytes: config.spool.max_bytes,
        last_known,
        request_log: Some(Arc::new(Lines(RequestLog::new(Format::of_stdout(config.logging.format))))),
    }
}

/// Request lines on standard output.
struct Lines(RequestLog);

impl fluxa_gateway::RequestLog for Lines {
    fn write(&self, entries: &mut dyn Iterator<Item = &Entry>) {
        self.0.write(entries);
    }
}

/// The admin API on the data plane's port.
pub(super) struct Mounted {
    pub(super) router: Router,
}

impl Mount for Mounted {
    fn call(&self, request: Request<Incoming>, peer: IpAddr) -> futures_util::future::BoxFuture<'static, Response<MountBody>> {
        let router = self.router.clone();
        Box::pin(async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(PeerIp(peer));
            let response = match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            response.map(|body| body.map_err(|error| BoxError::from(error.to_string())).boxed_unsync())
        })
    }
}

/// What the telemetry listener asks.
pub(super) struct Pulse(pub(super) Arc<Running>);

impl Vitals for Pulse {
    fn metrics(&self) -> String {
        self.0.metrics()
    }

    fn ready(&self) -> Result<Vec<&'static str>, String> {
        self.0.unready().map_or_else(|| Ok(self.0.degraded()), |why| Err(why.trim_end().to_owned()))
    }
}

/// Tries providers for `fluxa check`.
///
/// # Errors
/// When the system has no random numbers.
pub fn reach(config: &Config) -> Result<Box<dyn Reach>> {
    let mut pepper = [0; 32];
    getrandom::fill(&mut pepper).map_err(|error| anyhow!("the system has no random numbers: {error}"))?;
    Ok(Box::new(Reacher { settings: Settings { workers: 1, request_log: None, ..settings(config, pepper, "", Role::Serve, None) } }))
}

struct Reacher {
    settings: Settings,
}

impl Reach for Reacher {
    fn reach<'a>(&'a self, provider: &'a Provider) -> BoxFuture<'a, Reached> {
        Box::pin(async move {
            let found = fluxa_gateway::probe(provider.clone(), self.settings.clone()).await;
            Reached { ok: found.ok, status: found.status, latency_ms: found.latency_ms, message: found.message }
        })
    }
}
