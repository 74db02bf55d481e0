//! A gateway to test: started in a folder of its own, configured by its admin API, killed at the end.
//!
//! Only what the contract promises is used: `serve -c FILE`, `/readyz`, `/admin/providers`, `/admin/routes`,
//! `/admin/keys`, `/admin/logs/{id}`.

use std::{
    env,
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use super::http::{self, Reply, Request};

/// The promise is under one second; a debug build on a busy machine is given more.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A row is readable within 5 s of the end of its answer.
const ROW_PATIENCE: Duration = Duration::from_secs(5);

const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Long enough for any rule about master keys; worth nothing outside this process.
const MASTER_KEY: &str = "mk-conformance-0123456789abcdef0123456789abcdef";

/// A running gateway. It is killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    addr: SocketAddr,
    child: Child,
    folder: TempDir,
    /// A virtual key without limits.
    pub key: String,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Gateway {
    /// Starts `binary serve` and makes a key.
    ///
    /// # Errors
    /// It does not start, or refuses the key.
    pub async fn start(binary: &Path) -> Result<Self> {
        Self::start_with(binary, "").await
    }

    /// The same, with more sections in its configuration: providers and routes to begin with.
    ///
    /// # Errors
    /// It does not start, or refuses the key.
    pub async fn start_with(binary: &Path, sections: &str) -> Result<Self> {
        let folder = TempDir::new().context("no folder for the gateway")?;
        let (port, telemetry) = (free_port()?, free_port()?);
        let config = folder.path().join("fluxa.yaml");
        let text = format!(
            "server: {{ host: 127.0.0.1, port: {port}, master_key: {MASTER_KEY} }}\ndatabase: {{ path: {} }}\nlogging: {{ level: warn, format: json }}\nbudget: {{ unpriced: allow }}\ntelemetry: {{ listen: \"127.0.0.1:{telemetry}\" }}\n{sections}",
            folder.path().join("fluxa.db").display()
        );
        fs::write(&config, text)?;
        let log = File::create(folder.path().join("fluxa.log"))?;
        let mut command = Command::new(binary);
        // What the gateway of the machine is configured with must not reach this one.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FLUXA_")) {
            command.env_remove(name);
        }
        let child = command
            .args(["serve", "-c"])
            .arg(&config)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut gateway = Self { addr: SocketAddr::from(([127, 0, 0, 1], port)), child, folder, key: String::new() };
        gateway.ready().await?;
        let made = gateway.admin("POST", "/admin/keys", Some(&json!({"name": "conformance"}))).await?;
        gateway.key = made.get("key").and_then(Value::as_str).context("no key in the answer to POST /admin/keys")?.to_owned();
        Ok(gateway)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Calls the admin API; anything but a success is an error with its text.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let reply = self.call(method, path, body).await?;
        if reply.status >= 300 {
            bail!("{method} {path} answered {}: {}", reply.status, String::from_utf8_lossy(&reply.body));
        }
        if reply.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&reply.body).with_context(|| format!("{method} {path} did not answer with JSON"))
    }

    /// The ledger row of a call, as soon as it is there.
    ///
    /// # Errors
    /// No row in time.
    pub async fn row(&self, id: &str) -> Result<Value> {
        let start = Instant::now();
        loop {
            let reply = self.call("GET", &format!("/admin/logs/{id}"), None).await?;
            match reply.status {
                200 => return Ok(serde_json::from_slice(&reply.body)?),
                404 if start.elapsed() < ROW_PATIENCE => sleep(POLL_INTERVAL).await,
                status => bail!("no row within {ROW_PATIENCE:?}: {status} {}", String::from_utf8_lossy(&reply.body)),
            }
        }
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply> {
        let request = Request {
            method: method.to_owned(),
            target: path.to_owned(),
            headers: vec![
                ("authorization".to_owned(), format!("Bearer {MASTER_KEY}")),
                ("content-type".to_owned(), "application/json".to_owned()),
            ],
            body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
        };
        http::send(self.addr, &request).await
    }

    async fn ready(&mut self) -> Result<()> {
        let start = Instant::now();
        let request = Request { method: "GET".to_owned(), target: "/readyz".to_owned(), ..Request::default() };
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the gateway ended with {status}: {}", self.log());
            }
            if http::send(self.addr, &request).await.is_ok_and(|reply| reply.status == 200) {
                return Ok(());
            }
            if start.elapsed() > START_PATIENCE {
                bail!("the gateway is not ready after {START_PATIENCE:?}: {}", self.log());
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("fluxa.log")).unwrap_or_default()
    }
}

/// A path segment, percent-encoded: models have slashes in their names.
pub fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("no free port")?.local_addr()?.port())
}
