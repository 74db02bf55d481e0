//! What firewalls found and did since the start of the process, for the metrics.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use fluxa_domain::firewall::{Direction, Hit};

/// Series that are kept; findings beyond them are counted under `other`. Rules are the operator's: a thousand would be many.
const MAX_SERIES: usize = 2_000;

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// By rule, action and direction.
    findings: Mutex<BTreeMap<(String, String, &'static str), u64>>,
    blocked: AtomicU64,
    told: AtomicU64,
    untold: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// What was found in one direction of one call.
    pub(super) fn found(&self, way: Direction, hits: &[Hit]) {
        if hits.is_empty() {
            return;
        }
        let way = if way == Direction::Request { "request" } else { "response" };
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        for hit in hits {
            let mut series = (hit.rule.clone(), hit.action.clone(), way);
            if findings.len() >= MAX_SERIES && !findings.contains_key(&series) {
                series.0 = String::from("other");
            }
            *findings.entry(series).or_insert(0) += u64::from(hit.count);
        }
    }

    /// A call was refused, or its answer.
    pub(super) fn blocked(&self) {
        self.blocked.fetch_add(1, Ordering::Relaxed);
    }

    /// A notice reached the webhook, or did not.
    pub(super) fn told(&self, reached: bool) {
        let counter = if reached { &self.told } else { &self.untold };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// There was no room for a notice.
    pub(super) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Appends the families in Prometheus' text form.
    pub(crate) fn render(&self, out: &mut String) {
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let _ =
            writeln!(out, "# HELP fluxa_firewall_findings_total What firewall rules found.\n# TYPE fluxa_firewall_findings_total counter");
        for ((rule, action, direction), count) in findings {
            let rule = crate::metrics::escape(&rule);
            let _ = writeln!(out, "fluxa_firewall_findings_total{{rule=\"{rule}\",action=\"{action}\",direction=\"{direction}\"}} {count}");
        }
        for (name, help, value) in [
            ("fluxa_firewall_blocked_total", "Calls that the firewall refused or broke off.", &self.blocked),
            ("fluxa_firewall_webhook_sent_total", "Notices that the firewall's webhook took.", &self.told),
            ("fluxa_firewall_webhook_failed_total", "Notices that the firewall's webhook did not take.", &self.untold),
            ("fluxa_firewall_webhook_dropped_total", "Notices for which the queue of the firewall's webhook had no room.", &self.dropped),
        ] {
            let value = value.load(Ordering::Relaxed);
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
    }
}
