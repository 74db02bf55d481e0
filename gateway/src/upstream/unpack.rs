//! Packed answers, unpacked as they are read: the content codings gzip (RFC 1952) and deflate (RFC 1950, zlib).
//!
//! Nothing is asked for packed, but some servers and proxies pack all the same. What one read gave is kept packed and unpacked
//! piece by piece, so that no answer, however small it is packed, needs more memory than one read and one piece.

use bytes::{Buf, BytesMut};
use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::body::BodyFault;

/// Bytes of a gzip header's optional parts (a file name, a comment, extra fields) before it counts as an attack.
const MAX_HEADER_BYTES: u32 = 128 * 1024;

/// A buffer for packed bytes that is larger than this is not kept until the next read.
const KEPT_BYTES: usize = 8 * 1024;

/// The content codings that are unpacked (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
}

impl Coding {
    /// The one coding that these values of `content-encoding` name. Nothing where they name another, several or none.
    pub(super) fn named<'a>(values: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut found = None;
        for token in values.flat_map(|value| value.split(',')).map(str::trim) {
            let coding = match token.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "deflate" => Self::Deflate,
                _ => return None,
            };
            // Packed twice.
            if found.replace(coding).is_some() {
                return None;
            }
        }
        found
    }
}

/// A body being unpacked.
#[derive(Debug)]
pub(super) struct Unpacker {
    stage: Stage,
    inflate: Decompress,
    /// Over what the current gzip member has given.
    sum: Crc,
    /// Read, but not unpacked.
    packed: BytesMut,
    /// The last piece filled its room: there may be more without further input.
    more: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A gzip header, or the end of the body: members follow one another (RFC 1952 §2.2).
    Header(Header),
    Data {
        gzip: bool,
    },
    /// A gzip member's checksum and length.
    Trailer {
        seen: [u8; 8],
        len: usize,
    },
    /// The end of a zlib body.
    Over,
}

/// Within a gzip header (RFC 1952 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    flags: u8,
    bytes: u32,
    at: Part,
}

/// The parts of a gzip header, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Fixed,
    ExtraLow,
    ExtraHigh { low: u8 },
    Extra { left: u16 },
    Name,
    Comment,
    SumLow,
    SumHigh,
    Over,
}

/// Flags of a gzip header: a checksum of the header, extra fields, a file name, a comment; the rest is reserved.
const FLAG_SUM: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;
const FLAGS_RESERVED: u8 = 0xE0;

impl Unpacker {
    pub(super) fn new(coding: Coding) -> Self {
        let stage = match coding {
            Coding::Gzip => Stage::Header(Header::new()),
            Coding::Deflate => Stage::Data { gzip: false },
        };
        let inflate = Decompress::new(coding == Coding::Deflate);
        Self { stage, inflate, sum: Crc::new(), packed: BytesMut::new(), more: false }
    }

    /// Takes packed bytes.
    pub(super) fn push(&mut self, packed: &[u8]) {
        self.packed.extend_from_slice(packed);
    }

    /// There is something to unpack before more is read.
    pub(super) fn has_more(&self) -> bool {
        self.more || !self.packed.is_empty()
    }

    /// What was packed ended where it may: behind a whole body, or before its first byte.
    pub(super) fn is_at_end(&self) -> bool {
        let is_over = match self.stage {
            Stage::Over => true,
            Stage::Header(header) => header.bytes == 0,
            Stage::Data { gzip } => !gzip && self.inflate.total_in() == 0,
            Stage::Trailer { .. } => false,
        };
        is_over && !self.has_more()
    }

