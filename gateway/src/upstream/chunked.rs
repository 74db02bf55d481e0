//! The chunked transfer coding (RFC 9112 §7.1), as a machine fed with whatever one read gave.

/// Digits of a chunk size: 2⁶⁰ bytes are enough for anyone.
const MAX_SIZE_DIGITS: u32 = 15;
/// Bytes of one chunk's extensions, or of the trailers, that are skipped before it counts as an attack. Not of the whole body:
/// a vendor that signs each chunk in an extension sends any amount of them in a long stream.
const MAX_SKIPPED_BYTES: u32 = 16 * 1024;

/// Where in the coding the machine stands.
#[derive(Debug)]
pub(crate) struct Chunked {
    state: State,
    skipped: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size { value: u64, digits: u32 },
    Extension { value: u64 },
    SizeLf { value: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

/// The coding was broken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl Chunked {
    pub(crate) const fn new() -> Self {
        Self { state: State::Size { value: 0, digits: 0 }, skipped: 0 }
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Takes `input`, gives its data to `sink`, and returns how many bytes it took: less than all only at the end.
    pub(crate) fn feed(&mut self, input: &[u8], mut sink: impl FnMut(&[u8])) -> Result<usize, Broken> {
        let mut at = 0;
        while at < input.len() {
            if let State::Data { left } = self.state {
                let rest = input.get(at..).unwrap_or_default();
                let take = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                sink(rest.get(..take).unwrap_or_default());
                at += take;
                let left = left - take as u64;
                self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                continue;
            }
            if self.state == State::Done {
                break;
            }
            let Some(&byte) = input.get(at) else { break };
            at += 1;
            self.state = self.step(byte)?;
        }
        Ok(at)
    }

    fn step(&mut self, byte: u8) -> Result<State, Broken> {
        Ok(match (self.state, byte) {
            (State::Size { digits, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits >= MAX_SIZE_DIGITS => return Err(Broken),
            (State::Size { value, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                State::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (State::Size { digits: 0, .. }, _) => return Err(Broken),
            (State::Size { value, .. }, b'\r') => State::SizeLf { value },
            (State::Size { value, .. }, b';' | b' ' | b'\t') => State::Extension { value },
            (State::Extension { value }, b'\r') => State::SizeLf { value },
            (State::Extension { value }, byte) if byte != b'\n' => {
                self.skip()?;
                State::Extension { value }
            }
            (State::SizeLf { value: 0 }, b'\n') => State::TrailerStart,
            (State::SizeLf { value }, b'\n') => State::Data { left: value },
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.skipped = 0;
                State::Size { value: 0, digits: 0 }
            }
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerStart | State::Trailer, byte) if byte != b'\n' => {
                self.skip()?;
                State::Trailer
            }
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => State::Done,
            _ => return Err(Broken),
        })
    }

    const fn skip(&mut self) -> Result<(), Broken> {
        self.skipped += 1;
        if self.skipped > MAX_SKIPPED_BYTES { Err(Broken) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(input: &[u8], cut: usize) -> Result<(Vec<u8>, bool, usize), Broken> {
        let (mut machine, mut out, mut taken) = (Chunked::new(), Vec::new(), 0);
        for piece in input.chunks(cut) {
            taken += machine.feed(piece, |data| out.extend_from_slice(data))?;
        }
        Ok((out, machine.is_done(), taken))
    }

    #[test]
    fn every_cut_gives_the_same_bytes() {
        let input = b"5\r\nhello\r\n7;ext=\"a\"\r\n, world\r\n0\r\nx-trailer: 1\r\n\r\n";
        for cut in 1..=input.len() {
            assert_eq!(decode(input, cut), Ok((b"hello, world".to_vec(), true, input.len())), "cut {cut}");
        }
    }

    #[test]
    fn broken_coding_is_refused() {
        for input in [&b"\r\n"[..], b"5\nhello", b"g\r\n", b"1\r\nab", b"1\r\na\n", b"ffffffffffffffff\r\n", b"-1\r\n"] {
            assert_eq!(decode(input, 1), Err(Broken), "{input:?}");
        }
    }

    #[test]
    fn skipped_bytes_are_bounded_by_the_chunk_not_by_the_body() {
        let chunk = format!("1;sig={}\r\nx\r\n", "a".repeat(1_000));
        let long = format!("{}0\r\n\r\n", chunk.repeat(100));
        assert_eq!(decode(long.as_bytes(), 777), Ok((b"x".repeat(100), true, long.len())));
        let wide = format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(20_000));
        assert_eq!(decode(wide.as_bytes(), 777), Err(Broken));
        let trailers = format!("0\r\n{}\r\n", "x-t: 1\r\n".repeat(4_000));
        assert_eq!(decode(trailers.as_bytes(), 777), Err(Broken));
    }

    #[test]
    fn bytes_after_the_end_are_left_alone() {
        assert_eq!(decode(b"0\r\n\r\nHTTP", 100), Ok((Vec::new(), true, 5)));
    }
}
