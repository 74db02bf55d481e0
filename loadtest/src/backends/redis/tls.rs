//! Throw-away certificates for a server that speaks TLS, made by `openssl`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::{Redis, RedisOptions};

/// An authority and a certificate of 127.0.0.1 and localhost, valid for a day.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Makes them.
    ///
    /// # Errors
    /// When `openssl` is not installed.
    pub fn make() -> Result<Self> {
        let certificates = Self { folder: tempfile::Builder::new().prefix("fluxa-tls-").tempdir()? };
        std::fs::write(certificates.file("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n")?;
        for line in [
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=throw-away-authority -keyout ca.key -out ca.crt",
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
            "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -extfile names -out server.crt",
        ] {
            let done = Command::new("openssl").current_dir(certificates.folder.path()).args(line.split(' ')).stdin(Stdio::null()).output();
            let done = done.context("openssl is not installed")?;
            if !done.status.success() {
                bail!("openssl: {}", String::from_utf8_lossy(&done.stderr));
            }
        }
        Ok(certificates)
    }

    /// One of `ca.crt`, `server.crt`, `server.key`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a server that also speaks TLS with these, on the port that comes with it; clients need no certificate.
    ///
    /// # Errors
    /// When it does not start.
    pub fn redis(&self, arguments: &[&str]) -> Result<(Redis, u16)> {
        let port = crate::backends::free_port()?;
        let mut all: Vec<String> = vec![String::from("--tls-port"), port.to_string()];
        for (option, name) in [("--tls-cert-file", "server.crt"), ("--tls-key-file", "server.key"), ("--tls-ca-cert-file", "ca.crt")] {
            all.extend([option.to_owned(), self.file(name).display().to_string()]);
        }
        all.extend(["--tls-auth-clients", "no"].map(str::to_owned));
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        Ok((Redis::start(RedisOptions { arguments: all, ..RedisOptions::default() })?, port))
    }
}
