//! What stands beside a match: edges, groups of digits, tails.

use memchr::memmem;

use crate::limits::DIGIT_GROUP_BYTES;
use crate::rule::{Edge, Tail};

/// Bytes behind a match that decide whether it stands free.
pub(super) const EDGE_BYTES: usize = 2;

pub(super) fn clear_before(edge: Edge, text: &[u8], at: usize) -> bool {
    let Some(&byte) = at.checked_sub(1).and_then(|at| text.get(at)) else { return true };
    match edge {
        Edge::NoNumber => {
            let digit_before = at.checked_sub(2).and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
            !(byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'/' | b':') && digit_before)
        }
        edge => !glued(edge, byte),
    }
}

pub(super) fn clear_after(edge: Edge, text: &[u8], at: usize) -> bool {
    let Some(&byte) = text.get(at) else { return true };
    match edge {
        Edge::NoNumber => {
            let digit_after = text.get(at + 1).is_some_and(u8::is_ascii_digit);
            !(byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'/' | b':') && digit_after)
        }
        edge => !glued(edge, byte),
    }
}

pub(super) const fn glued(edge: Edge, byte: u8) -> bool {
    match edge {
        Edge::Any => false,
        Edge::Line => !matches!(byte, b'\n' | b'\r'),
        Edge::NoDigit | Edge::NoNumber => byte.is_ascii_digit(),
        Edge::NoAlnum => byte.is_ascii_alphanumeric(),
        Edge::NoWord => byte.is_ascii_alphanumeric() || byte == b'_',
        Edge::NoToken => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'='),
    }
}

const fn separates(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/')
}

/// Whether a group of digits begins at the digit at `at`.
pub(super) fn begins_group(text: &[u8], at: usize) -> bool {
    let byte = |back: usize| at.checked_sub(back).and_then(|at| text.get(at)).copied().unwrap_or(0);
    let before = byte(1);
    !(before.is_ascii_digit() || separates(before) && byte(2).is_ascii_digit())
}

/// A group of digits: where it ends, how many digits it has, and whether more may come.
pub(super) struct Group {
    pub(super) end: usize,
    pub(super) count: usize,
    pub(super) open: bool,
}

/// The group that begins at `at`, or what its bound leaves of it: numbers in a row may stand as one group.
pub(super) fn digit_group(text: &[u8], at: usize, last: bool) -> Group {
    let (mut end, mut count) = (at, 0);
    let limit = at + DIGIT_GROUP_BYTES;
    loop {
        if end >= limit {
            return Group { end, count, open: false };
        }
        let Some(byte) = text.get(end) else { break };
        if byte.is_ascii_digit() {
            count += 1;
        } else if !separates(*byte) {
            return Group { end, count, open: false };
        } else if let Some(next) = text.get(end + 1) {
            if !next.is_ascii_digit() {
                return Group { end, count, open: false };
            }
        } else {
            break;
        }
        end += 1;
    }
    Group { end, count, open: !last }
}

/// Where marks were last found, so that each stretch of a text is searched once.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<(&'static str, usize, usize)>, Option<(Tail, usize, usize)>);

impl Marks {
    /// The first place at or behind `from` where `mark` begins, or the end of the text.
    fn find(&mut self, text: &str, mark: &'static str, from: usize) -> usize {
        let known = self.0.iter_mut().find(|(one, ..)| *one == mark);
        if let Some((_, since, at)) = &known
            && (*since..=*at).contains(&from)
        {
            return *at;
        }
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        let at = memmem::find(rest, mark.as_bytes()).map_or(text.len(), |at| from + at);
        match known {
            Some(slot) => *slot = (mark, from, at),
            None => self.0.push((mark, from, at)),
        }
        at
    }
}

/// Where the tail that begins at `end` ends, and whether it may go on behind the text.
pub(crate) fn tail(tail: Tail, text: &str, end: usize, last: bool, marks: &mut Marks) -> (usize, bool) {
    let rest = text.as_bytes().get(end..).unwrap_or_default();
    let mut run = |fits: fn(u8) -> bool| {
        let to = match marks.1 {
            Some((kind, since, to)) if kind == tail && (since..=to).contains(&end) => to,
            _ => end + rest.iter().take_while(|byte| fits(**byte)).count(),
        };
        marks.1 = Some((tail, end, to));
        (to, !last && to == text.len())
    };
    match tail {
        Tail::None => (end, false),
        Tail::Word => run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
        Tail::Token => run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=' | b'.')),
        Tail::Until(mark) => {
            let at = marks.find(text, mark, end);
            if at == text.len() { (at, !last) } else { (at + mark.len(), false) }
        }
    }
}
