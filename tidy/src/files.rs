//! A file is one thing, named for it: sizes, names, and the first lines that say what it is.

use crate::Findings;
use crate::tree::File;

/// Past this a file is two things. Most have 80 to 400 lines.
pub const MAX_LINES: usize = 700;
/// What people write and read; data, locks and prose have their own measure.
pub const SOURCES: &[&str] = &[".rs", ".py", ".ts", ".tsx", ".js", ".mjs", ".sh", ".sql"];
/// Names that say nothing, so that everything ends up in them.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "stuff"];

/// Refuses a source file of more than [`MAX_LINES`] lines.
#[must_use]
pub fn check_size(file: &File) -> Findings {
    let lines = file.text.lines().count();
    if lines <= MAX_LINES || !is_source(&file.path) {
        return Vec::new();
    }
    vec![format!("{}: {lines} lines; more than {MAX_LINES} are two files", file.path)]
}

/// Refuses `mod.rs` and names that say nothing, of files and folders.
#[must_use]
pub fn check_name(path: &str) -> Findings {
    if !is_source(path) {
        return Vec::new();
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if name == "mod.rs" {
        return vec![format!("{path}: the path is the name: `foo.rs` beside `foo/`, no `mod.rs`")];
    }
    if name.ends_with(".rs") && name.contains(|c: char| c.is_ascii_uppercase() || c == '-') {
        return vec![format!("{path}: a module's file is in snake_case")];
    }
    let empty = path.split('/').find(|part| {
        let stem = part.split('.').next().unwrap_or(part);
        stem.split(['_', '-']).any(|word| EMPTY_NAMES.contains(&word))
    });
    empty.map(|part| format!("{path}: `{part}` says nothing; name the file for the one thing in it")).into_iter().collect()
}

/// Refuses a Rust file without `//!` at its head (an out-of-line `tests.rs` is spoken for by its parent), and a room whose first lines do not say what is never done there and where to start.
#[must_use]
pub fn check_head(file: &File) -> Findings {
    if !file.path.ends_with(".rs") || file.path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let head: Vec<&str> = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
    if head.iter().all(|line| line.len() < 8) {
        return vec![format!("{}:1: begin with `//!` and what this file is for", file.path)];
    }
    if !is_room_front(&file.path) {
        return Vec::new();
    }
    let said = head.join(" ").to_lowercase();
    let says_never = ["never", "nothing", "no ", "only"].iter().any(|word| said.contains(word));
    if says_never && said.contains("start") {
        return Vec::new();
    }
    vec![format!("{}:1: a room's first lines say what it is for, what is never done here, and where to start reading", file.path)]
}

/// `room/src/lib.rs`: every room has one, the binary too.
fn is_room_front(path: &str) -> bool {
    path.split_once('/').is_some_and(|(_, rest)| rest == "src/lib.rs")
}

fn is_source(path: &str) -> bool {
    SOURCES.iter().any(|ending| path.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_file_over_the_limit_is_two_files() {
        for ending in SOURCES {
            assert_eq!(check_size(&file(&format!("a/b{ending}"), &"x\n".repeat(MAX_LINES))).len(), 0);
            assert_eq!(check_size(&file(&format!("a/b{ending}"), &"x\n".repeat(MAX_LINES + 1))).len(), 1);
        }
        assert_eq!(check_size(&file("domain/prices.json", &"x\n".repeat(5000))).len(), 0);
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        for path in [
            "wire/src/mod.rs",
            "store/src/utils.rs",
            "gateway/src/http_helpers.rs",
            "a/common/x.rs",
            "fluxa/src/key_manager.rs",
            "a/src/FooBar.rs",
            "t/helpers.py",
        ] {
            assert_eq!(check_name(path).len(), 1, "{path}");
        }
        for path in ["wire/src/frame/sse.rs", "fluxa/tests/it/main.rs", "docs/common.md", "fluxa/tests/sdk/node/package.json"] {
            assert_eq!(check_name(path).len(), 0, "{path}");
        }
    }

    #[test]
    fn every_file_says_what_it_is_for() {
        assert_eq!(check_head(&file("a/src/b.rs", "use x;\n")).len(), 1);
        assert_eq!(check_head(&file("a/src/b.rs", "//!\nuse x;\n")).len(), 1);
        assert_eq!(check_head(&file("a/src/b.rs", "//! What it is for.\nuse x;\n")).len(), 0);
        assert_eq!(check_head(&file("a/src/b/tests.rs", "use super::*;\n")).len(), 0);
    }

    #[test]
    fn a_room_says_what_it_never_does_and_where_to_start() {
        assert_eq!(check_head(&file("store/src/lib.rs", "//! What is kept.\n")).len(), 1);
        assert_eq!(check_head(&file("fluxa/src/main.rs", "//! The program `fluxa`: arguments and printing.\n")).len(), 0);
        assert_eq!(
            check_head(&file("store/src/lib.rs", "//! What is kept.\n//!\n//! Nothing here decides. Start at `open.rs`.\n")).len(),
            0
        );
    }
}
