//! The configuration of one process: file, variables and flags, read once and strictly.
//!
//! [`Config::parse`] is pure: it gets the text and the environment, and touches neither disk nor clock. Precedence is
//! flag > variable > file > default ([`settings::SETTINGS`] has the rows). What is never done here: connecting to
//! anything, or deciding what to do with an old database. Start reading at [`Config::build`].

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use fluxa_domain::key::OnStoreError;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::net::{Cidr, EgressPolicy};
use fluxa_domain::price::{Rate, Rates, UnpricedPolicy};
use fluxa_domain::secret::Secret;

use cluster::{Database, Ledger, Redis, Spool};
use error::{At, ConfigErrors};
use mode::Role;
use reader::{Effective, Env, Fields, Flags, Reader};
use seeds::Seeds;
use tree::{Node, Value};

pub mod addresses;
pub mod cluster;
pub mod error;
pub mod expand;
pub mod mode;
pub mod reader;
pub mod seeds;
pub mod settings;
pub mod show;
pub mod tree;
pub mod values;

/// Everything that a process is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The port that clients use.
    pub server: Server,
    /// Where data is kept.
    pub database: Database,
    /// What is shared between processes.
    pub redis: Redis,
    /// What is kept on this machine's disk.
    pub spool: Spool,
    /// Rows on their way to the database.
    pub ledger: Ledger,
    /// What is logged, and how.
    pub logging: Logging,
    /// The listener for metrics and probes.
    pub telemetry: Telemetry,
    /// How providers are reached.
    pub upstream: Upstream,
    /// How money is counted.
    pub budget: Budget,
    /// How long rows are kept.
    pub retention: Retention,
    /// What may not leave.
    pub firewall: Firewall,
    /// What an empty database begins with.
    pub seeds: Seeds,
    /// Every setting in force and its source, for `fluxa check`.
    pub effective: Vec<Effective>,
}

/// Section `server`.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes any free one.
    pub port: u16,
    /// The master key, where one is given.
    pub master_key: Option<Secret<String>>,
    /// The 32 bytes (base64) that seal provider keys, where they are given.
    pub secret_key: Option<Secret<String>>,
    /// How long running answers may finish after SIGTERM.
    pub drain_timeout: Duration,
    /// How long new calls are still taken after SIGTERM, so that load balancers notice.
    pub shutdown_delay: Duration,
    /// What this process is called among the others; `None` means a name made at the start.
    pub node_name: Option<String>,
    /// The largest request body.
    pub max_body_bytes: u64,
    /// Whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Open connections that one address may hold.
    pub max_connections_per_ip: usize,
    /// Threads of the data plane; `None` means one for each core.
    pub workers: Option<usize>,
}

/// Section `logging`.
#[derive(Clone, Debug)]
pub struct Logging {
    /// A level, or a filter such as `info,fluxa_gateway=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
    /// Whether prompts and answers are kept with the log rows.
    pub store_content: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// Section `telemetry`.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Where `/metrics`, `/healthz` and `/readyz` answer; `None` means nowhere.
    pub listen: Option<SocketAddr>,
}

/// Section `upstream`.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Private ranges that providers may be in, beyond what the mode allows.
    pub allow_private: Vec<Cidr>,
    /// Private ranges that addresses of pictures and documents in prompts may lead to.
    pub media_allow_private: Vec<Cidr>,
    /// Whether cloud metadata addresses may be reached.
    pub allow_metadata: bool,
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// From the request sent to the first byte of the answer.
    pub first_byte_timeout: Duration,
    /// Between two reads of an answer.
    pub idle_timeout: Duration,
}

/// Section `budget`.
#[derive(Clone, Debug)]
pub struct Budget {
    /// How long a reservation outlives a process that died.
    pub reservation_ttl: Duration,
    /// What happens to a call whose price is not known.
    pub unpriced: Unpriced,
    /// Output tokens that are reserved when a call names no bound.
    pub assumed_max_output: u64,
    /// What happens to the upstream's answer when the client has left.
    pub on_client_close: OnClientClose,
    /// What happens to the calls of limited keys while the counters cannot be reached, unless a key says otherwise.
    pub on_store_error: OnStoreError,
}

