//! What can be typed: commands, flags, and the variables that stand for them.
//!
//! Flags become texts by key ([`Common::flags`]) and go through the same parser as variables and the file, so that
//! a value means the same wherever it is given. Never done here: acting.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::mode::Role;
use crate::config::reader::Flags;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "fluxa",
    version,
    about = "A self-hosted AI gateway: one port for every model provider, with keys, budgets and a ledger.",
    long_about = "A self-hosted AI gateway: one port for every model provider, with keys, budgets and a ledger.\n\n\
        Without a command it serves. Settings come from flags, then FLUXA_* variables, then the configuration file \
        (./fluxa.yaml when it exists), then defaults. A provider is made at the first start for every <KIND>_API_KEY \
        variable that is set; afterwards the admin API is the source of truth.\n\n\
        One process keeps its data in a SQLite file. Many share one Postgres (FLUXA_DATABASE_URL) and one Redis \
        (FLUXA_REDIS_URL), with the same FLUXA_SECRET_KEY everywhere.",
    after_help = "Examples:\n  \
        fluxa demo                                  look around without any provider key\n  \
        OPENAI_API_KEY=sk-… fluxa                   serve OpenAI's models on :8080\n  \
        fluxa -c /etc/fluxa.yaml check              is this configuration right, do the providers answer?\n  \
        fluxa serve --port 9000 --database /data/fluxa.db --log-format json\n  \
        fluxa migrate && fluxa gateway              one of many gateways (needs Postgres and Redis)",
    subcommand_required = false,
    propagate_version = true
)]
pub struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of every command.
    #[command(flatten)]
    pub common: Common,
}

