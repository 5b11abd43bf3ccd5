//! A forge with everything around it: a mirror, a human with git, and a way to break it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use meshwright::change::forge::{Pull, Verdict};
use meshwright::change::{Clock, Forge, Timestamp};
use meshwright::forge::Embedded;
use meshwright::repo::{Commit, CommitId, Edits, Identity, Mirror, Remote, TreeId};
use tempfile::TempDir;

use crate::promises::review;

/// Where a forge is tried.
#[async_trait]
pub(crate) trait Stage: Sync {
    /// Whether people sign in at the forge, to review, merge and close there.
    fn is_hosted(&self) -> bool;
    /// Alice reviews the head of a pull request.
    async fn give(&self, pull: &Pull, verdict: Verdict, words: &str);
    /// The forge.
    fn forge(&self) -> Arc<dyn Forge>;
    /// The forge as a new process finds it.
    fn restarted(&self) -> Arc<dyn Forge>;
    /// Where Meshwright builds commits.
    fn mirror(&self) -> &Mirror;
    /// The repository of a human, which has all branches of the forge as they are now.
    fn human(&self) -> Mirror;
    /// Moves a branch to a commit of the human's, wherever it was; none: removes it.
    fn human_push(&self, branch: &str, new: Option<CommitId>);
    /// Makes the forge unable to open the first pull request.
    fn break_it(&self);
    /// Undoes that.
    fn mend(&self);

    /// A commit by Meshwright, on no branch yet.
    fn commit(&self, parent: Option<CommitId>, path: &str, content: &str) -> CommitId {
        commit(self.mirror(), parent, path, content)
    }

    /// A commit of a human on a branch.
    fn human_commit(&self, branch: &str, path: &str, content: &str) -> CommitId {
        let human = self.human();
        let commit = commit(&human, human.branch(branch).unwrap(), path, content);
        self.human_push(branch, Some(commit));
        commit
    }
}

/// A clock that stands still.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000)
    }
}

pub(crate) fn bot() -> Identity {
    Identity { name: "Meshwright".into(), email: "bot@example.com".into() }
}

pub(crate) fn commit(mirror: &Mirror, parent: Option<CommitId>, path: &str, content: &str) -> CommitId {
    let mut edits = Edits::new();
    edits.write(path, content);
    let base = parent.map_or(TreeId::EMPTY, |parent| mirror.commit_info(parent).unwrap().tree);
    let parents: Vec<_> = parent.into_iter().collect();
    let message = format!("Write {path}\n");
    let author = bot();
    let commit =
        Commit { parents: &parents, base, edits: &edits, author: &author, time: 0, message: &message, signer: None };
    mirror.commit(&commit).unwrap()
}

/// Where syncing costs nothing, if there is such a place: these tests pull no plugs.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).or_else(|_| TempDir::new()) } else { TempDir::new() }.unwrap()
}

/// The embedded forge: alone, or with a plain git repository as remote.
pub(crate) struct Plain {
    pub(crate) mirror: Mirror,
    forge: Arc<dyn Forge>,
    origin: Option<PathBuf>,
    directory: TempDir,
}

impl Plain {
    pub(crate) fn alone() -> Self {
        Self::new(false)
    }

    pub(crate) fn with_remote() -> Self {
        Self::new(true)
    }

    fn new(remote: bool) -> Self {
        let directory = scratch();
        let mirror = Mirror::open_or_init(directory.path().join("mirror"), "main").unwrap();
        let origin = remote.then(|| directory.path().join("origin"));
        if let Some(origin) = &origin {
            Mirror::open_or_init(origin, "main").unwrap();
        }
        let forge = Arc::new(embedded(&mirror, origin.as_deref()));
        Self { mirror, forge, origin, directory }
    }

    fn lock(&self) -> PathBuf {
        self.mirror.path().join("refs/meshwright/pulls/1.lock")
    }
}

pub(crate) fn embedded(mirror: &Mirror, origin: Option<&Path>) -> Embedded {
    let remote = origin.map(|origin| Remote::new(mirror, origin.to_str().unwrap(), None).unwrap());
    Embedded::new(mirror.clone(), remote, Arc::new(Still), bot())
}

#[async_trait]
impl Stage for Plain {
    fn is_hosted(&self) -> bool {
        false
    }

    async fn give(&self, pull: &Pull, verdict: Verdict, words: &str) {
        self.forge.review(pull.number, &review(pull.head, verdict, words)).await.unwrap();
    }

    fn forge(&self) -> Arc<dyn Forge> {
        Arc::clone(&self.forge)
    }

    fn restarted(&self) -> Arc<dyn Forge> {
        match &self.origin {
            None => Arc::new(embedded(&Mirror::open(self.mirror.path()).unwrap(), None)),
            // Not even the mirror is left.
            Some(origin) => {
                let path = TempDir::new_in(self.directory.path()).unwrap().keep();
                Arc::new(embedded(&Mirror::open_or_init(path, "main").unwrap(), Some(origin)))
            }
        }
    }

    fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    fn human(&self) -> Mirror {
        let Some(origin) = &self.origin else { return self.mirror.clone() };
        let human = Mirror::open_or_init(self.directory.path().join("human"), "main").unwrap();
        let remote = Remote::new(&human, origin.to_str().unwrap(), None).unwrap();
        remote.fetch(&["+refs/heads/*:refs/heads/*"], true).unwrap();
        human
    }

    fn human_push(&self, branch: &str, new: Option<CommitId>) {
        let name = format!("refs/heads/{branch}");
        match &self.origin {
            None => self.mirror.set_reference(&name, self.mirror.reference(&name).unwrap(), new, "human").unwrap(),
            Some(origin) => {
                let refspec = format!("+{}:{name}", new.map_or_else(String::new, |new| new.to_string()));
                let refspec = if new.is_some() { refspec } else { format!(":{name}") };
                git(&self.directory.path().join("human"), &["push", "--quiet", origin.to_str().unwrap(), &refspec]);
            }
        }
    }

    fn break_it(&self) {
        match &self.origin {
            Some(origin) => std::fs::rename(origin, origin.with_extension("away")).unwrap(),
            None => {
                std::fs::create_dir_all(self.lock().parent().unwrap()).unwrap();
                std::fs::write(self.lock(), "").unwrap();
            }
        }
    }

    fn mend(&self) {
        match &self.origin {
            Some(origin) => std::fs::rename(origin.with_extension("away"), origin).unwrap(),
            None => std::fs::remove_file(self.lock()).unwrap(),
        }
    }
}

/// Runs git in a directory and gives what it prints.
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(directory).args(arguments).output().expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
