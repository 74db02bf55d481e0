//! User strings made harmless for a log line.

/// The longest user string in a log line, in characters; model names and request ids are far shorter.
pub const MAX_CHARS: usize = 256;

/// Appends `text` as the inside of a JSON string: quotes, backslashes and every control or line-breaking character
/// escaped, cut at [`MAX_CHARS`].
pub fn json(text: &str, out: &mut Vec<u8>) {
    // Nearly every string is short and plain: one pass, one copy.
    if text.len() <= MAX_CHARS && text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\') {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars().take(MAX_CHARS) {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            c if unsafe_in_a_log(c) => unicode(c, out),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Appends `text` for a terminal: like [`json`], but quotes stay, and an empty text is `-`.
pub fn plain(text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(b'-');
        return;
    }
    for c in text.chars().take(MAX_CHARS) {
        // A space would make one field look like two.
        if unsafe_in_a_log(c) || c == ' ' {
            unicode(c, out);
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

/// Control characters, line and paragraph separators, and those that turn the direction of the text around.
fn unsafe_in_a_log(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn unicode(c: char, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\u");
    // Everything that is escaped lies in the basic plane.
    for shift in [12, 8, 4, 0] {
        let digit = (u32::from(c) >> shift) & 0xf;
        out.push(usize::try_from(digit).ok().and_then(|d| DIGITS.get(d)).copied().unwrap_or(b'0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_cannot_forge_a_line() {
        let check = |text: &str, expect: &str| {
            let mut out = Vec::new();
            json(text, &mut out);
            assert_eq!(String::from_utf8(out.clone()).unwrap(), expect);
            let back: String = serde_json::from_slice(&[b"\"", out.as_slice(), b"\""].concat()).unwrap();
            assert_eq!(back, text);
        };
        check("gpt-4o", "gpt-4o");
        check("a\"b\\", "a\\\"b\\\\");
        check("x\n{\"level\"}", "x\\u000a{\\\"level\\\"}");
        check("\u{1b}[31mred\u{9b}", "\\u001b[31mred\\u009b");
        check("模型\u{2028}", "模型\\u2028");
        let mut out = Vec::new();
        plain("a b\u{1b}\u{202e}", &mut out);
        assert_eq!(out, b"a\\u0020b\\u001b\\u202e");
    }

    #[test]
    fn a_long_string_is_cut() {
        let mut out = Vec::new();
        json(&"x".repeat(10_000), &mut out);
        assert_eq!(out.len(), MAX_CHARS);
    }
}
