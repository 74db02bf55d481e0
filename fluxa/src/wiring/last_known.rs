//! Where a member of a cluster keeps its configuration, and what it begins with when the database is away.

use std::sync::Arc;

use fluxa_gateway::LastKnown;

use crate::boot::Opened;
use crate::config::Config;
use crate::config::mode::{self, Mode};

/// The label under which the key of the file comes from the secret key.
const LABEL: &str = "fluxa/v1/last-known";

/// The file of this process; none in the embedded mode, whose database is on the same disk.
pub(super) fn of(config: &Config, opened: &Opened, mode: Mode) -> Option<Arc<LastKnown>> {
    if mode == Mode::Embedded {
        return None;
    }
    let kept = file(config, &opened.secret_key).with_master(Some(opened.master.hash));
    Some(Arc::new(match opened.recalled.clone() {
        Some(recalled) => kept.starting_with(recalled),
        None => kept,
    }))
}

/// The file alone.
pub(crate) fn file(config: &Config, secret_key: &fluxa_store::SecretKey) -> LastKnown {
    LastKnown::new(&mode::spool_folder(config), fluxa_store::Sealer::new(secret_key.derive(LABEL)))
}
