//! The stage of forges that are services: their doubles.

use std::sync::Arc;

use async_trait::async_trait;
use meshwright::change::Forge;
use meshwright::change::forge::{Pull, Verdict};
use meshwright::forge::{Allowance, Commits, GitHub, Gitea, Identity, MergeMethod, Place, Token};
use meshwright::repo::{CommitId, Mirror, Remote};
use tempfile::TempDir;

use crate::double::{self, Double, Face, Fault, Match, REPOSITORY, TOKEN};
use crate::stage::{Stage, Still, git, scratch};

/// A double with Meshwright in front and a human beside it.
pub(crate) struct Served {
    pub(crate) double: Double,
    mirror: Mirror,
    forge: Arc<dyn Forge>,
    connect: Connect,
    directory: TempDir,
}

type Connect = Box<dyn Fn(&Double, &Mirror) -> Arc<dyn Forge> + Send + Sync>;

impl Served {
    pub(crate) fn github() -> Self {
        Self::new(Face::GitHub, |double, mirror| github(double, mirror, token(), Commits::Pushed))
    }

    /// GitHub as an app knows it.
    pub(crate) fn github_app() -> Self {
        let double = Double::start(Face::GitHub);
        let key = double.install_app(3600).private_key;
        Self::over(double, move |double, mirror| {
            let key = Token::new(key.clone());
            github(double, mirror, Identity::App { id: 4711, key, installation: None }, Commits::Pushed)
        })
    }

    /// GitHub making the commits itself.
    pub(crate) fn github_making() -> Self {
        Self::new(Face::GitHub, |double, mirror| github(double, mirror, token(), Commits::Made))
    }

    pub(crate) fn gitea() -> Self {
        Self::new(Face::Gitea, |double, mirror| {
            let api = double.api_url();
            let gitea =
                Gitea { api, token: Token::new(TOKEN.to_owned()), method: MergeMethod::Merge, allowance: plenty() };
            gitea.connect(place(), mirror.clone(), remote(double, mirror), Arc::new(Still))
        })
    }

    fn new(face: Face, connect: impl Fn(&Double, &Mirror) -> Arc<dyn Forge> + Send + Sync + 'static) -> Self {
        Self::over(Double::start(face), connect)
    }

    fn over(double: Double, connect: impl Fn(&Double, &Mirror) -> Arc<dyn Forge> + Send + Sync + 'static) -> Self {
        let directory = scratch();
        let mirror = Mirror::open_or_init(directory.path().join("mirror"), "main").unwrap();
        let forge = connect(&double, &mirror);
        Self { double, mirror, forge, connect: Box::new(connect), directory }
    }
}

fn token() -> Identity {
    Identity::Token(Token::new(TOKEN.to_owned()))
}

fn github(double: &Double, mirror: &Mirror, identity: Identity, commits: Commits) -> Arc<dyn Forge> {
    let github = GitHub { api: double.api_url(), identity, method: MergeMethod::Merge, commits, allowance: plenty() };
    github.connect(place(), mirror.clone(), remote(double, mirror), Arc::new(Still)).unwrap()
}

/// The clock stands still, so that a minute never ends.
fn plenty() -> Allowance {
    Allowance { minute: 100_000, hour: 100_000 }
}

fn place() -> Place {
    Place { repository: REPOSITORY.to_owned(), main: "main".to_owned(), labels: vec![] }
}

fn remote(double: &Double, mirror: &Mirror) -> Remote {
    Remote::new(mirror, &double.git_url(), None).unwrap()
}

#[async_trait]
impl Stage for Served {
    fn is_hosted(&self) -> bool {
        true
    }

    async fn give(&self, pull: &Pull, verdict: Verdict, words: &str) {
        let verdict = match verdict {
            Verdict::Approve => double::Verdict::Approve,
            Verdict::RequestChanges => double::Verdict::RequestChanges,
        };
        self.double.review(pull.number, "alice", verdict, words);
    }

    fn forge(&self) -> Arc<dyn Forge> {
        Arc::clone(&self.forge)
    }

    fn restarted(&self) -> Arc<dyn Forge> {
        // Not even the mirror is left.
        let path = TempDir::new_in(self.directory.path()).unwrap().keep();
        (self.connect)(&self.double, &Mirror::open_or_init(path, "main").unwrap())
    }

    fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    fn human(&self) -> Mirror {
        let human = Mirror::open_or_init(self.directory.path().join("human"), "main").unwrap();
        let remote = Remote::new(&human, self.double.repository().to_str().unwrap(), None).unwrap();
        remote.fetch(&["+refs/heads/*:refs/heads/*"], true).unwrap();
        human
    }

    fn human_push(&self, branch: &str, new: Option<CommitId>) {
        let name = format!("refs/heads/{branch}");
        let refspec = new.map_or_else(|| format!(":{name}"), |new| format!("+{new}:{name}"));
        let human = self.directory.path().join("human");
        git(&human, &["push", "--quiet", self.double.repository().to_str().unwrap(), &refspec]);
        drop(self.double.lock());
    }

    fn break_it(&self) {
        self.double.fault(Match("", "pulls"), Fault::LostBefore, usize::MAX);
    }

    fn mend(&self) {
        self.double.mend();
    }
}
