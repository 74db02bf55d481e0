//! Sections of the configuration that say where data is kept and shared: `database`, `redis`, `spool`, `ledger`.
//!
//! Never done here: judging whether they fit together; see `mode.rs`.

use std::path::PathBuf;
use std::time::Duration;

use fluxa_domain::secret::Secret;

use super::reader::{Fields, Reader};
use super::{addresses, values};

/// More connections of one process than a Postgres server usually takes in all are a mistake.
const MAX_CONNECTIONS: u64 = 1_000;

/// Section `database`.
#[derive(Clone, Debug)]
pub struct Database {
    /// The SQLite file, where there is no [`Database::url`].
    pub path: PathBuf,
    /// Postgres, or a pooler before it.
    pub url: Option<Secret<String>>,
    /// Postgres itself, for changes of the schema, where `url` is a pooler's.
    pub migration_url: Option<Secret<String>>,
    /// Connections of this process to Postgres.
    pub connections: u32,
    /// Who changes the schema.
    pub migrate: Migrate,
}

/// Who brings the schema up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrate {
    /// Every start does what is missing.
    Auto,
    /// `fluxa migrate` does; a start on an older schema refuses.
    Require,
}

/// Section `redis`.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Where it is; `None` where one process counts by itself.
    pub url: Option<Secret<String>>,
    /// A command that is not answered within this is given up.
    pub timeout: Duration,
}

/// Section `spool`.
#[derive(Clone, Debug)]
pub struct Spool {
    /// The folder of the journal and of the last known configuration; `None` means the usual place.
    pub path: Option<PathBuf>,
    /// Rows that wait for the database take at most so many bytes of the disk.
    pub max_bytes: u64,
}

/// Section `ledger`.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Rows of an organisation that may wait beside the counters.
    pub stream_max: u64,
}

/// Reads section `database`.
pub(super) fn database(r: &mut Reader<'_>, f: &mut Fields) -> Option<Database> {
    let path = r.setting(f, "path", sqlite_file);
    let url = r.setting(f, "url", |text| addresses::postgres(text).map(Secret::new));
    let migration_url = r.setting(f, "migration_url", |text| addresses::postgres(text).map(Secret::new));
    let connections = r.setting(f, "connections", |text| values::whole(text, 1, MAX_CONNECTIONS));
    let migrate = r.setting(f, "migrate", |text| match text {
        "auto" => Ok(Migrate::Auto),
        "require" => Ok(Migrate::Require),
        _ => Err(format!("expected auto or require, not \"{}\"", values::clip(text))),
    });
    Some(Database { path: path?, url, migration_url, connections: u32::try_from(connections?).unwrap_or(u32::MAX), migrate: migrate? })
}

/// Reads section `redis`.
pub(super) fn redis(r: &mut Reader<'_>, f: &mut Fields) -> Option<Redis> {
    let url = r.setting(f, "url", |text| addresses::redis(text).map(Secret::new));
    let timeout = r.setting(f, "timeout", values::positive_duration);
    Some(Redis { url, timeout: timeout? })
}

/// Reads section `spool`.
pub(super) fn spool(r: &mut Reader<'_>, f: &mut Fields) -> Option<Spool> {
    let path = r.setting(f, "path", |text| Ok(PathBuf::from(text)));
    let max_bytes = r.setting(f, "max_bytes", values::size);
    Some(Spool { path, max_bytes: max_bytes? })
}

/// Reads section `ledger`.
pub(super) fn ledger(r: &mut Reader<'_>, f: &mut Fields) -> Option<Ledger> {
    let stream_max = r.setting(f, "stream_max", |text| values::whole(text, 1, 100_000_000));
    Some(Ledger { stream_max: stream_max? })
}

fn sqlite_file(text: &str) -> Result<PathBuf, String> {
    if text.contains("://") || text.contains('\0') {
        return Err(String::from("expected the path of a SQLite file; the address of a Postgres server goes into database.url"));
    }
    Ok(PathBuf::from(text))
}
