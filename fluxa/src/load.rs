//! From the command line to a configuration: finds the file, reads it, asks the environment.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::cli::{Cli, Command};
use crate::config::{Config, Input, settings, tree};
use crate::demo;

/// The file that is read when it exists and none is named.
pub const DEFAULT_FILE: &str = "./fluxa.yaml";

/// A configuration and what belongs to it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file it came from.
    pub file: Option<String>,
    /// Things that look like slips.
    pub warnings: Vec<String>,
}

/// The environment of this process.
#[must_use]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads the configuration. Called again at every reload.
///
/// # Errors
/// Every mistake, with its place.
pub fn load(cli: &Cli) -> Result<Loaded> {
    let path = cli.common.config.clone().or_else(|| env("FLUXA_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
    let named = path.is_some();
    let path = path.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let file = if named || path.exists() { Some((path.display().to_string(), read(&path)?)) } else { None };
    let flags = cli.common.flags();
    let command = cli.chosen();
    let defaults = if command == Command::Demo { demo::DEFAULTS } else { command.role().defaults() };
    let input = Input { file: file.as_ref().map(|(name, text)| (name.as_str(), text.as_str())), flags: &flags, defaults, env: &env };
    let config = Config::build(&input)?;
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let warnings = settings::unknown_variables(names)
        .into_iter()
        .map(|(name, near)| match near {
            Some(near) => format!("variable {name} means nothing to fluxa; did you mean {near}?"),
            None => format!("variable {name} means nothing to fluxa"),
        })
        .collect();
    Ok(Loaded { config, file: file.map(|(name, _)| name), warnings })
}

fn read(path: &Path) -> Result<String> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read configuration file {shown}"))?.len();
    if size > u64::try_from(tree::MAX_BYTES).unwrap_or(u64::MAX) {
        bail!("configuration file {shown} is larger than 1 MiB");
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read configuration file {shown}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        anyhow::anyhow!("{shown}:{line}: the file is not UTF-8 text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn cli(path: &Path) -> Cli {
        Cli::try_parse_from(["fluxa", "-c", path.to_str().unwrap()]).unwrap()
    }

    #[test]
    fn a_named_file_must_exist_and_be_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        assert!(load(&cli(&path)).unwrap_err().to_string().contains("cannot read configuration file"));
        std::fs::write(&path, b"server: {}\nx: \xff\n").unwrap();
        assert!(load(&cli(&path)).unwrap_err().to_string().ends_with(":2: the file is not UTF-8 text"));
        std::fs::write(&path, "server: { port: 1234 }\n").unwrap();
        let loaded = load(&cli(&path)).unwrap();
        assert_eq!((loaded.config.server.port, loaded.file.as_deref()), (1234, path.to_str()));
    }

    #[test]
    fn the_demo_has_its_own_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, "").unwrap();
        let cli = Cli::try_parse_from(["fluxa", "demo", "-c", path.to_str().unwrap()]).unwrap();
        assert_eq!(load(&cli).unwrap().config.database.path, PathBuf::from(demo::DATABASE));
        let cli = Cli::try_parse_from(["fluxa", "demo", "-c", path.to_str().unwrap(), "--database", "x.db"]).unwrap();
        assert_eq!(load(&cli).unwrap().config.database.path, PathBuf::from("x.db"));
    }
}
