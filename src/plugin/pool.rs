//! All outside plugins: who is listed, where each is reached, what was asked and what it came to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::fault::Fault;
use super::link::{Link, Outcomes};
use super::target::{DEADLINE, Target, Tls};
use crate::change::{Clock, PluginReport, Plugins, Timestamp};
use crate::intent::plugins::ListedPlugin;
use crate::intent::{Kind, Settings, Spec, Tree};
use crate::render::{Answers, Question};

/// How often a plugin that is well is looked at, and the first and the longest pause where it is not.
const LOOK: Duration = Duration::from_secs(10);
const FIRST_PAUSE: i64 = 1000;
const LONGEST_PAUSE: i64 = 60_000;

/// After how many calls in a row that failed a plugin is left alone for a while.
const BREAKS_AFTER: u32 = 3;

/// The most questions of one call.
const MOST_AT_ONCE: usize = 20_000;

/// Where plugins are reached, as the server's configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// By name.
    pub targets: BTreeMap<String, Target>,
    /// What TLS is made sure by with those that are registered on main, which are reached by no other way than TLS
    /// unless they are on this machine.
    pub registered: Option<Tls>,
}

/// The outside plugins, asked over gRPC. Cloning shares them.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    answers: Answers,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    changed: Notify,
    settled: Notify,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    directory: Directory,
    listed: BTreeMap<String, ListedPlugin>,
    /// Where those are that were registered on main.
    registered: BTreeMap<String, (String, u16)>,
    plugins: BTreeMap<String, Entry>,
    questions: HashMap<Key, Asked>,
}

type Key = (String, String, String);

fn key(question: &Question) -> Key {
    (question.plugin.clone(), question.version.clone(), question.digest.clone())
}

/// What became of a question that is not answered.
#[derive(Default)]
struct Asked {
    /// Whether it is being asked now.
    running: bool,
    /// Why it was not answered the last time, and when it can be asked again.
    failed: Option<(String, Timestamp)>,
    /// How often that happened.
    times: u32,
}

/// A plugin that is listed.
struct Entry {
    target: Result<Target, Fault>,
    link: Result<Link, Fault>,
    /// Looks at it now and then, until this is dropped.
    probing: Option<AbortHandle>,
    /// What the last look found; none before the first.
    seen: Option<Result<(), Fault>>,
    /// How many calls failed in a row, the last fault, and when it may be called again.
    failed: u32,
    broken: Option<(Fault, Timestamp)>,
    calls: u64,
    milliseconds: i64,
    failures: BTreeMap<&'static str, u64>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(probing) = &self.probing {
            probing.abort();
        }
    }
}

