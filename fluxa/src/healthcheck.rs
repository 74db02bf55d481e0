//! `fluxa healthcheck`: asks the process of this configuration whether it is ready. Containers without a shell need it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::banner;

/// A probe that takes longer has failed: container runtimes give it a few seconds.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read.
const MAX_ANSWER: u64 = 8 * 1024;

/// Asks `url`, else `/readyz` of the telemetry listener.
///
/// # Errors
/// When there is nobody to be asked, or no answer.
pub async fn run(url: Option<&str>, listen: Option<SocketAddr>) -> Result<ExitCode> {
    let (host, path) = match (url, listen) {
        (Some(url), _) => parts(url)?,
        (None, Some(listen)) => (reachable(listen).to_string(), String::from("/readyz")),
        (None, None) => bail!("telemetry.listen is off, so there is nothing to ask; name a --url"),
    };
    let answer = tokio::time::timeout(TIMEOUT, ask(&host, &path)).await.context("no answer within 3 seconds")??;
    let ready = answer.split(' ').nth(1) == Some("200");
    let said = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim();
    banner::print(&format!("{said}\n"), false);
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Host with port, and path.
fn parts(url: &str) -> Result<(String, String)> {
    let rest = url.strip_prefix("http://").context("expected an address such as http://127.0.0.1:9090/readyz")?;
    let (host, path) = rest.split_once('/').map_or((rest, String::from("/readyz")), |(host, path)| (host, format!("/{path}")));
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    if path.contains(char::is_whitespace) || path.contains(char::is_control) || host.contains(char::is_whitespace) {
        bail!("expected an address without spaces");
    }
    Ok((host, path))
}

/// Where a process that listens there is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(host: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(host).await.with_context(|| format!("cannot reach {host}"))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |url: &str, expect: Option<(&str, &str)>| {
            let found = parts(url).ok();
            assert_eq!(found.as_ref().map(|(host, path)| (host.as_str(), path.as_str())), expect, "{url}");
        };
        check("http://a:1/healthz", Some(("a:1", "/healthz")));
        check("http://a", Some(("a:80", "/readyz")));
        check("https://a/", None);
        check("http://a/x y", None);
        assert_eq!(reachable("0.0.0.0:9090".parse().unwrap()).to_string(), "127.0.0.1:9090");
        assert_eq!(reachable("[::]:9".parse().unwrap()).to_string(), "[::1]:9");
    }
}
