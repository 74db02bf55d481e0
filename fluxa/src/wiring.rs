//! Who gets what: the only lines that know every room.
//!
//! STAND-IN: to be replaced by the real wiring of store, gateway and admin API.

use std::process::ExitCode;

use anyhow::{Result, bail};
use fluxa_domain::provider::Provider;

use crate::check::{BoxFuture, Reach, Reached};
use crate::cli::Cli;
use crate::config::Config;
use crate::load::Loaded;

/// Serves until a signal ends it.
///
/// # Errors
/// Whatever keeps the process from starting.
pub async fn serve(_cli: &Cli, _loaded: Loaded, _demo: bool) -> Result<ExitCode> {
    bail!("the gateway is not wired yet")
}

/// Tries providers for `fluxa check`.
///
/// # Errors
/// When the TLS roots cannot be read.
pub fn reach(_config: &Config) -> Result<Box<dyn Reach>> {
    Ok(Box::new(Nobody))
}

struct Nobody;

impl Reach for Nobody {
    fn reach<'a>(&'a self, _: &'a Provider) -> BoxFuture<'a, Reached> {
        let message = String::from("not tried: the gateway is not wired yet");
        Box::pin(std::future::ready(Reached { ok: false, status: None, latency_ms: 0, message }))
    }
}
