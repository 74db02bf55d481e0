//! Segment files: their names, and making one.
//!
//! A name is generation, writer and sequence, so that names sort as the records were written by each writer, and no process ever
//! writes into a file of an earlier one.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::record::{self, HEAD_BYTES, Salt};

/// How segment files end.
const SUFFIX: &str = ".journal";

/// The name of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// The process, counted up at each start.
    pub(super) generation: u64,
    /// The writer within the process.
    pub(super) writer: u32,
    /// The segment within the writer.
    pub(super) sequence: u32,
}

impl Name {
    /// Reads a file's name; `None` for files that are not segments.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let mut parts = file.strip_suffix(SUFFIX)?.splitn(3, '-');
        let name =
            Self { generation: parts.next()?.parse().ok()?, writer: parts.next()?.parse().ok()?, sequence: parts.next()?.parse().ok()? };
        (name.to_string() == file).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}-{:04}-{:06}{SUFFIX}", self.generation, self.writer, self.sequence)
    }
}

/// A segment that is written to.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) file: std::sync::Arc<File>,
    pub(super) salt: Salt,
    /// Bytes written so far.
    pub(super) bytes: u64,
}

impl Segment {
    /// Makes the file and writes its head. Nothing is left behind when that fails.
    pub(super) fn create(folder: &Path, name: Name) -> io::Result<Self> {
        let path = folder.join(name.to_string());
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        owner_only(&mut options);
        let mut salt = Salt::default();
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        let mut file = options.open(&path)?;
        if let Err(error) = file.write_all(&record::head(salt)) {
            drop(std::fs::remove_file(&path));
            return Err(error);
        }
        Ok(Self { path, file: std::sync::Arc::new(file), salt, bytes: HEAD_BYTES as u64 })
    }
}

/// All segments of a folder, sorted.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder)? {
        if let Some(name) = file?.file_name().to_str().and_then(Name::parse) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Rows may hold bodies (where the operator keeps them): nobody but the owner reads these files.
pub(super) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}
