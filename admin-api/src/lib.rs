//! The admin API: providers, routes, keys, prices, usage, logs, audit and health over HTTP.
//!
//! Nothing here is on a call's path, names a backend, or changes configuration other than through
//! [`apply()`]. A handler cannot be mounted without a credential: [`router`] wraps every row of one
//! list in the authorising entrance, and the OpenAPI document is written from the same list.
//! Start reading at `endpoints.rs` (the list), then `serve.rs` (the entrance), then `resources/`.

mod admin;
mod answer;
mod apply;
mod auth;
mod csv_text;
mod endpoints;
mod json;
mod openapi;
mod problem;
mod query;
mod resources;
mod serve;
mod show;

pub use admin::{Admin, BoxFuture, HealthSource, MasterKey, PeerIp, Probe, ProbeReport, Reload};
pub use apply::{ApplyError, apply};
pub use serve::router;
