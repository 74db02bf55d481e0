//! TLS towards vendors: the system's roots, else the bundled ones, read when first needed.

use std::sync::{Arc, OnceLock};

use tokio_rustls::TlsConnector;

/// Builds the TLS side once, at the first `https` connection: reading some 150 roots would cost a cold start 10 ms.
#[derive(Debug, Default)]
pub(crate) struct TlsSetup {
    config: OnceLock<Result<Arc<rustls::ClientConfig>, String>>,
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
