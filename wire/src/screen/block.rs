//! One block of an event stream with other data in it. Its other lines keep their bytes, or are left out.

use super::{Censor, Stopped};
use crate::leaf::LeafKind;

/// Whether a line is a data line; the one that `begins` the stream may have a mark before it.
pub(super) fn is_data(line: &[u8], begins: bool) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| begins).unwrap_or(line);
    line.strip_prefix(b"data").is_some_and(|value| value.is_empty() || value.starts_with(b":"))
}

/// Shows what a block of lines says beside its data: comments, and fields that are no plain names. The answer is the block without the
/// lines of which something may not stay, where there are any. `first` where the block begins the stream.
pub(super) fn shown(raw: &[u8], first: bool, censor: &mut dyn Censor) -> Result<Option<Vec<u8>>, Stopped> {
    let mut kept: Option<Vec<u8>> = None;
    let mut from = 0;
    for end in memchr::memchr2_iter(b'\n', b'\r', raw).map(|at| at + 1).chain([raw.len()]) {
        let line = raw.get(from..end).unwrap_or_default();
        let says = line.trim_ascii_end();
        let name = says.strip_prefix(b"event:").map(<[u8]>::trim_ascii_start);
        let stays = says.is_empty()
            || is_data(says, first && from == 0)
            || name.is_some_and(crate::leaf::is_plain_name)
            || censor.whole(&String::from_utf8_lossy(says), LeafKind::Text, false)?.is_none();
        match &mut kept {
            None if !stays => kept = Some(raw.get(..from).unwrap_or_default().to_vec()),
            Some(kept) if stays => kept.extend_from_slice(line),
            _ => {}
        }
        from = end;
    }
    Ok(kept)
}

/// Writes `raw`, a block of lines, with `data` in place of its data lines. `first` where the block begins the stream.
pub(super) fn rewrite(raw: &[u8], first: bool, data: &[u8], out: &mut impl Extend<u8>) {
    let mut rest = raw;
    let mut written = false;
    let mut begins = first;
    while !rest.is_empty() {
        let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(length);
        let end = match after {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        let (end, next) = after.split_at(end);
        rest = next;
        let mark = if std::mem::take(&mut begins) && line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let (mark, text) = line.split_at(mark);
        if !is_data(text, false) {
            out.extend(line.iter().chain(end).copied());
            continue;
        }
        out.extend(mark.iter().copied());
        if std::mem::replace(&mut written, true) {
            continue;
        }
        let head: &[u8] = if text.starts_with(b"data: ") { b"data: " } else { b"data:" };
        let line_end: &[u8] = if end.is_empty() { b"\n" } else { end };
        for (n, piece) in data.split(|&byte| byte == b'\n').enumerate() {
            if n > 0 {
                out.extend(line_end.iter().copied());
            }
            out.extend(head.iter().chain(piece).copied());
        }
        out.extend(end.iter().copied());
    }
}
