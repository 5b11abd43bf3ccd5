//! Random schedules of writes, reviews, merges, people and faults: whatever happens, nothing is lost, doubled or merged
//! without an approval of what it holds.
//!
//! A world is a double with a desk in front; in each live several changes at once, each by a random schedule of its own.
//! `MESHWRIGHT_WORLD=<seed>` runs one world alone.

use std::collections::{BTreeMap, BTreeSet};

use meshwright::change::{Change, ChangeId, State, Timing};
use meshwright::intent::{Anchor, Tree};
use meshwright::repo::{CommitId, Edits, Mirror};
use serde_json::Value;

use crate::desk::{ask, eventually, person};
use crate::double::{Face, Fault, Pull, Verdict};
use crate::home::{As, Home, force, push};

/// Worlds, and lives in each: two thousand schedules.
const WORLDS: u64 = 200;
const LIVES: usize = 10;
/// How many things happen to each life.
const EVENTS: usize = 5;
/// Worlds that run at once.
const AT_ONCE: u64 = 6;

const QUICK: Timing = Timing { settle: 0, ready_after: 0, poll: 60 };

/// Numbers that look random (Steele et al., "Fast splittable pseudorandom number generators": SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// What is remembered of a world beside what it holds.
#[derive(Default)]
struct Memory {
    /// The last accepted body of each intent.
    written: BTreeMap<String, String>,
    /// The digests that somebody else approved, by branch.
    approved: BTreeMap<String, BTreeSet<String>>,
    /// Commits of people on our branches.
    theirs: Vec<(String, CommitId)>,
    log: Vec<String>,
}

struct World {
    home: Home,
    random: Random,
    memory: Memory,
}

impl World {
    async fn new(seed: u64) -> Self {
        let kind = [As::GitHubUser, As::GitHubApp, As::GitHubMaker, As::GiteaUser][usize::try_from(seed % 4).unwrap()];
        // Half of them see faults of the transport of commits too, and half spare its cost.
        let home = Home::connected(kind, QUICK, &[], seed % 8 < 4).await;
        Self { home, random: Random(seed), memory: Memory::default() }
    }

    /// The open pull request of a life.
    fn pull(&self, life: usize) -> Option<Pull> {
        let prefix = format!("meshwright/p{life}-");
        self.home.double.pulls().into_iter().rev().find(|pull| pull.open && pull.branch.starts_with(&prefix))
    }

    fn change(&self, life: usize) -> Option<ChangeId> {
        let group = format!("projects/p{life}");
        let view = self.home.house.desk().view();
        let active = view.active();
        active.iter().find(|it| it.groups.iter().any(|known| known.as_str() == group)).map(|it| it.id.clone())
    }

    /// The digest of what a commit of ours changes.
    fn digest(&self, commit: CommitId) -> Option<String> {
        let bare = Mirror::open(self.home.double.repository()).unwrap();
        bare.commit_info(commit).unwrap().trailer("Plan-Digest")
    }

