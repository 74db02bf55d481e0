//! What segments of an earlier process mean.
//!
//! For each call: an `end` is its row; else a `void` is no row; else the last `begin` is an abandoned row. Whether a row is in
//! the ledger already is not known here and need not be: appending is idempotent.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;

use super::begin::Begin;
use super::record::{self, Kind, Records};
use super::{JournalError, segment};

/// What an earlier process left. Append `entries`, then give this to [`super::Journal::discard`].
#[derive(Debug, Default)]
pub struct Recovered {
    /// Finished rows that may not be in the ledger, and abandoned ones, oldest first.
    pub entries: Vec<Entry>,
    /// Segments with damage in the middle (not just a torn end). The rows that could be read are in `entries`.
    pub damaged: Vec<PathBuf>,
    segments: Vec<PathBuf>,
}

impl Recovered {
    /// Whether the earlier process stopped uncleanly: it left calls behind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.damaged.is_empty()
    }
}

/// What is known of a call so far.
enum Fate {
    Begun(Entry),
    Voided,
    Ended(Entry),
}

/// Reads all segments of generations before `generation`.
pub(super) fn recover(folder: &Path, generation: u64) -> Result<Recovered, JournalError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| JournalError::Io { path, source }
    };
    let mut recovered = Recovered::default();
    let mut reading = Reading::default();
    for name in segment::list(folder).map_err(io(folder))?.into_iter().filter(|name| name.generation < generation) {
        let path = folder.join(name.to_string());
        let bytes = std::fs::read(&path).map_err(io(&path))?;
        if !reading.read(&bytes) {
            tracing::error!(path = %path.display(), "the journal segment {} is damaged", path.display());
            recovered.damaged.push(path.clone());
        }
        recovered.segments.push(path);
    }
    recovered.entries = reading.rows();
    Ok(recovered)
}

/// Deletes what was read; renames what is damaged.
pub(super) fn discard(recovered: Recovered) -> Result<(), JournalError> {
    for path in recovered.segments {
        let done = if recovered.damaged.contains(&path) {
            std::fs::rename(&path, path.with_extension("damaged"))
        } else {
            std::fs::remove_file(&path)
        };
        done.map_err(|source| JournalError::Io { path, source })?;
    }
    Ok(())
}

/// Segments read so far, in the order of their names.
#[derive(Default)]
pub(super) struct Reading {
    fates: HashMap<CallId, Fate>,
}

impl Reading {
    /// Reads one segment; false when it is damaged.
    pub(super) fn read(&mut self, bytes: &[u8]) -> bool {
        let mut records = Records::of(bytes);
        let mut understood = true;
        for (kind, payload) in records.by_ref() {
            understood &= apply(kind, payload, &mut self.fates).is_some();
        }
        understood && !records.damaged
    }

    /// The rows, oldest first.
    pub(super) fn rows(self) -> Vec<Entry> {
        let rows = self.fates.into_values().filter_map(|fate| match fate {
            Fate::Begun(entry) | Fate::Ended(entry) => Some(entry),
            Fate::Voided => None,
        });
        let mut rows: Vec<Entry> = rows.collect();
        rows.sort_by_key(|entry| (entry.at, entry.id));
        rows
    }
}

/// Takes one record into account; `None` when its payload is not what its kind promises (a newer version wrote it).
fn apply(kind: Kind, payload: &[u8], fates: &mut HashMap<CallId, Fate>) -> Option<()> {
    match kind {
        Kind::Begin => {
            let entry = Begin::decode(payload)?;
            let fate = fates.entry(entry.id).or_insert(Fate::Voided);
            match fate {
                Fate::Ended(_) => {}
                _ => *fate = Fate::Begun(entry),
            }
        }
        Kind::Void => {
            let fate = fates.entry(record::id_of(payload)?).or_insert(Fate::Voided);
            if matches!(fate, Fate::Begun(_)) {
                *fate = Fate::Voided;
            }
        }
        Kind::End => {
            let entry: Entry = serde_json::from_slice(payload).ok()?;
            fates.insert(entry.id, Fate::Ended(entry));
        }
    }
    Some(())
}
