//! The proxy's socket for other processes: one command a line, one answer a line.
//!
//! `set WORDS` (as [`Faults`] reads them), `cut`, `target ADDRESS`, `show`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixListener,
};

use super::{Faults, Proxy};

impl Proxy {
    /// Takes commands on a Unix socket until the process ends, one client at a time.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub async fn control(&self, path: &Path) -> Result<()> {
        // One of an earlier run may still be there.
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
        loop {
            let (stream, _) = listener.accept().await?;
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = self.command(&line).unwrap_or_else(|error| format!("error: {error:#}"));
                if write.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    }

    /// Does what one line says.
    ///
    /// # Errors
    /// When it is not understood.
    pub fn command(&self, line: &str) -> Result<String> {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match word {
            "set" => self.set(rest.parse::<Faults>()?),
            "cut" => self.cut(),
            "target" => self.retarget(rest.trim().parse().with_context(|| format!("{rest:?} is no address"))?),
            "show" => {
                let passed = self.passed();
                return Ok(format!(
                    "{}; {} connections, {} bytes up, {} bytes down",
                    self.faults(),
                    passed.connections,
                    passed.up_bytes,
                    passed.down_bytes
                ));
            }
            _ => bail!("set FAULTS, cut, target ADDRESS or show, not {word:?}"),
        }
        Ok("ok".to_owned())
    }
}
