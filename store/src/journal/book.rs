//! Which calls wait in which segments of one writer, so that a segment is deleted as soon as nothing waits in it.
//!
//! The invariant: a segment file exists while it is written to, or while a call that wrote its first or its last record there is
//! not committed. (A call's records in between may go: the first keeps its `begin`, the last its `end`.) A segment that says of
//! earlier ones' calls that they do not count outlives those.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use fluxa_domain::id::CallId;

/// The book of one writer, shared between it and the ledger's writer.
#[derive(Debug)]
pub(super) struct Book {
    /// The first and the last segment that hold records of a call.
    calls: HashMap<CallId, (u32, u32)>,
    segments: BTreeMap<u32, Waiting>,
    /// The segment that is written to; `None` when the writer is gone.
    current: Option<u32>,
}

#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    file: Arc<File>,
    /// Calls whose first or last record is here.
    calls: usize,
    /// Voids calls that began in earlier segments, so it may not go before they have gone.
    voids: bool,
    /// Written to since the last sync, as far as is known.
    unsynced: bool,
    /// Bytes written, the head not counted.
    bytes: u64,
    /// Calls whose finished row is here and nowhere in memory.
    spooled: HashSet<CallId>,
}

impl Book {
    /// A book without segments.
    pub(super) fn new() -> Self {
        Self { calls: HashMap::new(), segments: BTreeMap::new(), current: None }
    }

    /// The writer goes on in this segment.
    pub(super) fn started(&mut self, sequence: u32, path: PathBuf, file: Arc<File>) {
        self.segments.insert(sequence, Waiting { path, file, calls: 0, voids: false, unsynced: true, bytes: 0, spooled: HashSet::new() });
        let former = self.current.replace(sequence);
        self.sweep(former);
    }

    /// A record of this call goes into the current segment.
    pub(super) fn wrote(&mut self, id: CallId) {
        let Some(current) = self.current else { return };
        let former = match self.calls.get_mut(&id) {
            // Most calls begin and end in one segment.
            Some((_, last)) if *last == current => return,
            Some((first, last)) => {
                let former = (*first != *last).then_some(*last);
                *last = current;
                former
            }
            None => {
                self.calls.insert(id, (current, current));
                None
            }
        };
        if let Some(segment) = self.segments.get_mut(&current) {
            segment.calls += 1;
        }
        self.let_go(former);
    }

    /// A record that voids this call goes into the current segment; nothing waits for the call any more.
    pub(super) fn voided(&mut self, id: CallId) {
        let began_earlier = self.calls.get(&id).is_some_and(|(first, _)| Some(*first) != self.current);
        if let Some(segment) = self.current.and_then(|current| self.segments.get_mut(&current)) {
            segment.voids |= began_earlier;
        }
        self.committed(&[id]);
    }

    /// These calls are in the ledger.
    pub(super) fn committed(&mut self, ids: &[CallId]) {
        for id in ids {
            if let Some((first, last)) = self.calls.remove(id) {
                if let Some(segment) = self.segments.get_mut(&last) {
                    segment.spooled.remove(id);
                }
                self.let_go(Some(first));
                self.let_go((last != first).then_some(last));
            }
        }
        if self.calls.is_empty() && self.calls.capacity() > 1_024 {
            self.calls.shrink_to_fit();
        }
    }

    /// So many bytes were written to the current segment.
    pub(super) fn flushed(&mut self, bytes: u64) {
        if let Some(segment) = self.current.and_then(|current| self.segments.get_mut(&current)) {
            segment.unsynced = true;
            segment.bytes += bytes;
        }
    }

    /// The finished row of this call, whose record was written last, is kept nowhere else. False where the call is not known.
    pub(super) fn spool(&mut self, id: CallId) -> bool {
        let segment = self.calls.get(&id).and_then(|(_, last)| self.segments.get_mut(last));
        segment.is_some_and(|segment| {
            segment.spooled.insert(id);
            true
        })
    }

    /// The oldest segment after `former` that holds rows which are nowhere else, and the calls of those.
    pub(super) fn spooled_after(&self, former: Option<u32>) -> Option<(u32, PathBuf, HashSet<CallId>)> {
        let from = former.map_or(0, |former| former.saturating_add(1));
        let (sequence, segment) = self.segments.range(from..).find(|(_, segment)| !segment.spooled.is_empty())?;
        Some((*sequence, segment.path.clone(), segment.spooled.clone()))
    }

    /// Bytes of all segments that are still there.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    /// The files written to since this was last asked.
    pub(super) fn unsynced(&mut self) -> Vec<Arc<File>> {
        let due = self.segments.values_mut().map(|segment| std::mem::take(&mut segment.unsynced).then(|| Arc::clone(&segment.file)));
        due.flatten().collect()
    }

    /// The writer is gone; its calls may still be committed.
    pub(super) fn closed(&mut self) {
        let former = self.current.take();
        self.sweep(former);
    }

    /// No writer and no segment: nothing will ever happen here again.
    pub(super) fn is_finished(&self) -> bool {
        self.current.is_none() && self.segments.is_empty()
    }

    /// Calls that are not committed.
    pub(super) fn waiting(&self) -> usize {
        self.calls.len()
    }

    fn let_go(&mut self, sequence: Option<u32>) {
        let Some(segment) = sequence.and_then(|sequence| self.segments.get_mut(&sequence)) else { return };
        segment.calls = segment.calls.saturating_sub(1);
        if segment.calls == 0 {
            self.sweep(sequence);
        }
    }

    /// Deletes a segment that nothing needs any more, and then those that only waited for it.
    fn sweep(&mut self, sequence: Option<u32>) {
        let Some(sequence) = sequence else { return };
        if self.segments.get(&sequence).is_some_and(|segment| !segment.voids) {
            self.delete_if_idle(sequence);
        }
        while let Some(oldest) = self.segments.first_key_value().map(|(oldest, _)| *oldest) {
            if !self.delete_if_idle(oldest) {
                return;
            }
        }
    }

    fn delete_if_idle(&mut self, sequence: u32) -> bool {
        if self.current == Some(sequence) || self.segments.get(&sequence).is_none_or(|segment| segment.calls != 0) {
            return false;
        }
        if let Some(segment) = self.segments.remove(&sequence)
            && let Err(error) = std::fs::remove_file(&segment.path)
        {
            // Harmless: at the next start its rows are appended again, which changes nothing.
            tracing::warn!(path = %segment.path.display(), %error, "cannot delete the journal segment {}", segment.path.display());
        }
        true
    }
}
