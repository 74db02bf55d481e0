//! Where an HTTP/1.1 answer ends: its status, its body by length, by chunks, or to the end of the connection.
//!
//! Fed with whatever a read gave; pure.

/// A head longer than this is no answer we asked for.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// An answer as far as it has come.
#[derive(Debug, Default)]
pub struct Reply {
    head: Vec<u8>,
    status: u16,
    close: bool,
    state: State,
}

/// Whether there is more to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The answer goes on.
    More,
    /// The answer is complete.
    Done,
}

/// What came is not HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadReply;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Length(u64),
    ToEnd,
    ChunkSize(u64),
    /// After the digits, up to the end of the line.
    ChunkLine(u64),
    ChunkData(u64),
    /// The line end after a chunk's data: bytes still to come.
    ChunkEnd(u8),
    /// Lines after the last chunk, and how many bytes the present line has.
    Trailer(usize),
    Done,
}

impl Reply {
    /// The status; 0 before the head is complete.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The connection may carry another request.
    pub fn keeps_alive(&self) -> bool {
        !self.close && self.state == State::Done
    }

    /// The end of the connection is the end of this answer.
    pub fn ends_with_connection(&self) -> bool {
        self.state == State::ToEnd
    }

    /// Takes the next bytes and hands on those of the body, with the status.
    pub fn feed(&mut self, mut input: &[u8], body: &mut impl FnMut(u16, &[u8])) -> Result<Progress, BadReply> {
        while self.state != State::Done && !input.is_empty() {
            input = match self.state {
                State::Head => self.feed_head(input)?,
                State::ToEnd => {
                    body(self.status, input);
                    &[]
                }
                State::Length(left) => {
                    let (taken, rest) = take(input, left);
                    body(self.status, taken);
                    let left = left - taken.len() as u64;
                    self.state = if left == 0 { State::Done } else { State::Length(left) };
                    rest
                }
                State::ChunkData(left) => {
                    let (taken, rest) = take(input, left);
                    body(self.status, taken);
                    let left = left - taken.len() as u64;
                    self.state = if left == 0 { State::ChunkEnd(2) } else { State::ChunkData(left) };
                    rest
                }
                State::ChunkEnd(left) => {
                    self.state = if left == 1 { State::ChunkSize(0) } else { State::ChunkEnd(left - 1) };
                    &input[1..]
                }
                State::ChunkSize(size) | State::ChunkLine(size) => {
                    self.feed_chunk_line(size, input[0])?;
                    &input[1..]
                }
                State::Trailer(length) => {
                    self.state = match input[0] {
                        b'\n' if length == 0 => State::Done,
                        b'\n' => State::Trailer(0),
                        b'\r' => State::Trailer(length),
                        _ => State::Trailer(length + 1),
                    };
                    &input[1..]
                }
                State::Done => &[],
            };
        }
        Ok(if self.state == State::Done { Progress::Done } else { Progress::More })
    }

    fn feed_chunk_line(&mut self, size: u64, byte: u8) -> Result<(), BadReply> {
        let in_digits = matches!(self.state, State::ChunkSize(_));
        self.state = match byte {
            b'\n' if size == 0 => State::Trailer(0),
            b'\n' => State::ChunkData(size),
            _ if !in_digits => State::ChunkLine(size),
            b'\r' | b';' | b' ' => State::ChunkLine(size),
            digit => {
                let digit = char::from(digit).to_digit(16).ok_or(BadReply)?;
                State::ChunkSize(size.checked_mul(16).ok_or(BadReply)? + u64::from(digit))
            }
        };
        Ok(())
    }

    /// Takes what belongs to the head and returns what does not.
    fn feed_head<'a>(&mut self, input: &'a [u8]) -> Result<&'a [u8], BadReply> {
        const END: &[u8] = b"\r\n\r\n";
        let before = self.head.len();
        // The usual case: the whole head in one read, not copied.
        if before == 0
            && let Some(at) = memchr::memmem::find(input, END)
        {
            self.read_head(&input[..at + 2])?;
            return Ok(&input[at + END.len()..]);
        }
        self.head.extend_from_slice(input);
        let from = before.saturating_sub(END.len() - 1);
        let Some(at) = memchr::memmem::find(&self.head[from..], END) else {
            return if self.head.len() > MAX_HEAD_BYTES { Err(BadReply) } else { Ok(&[]) };
        };
        let end = from + at + END.len();
        let head = std::mem::take(&mut self.head);
        self.read_head(&head[..end - 2])?;
        Ok(&input[end - before..])
    }

    fn read_head(&mut self, head: &[u8]) -> Result<(), BadReply> {
        let status = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5)).ok_or(BadReply)?;
        self.status = number(status, 10).ok_or(BadReply)? as u16;
        if (100..200).contains(&self.status) {
            // An interim answer: the real head follows.
            return Ok(());
        }
        self.state = State::ToEnd;
        let mut close = false;
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                self.state = match number(value, 10).ok_or(BadReply)? {
                    0 => State::Done,
                    length => State::Length(length),
                };
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                self.state = State::ChunkSize(0);
            } else if name.eq_ignore_ascii_case(b"connection") {
                close = value.eq_ignore_ascii_case(b"close");
            }
        }
        if self.status == 204 || self.status == 304 {
            self.state = State::Done;
        }
        self.close = close || self.state == State::ToEnd;
        Ok(())
    }
}

fn take(input: &[u8], most: u64) -> (&[u8], &[u8]) {
    input.split_at(usize::try_from(most).unwrap_or(usize::MAX).min(input.len()))
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer is the same however it is cut.
    fn check(answer: &str, status: u16, body: &str, progress: Progress) {
        for size in [1, 2, 3, 7, 4096] {
            let (mut reply, mut got, mut last) = (Reply::default(), Vec::new(), Progress::More);
            for part in answer.as_bytes().chunks(size) {
                last = reply.feed(part, &mut |_, bytes| got.extend_from_slice(bytes)).unwrap();
            }
            assert_eq!((reply.status(), String::from_utf8_lossy(&got).as_ref(), last), (status, body, progress), "cut at {size}");
        }
    }

    #[test]
    fn bodies_end_where_they_say() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", Progress::Done);
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 200, "hel", Progress::More);
        check("HTTP/1.1 429 Too\r\ncontent-length: 0\r\n\r\n", 429, "", Progress::Done);
        check("HTTP/1.1 204 No\r\n\r\n", 204, "", Progress::Done);
        check("HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end", Progress::More);
    }

    #[test]
    fn chunks_are_joined() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(&format!("{head}3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"), 200, "abc0123456789", Progress::Done);
        check(&format!("{head}3\r\nabc\r\n0\r\nx: y\r\n\r\n"), 200, "abc", Progress::Done);
        check(&format!("{head}3\r\nabc\r\n"), 200, "abc", Progress::More);
    }

    #[test]
    fn what_is_not_http_is_refused() {
        let mut reply = Reply::default();
        assert_eq!(reply.feed(b"SSH-2.0-OpenSSH\r\n\r\n", &mut |_, _| {}), Err(BadReply));
    }
}
