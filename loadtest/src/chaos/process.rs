//! One fluxa process of a lab: started with variables, told where it listens by what it prints, ended in every way.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    backends::free_port,
    client::{Target, fetch},
};

/// How long it may take to start or to end: a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// A process and how to start it again.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) name: String,
    program: PathBuf,
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    folder: PathBuf,
    pub(super) addr: SocketAddr,
    /// Says whether it is ready.
    probes: SocketAddr,
    child: Option<Child>,
}

impl Process {
    /// Nothing runs yet. `command` is `gateway` or `admin`; its folder has its journal, its logs and its last configuration.
    pub(super) fn new(program: &Path, command: &str, folder: PathBuf, port: u16, env: Vec<(String, String)>) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let port_text = port.to_string();
        let probes = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let telemetry = probes.to_string();
        let arguments = [command, "--host", "127.0.0.1", "--port", &port_text, "--telemetry-listen", &telemetry, "--log-format", "json"];
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self {
            name,
            program: program.to_owned(),
            arguments: arguments.map(str::to_owned).into(),
            env,
            folder,
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            probes,
            child: None,
        })
    }

    /// Starts it, without waiting.
    pub(super) fn start(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it is ready to serve.
    pub(super) async fn ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let target = Target { addr: self.probes, host: self.probes.to_string(), path: "/readyz".to_owned() };
        loop {
            if let Some(status) = self.ended()? {
                bail!("{} ended with {status}: {}", self.name, self.log_end());
            }
            if matches!(fetch(self.probes, &target.get("/readyz")).await, Ok((200, _))) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{} does not get ready: {}", self.name, self.log_end());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Runs it to its end, for `migrate`.
    pub(super) fn run(program: &Path, arguments: &[&str], env: &[(String, String)]) -> Result<()> {
        let output = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start {}", program.display()))?;
        if !output.status.success() {
            bail!("{}: {}: {}", arguments.join(" "), output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    pub(super) fn is_up(&self) -> bool {
        self.child.is_some()
    }

    /// Sends a signal by name.
    pub(super) fn signal(&self, name: &str) -> Result<()> {
        let Some(child) = &self.child else { return Ok(()) };
        signal(child.id(), name)
    }

    /// `kill -9`, and its disk too if so.
    pub(super) fn kill(&mut self, with_disk: bool) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        if with_disk {
            for entry in std::fs::read_dir(&self.folder)? {
                let path = entry?.path();
                if path.file_name().is_some_and(|name| name != "log") {
                    if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
                }
            }
        }
        Ok(())
    }

    /// Asks it to end and waits for that.
    pub(super) async fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal("TERM")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.ended()? {
                self.child = None;
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} does not end: {}", self.name, self.log_end());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(match &mut self.child {
            Some(child) => child.try_wait()?,
            None => None,
        })
    }

    fn log_end(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().rev().take(4).collect();
        lines.reverse();
        lines.join(" | ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The lab ends with it, and so does its folder.
        let _ = self.kill(false);
    }
}

/// Sends a signal to a process that this program started.
pub(super) fn signal(pid: u32, name: &str) -> Result<()> {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status()?;
    if !status.success() {
        bail!("kill -{name} {pid}: {status}");
    }
    Ok(())
}
