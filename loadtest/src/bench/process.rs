//! The processes of a comparison: started on a core of their own, weighed through `/proc`, stopped when dropped.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Gateway, mock and load alike get this, so that other work of the machine disturbs them less.
const NICE: &str = "-10";

/// How long a process may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// A child process that ends with this value.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    child: Child,
}

/// What to start.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// Name of the log files.
    pub(super) name: String,
    /// The core it may use.
    pub(super) core: usize,
    /// The program and its arguments.
    pub(super) line: Vec<String>,
    /// Environment besides the inherited one.
    pub(super) env: Vec<(String, String)>,
}

impl Program {
    /// Starts it with its output in files of `dir`.
    pub(super) fn start(&self, dir: &Path) -> Result<Process> {
        let file = |end: &str| {
            let path = dir.join(format!("{}.{end}", self.name));
            File::options().create(true).append(true).open(&path).with_context(|| format!("cannot write {}", path.display()))
        };
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(file("out")?).stderr(file("err")?);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.line.join(" ")))?;
        Ok(Process { name: self.name.clone(), child })
    }

    /// Starts it with its standard output to be read.
    pub(super) fn start_piped(&self) -> Result<Process> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let child = command.spawn().with_context(|| format!("cannot start {}", self.line.join(" ")))?;
        Ok(Process { name: self.name.clone(), child })
    }

    /// `nice` and `taskset` replace themselves with the program, so the child's id is the program's.
    fn command(&self) -> Command {
        let mut command = Command::new("nice");
        let core = self.core.to_string();
        command.args(["-n", NICE, "taskset", "-c", &core]).args(&self.line).envs(self.env.clone());
        command
    }
}

impl Process {
    /// Waits for its end and gives what it wrote.
    pub(super) fn output(mut self) -> Result<String> {
        let mut text = String::new();
        if let Some(mut out) = self.child.stdout.take() {
            std::io::Read::read_to_string(&mut out, &mut text)?;
        }
        let status = self.child.wait()?;
        if !status.success() {
            bail!("{} ended with {status}", self.name);
        }
        Ok(text)
    }

    /// Whether it still runs.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// User and system time of it and its children so far, in microseconds.
    pub(super) fn cpu_us(&self) -> u64 {
        let ticks: u64 = tree(self.child.id()).iter().filter_map(|pid| ticks(*pid)).sum();
        ticks * (1_000_000 / ticks_per_second())
    }

    /// Resident memory of it and its children, in bytes. Pages they share count for each.
    pub(super) fn rss_bytes(&self) -> u64 {
        tree(self.child.id()).iter().filter_map(|pid| rss_bytes(*pid)).sum()
    }
}

/// User and system time of a process, of its children and of those that have ended, in microseconds.
pub(super) fn family_cpu_us(pid: u32) -> u64 {
    let ended = ended_ticks(pid).unwrap_or(0);
    let running: u64 = tree(pid).iter().filter_map(|pid| ticks(*pid)).sum();
    (ended + running) * (1_000_000 / ticks_per_second())
}

/// Moves a running process and its children to a core, and gives them the priority of all others here.
pub(super) fn settle_on(core: usize, pid: u32) -> Result<()> {
    for pid in tree(pid) {
        let (text, core) = (pid.to_string(), core.to_string());
        let moved = run(Command::new("taskset").args(["-a", "-c", "-p", &core, &text]))
            .and_then(|()| run(Command::new("renice").args(["-n", NICE, "-p", &text])));
        // A child may have ended meanwhile.
        if stat(pid).is_some() {
            moved?;
        }
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// A process and all below it.
fn tree(root: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        if let Some(pid) = pid
            && let Some(parent) = stat(pid).and_then(|fields| fields.get(1)?.parse::<u32>().ok())
        {
            parents.push((pid, parent));
        }
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    tree
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.runs() {
            return;
        }
        // The standard library can only kill at once; `kill` lets it close its files and its children.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let start = Instant::now();
        while self.runs() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fields of `/proc/PID/stat` from the state on: 0 state, 1 parent, 11 user ticks, 12 system ticks, 13 and 14 those of
/// children that have ended.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may itself hold spaces and brackets.
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn ticks(pid: u32) -> Option<u64> {
    two_fields(pid, 11)
}

fn ended_ticks(pid: u32) -> Option<u64> {
    two_fields(pid, 13)
}

fn two_fields(pid: u32, first: usize) -> Option<u64> {
    let fields = stat(pid)?;
    let field = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(field(first)? + field(first + 1)?)
}

fn rss_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn ticks_per_second() -> u64 {
    /// What Linux has on every machine of today.
    const USUAL: u64 = 100;
    let output = Command::new("getconf").arg("CLK_TCK").output().ok();
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.and_then(|text| text.trim().parse().ok()).filter(|ticks| *ticks > 0).unwrap_or(USUAL)
}
