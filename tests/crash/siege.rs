//! A server, the load on it, and the kills.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::mesh;
use crate::process::{Client, PATIENCE, Server};
use crate::random::Random;
use crate::repository::{Repository, Seen, change_of};
use crate::reviewer::{Changes, Reviewer, list, state};
use crate::writer::Writer;

/// Words of a change that ended because nothing was left of it.
const CANCELLED: &str = "its writes cancel each other or say what main already says";

/// How long a kill waits for callers to get to work.
const WAIT: Duration = Duration::from_millis(500);

/// What a kill waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing but that the server listens.
    Any,
    /// A caller has found what it was promised, and writes.
    Writing,
    /// Somebody approves.
    Reviewing,
}

/// A folder of a server, and everybody who uses it.
pub(crate) struct Siege {
    pub(crate) random: Random,
    pub(crate) kills: usize,
    started: Instant,
    folder: Folder,
    config: PathBuf,
    writers: Vec<Writer>,
    reviewer: Reviewer,
    /// How many kills broke off a request.
    broken: usize,
}

/// The folder of a server; it is kept when the test fails, for whoever looks what happened.
struct Folder(tempfile::TempDir);

impl Folder {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.disable_cleanup(true);
            println!("the journal and the repository are kept in {}", self.path().display());
        }
    }
}

/// The configuration file of a quick server.
pub(crate) fn configuration(folder: &Path) -> PathBuf {
    let path = folder.join("meshwright.yaml");
    std::fs::write(&path, "timing: {settle: 20ms, readyAfter: 100ms, poll: 100ms}\n").unwrap();
    path
}

impl Siege {
    /// A server whose topology is on main.
    pub(crate) fn begin(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let folder = Folder(tempfile::tempdir().unwrap());
        let config = configuration(folder.path());
        let writers = (0..mesh::WRITERS).map(|number| Writer::new(number, random.next())).collect();
        let reviewer = Reviewer::default();
        let started = Instant::now();
        let mut siege = Self { random, kills: 0, started, folder, config, writers, reviewer, broken: 0 };
        let (server, client) = siege.serve();
        let body = mesh::topology();
        let answer = client.send("POST", "/v2/bundles", &[], Some(("application/yaml", body.as_bytes()))).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.body);
        siege.merge_all(&client);
        server.kill();
        siege
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn serve(&self) -> (Server, Client) {
        let mut server = Server::spawn(&self.data(), &self.config);
        let client = Client::new(&server.url());
        (server, client)
    }

    /// Kills a server that nobody has spoken to yet.
    pub(crate) fn kill_at_start(&mut self) {
        let server = Server::spawn(&self.data(), &self.config);
        self.pause(120);
        server.kill();
        self.kills += 1;
        self.judge();
    }

    /// Kills a server under load, some time after it listens or after callers are at `work`.
    pub(crate) fn kill_at(&mut self, work: Work) {
        let before = self.judge();
        let (server, client) = self.serve();
        let writes = if work == Work::Reviewing { self.random.below(3) } else { 1 + self.random.below(12) };
        let moment = Duration::from_micros(self.random.next() % 150_000);
        let (writers, reviewer) = (&mut self.writers, &mut self.reviewer);
        let named: BTreeSet<String> = writers.iter().flat_map(|writer| writer.changes.iter().cloned()).collect();
        let (client, named, before) = (&client, &named, &before);
        let (begins, begun) = channel();
        let (writing, reviewing) = match work {
            Work::Any => (None, None),
            Work::Writing => (Some(begins), None),
            Work::Reviewing => (None, Some(begins)),
        };
        let lost = std::thread::scope(|scope| {
            let mut working: Vec<_> = writers
                .iter_mut()
                .map(|writer| {
                    let begins = writing.clone();
                    scope.spawn(move || writer.work(client, writes, begins.as_ref()))
                })
                .collect();
            working.push(scope.spawn(move || {
                judge_changes(&list(client, "?limit=500")?, named, before, reviewer);
                reviewer.work(client, 1000, reviewing.as_ref())
            }));
            drop(writing);
            _ = begun.recv_timeout(WAIT);
            std::thread::sleep(moment);
            server.kill();
            working.into_iter().map(|thread| thread.join().unwrap()).filter(Result::is_err).count()
        });
        self.broken += lost;
        self.kills += 1;
        self.judge();
    }

    fn pause(&mut self, most: u64) {
        std::thread::sleep(Duration::from_micros(self.random.next() % (most * 1000)));
    }

    /// Looks at what a dead server left.
    fn judge(&self) -> Seen {
        let repository = Repository::of(&self.data());
        if self.kills.is_multiple_of(25) {
            repository.check();
        }
        let seen = repository.look();
        seen.judge(&repository, &self.reviewer);
        seen
    }

    /// What was done so far.
    pub(crate) fn story(&self) -> String {
        let promised: usize = self.writers.iter().map(|writer| writer.promised).sum();
        format!(
            "{} kills in {:.0?} broke off {} callers; {promised} writes and {} approvals were promised, {} changes merged",
            self.kills,
            self.started.elapsed(),
            self.broken,
            self.reviewer.given.len(),
            self.reviewer.merged.len()
        )
    }

