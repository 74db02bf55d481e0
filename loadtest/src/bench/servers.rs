//! Postgres and Redis beside a comparison: started on a core, and weighed. What they were asked is told by Redis itself.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::{
    process::{family_cpu_us, settle_on},
    site::ORGANIZATION,
};
use crate::backends::{Postgres, Redis, RedisOptions};

/// Lines of the slow log: all commands of some hundreds of calls, and what the scripts do inside.
const SLOW_LOG: &str = "200000";

/// The two servers, and a database.
pub(super) struct Servers {
    postgres: Postgres,
    redis: Redis,
    database: String,
    postmaster: u32,
}

/// What both have done so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Work {
    pub(super) redis_us: f64,
    pub(super) postgres_us: f64,
    /// Scripts that Redis ran; each is one command from a client.
    pub(super) scripts: f64,
}

impl Servers {
    /// Starts both on one core.
    pub(super) fn start(core: usize) -> Result<Self> {
        let postgres = Postgres::start()?;
        let database = postgres.database()?;
        let redis = Redis::start(RedisOptions::default())?;
        let file = postgres.sql(&database, "SELECT pg_read_file('postmaster.pid')")?;
        let postmaster = file.lines().next().and_then(|line| line.trim().parse().ok()).context("no process id of postgres")?;
        settle_on(core, postmaster)?;
        settle_on(core, redis.pid().context("redis has ended")?)?;
        Ok(Self { postgres, redis, database, postmaster })
    }

    /// The address of the database.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// The address of Redis.
    pub(super) fn redis_url(&self) -> String {
        self.redis.url()
    }

    /// Runs SQL and gives what `psql` prints.
    pub(super) fn sql(&self, text: &str) -> Result<String> {
        self.postgres.sql(&self.database, text)
    }

    /// What both have done so far.
    pub(super) fn work(&self) -> Result<Work> {
        let info = self.redis.cli(&["INFO", "cpu", "commandstats"])?;
        let seconds = |name: &str| value(&info, name).and_then(|text| text.parse::<f64>().ok()).context("no cpu in redis' INFO");
        let redis_us = (seconds("used_cpu_user:")? + seconds("used_cpu_sys:")?) * 1e6;
        Ok(Work { redis_us, postgres_us: family_cpu_us(self.postmaster) as f64, scripts: calls(&info, "evalsha") })
    }

    /// Rows of calls that wait in Redis until Postgres has them.
    pub(super) fn waiting_rows(&self) -> Result<u64> {
        let said = self.redis.cli(&["XLEN", &format!("fluxa:{{{ORGANIZATION}}}:s")])?;
        said.parse().with_context(|| format!("redis says {said:?}"))
    }

    /// From now on Redis notes every command.
    pub(super) fn listen(&self) -> Result<()> {
        for words in [["CONFIG", "SET", "slowlog-max-len", SLOW_LOG], ["CONFIG", "SET", "slowlog-log-slower-than", "0"]] {
            self.redis.cli(&words)?;
        }
        self.redis.cli(&["SLOWLOG", "RESET"]).map(drop)
    }

    /// How often each command came from a client since then, scripts by their hash; without our own.
    pub(super) fn heard(&self) -> Result<BTreeMap<String, u64>> {
        heard(&self.redis.cli(&["--json", "SLOWLOG", "GET", "-1"])?)
    }

    /// Redis notes no more.
    pub(super) fn deafen(&self) -> Result<()> {
        self.redis.cli(&["CONFIG", "SET", "slowlog-log-slower-than", "-1"]).map(drop)
    }
}

impl Work {
    /// What was done since `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            redis_us: self.redis_us - earlier.redis_us,
            postgres_us: self.postgres_us - earlier.postgres_us,
            scripts: self.scripts - earlier.scripts,
        }
    }
}

fn value<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim().strip_prefix(name))
}

fn calls(info: &str, command: &str) -> f64 {
    let line = value(info, &format!("cmdstat_{command}:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0.0)
}

/// Reads a slow log: entries of id, moment, microseconds, words, address, name.
fn heard(json: &str) -> Result<BTreeMap<String, u64>> {
    /// Where commands inside a script come from.
    const INSIDE: &str = "?:0";
    /// What this program and `redis-cli` send.
    const OURS: [&str; 5] = ["slowlog", "config", "info", "hello", "xlen"];
    let entries: Vec<serde_json::Value> = serde_json::from_str(json).context("a slow log")?;
    let mut counts = BTreeMap::new();
    for entry in &entries {
        let word = |at: usize| entry[3][at].as_str().unwrap_or_default();
        let name = word(0).to_ascii_lowercase();
        ensure!(!name.is_empty(), "not an entry of a slow log: {entry}");
        if entry[4] == INSIDE || OURS.contains(&name.as_str()) {
            continue;
        }
        let kind = if name == "evalsha" { format!("script {}", word(1)) } else { name };
        *counts.entry(kind).or_default() += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_of_clients_are_heard() {
        let log = r#"[[4,1,5,["HELLO","3"],"127.0.0.1:5",""],[3,1,9,["EVALSHA","abc","1","k"],"127.0.0.1:9",""],
            [2,1,2,["hset","k"],"?:0",""],[1,1,9,["evalsha","abc","1","k"],"127.0.0.1:9",""],[0,1,1,["ping"],"127.0.0.1:9",""]]"#;
        let counts = heard(log).unwrap();
        assert_eq!(counts.iter().map(|(kind, count)| (kind.as_str(), *count)).collect::<Vec<_>>(), [("ping", 1), ("script abc", 2)]);
        assert!(heard("[[1]]").is_err());
    }

    #[test]
    fn work_is_read_from_the_report_of_the_server() {
        let info =
            "# CPU\r\nused_cpu_sys:0.5\r\nused_cpu_user:1.25\r\n\r\n# Commandstats\r\ncmdstat_evalsha:calls=12,usec=5,failed_calls=0\r\n";
        assert_eq!((value(info, "used_cpu_user:"), calls(info, "evalsha"), calls(info, "get")), (Some("1.25"), 12.0, 0.0));
    }
}
