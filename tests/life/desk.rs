//! A desk over real stores in a temporary folder, behind words that say what a test means.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::faulty::Faulty;
use meshwright::boot::{Parts, Stores, SystemClock};
use meshwright::change::forge::Pull;
use meshwright::change::submission::{Cause, Operation, Precondition};
use meshwright::change::{
    Ask, Base, Change, ChangeId, Clock, Desk, Forge, Meant, Person, Receipt, Refusal, State, Submission, Timestamp,
    Timing,
};
use meshwright::config::Config;
use meshwright::forge::Embedded;
use meshwright::intent::{Anchor, Bundle, Resource};
use meshwright::journal::{MemoryJournal, SqliteJournal};
use meshwright::repo::{CommitId, Edits, Files, Identity, Mirror};

/// How long a test waits for something to become true.
const PATIENCE: Duration = Duration::from_secs(60);

pub const TIMING: Timing = Timing { settle: 30, ready_after: 400, poll: 100 };

/// Single writes stay a draft until the test lets time pass: however slow the machine is, the draft is seen.
pub const PATIENT: Timing = Timing { settle: 30, ready_after: 3_600_000, poll: 100 };

pub const MINIMAL: &str = include_str!("../../fixtures/minimal/bundle.yaml");

pub struct House {
    pub parts: Parts,
    pub mirror: Mirror,
    clock: Arc<Ahead>,
}

/// The clock of this machine, set ahead by some milliseconds.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.0.load(Ordering::Relaxed))
    }
}

pub async fn open(data: &Path) -> House {
    open_with(data, TIMING).await
}

pub async fn open_with(data: &Path, timing: Timing) -> House {
    open_configured(&Config { data: data.to_owned(), ..Config::default() }, timing).await
}

pub async fn open_configured(config: &Config, timing: Timing) -> House {
    open_behind(config, timing, |forge| forge).await
}

/// The same with something between the worker and its forge.
pub async fn open_behind(
    config: &Config,
    timing: Timing,
    line: impl FnOnce(Arc<dyn Forge>) -> Arc<dyn Forge>,
) -> House {
    let clock = Arc::new(Ahead::default());
    let shared: Arc<dyn Clock> = clock.clone();
    let mut stores = Stores::open(config, &shared).unwrap();
    stores.forge = line(stores.forge);
    let mirror = stores.mirror.clone();
    House { parts: Parts::start(stores, shared, timing).await.unwrap(), mirror, clock }
}

/// A desk over a journal in memory.
pub async fn open_over(data: &Path, journal: MemoryJournal) -> House {
    let clock = Arc::new(Ahead::default());
    let shared: Arc<dyn Clock> = clock.clone();
    let config = Config { data: data.to_owned(), ..Config::default() };
    let stores = Stores { journal: Box::new(journal), ..Stores::open(&config, &shared).unwrap() };
    let mirror = stores.mirror.clone();
    House { parts: Parts::start(stores, shared, TIMING).await.unwrap(), mirror, clock }
}

/// The same with a forge that can be told to fail.
pub async fn open_barred(data: &Path, timing: Timing) -> (House, Arc<Faulty<dyn Forge>>) {
    let config = Config { data: data.to_owned(), ..Config::default() };
    let mut line = None;
    let house = open_behind(&config, timing, |forge| {
        let faulty = Arc::new(Faulty::new(forge, []));
        line = Some(faulty.clone());
        faulty
    });
    (house.await, line.unwrap())
}

pub fn person(name: &str) -> Person {
    Person { name: name.into(), logins: vec![] }
}

/// What somebody asks for who may do everything.
pub fn ask(by: Person) -> Ask<'static> {
    Ask { by, words: String::new(), meant: Meant::Present, may: &|_| Ok(()) }
}

pub fn submission(operations: Vec<Operation>, bundle: bool) -> Submission {
    Submission {
        operations,
        bundle,
        prune: None,
        precondition: Precondition::None,
        idempotency: None,
        by: person("github:alice"),
        keys: meshwright::intent::posted::Keys::default(),
    }
}

pub fn resource(path: &str, body: &str) -> Resource {
    let anchor = Anchor::parse(path).unwrap();
    Resource::read(anchor.parent().as_ref(), anchor.kind(), &serde_json::from_str(body).unwrap()).unwrap()
}

impl House {
    pub fn desk(&self) -> &Desk {
        &self.parts.desk
    }

    /// Lets so much time pass that a draft of `PATIENT` is ready.
    pub fn pass_time(&self) {
        self.clock.0.fetch_add(PATIENT.ready_after, Ordering::Relaxed);
    }

    /// Sets the clock back by as much as `pass_time` sets it ahead.
    pub fn set_back(&self) {
        self.clock.0.fetch_sub(PATIENT.ready_after, Ordering::Relaxed);
    }

    /// Moves main to a commit past Meshwright.
    pub fn move_main(&self, to: CommitId) {
        let main = self.mirror.branch("main").unwrap();
        self.mirror.set_reference("refs/heads/main", main, Some(to), "push").unwrap();
    }

    pub async fn post_bundle(&self, text: &str) -> Result<Receipt, Refusal> {
        let documents = Bundle::read(text).unwrap().documents;
        let operations = documents.into_iter().map(|document| Operation::Put(document.resource)).collect();
        self.desk().submit(submission(operations, true)).await
    }

