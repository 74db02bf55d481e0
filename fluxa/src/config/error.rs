//! What is wrong with a configuration, said so that the reader can fix it: file, line, key and the line itself.

use std::fmt;

pub use fluxa_domain::validate::nearest;

/// A place in the configuration file; both count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, or the variable or flag, that holds the mistake.
    pub origin: String,
    /// Where in the file; `None` for variables and flags.
    pub at: Option<At>,
    /// The key at fault, `server.port`; empty when the mistake is not at a key.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// The line of the file, without anything that could be a secret; empty when there is none.
    pub snippet: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if let Some(at) = self.at {
            write!(f, ":{}:{}", at.line, at.column)?;
        }
        if self.key.is_empty() {
            write!(f, ": {}", self.message)?;
        } else {
            write!(f, ": {}: {}", self.key, self.message)?;
        }
        if let (Some(at), false) = (self.at, self.snippet.is_empty()) {
            let number = at.line.to_string();
            let margin = " ".repeat(number.len());
            write!(f, "\n  {margin} |\n  {number} | {}\n  {margin} | {}^", self.snippet, " ".repeat(at.column.saturating_sub(1)))?;
        }
        Ok(())
    }
}

/// Every mistake that was found, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// The longest line that is shown under an error: longer ones help nobody on a terminal.
const SNIPPET_CHARS: usize = 160;

/// The line of `text` that an error points at, every value in it as stars.
///
/// Any value may be a secret, that of a misspelt key too; the error says what is wrong with it. The stars are as
/// many as the characters, so that the mark under the line stands where it should.
#[must_use]
pub fn snippet(text: &str, at: At) -> String {
    let line = text.lines().nth(at.line.saturating_sub(1)).unwrap_or("");
    let shown: String = line.chars().take(SNIPPET_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    masked(&shown)
}

/// Keeps indentation, keys, punctuation of flow collections and whole `${VARIABLE}` references; the rest becomes stars.
fn masked(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let body = line.trim_start_matches([' ', '-']);
    out.push_str(line.get(..line.len() - body.len()).unwrap_or(""));
    let mut rest = body;
    let mut depth = 0_u32;
    // In a block, what follows the first key's colon is one value; in a flow collection keys and values take turns.
    let mut may_be_key = true;
    while let Some(first) = rest.chars().next() {
        if matches!(first, '{' | '[') && (depth > 0 || may_be_key || out.ends_with(": ")) {
            depth += 1;
            may_be_key = true;
        } else if depth > 0 && matches!(first, '}' | ']' | ',') {
            depth -= u32::from(first != ',');
            may_be_key = true;
        } else if first != ' ' {
            let end = token_len(rest, depth > 0, may_be_key);
            let (token, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let is_key = may_be_key && after.starts_with(':');
            let is_variable = token.starts_with("${") && token.ends_with('}') && !token.contains(":-");
            if is_key {
                out.push_str(token);
                out.push(':');
            } else if is_variable {
                out.push_str(token);
            } else {
                out.extend(token.chars().map(|c| if c == ' ' { ' ' } else { '*' }));
            }
            may_be_key = false;
            rest = if is_key { after.get(1..).unwrap_or("") } else { after };
            continue;
        }
        out.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or("");
    }
    out
}

/// Bytes of the key or the value that `text` begins with.
fn token_len(text: &str, in_flow: bool, may_be_key: bool) -> usize {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        return text.get(1..).and_then(|inside| inside.find(quote)).map_or(text.len(), |end| end + 2);
    }
    if text.starts_with("${") {
        return text.find('}').map_or(text.len(), |end| end + 1);
    }
    let ends_here = |at: usize, c: char| match c {
        ':' if may_be_key => text.get(at + 1..).is_none_or(|after| after.is_empty() || after.starts_with(' ')),
        ',' | '}' | ']' => in_flow,
        _ => false,
    };
    text.char_indices().find(|&(at, c)| ends_here(at, c)).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let known = ["host", "port", "master_key", "drain_timeout"];
        assert_eq!(nearest("prot", &known), Some("port"));
        assert_eq!(nearest("masterkey", &known), Some("master_key"));
        assert_eq!(nearest("drain-timeout", &known), Some("drain_timeout"));
        assert_eq!(nearest("zebra", &known), None);
    }

    #[test]
    fn a_snippet_never_shows_a_secret() {
        let check = |line: &str, expect: &str| assert_eq!(snippet(line, At { line: 1, column: 1 }), expect);
        check("  api_key: sk-canary", "  api_key: *********");
        check("{ name: a, api_key: \"sk,canary\", kind: x }", "{ name: *, api_key: ***********, kind: * }");
        check("api_keys: [sk-a, sk-b], prot: 1", "api_keys: [****, ****], prot: *");
        check("master_key: ${FLUXA_MASTER_KEY}", "master_key: ${FLUXA_MASTER_KEY}");
        check("master_key: ${X:-canary}", "master_key: ************");
        check("{ master_kye: canary }", "{ master_kye: ****** }");
        check("  - sk-canary", "  - *********");
        check("url: postgres://u:p@h/db", "url: *******************");
        check("key: a: b", "key: ** *");
    }
}
