//! TLS towards vendors: the system's roots, else the bundled ones, read when first needed.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::{CertificateError, Error};
use tokio_rustls::TlsConnector;

/// Builds the TLS side once, at the first `https` connection: reading some 150 roots would cost a cold start 10 ms.
#[derive(Debug, Default)]
pub(crate) struct TlsSetup {
    config: OnceLock<Result<Arc<rustls::ClientConfig>, String>>,
}

/// Why a handshake failed, as far as a client is told. What the library says names hosts and issuers, so it is only logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsFault {
    #[error("the provider's certificate is not trusted")]
    Untrusted,
    #[error("the provider's certificate has expired or is not valid yet")]
    Expired,
    #[error("the provider's certificate is for another host")]
    WrongHost,
    #[error("the handshake with the provider failed")]
    Handshake,
}

impl TlsFault {
    /// The class of what a handshake ended with.
    pub(crate) fn of(error: &io::Error) -> Self {
        let Some(Error::InvalidCertificate(why)) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
            return Self::Handshake;
        };
        match why {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Expired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::WrongHost,
            _ => Self::Untrusted,
        }
    }
}

impl TlsSetup {
    /// The connector, or why there is none.
    pub(crate) fn connector(&self) -> Result<TlsConnector, String> {
        self.config.get_or_init(build).clone().map(TlsConnector::from)
    }
}

fn build() -> Result<Arc<rustls::ClientConfig>, String> {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_the_class_and_nothing_else() {
        let class = |error: Error| TlsFault::of(&io::Error::new(io::ErrorKind::InvalidData, error));
        assert_eq!(class(Error::InvalidCertificate(CertificateError::Expired)), TlsFault::Expired);
        assert_eq!(class(Error::InvalidCertificate(CertificateError::NotValidYet)), TlsFault::Expired);
        assert_eq!(class(Error::InvalidCertificate(CertificateError::NotValidForName)), TlsFault::WrongHost);
        assert_eq!(class(Error::InvalidCertificate(CertificateError::UnknownIssuer)), TlsFault::Untrusted);
        assert_eq!(class(Error::InvalidCertificate(CertificateError::BadSignature)), TlsFault::Untrusted);
        assert_eq!(class(Error::General(String::from("inner.example.com"))), TlsFault::Handshake);
        assert_eq!(TlsFault::of(&io::ErrorKind::UnexpectedEof.into()), TlsFault::Handshake);
    }
}