/// What happens to a call whose price is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// 402, for keys that have a dollar budget.
    Refuse,
    /// It runs and its cost is unknown.
    Allow,
    /// It runs and is charged at these prices.
    Fallback {
        /// Dollars for a million tokens of input.
        input_per_mtok: NanoUsd,
        /// Dollars for a million tokens of output.
        output_per_mtok: NanoUsd,
    },
}

impl Unpriced {
    /// The policy as the data plane knows it.
    #[must_use]
    pub fn policy(self) -> UnpricedPolicy {
        match self {
            Self::Refuse => UnpricedPolicy::Refuse,
            Self::Allow => UnpricedPolicy::Allow,
            Self::Fallback { input_per_mtok, output_per_mtok } => {
                UnpricedPolicy::Fallback(Rates { input: Rate(input_per_mtok.0), output: Rate(output_per_mtok.0), ..Rates::default() })
            }
        }
    }
}

/// What happens to the upstream's answer when the client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnClientClose {
    /// The upstream connection is closed; what was generated so far is charged.
    Cancel,
}

/// Section `firewall`, but for its seeds.
#[derive(Clone, Debug)]
pub struct Firewall {
    /// The policy for calls for which no key, team, organisation or route gives one.
    pub policy: Option<String>,
    /// Who is told of alerts and blocks. A secret: webhooks are often known by their address alone.
    pub webhook: Option<Secret<String>>,
}

/// Section `retention`.
#[derive(Clone, Debug)]
pub struct Retention {
    /// How long log rows are kept; `None` means for ever.
    pub logs: Option<Duration>,
    /// How long responses are kept for clients that go on with them; `None` means not at all.
    pub responses: Option<Duration>,
}

/// What [`Config::build`] reads.
pub struct Input<'a> {
    /// The file's name and text, where there is one.
    pub file: Option<(&'a str, &'a str)>,
    /// The command line.
    pub flags: &'a Flags,
    /// Defaults that the command changes: key → text.
    pub defaults: &'a [(&'static str, &'static str)],
    /// The environment.
    pub env: Env<'a>,
}

impl Config {
    /// Reads a file's text under an environment, without flags.
    ///
    /// # Errors
    /// Every mistake, with its place.
    pub fn parse(text: &str, file_name: &str, env: Env<'_>) -> Result<Self, ConfigErrors> {
        Self::build(&Input { file: Some((file_name, text)), flags: &Flags::new(), defaults: &[], env })
    }

    /// Reads file, variables and flags.
    ///
    /// # Errors
    /// Every mistake, with its place.
    pub fn build(input: &Input<'_>) -> Result<Self, ConfigErrors> {
        let (file, text) = input.file.unwrap_or(("(no configuration file)", ""));
        let root = tree::parse(file, text).map_err(|error| ConfigErrors(vec![error]))?;
        let mut reader =
            Reader { file, text, env: input.env, flags: input.flags, defaults: input.defaults, errors: Vec::new(), effective: Vec::new() };
        for (key, variable, message) in settings::NOT_YET {
            if !variable.is_empty() && (input.env)(variable).is_some_and(|value| !value.is_empty()) {
                reader.error_in(variable, key, *message);
            }
        }
        let config = read(&mut reader, root.unwrap_or(Node { at: At::default(), value: Value::Null }));
        match config {
            Some(mut config) if reader.errors.is_empty() => {
                config.effective = reader.effective;
                mode::complete(&mut config);
                Ok(config)
            }
            _ => {
                // Variables and flags first, then the file from top to bottom.
                reader.errors.sort_by_key(|error| error.at.map(|at| (at.line, at.column)));
                Err(ConfigErrors(reader.errors))
            }
        }
    }

    /// Where providers may be: in `serve` everywhere but at metadata addresses; for the other members of a cluster at public addresses, and
    /// where `upstream.allow_private` says.
    #[must_use]
    pub fn egress(&self, role: Role) -> EgressPolicy {
        let own = role == Role::Serve;
        EgressPolicy {
            allow_loopback: own,
            allow_private_ranges: own,
            allow_private: self.upstream.allow_private.clone(),
            allow_metadata: self.upstream.allow_metadata,
        }
    }

