//! `fluxa check`: is the configuration right, what does it mean, and do database, counters and providers answer?
//!
//! Nothing is written: see `check/backends.rs` for what is asked. Reaching a provider is the caller's ([`Reach`]).

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;

use fluxa_domain::provider::Provider;

use crate::config::mode::Mode;
use crate::config::{Config, show};

mod backends;

pub use backends::backends;

/// A boxed future, so that [`Reach`] can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a provider said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// It answered and accepts our key.
    pub ok: bool,
    /// Its HTTP status; `None` when there was none.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// A sentence for people, without any secret.
    pub message: String,
}

/// Tries a provider: its list of models, or what comes closest and costs nothing.
pub trait Reach: Send + Sync {
    /// Asks `provider`.
    fn reach<'a>(&'a self, provider: &'a Provider) -> BoxFuture<'a, Reached>;
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whether all is well.
    pub ok: bool,
    /// What was checked.
    pub what: String,
    /// What was found.
    pub found: String,
    /// What to do; empty when nothing is to be done.
    pub advice: String,
}

/// Tries every provider, one after the other: the order of the table is the order of the configuration.
pub async fn providers(providers: &[(Provider, String)], reach: &dyn Reach) -> Vec<Line> {
    if providers.is_empty() {
        return vec![Line {
            ok: false,
            what: String::from("providers"),
            found: String::from("none"),
            advice: String::from("set a variable such as OPENAI_API_KEY, or write providers: into the configuration file"),
        }];
    }
    let mut lines = Vec::new();
    for (provider, source) in providers {
        let record = &provider.record;
        let what = format!("provider {} ({}, from {source})", record.name, record.kind);
        if !record.enabled {
            lines.push(Line { ok: true, what, found: String::from("disabled, not tried"), advice: String::new() });
            continue;
        }
        let reached = reach.reach(provider).await;
        lines.push(judge(what, source, &reached));
    }
    lines
}

fn judge(what: String, source: &str, reached: &Reached) -> Line {
    let found = match reached.status {
        Some(status) => format!("{} (HTTP {status}, {} ms)", reached.message, reached.latency_ms),
        None => reached.message.clone(),
    };
    let advice = match (reached.ok, reached.status) {
        (true, _) => String::new(),
        (false, Some(401 | 403)) => format!("the provider refuses the key: check {source}"),
        (false, Some(404)) => String::from("the address answers, but not there: check base_url (most end in /v1)"),
        (false, Some(429)) => String::from("the provider limits this key just now: try again, or check its quota"),
        (false, Some(500..)) => String::from("the provider has trouble of its own: look at its status page"),
        (false, Some(_)) => String::from("check kind and base_url"),
        (false, None) => String::from("no answer: check base_url, DNS, proxy and firewall; for private addresses upstream.allow_private"),
    };
    Line { ok: reached.ok, what, found, advice }
}

/// The whole report as text, and whether all is well.
#[must_use]
pub fn report(config: &Config, file: Option<&str>, warnings: &[String], lines: &[Line]) -> (String, bool) {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(out, "configuration: {}\n{}", file.unwrap_or("no file; variables, flags and defaults"), show::effective(config));
    let _ = writeln!(out, "mode: {}\n", Mode::of(config).sentence());
    for warning in warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    for line in lines {
        let _ = writeln!(out, "{:4}  {}: {}", if line.ok { "ok" } else { "FAIL" }, line.what, line.found);
        if !line.advice.is_empty() {
            let _ = writeln!(out, "      → {}", line.advice);
        }
    }
    let failed = lines.iter().filter(|line| !line.ok).count();
    let _ = match failed {
        0 => writeln!(out, "\nall is well"),
        1 => writeln!(out, "\n1 check failed"),
        n => writeln!(out, "\n{n} checks failed"),
    };
    (out, failed == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Reached);
    impl Reach for Fixed {
        fn reach<'a>(&'a self, _: &'a Provider) -> BoxFuture<'a, Reached> {
            Box::pin(std::future::ready(self.0.clone()))
        }
    }

    fn provider() -> (Provider, String) {
        let config = Config::parse("providers: [ { name: a, kind: echo, api_key: sk-canary } ]", "f", &|_| None).unwrap();
        let seed = config.seeds.providers[0].clone();
        (Provider { record: seed.record, secrets: seed.secrets }, String::from("f, line 1"))
    }

    async fn lines(ok: bool, status: Option<u16>) -> Vec<Line> {
        let reached = Reached { ok, status, latency_ms: 12, message: String::from("said so") };
        providers(&[provider()], &Fixed(reached)).await
    }

    #[tokio::test]
    async fn a_failure_says_what_to_do() {
        for (ok, status, advice) in [
            (true, Some(200), ""),
            (false, Some(401), "check f, line 1"),
            (false, Some(404), "base_url"),
            (false, Some(503), "status page"),
            (false, None, "allow_private"),
        ] {
            let lines = lines(ok, status).await;
            assert!(lines[0].advice.contains(advice), "{lines:?}");
        }
        let none = providers(&[], &Fixed(Reached { ok: true, status: None, latency_ms: 0, message: String::new() })).await;
        assert!(!none[0].ok);
    }

    #[tokio::test]
    async fn the_report_ends_with_a_verdict() {
        let config = Config::parse("providers: [ { name: a, kind: echo, api_key: sk-canary } ]", "f", &|_| None).unwrap();
        let (text, well) = report(&config, Some("f"), &[], &lines(true, Some(200)).await);
        assert!(well && text.contains("ok    provider a (echo, from f, line 1)") && text.ends_with("all is well\n"), "{text}");
        let (text, well) = report(&config, Some("f"), &[String::from("hm")], &lines(false, None).await);
        assert!(!well && text.contains("FAIL") && text.contains("warning: hm") && !text.contains("canary"), "{text}");
    }
}
