//! The journal: what makes `kill -9` lose no usage and count none twice, without a database write on a call's path.
//!
//! Append-only segment files in one folder. A call writes `begin` (the row to keep if we die) before anything is sent upstream
//! and `end` (the finished row) when it is over; each reaches the kernel with one `write(2)`, which outlives the process. When the
//! ledger has the row, its segment may go.
//!
//! The invariant: at every instant, every call that was admitted is in the ledger, or its `begin` or `end` is in a segment. So the
//! rows that [`Journal::recover`] gives at the next start, appended (idempotently), complete the ledger; a row of a call that was
//! cut off is `abandoned` and carries the estimate. A record that is torn or damaged is never taken for another one.
//!
//! # How to use it
//! At start: [`Journal::open`], [`Journal::recover`], `Store::append` the rows, [`Journal::discard`]. One [`JournalWriter`] for
//! each data-plane thread: [`JournalWriter::begin`] and [`JournalWriter::flush`], or [`JournalWriter::admit`] for both, before the first byte
//! goes upstream (refuse the call when it fails: the disk is full), [`JournalWriter::end`] when the call is over and before its row is handed to the ledger's writer,
//! [`JournalWriter::flush`] before the answer's last byte or once a turn of the loop. The ledger's writer: `Store::append`, then [`Journal::committed`] with the same ids. Somebody, every second or
//! so, off the data plane: [`Journal::sync`], which bounds what a power cut (not a crash of the process) may lose.
//!
//! Read `journal/record.rs` (the bytes) and `journal/recover.rs` (what they mean) first.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fluxa_domain::id::CallId;

mod begin;
mod book;
mod record;
mod recover;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

pub use begin::Begin;
pub use recover::{Recovered, Recovery};
pub use writer::JournalWriter;

use book::Book;

use crate::records::ledger::Finished;

/// Bytes after which a writer starts a new segment: small enough that finished ones go soon, large enough that files are rare.
pub const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

/// Rows that the ledger refuses for ever.
const DEAD_LETTERS: &str = "dead-letters.jsonl";

/// A journal that cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open.
    #[error("the journal {0} is in use by another process")]
    InUse(PathBuf),
    /// The folder or a segment cannot be read or written.
    #[error("journal {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The journal of a process. Cheap to clone; all clones are the same journal.
#[derive(Clone, Debug)]
pub struct Journal {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// Held as long as the journal is open; the system lets go of it when the process dies.
    _lock: File,
    /// One more than the newest generation found: segments of this process sort after all older ones.
    generation: u64,
    segment_bytes: u64,
    next_writer: AtomicU32,
    /// The book of every writer, those that are gone included, until their segments are.
    books: Mutex<Vec<Arc<Mutex<Book>>>>,
}

