//! Reads as much of a `Cargo.toml` as the rules need: which crates it depends on, under which heading.

/// Where a dependency stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Built into the room, or used by its build script.
    Product,
    /// Only for its tests.
    Test,
}

/// One line of a manifest that names a dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The crate's name; the real one where the manifest renames it.
    pub name: String,
    /// Its line, from 1.
    pub line: usize,
    /// What it is for.
    pub kind: Kind,
}

/// The dependencies of a manifest, those of `[workspace.dependencies]` and of `[target.….dependencies]` included.
#[must_use]
pub fn dependencies(text: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(heading) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = heading.to_owned();
            if let Some((name, kind)) = own_table(heading) {
                found.push(Dependency { name: name.to_owned(), line: index + 1, kind });
            }
        } else if let (Some(kind), Some((key, value))) = (kind_of(&section), line.split_once('='))
            && !line.starts_with('#')
        {
            let name = renamed(value).unwrap_or_else(|| key.split('.').next().unwrap_or(key).trim().trim_matches('"'));
            found.push(Dependency { name: name.to_owned(), line: index + 1, kind });
        }
    }
    found
}

/// What `[heading]` lists, when it lists dependencies.
fn kind_of(heading: &str) -> Option<Kind> {
    match heading.rsplit('.').next()? {
        "dependencies" | "build-dependencies" => Some(Kind::Product),
        "dev-dependencies" => Some(Kind::Test),
        _ => None,
    }
}

/// The crate of a `[dependencies.NAME]` heading.
fn own_table(heading: &str) -> Option<(&str, Kind)> {
    let (list, name) = heading.rsplit_once('.')?;
    kind_of(list).map(|kind| (name.trim_matches('"'), kind))
}

/// The crate behind `alias = { package = "name", … }`.
fn renamed(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("package")?;
    rest.trim_start().strip_prefix('=')?.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_dependency_is_seen() {
        let text = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\n# no = \"1\"\nb = \"1\"\nc = { package = \"d\", version = \"1\" }\n\
                    [dependencies.e]\nversion = \"1\"\n[target.'cfg(unix)'.dependencies]\nf = \"1\"\n[dev-dependencies]\ng = \"1\"\n[build-dependencies]\nh = \"1\"\n[lints]\nworkspace = true\n";
        let seen: Vec<(String, Kind)> = dependencies(text).into_iter().map(|found| (found.name, found.kind)).collect();
        let product = |name: &str| (name.to_owned(), Kind::Product);
        assert_eq!(
            seen,
            [product("a"), product("b"), product("d"), product("e"), product("f"), ("g".to_owned(), Kind::Test), product("h")]
        );
    }
}
