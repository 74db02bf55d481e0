//! The configuration that was last in force, on this machine's disk: a process that starts while the database is away begins with it.
//!
//! The invariant: the file is whole and sealed, or it is not believed; and no key is in it that this process knows to have changed.
//! Never done here: serving from it while the database answers. Start reading at [`LastKnown`].

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fluxa_domain::change::Revision;
use fluxa_domain::firewall::{PolicyRecord, RuleRecord};
use fluxa_domain::key::{KeyAccess, KeyDoor, KeyHash, KeyRecord};
use fluxa_domain::price::PriceRow;
use fluxa_domain::provider::{ApiKey, Provider, ProviderRecord, ProviderSecrets};
use fluxa_domain::route::RouteRecord;
use fluxa_domain::secret::Secret;
use fluxa_domain::team::{OrganizationRecord, TeamRecord};
use fluxa_domain::time::Micros;
use fluxa_store::{Sealer, Store, StoreError};
use serde::{Deserialize, Serialize};

/// The file's name in its folder.
const FILE: &str = "config.snapshot";
/// What the seal is bound to.
const SEALED_FOR: (&str, &str, &str) = ("last_known", "configuration", "snapshot");
/// The form of the file; another one is not read.
const FORM: u32 = 1;
/// Keys that are kept: the ones in use. A million would make each writing a matter of seconds.
const MAX_KEYS: usize = 20_000;
/// A file over this is none of ours: 20,000 keys with all their fields take some 30 MB.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// All records of the configuration but the keys, as they are stored.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// Its number.
    pub revision: Revision,
    /// Providers, secrets opened.
    pub providers: Vec<Provider>,
    /// Routes.
    pub routes: Vec<RouteRecord>,
    /// Prices beside the built-in ones, in the order in which they were added.
    pub prices: Vec<PriceRow>,
    /// Teams.
    pub teams: Vec<TeamRecord>,
    /// Organizations.
    pub organizations: Vec<OrganizationRecord>,
    /// The firewall's rules of the operator's own.
    pub firewall_rules: Vec<RuleRecord>,
    /// The firewall's policies.
    pub firewall_policies: Vec<PolicyRecord>,
}

impl Configuration {
    /// Reads it from the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(store: &Store) -> Result<Self, StoreError> {
        // The number first: what changes while the rest is read is read again when the number is seen to be higher.
        let revision = store.revision().await?;
        Ok(Self {
            revision,
            providers: store.providers().await?,
            routes: store.routes().await?,
            prices: store.prices().await?,
            teams: store.teams().await?,
            organizations: store.organizations().await?,
            firewall_rules: store.firewall_rules().await?,
            firewall_policies: store.firewall_policies().await?,
        })
    }
}

/// What a process found on its disk.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// The configuration.
    pub configuration: Configuration,
    /// Keys that were in use.
    pub keys: Vec<KeyAccess>,
    /// The hash of the master key, where this process had one.
    pub master: Option<KeyHash>,
    /// When it was written.
    pub written_at: Micros,
}