impl Pool {
    /// Plugins that are reached as `directory` says, and asked on `runtime`.
    #[must_use]
    pub fn new(directory: Directory, clock: Arc<dyn Clock>, runtime: Handle) -> Self {
        let known = Known { directory, ..Known::default() };
        let shared = Shared {
            answers: Answers::default(),
            clock,
            runtime,
            changed: Notify::new(),
            settled: Notify::new(),
            known: Mutex::new(known),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes over another directory; who is reached as before keeps its connection.
    pub fn redirect(&self, directory: Directory) {
        let mut known = self.known();
        known.directory = directory;
        self.connect(&mut known);
        drop(known);
        self.tell();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.shared.changed.notify_one();
        self.shared.settled.notify_waiters();
    }

    /// Has an entry for each plugin that is listed, connected to where it is by now.
    fn connect(&self, known: &mut Known) {
        // Whoever calls, connections live here.
        let _entered = self.shared.runtime.enter();
        let names: BTreeSet<String> = known.listed.keys().cloned().collect();
        known.plugins.retain(|name, _| names.contains(name));
        for name in names {
            let target = known.target(&name);
            if known.plugins.get(&name).is_some_and(|entry| entry.target == target) {
                continue;
            }
            let link = target.clone().and_then(Link::new);
            let probing = link.is_ok().then(|| self.probe(name.clone()));
            let entry = Entry {
                target,
                link,
                probing,
                seen: None,
                failed: 0,
                broken: None,
                calls: 0,
                milliseconds: 0,
                failures: BTreeMap::new(),
            };
            known.questions.retain(|(plugin, ..), asked| *plugin != name || asked.running);
            known.plugins.insert(name, entry);
        }
    }

    /// Looks at a plugin now and then, as long as it is listed.
    fn probe(&self, name: String) -> AbortHandle {
        let shared = Arc::downgrade(&self.shared);
        let probing = async move {
            let mut pause = FIRST_PAUSE;
            loop {
                let Some(pool) = shared.upgrade().map(|shared| Self { shared }) else { return };
                let at = {
                    let known = pool.known();
                    let link = known.plugins.get(&name).and_then(|entry| entry.link.as_ref().ok()).cloned();
                    link.zip(known.listed.get(&name).cloned())
                };
                let seen = match at {
                    Some((link, listed)) => link.probe(&listed).await,
                    // It is being put there.
                    None => Err(Fault::new("unreachable", "is not connected yet")),
                };
                let well = seen.is_ok();
                pool.seen(&name, seen);
                drop(pool);
                pause = if well { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
                let rest = if well { LOOK } else { millis(pause / 2) };
                tokio::time::sleep(rest).await;
            }
        };
        self.shared.runtime.spawn(probing).abort_handle()
    }

    /// Takes notice of what a look at a plugin found.
    fn seen(&self, name: &str, seen: Result<(), Fault>) {
        let mut known = self.known();
        let Some(entry) = known.plugins.get_mut(name) else { return };
        match (&seen, &entry.seen) {
            (Err(fault), before) if before.as_ref().is_none_or(|before| before != &seen) => {
                tracing::warn!(plugin = name, why = fault.words, "this plugin does not work; it is looked at again");
            }
            (Ok(()), Some(Err(_))) => tracing::info!(plugin = name, "this plugin works again"),
            _ => {}
        }
        let returned = seen.is_ok() && !matches!(entry.seen, Some(Ok(())));
        entry.seen = Some(seen);
        if returned {
            // What could not be asked meanwhile can be by now.
            let unreachable = |fault: &Fault| matches!(fault.reason, "unreachable" | "unhealthy" | "version");
            if entry.broken.as_ref().is_some_and(|(fault, _)| unreachable(fault)) {
                (entry.failed, entry.broken) = (0, None);
            }
            let now = self.shared.clock.now();
            for ((plugin, ..), asked) in &mut known.questions {
                if let Some((_, again)) = asked.failed.as_mut().filter(|_| plugin == name) {
                    *again = now.min(*again);
                }
            }
            drop(known);
            self.tell();
        }
    }

    /// Asks questions of one plugin, and takes notice of what that comes to.
    async fn call(self, name: String, questions: Vec<Question>) {
        let now = self.shared.clock.now();
        let way = self.known().way_to(&name, &questions, now);
        let outcomes = match way {
            Ok((link, listed)) => link.ask(&listed, questions).await,
            Err(fault) => questions.into_iter().map(|question| (question, Err(fault.clone()))).collect(),
        };
        let after = self.shared.clock.now();
        let again = self.came(&name, outcomes, after.0 - now.0, after);
        self.tell();
        if let Some(again) = again {
            tokio::time::sleep(millis(again.0 - after.0)).await;
            self.tell();
        }
    }

    /// Takes notice of what a call came to; gives the moment when something can be asked again.
    fn came(&self, name: &str, outcomes: Outcomes, took: i64, now: Timestamp) -> Option<Timestamp> {
        let mut known = self.known();
        known.count(name, outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err()), took, now);
        let mut first = None;
        for (question, outcome) in outcomes {
            match outcome {
                Ok(answer) => {
                    self.shared.answers.put(&question, answer);
                    known.questions.remove(&key(&question));
                }
                Err(fault) => {
                    let again = known.note(&question, &fault, now);
                    first = Some(first.map_or(again, |first: Timestamp| first.min(again)));
                }
            }
        }
        first
    }
}

impl Known {
    /// Where a plugin is.
    fn target(&self, name: &str) -> Result<Target, Fault> {
        if let Some(target) = self.directory.targets.get(name) {
            return Ok(target.clone());
        }
        let Some((host, port)) = self.registered.get(name) else {
            let words = "is reached nowhere: no configuration names its address, and main registers none";
            return Err(Fault::new("unreachable", words));
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let plain = Target { address: format!("http://{host}:{port}"), tls: None, deadline: DEADLINE };
        if plain.check().is_ok() {
            return Ok(plain);
        }
        let Some(tls) = self.directory.registered.clone() else {
            let words = format!(
                "is registered at {host}:{port}, which takes TLS: name registeredPlugins.caFile in the server's configuration"
            );
            return Err(Fault::new("unreachable", words));
        };
        Ok(Target { address: format!("https://{host}:{port}"), tls: Some(tls), deadline: DEADLINE })
    }

    /// How a plugin can be asked now.
    fn way_to(&self, name: &str, questions: &[Question], now: Timestamp) -> Result<(Link, ListedPlugin), Fault> {
        let unlisted = || Fault::new("version", "is not listed in meshwright.yaml on main");
        let (Some(listed), Some(entry)) = (self.listed.get(name), self.plugins.get(name)) else {
            return Err(unlisted());
        };
        if let Some(other) = questions.iter().find(|question| question.version != listed.version) {
            let words = format!("is listed as version {}, and {} is asked", listed.version, other.version);
            return Err(Fault::new("version", words));
        }
        if let Some((fault, until)) =
            entry.broken.as_ref().filter(|(_, until)| entry.failed >= BREAKS_AFTER && now < *until)
        {
            let seconds = (until.0 - now.0).div_euclid(1000) + 1;
            let words = format!("{}; after {} failures it is left alone for {seconds} s", fault.words, entry.failed);
            return Err(Fault::new("left-alone", words));
        }
        Ok((entry.link.clone()?, listed.clone()))
    }

    /// Takes notice of why a question was not answered; gives the moment when it can be asked again.
    fn note(&mut self, question: &Question, fault: &Fault, now: Timestamp) -> Timestamp {
        let asked = self.questions.entry(key(question)).or_default();
        let again = now.plus(pause(asked.times));
        asked.running = false;
        asked.failed = Some((format!("the plugin {} {}", question.plugin, fault.words), again));
        asked.times += 1;
        again
    }

    /// Counts a call, and whether a plugin is left alone from now on.
    fn count<'f>(&mut self, name: &str, faults: impl Iterator<Item = &'f Fault>, took: i64, now: Timestamp) {
        let Some(entry) = self.plugins.get_mut(name) else { return };
        let mut last = None;
        for fault in faults.filter(|fault| fault.reason != "left-alone") {
            *entry.failures.entry(fault.reason).or_default() += 1;
            last = Some(fault.clone());
        }
        match last {
            None => {
                entry.calls += 1;
                entry.milliseconds += took;
                (entry.failed, entry.broken) = (0, None);
            }
            Some(fault) => {
                entry.failed += 1;
                entry.broken = Some((fault, now.plus(pause(entry.failed.saturating_sub(BREAKS_AFTER)))));
            }
        }
    }
}

/// How long to wait after so many failures before, in milliseconds.
fn pause(before: u32) -> i64 {
    FIRST_PAUSE.saturating_mul(1 << before.min(10)).min(LONGEST_PAUSE)
}

fn millis(milliseconds: i64) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default())
}

