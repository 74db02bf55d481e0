//! Members of a cluster: each role in a process of its own, on a real Postgres and a real Redis.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use fluxa_loadtest::backends::{Postgres, Redis, RedisOptions};
use fluxa_loadtest::vendor::{Mock, MockConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Answer, MASTER, VENDOR_KEY, chat};
use crate::http::{exchange, request};

/// The secret key of the installation: 32 bytes.
const SECRET_KEY: &str = "cm9sZXMtY2FuYXJ5LXNlY3JldC1rZXktMzItYnl0ZXM=";
/// A change is in force everywhere within this.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(1);
/// What a debug build on a busy machine may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that has no event of its own.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// Postgres, Redis and a mock vendor.
pub(crate) struct Site {
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
    pub(crate) mock: Mock,
    pub(crate) database: String,
    pub(crate) folder: TempDir,
    /// Private ranges in which vendors may be.
    pub(crate) private: &'static str,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(MockConfig::default()).await
    }

    pub(crate) async fn with(vendor: MockConfig) -> Self {
        let postgres = Postgres::start().unwrap();
        let database = postgres.database().unwrap();
        let redis = Redis::start(RedisOptions::default()).unwrap();
        let mock = Mock::start(vendor).await.unwrap();
        Self { postgres, redis, mock, database, folder: tempfile::tempdir().unwrap(), private: "127.0.0.0/8" }
    }

    /// `fluxa` with these arguments, told of both servers.
    pub(crate) fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fluxa"));
        command.env_clear().current_dir(folder).stdin(Stdio::null()).args(arguments);
        command.env("FLUXA_DATABASE_URL", &self.database).env("FLUXA_REDIS_URL", self.redis.url());
        command.env("FLUXA_SECRET_KEY", SECRET_KEY).env("FLUXA_MASTER_KEY", MASTER);
        command.env("FLUXA_UPSTREAM_ALLOW_PRIVATE", self.private);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(self.folder.path(), arguments);
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
    }

    /// Starts a member and waits until it listens.
    pub(crate) async fn member(&self, role: &str) -> Member {
        self.member_in(role, role, &[]).await
    }

    /// The same in a folder of this name, where it may have been before.
    pub(crate) async fn member_in(&self, role: &str, name: &str, env: &[(&str, &str)]) -> Member {
        self.begin_in(role, name, env).listening().await
    }

    /// Starts a member.
    pub(crate) fn begin(&self, role: &str) -> Beginning {
        self.begin_in(role, role, &[])
    }

    fn begin_in(&self, role: &str, name: &str, env: &[(&str, &str)]) -> Beginning {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = self.command(&folder, &[role, "--host", "127.0.0.1", "--port", "0", "--telemetry-listen", "127.0.0.1:0"]);
        command.envs(env.iter().copied());
        command.stdout(File::create(folder.join("stdout")).unwrap()).stderr(File::create(folder.join("stderr")).unwrap());
        Beginning { child: Some(command.spawn().unwrap()), folder, begun: Instant::now() }
    }
}

/// A member that does not listen yet.
pub(crate) struct Beginning {
    child: Option<Child>,
    folder: PathBuf,
    begun: Instant,
}

impl Beginning {
    /// All it has said.
    pub(crate) fn said(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        read("stderr") + &read("stdout")
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().unwrap())
    }

    /// Waits until it listens.
    pub(crate) async fn listening(mut self) -> Member {
        let address = loop {
            let banner = std::fs::read_to_string(self.folder.join("stderr")).unwrap_or_default();
            let port = banner.split_once("(127.0.0.1:").and_then(|(_, after)| after.split(')').next()?.parse().ok());
            if let Some(port) = port {
                break SocketAddr::from(([127, 0, 0, 1], port));
            }
            let ended = self.ended();
            assert!(ended.is_none(), "it ended with {ended:?}: {}", self.said());
            assert!(self.begun.elapsed() < PATIENCE, "it does not start: {}", self.said());
            tokio::time::sleep(LOOK).await;
        };
        let child = self.child.take().unwrap();
        Member { child, address, started: self.begun.elapsed(), folder: self.folder.clone() }
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) struct Member {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) started: Duration,
    folder: PathBuf,
}