/// The file and what goes into it.
#[derive(Debug)]
pub struct LastKnown {
    path: PathBuf,
    sealer: Sealer,
    master: Option<KeyHash>,
    /// What the process starts with, because the database is away. Taken once.
    recalled: Mutex<Option<Recalled>>,
    /// Keys in use, by id.
    keys: Mutex<HashMap<String, Arc<KeyAccess>>>,
    /// What the file holds.
    written: Mutex<Written>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Written {
    revision: Option<Revision>,
    keys: usize,
}

/// A file that cannot be written or believed.
#[derive(Debug, thiserror::Error)]
pub enum LastKnownError {
    /// The system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is damaged, of another form, or sealed under another key.
    #[error("{path} cannot be believed: {why}")]
    Unbelievable {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

impl LastKnown {
    /// Keeps the configuration in `folder`, which is made when missing at the first writing.
    #[must_use]
    pub fn new(folder: &Path, sealer: Sealer) -> Self {
        Self {
            path: folder.join(FILE),
            sealer,
            master: None,
            recalled: Mutex::default(),
            keys: Mutex::default(),
            written: Mutex::default(),
        }
    }

    /// With the hash of the master key that is in force.
    #[must_use]
    pub const fn with_master(mut self, master: Option<KeyHash>) -> Self {
        self.master = master;
        self
    }

    /// With what was recalled, to be started with.
    #[must_use]
    pub fn starting_with(mut self, recalled: Recalled) -> Self {
        self.recalled = Mutex::new(Some(recalled));
        self
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; `None` when there is none.
    ///
    /// # Errors
    /// [`LastKnownError`].
    pub fn recall(&self) -> Result<Option<Recalled>, LastKnownError> {
        let meta = match std::fs::metadata(&self.path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.io(source)),
        };
        if meta.len() > MAX_FILE_BYTES {
            return Err(self.unbelievable("it is too big"));
        }
        let sealed = std::fs::read_to_string(&self.path).map_err(|source| self.io(source))?;
        let (table, row, column) = SEALED_FOR;
        let plain = self.sealer.open(table, row, column, sealed.trim_end()).map_err(|error| self.unbelievable(&error.to_string()))?;
        // The parser's words may quote what it read, which is secret.
        let form: Form = serde_json::from_slice(plain.expose()).map_err(|_| self.unbelievable("it is of another form"))?;
        if form.form != FORM {
            return Err(self.unbelievable("it is of another form"));
        }
        Ok(Some(form.into()))
    }

    /// What to start with, once.
    pub(crate) fn take(&self) -> Option<Recalled> {
        lock(&self.recalled).take()
    }

    /// Adds the keys that `known` gives. It is asked under the lock that [`LastKnown::forget`] takes, so that a key which is
    /// forgotten meanwhile is not kept.
    pub(crate) fn merge(&self, known: impl FnOnce() -> Vec<Arc<KeyAccess>>) {
        let mut keys = lock(&self.keys);
        for access in known() {
            if keys.len() < MAX_KEYS || keys.contains_key(&access.key.id) {
                keys.insert(access.key.id.clone(), access);
            }
        }
    }

    /// These keys have changed. To be called after the cache has forgotten them.
    pub(crate) fn forget(&self, ids: &[String]) {
        let mut keys = lock(&self.keys);
        for id in ids {
            keys.remove(id);
        }
    }

    /// Any key may have changed. To be called after the cache has forgotten them.
    pub(crate) fn forget_all(&self) {
        lock(&self.keys).clear();
    }

    /// Whether the file lacks this revision, or keys.
    pub(crate) fn is_behind(&self, revision: Revision) -> bool {
        *lock(&self.written) != Written { revision: Some(revision), keys: lock(&self.keys).len() }
    }

    /// Writes the file: all of it or nothing.
    ///
    /// # Errors
    /// [`LastKnownError`]; the former file stays.
    pub fn write(&self, configuration: &Configuration, now: Micros) -> Result<(), LastKnownError> {
        let keys: Vec<Arc<KeyAccess>> = lock(&self.keys).values().cloned().collect();
        let written = Written { revision: Some(configuration.revision), keys: keys.len() };
        let form = Form::of(configuration, &keys, self.master, now);
        let plain = serde_json::to_vec(&form).map(Secret::new).map_err(|error| self.unbelievable(&error.to_string()))?;
        drop(form);
        let (table, row, column) = SEALED_FOR;
        let sealed = self.sealer.seal(table, row, column, plain.expose()).map_err(|error| self.unbelievable(&error.to_string()))?;
        self.replace(sealed.as_bytes()).map_err(|source| self.io(source))?;
        *lock(&self.written) = written;
        Ok(())
    }

    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let beside = self.path.with_extension("snapshot.new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }

    fn io(&self, source: std::io::Error) -> LastKnownError {
        LastKnownError::Io { path: self.path.clone(), source }
    }

    fn unbelievable(&self, why: &str) -> LastKnownError {
        LastKnownError::Unbelievable { path: self.path.clone(), why: why.to_owned() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is inside the seal.
#[derive(Serialize, Deserialize)]
struct Form {
    form: u32,
    written_at: Micros,
    revision: i64,
    master: Option<KeyHash>,
    providers: Vec<ProviderForm>,
    routes: Vec<RouteRecord>,
    prices: Vec<PriceRow>,
    teams: Vec<TeamRecord>,
    organizations: Vec<OrganizationRecord>,
    #[serde(default)]
    firewall_rules: Vec<RuleRecord>,
    #[serde(default)]
    firewall_policies: Vec<PolicyRecord>,
    keys: Vec<KeyForm>,
}

#[derive(Serialize, Deserialize)]
struct ProviderForm {
    record: ProviderRecord,
    api_keys: Vec<(String, u32)>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct KeyForm {
    key: KeyRecord,
    doors: Vec<(KeyHash, Option<Micros>)>,
}

impl Form {
    fn of(configuration: &Configuration, keys: &[Arc<KeyAccess>], master: Option<KeyHash>, written_at: Micros) -> Self {
        let text = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
        let provider = |Provider { record, secrets }: &Provider| ProviderForm {
            record: record.clone(),
            api_keys: secrets.api_keys.iter().map(|key| (key.key.expose().clone(), key.weight)).collect(),
            access_key_id: text(&secrets.access_key_id),
            secret_access_key: text(&secrets.secret_access_key),
            session_token: text(&secrets.session_token),
        };
        let key = |access: &Arc<KeyAccess>| KeyForm {
            key: access.key.clone(),
            doors: access.doors.iter().map(|door| (door.hash, door.until)).collect(),
        };
        Self {
            form: FORM,
            written_at,
            revision: configuration.revision.0,
            master,
            providers: configuration.providers.iter().map(provider).collect(),
            routes: configuration.routes.clone(),
            prices: configuration.prices.clone(),
            teams: configuration.teams.clone(),
            organizations: configuration.organizations.clone(),
            firewall_rules: configuration.firewall_rules.clone(),
            firewall_policies: configuration.firewall_policies.clone(),
            keys: keys.iter().map(key).collect(),
        }
    }
}

impl From<Form> for Recalled {
    fn from(form: Form) -> Self {
        let provider = |form: ProviderForm| Provider {
            record: form.record,
            secrets: ProviderSecrets {
                api_keys: form.api_keys.into_iter().map(|(key, weight)| ApiKey { key: Secret::new(key), weight }).collect(),
                access_key_id: form.access_key_id.map(Secret::new),
                secret_access_key: form.secret_access_key.map(Secret::new),
                session_token: form.session_token.map(Secret::new),
            },
        };
        let key = |form: KeyForm| KeyAccess {
            key: form.key,
            doors: form.doors.into_iter().map(|(hash, until)| KeyDoor { hash, until }).collect(),
        };
        Self {
            configuration: Configuration {
                revision: Revision(form.revision),
                providers: form.providers.into_iter().map(provider).collect(),
                routes: form.routes,
                prices: form.prices,
                teams: form.teams,
                organizations: form.organizations,
                firewall_rules: form.firewall_rules,
                firewall_policies: form.firewall_policies,
            },
            keys: form.keys.into_iter().map(key).collect(),
            master: form.master,
            written_at: form.written_at,
        }
    }
}

#[cfg(test)]
mod tests;
