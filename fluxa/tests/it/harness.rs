//! The program under test: started as an operator would start it, in a folder of its own, and ended with the story.
//!
//! Start at [`Fluxa::start`]; most stories want [`lab`], which has a mock vendor and a key beside it. Waiting is always
//! for an event (a line, a status, a row), never for a time.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fluxa_loadtest::vendor::{Mock, MockConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backend::Backend;
pub(crate) use crate::http::{Answer, PATIENCE, Stream};
use crate::http::{exchange, request};

/// The master key of every story.
pub(crate) const MASTER: &str = "it-master-canary-7Qp3sVx9";
/// The provider key of [`lab`]'s providers.
pub(crate) const VENDOR_KEY: &str = "sk-it-vendor-canary-4mZk81Lw";
/// How long the program may take to start: a debug build on a busy machine.
const START: Duration = Duration::from_secs(60);
/// A log row is readable this long after the end of its answer.
const ROW: Duration = Duration::from_secs(5);
/// Between two looks at something that has no event of its own.
const LOOK: Duration = Duration::from_millis(10);

/// How the program is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// The text of `fluxa.yaml`. Host, ports, database and master key are given by flags and environment, which win.
    pub(crate) yaml: String,
    /// Variables beside those; nothing is inherited.
    pub(crate) env: Vec<(String, String)>,
    /// Flags behind those of the harness.
    pub(crate) flags: Vec<String>,
}

