//! One block of an event stream with other data in it. Its other lines keep their bytes.

/// Whether a line is a data line.
pub(super) fn is_data(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    line.strip_prefix(b"data").is_some_and(|value| value.is_empty() || value.starts_with(b":"))
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
        if text.starts_with(b"\xef") || !is_data(text) {
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
