//! Where a vendor lives: scheme, host and port of a base URL, and the path prefix in it.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;

/// A parsed base address.
#[derive(Debug)]
pub(crate) struct Origin {
    /// `https`, else plain `http`.
    pub(crate) tls: Option<ServerName<'static>>,
    /// Host name or IP literal, without brackets.
    pub(crate) host: String,
    /// Set when the host is an IP literal: no look-up needed.
    pub(crate) ip: Option<IpAddr>,
    /// TCP port.
    pub(crate) port: u16,
    /// The `host` header.
    pub(crate) authority: String,
    /// The key of the connection pool.
    pub(crate) pool_key: Arc<str>,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OriginError {
    #[error("not an absolute http or https address")]
    NotHttp,
    #[error("no host in the address")]
    NoHost,
    #[error("user names in the address are not allowed")]
    UserInfo,
    #[error("the host name is not valid for TLS")]
    ServerName,
}

impl Origin {
    /// Splits a base URL into its origin and its path, which has no trailing slash.
    pub(crate) fn parse(base: &str) -> Result<(Self, String), OriginError> {
        let url = url::Url::parse(base).map_err(|_| OriginError::NotHttp)?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(OriginError::NotHttp),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::UserInfo);
        }
        // `Host` has done the normalising (decimal, octal and hex IPv4 forms, punycode).
        let (host, ip) = match url.host().ok_or(OriginError::NoHost)? {
            url::Host::Domain(name) => (name.to_owned(), None),
            url::Host::Ipv4(ip) => (ip.to_string(), Some(IpAddr::V4(ip))),
            url::Host::Ipv6(ip) => (ip.to_string(), Some(IpAddr::V6(ip))),
        };
        let port = url.port_or_known_default().ok_or(OriginError::NotHttp)?;
        let shown = url.host_str().unwrap_or(&host);
        let authority = url.port().map_or_else(|| shown.to_owned(), |port| format!("{shown}:{port}"));
        let tls = if https { Some(ServerName::try_from(host.clone()).map_err(|_| OriginError::ServerName)?) } else { None };
        let pool_key = Arc::from(format!("{}://{shown}:{port}", url.scheme()));
        let path = url.path().trim_end_matches('/').to_owned();
        Ok((Self { tls, host, ip, port, authority, pool_key }, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_spellings_of_an_address_become_that_address() {
        let check = |base: &str, ip: &str| {
            let (origin, _) = Origin::parse(base).unwrap();
            assert_eq!(origin.ip.map(|ip| ip.to_string()).as_deref(), Some(ip), "{base}");
        };
        check("http://2130706433/v1", "127.0.0.1");
        check("http://0x7f.1/v1", "127.0.0.1");
        check("http://0251.0376.0251.0376", "169.254.169.254");
        check("http://[::ffff:169.254.169.254]:80", "::ffff:169.254.169.254");
    }

    #[test]
    fn the_path_keeps_no_trailing_slash() {
        let (origin, path) = Origin::parse("https://api.example.com/openai/v1/").unwrap();
        assert_eq!((origin.authority.as_str(), path.as_str(), origin.port), ("api.example.com", "/openai/v1", 443));
        assert!(origin.tls.is_some());
        assert!(Origin::parse("ftp://x").is_err());
        assert!(Origin::parse("http://u:p@x").is_err());
    }
}