impl Member {
    pub(crate) async fn send(&self, method: &str, path: &str, bearer: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {bearer}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        exchange(self.address, &request(method, path, &headers, body.as_bytes())).await.expect("an answer").rest().await
    }

    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self.send(method, path, MASTER, &body).await;
        (answer.status, answer.json())
    }

    pub(crate) async fn call(&self, key: &str) -> u16 {
        self.send("POST", "/v1/chat/completions", key, &chat("hello")).await.status
    }

    /// Waits until calls with `key` are answered with `status`, at most `limit`.
    pub(crate) async fn answers(&self, key: &str, status: u16, limit: Duration) {
        let begun = Instant::now();
        loop {
            let found = self.call(key).await;
            if found == status {
                return;
            }
            assert!(begun.elapsed() < limit, "{found}, not {status}, after {:?}", begun.elapsed());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// All it has said.
    pub(crate) fn said(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        read("stderr") + &read("stdout")
    }

    /// What `/readyz` says.
    pub(crate) async fn ready(&self) -> (u16, String) {
        let answer = exchange(self.address, &request("GET", "/readyz", &[], b"")).await.expect("an answer").rest().await;
        (answer.status, answer.text())
    }

    /// Asks it to end, waits for that, and gives all it has said.
    pub(crate) async fn end(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end: {}", self.said());
            tokio::time::sleep(LOOK).await;
        }
        self.said()
    }

    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Makes a provider, a route and a key through the admin API; gives the key's id and secret.
pub(crate) async fn furnish(site: &Site, admin: &Member) -> (String, String) {
    let provider = json!({"name": "openai", "kind": "openai", "base_url": site.mock.base_url(), "api_key": VENDOR_KEY});
    let (status, answer) = admin.admin("POST", "/admin/providers", provider).await;
    assert_eq!(status, 201, "{answer}");
    let (status, issued) = admin.admin("POST", "/admin/keys", json!({"name": "a", "budget_usd_total": 5})).await;
    assert_eq!(status, 201, "{issued}");
    (issued["id"].as_str().unwrap().to_owned(), issued["key"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_is_changed_at_the_admin_is_in_force_at_the_gateway_within_a_second_and_the_books_agree() {
    let site = Site::new().await;
    let refused = site.run(&["gateway", "--port", "0", "--telemetry-listen", "off"]).await;
    assert!(!refused.status.success() && text(&refused).contains("fluxa migrate"), "{}", text(&refused));
    let migrated = site.run(&["migrate", "--wait", "5s"]).await;
    assert!(migrated.status.success() && text(&migrated).contains("applied  0001 configuration"), "{}", text(&migrated));
    assert!(text(&site.run(&["migrate"]).await).contains("nothing to do"));

    let (gateway, admin) = (site.member("gateway").await, site.member("admin").await);
    assert_eq!(gateway.admin("GET", "/admin/keys", Value::Null).await.0, 404, "no admin API at a gateway");
    assert_eq!(admin.call("vk-x").await, 404, "no calls at an admin");
    let (id, key) = furnish(&site, &admin).await;
    gateway.answers(&key, 200, AT_ONCE).await;
    let (status, tested) = admin.admin("POST", "/admin/providers/openai/test", json!({})).await;
    assert!(status == 200 && tested["ok"] == true, "{status} {tested}");
    let (status, team) = admin.admin("POST", "/admin/teams", json!({"name": "red", "budget_usd_total": 5})).await;
    assert_eq!(status, 201, "{team}");
    let (_, issued) = admin.admin("POST", "/admin/keys", json!({"name": "b", "team": "red"})).await;
    gateway.answers(issued["key"].as_str().unwrap(), 200, AT_ONCE).await;
    for _ in 0..5 {
        assert_eq!(gateway.call(&key).await, 200);
    }
    let begun = Instant::now();
    loop {
        let (_, health) = admin.admin("GET", "/admin/health", Value::Null).await;
        let roles: Vec<&str> = health["nodes"].as_array().unwrap().iter().filter_map(|node| node["role"].as_str()).collect();
        if roles.contains(&"admin") && roles.contains(&"gateway") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{health}");
        tokio::time::sleep(LOOK).await;
    }
    assert_eq!(admin.admin("DELETE", &format!("/admin/keys/{id}"), Value::Null).await.0, 204);
    gateway.answers(&key, 401, AT_ONCE).await;
    gateway.stop();
    admin.stop();

    let well = site.run(&["audit"]).await;
    assert!(well.status.success() && text(&well).contains("all is well"), "{}", text(&well));
    site.postgres
        .sql(&site.database, "UPDATE spend_by_scope SET nanos = nanos + 7 WHERE scope LIKE 'key:%' AND scope NOT LIKE '%:model:%'")
        .unwrap();
    let found = site.run(&["audit", "--json"]).await;
    let report: Value = serde_json::from_slice(&found.stdout).unwrap();
    let wrong = |name: &str| report["checks"].as_array().unwrap().iter().any(|check| check["check"] == name && check["ok"] == false);
    assert!(found.status.code() == Some(1) && wrong("I6") && wrong("I2") && !wrong("I1"), "{report}");
    // Counters are read from the ledger anew; rows and sums are nobody's to change.
    let repaired: Value = serde_json::from_slice(&site.run(&["audit", "--json", "--repair"]).await.stdout).unwrap();
    assert_eq!(repaired["repaired"], json!([format!("key:{id}")]), "{repaired}");
    let after: Value = serde_json::from_slice(&site.run(&["audit", "--json"]).await.stdout).unwrap();
    let bad: Vec<&str> = after["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["ok"] == false)
        .filter_map(|check| check["check"].as_str())
        .collect();
    assert_eq!(bad, ["I6"], "{after}");
}

/// Waits until the gateway's file holds these keys; gives its path.
pub(crate) async fn kept_with(site: &Site, gateway: &Member, admin: &Member, keys: &[&str]) -> PathBuf {
    let kept = site.folder.path().join("gateway/fluxa-data/config.snapshot");
    // The file follows within a second or so; one that holds the keys is written after their first use.
    let used = std::time::SystemTime::now();
    let begun = Instant::now();
    while !std::fs::metadata(&kept).and_then(|meta| meta.modified()).is_ok_and(|at| at > used) {
        for key in keys {
            assert_eq!(gateway.call(key).await, 200);
        }
        let (status, _) = admin.admin("PUT", "/admin/routes/again", json!({"provider": "openai"})).await;
        assert!(matches!(status, 200 | 201));
        assert!(begun.elapsed() < PATIENCE, "no configuration is kept");
        tokio::time::sleep(LOOK).await;
    }
    kept
}

#[tokio::test]
async fn a_gateway_starts_from_its_last_configuration_while_postgres_is_down() {
    let site = Site::new().await;
    assert!(site.run(&["migrate"]).await.status.success());
    let (gateway, admin) = (site.member("gateway").await, site.member("admin").await);
    let (_, key) = furnish(&site, &admin).await;
    gateway.answers(&key, 200, AT_ONCE).await;
    let kept = kept_with(&site, &gateway, &admin, &[&key]).await;
    gateway.stop();
    admin.stop();
    let bytes = std::fs::read(&kept).unwrap();
    assert!(!bytes.windows(VENDOR_KEY.len()).any(|window| window == VENDOR_KEY.as_bytes()), "it is sealed");

    site.postgres.crash().unwrap();
    let gateway = site.member("gateway").await;
    assert_eq!(gateway.call(&key).await, 200, "started in {:?}", gateway.started);
    site.postgres.resume().unwrap();
    let admin = site.member("admin").await;
    let begun = Instant::now();
    loop {
        let (_, logs) = admin.admin("GET", "/admin/logs?limit=1", Value::Null).await;
        let (status, usage) = admin.admin("GET", "/admin/logs", Value::Null).await;
        if status == 200 && usage["data"].as_array().is_some_and(|rows| rows.len() >= 3) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the row of the outage is missing: {logs}");
        tokio::time::sleep(LOOK).await;
    }
    gateway.stop();
}

#[tokio::test]
async fn a_member_without_its_addresses_says_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = ("FLUXA_DATABASE_URL", "postgres://u:roles-canary@127.0.0.1:1/x");
    for (arguments, env, expect) in [
        (&["gateway"][..], &[][..], "set FLUXA_DATABASE_URL"),
        (&["admin"], &[postgres], "set FLUXA_REDIS_URL"),
        (&["serve"], &[("FLUXA_REDIS_URL", "redis://:roles-canary@127.0.0.1:1")], "a SQLite file has room for one"),
        (&["serve"], &[postgres], "set FLUXA_SECRET_KEY"),
        (&["migrate"], &[postgres], "cannot migrate postgres://u:***@127.0.0.1:1/x"),
        (&["healthcheck", "--url", "http://127.0.0.1:1/readyz"], &[], "cannot reach 127.0.0.1:1"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fluxa"));
        command.env_clear().current_dir(folder.path()).stdin(Stdio::null()).args(arguments).envs(env.iter().copied());
        let output = command.output().unwrap();
        let said = text(&output);
        assert!(!output.status.success() && said.contains(expect) && !said.contains("canary"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn members_reach_no_vendor_at_a_private_address_unless_they_may() {
    let mut site = Site::new().await;
    assert!(site.run(&["migrate"]).await.status.success());
    let (gateway, admin) = (site.member("gateway").await, site.member("admin").await);
    let (_, key) = furnish(&site, &admin).await;
    gateway.answers(&key, 200, AT_ONCE).await;
    gateway.stop();
    admin.stop();
    site.private = "";
    let seen = site.mock.bill().requests;
    let (gateway, admin) = (site.member("gateway").await, site.member("admin").await);
    let answer = gateway.send("POST", "/v1/chat/completions", &key, &chat("hello")).await;
    assert!(answer.status == 502 && !answer.text().contains("127.0.0.1"), "{}", answer.text());
    let (_, tested) = admin.admin("POST", "/admin/providers/openai/test", json!({})).await;
    assert_eq!(tested["ok"], false, "{tested}");
    let other = json!({"name": "b", "kind": "openai", "base_url": site.mock.base_url(), "api_key": "x"});
    let (status, refused) = admin.admin("POST", "/admin/providers", other).await;
    assert!((400..500).contains(&status) && refused.to_string().contains("upstream.allow_private"), "{status} {refused}");
    assert_eq!(site.mock.bill().requests, seen);
    gateway.stop();
    admin.stop();
}
