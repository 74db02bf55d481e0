//! The repository is the same on every machine: no path of somebody's disk, no address of somebody's package mirror.

use crate::Findings;
use crate::tree::File;

/// Folders that exist on one machine and not on the next. Cut in two, so that this file does not hold what it refuses.
const FOLDERS: &[[&str; 2]] = &[["/wo", "rk/"], ["/fa", "rm/"], ["/ro", "ot/"], ["/ho", "me/"], ["/Us", "ers/"]];
/// How an address of a package registry gets into a file: lock files, package clients' options.
const REGISTRIES: &[[&str; 2]] = &[
    ["\"resolved\": \"", "http"],
    ["--index", "-url"],
    ["--extra-index", "-url"],
    ["registry", "=http"],
    ["replace", "-with"],
    ["registry.npm", "js.org"],
    ["files.python", "hosted.org"],
    ["static.crates", ".io"],
];

/// Holds one text file against both lists. Cargo's lock names the public index by itself.
#[must_use]
pub fn check(file: &File) -> Findings {
    if file.path == "Cargo.lock" {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if FOLDERS.iter().any(|[a, b]| stands_at_root(line, &format!("{a}{b}"))) {
            found.push(format!("{}:{}: a path of one machine", file.path, index + 1));
        }
        if REGISTRIES.iter().any(|[a, b]| line.contains(&format!("{a}{b}"))) {
            found.push(format!("{}:{}: an address of a package registry", file.path, index + 1));
        }
    }
    found
}

/// Whether `folder` is an absolute path here, and not the middle of one (`./x/y/`, `https://host/x/`).
fn stands_at_root(line: &str, folder: &str) -> bool {
    line.match_indices(folder)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '}' || c == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        check(&File { path: "a.md".to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn paths_of_one_machine_are_refused() {
        for [a, b] in FOLDERS {
            assert_eq!(findings(&format!("cd {a}{b}someone/fluxa")), 1, "{a}{b}");
            assert_eq!(findings(&format!("see .{a}{b}file")), 0, "{a}{b}");
        }
        assert_eq!(findings("the database is /var/lib/fluxa/fluxa.db"), 0);
    }

    #[test]
    fn addresses_of_registries_are_refused() {
        for [a, b] in REGISTRIES {
            assert_eq!(findings(&format!("{a}{b}s://mirror.example/x")), 1, "{a}{b}");
        }
    }
}
