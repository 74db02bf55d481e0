//! How a replayed body is cut into writes: whole, an event at a time, or at a seeded number of bytes.
//!
//! The options stand in the path after the case's id: `/case/<id>;split=1-9;seed=7/v1/…`. `abort=N` ends it after N bytes.

use super::{corpus::Case, sse};

/// Where to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// One piece.
    All,
    /// One event a piece; a body that is no stream stays whole.
    Event,
    /// From this many to that many bytes a piece.
    Bytes(usize, usize),
}

/// How to serve a case.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    split: Split,
    seed: u64,
    abort: Option<usize>,
}

impl Cut {
    /// Reads `split=…;seed=…`; unknown options are refused.
    pub fn read(options: &str) -> Option<Self> {
        let mut cut = Self { split: Split::Event, seed: 0, abort: None };
        for option in options.split(';').filter(|option| !option.is_empty()) {
            match option.split_once('=')? {
                ("split", "all") => cut.split = Split::All,
                ("split", "event") => cut.split = Split::Event,
                ("split", range) => {
                    let (least, most) = range.split_once('-').unwrap_or((range, range));
                    let (least, most) = (least.parse().ok()?, most.parse().ok()?);
                    cut.split = (least > 0 && least <= most).then_some(Split::Bytes(least, most))?;
                }
                ("seed", seed) => cut.seed = seed.parse().ok()?,
                ("abort", bytes) => cut.abort = Some(bytes.parse().ok()?),
                _ => return None,
            }
        }
        Some(cut)
    }

    /// Whether the connection breaks off before the end.
    pub fn breaks(&self) -> bool {
        self.abort.is_some()
    }

    /// The pieces of the case's body, in order.
    pub fn pieces<'a>(&self, case: &'a Case) -> Vec<&'a [u8]> {
        let body = case.response.body.as_slice();
        let body = &body[..self.abort.unwrap_or(body.len()).min(body.len())];
        match self.split {
            _ if body.is_empty() => Vec::new(),
            Split::Event if case.streams() => sse::events(body),
            Split::All | Split::Event => vec![body],
            Split::Bytes(least, most) => {
                let mut random = Random(case.id.bytes().fold(self.seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())));
                let mut rest = body;
                let mut pieces = Vec::with_capacity(body.len() / least);
                while !rest.is_empty() {
                    let size = least + (random.next() % (most - least + 1) as u64) as usize;
                    let (piece, after) = rest.split_at(size.min(rest.len()));
                    pieces.push(piece);
                    rest = after;
                }
                pieces
            }
        }
    }
}

/// SplitMix64: a small seeded generator, so that a failing cut can be had again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_or_refused() {
        assert_eq!(Cut::read("").unwrap().split, Split::Event);
        assert_eq!(Cut::read("split=1-9;seed=7").unwrap().split, Split::Bytes(1, 9));
        assert_eq!(Cut::read("split=3").unwrap().split, Split::Bytes(3, 3));
        assert_eq!(Cut::read("split=3;abort=17").unwrap().abort, Some(17));
        for bad in ["split=0", "split=9-1", "colour=red", "seed"] {
            assert!(Cut::read(bad).is_none(), "{bad}");
        }
    }
}