impl Setup {
    pub(crate) fn yaml(text: &str) -> Self {
        Self { yaml: text.to_owned(), ..Self::default() }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Fluxa {
    dir: TempDir,
    backend: Backend,
    setup: Setup,
    child: Option<Child>,
    /// Starts so far; each has its own files for standard output and error.
    starts: usize,
    /// Keys issued without a name so far.
    issued: AtomicUsize,
    /// The data plane and the admin API.
    pub(crate) address: SocketAddr,
    /// Metrics and probes.
    pub(crate) telemetry: SocketAddr,
}

impl Fluxa {
    /// Starts `fluxa serve` and waits until it is ready.
    pub(crate) async fn start(setup: Setup) -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let dir = tempfile::tempdir().expect("a temporary folder");
        let backend = Backend::new();
        let mut fluxa =
            Self { dir, backend, setup, child: None, starts: 0, issued: AtomicUsize::new(0), address: nowhere, telemetry: nowhere };
        fluxa.restart().await;
        fluxa
    }

    /// Starts again on the same folder, on other ports. Ends nothing: see [`Fluxa::kill9`] and [`Fluxa::terminate`].
    pub(crate) async fn restart(&mut self) {
        assert!(self.child.is_none(), "it still runs");
        self.starts += 1;
        let file = |name: &str| File::create(self.file(&format!("{name}.{}", self.starts))).expect("a file for output");
        std::fs::write(self.file("fluxa.yaml"), &self.setup.yaml).expect("the configuration file");
        let mut command = self.command();
        command.stdout(file("stdout")).stderr(file("stderr")).args(["--telemetry-listen", "127.0.0.1:0"]);
        command.args(&self.setup.flags);
        command.envs(self.setup.env.iter().map(|(name, value)| (name, value)));
        self.child = Some(command.spawn().expect("the program starts"));
        let deadline = Instant::now() + START;
        loop {
            // The banner is on standard error beside JSON lines, and on standard output among pretty ones.
            let read = |name: &str| std::fs::read_to_string(self.file(&format!("{name}.{}", self.starts))).unwrap_or_default();
            let banner = read("stderr") + &read("stdout");
            // "listening   http://localhost:4711   (127.0.0.1:4711)" and "metrics     http://localhost:4712/metrics"
            if let (Some(port), Some(telemetry)) = (port_of(&banner, "listening "), port_of(&banner, "metrics ")) {
                self.address.set_port(port);
                self.telemetry.set_port(telemetry);
                break;
            }
            let gone = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(gone.is_none(), "it ended with {gone:?}:\n{}", self.logs_text());
            assert!(Instant::now() < deadline, "it does not start:\n{}", self.logs_text());
            tokio::time::sleep(LOOK).await;
        }
        loop {
            if self.get("/readyz").await.status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "it does not get ready:\n{}", self.logs_text());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// `fluxa serve` on this story's data, without the story's own settings.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fluxa"));
        command.env_clear().env("FLUXA_MASTER_KEY", MASTER).current_dir(self.dir.path()).stdin(Stdio::null());
        command.args(["serve", "--host", "127.0.0.1", "--port", "0"]);
        self.backend.tell(&mut command);
        command
    }

    /// Files with all that it keeps outside its journal.
    pub(crate) fn kept(&self) -> Vec<PathBuf> {
        self.backend.files(self.dir.path())
    }

    /// A file of its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Changes what the next [`Fluxa::restart`] starts.
    pub(crate) fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Sends a signal by name (`TERM`, `HUP`, `STOP`, `CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args([format!("-{name}"), pid]).status().expect("kill is installed");
        assert!(status.success(), "kill -{name}: {status}");
    }

    /// Ends it without a chance to do anything.
    pub(crate) fn kill9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// Asks it to drain and end, and waits for that.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended().await
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.as_mut().expect("it runs").try_wait().expect("its state is known") {
                self.child = None;
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.logs_text());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether it runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// All it wrote to standard output and error, over all starts.
    pub(crate) fn logs_text(&self) -> String {
        let read = |name: &str, start: usize| {
            String::from_utf8_lossy(&std::fs::read(self.file(&format!("{name}.{start}"))).unwrap_or_default()).into_owned()
        };
        (1..=self.starts).map(|start| read("stdout", start) + &read("stderr", start)).collect()
    }

    /// Resident memory in kilobytes.
    pub(crate) fn rss_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("Linux has /proc");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Sends a request and reads the head of its answer; `None` when the connection closed without one.
    pub(crate) async fn open(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Stream> {
        exchange(self.address, &request(method, path, headers, body)).await
    }

    /// Sends a request and reads its whole answer.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let stream = self.open(method, path, headers, body).await;
        stream.unwrap_or_else(|| panic!("{method} {path}: closed without an answer")).rest().await
    }

    /// GET without credentials.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    /// A call of the data plane: JSON, with `key` as the bearer. Further headers come behind.
    pub(crate) async fn call(&self, path: &str, key: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.stream(path, key, headers, body).await.rest().await
    }

    /// The same, read as it comes.
    pub(crate) async fn stream(&self, path: &str, key: &str, headers: &[(&str, &str)], body: &Value) -> Stream {
        let bearer = format!("Bearer {key}");
        let mut all = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        all.extend_from_slice(headers);
        let body = body.to_string();
        self.open("POST", path, &all, body.as_bytes()).await.unwrap_or_else(|| panic!("{path}: closed without an answer"))
    }

    /// A request of the admin API with the master key; null sends no body.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self.admin_answer(method, path, &body).await;
        (answer.status, answer.json())
    }

    /// The same, with headers.
    pub(crate) async fn admin_answer(&self, method: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {MASTER}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &[("authorization", &bearer), ("content-type", "application/json")], body.as_bytes()).await
    }

    /// Makes a provider with [`VENDOR_KEY`]. `more` adds or replaces fields.
    pub(crate) async fn provider(&self, name: &str, kind: &str, base_url: &str, more: Value) {
        let mut body = json!({"name": name, "kind": kind, "base_url": base_url, "api_key": VENDOR_KEY});
        merge(&mut body, more);
        let (status, answer) = self.admin("POST", "/admin/providers", body).await;
        assert_eq!(status, 201, "{answer}");
    }

    /// Makes or replaces a route; a text is the name of its provider.
    pub(crate) async fn route(&self, model: &str, to: Value) {
        let body = if to.is_string() { json!({"provider": to}) } else { to };
        let (status, answer) = self.admin("PUT", &format!("/admin/routes/{model}"), body).await;
        assert!(matches!(status, 200 | 201), "{status} {answer}");
    }

    /// Issues a virtual key and returns its secret text. `more` has its fields; a name is made when none is given.
    pub(crate) async fn key(&self, more: Value) -> String {
        self.issued(more).await["key"].as_str().expect("the secret").to_owned()
    }

    /// Issues a virtual key and returns the whole answer.
    pub(crate) async fn issued(&self, more: Value) -> Value {
        let mut body = json!({"name": format!("story-{}", self.issued.fetch_add(1, Ordering::Relaxed))});
        merge(&mut body, more);
        let (status, answer) = self.admin("POST", "/admin/keys", body).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }

    /// The log row of a call, as soon as it is there.
    pub(crate) async fn log_row(&self, id: &str) -> Value {
        let deadline = Instant::now() + ROW;
        loop {
            let (status, row) = self.admin("GET", &format!("/admin/logs/{id}"), Value::Null).await;
            if status == 200 {
                return row;
            }
            assert!(Instant::now() < deadline, "no row of {id} within {ROW:?}: {status} {row}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// `/metrics`.
    pub(crate) async fn metrics(&self) -> String {
        let stream = exchange(self.telemetry, &request("GET", "/metrics", &[], b"")).await;
        stream.expect("the telemetry listener answers").rest().await.text()
    }
}

impl Drop for Fluxa {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let text = self.logs_text();
            let tail: Vec<&str> = text.lines().rev().take(20).collect();
            eprintln!("--- the last lines of fluxa:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
    }
}

/// A program with a mock vendor behind it, in both dialects, and a key that may do everything.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) fluxa: Fluxa,
    pub(crate) mock: Mock,
    pub(crate) key: String,
}

/// A [`Lab`]: `gpt-4o` goes to provider `openai`, `claude-sonnet-4-5` to `anthropic`, both of them the mock.
pub(crate) async fn lab(setup: Setup, config: MockConfig) -> Lab {
    let mock = Mock::start(config).await.expect("the mock starts");
    let fluxa = Fluxa::start(setup).await;
    fluxa.provider("openai", "openai", &mock.base_url(), json!({})).await;
    fluxa.provider("anthropic", "anthropic", &format!("http://{}", mock.addr()), json!({})).await;
    let key = fluxa.key(json!({"name": "everything"})).await;
    Lab { fluxa, mock, key }
}

/// The two dialects of this release: path, and a body for the lab's model of it.
pub(crate) fn dialects() -> [(&'static str, Value); 2] {
    [("/v1/chat/completions", chat("hello")), ("/v1/messages", messages("hello"))]
}

/// A chat body for `gpt-4o`.
pub(crate) fn chat(text: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
}

/// A messages body for `claude-sonnet-4-5`.
pub(crate) fn messages(text: &str) -> Value {
    json!({"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": [{"role": "user", "content": text}]})
}

/// The body with further fields.
pub(crate) fn with(mut body: Value, more: Value) -> Value {
    merge(&mut body, more);
    body
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

fn port_of(banner: &str, label: &str) -> Option<u16> {
    let line = banner.lines().find_map(|line| line.trim_start().strip_prefix(label))?;
    let after = line.trim_start().strip_prefix("http://")?.split_once(':')?.1;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
