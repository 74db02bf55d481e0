//! Where Redis is, as an operator writes it.
//!
//! `redis://[user:password@]host[:port][/db]`, `redis+sentinel://[user:password@]h1:p1,h2:p2/master[/db]` and
//! `redis+cluster://[user:password@]h1:p1,h2:p2`; the same with `rediss` over TLS, and with `valkey` and `valkeys`. After a `?`: `ca`, `cert` and `key` (files in
//! PEM), `sentinel_user` and `sentinel_password`. Never shown by anything here: passwords.

use redis::{Client, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo};
use redis::{ClientTlsConfig, TlsCertificates};

use super::fault::Fault;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// How the servers are arranged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One server.
    Single,
    /// Sentinels that know which server is the master of this name.
    Sentinel {
        /// The name.
        master: String,
    },
    /// A Redis Cluster; the hosts are where to begin.
    Cluster,
}

/// Name and password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    user: Option<String>,
    password: Option<String>,
}

/// Where Redis is.
#[derive(Clone)]
pub(super) struct Address {
    /// How the servers are arranged.
    pub(super) kind: Kind,
    /// Where to begin: host and port.
    pub(super) hosts: Vec<(String, u16)>,
    /// For the servers.
    pub(super) login: Login,
    /// For the sentinels, where it differs from nothing.
    pub(super) sentinel_login: Login,
    /// The database's number; 0 in a cluster.
    pub(super) db: i64,
    /// `Some` over TLS.
    pub(super) certificates: Option<TlsCertificates>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("kind", &self.kind).field("hosts", &self.hosts).field("db", &self.db).finish_non_exhaustive()
    }
}

impl Address {
    /// Reads a URL. Files that it names are read too.
    pub(super) fn parse(url: &str) -> Result<Self, Fault> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        let (base, arrangement) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match base {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(wrong("its scheme is not redis, rediss, valkey or valkeys")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (login_of(login)?, hosts),
            None => (Login::default(), authority),
        };
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let kind = match arrangement {
            "" => Kind::Single,
            "sentinel" => Kind::Sentinel {
                master: segments
                    .next()
                    .map(decoded)
                    .transpose()?
                    .ok_or_else(|| wrong("it does not name the master after the sentinels"))?,
            },
            "cluster" => Kind::Cluster,
            _ => return Err(wrong("after the + there is neither sentinel nor cluster")),
        };
        let db = segments.next().map_or(Ok(0), |db| db.parse().map_err(|_| wrong("the database is not a number")))?;
        if segments.next().is_some() {
            return Err(wrong("its path is too long"));
        }
        if kind == Kind::Cluster && db != 0 {
            return Err(wrong("a cluster has only database 0"));
        }
        let port = if matches!(kind, Kind::Sentinel { .. }) { SENTINEL_PORT } else { REDIS_PORT };
        let hosts = hosts.split(',').map(|host| host_of(host, port)).collect::<Result<Vec<_>, _>>()?;
        if kind == Kind::Single && hosts.len() != 1 {
            return Err(wrong("several hosts are for redis+sentinel or redis+cluster"));
        }
        let mut address = Self {
            kind,
            hosts,
            login,
            sentinel_login: Login::default(),
            db,
            certificates: tls.then_some(TlsCertificates { client_tls: None, root_cert: None }),
        };
        address.read_query(query)?;
        Ok(address)
    }

    fn read_query(&mut self, query: &str) -> Result<(), Fault> {
        let (mut cert, mut key) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value)?;
            match name {
                "ca" => {
                    let certificates = self.certificates.as_mut().ok_or_else(|| wrong("ca is for rediss"))?;
                    certificates.root_cert = Some(file(&value)?);
                }
                "cert" => cert = Some(file(&value)?),
                "key" => key = Some(file(&value)?),
                "sentinel_user" => self.sentinel_login.user = Some(value),
                "sentinel_password" => self.sentinel_login.password = Some(value),
                "insecure" => return Err(wrong("insecure is not offered: name the authority's certificate with ca")),
                _ => return Err(wrong("after the ? are only ca, cert, key, sentinel_user and sentinel_password")),
            }
        }
        match (cert, key, self.certificates.as_mut()) {
            (None, None, _) => Ok(()),
            (Some(client_cert), Some(client_key), Some(certificates)) => {
                certificates.client_tls = Some(ClientTlsConfig { client_cert, client_key });
                Ok(())
            }
            (_, _, None) => Err(wrong("cert and key are for rediss")),
            _ => Err(wrong("cert and key belong together")),
        }
    }

    /// A client of the server at this host.
    pub(super) fn server(&self, host: &str, port: u16) -> Result<Client, Fault> {
        self.client(host, port, &self.login, self.db)
    }

    /// A client of the sentinel at this host.
    pub(super) fn sentinel(&self, host: &str, port: u16) -> Result<Client, Fault> {
        self.client(host, port, &self.sentinel_login, 0)
    }

    fn client(&self, host: &str, port: u16, login: &Login, db: i64) -> Result<Client, Fault> {
        let mut settings = RedisConnectionInfo::default().set_db(db);
        if let Some(user) = &login.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &login.password {
            settings = settings.set_password(password);
        }
        let addr = match &self.certificates {
            None => ConnectionAddr::Tcp(host.to_owned(), port),
            Some(_) => ConnectionAddr::TcpTls { host: host.to_owned(), port, insecure: false, tls_params: None },
        };
        let info = addr.into_connection_info().map_err(|error| Fault::of(&error))?.set_redis_settings(settings);
        match &self.certificates {
            None => Client::open(info),
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
        }
        .map_err(|error| Fault::of(&error))
    }
}

