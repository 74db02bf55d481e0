//! How a process is that serves the admin API alone: its readiness, and its metrics.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use fluxa_domain::time::Micros;
use fluxa_store::Shared;

use crate::telemetry::listener::Vitals;

/// Such a process; it is ready as soon as it listens.
pub(super) struct Desk {
    shared: Shared,
    started_at: Micros,
    stopping: AtomicBool,
    answered: Mutex<BTreeMap<Labels, Sum>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Labels {
    /// As it is mounted, never as it was asked for: there are only so many.
    route: String,
    method: String,
    status: u16,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    requests: u64,
    took: Duration,
}

impl Desk {
    /// A desk that was opened at `started_at`.
    pub(super) fn new(shared: Shared, started_at: Micros) -> Self {
        Self { shared, started_at, stopping: AtomicBool::new(false), answered: Mutex::default() }
    }

    /// From now on it is not ready.
    pub(super) fn announce_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn count(&self, labels: Labels, took: Duration) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = answered.entry(labels).or_default();
        sum.requests += 1;
        sum.took += took;
    }
}

/// The same router, every answer of which is counted.
pub(super) fn counted(router: Router, desk: &Arc<Desk>) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::clone(desk), count))
}

async fn count(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| String::from("other"), |path| path.as_str().to_owned());
    // Methods are clients' words: those that are not known are one.
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let method = known.into_iter().find(|known| *known == request.method().as_str()).unwrap_or("other").to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    desk.count(Labels { route, method, status: response.status().as_u16() }, begun.elapsed());
    response
}

impl Vitals for Desk {
    fn metrics(&self) -> String {
        let away = self.shared.counters.health().away.is_some();
        let mut out = String::new();
        // Writing into a String cannot fail.
        let mut gauge = |name: &str, help: &str, value: f64| {
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
        };
        gauge("fluxa_ready", "1 while traffic is welcome.", f64::from(u8::from(self.ready().is_ok())));
        gauge("fluxa_counters_away", "1 while the shared counters cannot be reached.", f64::from(u8::from(away)));
        let started = Duration::from_micros(u64::try_from(self.started_at.0).unwrap_or(0));
        gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", started.as_secs_f64());
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut counter = |name: &str, help: &str, value: &dyn Fn(&Sum) -> f64| {
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n");
            for (Labels { route, method, status }, sum) in &answered {
                let _ = writeln!(out, "{name}{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {}", value(sum));
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 requests the last digits are of no interest")]
        let requests = |sum: &Sum| sum.requests as f64;
        counter("fluxa_admin_requests_total", "Requests to the admin API that were answered.", &requests);
        counter("fluxa_admin_request_seconds_total", "Time it took to answer them.", &|sum| sum.took.as_secs_f64());
        out
    }

    fn ready(&self) -> Result<Vec<&'static str>, String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(String::from("stopping"));
        }
        Ok(if self.shared.counters.health().away.is_some() { vec!["counters_away"] } else { Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn answers_are_counted_by_what_is_mounted_not_by_what_was_asked_for() {
        let desk = Arc::new(Desk::new(Shared::in_memory(), Micros(1_500_000)));
        let router = Router::new().route("/admin/keys/{id}", get(async || StatusCode::NO_CONTENT));
        let router = counted(router.fallback(async || StatusCode::NOT_FOUND), &desk);
        for path in ["/admin/keys/a", "/admin/keys/b", "/made/up", "/admin/x\"y"] {
            let path = path.replace('"', "%22");
            router.clone().oneshot(Request::builder().uri(path).body(Body::empty()).unwrap()).await.unwrap();
        }
        let text = desk.metrics();
        for line in [
            "fluxa_ready 1",
            "process_start_time_seconds 1.5",
            "fluxa_admin_requests_total{route=\"/admin/keys/{id}\",method=\"GET\",status=\"204\"} 2",
            "fluxa_admin_requests_total{route=\"other\",method=\"GET\",status=\"404\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(text.contains("fluxa_admin_request_seconds_total{"));
        desk.announce_stop();
        assert!(desk.ready().is_err() && desk.metrics().contains("fluxa_ready 0"));
    }
}
