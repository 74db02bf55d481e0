//! The two that are compared: nginx as a plain proxy, and fluxa with every enforcement on. Both stand before the same mock.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use super::process::Program;

/// The core of the gateway; mock and load have the other.
pub(super) const GATEWAY_CORE: usize = 0;

/// The admin key of the fluxa under test, whose database lives in a temporary folder.
pub(super) const MASTER_KEY: &str = "bench-master-key-0123456789";

/// One side of the comparison.
#[derive(Debug, Clone)]
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) program: Program,
    pub(super) addr: SocketAddr,
    /// What clients send as bearer token.
    pub(super) key: String,
    /// The path that says it is alive; nginx has none.
    pub(super) health: Option<&'static str>,
    pub(super) binary_bytes: Option<u64>,
}

/// nginx: one worker, keep-alive to the mock, nothing buffered, nothing logged.
pub(super) fn nginx(dir: &Path, addr: SocketAddr, mock: SocketAddr) -> Result<Contestant> {
    ensure_nginx()?;
    let at = |name: &str| dir.join(name).display().to_string();
    let user = if is_root() { "user root;" } else { "" };
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("  {kind}_temp_path {};\n", at(&format!("nginx-{kind}"))))
        .collect();
    let config = format!(
        "{user}
worker_processes 1;
daemon off;
pid {pid};
error_log {log} warn;
events {{ worker_connections 40000; }}
http {{
  access_log off;
{temp}  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  client_max_body_size 64m;
  client_body_buffer_size 256k;
  upstream mock {{ server {mock}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {addr} backlog=4096;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_buffering off;
      proxy_read_timeout 300s;
    }}
  }}
}}
",
        pid = at("nginx.pid"),
        log = at("nginx.log"),
    );
    fs::write(dir.join("nginx.conf"), config)?;
    let line = ["nginx", "-p", &at(""), "-c", &at("nginx.conf"), "-e", &at("nginx.log")].map(str::to_owned).to_vec();
    Ok(Contestant {
        name: "nginx",
        program: Program { name: "nginx".to_owned(), core: GATEWAY_CORE, line, env: Vec::new() },
        addr,
        key: "sk-mock".to_owned(),
        health: None,
        binary_bytes: None,
    })
}

/// fluxa: one data-plane thread, as nginx has one worker. Its key is made later, when it runs.
pub(super) fn fluxa(binary: &Path, dir: &Path, addr: SocketAddr, telemetry: SocketAddr, mock: SocketAddr) -> Result<Contestant> {
    let binary = binary.canonicalize().with_context(|| format!("no fluxa at {}", binary.display()))?;
    let config = format!(
        "server:
  host: {host}
  port: {port}
  master_key: \"{MASTER_KEY}\"
database:
  path: \"{database}\"
telemetry:
  listen: \"{telemetry}\"
logging:
  level: info
  format: json
providers:
  - name: mock
    kind: openai
    api_key: sk-mock
    base_url: \"http://{mock}/v1\"
routes:
  - model: gpt-4o
    provider: mock
",
        host = addr.ip(),
        port = addr.port(),
        database = dir.join("fluxa.db").display(),
    );
    let path = dir.join("fluxa.yaml");
    fs::write(&path, config)?;
    let line = vec![binary.display().to_string(), "serve".to_owned(), "-c".to_owned(), path.display().to_string()];
    let env = vec![("FLUXA_WORKERS".to_owned(), "1".to_owned())];
    Ok(Contestant {
        name: "fluxa",
        program: Program { name: "fluxa".to_owned(), core: GATEWAY_CORE, line, env },
        addr,
        key: String::new(),
        health: Some("/healthz"),
        binary_bytes: Some(fs::metadata(&binary)?.len()),
    })
}

fn ensure_nginx() -> Result<()> {
    const INSTALL: &str = "apt-get install -y --no-install-recommends nginx-light";
    let found = || Command::new("nginx").arg("-v").output().is_ok_and(|output| output.status.success());
    if found() {
        return Ok(());
    }
    ensure!(is_root(), "nginx is missing; install it with: sudo {INSTALL}");
    let status = Command::new("sh").args(["-c", INSTALL]).stdout(std::process::Stdio::null()).status()?;
    if !status.success() || !found() {
        bail!("nginx is missing, and this failed: {INSTALL}");
    }
    Ok(())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
