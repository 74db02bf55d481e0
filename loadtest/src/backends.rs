//! Throw-away backends for tests and benchmarks: a real Postgres and a real Redis in a temporary folder, on free ports.
//!
//! The programs come from the system's packages (`scripts/needs.sh` installs them). Everything ends with the handle.

mod postgres;
mod redis;

pub use postgres::{POSTGRES_URL, Postgres};
pub use redis::{Certificates, MASTER_NAME, REDIS_SERVER, Redis, RedisCluster, RedisOptions, Sentinels};

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

/// A port of this machine that is free now.
///
/// # Errors
/// The system has none.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether this process is root, which Postgres refuses to run as.
fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n")
}