fn wrong(what: &str) -> Fault {
    Fault::Refused(format!("the address of redis cannot be used: {what}"))
}

fn file(path: &str) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|error| wrong(&format!("{path}: {error}")))
}

fn login_of(text: &str) -> Result<Login, Fault> {
    let (user, password) = text.split_once(':').map_or((text, None), |(user, password)| (user, Some(password)));
    let user = decoded(user)?;
    Ok(Login { user: (!user.is_empty()).then_some(user), password: password.map(decoded).transpose()? })
}

/// `host`, `host:port`, `[::1]:port`.
fn host_of(text: &str, port: u16) -> Result<(String, u16), Fault> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or_else(|| wrong("a [ without its ]"))?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some(digits) => digits.parse().map_err(|_| wrong("a port is not a number"))?,
        None if rest.is_empty() => port,
        None => return Err(wrong("a host cannot be read")),
    };
    if host.is_empty() {
        return Err(wrong("a host is missing"));
    }
    Ok((host.to_owned(), port))
}

/// Undoes `%40`.
fn decoded(text: &str) -> Result<String, Fault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(wrong("a % without two digits")) };
        bytes.push(high * 16 + low);
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is not text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arrangement, hosts, user and password, database, TLS.
    fn shown(url: &str) -> String {
        match Address::parse(url) {
            Ok(address) => {
                let kind = match &address.kind {
                    Kind::Single => String::from("single"),
                    Kind::Sentinel { master } => format!("sentinel of {master}"),
                    Kind::Cluster => String::from("cluster"),
                };
                let hosts: Vec<String> = address.hosts.iter().map(|(host, port)| format!("{host} {port}")).collect();
                let login =
                    format!("{:?} {:?}", address.login.user.as_deref().unwrap_or(""), address.login.password.as_deref().unwrap_or(""));
                format!("{kind} | {} | {login} | {} | {}", hosts.join(", "), address.db, address.certificates.is_some())
            }
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for (url, expect) in [
            ("redis://localhost", r#"single | localhost 6379 | "" "" | 0 | false"#),
            ("valkey://localhost:1/", r#"single | localhost 1 | "" "" | 0 | false"#),
            ("rediss://u:p%40s@h:1/3", r#"single | h 1 | "u" "p@s" | 3 | true"#),
            ("redis://:p@[::1]:7", r#"single | ::1 7 | "" "p" | 0 | false"#),
            ("redis://:a@b@h", r#"single | h 6379 | "" "a@b" | 0 | false"#),
            ("redis+sentinel://a,b:1/main/2", r#"sentinel of main | a 26379, b 1 | "" "" | 2 | false"#),
            ("rediss+sentinel://u:p@a/main?sentinel_password=s", r#"sentinel of main | a 26379 | "u" "p" | 0 | true"#),
            ("valkeys+cluster://a,b:1", r#"cluster | a 6379, b 1 | "" "" | 0 | true"#),
        ] {
            assert_eq!(shown(url), expect, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_its_password() {
        for (url, expect) in [
            ("localhost", "it has no scheme"),
            ("http://:geheim@h", "its scheme is not redis"),
            ("redis+ring://:geheim@h", "neither sentinel nor cluster"),
            ("redis://:geheim@a,b", "several hosts"),
            ("redis://:geheim@h:x", "a port is not a number"),
            ("redis://:geheim@", "a host is missing"),
            ("redis://:geheim@h/x", "the database is not a number"),
            ("redis://:geheim%4@h", "a % without two digits"),
            ("redis+sentinel://:geheim@a", "does not name the master"),
            ("redis+cluster://:geheim@a/1", "only database 0"),
            ("rediss://:geheim@h?insecure=1", "insecure is not offered"),
            ("rediss://:geheim@h?ca=/nowhere", "/nowhere"),
            ("rediss://:geheim@h?cert=/dev/null", "belong together"),
            ("redis://:geheim@h?ca=/dev/null", "ca is for rediss"),
        ] {
            let said = shown(url);
            assert!(said.contains(expect) && !said.contains("geheim"), "{url}: {said}");
        }
        let address = Address::parse("redis://u:geheim@h?sentinel_password=geheim").unwrap();
        assert!(!format!("{address:?}").contains("geheim"));
    }
}