    /// Unpacks one piece, at most as long as `room`, and gives it to `sink`.
    pub(super) fn step(&mut self, room: &mut [u8], mut sink: impl FnMut(&[u8])) -> Result<(), BodyFault> {
        let mut given = false;
        loop {
            match &mut self.stage {
                Stage::Header(header) => {
                    if !header.read(&mut self.packed)? {
                        break;
                    }
                    self.inflate.reset(false);
                    self.sum.reset();
                    self.stage = Stage::Data { gzip: true };
                }
                Stage::Data { gzip } => {
                    let gzip = *gzip;
                    if given || !self.has_more() {
                        break;
                    }
                    let (taken, made) = (self.inflate.total_in(), self.inflate.total_out());
                    let status = self.inflate.decompress(&self.packed, room, FlushDecompress::None).map_err(|_| BodyFault::Coding)?;
                    let taken = usize::try_from(self.inflate.total_in() - taken).unwrap_or(usize::MAX).min(self.packed.len());
                    let made = usize::try_from(self.inflate.total_out() - made).unwrap_or(usize::MAX).min(room.len());
                    self.packed.advance(taken);
                    let piece = room.get(..made).unwrap_or_default();
                    if gzip {
                        self.sum.update(piece);
                    }
                    if made > 0 {
                        sink(piece);
                        given = true;
                    }
                    let is_end = status == Status::StreamEnd;
                    self.more = !is_end && made == room.len();
                    match (is_end, gzip) {
                        (true, true) => self.stage = Stage::Trailer { seen: [0; 8], len: 0 },
                        (true, false) => self.stage = Stage::Over,
                        // With room and input, no progress can only be nonsense.
                        (false, _) if taken == 0 && made == 0 && !self.packed.is_empty() => return Err(BodyFault::Coding),
                        (false, _) => {}
                    }
                }
                Stage::Trailer { seen, len } => {
                    while let Some(slot) = seen.get_mut(*len)
                        && let Some((first, _)) = self.packed.split_first()
                    {
                        *slot = *first;
                        *len += 1;
                        self.packed.advance(1);
                    }
                    if *len < seen.len() {
                        break;
                    }
                    // The length is kept modulo 2³² (RFC 1952 §2.3.1), in the low bytes first.
                    let said = u64::from_le_bytes(*seen);
                    let is = u64::from(self.sum.amount()) << 32 | u64::from(self.sum.sum());
                    if said != is {
                        return Err(BodyFault::Coding);
                    }
                    self.stage = Stage::Header(Header::new());
                }
                Stage::Over if self.packed.is_empty() => break,
                Stage::Over => return Err(BodyFault::Coding),
            }
        }
        if self.packed.is_empty() && self.packed.capacity() > KEPT_BYTES {
            self.packed = BytesMut::new();
        }
        Ok(())
    }
}

impl Header {
    const fn new() -> Self {
        Self { flags: 0, bytes: 0, at: Part::Fixed }
    }

    /// Takes the header's bytes out of `packed`; true when it is whole.
    fn read(&mut self, packed: &mut BytesMut) -> Result<bool, BodyFault> {
        while self.at != Part::Over {
            let Some((&byte, _)) = packed.split_first() else { return Ok(false) };
            packed.advance(1);
            self.step(byte).ok_or(BodyFault::Coding)?;
        }
        Ok(true)
    }

    fn step(&mut self, byte: u8) -> Option<()> {
        let bytes = self.bytes;
        self.bytes = bytes + 1;
        if bytes > MAX_HEADER_BYTES {
            return None;
        }
        match self.at {
            Part::Fixed => {
                let fits = match bytes {
                    0 => byte == 0x1F,
                    1 => byte == 0x8B,
                    // Deflate, the only method there is.
                    2 => byte == 8,
                    3 => {
                        self.flags = byte;
                        byte & FLAGS_RESERVED == 0
                    }
                    // The time, hints about the packer, its system.
                    _ => true,
                };
                if !fits {
                    return None;
                }
                if bytes == 9 {
                    self.at = self.after(FLAG_EXTRA);
                }
            }
            Part::ExtraLow => self.at = Part::ExtraHigh { low: byte },
            Part::ExtraHigh { low } => match u16::from_le_bytes([low, byte]) {
                0 => self.at = self.after(FLAG_NAME),
                left => self.at = Part::Extra { left },
            },
            Part::Extra { left: 1 } => self.at = self.after(FLAG_NAME),
            Part::Extra { left } => self.at = Part::Extra { left: left - 1 },
            Part::Name if byte == 0 => self.at = self.after(FLAG_COMMENT),
            Part::Comment if byte == 0 => self.at = self.after(FLAG_SUM),
            Part::Name | Part::Comment => {}
            // What the header's own checksum guards says nothing that is used here.
            Part::SumLow => self.at = Part::SumHigh,
            Part::SumHigh => self.at = Part::Over,
            Part::Over => return None,
        }
        Some(())
    }

    /// The first optional part that is there, from the one of `flag` on.
    fn after(&self, flag: u8) -> Part {
        let order = [(FLAG_EXTRA, Part::ExtraLow), (FLAG_NAME, Part::Name), (FLAG_COMMENT, Part::Comment), (FLAG_SUM, Part::SumLow)];
        let mut later = order.into_iter().skip_while(|(of, _)| *of != flag);
        later.find(|(of, _)| self.flags & of != 0).map_or(Part::Over, |(_, part)| part)
    }
}

#[cfg(test)]
mod tests;
