//! What is not merged in any room: silenced lints, unfinished code, tests that are switched off.

use crate::Findings;
use crate::code::{Strings, code, is_test_file, says, without_tests};
use crate::tree::File;

/// Macros of code that is not written yet.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!"];
/// How a test is switched off outside Rust. Cut in two, so that this file does not hold what it refuses.
const SWITCHED_OFF: &[[&str; 2]] =
    &[["it.", "skip"], ["test.", "skip"], ["describe.", "skip"], ["test.", "only"], ["it.", "only"], ["mark.", "skip"], ["mark.", "xfail"]];

/// Holds one file against the list.
#[must_use]
pub fn check(file: &File) -> Findings {
    if file.path.ends_with(".rs") {
        return rust(file);
    }
    if [".py", ".js", ".mjs", ".ts", ".tsx"].iter().any(|ending| file.path.ends_with(ending)) {
        return script(file);
    }
    Vec::new()
}

fn rust(file: &File) -> Findings {
    let bare = code(&file.text, Strings::Blank);
    let mut found = attributes(&file.path, &bare);
    for (index, line) in bare.lines().enumerate() {
        if let Some(what) = UNFINISHED.iter().find(|what| says(line, what)) {
            found.push(format!("{}:{}: `{what}` is unfinished code", file.path, index + 1));
        }
    }
    if !is_test_file(&file.path) {
        for (index, line) in without_tests(&bare).lines().enumerate() {
            if line.contains(".unwrap()") {
                found.push(format!(
                    "{}:{}: no `unwrap` outside tests; return the error, or make the case impossible",
                    file.path,
                    index + 1
                ));
            }
        }
    }
    found
}

/// Judges `#[…]` and `#![…]`, over as many lines as each takes.
fn attributes(path: &str, bare: &str) -> Findings {
    let mut found = Vec::new();
    for (at, _) in bare.match_indices('#') {
        let rest = &bare[at + 1..];
        let Some(inner) = rest.strip_prefix('[').or_else(|| rest.strip_prefix("![")) else { continue };
        let attribute = inner.get(..closing(inner)).unwrap_or(inner);
        let line = bare[..at].matches('\n').count() + 1;
        if says(attribute, "allow") && attribute.contains("allow(") {
            found.push(format!("{path}:{line}: `allow` hides; write `expect(lint, reason = \"…\")`"));
        }
        if attribute.contains("expect(") && says(attribute, "expect") && !says(attribute, "reason") {
            found.push(format!("{path}:{line}: `expect` without a `reason`"));
        }
        if attribute.trim_start().starts_with("ignore") {
            found.push(format!("{path}:{line}: a test that is switched off tests nothing; mend it or delete it"));
        }
    }
    found
}

/// Where the bracket that is already open closes.
fn closing(inner: &str) -> usize {
    let mut depth = 1_u32;
    for (at, c) in inner.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    inner.len()
}

fn script(file: &File) -> Findings {
    let off = |line: &str| SWITCHED_OFF.iter().any(|[what, how]| says(line, &format!("{what}{how}")));
    file.text
        .lines()
        .enumerate()
        .filter(|(_, line)| off(line))
        .map(|(index, _)| format!("{}:{}: a test that is switched off tests nothing; mend it or delete it", file.path, index + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Findings {
        check(&File { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn silenced_lints_are_refused() {
        let open = "#[";
        for attribute in
            ["allow(dead_code)]", "cfg_attr(test, allow(dead_code))]", "expect(dead_code)]", "expect(\n    dead_code,\n    unused\n)]"]
        {
            assert_eq!(findings("a/src/b.rs", &format!("{open}{attribute}\nfn f() {{}}\n")).len(), 1, "{attribute}");
        }
        assert_eq!(findings("a/src/b.rs", "#![expect(dead_code, reason = \"why\")]\n").len(), 0);
        assert_eq!(findings("a/src/b.rs", "fn allow() { self.allow(x[0]) }\n").len(), 0);
    }

    #[test]
    fn unfinished_code_is_refused() {
        for name in ["todo", "unimplemented", "dbg"] {
            assert_eq!(findings("a/tests/b.rs", &format!("fn f() {{ {name}!(\"x\") }}")).len(), 1, "{name}");
        }
        assert_eq!(findings("a/src/b.rs", "// a comment about to-dos\nlet todo = 1;").len(), 0);
    }

    #[test]
    fn unwrap_is_for_tests() {
        assert_eq!(findings("a/src/b.rs", "let x = y.unwrap();").len(), 1);
        assert_eq!(findings("a/src/b.rs", "let x = y.unwrap_or(0);").len(), 0);
        assert_eq!(findings("a/tests/it/main.rs", "let x = y.unwrap();").len(), 0);
        assert_eq!(findings("a/src/b.rs", "#[cfg(test)]\nmod tests {\n    fn f() { y.unwrap(); }\n}\n").len(), 0);
    }

    #[test]
    fn switched_off_tests_are_refused() {
        let open = "#[";
        assert_eq!(findings("a/src/b.rs", &format!("{open}ignore]\nfn f() {{}}")).len(), 1);
        assert_eq!(findings("a/src/b.rs", &format!("{open}ignore = \"slow\"]\nfn f() {{}}")).len(), 1);
        for [what, how] in SWITCHED_OFF {
            assert_eq!(findings("fluxa/tests/sdk/x.py", &format!("@pytest.{what}{how}(reason='x')")).len(), 1);
        }
        assert_eq!(findings("fluxa/tests/sdk/x.mjs", "it('skips nothing', f)").len(), 0);
    }
}
