//! Connections to the server that is the right one now.
//!
//! The invariant: no attempt takes longer than half a second a server that is tried. Never done here: keeping a connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Value};
use tokio::time::timeout;

use super::address::{Address, Kind};
use super::facts::ServerFacts;
use super::fault::{self, Fault, Sense};

/// A server that is not connected by then is not there.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// How often a cluster's command is sent again when its slot moved or its node is gone: within the timeout of the command.
const CLUSTER_RETRIES: u32 = 3;

/// Between two of them, in milliseconds.
const CLUSTER_RETRY_WAIT_MS: (u64, u64) = (4, 32);

/// Makes connections.
#[derive(Debug)]
pub(super) struct Dial {
    address: Address,
    /// The host that answered last.
    good: AtomicUsize,
}

/// A connection to a server that will do.
pub(super) struct Up {
    pub(super) connection: MultiplexedConnection,
    pub(super) facts: ServerFacts,
    pub(super) place: Place,
}

impl Up {
    /// Refuses a server that must not be used.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.facts.is_cluster {
            return Err(Fault::Refused(String::from("this redis is a node of a cluster: its address begins with redis+cluster://")));
        }
        self.facts.check()
    }
}

/// Host and port.
pub(super) type Place = (String, u16);

impl Dial {
    pub(super) fn new(address: Address) -> Self {
        Self { address, good: AtomicUsize::new(0) }
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.address.kind == Kind::Cluster
    }

    pub(super) fn has_sentinels(&self) -> bool {
        matches!(self.address.kind, Kind::Sentinel { .. })
    }

    /// Connects to the server, or to the master that the sentinels name; never to one that must not be used.
    pub(super) async fn server(&self) -> Result<Up, Fault> {
        let place = self.place().await?;
        let client = self.address.server(&place.0, place.1)?;
        let mut connection = connect(&client).await?;
        let facts = facts_of(&mut connection).await?;
        if self.has_sentinels() && facts.is_replica {
            return Err(Fault::Away(format!("{}:{} is named master and is still a replica", place.0, place.1)));
        }
        let up = Up { connection, facts, place };
        up.check()?;
        Ok(up)
    }

    /// A client of that server (or of a node of the cluster, in turn), for connections of one's own.
    pub(super) async fn client(&self) -> Result<(Place, Client), Fault> {
        let place = self.place().await?;
        let client = self.address.server(&place.0, place.1)?;
        Ok((place, client))
    }

    /// Connects to the cluster.
    pub(super) async fn cluster(&self, response: Duration) -> Result<ClusterConnection, Fault> {
        let mut nodes = Vec::new();
        for (host, port) in &self.address.hosts {
            nodes.push(self.address.server(host, *port)?.get_connection_info().clone());
        }
        let mut builder = ClusterClient::builder(nodes)
            .retries(CLUSTER_RETRIES)
            .min_retry_wait(CLUSTER_RETRY_WAIT_MS.0)
            .max_retry_wait(CLUSTER_RETRY_WAIT_MS.1)
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(response);
        if let Some(certificates) = &self.address.certificates {
            builder = builder.certs(certificates.clone());
        }
        let client = builder.build().map_err(|error| Fault::of(&error))?;
        // Every host may be tried, one after the other.
        let patience = CONNECT_TIMEOUT * u32::try_from(self.address.hosts.len() + 2).unwrap_or(8);
        within(patience, client.get_async_connection()).await
    }

    /// Where the server is. Of a cluster: one node after the other.
    pub(super) async fn place(&self) -> Result<Place, Fault> {
        let hosts = &self.address.hosts;
        let nobody = || Fault::Refused(String::from("the address of redis names no host"));
        match &self.address.kind {
            Kind::Single => hosts.first().cloned().ok_or_else(nobody),
            Kind::Cluster => hosts.get(self.good.fetch_add(1, Ordering::Relaxed) % hosts.len().max(1)).cloned().ok_or_else(nobody),
            Kind::Sentinel { master } => {
                let start = self.good.load(Ordering::Relaxed);
                let mut last = nobody();
                for turn in 0..hosts.len() {
                    let at = (start + turn) % hosts.len();
                    let Some((host, port)) = hosts.get(at) else { continue };
                    match self.ask_sentinel(host, *port, master).await {
                        Ok(place) => {
                            self.good.store(at, Ordering::Relaxed);
                            return Ok(place);
                        }
                        Err(fault) => last = fault,
                    }
                }
                Err(last)
            }
        }
    }

    /// The next time another host is asked first.
    pub(super) fn distrust(&self) {
        self.good.fetch_add(1, Ordering::Relaxed);
    }

    async fn ask_sentinel(&self, host: &str, port: u16, master: &str) -> Result<Place, Fault> {
        let mut sentinel = connect(&self.address.sentinel(host, port)?).await?;
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("get-master-addr-by-name").arg(master);
        let named: Option<(String, u16)> = within(CONNECT_TIMEOUT, ask.query_async(&mut sentinel)).await?;
        named.ok_or_else(|| Fault::Refused(format!("the sentinel {host}:{port} knows no master named {master}")))
    }
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, Fault> {
    // The way measures the time of each command itself.
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIMEOUT)).set_response_timeout(None);
    within(CONNECT_TIMEOUT, client.get_multiplexed_async_connection_with_config(&config)).await
}

/// What the server says of itself; nothing, where it may not be asked.
async fn facts_of(connection: &mut MultiplexedConnection) -> Result<ServerFacts, Fault> {
    match timeout(CONNECT_TIMEOUT, redis::cmd("INFO").query_async::<Value>(connection)).await {
        Ok(Ok(info)) => Ok(ServerFacts::parse(&text_of(&info))),
        Ok(Err(error)) if matches!(fault::read(&error), (Sense::Refused, code) if code == "NOPERM") => Ok(ServerFacts::default()),
        Ok(Err(error)) => Err(Fault::of(&error)),
        Err(_) => Err(late(CONNECT_TIMEOUT)),
    }
}

/// The text of an answer to `INFO`.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.to_string(),
        _ => String::new(),
    }
}

/// Waits for an answer, not for longer than that.
pub(super) async fn within<T>(patience: Duration, answer: impl Future<Output = redis::RedisResult<T>>) -> Result<T, Fault> {
    match timeout(patience, answer).await {
        Ok(answer) => answer.map_err(|error| Fault::of(&error)),
        Err(_) => Err(late(patience)),
    }
}

pub(super) fn late(patience: Duration) -> Fault {
    Fault::Away(format!("no answer within {} ms", patience.as_millis()))
}
