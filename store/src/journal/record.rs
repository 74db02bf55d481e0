//! The bytes of a segment: a head, then records, each with its length and checksum.
//!
//! ```text
//! segment  = "FLUXAJ1\n"  salt[8]  record*
//! record   = mark[4]  kind  0 0 0  length[4 LE]  crc32[4 LE]  payload[length]
//! crc32    = of salt, kind, length and payload
//! ```
//! The salt is random for each segment, so bytes of another segment, or bytes that a client put into a payload, are never taken
//! for a record. The mark holds 0xFF, which is in no UTF-8 text: after damage, reading goes on at the next mark that checks out.

use fluxa_domain::id::CallId;

/// First bytes of every segment.
const MAGIC: [u8; 8] = *b"FLUXAJ1\n";

/// Bytes of a segment's head.
pub(super) const HEAD_BYTES: usize = 16;

/// First bytes of every record.
const MARK: [u8; 4] = [0xFF, 0xF1, 0xA7, 0xFE];

/// Bytes of a record before its payload.
const RECORD_HEAD_BYTES: usize = 16;

/// Largest payload that is believed. Bodies of 32 MiB, kept twice and escaped, stay below it.
const MAX_PAYLOAD_BYTES: usize = 512 * 1024 * 1024;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A call was admitted; the payload is its row if we die. A later one for the same call replaces it.
    Begin = 1,
    /// A call is over; the payload is its row, as JSON.
    End = 2,
    /// A call that was begun was not made after all; the payload is its id.
    Void = 3,
}

impl Kind {
    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Begin),
            2 => Some(Self::End),
            3 => Some(Self::Void),
            _ => None,
        }
    }
}

/// The salt of one segment.
pub(super) type Salt = [u8; 8];

/// The head of a new segment.
pub(super) fn head(salt: Salt) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    let (magic, rest) = head.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    rest.copy_from_slice(&salt);
    head
}

/// Appends a record whose payload `write` appends.
pub(super) fn put(out: &mut Vec<u8>, salt: Salt, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&[kind as u8, 0, 0, 0]);
    out.extend_from_slice(&[0; 8]);
    write(out);
    let payload_start = start + RECORD_HEAD_BYTES;
    let length = u32::try_from(out.len() - payload_start).unwrap_or(u32::MAX).to_le_bytes();
    let crc = checksum(salt, kind as u8, length, out.get(payload_start..).unwrap_or_default()).to_le_bytes();
    for (place, bytes) in [(start + 8, length), (start + 12, crc)] {
        if let Some(room) = out.get_mut(place..place + 4) {
            room.copy_from_slice(&bytes);
        }
    }
}

/// The payload of [`Kind::Void`].
pub(super) fn put_id(out: &mut Vec<u8>, id: CallId) {
    out.extend_from_slice(id.0.as_bytes());
}

/// Reads the payload of [`Kind::Void`].
pub(super) fn id_of(payload: &[u8]) -> Option<CallId> {
    uuid::Uuid::from_slice(payload).ok().map(CallId)
}

/// The whole records of a segment, in order.
pub(super) struct Records<'a> {
    rest: &'a [u8],
    salt: Salt,
    /// Whether bytes were skipped that are neither a record nor a torn tail.
    pub(super) damaged: bool,
}

impl<'a> Records<'a> {
    /// The records of a segment's bytes. A head that is cut short belongs to a segment without records; any other head that is
    /// not ours is damage.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        match bytes.split_first_chunk::<HEAD_BYTES>() {
            Some((head, rest)) => {
                let (magic, salt_bytes) = head.split_at(MAGIC.len());
                let mut salt = Salt::default();
                salt.copy_from_slice(salt_bytes);
                // A damaged magic does not matter as long as the salt is right: the checksums decide.
                Self { rest, salt, damaged: magic != MAGIC }
            }
            None => Self { rest: &[], salt: Salt::default(), damaged: !head_prefix(bytes) },
        }
    }

    /// The record at the start of `bytes`, and its length in all.
    fn record_at(&self, bytes: &'a [u8]) -> Option<(Kind, &'a [u8], usize)> {
        let (head, rest) = bytes.split_first_chunk::<RECORD_HEAD_BYTES>()?;
        let [m0, m1, m2, m3, kind, 0, 0, 0, l0, l1, l2, l3, c0, c1, c2, c3] = *head else { return None };
        let length = [l0, l1, l2, l3];
        let payload_bytes = usize::try_from(u32::from_le_bytes(length)).ok().filter(|bytes| *bytes <= MAX_PAYLOAD_BYTES)?;
        let payload = rest.get(..payload_bytes)?;
        let whole = [m0, m1, m2, m3] == MARK && checksum(self.salt, kind, length, payload) == u32::from_le_bytes([c0, c1, c2, c3]);
        Some((Kind::of(kind).filter(|_| whole)?, payload, RECORD_HEAD_BYTES + payload_bytes))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (Kind, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut skipped = 0;
        while let Some(here) = self.rest.get(skipped..).filter(|here| !here.is_empty()) {
            if let Some((kind, payload, bytes)) = self.record_at(here) {
                self.damaged |= skipped > 0;
                self.rest = here.get(bytes..).unwrap_or_default();
                return Some((kind, payload));
            }
            skipped += 1 + next_mark(here.get(1..).unwrap_or_default());
        }
        // No record follows: a tail that was torn while it was written, which is no damage.
        self.rest = &[];
        None
    }
}

/// How far the next mark is; the length of `bytes` when there is none.
fn next_mark(bytes: &[u8]) -> usize {
    bytes.windows(MARK.len()).position(|window| window == MARK).unwrap_or(bytes.len())
}

fn head_prefix(bytes: &[u8]) -> bool {
    bytes.iter().zip(MAGIC).all(|(byte, expected)| *byte == expected)
}

fn checksum(salt: Salt, kind: u8, length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt);
    hasher.update(&[kind]);
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}
