//! Every single-valued setting: its key, its variable, its flag and its default. One row each.

/// A row of [`SETTINGS`].
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The key, `section.name`.
    pub path: &'static str,
    /// The variable.
    pub env: &'static str,
    /// The default, in the form in which one would write it; empty for "not set".
    pub default: &'static str,
    /// Whether the value is never shown; of an address, its password.
    pub secret: bool,
}

const fn row(path: &'static str, env: &'static str, default: &'static str) -> Spec {
    Spec { path, env, default, secret: false }
}

const fn secret(path: &'static str, env: &'static str) -> Spec {
    Spec { path, env, default: "", secret: true }
}

/// All of them, in the order in which `fluxa check` prints them.
pub const SETTINGS: &[Spec] = &[
    row("server.host", "FLUXA_HOST", "0.0.0.0"),
    row("server.port", "FLUXA_PORT", "8080"),
    secret("server.master_key", "FLUXA_MASTER_KEY"),
    secret("server.secret_key", "FLUXA_SECRET_KEY"),
    row("server.drain_timeout", "FLUXA_DRAIN_TIMEOUT", "30s"),
    row("server.shutdown_delay", "FLUXA_SHUTDOWN_DELAY", "0s"),
    row("server.node_name", "FLUXA_NODE_NAME", ""),
    row("server.max_body", "FLUXA_MAX_BODY", "32MiB"),
    row("server.trusted_proxies", "FLUXA_TRUSTED_PROXIES", ""),
    row("server.max_connections_per_ip", "FLUXA_MAX_CONNECTIONS_PER_IP", "4096"),
    row("server.workers", "FLUXA_WORKERS", "auto"),
    row("database.path", "FLUXA_DATABASE_PATH", "./fluxa.db"),
    secret("database.url", "FLUXA_DATABASE_URL"),
    secret("database.migration_url", "FLUXA_DATABASE_MIGRATION_URL"),
    row("database.connections", "FLUXA_DATABASE_CONNECTIONS", "10"),
    row("database.migrate", "FLUXA_DATABASE_MIGRATE", "auto"),
    secret("redis.url", "FLUXA_REDIS_URL"),
    row("redis.timeout", "FLUXA_REDIS_TIMEOUT", "50ms"),
    row("spool.path", "FLUXA_SPOOL_PATH", ""),
    row("spool.max_bytes", "FLUXA_SPOOL_MAX_BYTES", "1GiB"),
    row("ledger.stream_max", "FLUXA_LEDGER_STREAM_MAX", "200000"),
    row("logging.level", "FLUXA_LOG_LEVEL", "info"),
    row("logging.format", "FLUXA_LOG_FORMAT", "auto"),
    row("logging.store_content", "FLUXA_STORE_CONTENT", "false"),
    row("telemetry.listen", "FLUXA_TELEMETRY_LISTEN", "127.0.0.1:9090"),
    row("upstream.allow_private", "FLUXA_UPSTREAM_ALLOW_PRIVATE", ""),
    row("upstream.allow_metadata", "FLUXA_UPSTREAM_ALLOW_METADATA", "false"),
    row("upstream.media_allow_private", "FLUXA_UPSTREAM_MEDIA_ALLOW_PRIVATE", ""),
    row("upstream.connect_timeout", "FLUXA_UPSTREAM_CONNECT_TIMEOUT", "5s"),
    row("upstream.first_byte_timeout", "FLUXA_UPSTREAM_FIRST_BYTE_TIMEOUT", "60s"),
    row("upstream.idle_timeout", "FLUXA_UPSTREAM_IDLE_TIMEOUT", "60s"),
    row("budget.reservation_ttl", "FLUXA_BUDGET_RESERVATION_TTL", "120s"),
    row("budget.unpriced", "FLUXA_BUDGET_UNPRICED", "refuse"),
    row("budget.fallback_input_usd_per_mtok", "FLUXA_BUDGET_FALLBACK_INPUT_USD_PER_MTOK", ""),
    row("budget.fallback_output_usd_per_mtok", "FLUXA_BUDGET_FALLBACK_OUTPUT_USD_PER_MTOK", ""),
    row("budget.assumed_max_output", "FLUXA_BUDGET_ASSUMED_MAX_OUTPUT", "16384"),
    row("budget.on_client_close", "FLUXA_BUDGET_ON_CLIENT_CLOSE", "cancel"),
    row("budget.on_store_error", "FLUXA_BUDGET_ON_STORE_ERROR", "local_share"),
    row("retention.logs", "FLUXA_RETENTION_LOGS", "90d"),
    row("retention.responses", "FLUXA_RETENTION_RESPONSES", "24h"),
    row("firewall.policy", "FLUXA_FIREWALL_POLICY", ""),
    secret("firewall.webhook", "FLUXA_FIREWALL_WEBHOOK"),
];

/// What the contract names and this release does not have: (key, variable, what to say).
pub const NOT_YET: &[(&str, &str, &str)] = &[
    ("auth", "", "single sign-on is not available yet; the master key opens the admin API"),
    ("telemetry.otlp_endpoint", "", "trace export is not available yet; metrics are on telemetry.listen"),
];

/// The row of `path`.
#[must_use]
pub fn spec(path: &str) -> Option<&'static Spec> {
    SETTINGS.iter().find(|spec| spec.path == path)
}

/// Variables that begin with `FLUXA_` and are no setting, with the setting that was probably meant.
///
/// Kubernetes puts `FLUXA_PORT_…` and `FLUXA_SERVICE_…` into every pod beside a service called `fluxa`: those are
/// passed over.
#[must_use]
pub fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<(String, Option<&'static str>)> {
    let known: Vec<&'static str> = SETTINGS
        .iter()
        .map(|spec| spec.env)
        .chain(NOT_YET.iter().map(|(_, env, _)| *env))
        .chain(["FLUXA_CONFIG"])
        .filter(|name| !name.is_empty())
        .collect();
    let mut unknown: Vec<_> = names
        .filter(|name| name.starts_with("FLUXA_") && !known.contains(&name.as_str()))
        .filter(|name| !name.starts_with("FLUXA_PORT_") && !name.starts_with("FLUXA_SERVICE_"))
        .map(|name| {
            let near = super::error::nearest(&name, &known);
            (name, near)
        })
        .collect();
    unknown.sort();
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_follow_the_rule() {
        for (index, spec) in SETTINGS.iter().enumerate() {
            assert!(spec.path.contains('.') && spec.env.starts_with("FLUXA_"), "{}", spec.path);
            assert!(!SETTINGS[..index].iter().any(|other| other.path == spec.path || other.env == spec.env), "{}", spec.path);
        }
    }

    #[test]
    fn a_mistyped_variable_is_noticed_and_kubernetes_is_not() {
        let names = ["FLUXA_MASTERKEY", "FLUXA_SERVICE_HOST", "FLUXA_PORT_8080_TCP", "HOME", "FLUXA_PORT"].map(String::from);
        assert_eq!(unknown_variables(names.into_iter()), [(String::from("FLUXA_MASTERKEY"), Some("FLUXA_MASTER_KEY"))]);
    }
}
