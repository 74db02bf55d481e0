//! What is wrong with a configuration, said so that the reader can fix it: file, line, key and the line itself.

use std::fmt;

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

/// The line of `text` that an error points at, up to and including the key's colon.
///
/// The value is cut off: it may be a secret, and the error says what is wrong with it.
#[must_use]
pub fn snippet(text: &str, at: At) -> String {
    let line = text.lines().nth(at.line.saturating_sub(1)).unwrap_or("");
    let shown: String = line.chars().take(SNIPPET_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    redact(&shown)
}

/// Replaces the value of every key of a line that names a secret by `***`.
fn redact(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((start, end)) = secret_value(rest) {
        out.push_str(rest.get(..start).unwrap_or(""));
        out.push_str("***");
        rest = rest.get(end..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// Words in the names of keys whose values are never shown.
const SECRET_WORDS: &[&str] = &["key:", "keys:", "secret:", "token:", "password:", "authorization:"];

fn secret_value(line: &str) -> Option<(usize, usize)> {
    let lower = line.to_ascii_lowercase();
    let mut best: Option<(usize, usize)> = None;
    for word in SECRET_WORDS {
        let mut from = 0;
        while let Some(found) = lower.get(from..).and_then(|l| l.find(word)) {
            let after = from + found + word.len();
            from = after;
            let tail = line.get(after..).unwrap_or("");
            let start = after + (tail.len() - tail.trim_start().len());
            let value = line.get(start..).unwrap_or("");
            let end = start + value_len(value);
            // A variable's name is no secret, and the reader needs it.
            let shown = value.get(..end - start).unwrap_or("").trim();
            if end > start && shown != "***" && !shown.starts_with("${") && best.is_none_or(|(s, _)| start < s) {
                best = Some((start, end));
            }
        }
    }
    best
}

fn value_len(value: &str) -> usize {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value.get(1..).and_then(|v| v.find(quote)).map_or(value.len(), |end| end + 2),
        Some('[') => value.find(']').map_or(value.len(), |end| end + 1),
        // A nested mapping is no value; its own keys are judged one by one.
        Some('{') | None => 0,
        Some(_) => value.get(..value.find([',', '}', ']']).unwrap_or(value.len())).unwrap_or("").trim_end().len(),
    }
}

/// The name in `known` that is nearest to `word`, when it is near enough to be a slip of the finger.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1) + 1;
    known.iter().map(|name| (distance(word, name), *name)).filter(|(d, _)| *d <= limit).min().map(|(_, name)| name)
}

/// Edit distance, where swapping two neighbours counts as one edit.
fn distance(a: &str, b: &str) -> usize {
    // Names are short; anything longer is not a typo of ours.
    const LONGEST: usize = 64;
    let a: Vec<char> = a.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut cost = at(&last, j) + usize::from(ca != cb);
            cost = cost.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca) {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            row.push(cost);
        }
        before = last;
        last = row;
    }
    last.last().copied().unwrap_or(0)
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
        check("  api_key: sk-canary", "  api_key: ***");
        check("{ name: a, api_key: \"sk,canary\", kind: x }", "{ name: a, api_key: ***, kind: x }");
        check("api_keys: [sk-canary, sk-canary2], prot: 1", "api_keys: ***, prot: 1");
        check("master_key: ${FLUXA_MASTER_KEY}", "master_key: ${FLUXA_MASTER_KEY}");
        check("{ master_key: canary }", "{ master_key: *** }");
        check("port: 80", "port: 80");
    }
}
