//! Names of keys: all of an organisation share its hash tag, so a cluster keeps them in one place.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The organisations that were ever seen, so that reapers know where to look.
pub(super) const ORGANIZATIONS: &str = "fluxa:orgs";

/// The keys of one organisation.
#[derive(Debug)]
pub(super) struct Keys {
    /// `fluxa:{org}:`
    prefix: String,
}

impl Keys {
    pub(super) fn of(organization: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !organization.is_empty() && organization.bytes().all(plain) {
            return Self { prefix: format!("fluxa:{{{organization}}}:") };
        }
        let mut tag = String::from("x");
        for byte in Sha256::digest(organization.as_bytes()).iter().take(8) {
            // Writing to a text does not fail.
            let _ = write!(tag, "{byte:02x}");
        }
        Self { prefix: format!("fluxa:{{{tag}}}:") }
    }

    pub(super) fn epoch(&self) -> String {
        format!("{}epoch", self.prefix)
    }

    pub(super) fn call(&self, id: &str) -> String {
        format!("{}o:{id}", self.prefix)
    }

    pub(super) fn scope(&self, scope: &str) -> String {
        format!("{}c:{scope}", self.prefix)
    }

    pub(super) fn stream(&self) -> String {
        format!("{}s", self.prefix)
    }
}
