//! Opens a connection, if its address may be reached at all.
//!
//! The guard judges the address that is connected to, not the text of a URL, so a name that resolves
//! differently the second time changes nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fluxa_domain::net::{EgressPolicy, egress_allowed};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::io::Io;
use super::origin::Origin;
use super::tls::{TlsFault, TlsSetup};

/// A further address is tried when the one before has not answered for so long (RFC 8305 recommends 250 ms).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried; big services have many, and if eight are silent so are the rest.
const MAX_ADDRESSES: usize = 8;

/// Why there is no connection. The texts are shown to clients: no addresses in them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the provider's host name cannot be resolved")]
    Resolve,
    #[error("the provider's address is not allowed: {0}")]
    NotAllowed(&'static str),
    #[error("connection refused or unreachable")]
    Refused(#[source] io::Error),
    #[error("no connection within the time allowed")]
    TimedOut,
    #[error("TLS failed: {0}")]
    Tls(#[from] TlsFault),
}

/// What opening a connection needs.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) egress: EgressPolicy,
    pub(crate) tls: Arc<TlsSetup>,
}

impl Connector {
    pub(crate) async fn connect(&self, origin: &Origin, within: Duration) -> Result<Io, ConnectError> {
        tokio::time::timeout(within, self.open(origin)).await.unwrap_or(Err(ConnectError::TimedOut))
    }

    async fn open(&self, origin: &Origin) -> Result<Io, ConnectError> {
        let tcp = match origin.ip {
            Some(ip) => self.dial(&[SocketAddr::new(ip, origin.port)]).await?,
            None => {
                let found = tokio::net::lookup_host((origin.host.as_str(), origin.port)).await.map_err(|_| ConnectError::Resolve)?;
                self.dial(&found.collect::<Vec<_>>()).await?
            }
        };
        let _ = tcp.set_nodelay(true);
        let Some(name) = &origin.tls else { return Ok(Io::Plain(tcp)) };
        let connector = self.tls.connector().map_err(|error| {
            tracing::warn!(%error, "TLS cannot be set up");
            TlsFault::Handshake
        })?;
        match connector.connect(name.clone(), tcp).await {
            Ok(tls) => Ok(Io::Tls(Box::new(tls))),
            Err(error) => {
                // The whole text is for the operator: it may name the hosts and the issuer of an inner certificate.
                tracing::warn!(upstream.host = %origin.host, %error, "TLS handshake with {} failed", origin.host);
                Err(TlsFault::of(&error).into())
            }
        }
    }

    /// Connects to one of `addresses`: the first that answers, each started when the one before has failed or been silent for a while.
    async fn dial(&self, addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
        let mut last = ConnectError::Resolve;
        let mut allowed = Vec::with_capacity(addresses.len().min(MAX_ADDRESSES));
        for address in addresses {
            match egress_allowed(&self.egress, address.ip()) {
                Ok(()) if allowed.len() < MAX_ADDRESSES => allowed.push(*address),
                Ok(()) => break,
                Err(why) => last = ConnectError::NotAllowed(why),
            }
        }
        let mut waiting = allowed.into_iter();
        let mut running = FuturesUnordered::new();
        loop {
            match waiting.next() {
                Some(address) => running.push(TcpStream::connect(address)),
                None if running.is_empty() => return Err(last),
                None => {}
            }
            let settled = if waiting.len() == 0 {
                running.next().await
            } else {
                tokio::time::timeout(NEXT_ADDRESS_AFTER, running.next()).await.unwrap_or(None)
            };
            match settled {
                Some(Ok(tcp)) => return Ok(tcp),
                Some(Err(error)) => last = ConnectError::Refused(error),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