#[async_trait]
impl Plugins for Pool {
    fn follow(&self, tree: &Tree, settings: &Settings) {
        let listed = settings.plugins.iter().map(|plugin| (plugin.name.to_string(), plugin.clone())).collect();
        let controllers = tree.collection(None, Kind::Controller);
        let registered = controllers.filter_map(|resource| match resource.spec() {
            Spec::Controller(it) => {
                Some((resource.anchor().name().to_owned(), (it.host.to_string(), it.port.number())))
            }
            _ => None,
        });
        let registered = if settings.plugins.is_empty() { BTreeMap::new() } else { registered.collect() };
        let mut known = self.known();
        if (&known.listed, &known.registered) == (&listed, &registered) {
            return;
        }
        // Whoever is listed as something else is looked at anew.
        let same = |name: &String| known.listed.get(name) == listed.get(name);
        let changed: Vec<String> = known.plugins.keys().filter(|name| !same(name)).cloned().collect();
        for name in changed {
            known.plugins.remove(&name);
        }
        (known.listed, known.registered) = (listed, registered);
        self.connect(&mut known);
        drop(known);
        self.tell();
    }

    fn answers(&self) -> &Answers {
        &self.shared.answers
    }

    fn ask(&self, questions: &[Question]) {
        let now = self.shared.clock.now();
        let mut by_plugin: BTreeMap<String, Vec<Question>> = BTreeMap::new();
        let mut known = self.known();
        for question in questions {
            let asked = known.questions.get(&key(question));
            let waits = asked.is_some_and(|it| it.running || it.failed.as_ref().is_some_and(|(_, again)| *again > now));
            if !waits && !self.shared.answers.has(question) {
                known.questions.entry(key(question)).or_default().running = true;
                by_plugin.entry(question.plugin.clone()).or_default().push(question.clone());
            }
        }
        drop(known);
        for (plugin, questions) in by_plugin {
            for some in questions.chunks(MOST_AT_ONCE) {
                self.shared.runtime.spawn(self.clone().call(plugin.clone(), some.to_vec()));
            }
        }
    }

    fn faults(&self, questions: &[Question]) -> Vec<String> {
        let known = self.known();
        let faults: BTreeSet<&String> = questions
            .iter()
            .filter_map(|question| known.questions.get(&key(question))?.failed.as_ref().map(|(why, _)| why))
            .collect();
        faults.into_iter().cloned().collect()
    }

    async fn answered(&self) {
        self.shared.changed.notified().await;
    }

    async fn settle(&self, questions: &[Question]) {
        loop {
            let notified = self.shared.settled.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            self.ask(questions);
            let open = |question: &Question| {
                let running = self.known().questions.get(&key(question)).is_some_and(|asked| asked.running);
                running && !self.shared.answers.has(question)
            };
            if !questions.iter().any(open) {
                return;
            }
            notified.await;
        }
    }

    fn reports(&self) -> Vec<PluginReport> {
        let known = self.known();
        let report = |(name, entry): (&String, &Entry)| {
            let fault = match (&entry.link, &entry.seen, &entry.broken) {
                (Err(fault), ..) | (_, Some(Err(fault)), _) | (.., Some((fault, _))) => Some(fault.words.clone()),
                (_, None, _) => Some("was not looked at yet".to_owned()),
                _ => None,
            };
            PluginReport {
                name: name.clone(),
                fault,
                calls: entry.calls,
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of calls stay far below 2^52")]
                seconds: entry.milliseconds as f64 / 1000.0,
                failures: entry.failures.iter().map(|(reason, count)| (*reason, *count)).collect(),
            }
        };
        known.plugins.iter().map(report).collect()
    }
}
