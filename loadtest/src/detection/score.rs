//! What was found against what is there.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rows::Row;

/// A finding as the gateway reports it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its place in bytes.
    pub start: usize,
    /// Its end in bytes.
    pub end: usize,
    /// The rule.
    pub rule: String,
    /// What would be done.
    pub action: String,
}

impl Finding {
    fn enforced(&self) -> bool {
        matches!(self.action.as_str(), "mask" | "block" | "pseudonym")
    }

    /// Addresses in documents are what they look like; they are not counted as wrong.
    fn is_true_in_documents(&self) -> bool {
        matches!(self.rule.as_str(), "email" | "ip_address" | "url")
    }
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Share {
    /// So many.
    pub hits: usize,
    /// Of so many.
    pub of: usize,
}

impl Share {
    fn add(&mut self, hit: bool) {
        self.hits += usize::from(hit);
        self.of += 1;
    }

    /// In percent; 0 of nothing.
    #[must_use]
    pub fn percent(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let share = self.hits as f64 * 100.0 / (self.of.max(1)) as f64;
        share
    }
}

/// The score of a corpus.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Score {
    /// Recall by tier: S1 to S4, P1, P2, other.
    pub tiers: BTreeMap<String, Share>,
    /// Recall by family and kind.
    pub kinds: BTreeMap<String, Share>,
    /// Negatives in which something was found, by what they are.
    pub flagged: BTreeMap<String, Share>,
    /// Wrong findings in benign texts, of rules that change or refuse texts.
    pub wrong_enforced: usize,
    /// Wrong findings of all rules.
    pub wrong: usize,
    /// Wrong findings by rule.
    pub wrong_by_rule: BTreeMap<String, usize>,
    /// Benign texts with a wrong finding of any rule.
    pub benign: Share,
    /// Bytes of benign text.
    pub benign_bytes: usize,
    /// Ids of positives in which nothing was found.
    pub missed: Vec<(String, String)>,
}

/// The tier of a kind, as the peers' table has them; nothing for what is in none.
#[must_use]
pub fn tier(family: &str, kind: &str) -> &'static str {
    match (family, kind) {
        ("secret", "db_connection_string" | "basic_auth_url" | "azure_key") => "S2 connections",
        ("secret", "generic_secret") => "S3 generic",
        ("secret", "other_vendor_token") => "S4 long tail",
        ("secret", _) => "S1 vendors",
        ("pii", kind) if kind.starts_with("cn_") => "P1 Chinese",
        ("pii", "credit_card" | "iban" | "us_ssn" | "email" | "phone" | "ip" | "crypto_wallet" | "mac_address") => "P2 personal",
        _ => "other",
    }
}

impl Score {
    /// Counts one text.
    pub fn add(&mut self, row: &Row, findings: &[Finding]) {
        if row.label == "positive" {
            let hit = is_hit(row, findings);
            self.tiers.entry(tier(&row.family, &row.kind).to_owned()).or_default().add(hit);
            self.kinds.entry(format!("{}/{}", row.family, row.kind)).or_default().add(hit);
            if !hit {
                self.missed.push((row.kind.clone(), row.id.clone()));
            }
            return;
        }
        let wrong: Vec<_> = findings.iter().filter(|finding| row.family != "benign" || !finding.is_true_in_documents()).collect();
        let what = match (row.near_miss, row.family.as_str()) {
            (true, _) => "near miss",
            (false, "pii") => "bad check digit or shape",
            _ => row.kind.as_str(),
        };
        self.flagged.entry(what.to_owned()).or_default().add(!wrong.is_empty());
        if row.family == "benign" {
            self.benign_bytes += row.text.len();
            self.benign.add(!wrong.is_empty());
            self.wrong += wrong.len();
            self.wrong_enforced += wrong.iter().filter(|finding| finding.enforced()).count();
            for finding in wrong {
                *self.wrong_by_rule.entry(finding.rule.clone()).or_default() += 1;
            }
        }
    }

    /// Findings a megabyte of benign text.
    #[must_use]
    pub fn per_mb(&self, findings: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = findings as f64 * 1e6 / self.benign_bytes.max(1) as f64;
        rate
    }
}

/// A finding that covers half of an expected span, or any where no span is known.
#[must_use]
pub fn is_hit(row: &Row, findings: &[Finding]) -> bool {
    let Some(spans) = row.expected_spans.as_ref().filter(|spans| !spans.is_empty()) else { return !findings.is_empty() };
    spans.iter().any(|&(start, end)| {
        findings.iter().any(|finding| {
            let both = finding.end.min(end).saturating_sub(finding.start.max(start));
            both * 2 >= end - start
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_span_is_a_hit() {
        let row = |spans: &str| -> Row {
            serde_json::from_str(&format!(
                r#"{{"id":"1","text":"x","label":"positive","kind":"email","family":"pii","expected_spans":{spans}}}"#
            ))
            .unwrap()
        };
        let found = |start, end| vec![Finding { start, end, rule: "r".into(), action: "mask".into() }];
        assert!(is_hit(&row("[[10,20]]"), &found(0, 15)));
        assert!(!is_hit(&row("[[10,20]]"), &found(0, 14)));
        assert!(is_hit(&row("[[10,20],[30,31]]"), &found(30, 99)));
        assert!(is_hit(&row("null"), &found(0, 1)));
        assert!(!is_hit(&row("null"), &[]));
    }
}
