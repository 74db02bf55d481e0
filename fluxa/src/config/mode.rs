//! What a process is (its role) and how many share its data (its mode), and which settings go together.
//!
//! The invariant: [`judge`] lets no process start that could count money differently from its neighbours. Never done here: connecting.

use std::path::PathBuf;
use std::time::Duration;

use super::Config;
use super::error::{ConfigError, ConfigErrors};
use super::reader::Source;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Gateway and admin API on one port.
    Serve,
    /// The gateway alone.
    Gateway,
    /// The admin API alone.
    Admin,
}

impl Role {
    /// The word of the command line, by which other processes know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Gateway => "gateway",
            Self::Admin => "admin",
        }
    }

    /// What the role changes in the defaults: key → text.
    #[must_use]
    pub const fn defaults(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Serve => &[],
            // Probes and scrapers come from other machines; the port is not the one that clients reach.
            Self::Gateway => &[("database.migrate", "require"), ("telemetry.listen", "0.0.0.0:9090")],
            Self::Admin => &[("database.migrate", "require"), ("telemetry.listen", "0.0.0.0:9090"), ("server.port", "8081")],
        }
    }
}

/// How many share the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One process with a SQLite file.
    Embedded,
    /// One process with Postgres, which counts by itself.
    OneNode,
    /// Any number of processes: Postgres and Redis.
    Cluster,
}

impl Mode {
    /// The mode that the settings mean.
    #[must_use]
    pub const fn of(config: &Config) -> Self {
        match (config.database.url.is_some(), config.redis.url.is_some()) {
            (true, true) => Self::Cluster,
            (true, false) => Self::OneNode,
            (false, _) => Self::Embedded,
        }
    }

    /// A sentence for `fluxa check` and the log.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Embedded => "embedded: one process, its data in a SQLite file",
            Self::OneNode => "one node with Postgres: budgets are counted in this process, so run no second one; set redis.url for more",
            Self::Cluster => "cluster: any number of processes share Postgres and Redis",
        }
    }
}

/// How long streams may go on after SIGTERM in a cluster, where somebody else takes the new calls.
const CLUSTER_DRAIN: Duration = Duration::from_mins(10);

/// Where journal and last known configuration go with Postgres, unless something is said.
const SPOOL: &str = "./fluxa-data";

/// Sets what follows from the mode and was not said: the drain time of a cluster.
pub fn complete(config: &mut Config) {
    if Mode::of(config) == Mode::Embedded {
        return;
    }
    if let Some(row) = config.effective.iter_mut().find(|row| row.path == "server.drain_timeout" && row.source == Source::Default) {
        row.text = String::from("600s");
        config.server.drain_timeout = CLUSTER_DRAIN;
    }
}

/// Whether this process may start with these settings.
///
/// # Errors
/// What does not go together, and what to set.
pub fn judge(config: &Config, role: Role) -> Result<Mode, ConfigErrors> {
    let mode = Mode::of(config);
    let wrong = |key: &str, message: String| {
        let error = ConfigError { origin: String::from("configuration"), at: None, key: key.to_owned(), message, snippet: String::new() };
        Err(ConfigErrors(vec![error]))
    };
    if mode == Mode::Embedded && config.redis.url.is_some() {
        let message = "Redis shares counters between processes, and a SQLite file has room for one; set database.url (FLUXA_DATABASE_URL), or unset it";
        return wrong("redis.url", message.to_owned());
    }
    if role != Role::Serve && mode != Mode::Cluster {
        let missing = if mode == Mode::Embedded { ("database.url", "FLUXA_DATABASE_URL") } else { ("redis.url", "FLUXA_REDIS_URL") };
        let message = format!(
            "`fluxa {}` is a member of a cluster and needs Postgres and Redis; set {}, or run `fluxa serve`",
            role.name(),
            missing.1
        );
        return wrong(missing.0, message);
    }
    if mode != Mode::Embedded && config.server.secret_key.is_none() {
        let message = "with Postgres the secret key must be the same everywhere and outlive every disk; set FLUXA_SECRET_KEY (`openssl rand -base64 32` makes one)";
        return wrong("server.secret_key", message.to_owned());
    }
    Ok(mode)
}

