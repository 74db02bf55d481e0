//! `fluxa audit`: do counters, rows and sums agree? Each check is one of the six invariants of the money protocol.
//!
//! Never done here: changing a row or a sum. `--repair` only makes counters cold, so that they are read from the ledger anew.
//! Start reading at [`run`]; what is compared is in `audit/checks.rs` and `audit/limits.rs`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use fluxa_domain::team::DEFAULT_ORGANIZATION;
use serde_json::json;

use crate::config::Config;
use crate::{backends, banner, wiring};

mod checks;
mod limits;

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Only this organization; all when absent.
    pub organization: Option<String>,
    /// JSON instead of a table.
    pub json: bool,
    /// Have counters that differ read from the ledger anew.
    pub repair: bool,
}

/// The result of one check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Check {
    /// `I1` to `I6`.
    pub(crate) name: &'static str,
    /// What must hold.
    pub(crate) what: &'static str,
    /// How much was looked at, or why nothing was.
    pub(crate) found: String,
    /// What does not hold.
    pub(crate) violations: Vec<Violation>,
}

/// Two numbers that should agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Whose numbers, or which call.
    pub(crate) scope: String,
    /// In which window, and the unit.
    pub(crate) window: String,
    /// What should be.
    pub(crate) expected: i64,
    /// What is.
    pub(crate) found: i64,
    /// The organization whose counter it is, where `--repair` helps.
    pub(crate) counter_of: Option<String>,
}

/// Runs all checks and prints them.
///
/// # Errors
/// When database or counters cannot be asked.
pub async fn run(config: &Config, wish: &Wish) -> Result<ExitCode> {
    let secret_key = backends::secret_key(config)?;
    let store = backends::open_store(config, &secret_key).await.with_context(|| backends::cannot_open(config))?;
    let shared = backends::open_shared_now(config, &secret_key, wiring::now).await?;
    let mut organizations: BTreeSet<String> = store.organizations().await?.into_iter().map(|record| record.name).collect();
    organizations.insert(DEFAULT_ORGANIZATION.to_owned());
    if let Some(only) = &wish.organization {
        organizations.retain(|name| name == only);
        anyhow::ensure!(!organizations.is_empty(), "there is no organization \"{only}\"");
    }
    let mut found = checks::counters(&store, &shared, &organizations).await?;
    found.extend(checks::sums(&store).await?);
    found.push(limits::check(&store, wish.organization.as_deref(), wiring::now()).await?);
    found.sort_by_key(|check| check.name);
    let repaired = if wish.repair { checks::repair(&shared, &found).await } else { Vec::new() };
    store.close().await;
    let well = found.iter().all(|check| check.violations.is_empty());
    banner::print(&if wish.json { as_json(&found, &repaired) } else { as_table(&found, &repaired, well) }, false);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_table(checks: &[Check], repaired: &[String], well: bool) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    for check in checks {
        let verdict = if check.violations.is_empty() { "ok" } else { "FAIL" };
        let _ = writeln!(out, "{verdict:4}  {}  {}  ({})", check.name, check.what, check.found);
        for Violation { scope, window, expected, found, .. } in &check.violations {
            let _ = writeln!(out, "            {scope}  {window}  expected {expected}, found {found}");
        }
    }
    for scope in repaired {
        let _ = writeln!(out, "read anew: {scope}");
    }
    let violations: usize = checks.iter().map(|check| check.violations.len()).sum();
    let _ = if well { writeln!(out, "\nall is well") } else { writeln!(out, "\n{violations} numbers do not agree") };
    out
}

fn as_json(checks: &[Check], repaired: &[String]) -> String {
    let checks: Vec<_> = checks
        .iter()
        .map(|check| {
            let violations: Vec<_> = check
                .violations
                .iter()
                .map(|v| json!({ "scope": v.scope, "window": v.window, "expected": v.expected, "found": v.found }))
                .collect();
            json!({ "check": check.name, "what": check.what, "ok": violations.is_empty(), "found": check.found, "violations": violations })
        })
        .collect();
    let ok = checks.iter().all(|check| check.get("ok") == Some(&serde_json::Value::Bool(true)));
    format!("{}\n", json!({ "ok": ok, "checks": checks, "repaired": repaired }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_told_with_both_numbers() {
        let violation =
            Violation { scope: String::from("key:K"), window: String::from("total usd"), expected: 5, found: 7, counter_of: None };
        let checks = [
            Check { name: "I1", what: "rows", found: String::from("3 calls"), violations: Vec::new() },
            Check { name: "I2", what: "spent", found: String::from("1 window"), violations: vec![violation] },
        ];
        let table = as_table(&checks, &[String::from("key:K")], false);
        for part in
            ["ok    I1  rows  (3 calls)", "FAIL  I2", "key:K  total usd  expected 5, found 7", "read anew: key:K", "1 numbers do not"]
        {
            assert!(table.contains(part), "{part} in {table}");
        }
        let value: serde_json::Value = serde_json::from_str(&as_json(&checks, &[])).unwrap();
        assert_eq!((&value["ok"], &value["checks"][1]["violations"][0]["found"]), (&json!(false), &json!(7)));
    }
}
