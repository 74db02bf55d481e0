//! A throw-away Postgres, and databases in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::{free_port, is_root};

/// The variable with the address of a server that is there already (`postgres://user@host:port/postgres`), for databases of tests.
pub const POSTGRES_URL: &str = "FLUXA_TEST_POSTGRES_URL";

/// Databases of this process so far.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A server that was started here, or one that was there.
#[derive(Debug)]
pub struct Postgres {
    /// The address of its maintenance database.
    url: String,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    /// The server that [`POSTGRES_URL`] names, else a new one.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn shared() -> Result<Self> {
        match std::env::var(POSTGRES_URL) {
            Ok(url) if !url.is_empty() => Ok(Self { url, own: None }),
            _ => Self::start(),
        }
    }

    /// Starts a server of its own, which forgets all when the power fails, and so is fast.
    ///
    /// # Errors
    /// When Postgres is not installed or does not start.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("fluxa-postgres-").tempdir()?;
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let port = free_port()?;
        let own = Own { folder, programs, port };
        let data = own.data();
        run(own.command("initdb").arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]))?;
        own.up()?;
        Ok(Self { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), own: Some(own) })
    }

    /// The address of its maintenance database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty database and returns its address.
    ///
    /// # Errors
    /// When `psql` fails.
    pub fn database(&self) -> Result<String> {
        let name = format!("fluxa_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql(&self.url, &format!("CREATE DATABASE {name}"))?;
        let (server, _) = self.url.rsplit_once('/').context("an address of a database")?;
        Ok(format!("{server}/{name}"))
    }

    /// Runs SQL in the database at `url` and returns what `psql -At` prints.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn sql(&self, url: &str, text: &str) -> Result<String> {
        let done =
            Command::new("psql").args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", text]).output().context("psql")?;
        if !done.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
    }

    /// Stops it at once, as a crash would; [`Postgres::resume`] starts it again on the same port.
    ///
    /// # Errors
    /// When it is not ours, or does not stop.
    pub fn crash(&self) -> Result<()> {
        let own = self.own.as_ref().context("not our server")?;
        run(own.command("pg_ctl").arg("-D").arg(own.data()).args(["-m", "immediate", "-w", "stop"]))
    }

    /// Starts it again after [`Postgres::crash`].
    ///
    /// # Errors
    /// When it is not ours, or does not start.
    pub fn resume(&self) -> Result<()> {
        self.own.as_ref().context("not our server")?.up()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.own.is_some() {
            // It may have been stopped by the test itself.
            let _ = self.crash();
        }
    }
}

impl Own {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let mut as_postgres = Command::new("runuser");
            as_postgres.args(["-u", "postgres", "--"]).arg(path);
            as_postgres
        } else {
            Command::new(path)
        };
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    fn up(&self) -> Result<()> {
        let sockets = self.folder.path().display();
        let port = self.port;
        // Nothing here outlives the test, so nothing need reach the disk.
        let options = format!(
            "-p {port} -h 127.0.0.1 -k {sockets} -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=300 -c shared_buffers=64MB"
        );
        let log = self.folder.path().join("log");
        run(self.command("pg_ctl").arg("-D").arg(self.data()).args(["-w", "-t", "60", "-l"]).arg(log).args(["-o", &options, "start"]))
    }
}

/// Where the newest server's programs are.
fn programs() -> Result<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").context("Postgres is not installed; scripts/needs.sh installs it")?;
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            let programs = path.join("bin");
            programs.join("initdb").exists().then_some((version, programs))
        })
        .collect();
    versions.sort();
    versions.pop().map(|(_, path)| path).context("Postgres is not installed; scripts/needs.sh installs it")
}

/// Runs a program to its end. What it starts in the background must not hold on to our pipes, so its words go to a file.
fn run(command: &mut Command) -> Result<()> {
    let said = tempfile::NamedTempFile::new()?;
    let status = command.stdout(said.reopen()?).stderr(said.reopen()?).status().with_context(|| format!("{command:?}"))?;
    if status.success() {
        return Ok(());
    }
    bail!("{command:?}: {status}: {}", read(said.path()))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
