//! Rust text as code: comments and strings blanked, test items cut, so that a rule can look for a word without a parser.
//!
//! Lines stay where they are (what is blanked becomes spaces), so a finding can name its line.

/// What is blanked besides comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strings {
    /// String and character literals stay.
    Keep,
    /// Their contents become spaces.
    Blank,
}

/// `text` without its comments.
#[must_use]
pub fn code(text: &str, strings: Strings) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (end, blank) = piece(bytes, at, strings);
        for &byte in &bytes[at..end] {
            out.push(if blank && byte != b'\n' { b' ' } else { byte });
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the piece that starts at `at` ends, and whether it is blanked.
fn piece(bytes: &[u8], at: usize, strings: Strings) -> (usize, bool) {
    let rest = &bytes[at..];
    let blank = strings == Strings::Blank;
    if rest.starts_with(b"//") {
        return (at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()), true);
    }
    if rest.starts_with(b"/*") {
        return (block_comment_end(bytes, at), true);
    }
    let in_word = at > 0 && is_word_byte(bytes[at - 1]);
    match rest[0] {
        b'r' if !in_word => raw_string_end(bytes, at + 1).map_or((at + 1, false), |end| (end, blank)),
        b'b' | b'c' if !in_word && rest.get(1) == Some(&b'r') => raw_string_end(bytes, at + 2).map_or((at + 1, false), |end| (end, blank)),
        b'"' => (quoted_end(bytes, at + 1, b'"'), blank),
        b'\'' if is_char_literal(rest) => (quoted_end(bytes, at + 1, b'\''), blank),
        _ => (at + 1, false),
    }
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_u32);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// The end of `#*"…"#*`, when that is what begins at `at`.
fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at..].iter().take_while(|&&byte| byte == b'#').count();
    if bytes.get(at + hashes) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let body = at + hashes + 1;
    let length = bytes[body..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(bytes.len(), |length| body + length + close.len()))
}

fn quoted_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Tells `'a'` from the lifetime `'a`: a literal closes after one (escaped or multi-byte) character.
fn is_char_literal(rest: &[u8]) -> bool {
    match rest.get(1) {
        Some(b'\\') => true,
        Some(&first) => {
            let width = match first {
                0xF0.. => 4,
                0xE0.. => 3,
                0xC0.. => 2,
                _ => 1,
            };
            rest.get(1 + width) == Some(&b'\'')
        }
        None => false,
    }
}

/// `code` without the items under `#[cfg(test)]`; relies on rustfmt's layout, in which an item ends at its own indent.
#[must_use]
pub fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            let indent = line.len() - line.trim_start().len();
            out.push('\n');
            for item in lines.by_ref() {
                out.push('\n');
                let ends_here = item.len() - item.trim_start().len() == indent && !item.trim_start().starts_with("#[");
                if ends_here && matches!(item.trim_end().chars().next_back(), Some('}' | ';')) {
                    break;
                }
            }
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The words of a line with where each begins: runs of letters, digits and `_`.
pub fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + line[from..].find(is_word_char)?;
        let end = line[start..].find(|c| !is_word_char(c)).map_or(line.len(), |length| start + length);
        from = end;
        Some((start, &line[start..end]))
    })
}

/// Whether `pattern` (words joined by `::`, `.` or `!`) stands in `line` as whole words.
#[must_use]
pub fn says(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, found)| {
        let before = line[..at].chars().next_back();
        let after = line[at + found.len()..].chars().next();
        let opens = !pattern.starts_with(is_word_char) || !before.is_some_and(is_word_char);
        let closes = !pattern.ends_with(is_word_char) || !after.is_some_and(is_word_char);
        opens && closes
    })
}

/// Whether a Rust file is only built for tests: below a `tests`, `benches` or `fuzz` folder, or an out-of-line `tests.rs`.
#[must_use]
pub fn is_test_file(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    matches!(name, "tests.rs" | "build.rs")
        || folders.split('/').any(|folder| matches!(folder, "tests" | "benches" | "fuzz" | "fuzz_targets"))
}

const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked_and_lines_stay() {
        let text = "let a = \"x // y\"; // z\n/* a /* b */ c */ let b = 'q';\nlet c = r#\"w \"v\" \"#; fn f<'a>(d: &'a str) {}\n";
        assert_eq!(code(text, Strings::Keep).replace(' ', ""), "leta=\"x//y\";\nletb='q';\nletc=r#\"w\"v\"\"#;fnf<'a>(d:&'astr){}\n");
        let bare = code(text, Strings::Blank);
        assert_eq!(bare.len(), text.len());
        assert_eq!(bare.lines().count(), text.lines().count());
        assert!(bare.contains("fn f<'a>(d: &'a str) {}") && !bare.contains('x') && !bare.contains('v') && !bare.contains('q'));
    }

    #[test]
    fn quotes_that_do_not_open_a_string() {
        assert_eq!(code("f(b'\"', '\\'', '\u{e4}') // c", Strings::Keep).trim_end(), "f(b'\"', '\\'', '\u{e4}')");
        assert_eq!(code("for_r\"a\"", Strings::Blank).trim_end(), "for_r");
        assert_eq!(code("br\"a\\\"; x", Strings::Blank).trim(), "; x");
    }

    #[test]
    fn test_items_are_cut_and_the_rest_stays() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests;\nfn b() {}\n#[cfg(test)]\n#[derive(Debug)]\nmod tests {\n    fn c() {\n    }\n}\nfn d() {}\n";
        let left = without_tests(text);
        assert!(left.contains("fn a") && left.contains("fn b") && left.contains("fn d") && !left.contains("fn c"));
        assert_eq!(left.lines().count(), text.lines().count());
    }

    #[test]
    fn patterns_are_whole_words() {
        assert!(says("use std::fs::File;", "std::fs"));
        assert!(!says("use std::fsync;", "std::fs"));
        assert!(says("x.await", ".await") && !says("x.awaited", ".await"));
        assert_eq!(words("a_b(c1)").map(|(_, word)| word).collect::<Vec<_>>(), ["a_b", "c1"]);
    }
}
