//! The metrics, one list: counted by the ledger from finished calls, so they cost the path of a call nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use fluxa_store::Finished;

/// Upper bounds of the latency histogram, in milliseconds.
const BUCKETS_MS: [u64; 12] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000];
/// The samples of one series: what follows the family's name and labels, and the value.
type Samples = Vec<(String, String)>;

/// Label sets kept; calls beyond them are counted under `other`, so that made-up model names cannot fill the memory.
const MAX_SERIES: usize = 2_000;

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    series: Mutex<BTreeMap<Labels, Series>>,
    /// Calls being answered.
    pub(crate) in_flight: AtomicI64,
    panics: AtomicU64,
    /// What services did.
    pub(crate) background: Background,
    /// What firewalls found.
    pub(crate) firewall: crate::guard::Counts,
}

/// What is done beside calls, counted.
#[derive(Debug, Default)]
pub(crate) struct Background {
    /// Rows of other processes' calls that were written.
    pub(crate) swept: AtomicU64,
    /// Reservations that nobody ended.
    pub(crate) expired: AtomicU64,
    /// Scopes whose counters were wrong.
    pub(crate) corrected: AtomicU64,
    /// Configurations that could not be read.
    pub(crate) reload_failures: AtomicU64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Labels {
    op: String,
    provider: String,
    model: String,
    status: u16,
}

#[derive(Clone, Debug, Default)]
struct Series {
    calls: u64,
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    cost_nanos: i128,
    estimated: u64,
    client_closed: u64,
    latency_ms: u64,
    latency_buckets: [u64; BUCKETS_MS.len()],
}

/// Readings of the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) ledger_waiting: u64,
    pub(crate) ledger_failing: bool,
    pub(crate) ready: bool,
    pub(crate) revision: i64,
    pub(crate) spooled_rows: u64,
    pub(crate) spool_bytes: u64,
    /// Settles without an answer.
    pub(crate) pending_settles: u64,
    pub(crate) counters_away: bool,
    /// Commands sent to the shared counters since the start.
    pub(crate) counter_commands: u64,
    pub(crate) nodes_live: u64,
}

