//! Every crate of others is a decision: a row in `docs/decisions/0005-dependencies.md` with its use, its rivals and its licence.

use crate::Findings;
use crate::manifest::dependencies;
use crate::tree::File;

/// Columns that a row must fill: crate, use, why it and not another, licence.
const COLUMNS: usize = 4;

/// Compares the manifests with the text of the table, both ways.
#[must_use]
pub fn check(manifests: &[&File], table_path: &str, table: &str) -> Findings {
    let rows = rows(table);
    let mut found = Vec::new();
    let mut used: Vec<String> = Vec::new();
    for manifest in manifests {
        for dependency in dependencies(&manifest.text) {
            let name = dependency.name;
            if name.starts_with("fluxa") || used.contains(&name) {
                continue;
            }
            if !rows.iter().any(|row| row.name == name) {
                found.push(format!("{}:{}: `{name}` has no row in {table_path}", manifest.path, dependency.line));
            }
            used.push(name);
        }
    }
    for row in &rows {
        if !used.contains(&row.name) {
            found.push(format!("{table_path}:{}: `{}` is in no Cargo.toml any more", row.line, row.name));
        }
        if row.filled < COLUMNS {
            found.push(format!("{table_path}:{}: `{}` needs its use, the reason and the licence", row.line, row.name));
        }
    }
    found
}

struct Row {
    name: String,
    line: usize,
    filled: usize,
}

/// The rows ``| `name` | … |`` of all tables in a page; a row may name several crates of one family.
fn rows(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, line) in page.lines().enumerate() {
        let Some(inner) = line.trim().strip_prefix("| `") else { continue };
        let cells: Vec<&str> = inner.split('|').collect();
        let filled = cells.iter().filter(|cell| !cell.trim().is_empty()).count();
        let names = cells.first().copied().unwrap_or_default();
        for name in names.split(',').map(|name| name.trim().trim_matches('`')) {
            rows.push(Row { name: name.to_owned(), line: index + 1, filled });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| crate | for | why | licence |\n| --- | --- | --- | --- |\n| `tokio` | runtime | the one | MIT |\n| `http`, `http-body` | words | shared | MIT |\n";

    fn findings(manifest: &str, table: &str) -> usize {
        let file = File { path: "Cargo.toml".to_owned(), text: manifest.to_owned() };
        check(&[&file], "docs/decisions/0005-dependencies.md", table).len()
    }

    #[test]
    fn a_crate_without_a_row_is_refused_and_a_row_without_a_crate_too() {
        let all = "[workspace.dependencies]\nfluxa-domain = { path = \"domain\" }\ntokio = \"1\"\nhttp = \"1\"\nhttp-body = \"1\"\n";
        assert_eq!(findings(all, TABLE), 0);
        assert_eq!(findings(&format!("{all}left-pad = \"1\"\n"), TABLE), 1);
        assert_eq!(findings("[dependencies]\ntokio = \"1\"\nhttp = \"1\"\n", TABLE), 1);
    }

    #[test]
    fn a_row_gives_its_reason() {
        assert_eq!(findings("[dependencies]\ntokio = \"1\"\n", "| `tokio` | runtime |  | MIT |\n"), 1);
    }
}