    pub async fn put(&self, path: &str, body: &str) -> Result<Receipt, Refusal> {
        self.desk().submit(submission(vec![Operation::Put(resource(path, body))], false)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Receipt, Refusal> {
        self.desk().submit(submission(vec![Operation::Delete(Anchor::parse(path).unwrap())], false)).await
    }

    pub fn change(&self, id: &ChangeId) -> Arc<Change> {
        self.desk().view().changes.get(id).unwrap().clone()
    }

    /// Waits until a change is as `says` is true of.
    pub async fn until_change(&self, id: &ChangeId, says: impl Fn(&Change) -> bool) -> Arc<Change> {
        eventually(|| Ok(self.change(id)).and_then(|change| if says(&change) { Ok(change) } else { Err(change) })).await
    }

    /// Waits until a change is in `state`.
    pub async fn until(&self, id: &ChangeId, state: State) -> Arc<Change> {
        self.until_change(id, |change| change.state == state).await
    }

    /// Waits until main is known to be as `says` is true of.
    pub async fn until_main(&self, says: impl Fn(&Base) -> bool) {
        eventually(|| {
            let base = self.desk().view().base.clone();
            if says(&base) { Ok(()) } else { Err(base.problems.clone()) }
        })
        .await;
    }

    /// Waits until the parts that do not work are as `says` is true of.
    pub async fn until_trouble(&self, says: impl Fn(&[(&str, String)]) -> bool) {
        eventually(|| Some(self.desk().troubles()).filter(|troubles| !says(troubles)).map_or(Ok(()), Err)).await;
    }

    /// Waits until what ended is cleared away.
    pub async fn until_no_branch_is_left(&self) {
        eventually(|| Some(self.our_branches()).filter(|left| !left.is_empty()).map_or(Ok(()), Err)).await;
    }

    pub async fn approve(&self, id: &ChangeId) -> Arc<Change> {
        use meshwright::change::forge::Verdict;
        self.desk().review(id, Verdict::Approve, ask(person("github:bob"))).await.unwrap()
    }

    pub async fn merge(&self, id: &ChangeId) -> Result<Arc<Change>, Refusal> {
        self.desk().merge(id, ask(person("github:bob"))).await
    }

    /// The minimal mesh, on main.
    pub async fn with_minimal_mesh(self) -> Self {
        let id = self.post_bundle(MINIMAL).await.unwrap().change.unwrap();
        self.until(&id, State::Proposed).await;
        self.approve(&id).await;
        self.merge(&id).await.unwrap();
        self
    }

    /// The paths of all files on main.
    pub fn files_on_main(&self) -> Vec<String> {
        let main = self.mirror.branch("main").unwrap().unwrap();
        self.mirror.snapshot(main).unwrap().list("").unwrap().into_iter().map(|(path, _)| path).collect()
    }

    /// Puts files on main past Meshwright, as a person who pushes would.
    pub fn push_to_main(&self, files: &[(&str, &str)], gone: &[&str]) {
        let main = self.mirror.branch("main").unwrap().unwrap();
        let mut edits = Edits::new();
        files.iter().for_each(|(path, text)| edits.write(*path, *text));
        gone.iter().for_each(|path| edits.delete(*path));
        let tree = self.mirror.tree_with(self.mirror.commit_info(main).unwrap().tree, &edits).unwrap();
        let by = Identity { name: "Carol".into(), email: "carol@example.com".into() };
        let commit = self.mirror.commit_tree(tree, &[main], &by, 1, "by hand\n", None).unwrap();
        self.mirror.set_reference("refs/heads/main", Some(main), Some(commit), "push").unwrap();
    }

    pub fn text_on_main(&self, path: &str) -> Option<String> {
        let main = self.mirror.branch("main").unwrap().unwrap();
        self.mirror.snapshot(main).unwrap().read(path).unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    /// The forge itself, past Meshwright.
    pub fn forge(&self) -> Embedded {
        let author = Identity { name: "Reader".into(), email: "reader@example.com".into() };
        Embedded::new(self.mirror.clone(), None, self.clock.clone(), author)
    }

    /// The pull request of a change, whatever became of it.
    pub async fn pull_of(&self, change: &Change) -> Pull {
        self.forge().find_pull(&change.branch).await.unwrap().unwrap()
    }

    pub fn our_branches(&self) -> Vec<String> {
        self.mirror.branches("meshwright/").unwrap().into_iter().map(|(name, _)| name).collect()
    }
}

/// Waits until there is what is looked for; what was seen last is told of what never comes.
pub async fn eventually<T, E: std::fmt::Debug>(mut look: impl FnMut() -> Result<T, E>) -> T {
    let begin = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) => assert!(begin.elapsed() < PATIENCE, "it does not come about: {seen:#?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Stops a server, and waits until it has let its journal go.
pub async fn stop(house: House) {
    let journal = house.mirror.path().with_file_name("journal.db");
    drop(house);
    eventually(|| SqliteJournal::open(&journal)).await;
}

pub fn cause<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Cause {
    result.unwrap_err().cause
}