impl Metrics {
    /// A call panicked: someone must look.
    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, finished: &[Finished]) {
        let mut all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for Finished { entry, .. } in finished {
            // A refused call's model is the client's word: only models that something serves become labels.
            let model = if entry.provider.is_empty() { String::new() } else { entry.upstream_model.clone() };
            let mut labels = Labels { op: entry.op.clone(), provider: entry.provider.clone(), model, status: entry.status };
            if all.len() >= MAX_SERIES && !all.contains_key(&labels) {
                labels.model = String::from("other");
            }
            let series = all.entry(labels).or_default();
            series.calls += 1;
            series.input += entry.usage.input_uncached;
            series.cache_read += entry.usage.cache_read;
            series.cache_write += entry.usage.cache_write_5m + entry.usage.cache_write_1h;
            series.output += entry.usage.output;
            series.cost_nanos += i128::from(entry.cost.0);
            series.estimated += u64::from(entry.usage_state == fluxa_domain::usage::UsageState::Estimated);
            series.client_closed += u64::from(entry.client_closed);
            series.latency_ms += entry.latency_ms;
            for (slot, bound) in series.latency_buckets.iter_mut().zip(BUCKETS_MS) {
                *slot += u64::from(entry.latency_ms <= bound);
            }
        }
    }

    /// The text of `/metrics` (Prometheus exposition format 0.0.4).
    pub(crate) fn render(&self, gauges: Gauges) -> String {
        let all = self.series.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut out = String::with_capacity(4_096 + all.len() * 1_024);
        let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&Series) -> Samples| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, series) in &all {
                for (extra, value) in value(series) {
                    let (suffix, extra) = extra.split_once('|').unwrap_or(("", &extra));
                    let _ = writeln!(
                        out,
                        "{name}{suffix}{{op=\"{}\",provider=\"{}\",model=\"{}\",status=\"{}\"{extra}}} {value}",
                        escape(&labels.op),
                        escape(&labels.provider),
                        escape(&labels.model),
                        labels.status
                    );
                }
            }
        };
        let one = |value: u64| vec![(String::new(), value.to_string())];
        family("fluxa_requests_total", "counter", "Finished calls.", &|s| one(s.calls));
        family("fluxa_tokens_total", "counter", "Tokens, by direction.", &|s| {
            [("input", s.input), ("cache_read", s.cache_read), ("cache_write", s.cache_write), ("output", s.output)]
                .into_iter()
                .map(|(kind, value)| (format!(",kind=\"{kind}\""), value.to_string()))
                .collect()
        });
        family("fluxa_cost_nanodollars_total", "counter", "Cost in nano-dollars.", &|s| vec![(String::new(), s.cost_nanos.to_string())]);
        family("fluxa_usage_estimated_total", "counter", "Calls whose usage was estimated.", &|s| one(s.estimated));
        family("fluxa_client_closed_total", "counter", "Calls whose client left early.", &|s| one(s.client_closed));
        family("fluxa_request_duration_milliseconds", "histogram", "Time from the call's arrival to its end.", &|s| {
            let mut rows: Vec<_> = BUCKETS_MS
                .iter()
                .zip(s.latency_buckets)
                .map(|(bound, count)| (format!("_bucket|,le=\"{bound}\""), count.to_string()))
                .collect();
            rows.push((String::from("_bucket|,le=\"+Inf\""), s.calls.to_string()));
            rows.push((String::from("_sum|"), s.latency_ms.to_string()));
            rows.push((String::from("_count|"), s.calls.to_string()));
            rows
        });
        let panics = self.panics.load(Ordering::Relaxed);
        let _ = writeln!(
            out,
            "# HELP fluxa_panics_total Calls that ended in a panic.\n# TYPE fluxa_panics_total counter\nfluxa_panics_total {panics}"
        );
        let services = &self.background;
        for (name, help, value) in [
            ("fluxa_rows_swept_total", "Rows of calls of other processes that were written here.", services.swept.load(Ordering::Relaxed)),
            ("fluxa_reservations_expired_total", "Reservations that nobody ended.", services.expired.load(Ordering::Relaxed)),
            (
                "fluxa_counters_corrected_total",
                "Scopes whose counters differed from the ledger.",
                services.corrected.load(Ordering::Relaxed),
            ),
            (
                "fluxa_config_reload_failures_total",
                "Configurations that could not be read.",
                services.reload_failures.load(Ordering::Relaxed),
            ),
            ("fluxa_counter_commands_total", "Commands sent to the shared counters.", gauges.counter_commands),
        ] {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        self.firewall.render(&mut out);
        let mut gauge = |name: &str, help: &str, value: i64| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        };
        gauge("fluxa_inflight_requests", "Calls being answered.", self.in_flight.load(Ordering::Relaxed));
        gauge(
            "fluxa_ledger_waiting_rows",
            "Finished calls not yet in the database.",
            i64::try_from(gauges.ledger_waiting).unwrap_or(i64::MAX),
        );
        gauge("fluxa_ledger_failing", "1 while the database refuses rows.", i64::from(gauges.ledger_failing));
        let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        gauge("fluxa_spooled_rows", "Finished calls that wait in the journal only.", whole(gauges.spooled_rows));
        gauge("fluxa_spool_bytes", "Bytes of the journal.", whole(gauges.spool_bytes));
        gauge("fluxa_pending_settles", "Settled calls whose charge the shared counters have not confirmed.", whole(gauges.pending_settles));
        gauge("fluxa_counters_away", "1 while the shared counters cannot be reached.", i64::from(gauges.counters_away));
        gauge("fluxa_nodes_live", "Processes that serve calls, this one included.", whole(gauges.nodes_live));
        gauge("fluxa_ready", "1 while traffic is welcome.", i64::from(gauges.ready));
        gauge("fluxa_config_revision", "Revision of the configuration in force.", gauges.revision);
        out
    }
}

pub(crate) fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_the_text() {
        assert_eq!(escape("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