/// The commands.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve: gateway and admin API in one process, on one port (the default)
    #[command(after_help = "Examples:\n  \
        OPENAI_API_KEY=sk-… ANTHROPIC_API_KEY=sk-ant-… fluxa serve\n  \
        fluxa serve -c fluxa.yaml --host 127.0.0.1 --port 9000\n\n\
        SIGTERM drains (finish running answers, then exit 0), a second one stops at once; SIGHUP reloads.")]
    Serve,
    /// Serve clients' calls only; run as many as you like (needs Postgres and Redis)
    #[command(after_help = "Example:\n  \
        export FLUXA_DATABASE_URL=postgres://… FLUXA_REDIS_URL=redis://… FLUXA_SECRET_KEY=…\n  \
        fluxa migrate && fluxa gateway\n\n\
        All gateways count budgets and limits together, in Redis. There is no admin API here: see `fluxa admin`. The journal and the \
        last known configuration are kept in ./fluxa-data (FLUXA_SPOOL_PATH), a folder that belongs to this process alone. /metrics, \
        /healthz and /readyz answer on port 9090 of every address (--telemetry-listen).\n\n\
        SIGTERM drains for up to 10 minutes (FLUXA_DRAIN_TIMEOUT), then exits with 0; a second one stops at once; SIGHUP reloads.")]
    Gateway,
    /// Serve the admin API only, on port 8081, beside `fluxa gateway` (needs Postgres and Redis)
    #[command(
        after_help = "Needs FLUXA_DATABASE_URL, FLUXA_REDIS_URL and FLUXA_SECRET_KEY, as `fluxa gateway` does, and FLUXA_MASTER_KEY to be \
        opened with (one is made and printed at the first start without). Clients' calls are not served here, and go on while this \
        process is down. /metrics, /healthz and /readyz answer on port 9090 of every address (--telemetry-listen)."
    )]
    Admin,
    /// Bring the schema of Postgres up to date, and print what was done
    #[command(after_help = "Example:\n  FLUXA_DATABASE_URL=postgres://… fluxa migrate --wait 120s\n\n\
        Run it before the processes of a new release; those of the release before go on meanwhile. Several at once do no harm. \
        Where a pooler stands before Postgres, FLUXA_DATABASE_MIGRATION_URL leads past it. A SQLite file needs none of this: every start \
        sees to it. Exit code 1 when it fails; then nothing has changed.")]
    Migrate {
        /// How long to wait for a database that does not answer yet, as 30s or 2m
        #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = crate::config::values::duration)]
        wait: Duration,
    },
    /// Compare counters, ledger and sums while everything runs; exit code 1 when they differ
    #[command(
        after_help = "Prints a line for each of six checks, and the numbers that should agree and do not. Reads Postgres and Redis, or the \
        SQLite file, beside which the counters are in the process that serves and are left out. A difference is told when it is still there \
        six seconds later; keys and teams with calls under way are passed over.\n\n\
        --repair has the counters that differ read from the ledger anew. Rows and sums are never changed."
    )]
    Audit {
        /// Only this organization
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Correct counters that differ, by reading them from the ledger anew
        #[arg(long)]
        repair: bool,
    },
    /// Ask the process on this machine whether it is ready: exit code 0 or 1, for containers
    Healthcheck {
        /// What to ask [default: /readyz of the telemetry listener in this configuration]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Serve with a built-in echo provider, seeded keys and some past usage
    #[command(after_help = "Nothing leaves the machine. Data goes to ./fluxa-demo.db unless --database is given; \
        delete the file to begin anew.")]
    Demo,
    /// Check the configuration and whether every provider answers; exit code 1 when something is wrong
    #[command(after_help = "Prints every setting with its source (secrets as ***), then one line a provider. \
        Says what the settings mean, and asks Postgres and Redis where they are set. Changes nothing.")]
    Check,
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  fluxa completions bash > /etc/bash_completion.d/fluxa")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Flags of every command.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Configuration file [env: FLUXA_CONFIG] [default: ./fluxa.yaml when it exists]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address to listen on [env: FLUXA_HOST] [default: 0.0.0.0]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// Port to listen on, 0 for any free one [env: FLUXA_PORT] [default: 8080; admin: 8081]
    #[arg(short, long, global = true, value_name = "PORT")]
    pub port: Option<String>,
    /// The SQLite file, where there is no FLUXA_DATABASE_URL [env: FLUXA_DATABASE_PATH] [default: ./fluxa.db]
    #[arg(long, visible_alias = "data", global = true, value_name = "PATH")]
    pub database: Option<String>,
    /// Threads of the data plane, or auto for one a core [env: FLUXA_WORKERS]
    #[arg(long, global = true, value_name = "N")]
    pub workers: Option<String>,
    /// Listener for /metrics and probes, or off [env: FLUXA_TELEMETRY_LISTEN] [default: 127.0.0.1:9090; gateway and admin: 0.0.0.0:9090]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub telemetry_listen: Option<String>,
    /// error, warn, info, debug, trace, or a filter [env: FLUXA_LOG_LEVEL] [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// json, pretty, or auto: pretty on a terminal [env: FLUXA_LOG_FORMAT]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

impl Common {
    /// The flags as texts, by the key that each one sets.
    #[must_use]
    pub fn flags(&self) -> Flags {
        let rows = [
            ("server.host", "--host", &self.host),
            ("server.port", "--port", &self.port),
            ("server.workers", "--workers", &self.workers),
            ("database.path", "--database", &self.database),
            ("telemetry.listen", "--telemetry-listen", &self.telemetry_listen),
            ("logging.level", "--log-level", &self.log_level),
            ("logging.format", "--log-format", &self.log_format),
        ];
        rows.into_iter().filter_map(|(path, flag, text)| text.clone().map(|text| (path, (flag, text)))).collect()
    }
}

impl Cli {
    /// The command, `serve` when none was typed.
    #[must_use]
    pub fn chosen(&self) -> Command {
        self.command.clone().unwrap_or(Command::Serve)
    }
}

impl Command {
    /// The role whose settings count for this command.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Gateway => Role::Gateway,
            Self::Admin => Role::Admin,
            _ => Role::Serve,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_may_stand_before_and_after_the_command() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(parse("fluxa").chosen(), Command::Serve);
        let cli = parse("fluxa -c a.yaml demo --port 1 --data x.db");
        assert_eq!(cli.chosen(), Command::Demo);
        assert_eq!(cli.common.config, Some(PathBuf::from("a.yaml")));
        assert_eq!(cli.common.flags()["server.port"], ("--port", String::from("1")));
        assert_eq!(cli.common.flags()["database.path"], ("--database", String::from("x.db")));
    }

    #[test]
    fn every_flag_sets_a_setting() {
        let text = || Some(String::from("x"));
        let all = Common {
            config: None,
            host: text(),
            port: text(),
            database: text(),
            workers: text(),
            telemetry_listen: text(),
            log_level: text(),
            log_format: text(),
        };
        for path in all.flags().keys() {
            assert!(crate::config::settings::spec(path).is_some(), "{path}");
        }
    }

    #[test]
    fn commands_take_what_they_need() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(|cli| cli.chosen());
        assert_eq!(parse("fluxa migrate --wait 2m").unwrap(), Command::Migrate { wait: Duration::from_mins(2) });
        assert_eq!(
            parse("fluxa audit --org o --json").unwrap(),
            Command::Audit { org: Some(String::from("o")), json: true, repair: false }
        );
        assert_eq!(parse("fluxa gateway --port 1").unwrap().role(), Role::Gateway);
        assert_eq!(parse("fluxa admin").unwrap().role(), Role::Admin);
        assert!(parse("fluxa migrate --wait soon").is_err());
        for name in ["export", "apply"] {
            assert!(parse(&format!("fluxa {name}")).is_err(), "{name}");
        }
    }
}
