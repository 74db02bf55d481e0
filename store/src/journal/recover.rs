//! What segments of an earlier process mean.
//!
//! For each call: an `end` is its row; else a `void` is no row; else the last `begin` is an abandoned row. Whether a row is in
//! the ledger already is not known here and need not be: appending is idempotent.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;

use super::begin::Begin;
use super::record::{self, Kind, Records};
use super::{JournalError, segment};
use crate::records::ledger::Finished;

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

/// What an earlier process left, read one segment at a time: what waited for hours need not fit into memory.
#[derive(Debug)]
pub struct Recovery {
    paths: std::vec::IntoIter<PathBuf>,
    reading: Option<Reading>,
    /// Without entries: those were given out.
    recovered: Recovered,
}

impl Recovery {
    /// Finished rows of the next segment, perhaps none; at the end the abandoned ones, and then `None`.
    ///
    /// # Errors
    /// [`JournalError::Io`] when the segment cannot be read.
    pub fn next_rows(&mut self) -> Result<Option<Vec<Entry>>, JournalError> {
        let Some(reading) = &mut self.reading else { return Ok(None) };
        let Some(path) = self.paths.next() else {
            return Ok(self.reading.take().map(Reading::rows));
        };
        let bytes = std::fs::read(&path).map_err(|source| JournalError::Io { path: path.clone(), source })?;
        if !reading.read(&bytes) {
            tracing::error!(path = %path.display(), "the journal segment {} is damaged", path.display());
            self.recovered.damaged.push(path.clone());
        }
        self.recovered.segments.push(path);
        Ok(Some(std::mem::take(&mut reading.finished)))
    }

    /// What was read, to be given to [`super::Journal::discard`] when all rows were appended.
    #[must_use]
    pub fn done(self) -> Recovered {
        self.recovered
    }
}

/// Begins to read all segments of generations before `generation`.
pub(super) fn recovery(folder: &Path, generation: u64) -> Result<Recovery, JournalError> {
    let names = segment::list(folder).map_err(|source| JournalError::Io { path: folder.to_owned(), source })?;
    let former = names.into_iter().filter(|name| name.generation < generation);
    let paths: Vec<PathBuf> = former.map(|name| folder.join(name.to_string())).collect();
    Ok(Recovery { paths: paths.into_iter(), reading: Some(Reading::default()), recovered: Recovered::default() })
}

/// Nothing to read.
pub(super) fn nothing() -> Recovery {
    Recovery { paths: Vec::new().into_iter(), reading: None, recovered: Recovered::default() }
}

/// Reads all segments of generations before `generation`.
pub(super) fn recover(folder: &Path, generation: u64) -> Result<Recovered, JournalError> {
    let mut recovery = recovery(folder, generation)?;
    let mut entries = Vec::new();
    while let Some(mut rows) = recovery.next_rows()? {
        entries.append(&mut rows);
    }
    entries.sort_by_key(|entry| (entry.at, entry.id));
    Ok(Recovered { entries, ..recovery.done() })
}

/// The finished rows of these calls in a segment that may still be written to.
pub(super) fn finished_in(path: &Path, calls: &HashSet<CallId>) -> std::io::Result<Vec<Finished>> {
    let bytes = std::fs::read(path)?;
    let texts = Records::of(&bytes).filter(|(kind, _)| *kind == Kind::End).filter_map(|(_, payload)| std::str::from_utf8(payload).ok());
    let rows = texts.filter_map(|text| Finished::from_json(text.to_owned()).ok());
    Ok(rows.filter(|finished| calls.contains(&finished.entry.id)).collect())
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
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Finished rows, as they were found.
    finished: Vec<Entry>,
    /// All calls that have a finished row, those included that were taken from `finished`.
    ended: HashSet<CallId>,
    /// Calls that were begun and, as far as is known, neither ended nor voided.
    begun: HashMap<CallId, Entry>,
}

impl Reading {
    /// Reads one segment; false when it is damaged.
    pub(super) fn read(&mut self, bytes: &[u8]) -> bool {
        let mut records = Records::of(bytes);
        let mut understood = true;
        for (kind, payload) in records.by_ref() {
            understood &= self.apply(kind, payload).is_some();
        }
        understood && !records.damaged
    }

    /// The rows, oldest first.
    pub(super) fn rows(self) -> Vec<Entry> {
        let mut rows = self.finished;
        rows.extend(self.begun.into_values());
        rows.sort_by_key(|entry| (entry.at, entry.id));
        rows
    }

    /// Takes one record into account; `None` when its payload is not what its kind promises (a newer version wrote it).
    fn apply(&mut self, kind: Kind, payload: &[u8]) -> Option<()> {
        match kind {
            Kind::Begin => {
                let entry = Begin::decode(payload)?;
                if !self.ended.contains(&entry.id) {
                    self.begun.insert(entry.id, entry);
                }
            }
            Kind::Void => {
                self.begun.remove(&record::id_of(payload)?);
            }
            Kind::End => {
                let entry: Entry = serde_json::from_slice(payload).ok()?;
                self.begun.remove(&entry.id);
                if self.ended.insert(entry.id) {
                    self.finished.push(entry);
                }
            }
        }
        Some(())
    }
}