impl Journal {
    /// Opens the journal in `folder`, made when missing. What an earlier process left is kept until [`Self::discard`].
    ///
    /// # Errors
    /// [`JournalError::InUse`] when another process has it open, [`JournalError::Io`] otherwise.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        Self::open_sized(folder, SEGMENT_BYTES)
    }

    /// [`Self::open`] with another size of segments in bytes, for tests of rotation.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_sized(folder: &Path, segment_bytes: u64) -> Result<Self, JournalError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Io { path, source }
        };
        std::fs::create_dir_all(folder).map_err(io(folder))?;
        let lock_path = folder.join("lock");
        let mut options = std::fs::OpenOptions::new();
        options.create(true).truncate(false).write(true);
        segment::owner_only(&mut options);
        let lock = options.open(&lock_path).map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(JournalError::InUse(folder.to_owned())),
            Err(std::fs::TryLockError::Error(source)) => return Err(JournalError::Io { path: lock_path, source }),
        }
        let newest = segment::list(folder).map_err(io(folder))?.into_iter().map(|name| name.generation).max();
        Ok(Self {
            inner: Some(Arc::new(Inner {
                folder: folder.to_owned(),
                _lock: lock,
                generation: newest.map_or(1, |newest| newest + 1),
                segment_bytes,
                next_writer: AtomicU32::new(0),
                books: Mutex::default(),
            })),
        })
    }

    /// A journal that writes nothing and recovers nothing: for tests and for stores in memory.
    #[must_use]
    pub const fn none() -> Self {
        Self { inner: None }
    }

    /// A writer for one thread, with a segment of its own.
    ///
    /// # Errors
    /// The segment cannot be made.
    pub fn writer(&self) -> Result<JournalWriter, JournalError> {
        let Some(inner) = &self.inner else { return Ok(JournalWriter::none()) };
        let number = inner.next_writer.fetch_add(1, Ordering::Relaxed);
        let name = segment::Name { generation: inner.generation, writer: number, sequence: 0 };
        let writer = JournalWriter::open(inner.folder.clone(), name, inner.segment_bytes)
            .map_err(|source| JournalError::Io { path: inner.folder.join(name.to_string()), source })?;
        if let Some(book) = writer.book() {
            lock(&inner.books).push(book);
        }
        Ok(writer)
    }

    /// The ledger has these calls for good (`Store::append` returned): segments in which nothing else waits are deleted.
    pub fn committed(&self, ids: &[CallId]) {
        let Some(inner) = &self.inner else { return };
        let books: Vec<Arc<Mutex<Book>>> = lock(&inner.books).clone();
        for book in &books {
            lock(book).committed(ids);
        }
        lock(&inner.books).retain(|book| !lock(book).is_finished());
    }

    /// Calls that wait to be committed: begun or ended, and not known to be in the ledger.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let Some(inner) = &self.inner else { return 0 };
        lock(&inner.books).iter().map(|book| lock(book).waiting()).sum()
    }

    /// The row of this call, which was [`JournalWriter::end`]ed and flushed, is kept in no memory: [`Self::waiting_rows`] gives it
    /// when there is room again. False where the journal does not have it.
    #[must_use]
    pub fn spool(&self, id: CallId) -> bool {
        let Some(inner) = &self.inner else { return false };
        lock(&inner.books).iter().any(|book| lock(book).spool(id))
    }

    /// Rows that were [`Self::spool`]ed and are not [`Self::committed`], read from the disk: those of one segment, which is the
    /// oldest one of its writer. None when nothing is spooled, or when what is has not reached its file yet. Blocks.
    ///
    /// # Errors
    /// A segment that cannot be read, where no other one has rows.
    pub fn waiting_rows(&self) -> io::Result<Vec<Finished>> {
        let Some(inner) = &self.inner else { return Ok(Vec::new()) };
        let books: Vec<Arc<Mutex<Book>>> = lock(&inner.books).clone();
        let mut failed = None;
        for book in &books {
            let mut former = None;
            loop {
                let Some((sequence, path, calls)) = lock(book).spooled_after(former) else { break };
                former = Some(sequence);
                match recover::finished_in(&path, &calls) {
                    Ok(rows) if rows.is_empty() => {}
                    Ok(rows) => return Ok(rows),
                    Err(error) => failed = Some(error),
                }
            }
        }
        failed.map_or_else(|| Ok(Vec::new()), Err)
    }

    /// Bytes of all segments of this process that are still needed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let Some(inner) = &self.inner else { return 0 };
        lock(&inner.books).iter().map(|book| lock(book).bytes()).sum()
    }

    /// Whether there is a journal at all.
    #[must_use]
    pub const fn is_real(&self) -> bool {
        self.inner.is_some()
    }

    /// Forces what was written to the disk (`fdatasync`), against power cuts. Blocks for milliseconds: not on a data-plane thread.
    ///
    /// # Errors
    /// The first error of the system; the others are tried all the same.
    pub fn sync(&self) -> io::Result<()> {
        let Some(inner) = &self.inner else { return Ok(()) };
        let files: Vec<Arc<File>> = lock(&inner.books).iter().flat_map(|book| lock(book).unsynced()).collect();
        if files.is_empty() {
            return Ok(());
        }
        let synced = files.iter().map(|file| file.sync_data()).fold(Ok(()), io::Result::and);
        // The folder too, or the names of new segments are lost with the power.
        synced.and(File::open(&inner.folder).and_then(|folder| folder.sync_all()))
    }

    /// Puts a row that the ledger refuses for ever aside, for people: one line of JSON in `dead-letters.jsonl` in the journal's
    /// folder, which only the owner may read. On the disk when this returns. False where there is no journal.
    ///
    /// # Errors
    /// What the system said; then the row is not kept there.
    pub fn bury(&self, finished: &Finished) -> io::Result<bool> {
        self.bury_text(finished.json())
    }

    /// [`Self::bury`] for what should be a row's JSON and is not.
    ///
    /// # Errors
    /// As [`Self::bury`].
    pub fn bury_text(&self, json: &str) -> io::Result<bool> {
        let Some(inner) = &self.inner else { return Ok(false) };
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true);
        segment::owner_only(&mut options);
        let mut file = options.open(inner.folder.join(DEAD_LETTERS))?;
        // One write, so that a line is whole or missing.
        file.write_all(format!("{}\n", json.replace('\n', " ")).as_bytes())?;
        file.sync_data()?;
        Ok(true)
    }

    /// Reads what an earlier process left: finished rows that may not be in the ledger, and abandoned ones. Changes nothing.
    ///
    /// # Errors
    /// [`JournalError::Io`] when a segment cannot be read.
    pub fn recover(&self) -> Result<Recovered, JournalError> {
        match &self.inner {
            Some(inner) => recover::recover(&inner.folder, inner.generation),
            None => Ok(Recovered::default()),
        }
    }

    /// [`Self::recover`] one segment at a time. Changes nothing.
    ///
    /// # Errors
    /// [`JournalError::Io`] when the folder cannot be read.
    pub fn recovery(&self) -> Result<Recovery, JournalError> {
        match &self.inner {
            Some(inner) => recover::recovery(&inner.folder, inner.generation),
            None => Ok(recover::nothing()),
        }
    }

    /// Deletes the segments that `recovered` was read from; to be called after its entries were appended. Damaged ones are kept
    /// under another name, for people.
    ///
    /// # Errors
    /// [`JournalError::Io`]; nothing is lost, the next start reads the rest again.
    pub fn discard(&self, recovered: Recovered) -> Result<(), JournalError> {
        recover::discard(recovered)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
