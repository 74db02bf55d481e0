//! A governed cluster: migrated and furnished through its own admin API, then gateways that serve it.
//!
//! Everything that can be limited is: the key, its team and its organization have dollar budgets and rates, so high that they
//! are counted and never reached.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{
    contestant::{Contestant, GATEWAY_CORE, MASTER_KEY},
    lab::{LOAD_CORE, Lab, bearer, free_addrs},
    process::Program,
    servers::Servers,
};
use crate::client::{Buffer, Connection, Target};

/// 32 bytes that protect nothing: the database lives in a temporary folder.
const SECRET_KEY: &str = "YmVuY2gtc2VjcmV0LWtleS13aXRoLTMyLWJ5dGVzISE=";

/// The organization of every key.
pub(super) const ORGANIZATION: &str = "acme";

/// How long the admin API may take to start.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// A cluster without its gateways.
pub(super) struct Site {
    pub(super) servers: Servers,
    binary: PathBuf,
    dir: PathBuf,
    mock: SocketAddr,
}

/// A virtual key that was made.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) secret: String,
}

impl Site {
    /// Starts Postgres and Redis, and brings the schema up to date.
    pub(super) fn open(binary: &Path, lab: &Lab) -> Result<Self> {
        let binary = binary.canonicalize().with_context(|| format!("no fluxa at {}", binary.display()))?;
        let site = Self { servers: Servers::start(servers_core())?, binary, dir: lab.dir().to_owned(), mock: lab.mock_addr() };
        let output = Command::new(&site.binary).arg("migrate").envs(site.env("migrate")?).current_dir(&site.dir).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "fluxa migrate: {said} {}", String::from_utf8_lossy(&output.stdout));
        Ok(site)
    }

    /// A replica that serves with one thread. Where the machine has a core for each, they do not share.
    pub(super) fn gateway(&self, number: usize, key: &str) -> Result<Contestant> {
        let name = format!("gateway-{number}");
        let [addr, telemetry] = free_addrs()?;
        let mut program = self.program(&name, "gateway", addr, telemetry)?;
        program.core = gateway_core(number, cores());
        program.env.push(("FLUXA_WORKERS".to_owned(), "1".to_owned()));
        Ok(Contestant {
            name: "cluster",
            program,
            addr,
            key: key.to_owned(),
            health: Some("/healthz"),
            binary_bytes: Some(fs::metadata(&self.binary)?.len()),
        })
    }

    /// Makes a provider, an organization, a team and so many keys, through an admin process that then ends.
    pub(super) fn furnish(&self, lab: &Lab, keys: usize) -> Result<Vec<Issued>> {
        let [addr, telemetry] = free_addrs()?;
        let mut process = self.program("admin", "admin", addr, telemetry)?.start(&self.dir)?;
        let start = Instant::now();
        while lab.wait(crate::client::fetch(telemetry, &target(telemetry, "/").get("/readyz"))).ok().is_none_or(|(status, _)| status != 200)
        {
            if !process.runs() || start.elapsed() > START_PATIENCE {
                bail!("the admin API does not start: {}", lab.log_end_of("admin"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        let mock = self.mock;
        lab.wait(async {
            let mut admin = Connection::new(addr, Buffer::default());
            let high = json!({"budget_usd_daily": 1_000_000, "rate_limit_rpm": 100_000_000, "rate_limit_tpm": 1_000_000_000_000_u64});
            let with = |more: Value| {
                let mut body = high.clone();
                if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
                    body.extend(more);
                }
                body
            };
            let provider = json!({"name": "mock", "kind": "openai", "base_url": format!("http://{mock}/v1"), "api_key": "sk-mock"});
            make(&mut admin, addr, "providers", &provider).await?;
            make(&mut admin, addr, "organizations", &with(json!({"name": ORGANIZATION}))).await?;
            make(&mut admin, addr, "teams", &with(json!({"name": "red", "organization": ORGANIZATION}))).await?;
            let mut issued = Vec::with_capacity(keys);
            for number in 0..keys {
                let name = format!("bench-{number}");
                let made = make(&mut admin, addr, "keys", &with(json!({"name": name, "team": "red"}))).await?;
                let text = |field: &str| made[field].as_str().map(str::to_owned).with_context(|| format!("no {field} of a key"));
                issued.push(Issued { id: text("id")?, name, secret: text("key")? });
            }
            Ok(issued)
        })
    }

    fn program(&self, name: &str, role: &str, addr: SocketAddr, telemetry: SocketAddr) -> Result<Program> {
        let (host, port, telemetry) = (addr.ip().to_string(), addr.port().to_string(), telemetry.to_string());
        let binary = self.binary.display().to_string();
        let words = [&binary, role, "--host", &host, "--port", &port, "--telemetry-listen", &telemetry];
        let more = ["--log-level", "info", "--log-format", "json"];
        let line = words.into_iter().chain(more).map(str::to_owned).collect();
        Ok(Program { name: name.to_owned(), core: servers_core(), line, env: self.env(name)? })
    }

    fn env(&self, name: &str) -> Result<Vec<(String, String)>> {
        let spool = self.dir.join(format!("spool-{name}"));
        fs::create_dir_all(&spool)?;
        let (spool, redis) = (spool.display().to_string(), self.servers.redis_url());
        let pairs = [
            ("FLUXA_DATABASE_URL", self.servers.database()),
            ("FLUXA_REDIS_URL", &redis),
            ("FLUXA_SECRET_KEY", SECRET_KEY),
            ("FLUXA_MASTER_KEY", MASTER_KEY),
            ("FLUXA_SPOOL_PATH", &spool),
            ("FLUXA_NODE_NAME", name),
            ("FLUXA_UPSTREAM_ALLOW_PRIVATE", "127.0.0.0/8"),
        ];
        Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// Postgres and Redis have the last core; with two cores they share it with mock and load.
fn servers_core() -> usize {
    cores().saturating_sub(1).max(LOAD_CORE)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The first gateway has the core that nginx has; the next ones those between the load's and the servers', while there are.
fn gateway_core(number: usize, cores: usize) -> usize {
    let core = if number == 0 { GATEWAY_CORE } else { LOAD_CORE + number };
    if core + 1 < cores { core } else { GATEWAY_CORE }
}

fn target(addr: SocketAddr, path: &str) -> Target {
    Target { addr, host: addr.to_string(), path: path.to_owned() }
}

/// Makes something through the admin API.
async fn make(admin: &mut Connection, addr: SocketAddr, what: &str, body: &Value) -> Result<Value> {
    let request = target(addr, &format!("/admin/{what}")).post(&[bearer(MASTER_KEY)], &body.to_string());
    let mut whole = Vec::new();
    let status = admin.exchange(&request, |_, part| whole.extend_from_slice(part)).await;
    let text = String::from_utf8_lossy(&whole);
    match status {
        Ok(201) => Ok(serde_json::from_slice(&whole)?),
        Ok(status) => bail!("the admin API makes no {what}: {status} {text}"),
        Err(failure) => bail!("the admin API makes no {what}: {}", failure.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_share_a_core_only_where_there_are_too_few() {
        let places = |cores| [0, 1, 2, 3].map(|number| gateway_core(number, cores));
        assert_eq!(places(2), [0, 0, 0, 0]);
        assert_eq!(places(4), [0, 2, 0, 0]);
        assert_eq!(places(8), [0, 2, 3, 4]);
    }
}
