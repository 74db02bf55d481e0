//! The configuration in force, as `fluxa check` prints it: value and source, secrets as `***`.

use std::fmt::Write as _;

use super::Config;

/// One line a setting, then what the seeds hold.
#[must_use]
pub fn effective(config: &Config) -> String {
    let width = config.effective.iter().map(|row| row.path.len()).max().unwrap_or(0);
    let value_width = config.effective.iter().map(|row| row.text.chars().count()).max().unwrap_or(0).min(40);
    let mut out = String::new();
    for row in &config.effective {
        let text = if row.text.is_empty() { "(none)" } else { &row.text };
        let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(out, "  {:width$}  {shown:value_width$}  ({})", row.path, row.source);
    }
    for provider in &config.seeds.providers {
        let keys = match provider.secrets.api_keys.len() {
            0 => String::from("no key"),
            1 => String::from("api_key ***"),
            n => format!("{n} keys ***"),
        };
        let address = provider.record.base_url.as_deref().unwrap_or("the vendor's address");
        let _ = writeln!(
            out,
            "  provider {} (kind {}, {address}, {keys})  (file, line {})",
            provider.record.name, provider.record.kind, provider.at.line
        );
    }
    for route in &config.seeds.routes {
        let _ = writeln!(out, "  route {}  (file, line {})", route.record.model, route.at.line);
    }
    for rule in &config.seeds.rules {
        let _ = writeln!(out, "  firewall rule {}  (file, line {})", rule.record.name, rule.at.line);
    }
    for policy in &config.seeds.policies {
        let _ = writeln!(out, "  firewall policy {}  (file, line {})", policy.record.name, policy.at.line);
    }
    for key in &config.seeds.keys {
        let _ = writeln!(out, "  key {}  (file, line {})", key.record.name, key.at.line);
    }
    out
}