    /// Lets a server finish its work: all that was promised is on main then, and no change, branch or lock is left over.
    pub(crate) fn finish(&mut self) {
        let before = self.judge();
        let (server, client) = self.serve();
        let named: BTreeSet<String> = self.writers.iter().flat_map(|writer| writer.changes.iter().cloned()).collect();
        judge_changes(&list(&client, "?limit=500").unwrap(), &named, &before, &self.reviewer);
        for writer in &mut self.writers {
            writer.find(&client).unwrap();
        }
        self.settle(&client);
        self.merge_all(&client);
        for writer in &mut self.writers {
            writer.find(&client).unwrap();
            writer.find_live(&client).unwrap();
        }
        let changes = list(&client, "?limit=500").unwrap();
        let repository = Repository::of(&self.data());
        // A change has ended a moment before its branch is removed.
        until("branches or pull requests without a change", || {
            let Seen { branches, mut pulls } = repository.look();
            pulls.retain(|pull| pull["state"] == "open");
            if branches.is_empty() && pulls.is_empty() { Ok(()) } else { Err(format!("{branches:?} {pulls:#?}")) }
        });
        server.kill();
        judge_changes(&changes, &named, &self.judge(), &self.reviewer);
    }

    /// Looks at all of the repository: its objects, what was approved, and what the intents render to.
    pub(crate) fn end(self) {
        let repository = Repository::of(&self.data());
        repository.check();
        self.judge().judge_merges(&repository);
        self.check_a_clone(&repository);
    }

    /// Waits until every change is ready for review.
    fn settle(&self, client: &Client) {
        let waiting = |changes: &Changes| -> Vec<String> {
            let open = changes.values().filter(|change| !is_final(state(change)));
            // What shares a group with a change that is approved already waits for that.
            let done = |change: &&serde_json::Value| matches!(state(change), "proposed" | "approved");
            let waits =
                |change: &&serde_json::Value| change["reason"].as_str().is_some_and(|r| r.starts_with("waits for"));
            open.filter(|change| !done(change) && !waits(change)).map(|change| format!("{change:#}")).collect()
        };
        until("changes do not become ready", || {
            let changes = list(client, "?limit=500").unwrap();
            let left = waiting(&changes);
            if left.is_empty() { Ok(()) } else { Err(format!("{}\nof\n{}", left.join("\n"), shown(&changes))) }
        });
    }

    fn merge_all(&mut self, client: &Client) {
        let reviewer = &mut self.reviewer;
        until("changes are not merged", || {
            reviewer.work(client, 1, None).map_err(|lost| format!("the server is gone: {lost:?}"))?;
            let changes = list(client, "?limit=500").unwrap();
            if changes.values().all(|change| is_final(state(change))) { Ok(()) } else { Err(shown(&changes)) }
        });
    }

    fn check_a_clone(&self, repository: &Repository) {
        let clone = self.folder.path().join("clone");
        repository.git(&[
            "clone",
            "--quiet",
            self.data().join("config.git").to_str().unwrap(),
            clone.to_str().unwrap(),
        ]);
        let checked = Command::new(env!("CARGO_BIN_EXE_meshwright")).arg("check").arg("--repo").arg(&clone).output();
        let checked = checked.unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success(), "{said}{}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// Every change that a caller was told of is known, none is lost, and each branch and pull request has one.
fn judge_changes(changes: &Changes, named: &BTreeSet<String>, seen: &Seen, reviewer: &Reviewer) {
    for id in named {
        assert!(changes.contains_key(id), "change {id} was named and is not known");
    }
    for (id, change) in changes {
        let reason = change["reason"].as_str().unwrap_or_default();
        assert!(!matches!(state(change), "rejected" | "blocked"), "{change:#}");
        assert!(state(change) != "withdrawn" || reason == CANCELLED, "{change:#}");
        let reviewed = reviewer.sent.values().any(|sent| sent == id);
        assert!(reviewed || !matches!(state(change), "approved" | "merging" | "merged"), "nobody approved {change:#}");
    }
    for id in &reviewer.merged {
        assert_eq!(changes.get(id).map(state), Some("merged"), "change {id} was merged");
    }
    let pulls = seen.pulls.iter().filter_map(|pull| pull["branch"].as_str());
    for branch in pulls.chain(seen.branches.keys().map(String::as_str)) {
        let change = changes.get(change_of(branch)).unwrap_or_else(|| panic!("{branch} has no change"));
        assert_eq!(change["branch"].as_str(), Some(branch), "{change:#}");
    }
}

/// The changes that are open, in short.
fn shown(changes: &Changes) -> String {
    let open = changes.values().filter(|change| !is_final(state(change)));
    let lines = open.map(|change| {
        let short: String = change["reason"].as_str().unwrap_or_default().chars().take(200).collect();
        format!(
            "{} {} {} {} {} {short}",
            change["id"],
            state(change),
            change["created"],
            change["groups"],
            change["head"]
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_final(state: &str) -> bool {
    matches!(state, "merged" | "rejected" | "superseded" | "withdrawn")
}

fn until(what: &str, mut look: impl FnMut() -> Result<(), String>) {
    let started = Instant::now();
    while let Err(left) = look() {
        assert!(started.elapsed() < PATIENCE, "{what}: {left}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
