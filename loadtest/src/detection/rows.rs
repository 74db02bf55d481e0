//! The corpora on disk: gzipped JSON lines.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A text, and what is in it.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    /// Unique name.
    pub id: String,
    /// The text.
    pub text: String,
    /// `positive` or `negative`.
    pub label: String,
    /// What is in it, or what it is.
    pub kind: String,
    /// `secret`, `pii` or `benign`.
    pub family: String,
    /// `core` or `tail`.
    #[serde(default)]
    pub tier: String,
    /// Where, in bytes; nothing: anywhere.
    #[serde(default)]
    pub expected_spans: Option<Vec<(usize, usize)>>,
    /// A malformed token that may well be found.
    #[serde(default)]
    pub near_miss: bool,
    /// How an obfuscated text was made.
    #[serde(default)]
    pub form: String,
    /// It has to be found all the same.
    #[serde(default)]
    pub must: bool,
}

/// A text in pieces, and what must not come out.
#[derive(Clone, Debug, Deserialize)]
pub struct StreamCase {
    /// Unique name.
    pub id: String,
    /// What is in it.
    pub kind: String,
    /// The pieces.
    pub chunks: Vec<String>,
    /// What must not come out.
    pub forbidden: Vec<String>,
}

/// Reads a file of the corpus.
///
/// # Errors
/// No such file, or a line that is none.
pub fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Vec<T>> {
    let path = folder.join(name);
    let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.enumerate().map(|(at, line)| serde_json::from_str(&line?).with_context(|| format!("{}:{}", path.display(), at + 1))).collect()
}
