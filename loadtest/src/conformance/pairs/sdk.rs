//! The official libraries as a second pair of ears: Python processes that ask what they are told to.
//!
//! The program is `loadtest/sdk/ask.py`; its protocol is one JSON text a line, both ways. Start at [`Workers::start`].

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    json,
    said::{Call, Said, Told, Used},
};

/// The processes.
#[derive(Debug)]
pub struct Workers {
    idle: Arc<Mutex<Vec<Worker>>>,
    permits: Semaphore,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Workers {
    /// Starts `count` processes of `python script`.
    ///
    /// # Errors
    /// One does not start: the libraries are not installed, as a rule.
    pub fn start(python: &Path, script: &Path, count: usize) -> Result<Self> {
        let mut idle = Vec::new();
        for _ in 0..count {
            let mut child = Command::new(python)
                .arg(script)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .with_context(|| format!("cannot start {}", python.display()))?;
            let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else { anyhow::bail!("no pipes to the worker") };
            idle.push(Worker { child, to, from: BufReader::new(from) });
        }
        for worker in &mut idle {
            let mut line = String::new();
            worker.from.read_line(&mut line)?;
            anyhow::ensure!(line.contains("ready"), "{} did not start: are the libraries of requirements.txt installed?", script.display());
        }
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits: Semaphore::new(count) })
    }

    /// Has one task done.
    ///
    /// # Errors
    /// The process is gone.
    pub async fn ask(&self, task: Value) -> Result<Said> {
        let _permit = self.permits.acquire().await?;
        let idle = Arc::clone(&self.idle);
        let line = spawn_blocking(move || -> Result<String> {
            let mut worker = idle.lock().unwrap_or_else(PoisonError::into_inner).pop().context("a worker is gone")?;
            writeln!(worker.to, "{task}")?;
            worker.to.flush()?;
            let mut line = String::new();
            worker.from.read_line(&mut line)?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
            Ok(line)
        })
        .await??;
        let result: Value = serde_json::from_str(&line).with_context(|| format!("the worker said {:?}", json::clip(&line)))?;
        Ok(said(&result))
    }
}

fn said(result: &Value) -> Said {
    let text = |path| json::text(result, path).to_owned();
    let call = |call: &Value| {
        let [id, name, arguments] = ["/id", "/name", "/arguments"].map(|path| json::text(call, path).to_owned());
        Call { id, name, arguments }
    };
    let number = |path| json::count(result, path);
    let used = number("/usage/input").zip(number("/usage/output")).map(|(input, output)| Used {
        input,
        output,
        cache_read: number("/usage/cache_read").unwrap_or(0),
        reasoning: number("/usage/reasoning").unwrap_or(0),
    });
    let error = result.get("error").filter(|error| !error.is_null()).map(|error| Told {
        status: json::count(error, "/status").and_then(|status| u16::try_from(status).ok()),
        message: format!("{}: {}", json::text(error, "/class"), json::text(error, "/message")),
        code: json::text(error, "/code").to_owned(),
    });
    Said {
        text: text("/text"),
        reasoning: text("/reasoning"),
        refusal: text("/refusal"),
        calls: json::list(result, "/calls").iter().map(call).collect(),
        finish: text("/finish"),
        usage: used,
        complete: error.is_none(),
        error,
        ..Said::default()
    }
}
