//! The schema's versions: one folder of migrations for both engines.
//!
//! Where the engines differ, a migration has sections: the lines between `-- only postgres` (or `-- only sqlite`) and `-- end` are
//! that engine's alone. An engine's text is the file without the other's sections and without the marks, and its checksum is that
//! text's, so a section may be added to a migration that the other engine ran long ago.

use std::borrow::Cow;

use sqlx::migrate::{Migration, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

/// All files of the folder, embedded.
static FILES: Migrator = sqlx::migrate!("../migrations");

/// What ends a section.
const END: &str = "-- end";

/// Which engine's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// What begins a section of the other one, and of this one.
    const fn marks(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => ("-- only postgres", "-- only sqlite"),
            Self::Postgres => ("-- only sqlite", "-- only postgres"),
        }
    }
}

/// The migrations as `engine` runs them.
pub(super) fn migrations(engine: Engine) -> Migrator {
    let migrations = FILES.iter().map(|file| {
        let text = AssertSqlSafe(text_for(engine, file.sql.as_str())).into_sql_str();
        Migration::new(file.version, Cow::clone(&file.description), file.migration_type, text, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// The version that this code needs.
pub(super) fn newest() -> i64 {
    FILES.iter().map(|file| file.version).max().unwrap_or(0)
}

fn text_for(engine: Engine, file: &str) -> String {
    let (others, own) = engine.marks();
    let mut skipping = false;
    let mut text = String::with_capacity(file.len());
    for line in file.split_inclusive('\n') {
        let mark = line.trim();
        if mark == others || mark == own || mark == END {
            skipping = mark == others;
        } else if !skipping {
            text.push_str(line);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_sees_its_own_sections() {
        let file = "a\n-- only postgres\nb\n-- end\n-- only sqlite\nc\n-- end\nd";
        assert_eq!(text_for(Engine::Sqlite, file), "a\nc\nd");
        assert_eq!(text_for(Engine::Postgres, file), "a\nb\nd");
    }

    #[test]
    fn what_files_ran_long_ago_is_never_changed() {
        // What the first releases wrote into `_sqlx_migrations`; another checksum would keep their databases from opening.
        let former = [
            "c700bedac27ae295d1ab6abce29e32200ae59dcf60880e1478a97088eee9f57920a43794ff2e59e81e6ed73c1f695bf4",
            "7821cb289a683ecfe785de7d0ac3a0540923e453b2cede76454bc05d5d42b5f8b70a61ffdeec106abb0556c21c855830",
            "5aa9e60c7f17f9673628fc97c2f1ad54331cfc5bec0fa465ff6d8d2069ec334097ad6bb1e5014535b73d7194e7878cdc",
            "4f29598eb7f2f31a98d194522f3b55db5105de57796210bbbb61b1cfada7c4535a8a625c32f54835a267ca7245ea28e8",
        ];
        let found: Vec<String> = migrations(Engine::Sqlite).iter().map(|migration| hex(&migration.checksum)).collect();
        assert_eq!(found.get(..4).unwrap(), former);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
