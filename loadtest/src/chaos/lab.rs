//! A lab: Postgres, Redis, a vendor, proxies before all three, an admin and gateways; and how its books are read.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    checker::{Books, Row},
    fleet::Told,
    process::Process,
    scenario::How,
};
use crate::{
    backends::{Postgres, Redis, RedisOptions, free_port},
    client::{Target, fetch},
    proxy::Proxy,
    vendor::{Mock, MockConfig},
};

const MASTER: &str = "chaos-master-key-0123456789";
/// 32 bytes in base64.
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// A reservation of a dead gateway is given up after this time: short, so that scenarios end.
pub(super) const TTL: &str = "5s";

/// Prints `scope unit+id spent reserved` of every warm window, then `open N` and `waiting N` for each organisation.
const READ_COUNTERS: &str = r"
local out = {}
for _, key in ipairs(redis.call('KEYS', 'fluxa:*:c:*')) do
  local org, scope = string.match(key, '^fluxa:({.-}):c:(.*)$')
  local packed = redis.call('HGET', key, 'b')
  if packed then
    local S = cmsgpack.unpack(packed)
    local epoch = tonumber(redis.call('GET', 'fluxa:' .. org .. ':epoch') or '0')
    for w = 9, #S, 8 do
      if S[w + 3] == epoch and epoch ~= 0 then
        out[#out + 1] = scope .. ' ' .. S[w] .. ' ' .. string.format('%.0f', S[w + 4]) .. ' ' .. string.format('%.0f', S[w + 5])
      end
    end
  end
end
for _, key in ipairs(redis.call('KEYS', 'fluxa:*:d')) do out[#out + 1] = 'open ' .. redis.call('ZCARD', key) end
for _, key in ipairs(redis.call('KEYS', 'fluxa:*:s')) do
  if redis.call('TYPE', key).ok == 'stream' then out[#out + 1] = 'waiting ' .. redis.call('XLEN', key) end
end
return out";

/// Everything that runs.
pub(super) struct Lab {
    folder: TempDir,
    pub(super) postgres: Postgres,
    pub(super) database: String,
    pub(super) redis: Redis,
    /// A replica that takes over, where the scenario has one.
    pub(super) standby: Option<Redis>,
    pub(super) mock: Mock,
    pub(super) to_redis: Proxy,
    pub(super) to_postgres: Proxy,
    pub(super) to_vendor: Proxy,
    pub(super) admin: Process,
    pub(super) gateways: Vec<Process>,
    /// Names and secrets.
    pub(super) keys: Vec<(String, String)>,
    pub(super) ids: BTreeMap<String, String>,
    pub(super) limits: BTreeMap<String, i64>,
    /// Gateways killed so far.
    pub(super) kills: u64,
}

impl Lab {
    /// Starts all of it, with keys: one without limits, one with a budget of its own, two with their team's, one with a rate.
    pub(super) async fn start(fluxa: &Path, replicas: usize, seed: u64, how: How, patient: bool) -> Result<Self> {
        let (standby, tight) = (how == How::Standby, how == How::Tight);
        // A busy machine is not the fault that is looked at, so who must not fail waits longer for Redis than an operator's gateway.
        let timeout = if patient { "1s" } else { "50ms" };
        let folder = tempfile::Builder::new().prefix("fluxa-chaos-").tempdir()?;
        let postgres = Postgres::start()?;
        let database = postgres.database()?;
        let redis = Redis::start(RedisOptions::default())?;
        let standby = if standby { Some(follower(&redis)?) } else { None };
        let mock = Mock::start(MockConfig {
            keep_records: 2_000_000,
            keep_body_bytes: 512,
            events: Some(12),
            interval_ms: 2,
            delay_ms: 5,
            ..MockConfig::default()
        })
        .await?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let to_redis = Proxy::start(any, local(redis.port()), seed).await?;
        let to_postgres = Proxy::start(any, address_of(&database)?, seed + 1).await?;
        let to_vendor = Proxy::start(any, mock.addr(), seed + 2).await?;
        let name = database.rsplit_once('/').map(|(_, name)| name).context("a database has a name")?;
        let url = format!("postgres://postgres@{}/{name}", to_postgres.addr());
        let redis_url = format!("redis://{}", to_redis.addr());
        let env = |folder: &Path| -> Vec<(String, String)> {
            let spool = folder.join("spool").display().to_string();
            [
                ("FLUXA_DATABASE_URL", url.as_str()),
                ("FLUXA_REDIS_URL", redis_url.as_str()),
                ("FLUXA_SECRET_KEY", SECRET),
                ("FLUXA_MASTER_KEY", MASTER),
                ("FLUXA_SPOOL_PATH", spool.as_str()),
                ("FLUXA_UPSTREAM_ALLOW_PRIVATE", "127.0.0.0/8"),
                ("FLUXA_BUDGET_RESERVATION_TTL", TTL),
                ("FLUXA_SHUTDOWN_DELAY", "0s"),
                ("FLUXA_REDIS_TIMEOUT", timeout),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
        };
        Process::run(fluxa, &["migrate"], &env(folder.path()))?;
        let mut admin = at(fluxa, "admin", folder.path().join("admin"), &env)?;
        admin.start()?;
        admin.ready().await?;
        let mut lab = Self {
            postgres,
            database,
            redis,
            standby,
            mock,
            to_redis,
            to_postgres,
            to_vendor,
            admin,
            gateways: Vec::new(),
            keys: Vec::new(),
            ids: BTreeMap::new(),
            limits: BTreeMap::new(),
            kills: 0,
            folder,
        };
        lab.configure(tight).await?;
        for number in 0..replicas {
            let mut gateway = at(fluxa, "gateway", lab.folder.path().join(format!("gateway-{number}")), &env)?;
            gateway.start()?;
            lab.gateways.push(gateway);
        }
        for gateway in &mut lab.gateways {
            gateway.ready().await?;
        }
        Ok(lab)
    }

    async fn configure(&mut self, tight: bool) -> Result<()> {
        let base_url = format!("http://{}/v1", self.to_vendor.addr());
        self.made("/admin/providers", json!({"name": "mock", "kind": "openai", "base_url": base_url, "api_key": "sk-mock"})).await?;
        // Tight: a few hundred calls, so that the budget ends while many ask for the rest of it.
        let usd = if tight { 0.05 } else { 0.5 };
        let nanos = if tight { 50_000_000 } else { 500_000_000 };
        let teams = self.made("/admin/teams", json!({"name": "red", "budget_usd_total": usd})).await;
        let mut keys = vec![("free", json!({})), ("own", json!({"budget_usd_total": usd})), ("rated", json!({"rate_limit_rpm": 600}))];
        if teams.is_ok() {
            keys.extend([("red-1", json!({"team": "red"})), ("red-2", json!({"team": "red"}))]);
            self.limits.insert("team:red".to_owned(), nanos);
        }
        for (name, mut body) in keys {
            if let Some(fields) = body.as_object_mut() {
                fields.insert("name".to_owned(), json!(name));
            }
            let made = self.made("/admin/keys", body).await?;
            let text = |field: &str| made.get(field).and_then(Value::as_str).map(str::to_owned);
            let (secret, id) = (text("key").context("no key")?, text("id").context("no id")?);
            if name == "own" {
                self.limits.insert(format!("key:{id}"), nanos);
            }
            self.ids.insert(name.to_owned(), id);
            self.keys.push((name.to_owned(), secret));
        }
        Ok(())
    }

    async fn made(&self, path: &str, body: Value) -> Result<Value> {
        let (status, answer) = self.ask_admin("POST", path, &body).await?;
        ensure!(status == 201, "POST {path}: {status} {answer}");
        Ok(answer)
    }

    /// Asks the admin API.
    pub(super) async fn ask_admin(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        let addr = self.admin.addr;
        let target = Target { addr, host: addr.to_string(), path: path.to_owned() };
        let request = target.post(&[("authorization".to_owned(), format!("Bearer {MASTER}"))], &body.to_string());
        let request = String::from_utf8(request)?.replacen("POST", method, 1);
        let (status, answer) = fetch(addr, request.as_bytes()).await?;
        Ok((status, serde_json::from_slice(&answer).unwrap_or(Value::Null)))
    }

    /// The server that the proxy goes to now.
    pub(super) fn live_redis(&self) -> &Redis {
        self.standby.as_ref().filter(|_| self.redis.pid().is_none()).unwrap_or(&self.redis)
    }

    /// Reads everything that the checker compares.
    pub(super) fn books(&self, told: &[Told]) -> Result<Books> {
        let mut books = Books { told: told.to_vec(), limits: self.limits.clone(), killed: self.kills > 0, ..Books::default() };
        for record in self.mock.requests().iter().filter(|record| (200..300).contains(&record.status)) {
            books.billed.extend(name_in(&String::from_utf8_lossy(&record.body)));
        }
        let entries = self.postgres.sql(&self.database, "SELECT entry FROM ledger")?;
        books.rows = entries.lines().map(row).collect::<Result<_>>()?;
        for line in self.postgres.sql(&self.database, "SELECT scope, SUM(nanos) FROM spend_by_scope GROUP BY scope")?.lines() {
            let (scope, nanos) = line.rsplit_once('|').context("two columns")?;
            books.sums.insert(scope.to_owned(), nanos.parse()?);
        }
        for line in self.live_redis().cli(&["EVAL", READ_COUNTERS, "0"])?.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["open", count] => books.open += count.parse::<u64>()?,
                ["waiting", count] => books.waiting += count.parse::<u64>()?,
                // All budgets here are totals in dollars.
                [scope, "ntotal", spent, reserved] => {
                    books.counters.push(((*scope).to_owned(), spent.parse()?, reserved.parse()?));
                }
                _ => {}
            }
        }
        Ok(books)
    }

    /// Leaves the folder with the logs.
    pub(super) fn keep(mut self) -> PathBuf {
        for gateway in &mut self.gateways {
            let _ = gateway.kill(false);
        }
        let _ = self.admin.kill(false);
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

fn at(fluxa: &Path, command: &str, folder: PathBuf, env: &dyn Fn(&Path) -> Vec<(String, String)>) -> Result<Process> {
    let variables = env(&folder);
    Process::new(fluxa, command, folder, free_port()?, variables)
}

/// A replica of `redis`, in step with it.
fn follower(redis: &Redis) -> Result<Redis> {
    let port = redis.port().to_string();
    let arguments = ["--replicaof", "127.0.0.1", &port].map(str::to_owned).into();
    let standby = Redis::start(RedisOptions { program: None, arguments })?;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !standby.cli(&["INFO", "replication"])?.contains("master_link_status:up") {
        if std::time::Instant::now() > deadline {
            bail!("the replica does not come in step");
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Ok(standby)
}

pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The server in `postgres://user@host:port/name`.
fn address_of(url: &str) -> Result<SocketAddr> {
    let after = url.rsplit_once('@').context("an address has a user")?.1;
    after.split_once('/').context("an address has a name")?.0.parse().with_context(|| format!("{url:?} is no address"))
}

/// The name of a call in its prompt.
fn name_in(body: &str) -> Option<String> {
    let from = body.get(body.find("chaos-")?..)?;
    from.get(..from.find("-end")? + "-end".len()).map(str::to_owned)
}

fn row(text: &str) -> Result<Row> {
    let entry: Value = serde_json::from_str(text).with_context(|| format!("not a row: {text}"))?;
    let word = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |value: Option<&Value>| value.and_then(Value::as_i64).unwrap_or(0);
    let tokens = |name: &str| entry.get("usage").and_then(|usage| usage.get(name)).and_then(Value::as_u64).unwrap_or(0);
    let mut scopes = Vec::new();
    if !word("key_id").is_empty() {
        scopes.push(format!("key:{}", word("key_id")));
    }
    if !word("team").is_empty() {
        scopes.push(format!("team:{}", word("team")));
    }
    let organization = if word("organization").is_empty() { "default" } else { word("organization") };
    scopes.push(format!("org:{organization}"));
    Ok(Row {
        name: word("request_id").to_owned(),
        scopes,
        status: u16::try_from(number(entry.get("status"))).unwrap_or(0),
        attempts: entry.get("attempts").and_then(Value::as_array).map_or(0, Vec::len),
        usage: (tokens("input_uncached") + tokens("cache_read"), tokens("output")),
        nanos: number(entry.get("cost")),
        abandoned: entry.get("abandoned").and_then(Value::as_bool).unwrap_or(false),
    })
}