    /// The address to listen on.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.server.host, self.server.port)
    }
}

fn read(r: &mut Reader<'_>, root: Node) -> Option<Config> {
    let mut top = r.fields(root, "")?;
    // Every section is read before any of them may give up, so that all mistakes are told at once.
    let server = section(r, &mut top, "server", server);
    let database = section(r, &mut top, "database", cluster::database);
    let redis = section(r, &mut top, "redis", cluster::redis);
    let spool = section(r, &mut top, "spool", cluster::spool);
    let ledger = section(r, &mut top, "ledger", cluster::ledger);
    let logging = section(r, &mut top, "logging", logging);
    let telemetry = section(r, &mut top, "telemetry", |r, f| Some(Telemetry { listen: r.setting(f, "listen", values::listen)? }));
    let upstream = section(r, &mut top, "upstream", upstream);
    let budget = section(r, &mut top, "budget", budget);
    let retention = section(r, &mut top, "retention", |r, f| {
        let logs = r.setting(f, "logs", keep);
        let responses = r.setting(f, "responses", |text| match text {
            "off" => Ok(None),
            text => values::positive_duration(text).map(Some),
        });
        Some(Retention { logs: logs?, responses: responses? })
    });
    let firewall = section(r, &mut top, "firewall", |r, f| {
        let policy =
            r.setting(f, "policy", |text| fluxa_domain::validate::name("", text).map(|()| text.to_owned()).map_err(|error| error.message));
        let webhook = r.setting(f, "webhook", |text| addresses::webhook(text).map(Secret::new));
        Some((Firewall { policy, webhook }, seeds::firewall::read(r, f)))
    });
    let (firewall, of_firewall) = firewall.map_or((None, Default::default()), |(firewall, seeds)| (Some(firewall), seeds));
    let seeds = seeds::read(r, &mut top, of_firewall);
    r.finish(top);
    Some(Config {
        server: server?,
        database: database?,
        redis: redis?,
        spool: spool?,
        ledger: ledger?,
        logging: logging?,
        telemetry: telemetry?,
        upstream: upstream?,
        budget: budget?,
        retention: retention?,
        firewall: firewall?,
        seeds,
        effective: Vec::new(),
    })
}

