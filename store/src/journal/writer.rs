//! Writing to the journal: into a buffer, and with one `write(2)` a flush to the kernel.
//!
//! The invariant: the file holds a prefix of what was recorded, in order; a write that fails or falls short is taken up where it
//! stopped, so a full disk tears nothing. Never done here: `fsync`; see [`super::Journal::sync`].

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use fluxa_domain::id::CallId;

use crate::records::ledger::Finished;

use super::begin::Begin;
use super::book::Book;
use super::lock;
use super::record::{self, Kind};
use super::segment::{Name, Segment};

/// Buffers larger than this are given back after a flush: one huge row must not cost memory for ever.
const BUFFER_KEEP_BYTES: usize = 64 * 1024;

/// Writes the records of one thread. Records are in the kernel's hands after [`Self::flush`], not before.
#[derive(Debug)]
pub struct JournalWriter {
    inner: Option<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    name: Name,
    segment_bytes: u64,
    segment: Segment,
    /// Recorded, not yet written.
    buffer: Vec<u8>,
    book: Arc<Mutex<Book>>,
}

impl JournalWriter {
    /// A writer that writes nothing.
    pub(super) const fn none() -> Self {
        Self { inner: None }
    }

    /// A writer with a first segment.
    pub(super) fn open(folder: PathBuf, name: Name, segment_bytes: u64) -> io::Result<Self> {
        let segment = Segment::create(&folder, name)?;
        let mut book = Book::new();
        book.started(name.sequence, segment.path.clone(), Arc::clone(&segment.file));
        let book = Arc::new(Mutex::new(book));
        Ok(Self { inner: Some(Inner { folder, name, segment_bytes, segment, buffer: Vec::new(), book }) })
    }

    pub(super) fn book(&self) -> Option<Arc<Mutex<Book>>> {
        self.inner.as_ref().map(|inner| Arc::clone(&inner.book))
    }

    /// Records the row to keep if we die. Once more for the same call replaces it (a better estimate, another provider).
    pub fn begin(&mut self, begin: &Begin<'_>) {
        if let Some(inner) = &mut self.inner {
            record::put(&mut inner.buffer, inner.segment.salt, Kind::Begin, |out| begin.encode(out));
            lock(&inner.book).wrote(begin.id);
        }
    }

    /// [`Self::begin`] and [`Self::flush`] with one `write(2)`: after it returns, the call outlives this process. When it fails,
    /// the call was not recorded (nothing of it stays in memory either) and must not be made.
    ///
    /// # Errors
    /// What the system said; `StorageFull` when the disk is full.
    pub fn admit(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        let before = self.pending_bytes();
        self.begin(begin);
        let Some(inner) = &mut self.inner else { return Ok(()) };
        let recorded = inner.buffer.len() - before;
        let flushed = inner.flush();
        if flushed.is_err() {
            // It is the last record, so as many bytes as it has are still here exactly when none of it is in the file.
            match inner.buffer.len().checked_sub(recorded) {
                Some(kept) => inner.buffer.truncate(kept),
                // A part is in the file already: its rest must follow, and then the word that it does not count.
                None => inner.void(begin.id),
            }
            lock(&inner.book).voided(begin.id);
        }
        flushed
    }

    /// Records the finished row of a call (also of one that was never begun, such as a refusal). It waits in the journal until
    /// [`super::Journal::committed`].
    pub fn end(&mut self, finished: &Finished) {
        if let Some(inner) = &mut self.inner {
            record::put(&mut inner.buffer, inner.segment.salt, Kind::End, |out| out.extend_from_slice(finished.json.as_bytes()));
            lock(&inner.book).wrote(finished.entry.id);
        }
    }

    /// Records that a call that was begun was not made and has no row. Nothing waits for it any more.
    pub fn void(&mut self, id: CallId) {
        if let Some(inner) = &mut self.inner {
            inner.void(id);
            lock(&inner.book).voided(id);
        }
    }

    /// Gives everything recorded to the kernel, with one `write(2)` as a rule, and starts a new segment when this one is full.
    ///
    /// # Errors
    /// What the system said; nothing recorded is lost, the next flush goes on where this one stopped.
    pub fn flush(&mut self) -> io::Result<()> {
        self.inner.as_mut().map_or(Ok(()), Inner::flush)
    }

    /// Puts another file in place of the segment's and returns the former, to see what a full disk does.
    #[cfg(test)]
    pub(super) fn swap_file(&mut self, file: Arc<std::fs::File>) -> Arc<std::fs::File> {
        match &mut self.inner {
            Some(inner) => std::mem::replace(&mut inner.segment.file, file),
            None => file,
        }
    }

    /// Bytes recorded and not yet written.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.inner.as_ref().map_or(0, |inner| inner.buffer.len())
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        if let Some(inner) = &mut self.inner {
            if let Err(error) = inner.flush() {
                tracing::error!(%error, "cannot write the last {} bytes of the journal", inner.buffer.len());
            }
            lock(&inner.book).closed();
        }
    }
}

impl Inner {
    fn void(&mut self, id: CallId) {
        record::put(&mut self.buffer, self.segment.salt, Kind::Void, |out| record::put_id(out, id));
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut done = 0;
        let mut result = Ok(());
        while let Some(rest) = self.buffer.get(done..).filter(|rest| !rest.is_empty()) {
            match (&*self.segment.file).write(rest) {
                Ok(0) => result = Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => done += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => result = Err(error),
            }
            if result.is_err() {
                break;
            }
        }
        self.segment.bytes += done as u64;
        if done == self.buffer.len() {
            self.buffer.clear();
            self.buffer.shrink_to(BUFFER_KEEP_BYTES);
        } else {
            self.buffer.drain(..done);
        }
        lock(&self.book).flushed(done as u64);
        result?;
        if self.segment.bytes >= self.segment_bytes {
            self.rotate();
        }
        Ok(())
    }

    /// Goes on in a new segment. When none can be made, the old one simply grows.
    fn rotate(&mut self) {
        let name = Name { sequence: self.name.sequence + 1, ..self.name };
        match Segment::create(&self.folder, name) {
            Ok(segment) => {
                lock(&self.book).started(name.sequence, segment.path.clone(), Arc::clone(&segment.file));
                self.name = name;
                self.segment = segment;
            }
            Err(error) => tracing::warn!(%error, "cannot start the journal segment {name}"),
        }
    }
}
