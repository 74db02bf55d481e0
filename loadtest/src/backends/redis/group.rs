//! Several throw-away servers that belong together: a master with its replica and three sentinels, or a cluster of three masters with a replica each.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::{Redis, RedisOptions, START, answers};
use crate::backends::free_port;

/// What the sentinels call the master.
pub const MASTER_NAME: &str = "fluxa";

/// Masters of a cluster; each has a replica.
const MASTERS: usize = 3;

/// A cluster's port and its bus port (10000 above) must both exist.
const HIGHEST_PORT: u16 = 55_535;

/// Three sentinels and what they watch.
#[derive(Debug)]
pub struct Sentinels {
    /// The first master, then its replica.
    pub servers: Vec<Redis>,
    sentinels: Vec<(Child, u16)>,
    _folder: TempDir,
}

impl Sentinels {
    /// Starts them, and waits until they know each other.
    ///
    /// # Errors
    /// When Redis is not installed or does not start.
    pub fn start() -> Result<Self> {
        let master = Redis::start(RedisOptions::default())?;
        let of = ["--replicaof", "127.0.0.1", &master.port().to_string()].map(str::to_owned).to_vec();
        let replica = Redis::start(RedisOptions { arguments: of, ..RedisOptions::default() })?;
        let folder = tempfile::Builder::new().prefix("fluxa-sentinel-").tempdir()?;
        let mut group = Self { servers: vec![master, replica], sentinels: Vec::new(), _folder: folder };
        for _ in 0..3 {
            let port = free_port()?;
            let child = group.sentinel(port)?;
            group.sentinels.push((child, port));
        }
        until("the sentinels know each other and the replica", || group.ready())?;
        Ok(group)
    }

    fn sentinel(&self, port: u16) -> Result<Child> {
        let file = self._folder.path().join(format!("{port}.conf"));
        let master = self.servers.first().context("no master")?.port();
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {MASTER_NAME} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {MASTER_NAME} 1000\nsentinel failover-timeout {MASTER_NAME} 3000\n",
            self._folder.path().display()
        );
        std::fs::write(&file, text)?;
        spawn(&file)
    }

    fn ready(&self) -> bool {
        self.sentinels.iter().all(|(_, port)| {
            let said = cli(*port, &["sentinel", "master", MASTER_NAME]).unwrap_or_default();
            let field = |name: &str| said.lines().skip_while(|line| *line != name).nth(1).map(str::to_owned);
            field("num-other-sentinels").as_deref() == Some("2") && field("num-slaves").as_deref() == Some("1")
        })
    }

    /// `redis+sentinel://…/fluxa`
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(|(_, port)| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/{MASTER_NAME}", hosts.join(","))
    }
}

impl Drop for Sentinels {
    fn drop(&mut self) {
        for (sentinel, _) in &mut self.sentinels {
            let _ = sentinel.kill();
            let _ = sentinel.wait();
        }
    }
}

/// A cluster.
#[derive(Debug)]
pub struct RedisCluster {
    /// Three masters, then three replicas, as they were made.
    pub servers: Vec<Redis>,
}

impl RedisCluster {
    /// Starts it, and waits until every node finds it whole.
    ///
    /// # Errors
    /// When Redis is not installed or does not start.
    pub fn start() -> Result<Self> {
        let mut servers = Vec::new();
        while servers.len() < MASTERS * 2 {
            let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"].map(str::to_owned).to_vec();
            let server = Redis::start(RedisOptions { arguments, ..RedisOptions::default() })?;
            if server.port() <= HIGHEST_PORT {
                servers.push(server);
            }
        }
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(servers.iter().map(|server| format!("127.0.0.1:{}", server.port())));
        let done = create.args(["--cluster-replicas", "1", "--cluster-yes"]).stdin(Stdio::null()).output().context("redis-cli")?;
        if !done.status.success() {
            bail!("no cluster: {}", String::from_utf8_lossy(&done.stdout));
        }
        let cluster = Self { servers };
        until("every node finds the cluster whole, and every replica its master", || cluster.ready())?;
        Ok(cluster)
    }

    fn ready(&self) -> bool {
        let masters = |server: &Redis| server.cli(&["cluster", "nodes"]).map(|nodes| nodes.matches("slave").count());
        let whole = |server: &Redis| server.cli(&["cluster", "info"]).is_ok_and(|info| info.contains("cluster_state:ok"));
        let copied = |server: &Redis| server.cli(&["info", "replication"]).is_ok_and(|info| !info.contains("master_link_status:down"));
        self.servers.iter().all(|server| whole(server) && copied(server) && masters(server).is_ok_and(|count| count == MASTERS))
    }

    /// `redis+cluster://…`, with two of its nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.servers.iter().rev().take(2).map(|server| format!("127.0.0.1:{}", server.port())).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// Which of the servers is the master of a key.
    #[must_use]
    pub fn master_of(&self, key: &str) -> Option<usize> {
        // A node that does not own the key says who does: `MOVED 1234 127.0.0.1:7000`.
        let said = self
            .servers
            .iter()
            .filter(|server| server.pid().is_some())
            .find_map(|server| server.cli(&["get", key]).ok().map(|said| (server.port(), said)))?;
        let port = said.1.strip_prefix("MOVED ").and_then(|moved| moved.rsplit_once(':')?.1.trim().parse().ok()).unwrap_or(said.0);
        self.servers.iter().position(|server| server.port() == port)
    }
}

fn spawn(file: &Path) -> Result<Child> {
    let log = std::fs::File::create(file.with_extension("log"))?;
    Command::new("redis-server")
        .arg(file)
        .arg("--sentinel")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("redis-server is not installed; scripts/needs.sh installs it")
}

fn cli(port: u16, arguments: &[&str]) -> Option<String> {
    if !answers(port) {
        return None;
    }
    let done = Command::new("redis-cli").args(["-p", &port.to_string()]).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&done.stdout).into_owned())
}

fn until(what: &str, is_so: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + START;
    while !is_so() {
        if Instant::now() > deadline {
            bail!("waited in vain until {what}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
