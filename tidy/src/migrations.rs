//! Migrations are counted without gaps, run forward only, and say what the version before them sees meanwhile.
//!
//! One text serves both engines; what only one of them runs stands between `-- only postgres` or `-- only sqlite` and `-- end`.

use crate::Findings;
use crate::tree::File;

/// Statements that take something away from a node that still runs the old code.
const TAKES_AWAY: &[&str] = &["drop table", "drop column", "rename column", "rename to", "delete from"];

/// What begins and ends the part of one engine.
const SECTIONS: &[&str] = &["-- only postgres", "-- only sqlite"];
const END: &str = "-- end";

/// Holds all files of `migrations/` against the rules.
#[must_use]
pub fn check(files: &[&File]) -> Findings {
    let mut found = Vec::new();
    let mut expected = 1;
    for file in files {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        if !name.ends_with(".sql") {
            continue;
        }
        let number = name.split('_').next().and_then(|digits| (digits.len() == 4).then(|| digits.parse::<u32>().ok()).flatten());
        if number != Some(expected) {
            found.push(format!("{}: the next migration is {expected:04}_NAME.sql", file.path));
        }
        expected = number.unwrap_or(expected) + 1;
        let comment: Vec<&str> = file.text.lines().take_while(|line| line.starts_with("--")).collect();
        let said = comment.join(" ").to_lowercase();
        if !said.contains("old code") {
            found.push(format!("{}:1: begin with a comment on what old code sees meanwhile (`-- … old code …`)", file.path));
        }
        found.extend(sections(file));
        let text = file.text.to_lowercase();
        // All migrations run in one transaction, or none does.
        if text.contains("-- no-transaction") || text.contains("concurrently") {
            found.push(format!("{}: migrations run in one transaction, which this cannot", file.path));
        }
        for statement in TAKES_AWAY {
            if text.lines().any(|line| !line.trim_start().starts_with("--") && line.contains(statement)) && !said.contains("contract") {
                found.push(format!(
                    "{}: `{statement}` takes something from running nodes; expand first, and say `contract` in the comment",
                    file.path
                ));
            }
        }
    }
    found
}

/// Sections are marked by whole lines that the runner knows, one after the other, and end.
fn sections(file: &File) -> Findings {
    let mut found = Vec::new();
    let mut open = None;
    for (index, line) in file.text.lines().enumerate() {
        let place = format!("{}:{}", file.path, index + 1);
        let begins = SECTIONS.contains(&line);
        if line.trim_start().to_lowercase().starts_with("-- only ") && !begins {
            found.push(format!("{place}: a section begins with a line `{}`", SECTIONS.join("` or `")));
        }
        match (&open, begins, line == END) {
            (Some(_), true, _) => found.push(format!("{place}: the section before has no `{END}`")),
            (None, _, true) => found.push(format!("{place}: `{END}` of no section")),
            _ => {}
        }
        if begins {
            open = Some(place);
        } else if line == END {
            open = None;
        }
    }
    found.extend(open.map(|place| format!("{place}: the section has no `{END}`")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> usize {
        let files: Vec<File> = files.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() }).collect();
        check(&files.iter().collect::<Vec<_>>()).len()
    }

    const FINE: &str = "-- Old code sees nothing: a new table.\nCREATE TABLE a (id TEXT);\n";

    #[test]
    fn numbers_have_no_gaps() {
        assert_eq!(findings(&[("migrations/0001_init.sql", FINE), ("migrations/0002_more.sql", FINE)]), 0);
        assert_eq!(findings(&[("migrations/0001_init.sql", FINE), ("migrations/0003_more.sql", FINE)]), 1);
        assert_eq!(findings(&[("migrations/0001_a.sql", FINE), ("migrations/0001_b.sql", FINE)]), 1);
        assert_eq!(findings(&[("migrations/init.sql", FINE)]), 1);
    }

    #[test]
    fn each_says_what_old_code_sees() {
        assert_eq!(findings(&[("migrations/0001_init.sql", "CREATE TABLE a (id TEXT);")]), 1);
    }

    #[test]
    fn what_takes_away_says_that_it_contracts() {
        assert_eq!(findings(&[("migrations/0001_x.sql", "-- old code: fine\nALTER TABLE a DROP COLUMN b;")]), 1);
        assert_eq!(
            findings(&[("migrations/0001_x.sql", "-- contract: old code of two releases ago read b\nALTER TABLE a DROP COLUMN b;")]),
            0
        );
    }

    #[test]
    fn sections_of_one_engine_are_marked_as_the_runner_reads_them() {
        let with = |text: &str| findings(&[("migrations/0001_x.sql", &format!("-- Old code sees nothing.\n{text}"))]);
        assert_eq!(with("-- only postgres\nA;\n-- end\n-- only sqlite\nB;\n-- end\n"), 0);
        assert_eq!(with("-- only postgres\nA;\n"), 1);
        assert_eq!(with("A;\n-- end\n"), 1);
        assert_eq!(with("-- only postgres\nA;\n-- only sqlite\nB;\n-- end\n"), 1);
        assert_eq!(with("  -- Only Postgres\nA;\n"), 1);
        assert_eq!(with("-- only mysql\nA;\n"), 1);
    }

    #[test]
    fn migrations_fit_into_one_transaction() {
        assert_eq!(findings(&[("migrations/0001_x.sql", "-- old code: fine\nCREATE INDEX CONCURRENTLY a ON b (c);")]), 1);
    }
}
