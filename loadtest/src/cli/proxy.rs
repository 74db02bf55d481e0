//! `fluxa-loadtest proxy`.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use fluxa_loadtest::proxy::{Faults, Proxy};

use super::{block_on, say};

/// Arguments of `proxy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fluxa-loadtest proxy --listen 127.0.0.1:7000 --to 127.0.0.1:6379 --control /tmp/p.sock
  echo 'set delay=500,50 split' | socat - UNIX:/tmp/p.sock
  fluxa-loadtest proxy --listen 127.0.0.1:7000 --to 127.0.0.1:5432 --faults 'rst=4096'

Faults: clear delay=MS,JITTER,PER_MILLE throttle=BYTES stall blackhole refuse rst=BYTES fin=BYTES corrupt=BYTES split swallow
Commands on the socket: set FAULTS, cut, target ADDRESS, show")]
pub(crate) struct ProxyArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where connections go.
    #[arg(long)]
    to: SocketAddr,
    /// A Unix socket that takes commands.
    #[arg(long)]
    control: Option<PathBuf>,
    /// Faults from the start.
    #[arg(long, default_value = "clear")]
    faults: Faults,
    /// Decides jitter and the places of corruption.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl ProxyArgs {
    pub(crate) fn run(self) -> Result<()> {
        block_on(async {
            let proxy = Proxy::start(self.listen, self.to, self.seed).await.with_context(|| format!("cannot listen on {}", self.listen))?;
            proxy.set(self.faults);
            say(&format!("proxy on {} to {}", proxy.addr(), self.to));
            match &self.control {
                Some(path) => proxy.control(path).await,
                None => std::future::pending().await,
            }
        })
    }
}
