//! What a story's program keeps its data in: the files of the embedded mode, or a Postgres and a Redis of its own.
//!
//! `FLUXA_TEST_BACKEND=cluster` runs the same stories on the second.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use fluxa_loadtest::backends::{Postgres, Redis, RedisOptions};

/// The variable that chooses.
const VARIABLE: &str = "FLUXA_TEST_BACKEND";
/// 32 bytes that seal what is kept in Postgres.
const SECRET_KEY: &str = "c3RvcnktY2FuYXJ5LXNlY3JldC1rZXktMzItYnl0ZXM=";

/// Whether the stories run on Postgres and Redis.
pub(crate) fn is_cluster() -> bool {
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("" | "embedded") => false,
        Ok("cluster") => true,
        Ok(other) => panic!("{VARIABLE} is embedded or cluster, not {other}"),
    }
}

/// For stories about files that a cluster does not have.
macro_rules! embedded_only {
    () => {
        if crate::backend::is_cluster() {
            return;
        }
    };
}
pub(crate) use embedded_only;

/// Where one program keeps its data.
#[derive(Debug)]
pub(crate) enum Backend {
    /// In its folder.
    Embedded,
    /// In these.
    Cluster {
        /// The address of its database.
        database: String,
        /// Its counters.
        redis: Box<Redis>,
    },
}

impl Backend {
    pub(crate) fn new() -> Self {
        if !is_cluster() {
            return Self::Embedded;
        }
        let redis = Redis::start(RedisOptions::default()).expect("a Redis");
        Self::Cluster { database: postgres().database().expect("a database"), redis: Box::new(redis) }
    }

    /// Tells the program, which runs in `folder`.
    pub(crate) fn tell(&self, command: &mut Command) {
        match self {
            Self::Embedded => {
                command.args(["--database", "fluxa.db"]);
            }
            Self::Cluster { database, redis } => {
                command.env("FLUXA_DATABASE_URL", database).env("FLUXA_REDIS_URL", redis.url());
                command.env("FLUXA_SECRET_KEY", SECRET_KEY).env("FLUXA_SPOOL_PATH", "spool");
                // A busy machine takes its time; what happens when Redis does is told in `outages.rs`.
                command.env("FLUXA_REDIS_TIMEOUT", "2s");
                // As the embedded mode allows by itself: the vendors of stories are on this machine.
                command.env("FLUXA_UPSTREAM_ALLOW_PRIVATE", "127.0.0.0/8,::1/128");
            }
        }
    }

    /// Files with all that is kept outside the journal; those of a cluster are written into `folder` now.
    pub(crate) fn files(&self, folder: &Path) -> Vec<PathBuf> {
        match self {
            Self::Embedded => ["fluxa.db", "fluxa.db-wal", "fluxa.db.key"].map(|name| folder.join(name)).to_vec(),
            Self::Cluster { database, redis } => {
                let (sql, rdb) = (folder.join("dump.sql"), folder.join("dump.rdb"));
                let dumped = Command::new("pg_dump").args(["--inserts", "-f"]).arg(&sql).arg(database).stdin(Stdio::null()).status();
                assert!(dumped.expect("pg_dump is installed").success());
                // Compressed texts would hide what they hold.
                redis.cli(&["config", "set", "rdbcompression", "no"]).expect("Redis answers");
                redis.cli(&["--rdb", rdb.to_str().expect("a name")]).expect("Redis gives its data");
                vec![sql, rdb]
            }
        }
    }
}

/// The server for the databases of this process.
fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| Postgres::shared().expect("a Postgres"))
}
