//! A throw-away Redis.

mod group;
mod tls;

pub use group::{MASTER_NAME, RedisCluster, Sentinels};
pub use tls::Certificates;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::free_port;

/// The variable with another program than `redis-server`, such as `valkey-server`.
pub const REDIS_SERVER: &str = "FLUXA_TEST_REDIS_SERVER";

/// How long it may take to start.
const START: Duration = Duration::from_secs(20);

/// How it is started.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// The program; `redis-server` by default (`valkey-server` works too).
    pub program: Option<String>,
    /// Further arguments (`--requirepass x`, `--cluster-enabled yes`, …).
    pub arguments: Vec<String>,
}

/// A running server.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    options: RedisOptions,
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// Starts one that keeps nothing on the disk.
    ///
    /// # Errors
    /// When Redis is not installed or does not start.
    pub fn start(options: RedisOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("fluxa-redis-").tempdir()?;
        let mut redis = Self { folder, options, port: free_port()?, child: None };
        redis.resume()?;
        Ok(redis)
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// `redis://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it as `kill -9` does; [`Redis::resume`] starts it again, empty.
    pub fn crash(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// From its next start on it forgets keys when its memory is full.
    pub fn forget_keys(&mut self) {
        self.options.arguments.extend(["--maxmemory-policy", "allkeys-lru"].map(String::from));
    }

    /// Starts it again on the same port.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&mut self) -> Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let port = self.port.to_string();
        let log = std::fs::File::create(self.folder.path().join("log"))?;
        let child = Command::new(
            self.options.program.clone().or_else(|| std::env::var(REDIS_SERVER).ok()).unwrap_or_else(|| String::from("redis-server")),
        )
        .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(self.folder.path())
        .args(&self.options.arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("redis-server is not installed; scripts/needs.sh installs it")?;
        self.child = Some(child);
        let deadline = Instant::now() + START;
        while !answers(self.port) {
            if Instant::now() > deadline {
                bail!("redis does not start: {}", std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Runs a command through `redis-cli` and returns what it prints.
    ///
    /// # Errors
    /// What `redis-cli` says.
    pub fn cli(&self, arguments: &[&str]) -> Result<String> {
        let done = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(arguments).output().context("redis-cli")?;
        if !done.status.success() {
            bail!("redis-cli: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.crash();
    }
}

/// Whether something that speaks Redis is there; an error (`-NOAUTH`) is an answer too.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut first = [0; 1];
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut first).is_ok() && matches!(first[0], b'+' | b'-')
}
