//! Headers of a binary event frame: a name, a type and a value each.
//!
//! `u8 name length, name, u8 type, value`; strings and byte strings carry a `u16` length, the other types have fixed ones.

use super::FrameFault;
use crate::limits::EVENT_HEADERS;

/// The type number of a string.
pub(super) const TEXT: u8 = 7;

/// One header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name; those of the protocol begin with a colon.
    pub name: &'a str,
    /// Its value.
    pub value: Value<'a>,
}

/// The value of a header, in the types that the format has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Types 0 (true) and 1 (false).
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Short(i16),
    /// Type 4.
    Integer(i32),
    /// Type 5.
    Long(i64),
    /// Type 6.
    Bytes(&'a [u8]),
    /// Type 7.
    Text(&'a str),
    /// Type 8: milliseconds since 1970.
    TimestampMs(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

/// The headers of a frame, read as they are asked for from a block that was found sound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Looks through a whole block.
    pub(super) fn checked(block: &'a [u8]) -> Result<Self, FrameFault> {
        let mut reader = Reader { block, at: 0 };
        let mut names: Vec<&str> = Vec::with_capacity(4);
        while reader.at < block.len() {
            let Header { name, .. } = reader.header().map_err(|what| FrameFault::Header { at: reader.at, what })?;
            if names.len() == EVENT_HEADERS {
                return Err(FrameFault::TooManyHeaders);
            }
            if names.contains(&name) {
                return Err(FrameFault::DuplicateHeader);
            }
            names.push(name);
        }
        Ok(Self { rest: block })
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        let mut reader = Reader { block: self.rest, at: 0 };
        let header = reader.header().ok()?;
        self.rest = reader.block.get(reader.at..).unwrap_or_default();
        Some(header)
    }
}

/// A place in a header block.
struct Reader<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn header(&mut self) -> Result<Header<'a>, &'static str> {
        let [name_bytes] = self.array()?;
        if name_bytes == 0 {
            return Err("empty name");
        }
        let name = std::str::from_utf8(self.bytes(usize::from(name_bytes))?).map_err(|_| "a name that is not utf-8")?;
        let [kind] = self.array()?;
        let value = match kind {
            0 => Value::Bool(true),
            1 => Value::Bool(false),
            2 => Value::Byte(i8::from_be_bytes(self.array()?)),
            3 => Value::Short(i16::from_be_bytes(self.array()?)),
            4 => Value::Integer(i32::from_be_bytes(self.array()?)),
            5 => Value::Long(i64::from_be_bytes(self.array()?)),
            6 => Value::Bytes(self.counted()?),
            TEXT => Value::Text(std::str::from_utf8(self.counted()?).map_err(|_| "a string that is not utf-8")?),
            8 => Value::TimestampMs(i64::from_be_bytes(self.array()?)),
            9 => Value::Uuid(self.array()?),
            _ => return Err("unknown type"),
        };
        Ok(Header { name, value })
    }

    fn counted(&mut self) -> Result<&'a [u8], &'static str> {
        let bytes = u16::from_be_bytes(self.array()?);
        self.bytes(usize::from(bytes))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        self.bytes(N)?.try_into().map_err(|_| "cut")
    }

    fn bytes(&mut self, bytes: usize) -> Result<&'a [u8], &'static str> {
        let taken = self.block.get(self.at..self.at + bytes).ok_or("cut")?;
        self.at += bytes;
        Ok(taken)
    }
}
