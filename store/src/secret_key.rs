//! The one secret of an installation: 32 bytes from the environment, or from a 0600 file beside the database.
//!
//! Everything else is derived from it under a label: the key that seals provider keys, and the pepper of virtual keys.
//! Never done here: showing it. Start reading at [`load_or_create_secret_key`].

use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use fluxa_domain::secret::Secret;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::SecretKeyError;
use crate::seal::Sealer;

/// Bytes of the secret key.
const KEY_BYTES: usize = 32;

/// Largest key file that is read; ours has 45 bytes.
const MAX_FILE_BYTES: u64 = 4_096;

const READ: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, READ);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, READ);

/// The secret key of an installation. Shown by nothing, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Secret<[u8; KEY_BYTES]>);

impl SecretKey {
    /// Wraps 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The sealer of provider secrets.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        Sealer::new(self.derive("fluxa/v1/seal"))
    }

    /// The pepper under which virtual keys are hashed (`fluxa_domain::key::hash`).
    #[must_use]
    pub fn pepper(&self) -> [u8; 32] {
        self.derive("fluxa/v1/pepper")
    }

    /// A key of its own for `label`, HMAC-SHA-256 of the label under the secret key.
    #[must_use]
    pub fn derive(&self, label: &str) -> [u8; 32] {
        match <Hmac<Sha256> as Mac>::new_from_slice(self.0.expose()) {
            Ok(mut mac) => {
                mac.update(label.as_bytes());
                mac.finalize().into_bytes().into()
            }
            // HMAC takes keys of every length, so this is never reached; it keeps the function total.
            Err(_) => [0; 32],
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secret key: `env` when given (base64 of exactly 32 bytes), else the file `<db_path>.key`, which is made with mode 0600
/// when it does not exist.
///
/// # Errors
/// [`SecretKeyError::Malformed`] for a wrong length or alphabet, [`SecretKeyError::Readable`] when group or world may read the
/// file, [`SecretKeyError::Io`] when it cannot be read or made.
pub fn load_or_create_secret_key(db_path: &Path, env: Option<&str>) -> Result<SecretKey, SecretKeyError> {
    if let Some(text) = env {
        return decode(text, "FLUXA_SECRET_KEY");
    }
    let path = key_path(db_path);
    match create(&path) {
        Err(SecretKeyError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => read(&path),
        made => made,
    }
}

/// The file that holds the key of a database: its path and `.key`.
#[must_use]
pub fn key_path(db_path: &Path) -> PathBuf {
    let mut name = db_path.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

fn create(path: &Path) -> Result<SecretKey, SecretKeyError> {
    let io = |source| SecretKeyError::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(io)?;
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(SecretKeyError::Random)?;
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(bytes)));
    // On the disk before anything is sealed with it: a key that is lost in a power cut loses every provider's key with it.
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    let key = SecretKey::new(bytes);
    bytes.zeroize();
    Ok(key)
}

fn read(path: &Path) -> Result<SecretKey, SecretKeyError> {
    let io = |source| SecretKeyError::Io { path: path.to_owned(), source };
    let meta = std::fs::metadata(path).map_err(io)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&meta) & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SecretKeyError::Readable { path: path.to_owned(), mode });
        }
    }
    if meta.len() > MAX_FILE_BYTES {
        return Err(SecretKeyError::Malformed { origin: path.display().to_string(), why: format!("the file has {} bytes", meta.len()) });
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(io)?);
    decode(&text, &path.display().to_string())
}

fn decode(text: &str, origin: &str) -> Result<SecretKey, SecretKeyError> {
    let malformed = |why: String| SecretKeyError::Malformed { origin: origin.to_owned(), why };
    let text = text.trim();
    if text.is_empty() {
        return Err(malformed(String::from("it is empty")));
    }
    let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|_| malformed(String::from("it is not base64")))?;
    let bytes = Zeroizing::new(bytes);
    let exact: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| malformed(format!("it has {} bytes", bytes.len())))?;
    Ok(SecretKey::new(exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_must_hold_exactly_32_bytes() {
        let db = Path::new("/nonexistent/fluxa.db");
        let check = |text: &str, expect: &str| {
            let message = load_or_create_secret_key(db, Some(text)).unwrap_err().to_string();
            assert!(message.contains(expect) && (text.is_empty() || !message.contains(text)), "{message}");
        };
        check("", "empty");
        check("!!!!", "not base64");
        check(&STANDARD.encode([1; 31]), "31 bytes");
        check(&STANDARD.encode([1; 33]), "33 bytes");
        let key = load_or_create_secret_key(db, Some(&format!(" {}\n", STANDARD.encode([255; 32])))).unwrap();
        assert_eq!(key, SecretKey::new([255; 32]));
        assert_eq!(load_or_create_secret_key(db, Some(&URL_SAFE.encode([255; 32]))).unwrap(), key);
    }

    #[test]
    fn the_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let db = folder.path().join("fluxa.db");
        let first = load_or_create_secret_key(&db, None).unwrap();
        assert_eq!(load_or_create_secret_key(&db, None).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let path = key_path(&db);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let message = load_or_create_secret_key(&db, None).unwrap_err().to_string();
            assert!(message.contains("0644") && message.contains("chmod 600"), "{message}");
        }
    }

    #[test]
    fn derived_keys_differ_from_each_other_and_from_the_secret() {
        let key = SecretKey::new([3; 32]);
        assert_ne!(key.pepper(), key.derive("fluxa/v1/seal"));
        assert_ne!(key.pepper(), [3; 32]);
        assert_eq!(format!("{key:?}"), "***");
    }
}
