//! Migrations are counted without gaps, run forward only, and say what the version before them sees meanwhile.

use crate::Findings;
use crate::tree::File;

/// Statements that take something away from a node that still runs the old code.
const TAKES_AWAY: &[&str] = &["drop table", "drop column", "rename column", "rename to", "delete from"];

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
        let text = file.text.to_lowercase();
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
}
