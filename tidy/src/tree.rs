//! The files of the repository, as git sees them: tracked ones and new ones, never what `.gitignore` names.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders of which nothing is ours, for a tree that is no git checkout.
const NOT_OURS: &[&str] = &[".git", "target", "node_modules", "__pycache__", ".venv"];

/// A text file of the repository.
#[derive(Clone, Debug)]
pub struct File {
    /// From the top of the repository, with `/`.
    pub path: String,
    /// What is in it; files that are not UTF-8 are not read.
    pub text: String,
}

/// All files, sorted by path.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Every path, also of files that are not text.
    pub paths: Vec<String>,
    /// The text files.
    pub files: Vec<File>,
}

impl Tree {
    /// Reads the repository at `root`.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut paths = match from_git(root) {
            Some(paths) => paths,
            None => {
                let mut paths = Vec::new();
                walk(root, root, &mut paths)?;
                paths
            }
        };
        paths.retain(|path| root.join(path).is_file());
        paths.sort();
        paths.dedup();
        let mut files = Vec::new();
        for path in &paths {
            if let Ok(text) = String::from_utf8(std::fs::read(root.join(path))?) {
                files.push(File { path: path.clone(), text });
            }
        }
        Ok(Self { paths, files })
    }

    /// The file at exactly `path`.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Files whose name ends in one of `endings`.
    pub fn ending<'a>(&'a self, endings: &'a [&str]) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(|file| endings.iter().any(|ending| file.path.ends_with(ending)))
    }
}

/// The top of this repository, known when the tests are built.
#[must_use]
pub fn top() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

fn from_git(root: &Path) -> Option<Vec<String>> {
    let listing = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(listing.stdout).ok()?;
    let paths: Vec<String> = text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    (!paths.is_empty()).then_some(paths)
}

fn walk(root: &Path, folder: &Path, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, paths)?;
        } else if let Ok(inside) = path.strip_prefix(root) {
            paths.push(inside.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_holds_this_file_and_nothing_built() {
        let tree = Tree::read(&top()).unwrap();
        assert!(tree.file("tidy/src/tree.rs").is_some_and(|file| file.text.contains("the_tree_holds_this_file")));
        assert!(tree.paths.iter().all(|path| !path.starts_with("target/")));
    }

    #[test]
    fn a_tree_without_git_is_walked() {
        let mut paths = Vec::new();
        walk(&top(), &top().join("tidy"), &mut paths).unwrap();
        assert!(paths.iter().any(|path| path == "tidy/src/tree.rs"));
    }
}
