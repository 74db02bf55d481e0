//! The providers and routes of a run, all of them in the file that the gateway starts with: a provider and a route for
//! each way of serving a case. Thousands of calls of the admin API would take longer than the run.
//!
//! A way that ends in an error gets a provider of its own for each request, so that no breaker remembers the last.

use std::collections::BTreeMap;

use serde_json::json;

use crate::conformance::replay::{self, Replay};

/// The key the gateway has for its vendors.
pub const VENDOR_KEY: &str = "sk-conformance-vendor-0123456789abcdef";

/// The address style that needs a version.
const AZURE_API_VERSION: &str = "2024-10-21";

/// A configuration file may have 1 MiB and 20,000 values; a case adds some thousand bytes at most.
const FULL_BYTES: usize = 400 * 1024;

/// Providers and routes in the making.
#[derive(Debug, Default)]
pub struct Setup {
    rows: BTreeMap<String, (String, String)>,
    bytes: usize,
}

impl Setup {
    /// Adds a provider of this kind that serves `spec`, and a route of the same name to its `model`.
    pub fn add(&mut self, name: &str, kind: &str, replay: &Replay, spec: &str, model: &str) {
        let plain = !matches!(kind, "anthropic" | "gemini" | "bedrock" | "azure");
        let base_url = format!("http://{}/case/{spec}{}", replay.addr(), if plain { "/v1" } else { "" });
        let mut provider = json!({"name": name, "kind": kind, "base_url": base_url});
        match kind {
            "bedrock" => {
                provider["region"] = json!("us-east-1");
                provider["access_key_id"] = json!("AKIDEXAMPLE");
                provider["secret_access_key"] = json!("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
            }
            "azure" => {
                // It makes the path itself.
                provider["headers"] = json!({replay::HEADER: spec});
                provider["api_key"] = json!(VENDOR_KEY);
                provider["api_version"] = json!(AZURE_API_VERSION);
            }
            _ => provider["api_key"] = json!(VENDOR_KEY),
        }
        let route = json!({"model": name, "targets": [{"provider": name, "model": model}], "retries": 0});
        let row = (provider.to_string(), route.to_string());
        self.bytes += row.0.len() + row.1.len();
        if let Some(before) = self.rows.insert(name.to_owned(), row) {
            self.bytes -= before.0.len() + before.1.len();
        }
    }

    /// The sections of the configuration file. JSON is YAML.
    pub fn sections(&self) -> String {
        let mut text = String::from("providers:\n");
        for (provider, _) in self.rows.values() {
            text.push_str(&format!("- {provider}\n"));
        }
        text.push_str("routes:\n");
        for (_, route) in self.rows.values() {
            text.push_str(&format!("- {route}\n"));
        }
        text
    }

    /// Whether more would be too large for a configuration file.
    pub fn is_full(&self) -> bool {
        self.bytes > FULL_BYTES
    }
}
