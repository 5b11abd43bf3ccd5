//! What a forge knows.

use std::collections::BTreeMap;

use meshwright::repo::{CommitId, CommitInfo, Mirror};

use super::call::Seen;
use super::faults::Faults;
use super::hooks::Hooks;
use super::people::{Comment, Permission, Review, Verdict};
use super::{Face, REPOSITORY};

/// How it behaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// The checks that main requires.
    pub(crate) required: Vec<String>,
    /// Whether main is merged into by a queue.
    pub(crate) queue: bool,
    /// What somebody writes to main, path and text, in the moment before the next merge.
    pub(crate) overtaken: Option<(&'static str, String)>,
    /// Whether pushes to main are refused.
    pub(crate) protected: bool,
    /// Whether a push voids approvals.
    pub(crate) dismisses: bool,
    /// Whether the plan has no rulesets, so that nobody may ask for them.
    pub(crate) no_rulesets: bool,
    /// Whether the identity may not create check runs, though it is an app.
    pub(crate) no_checks: bool,
    /// How many writes it takes within a minute and an hour before it refuses them.
    pub(crate) limit: Option<[usize; 2]>,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    /// The repository of its branch: this one, or a fork.
    pub(crate) of: String,
    pub(crate) branch: String,
    pub(crate) head: CommitId,
    /// The branch that it goes into.
    pub(crate) base: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) draft: bool,
    pub(crate) open: bool,
    pub(crate) merged: Option<CommitId>,
    pub(crate) closed_by: Option<String>,
    pub(crate) author: String,
    pub(crate) updated: u64,
    pub(crate) labels: Vec<String>,
    pub(crate) reviewers: Vec<String>,
    pub(crate) teams: Vec<String>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) queued: bool,
}

impl Pull {
    /// Whether its branch is one of this repository.
    pub(crate) fn is_here(&self) -> bool {
        self.of == REPOSITORY
    }
}

/// A check run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) head: CommitId,
    pub(crate) conclusion: Option<String>,
    pub(crate) output: serde_json::Value,
}

pub(crate) struct State {
    pub(crate) face: Face,
    pub(crate) mirror: Mirror,
    pub(crate) address: String,
    pub(crate) settings: Settings,
    pub(crate) people: BTreeMap<String, Permission>,
    pub(crate) teams: BTreeMap<String, Vec<String>>,
    pub(crate) pulls: BTreeMap<u64, Pull>,
    pub(crate) comments: Vec<Comment>,
    /// By commit and context.
    pub(crate) statuses: BTreeMap<(String, String), (String, String)>,
    pub(crate) runs: Vec<Run>,
    /// Where a status or a check run of a commit leads who clicks on it.
    pub(crate) links: BTreeMap<String, String>,
    pub(crate) labels: Vec<String>,
    pub(crate) reactions: Vec<(u64, String)>,
    pub(crate) calls: Vec<Seen>,
    /// When writes came, in seconds of the machine's clock.
    pub(crate) writes: Vec<u64>,
    pub(crate) faults: Faults,
    pub(crate) hooks: Hooks,
    /// The key of the app, public half, and the tokens of its installation with the second in which they end.
    pub(crate) app: Option<super::App>,
    pub(crate) installation_tokens: BTreeMap<String, u64>,
    main: Option<CommitId>,
    ticks: u64,
}

impl State {
    pub(crate) fn new(face: Face, mirror: Mirror) -> Self {
        Self {
            face,
            mirror,
            address: String::new(),
            settings: Settings::default(),
            people: BTreeMap::new(),
            teams: BTreeMap::new(),
            pulls: BTreeMap::new(),
            comments: vec![],
            statuses: BTreeMap::new(),
            runs: vec![],
            links: BTreeMap::new(),
            labels: vec![],
            reactions: vec![],
            calls: vec![],
            writes: vec![],
            faults: Faults::default(),
            hooks: Hooks::default(),
            app: None,
            installation_tokens: BTreeMap::new(),
            main: None,
            ticks: 0,
        }
    }

    /// A moment after all others, as a count.
    pub(crate) fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    /// Something happened to a pull request.
    pub(crate) fn touch(&mut self, number: u64) {
        let tick = self.tick();
        if let Some(pull) = self.pulls.get_mut(&number) {
            pull.updated = tick;
        }
    }

    pub(crate) fn branch(&self, name: &str) -> Option<CommitId> {
        self.mirror.branch(name).ok().flatten()
    }

    /// The open pull request of a branch.
    pub(crate) fn open_of(&self, branch: &str) -> Option<u64> {
        self.pulls.values().find(|pull| pull.open && pull.is_here() && pull.branch == branch).map(|pull| pull.number)
    }

    /// Takes notice of what `by` pushed: heads follow, what is on main is merged, what has no branch is closed.
    pub(crate) fn follow(&mut self, by: &str) {
        let main = self.branch("main");
        let moved = main != self.main;
        self.main = main;
        let open: Vec<(u64, String, CommitId)> = self
            .pulls
            .values()
            .filter(|pull| pull.open && pull.is_here())
            .map(|pull| (pull.number, pull.branch.clone(), pull.head))
            .collect();
        for (number, branch, head) in open {
            let now = self.branch(&branch);
            if let Some(main) = main.filter(|_| moved)
                && let Some(commit) = self.landed(head, main)
            {
                self.settle(number, commit, by);
                continue;
            }
            match now {
                None => self.close(number, by),
                Some(now) if now != head => self.push(number, now, by),
                Some(_) => {}
            }
        }
    }

    fn push(&mut self, number: u64, head: CommitId, by: &str) {
        let dismisses = self.settings.dismisses;
        let pull = self.pulls.get_mut(&number).unwrap();
        pull.head = head;
        pull.queued = false;
        if dismisses {
            for review in pull.reviews.iter_mut().filter(|review| review.verdict == Verdict::Approve) {
                review.dismissed = true;
            }
        }
        self.touch(number);
        self.tell(number, "pull_request", "synchronize", by);
    }

    /// The first commit of main's own line that has the head.
    fn landed(&self, head: CommitId, main: CommitId) -> Option<CommitId> {
        if !self.mirror.is_ancestor(head, main).unwrap_or_default() {
            return None;
        }
        let since = self.mirror.log(main, Some(head), 1000, true).ok()?;
        let brings = |commit: &&CommitInfo| self.mirror.is_ancestor(head, commit.id).unwrap_or_default();
        Some(since.iter().rev().find(brings).map_or(main, |first| first.id))
    }

    pub(crate) fn close(&mut self, number: u64, by: &str) {
        let pull = self.pulls.get_mut(&number).unwrap();
        (pull.open, pull.closed_by, pull.queued) = (false, Some(by.to_owned()), false);
        self.touch(number);
        self.tell(number, "pull_request", "closed", by);
    }

    /// It is on main by this commit.
    pub(crate) fn settle(&mut self, number: u64, commit: CommitId, by: &str) {
        self.pulls.get_mut(&number).unwrap().merged = Some(commit);
        self.close(number, by);
    }
}
