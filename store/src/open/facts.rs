//! What a database is, without opening it for use; and a store on a server that is not asked anything yet.

use sqlx::ConnectOptions as _;
use sqlx::Connection as _;

use super::options::{PostgresOptions, StoreOptions};
use super::schema::{self, Engine};
use super::{Store, postgres};
use crate::error::StoreError;
use crate::seal::Sealer;

/// What a Postgres server says of itself, and how far its schema is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// The server's version: `15.14`.
    pub version: String,
    /// The schema's version, 0 where there is none.
    pub schema: i64,
    /// Migrations that this code has and the schema lacks: number and name.
    pub missing: Vec<String>,
}

impl ServerState {
    /// Asks the server at `url`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn of(url: &str) -> Result<Self, StoreError> {
        let mut connection = postgres::connect_options(url)?.connect().await?;
        let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?;
        let schema = postgres::version(&mut connection).await?;
        connection.close().await?;
        let missing = schema::migrations(Engine::Postgres);
        let missing = missing.iter().filter(|step| step.version > schema).map(|step| format!("{:04} {}", step.version, step.description));
        Ok(Self { version: version.split(' ').next().unwrap_or_default().to_owned(), schema, missing: missing.collect() })
    }
}

impl Store {
    /// A store that connects as it is used, for a process that starts while its server does not answer. The schema and the secret
    /// key are not looked at: who starts like this has used the database before.
    ///
    /// # Errors
    /// [`StoreError::Database`] for an address that cannot be read; [`StoreError::Io`] for a file, which is opened at once or not at all.
    pub fn open_later(options: &StoreOptions, sealer: Sealer) -> Result<Self, StoreError> {
        match options {
            StoreOptions::Sqlite { path } => {
                Err(StoreError::Io { path: path.clone(), source: std::io::Error::from(std::io::ErrorKind::Unsupported) })
            }
            StoreOptions::Postgres(options) => Self::server_later(options, sealer),
        }
    }

    fn server_later(options: &PostgresOptions, sealer: Sealer) -> Result<Self, StoreError> {
        let (ledger, admin) = postgres::open_later(options)?;
        Ok(Self { ledger, writer: admin.clone(), reader: admin, sealer: std::sync::Arc::new(sealer), path: None })
    }
}