fn section<T>(
    r: &mut Reader<'_>,
    top: &mut Fields,
    name: &'static str,
    read: impl FnOnce(&mut Reader<'_>, &mut Fields) -> Option<T>,
) -> Option<T> {
    let node = top.take(name).unwrap_or(Node { at: top.at, value: Value::Null });
    let mut fields = r.fields(node, name)?;
    let value = read(r, &mut fields);
    r.finish(fields);
    value
}

fn server(r: &mut Reader<'_>, f: &mut Fields) -> Option<Server> {
    let host = r.setting(f, "host", values::host);
    let port = r.setting(f, "port", values::port);
    let master_key = r.setting(f, "master_key", |text| crate::master::check(text).map(|()| Secret::new(text.to_owned())));
    let secret_key = r.setting(f, "secret_key", |text| Ok(Secret::new(text.to_owned())));
    let drain_timeout = r.setting(f, "drain_timeout", values::duration);
    let shutdown_delay = r.setting(f, "shutdown_delay", values::duration);
    let node_name = r.setting(f, "node_name", node_name);
    let max_body = r.setting(f, "max_body", values::size);
    let trusted_proxies = r.setting(f, "trusted_proxies", values::cidrs);
    let max_connections = r.setting(f, "max_connections_per_ip", |text| values::whole(text, 1, 1_000_000));
    let workers = r.setting(f, "workers", |text| match text {
        "auto" => Ok(None),
        _ => values::whole(text, 1, MAX_WORKERS).map(|n| usize::try_from(n).ok()).map_err(|e| format!("{e} (or auto)")),
    });
    Some(Server {
        host: host?,
        port: port?,
        master_key,
        secret_key,
        drain_timeout: drain_timeout?,
        shutdown_delay: shutdown_delay?,
        node_name,
        max_body_bytes: max_body?,
        trusted_proxies: trusted_proxies?,
        max_connections_per_ip: usize::try_from(max_connections?).unwrap_or(usize::MAX),
        workers: workers?,
    })
}

/// More data-plane threads than the largest machines have cores is a mistake.
const MAX_WORKERS: u64 = 1_024;

fn logging(r: &mut Reader<'_>, f: &mut Fields) -> Option<Logging> {
    let level = r.setting(f, "level", crate::telemetry::level);
    let format = r.setting(f, "format", |text| match text {
        "auto" => Ok(LogFormat::Auto),
        "json" => Ok(LogFormat::Json),
        "pretty" => Ok(LogFormat::Pretty),
        _ => Err(format!("expected json, pretty or auto, not \"{}\"", values::clip(text))),
    });
    let store_content = r.setting(f, "store_content", values::boolean);
    Some(Logging { level: level?, format: format?, store_content: store_content? })
}

fn upstream(r: &mut Reader<'_>, f: &mut Fields) -> Option<Upstream> {
    let allow_private = r.setting(f, "allow_private", values::cidrs);
    let allow_metadata = r.setting(f, "allow_metadata", values::boolean);
    let media_allow_private = r.setting(f, "media_allow_private", values::cidrs);
    let connect_timeout = r.setting(f, "connect_timeout", values::positive_duration);
    let first_byte_timeout = r.setting(f, "first_byte_timeout", values::positive_duration);
    let idle_timeout = r.setting(f, "idle_timeout", values::positive_duration);
    Some(Upstream {
        allow_private: allow_private?,
        media_allow_private: media_allow_private?,
        allow_metadata: allow_metadata?,
        connect_timeout: connect_timeout?,
        first_byte_timeout: first_byte_timeout?,
        idle_timeout: idle_timeout?,
    })
}

fn budget(r: &mut Reader<'_>, f: &mut Fields) -> Option<Budget> {
    let reservation_ttl = r.setting(f, "reservation_ttl", values::positive_duration);
    let policy = r.setting(f, "unpriced", |text| match text {
        "refuse" | "allow" | "fallback" => Ok(text.to_owned()),
        _ => Err(format!("expected refuse, allow or fallback, not \"{}\"", values::clip(text))),
    });
    let input = r.setting(f, "fallback_input_usd_per_mtok", values::dollars);
    let output = r.setting(f, "fallback_output_usd_per_mtok", values::dollars);
    let assumed_max_output = r.setting(f, "assumed_max_output", |text| values::whole(text, 1, 10_000_000));
    let on_client_close = r.setting(f, "on_client_close", |text| match text {
        "cancel" => Ok(OnClientClose::Cancel),
        _ => Err(format!("expected cancel, not \"{}\"", values::clip(text))),
    });
    let on_store_error = r.setting(f, "on_store_error", |text| match text {
        "deny" => Ok(OnStoreError::Deny),
        "local_share" => Ok(OnStoreError::LocalShare),
        "allow" => Ok(OnStoreError::Allow),
        _ => Err(format!("expected deny, local_share or allow, not \"{}\"", values::clip(text))),
    });
    let unpriced = match (policy?.as_str(), input, output) {
        ("allow", ..) => Unpriced::Allow,
        ("fallback", Some(input_per_mtok), Some(output_per_mtok)) => Unpriced::Fallback { input_per_mtok, output_per_mtok },
        ("fallback", ..) => {
            let message = "fallback needs budget.fallback_input_usd_per_mtok and budget.fallback_output_usd_per_mtok";
            r.error(f.at, "budget.unpriced", message);
            return None;
        }
        _ => Unpriced::Refuse,
    };
    Some(Budget {
        reservation_ttl: reservation_ttl?,
        unpriced,
        assumed_max_output: assumed_max_output?,
        on_client_close: on_client_close?,
        on_store_error: on_store_error?,
    })
}

/// The longest name of a process; a host name has at most 63 characters.
const MAX_NODE_NAME: usize = 100;

fn node_name(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.len() <= MAX_NODE_NAME && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if good { Ok(text.to_owned()) } else { Err(format!("expected letters, digits, -, _ and ., not \"{}\"", values::clip(text))) }
}

fn keep(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "forever" => Ok(None),
        _ => values::positive_duration(text).map(Some).map_err(|error| format!("{error} (or forever)")),
    }
}

#[cfg(test)]
mod tests;
