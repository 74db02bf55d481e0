//! A vendor is a row, a quirk is a behaviour: `wire` never names a vendor, in an identifier or in a string.

use crate::Findings;
use crate::code::{Strings, code, is_test_file, without_tests, words};
use crate::tree::File;

/// Kinds that are also the name of a dialect or of an address style, which `wire` does speak.
const SPOKEN: &[&str] = &["openai", "anthropic", "gemini", "bedrock", "azure"];

/// The kinds listed in a file of `domain/src/vendors`: the first string of each row of the table, if it holds the table.
#[must_use]
pub fn kinds(table: &str) -> Vec<String> {
    let text = without_tests(&code(table, Strings::Keep));
    let Some((_, rows)) = text.split_once("const VENDORS") else { return Vec::new() };
    let mut kinds: Vec<String> = Vec::new();
    let mut depth = 0_i32;
    let mut in_row = false;
    let mut chars = rows.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            ',' | ';' if depth <= 1 => in_row = false,
            '"' => {
                let rest = &rows[at + 1..];
                let literal = rest.split('"').next().unwrap_or(rest);
                if depth >= 2 && !in_row {
                    kinds.push(literal.to_owned());
                    in_row = true;
                }
                // Skips the literal and its closing quote.
                for _ in literal.chars() {
                    chars.next();
                }
                chars.next();
            }
            _ => {}
        }
        // The table's own bracket closed: what follows are functions.
        if depth < 0 || (depth == 0 && c == ']' && !kinds.is_empty()) {
            break;
        }
    }
    kinds
}

/// Looks for a vendor's name in a source of `wire`.
#[must_use]
pub fn check(file: &File, kinds: &[String]) -> Findings {
    if !file.path.starts_with("wire/src/") || !file.path.ends_with(".rs") || is_test_file(&file.path) {
        return Vec::new();
    }
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).filter(|kind| !SPOKEN.contains(kind)).collect();
    let bare = without_tests(&code(&file.text, Strings::Blank));
    let spoken = without_tests(&code(&file.text, Strings::Keep));
    let mut found = Vec::new();
    for (index, (line, with_strings)) in bare.lines().zip(spoken.lines()).enumerate() {
        let named = kinds.iter().find(|kind| {
            words(line).any(|(_, word)| parts(word).iter().any(|part| part == *kind)) || with_strings.contains(&format!("\"{kind}\""))
        });
        if let Some(kind) = named {
            found.push(format!("{}:{}: `{kind}` is a vendor; name the behaviour instead (a `Quirk`)", file.path, index + 1));
        }
    }
    found
}

/// The lower-case words of an identifier: `GroqUsage` and `groq_usage` both begin with `groq`.
fn parts(identifier: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in identifier.chars() {
        if c == '_' || c.is_uppercase() {
            parts.push(String::new());
        }
        if let (true, Some(last)) = (c != '_', parts.last_mut()) {
            last.extend(c.to_lowercase());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
        /// Adding a vendor is one row.
        pub const VENDORS: &[Vendor] = &[
            openai("deepseek", "DeepSeek", "https://api.deepseek.com/v1"),
            Vendor { kind: "azure", name: "Azure", quirks: &[] },
            openai("groq", "Groq", "https://api.groq.com/openai/v1").quirk(Quirk::NoStreamOptions),
        ];
        fn other() -> &'static str { f("not-a-kind") }
    "#;

    #[test]
    fn kinds_are_the_first_string_of_each_row() {
        assert_eq!(kinds(TABLE), ["deepseek", "azure", "groq"]);
    }

    #[test]
    fn a_vendor_in_wire_is_refused() {
        let kinds = kinds(TABLE);
        let findings = |text: &str| check(&File { path: "wire/src/ask.rs".to_owned(), text: text.to_owned() }, &kinds).len();
        for line in ["if vendor == \"groq\" {", "fn groq_usage() {}", "struct GroqUsage;", "Kind::Deepseek"] {
            assert_eq!(findings(line), 1, "{line}");
        }
        for line in ["// groq sends usage in `x_groq`", "Quirk::NoStreamOptions", "Style::Azure", "\"taken together\""] {
            assert_eq!(findings(line), 0, "{line}");
        }
    }
}
