//! What an error of Redis means for the caller, and for the way to it.
//!
//! The invariant: every error is one of the two [`Fault`]s, and what is not known is refused (it will fail again). Never said here: values
//! that were sent.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// An error of a server may repeat what was sent to it; more than this is not repeated.
const MAX_TEXT: usize = 200;

/// Why a command was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It may or may not have been carried out: no connection, no answer in time, a server that cannot serve now.
    #[error("{0}")]
    Away(String),
    /// The server refused it, and will again.
    #[error("{0}")]
    Refused(String),
}

/// What an error says of the way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sense {
    /// The connection is of no use any more, or leads to the wrong server: connect again.
    Lost,
    /// The server is there and serves nobody now.
    Busy,
    /// Only this command, only now.
    Momentary,
    /// The script is not there: load it.
    NoScript,
    /// It will fail again.
    Refused,
    /// It will fail again on this connection.
    Unknown,
}

impl Fault {
    pub(super) fn of(error: &RedisError) -> Self {
        let (sense, code) = read(error);
        Self::with(sense, &code, error)
    }

    pub(super) fn with(sense: Sense, code: &str, error: &RedisError) -> Self {
        let text = text(code, error);
        match sense {
            Sense::Refused | Sense::Unknown => Self::Refused(text),
            Sense::Lost | Sense::Busy | Sense::Momentary | Sense::NoScript => Self::Away(text),
        }
    }

    /// Whether it will fail again.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// What an error means, and its code (the server's first word, or a word of ours).
pub(super) fn read(error: &RedisError) -> (Sense, String) {
    let code = match error.kind() {
        ErrorKind::Server(ServerErrorKind::ResponseError) => inner_code(error.detail().unwrap_or_default()).unwrap_or("ERR"),
        ErrorKind::Server(kind) => return (of_kind(kind), error.code().unwrap_or("ERR").to_owned()),
        ErrorKind::Extension => error.code().unwrap_or("ERR"),
        ErrorKind::AuthenticationFailed => return (Sense::Refused, String::from("WRONGPASS")),
        ErrorKind::Parse => return (Sense::Lost, String::from("protocol")),
        ErrorKind::Io => return (Sense::Lost, String::from("io")),
        ErrorKind::ClusterConnectionNotFound => return (Sense::Busy, String::from("cluster")),
        ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => return (Sense::Refused, String::from("settings")),
        _ => return (Sense::Refused, String::from("client")),
    };
    (of_code(code, error.detail().unwrap_or_default()), code.to_owned())
}

fn of_kind(kind: ServerErrorKind) -> Sense {
    match kind {
        ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::ClusterDown => Sense::Busy,
        // A master that became a replica: only another connection leads to the new one.
        ServerErrorKind::ReadOnly => Sense::Lost,
        ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::TryAgain => Sense::Momentary,
        ServerErrorKind::NoScript => Sense::NoScript,
        _ => Sense::Refused,
    }
}

fn of_code(code: &str, detail: &str) -> Sense {
    match code {
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "BUSY" | "NOREPLICAS" => Sense::Busy,
        "READONLY" => Sense::Lost,
        // Memory comes back when rows are recorded, which takes commands: the way stays open.
        "OOM" | "MISCONF" | "MOVED" | "ASK" | "TRYAGAIN" => Sense::Momentary,
        "NOSCRIPT" => Sense::NoScript,
        "NOAUTH" => Sense::Unknown,
        "ERR" if detail.contains("max number of clients") => Sense::Lost,
        _ => Sense::Refused,
    }
}

/// Codes that Redis 6 wraps when a script meets them: `ERR Error running script …: @user_script:1: -READONLY You can't …`.
const WRAPPED: &[&str] = &[
    "LOADING",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "BUSY",
    "NOREPLICAS",
    "READONLY",
    "OOM",
    "MISCONF",
    "MOVED",
    "ASK",
    "TRYAGAIN",
    "WRONGTYPE",
    "NOPERM",
];

fn inner_code(detail: &str) -> Option<&'static str> {
    let said = detail.rsplit_once("user_script")?.1;
    said.split(|c: char| !c.is_ascii_uppercase()).find_map(|word| WRAPPED.iter().find(|code| **code == word).copied())
}

fn text(code: &str, error: &RedisError) -> String {
    let said = match error.detail() {
        Some(detail) if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) => detail.to_owned(),
        // What could not be parsed may be anything.
        _ if error.kind() == ErrorKind::Parse => String::from("what the server said is not redis"),
        _ => error.to_string(),
    };
    // An unknown command is repeated by the server with its arguments.
    let said = said.split(", with args").next().unwrap_or_default();
    let end = said.char_indices().nth(MAX_TEXT).map_or(said.len(), |(at, _)| at);
    format!("{code}: {}", said.get(..end).unwrap_or_default())
}
