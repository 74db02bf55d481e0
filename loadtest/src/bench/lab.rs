//! The place of a comparison: the mock, the ports, the folder, and the runs of this same program that make the load.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{
    contestant::{Contestant, MASTER_KEY},
    process::{Process, Program},
    set_mock,
};
use crate::{
    client::{Target, fetch},
    vendor::Bill,
};

/// Core of mock and load.
pub(super) const LOAD_CORE: usize = 1;

/// Below the ports that the system gives to outgoing connections, which would otherwise take ours between two rounds.
const PORTS: std::ops::Range<u16> = 21_000..31_000;

/// How long a server may take until it answers.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// What all measurements share.
pub(super) struct Lab {
    dir: TempDir,
    program: PathBuf,
    runtime: Runtime,
    mock: Target,
    // Dropped with the lab.
    _mock: Process,
}

/// Milliseconds from the start of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cold {
    pub(super) health_ms: Option<f64>,
    pub(super) answer_ms: f64,
}

impl Lab {
    /// Starts the mock. `program` is this program's own path.
    pub(super) fn open(program: PathBuf) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("fluxa-bench-").tempdir()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let [addr] = free_addrs()?;
        let mut line = vec![program.display().to_string()];
        line.extend(["vendor", "--no-record", "--port", &addr.port().to_string()].map(str::to_owned));
        let mock = Program { name: "mock".to_owned(), core: LOAD_CORE, line, env: Vec::new() }.start(dir.path())?;
        let target = Target { addr, host: addr.to_string(), path: "/v1/chat/completions".to_owned() };
        let lab = Self { dir, program, runtime, mock: target, _mock: mock };
        let start = Instant::now();
        while lab.bill().is_err() {
            ensure!(start.elapsed() < START_PATIENCE, "the mock vendor does not answer on {addr}");
            thread::sleep(Duration::from_millis(5));
        }
        Ok(lab)
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn mock_addr(&self) -> SocketAddr {
        self.mock.addr
    }

    /// Keeps the folder with its logs for who wants to look.
    pub(super) fn keep(self) -> PathBuf {
        self.dir.keep()
    }

    pub(super) fn set_mock(&self, options: &str) -> Result<()> {
        self.runtime.block_on(set_mock(&self.mock, options))
    }

    pub(super) fn bill(&self) -> Result<Bill> {
        let (status, body) = self.runtime.block_on(fetch(self.mock.addr, &self.mock.get("/__bill")))?;
        ensure!(status == 200, "the mock vendor answers {status}");
        Ok(serde_json::from_slice(&body)?)
    }

    /// Starts a run of this program that makes load and writes JSON.
    pub(super) fn start_load(&self, contestant: &Contestant, arguments: &[&str]) -> Result<Process> {
        let url = format!("http://{}/v1/chat/completions", contestant.addr);
        let mut line = vec![self.program.display().to_string(), arguments[0].to_owned()];
        line.extend(["--json", "--url", &url, "--key", &contestant.key].map(str::to_owned));
        line.extend(arguments[1..].iter().map(|argument| (*argument).to_owned()));
        Program { name: "load".to_owned(), core: LOAD_CORE, line, env: Vec::new() }.start_piped()
    }

    /// The same, to its end.
    pub(super) fn load<T: DeserializeOwned>(&self, contestant: &Contestant, arguments: &[&str]) -> Result<T> {
        let text = self.start_load(contestant, arguments)?.output()?;
        serde_json::from_str(&text).with_context(|| format!("no report from {}", arguments.join(" ")))
    }

    /// Does asynchronous work to its end, on this thread.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(tokio::task::LocalSet::new().run_until(work))
    }

    /// The mock's address as this program's arguments have it.
    pub(super) fn mock_url(&self) -> String {
        format!("http://{}/v1/chat/completions", self.mock.addr)
    }

    /// Starts a contestant and times it, asking every millisecond: alive, and the first answer through it.
    pub(super) fn start(&self, contestant: &Contestant) -> Result<(Process, Cold)> {
        const EVERY: Duration = Duration::from_millis(1);
        self.set_mock("reset;record=0")?;
        let target = Target { addr: contestant.addr, host: contestant.addr.to_string(), path: self.mock.path.clone() };
        let ask =
            target.post(&[bearer(&contestant.key)], r#"{"model":"gpt-4o","max_tokens":8,"messages":[{"role":"user","content":"hi"}]}"#);
        let start = Instant::now();
        let mut process = contestant.program.start(self.dir())?;
        let since = || start.elapsed().as_secs_f64() * 1000.0;
        let mut cold = Cold { health_ms: None, answer_ms: 0.0 };
        loop {
            if let (Some(path), None) = (contestant.health, cold.health_ms)
                && self.ok(&target, &target.get(path))
            {
                cold.health_ms = Some(since());
            }
            // Without a key yet there is nothing to ask for: alive is enough.
            let keyless = contestant.key.is_empty() && cold.health_ms.is_some();
            let alive = contestant.health.is_none() || cold.health_ms.is_some();
            if keyless || (alive && self.ok(&target, &ask)) {
                cold.answer_ms = since();
                return Ok((process, cold));
            }
            if !process.runs() || start.elapsed() > START_PATIENCE {
                bail!("{} does not answer on {}; its log ends: {}", contestant.name, contestant.addr, self.log_end(contestant));
            }
            thread::sleep(EVERY);
        }
    }

    /// A virtual key with limits so high that they are counted and never reached.
    pub(super) fn make_key(&self, contestant: &Contestant) -> Result<String> {
        let target = Target { addr: contestant.addr, host: contestant.addr.to_string(), path: "/admin/keys".to_owned() };
        let body = r#"{"name":"bench","budget_usd_daily":1000000,"rate_limit_rpm":100000000,"rate_limit_tpm":1000000000000}"#;
        let (status, body) = self.runtime.block_on(fetch(target.addr, &target.post(&[bearer(MASTER_KEY)], body)))?;
        let text = String::from_utf8_lossy(&body);
        ensure!(status == 201, "no key from fluxa: {status} {text}");
        let value: serde_json::Value = serde_json::from_slice(&body)?;
        value["key"].as_str().map(str::to_owned).with_context(|| format!("no key in {text}"))
    }

    fn ok(&self, target: &Target, request: &[u8]) -> bool {
        let asked = self.runtime.block_on(async { tokio::time::timeout(START_PATIENCE, fetch(target.addr, request)).await });
        matches!(asked, Ok(Ok((200, _))))
    }

    fn log_end(&self, contestant: &Contestant) -> String {
        self.log_end_of(&contestant.program.name)
    }

    /// The last lines that a program wrote.
    pub(super) fn log_end_of(&self, program: &str) -> String {
        const LINES: usize = 5;
        let mut text = String::new();
        for end in ["out", "err"] {
            text += &std::fs::read_to_string(self.dir().join(format!("{program}.{end}"))).unwrap_or_default();
        }
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join(" | ")
    }
}

/// Addresses on loopback that nobody listens on, all different.
pub(super) fn free_addrs<const N: usize>() -> Result<[SocketAddr; N]> {
    let first = PORTS.start + (std::process::id() % 4000) as u16;
    let mut held = Vec::with_capacity(N);
    for port in first..PORTS.end {
        // Held until all are found, so that none is found twice.
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        if held.len() == N {
            break;
        }
    }
    let addrs: Vec<SocketAddr> = held.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    addrs.try_into().map_err(|_| anyhow!("no {N} free ports"))
}

pub(super) fn bearer(key: &str) -> (String, String) {
    ("authorization".to_owned(), format!("Bearer {key}"))
}
