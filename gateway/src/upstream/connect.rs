//! Opens a connection, if its address may be reached at all.
//!
//! The guard judges the address that is connected to, not the text of a URL, so a name that resolves
//! differently the second time changes nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fluxa_domain::net::{EgressPolicy, egress_allowed};
use tokio::net::TcpStream;

use super::io::Io;
use super::origin::Origin;
use super::tls::TlsSetup;

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
    Tls(String),
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
        let connector = self.tls.connector().map_err(ConnectError::Tls)?;
        match connector.connect(name.clone(), tcp).await {
            Ok(tls) => Ok(Io::Tls(Box::new(tls))),
            Err(error) => Err(ConnectError::Tls(tls_reason(&error))),
        }
    }

    async fn dial(&self, addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
        let mut last = ConnectError::Resolve;
        for address in addresses {
            let ip: IpAddr = address.ip();
            if let Err(why) = egress_allowed(&self.egress, ip) {
                last = ConnectError::NotAllowed(why);
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(tcp) => return Ok(tcp),
                Err(error) => last = ConnectError::Refused(error),
            }
        }
        Err(last)
    }
}

fn tls_reason(error: &io::Error) -> String {
    error.get_ref().map_or_else(|| String::from("the connection broke"), ToString::to_string)
}
