//! Takes the messages out of what Redis sends to a subscriber, so that publishing does nothing and nobody is told.
//!
//! It understands as much of the protocol as is needed to know where a reply ends. Everything else passes as it is.

/// A reader of what a Redis server sends, which drops published messages.
#[derive(Debug, Default)]
pub(super) struct Pushed {
    held: Vec<u8>,
}

impl Pushed {
    /// Takes a piece and gives what may pass on; the rest of an unfinished reply is kept.
    pub(super) fn filter(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let (mut passed, mut at) = (Vec::with_capacity(piece.len()), 0);
        while let Some(size) = self.held.get(at..).and_then(size_of) {
            let reply = self.held.get(at..at + size).unwrap_or_default();
            if !is_message(reply) {
                passed.extend_from_slice(reply);
            }
            at += size;
        }
        self.held.drain(..at);
        passed
    }
}

/// Whether a reply is `message` or `pmessage`: an array or a push whose first element says so.
fn is_message(reply: &[u8]) -> bool {
    let array = matches!(reply.first(), Some(b'*' | b'>'));
    let first = reply.iter().position(|byte| *byte == b'\n').and_then(|end| reply.get(end + 1..)).unwrap_or_default();
    array && [b"$7\r\nmessage\r\n".as_slice(), b"$8\r\npmessage\r\n", b"$8\r\nsmessage\r\n"].iter().any(|name| first.starts_with(name))
}

/// The bytes of the first reply, once all of it is there.
fn size_of(bytes: &[u8]) -> Option<usize> {
    let line_end = bytes.windows(2).position(|pair| pair == b"\r\n")? + 2;
    let number = || std::str::from_utf8(bytes.get(1..line_end - 2)?).ok()?.parse::<i64>().ok();
    match bytes.first()? {
        b'$' | b'=' | b'!' => {
            // Less than nothing is null, which has no body.
            let Ok(size) = usize::try_from(number()?) else { return Some(line_end) };
            let whole = line_end + size + 2;
            (bytes.len() >= whole).then_some(whole)
        }
        kind @ (b'*' | b'>' | b'~' | b'%') => {
            let elements = usize::try_from(number()?).unwrap_or(0) * if *kind == b'%' { 2 } else { 1 };
            let mut at = line_end;
            for _ in 0..elements {
                at += size_of(bytes.get(at..)?)?;
            }
            Some(at)
        }
        _ => Some(line_end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_swallowed_wherever_they_are_cut() {
        let all = b"+OK\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nho\r\n$-1\r\n%1\r\n+a\r\n:1\r\n";
        let left = b"+OK\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n$-1\r\n%1\r\n+a\r\n:1\r\n";
        for cut in 0..all.len() {
            let mut pushed = Pushed::default();
            let mut passed = pushed.filter(&all[..cut]);
            passed.extend(pushed.filter(&all[cut..]));
            assert_eq!(passed, left, "cut at {cut}");
        }
    }
}
