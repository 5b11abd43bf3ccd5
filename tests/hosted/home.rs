//! A desk in front of a double.

use std::path::Path;

use meshwright::change::{Change, ChangeId, State, Timing};
use meshwright::config::{App, Commits, Config, Forge, ForgeKind};
use meshwright::repo::{CommitId, Edits, Identity, Mirror, TreeId};
use tempfile::TempDir;

use crate::desk::{House, MINIMAL, TIMING, eventually, open_configured, stop};
use crate::double::{Double, Face, Pull, REPOSITORY, TOKEN, scratch};

/// How Meshwright meets a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    GitHubUser,
    GitHubApp,
    GitHubMaker,
    GiteaUser,
}

pub const ALL: [As; 4] = [As::GitHubUser, As::GitHubApp, As::GitHubMaker, As::GiteaUser];

/// A double, a desk in front of it, and where both keep their things.
pub struct Home {
    pub double: Double,
    pub house: House,
    pub config: Config,
    pub timing: Timing,
    pub directory: TempDir,
}

/// What main begins with.
const SETTINGS: &str = "renderer: 1\napprovals: 1\n";

impl Home {
    pub async fn new(kind: As) -> Self {
        Self::with(kind, TIMING, &[]).await
    }

    /// One with these files on main beside the settings.
    pub async fn with(kind: As, timing: Timing, files: &[(&str, &str)]) -> Self {
        Self::connected(kind, timing, files, true).await
    }

    /// The same with commits that travel over HTTP, or past the double.
    pub async fn connected(kind: As, timing: Timing, files: &[(&str, &str)], http: bool) -> Self {
        let double = Double::start(if kind == As::GiteaUser { Face::Gitea } else { Face::GitHub });
        let directory = scratch();
        let mut config = configured(&double, kind, directory.path());
        if !http {
            config.repository.remote = Some(double.repository().to_str().unwrap().to_owned());
        }
        let mut edits = Edits::new();
        edits.write("meshwright.yaml", SETTINGS);
        files.iter().for_each(|(path, text)| edits.write(*path, *text));
        push(&double, "main", &edits);
        let house = open_configured(&config, timing).await;
        Self { double, house, config, timing, directory }
    }

    /// The same with a new process; with `amnesia` nothing is left of the old one's data.
    pub async fn restart(self, amnesia: bool) -> Self {
        let Self { double, house, config, timing, directory } = self;
        stop(house).await;
        if amnesia {
            std::fs::remove_dir_all(&config.data).unwrap();
        }
        let house = open_configured(&config, timing).await;
        Self { double, house, config, timing, directory }
    }

    /// Stops the desk; what is left is the double, and what a server is configured by.
    pub async fn close(self) -> (Double, Config) {
        stop(self.house).await;
        // The folder goes with the machine's memory.
        drop(self.directory.keep());
        (self.double, self.config)
    }

    /// Waits until everything was looked at once, and forgets the calls that took.
    pub async fn started(&self) {
        eventually(|| {
            let calls = self.double.lock().calls.clone();
            let listened = calls.iter().filter(|call| call.path.ends_with("/issues/comments")).count();
            if listened > 0 { Ok(()) } else { Err(calls) }
        })
        .await;
        self.double.calls();
    }

    /// Posts the minimal mesh; gives its change and its pull request when it waits for review.
    pub async fn proposed(&self) -> (ChangeId, Pull) {
        let id = self.house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
        let change = self.house.until(&id, State::Proposed).await;
        (id, self.pull(&change))
    }

    /// The one pull request of a change.
    pub fn pull(&self, change: &Change) -> Pull {
        let mut pulls = self.double.pulls();
        pulls.retain(|pull| pull.branch == change.branch);
        assert_eq!(pulls.len(), 1, "{pulls:#?}");
        pulls.remove(0)
    }

    /// Waits until the pull request of that number is as `says` is true of.
    pub async fn until_pull(&self, number: u64, says: impl Fn(&Pull) -> bool) -> Pull {
        eventually(|| {
            let pull = self.double.lock().pulls.get(&number).cloned().map(Box::new).ok_or(None)?;
            if says(&pull) { Ok(*pull) } else { Err(Some(pull)) }
        })
        .await
    }

    /// Our one comment below a pull request, as soon as it has these words.
    pub async fn until_remark(&self, number: u64, words: &str) -> String {
        eventually(|| {
            let state = self.double.lock();
            let ours = state.comments.iter().filter(|it| it.pull == number && it.body.starts_with("<!-- meshwright"));
            let ours: Vec<String> = ours.map(|comment| comment.body.clone()).collect();
            assert!(ours.len() < 2, "{ours:#?}");
            ours.into_iter().find(|body| body.contains(words)).ok_or_else(|| state.comments.clone())
        })
        .await
    }

    /// A person commits to a branch.
    pub fn commit(&self, branch: &str, path: &str, text: &str) -> CommitId {
        let mut edits = Edits::new();
        edits.write(path, text);
        push(&self.double, branch, &edits)
    }
}

/// Commits past the API, as a push by a person.
pub fn push(double: &Double, branch: &str, edits: &Edits) -> CommitId {
    commit_on(double, branch, branch, edits)
}

/// The same by force: on top of main, over whatever stands on the branch.
pub fn force(double: &Double, branch: &str, edits: &Edits) -> CommitId {
    commit_on(double, branch, "main", edits)
}

fn commit_on(double: &Double, branch: &str, base: &str, edits: &Edits) -> CommitId {
    let bare = Mirror::open(double.repository()).unwrap();
    let by = Identity { name: "Human".into(), email: "human@example.com".into() };
    loop {
        // Nobody moves anything by the API meanwhile; who pushes past it may be faster.
        let state = double.lock();
        let (before, parent) = (bare.branch(branch).unwrap(), bare.branch(base).unwrap());
        let files = parent.map_or(TreeId::EMPTY, |parent| bare.commit_info(parent).unwrap().tree);
        let parents: Vec<_> = parent.into_iter().collect();
        let tree = bare.tree_with(files, edits).unwrap();
        let commit = bare.commit_tree(tree, &parents, &by, 1, "by hand\n", None).unwrap();
        let pushed = bare.set_reference(&format!("refs/heads/{branch}"), before, Some(commit), "push");
        drop(state);
        if pushed.is_ok() {
            drop(double.lock());
            return commit;
        }
    }
}

fn configured(double: &Double, kind: As, directory: &Path) -> Config {
    let secret = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let mut forge = Forge {
        kind: if kind == As::GiteaUser { ForgeKind::Gitea } else { ForgeKind::GitHub },
        api: Some(double.api_url()),
        repository: Some(REPOSITORY.into()),
        ..Forge::default()
    };
    // The clock of a test may be set ahead, and what a test does in a minute is more than people do.
    (forge.budget.minute, forge.budget.hour) = (100_000, 100_000);
    match kind {
        As::GitHubApp => {
            let app = double.install_app(3600);
            let private_key_file = secret("app.pem", &app.private_key);
            forge.app = Some(App { id: app.id, installation: None, private_key_file });
        }
        _ => forge.token_file = secret("token", TOKEN),
    }
    if kind == As::GitHubMaker {
        forge.commits = Commits::Made;
    }
    Config {
        data: directory.join("data"),
        forge,
        public_url: Some("https://mesh.example/".into()),
        ..Config::default()
    }
}