    async fn write(&mut self, life: usize) {
        let (n, text) = (self.random.below(3), self.random.next());
        let project = format!("projects/p{life}");
        let body = |name: &str| format!(r#"{{"metadata": {{"name": "{name}", "description": "{text:x}"}}}}"#);
        let there = self.memory.written.contains_key(&project);
        let (path, body) = if there {
            (format!("{project}/logical-clouds/c{n}"), body(&format!("c{n}")))
        } else {
            (project, body(&format!("p{life}")))
        };
        // A write below a project that was rejected is refused, and then the project is written again.
        match self.home.house.put(&path, &body).await {
            Ok(_) => drop(self.memory.written.insert(path.clone(), body)),
            Err(_) => self.memory.written.retain(|known, _| !known.starts_with(&format!("projects/p{life}"))),
        }
    }

    fn review(&mut self, life: usize) {
        let Some(pull) = self.pull(life) else { return };
        let by = *self.random.one(&["bob", "human", "carol", "alice"]);
        let verdict =
            *self.random.one(&[Verdict::Approve, Verdict::Approve, Verdict::RequestChanges, Verdict::Comment]);
        self.home.double.review(pull.number, by, verdict, "as it is");
        // What it is a review of by now.
        let head = self.home.double.lock().pulls[&pull.number].reviews.last().map(|review| review.head);
        // Who asked is alice of GitHub; alice of Gitea may be anybody.
        let other = by != "carol" && (by != "alice" || self.home.double.face == Face::Gitea);
        if verdict == Verdict::Approve
            && other
            && let Some(digest) = head.and_then(|head| self.digest(head))
        {
            self.memory.approved.entry(pull.branch).or_default().insert(digest);
        }
    }

    /// A person does something to the branch of a life.
    fn meddle(&mut self, life: usize) {
        let Some(pull) = self.pull(life) else { return };
        let way = self.random.below(5);
        if way == 0 {
            let bare = Mirror::open(self.home.double.repository()).unwrap();
            let name = format!("refs/heads/{}", pull.branch);
            let state = self.home.double.lock();
            // Who pushes past the API may be faster, and then it stays.
            if let Some(head) = bare.reference(&name).unwrap()
                && bare.set_reference(&name, Some(head), None, "delete").is_ok()
            {
                // Whose commits those were who deletes them is not known: only what others made counts.
                self.memory.theirs.retain(|(branch, _)| *branch != pull.branch);
            }
            drop(state);
        } else if self.home.double.lock().branch(&pull.branch).is_some() {
            let mut edits = Edits::new();
            edits.write(format!("NOTES-{life}.md"), format!("{}", self.random.next()));
            // On top of what is there, or by force on main.
            let commit = if way == 1 {
                self.memory.theirs.retain(|(branch, _)| *branch != pull.branch);
                force(&self.home.double, &pull.branch, &edits)
            } else {
                push(&self.home.double, &pull.branch, &edits)
            };
            self.memory.theirs.push((pull.branch, commit));
        }
        drop(self.home.double.lock());
    }

    fn faults(&mut self) {
        let mut faults = vec![];
        for _ in 0..self.random.below(12) {
            faults.push(match self.random.below(10) {
                0 | 1 => Some(Fault::LostBefore),
                2 | 3 => Some(Fault::LostAfter),
                4 => Some(Fault::Status(502)),
                5 => Some(Fault::StatusAfter(504)),
                6 => Some(Fault::Secondary(1)),
                _ => None,
            });
        }
        self.home.double.schedule(faults);
    }

    async fn happen(&mut self, life: usize) {
        let event = self.random.below(20);
        self.memory.log.push(format!("p{life}: {event}"));
        let desk = self.home.house.desk().clone();
        match event {
            0..=4 => self.write(life).await,
            5..=8 => self.review(life),
            9..=11 => {
                if let Some(id) = self.change(life) {
                    drop(desk.merge(&id, ask(person("ops"))).await);
                }
            }
            12 => self.meddle(life),
            13 => {
                if let Some(pull) = self.pull(life) {
                    let word = *self.random.one(&["rebase", "hold", "resume", "plan", "help"]);
                    self.home.double.comment(pull.number, "bob", &format!("/meshwright {word}"));
                }
            }
            14 => {
                if let Some(pull) = self.pull(life) {
                    self.home.double.close(pull.number, "bob");
                }
            }
            15 => {
                if let Some(id) = self.change(life) {
                    drop(desk.withdraw(&id, self.random.below(2) == 0, ask(person("github:alice"))).await);
                }
            }
            16 => {
                let mut edits = Edits::new();
                edits.write(format!("docs/{}.md", self.random.below(5)), format!("{}", self.random.next()));
                push(&self.home.double, "main", &edits);
            }
            _ => self.faults(),
        }
        // A webhook is lost, comes, or comes twice.
        for _ in 0..self.random.below(3) {
            desk.happened(None);
        }
        let pause = self.random.below(12);
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
    }

    /// All goes well from here on, and everything comes to rest.
    async fn rest(&self) {
        self.home.double.mend();
        let view = || self.home.house.desk().view();
        eventually(|| {
            let moving: Vec<String> = view()
                .attention()
                .filter(|change| {
                    let unseen = change.state.is_final() && change.untidy;
                    unseen || matches!(change.state, State::Journaled | State::Planned | State::Draft) && !waits(change)
                })
                .map(|change| format!("{} {} {:?} {:?}", change.id, change.state, change.reason, change.talk))
                .collect();
            let troubles = self.home.house.desk().troubles();
            if moving.is_empty() && troubles.is_empty() { Ok(()) } else { Err((moving, format!("{troubles:?}"))) }
        })
        .await;
    }

    fn judge(&self) -> Vec<String> {
        let mut faults = vec![];
        let pulls = self.home.double.pulls();
        for pull in &pulls {
            if pulls.iter().filter(|other| other.branch == pull.branch).count() > 1 {
                faults.push(format!("{} has two pull requests", pull.branch));
            }
            let ours = pull.closed_by.as_deref().is_some_and(|by| by.starts_with("meshwright"));
            if pull.merged.is_some() && ours {
                let digest = self.digest(pull.head).unwrap_or_default();
                if !self.memory.approved.get(&pull.branch).is_some_and(|approved| approved.contains(&digest)) {
                    faults.push(format!("{} was merged at {} unapproved", pull.branch, pull.head));
                }
            }
        }
        let bare = Mirror::open(self.home.double.repository()).unwrap();
        let mirror = &self.home.house.mirror;
        let main = bare.branch("main").unwrap().unwrap();
        for (branch, commit) in &self.memory.theirs {
            let within =
                |tip: Option<CommitId>| tip.is_some_and(|tip| bare.is_ancestor(*commit, tip).unwrap_or_default());
            let kept = mirror.references("refs/meshwright/kept/").unwrap();
            let kept = kept.iter().any(|(_, tip)| mirror.is_ancestor(*commit, *tip).unwrap_or_default());
            if !kept && !within(bare.branch(branch).unwrap()) && !within(Some(main)) {
                faults.push(format!("{commit} of a person on {branch} is gone"));
            }
        }
        let view = self.home.house.desk().view();
        for (path, body) in &self.memory.written {
            let anchor = Anchor::parse(path).unwrap();
            let wanted: Value = serde_json::from_str(body).unwrap();
            let read =
                |tree: &Tree| tree.get(&anchor).map(|found| serde_json::from_str::<Value>(found.body()).unwrap());
            let says = |tree: &Tree| read(tree).as_ref() == Some(&wanted);
            let group = path.split('/').take(2).collect::<Vec<_>>().join("/");
            let given_up = view.changes.values().any(|change: &std::sync::Arc<Change>| {
                let of = change.groups.iter().any(|known| known.as_str() == group);
                of && matches!(change.state, State::Rejected | State::Withdrawn)
            });
            let pending = says(&view.proposed) && view.owner(&anchor).is_some_and(|id| view.is_open(id));
            if !says(&view.base.tree) && !pending && !given_up {
                let found = [&view.base.tree, &view.proposed].map(read);
                faults.push(format!("{path} is nowhere: {body} {found:?} {:?}", view.owner(&anchor)));
            }
        }
        for change in view.active() {
            if change.state == State::Blocked && change.reason.is_none() {
                faults.push(format!("{} is blocked, and nobody says why", change.id));
            }
        }
        faults
    }
}

/// Whether a change waits for what another has to do first.
fn waits(change: &Change) -> bool {
    change.reason.as_ref().is_some_and(|reason| reason.starts_with("waits for change"))
}

/// Lives one world to its end; what is wrong with it then.
async fn live(seed: u64) -> Vec<String> {
    let mut world = World::new(seed).await;
    for life in 0..LIVES {
        world.write(life).await;
    }
    for _ in 0..LIVES * EVENTS {
        let life = usize::try_from(world.random.below(LIVES as u64)).unwrap();
        world.happen(life).await;
    }
    if seed.is_multiple_of(3) {
        world.home.double.mend();
        world.home = world.home.restart(false).await;
    }
    world.rest().await;
    let faults = world.judge();
    if faults.is_empty() {
        return faults;
    }
    let log = world.memory.log.join(", ");
    vec![format!("world {seed}: {}\n  after {log}", faults.join("; "))]
}

#[test]
fn whatever_happens_nothing_is_lost_or_doubled_or_merged_unapproved() {
    let only: Option<u64> = std::env::var("MESHWRIGHT_WORLD").ok().and_then(|seed| seed.parse().ok());
    let seeds: Vec<u64> = only.map_or_else(|| (0..WORLDS).collect(), |seed| vec![seed]);
    let faults = std::sync::Mutex::new(vec![]);
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (seeds, faults) = (&seeds, &faults);
            scope.spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
                for seed in seeds.iter().filter(|seed| **seed % AT_ONCE == worker) {
                    let found = runtime.block_on(live(*seed));
                    faults.lock().unwrap().extend(found);
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
