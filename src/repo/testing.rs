//! Real repositories in temporary directories, behind functions that say what they mean.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A mirror that goes away with the test.
pub(in crate::repo) struct Bench {
    pub(in crate::repo) mirror: Mirror,
    pub(in crate::repo) directory: TempDir,
}

/// An empty bare mirror.
pub(in crate::repo) fn bench() -> Bench {
    let directory = TempDir::new().unwrap();
    let mirror = Mirror::open_or_init(directory.path().join("mirror"), "main").unwrap();
    Bench { mirror, directory }
}

/// Writes for `Some`, deletions for `None`.
pub(in crate::repo) fn edits(changes: &[(&str, Option<&str>)]) -> Edits {
    let mut edits = Edits::new();
    for (path, content) in changes {
        match content {
            Some(content) => edits.write(*path, *content),
            None => edits.delete(*path),
        }
    }
    edits
}

/// Files to write.
pub(in crate::repo) fn files(files: &[(&str, &str)]) -> Edits {
    edits(&files.iter().map(|(path, content)| (*path, Some(*content))).collect::<Vec<_>>())
}

/// As many small files as wanted, in directories of a hundred.
pub(in crate::repo) fn many(count: usize) -> Edits {
    let mut edits = Edits::new();
    for index in 0..count {
        edits.write(format!("d{}/{}/f{index}.yaml", index / 1000, index / 100), format!("number: {index}\n"));
    }
    edits
}

impl Bench {
    /// The tree with these files only.
    pub(in crate::repo) fn tree(&self, content: &[(&str, &str)]) -> TreeId {
        self.mirror.tree_with(TreeId::EMPTY, &files(content)).unwrap()
    }

    /// A commit of these edits after `parent`, on no branch.
    pub(in crate::repo) fn commit(&self, parent: Option<CommitId>, edits: &Edits, message: &str) -> CommitId {
        let base = parent.map_or(TreeId::EMPTY, |id| self.mirror.commit_info(id).unwrap().tree);
        let author = Identity { name: "Meshwright".into(), email: "bot@example.com".into() };
        let parents: Vec<_> = parent.into_iter().collect();
        let commit =
            Commit { parents: &parents, base, edits, author: &author, time: 1_700_000_000, message, signer: None };
        self.mirror.commit(&commit).unwrap()
    }

    /// All paths with their contents.
    pub(in crate::repo) fn contents(&self, tree: TreeId) -> Vec<(String, String)> {
        let files = self.mirror.tree_snapshot(tree).unwrap().read_all("").unwrap();
        files.into_iter().map(|(path, content)| (path, String::from_utf8(content.unwrap()).unwrap())).collect()
    }

    /// The same as `git ls-tree` sees it: paths only.
    pub(in crate::repo) fn paths(&self, tree: TreeId) -> Vec<String> {
        self.mirror.tree_snapshot(tree).unwrap().list("").unwrap().into_iter().map(|(path, _)| path).collect()
    }

    /// Another empty bare repository, to push to.
    pub(in crate::repo) fn elsewhere(&self) -> PathBuf {
        let path = self.directory.path().join("elsewhere.git");
        git(self.directory.path(), &["init", "--quiet", "--bare", "-b", "main", path.to_str().unwrap()]);
        path
    }

    /// The remote at a path.
    pub(in crate::repo) fn remote(&self, path: &Path) -> Remote {
        Remote::new(&self.mirror, path.to_str().unwrap(), None).unwrap()
    }
}

/// Runs git in a directory and returns what it prints, without the last line break.
pub(in crate::repo) fn git(directory: &Path, arguments: &[&str]) -> String {
    git_with(directory, arguments, &[], "")
}

/// Runs git with environment and input.
pub(in crate::repo) fn git_with(directory: &Path, arguments: &[&str], env: &[(&str, &str)], input: &str) -> String {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(directory)
        .envs(env.iter().copied())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