/// The folder of the journal.
#[must_use]
pub fn journal_folder(config: &Config) -> PathBuf {
    match (&config.spool.path, Mode::of(config)) {
        (None, Mode::Embedded) => {
            let mut folder = config.database.path.clone().into_os_string();
            folder.push(".journal");
            PathBuf::from(folder)
        }
        _ => spool_folder(config).join("journal"),
    }
}

/// The folder of what a process keeps on its own disk; the journal of the embedded mode is beside its database instead.
#[must_use]
pub fn spool_folder(config: &Config) -> PathBuf {
    config.spool.path.clone().unwrap_or_else(|| PathBuf::from(SPOOL))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "server: { secret_key: c2VjcmV0LWNhbmFyeS1zZWNyZXQtY2FuYXJ5LXNlY3JldA== }\n";
    const POSTGRES: &str = "database: { url: 'postgres://u:canary@h/d' }\n";
    const REDIS: &str = "redis: { url: 'redis://:canary@h' }\n";

    fn config(parts: &[&str]) -> Config {
        Config::parse(&parts.concat(), "f", &|_| None).unwrap()
    }

    #[test]
    fn only_what_fits_together_may_start() {
        let check = |parts: &[&str], role: Role, expect: Result<Mode, &str>| match (judge(&config(parts), role), expect) {
            (Ok(mode), Ok(expected)) => assert_eq!(mode, expected, "{parts:?}"),
            (Err(error), Err(part)) => {
                let text = error.to_string();
                assert!(text.contains(part) && !text.contains("canary"), "{parts:?}: {text}");
            }
            (found, expected) => panic!("{parts:?} {role:?}: {found:?}, not {expected:?}"),
        };
        check(&[], Role::Serve, Ok(Mode::Embedded));
        check(&[SECRET, POSTGRES], Role::Serve, Ok(Mode::OneNode));
        check(&[SECRET, POSTGRES, REDIS], Role::Serve, Ok(Mode::Cluster));
        check(&[SECRET, POSTGRES, REDIS], Role::Gateway, Ok(Mode::Cluster));
        check(&[SECRET, POSTGRES, REDIS], Role::Admin, Ok(Mode::Cluster));
        check(&[REDIS], Role::Serve, Err("redis.url: Redis shares counters"));
        check(
            &[],
            Role::Gateway,
            Err("database.url: `fluxa gateway` is a member of a cluster and needs Postgres and Redis; set FLUXA_DATABASE_URL"),
        );
        check(&[SECRET, POSTGRES], Role::Admin, Err("set FLUXA_REDIS_URL"));
        check(&[POSTGRES, REDIS], Role::Serve, Err("set FLUXA_SECRET_KEY"));
    }

    #[test]
    fn the_drain_is_longer_in_a_cluster_unless_it_is_said() {
        let seconds = |parts: &[&str]| config(parts).server.drain_timeout.as_secs();
        assert_eq!((seconds(&[]), seconds(&[POSTGRES])), (30, 600));
        assert_eq!(seconds(&["server: { drain_timeout: 7s }\n", POSTGRES]), 7);
        assert!(config(&[POSTGRES]).effective.iter().any(|row| row.path == "server.drain_timeout" && row.text == "600s"));
    }

    #[test]
    fn the_journal_is_beside_the_file_or_in_the_spool() {
        let folder = |parts: &[&str]| journal_folder(&config(parts)).display().to_string();
        assert_eq!(folder(&["database: { path: ./x.db }\n"]), "./x.db.journal");
        assert_eq!(folder(&[POSTGRES]), "./fluxa-data/journal");
        assert_eq!(folder(&["spool: { path: /var/spool/fluxa }\n"]), "/var/spool/fluxa/journal");
    }

    #[test]
    fn each_role_changes_settings_that_there_are() {
        for role in [Role::Serve, Role::Gateway, Role::Admin] {
            for (path, _) in role.defaults() {
                assert!(super::super::settings::spec(path).is_some(), "{path}");
            }
        }
    }
}
