//! Pages that can be followed: links lead somewhere, decisions are listed and counted.

use crate::Findings;
use crate::tree::{File, Tree};

/// How a path in the sources begins.
const SOURCE_FOLDERS: &[&str] =
    &["domain/", "wire/", "store/", "gateway/", "admin-api/", "fluxa/", "loadtest/", "tidy/", "docs/", "migrations/", "scripts/"];

/// Checks every relative link of a page, with its `#anchor` where it leads to a page.
#[must_use]
pub fn check_links(page: &File, tree: &Tree) -> Findings {
    let mut found = Vec::new();
    for (line, target) in links(&page.text) {
        let (path, anchor) = target.split_once('#').unwrap_or((target.as_str(), ""));
        if is_elsewhere(&target) {
            continue;
        }
        let at = if path.is_empty() { page.path.clone() } else { resolve(&page.path, path) };
        if !exists(tree, &at) {
            found.push(format!("{}:{line}: `{target}` leads nowhere", page.path));
        } else if let (false, Some(file)) = (anchor.is_empty(), tree.file(&at))
            && at.ends_with(".md")
            && !anchors(&file.text).iter().any(|known| known == anchor)
        {
            found.push(format!("{}:{line}: `{at}` has no heading `#{anchor}`", page.path));
        }
    }
    found
}

/// Checks every file or folder of the sources that a page names in backticks, from the top: `wire/src/body/`.
#[must_use]
pub fn check_paths(page: &File, tree: &Tree) -> Findings {
    let mut found = Vec::new();
    for (index, line) in page.text.lines().enumerate() {
        for token in line.split('`').skip(1).step_by(2) {
            let is_path = SOURCE_FOLDERS.iter().any(|folder| token.starts_with(folder))
                && token.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if is_path && !exists(tree, token.trim_end_matches('/')) {
                found.push(format!("{}:{}: there is no `{token}`", page.path, index + 1));
            }
        }
    }
    found
}

/// Decisions are counted without gaps and each is linked from their index.
#[must_use]
pub fn check_decisions(paths: &[String], index: &str) -> Findings {
    const FOLDER: &str = "docs/decisions/";
    let mut found = Vec::new();
    let mut expected = 1;
    for name in paths.iter().filter_map(|path| path.strip_prefix(FOLDER)).filter(|name| *name != "README.md") {
        let number = name.split('-').next().and_then(|digits| digits.parse::<u32>().ok());
        if number != Some(expected) || !name.ends_with(".md") {
            found.push(format!("{FOLDER}{name}: the next decision is {expected:04}-NAME.md"));
        }
        expected = number.unwrap_or(expected) + 1;
        if !index.contains(&format!("({name})")) {
            found.push(format!("{FOLDER}README.md: {name} is not listed"));
        }
    }
    found
}

/// `](target)` of a page outside code, with its line.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Every other piece between backticks is code.
        for prose in line.split('`').enumerate().filter_map(|(piece, prose)| (piece % 2 == 0).then_some(prose)) {
            for (at, open) in prose.match_indices("](") {
                let rest = &prose[at + open.len()..];
                let target = rest.split([')', ' ']).next().unwrap_or(rest);
                links.push((index + 1, target.to_owned()));
            }
        }
        // A link whose text is code: [`a.rs`](a.rs) is cut by the backticks above.
        for (at, open) in line.match_indices("`](") {
            let rest = &line[at + open.len()..];
            let target = rest.split([')', ' ']).next().unwrap_or(rest).to_owned();
            if !links.contains(&(index + 1, target.clone())) {
                links.push((index + 1, target));
            }
        }
    }
    links
}

fn is_elsewhere(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:") || target.starts_with('/')
}

/// `../x` seen from a page.
fn resolve(page: &str, path: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn exists(tree: &Tree, path: &str) -> bool {
    let folder = format!("{path}/");
    path.is_empty() || tree.paths.iter().any(|known| known == path || known.starts_with(&folder))
}

/// What headings are called in a link: lower case, blanks to `-`, punctuation gone.
fn anchors(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let files: Vec<File> = files.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() }).collect();
        Tree { paths: files.iter().map(|file| file.path.clone()).collect(), files }
    }

    fn findings(text: &str) -> usize {
        let tree = tree(&[("docs/a.md", text), ("docs/b.md", "# The rooms, all\n"), ("domain/src/lib.rs", "")]);
        check_links(&tree.files[0], &tree).len()
    }

    #[test]
    fn links_lead_somewhere() {
        for text in [
            "[b](b.md)",
            "[b](./b.md#the-rooms-all)",
            "[d](../domain)",
            "[l](../domain/src/lib.rs)",
            "[x](https://example.com/x)",
            "# Here\n[h](#here)",
        ] {
            assert_eq!(findings(text), 0, "{text}");
        }
        for text in ["[c](c.md)", "[`c`](c.md)", "[b](b.md#walls)", "[up](../b.md)", "[h](#nowhere)"] {
            assert_eq!(findings(text), 1, "{text}");
        }
        assert_eq!(findings("```\n[c](c.md)\n```\nand `[c](c.md)`"), 0);
    }

    #[test]
    fn paths_in_backticks_are_there() {
        let tree = tree(&[
            ("docs/a.md", "see `domain/src/lib.rs`, `domain/src/`, `wire/src/*.rs`, `a/b`\n`domain/src/gone.rs`\n"),
            ("domain/src/lib.rs", ""),
        ]);
        assert_eq!(check_paths(&tree.files[0], &tree), ["docs/a.md:2: there is no `domain/src/gone.rs`"]);
    }

    #[test]
    fn decisions_are_counted_and_listed() {
        let paths: Vec<String> =
            ["docs/decisions/0001-a.md", "docs/decisions/0002-b.md", "docs/decisions/README.md"].map(str::to_owned).into();
        assert_eq!(check_decisions(&paths, "[a](0001-a.md) [b](0002-b.md)").len(), 0);
        assert_eq!(check_decisions(&paths, "[a](0001-a.md)").len(), 1);
        assert_eq!(check_decisions(&paths[1..], "[b](0002-b.md)").len(), 1);
    }
}
