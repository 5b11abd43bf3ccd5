//! All outside plugins: who is listed, where each is reached, and having them asked.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::book::Book;
use super::breaker::{Breaker, FIRST_PAUSE, LONGEST_PAUSE};
use super::entry::{Counts, Entry};
use super::fault::{Fault, Reason};
use super::intake::Outcomes;
use super::link::Link;
use super::target::{DEADLINE, Target, Tls, is_here};
use crate::change::patience::pause;
use crate::change::{Clock, PluginReport, Plugins, Timestamp};
use crate::intent::plugins::ListedPlugin;
use crate::intent::{Kind, Settings, Spec, Tree};
use crate::render::{Answers, NoRoom, Question};

/// How often a plugin that is well is looked at.
const LOOK: Duration = Duration::from_secs(10);

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
    /// What calls came to since this began, by the name of the plugin: it may have had several entries.
    counts: BTreeMap<String, Counts>,
    book: Book,
    /// Who is configured and not listed, once it is known who is listed.
    idle: Option<BTreeSet<String>>,
    /// How many entries there were; what comes of an earlier one of the same name does not count.
    entries: u64,
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
        if known.idle.is_some() {
            known.tell_of_idle();
        }
        self.connect(&mut known);
        drop(known);
        self.tell();
    }

    /// Waits until all plugins that are listed were looked at once, and says what is wrong with them, by their names.
    pub async fn faults_of_looks(&self) -> BTreeMap<String, String> {
        loop {
            let mut settled = pin!(self.shared.settled.notified());
            settled.as_mut().enable();
            let found = |(name, entry): (&String, &Entry)| Some((name.clone(), entry.found()?));
            let all: Option<Vec<_>> = self.known().plugins.iter().map(found).collect();
            if let Some(all) = all {
                let said = |(name, found): (String, Result<(), Fault>)| {
                    let words = found.err()?.of_plugin(&name);
                    Some((name, words))
                };
                return all.into_iter().filter_map(said).collect();
            }
            settled.await;
        }
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
        let listed: Vec<(String, ListedPlugin)> =
            known.listed.iter().map(|(name, it)| (name.clone(), it.clone())).collect();
        for (name, listed) in listed {
            let target = known.target(&name);
            if known.plugins.get(&name).is_some_and(|entry| entry.target == target) {
                continue;
            }
            known.entries += 1;
            let (number, look_soon) = (known.entries, Arc::<Notify>::default());
            let link = target.as_ref().map_err(Fault::clone).and_then(Link::new);
            if let Err(fault) = &link {
                tracing::warn!(plugin = name, why = fault.words, "this plugin cannot be asked");
            }
            let probing = link.as_ref().ok().map(|link| {
                let (shared, look_soon) = (Arc::downgrade(&self.shared), Arc::clone(&look_soon));
                let probe = probe(shared, name.clone(), number, link.clone(), listed, look_soon);
                self.shared.runtime.spawn(probe).abort_handle()
            });
            known.book.forget(&name);
            if known.plugins.contains_key(&name) {
                // Whoever listens elsewhere may be another.
                self.shared.answers.forget(&name);
            }
            let entry = Entry { number, target, link, probing, seen: None, look_soon, breaker: Breaker::default() };
            known.plugins.insert(name, entry);
        }
    }

    /// Takes notice of what a look at a plugin found.
    fn looked(&self, name: &str, number: u64, seen: Result<(), Fault>) {
        let mut known = self.known();
        let Some(entry) = known.plugins.get_mut(name).filter(|entry| entry.number == number) else { return };
        match (&seen, &entry.seen) {
            (Err(fault), before) if before.as_ref() != Some(&seen) => {
                tracing::warn!(plugin = name, why = fault.words, "this plugin does not work; it is looked at again");
            }
            (Ok(()), Some(Err(_))) => tracing::info!(plugin = name, "this plugin works again"),
            _ => {}
        }
        let (is_well, kept) = (seen.is_ok(), entry.keeps_from_calls().is_some());
        // One that looks well while its calls fail is left alone all the same.
        if is_well && matches!(entry.seen, Some(Err(_))) {
            entry.breaker.looked_well();
        }
        if entry.seen.as_ref() == Some(&seen) {
            return;
        }
        entry.seen = Some(seen);
        let may_be_asked = is_well || kept && entry.keeps_from_calls().is_none();
        if may_be_asked {
            // What could not be asked meanwhile can be by now.
            known.book.retry(name, self.shared.clock.now());
        }
        drop(known);
        if may_be_asked {
            self.shared.changed.notify_one();
        }
        self.shared.settled.notify_waiters();
    }

    /// Has one plugin asked what is not answered, and cannot be left for later; gives whether any of these is being asked now.
    fn begin(&self, of_one: &[Question]) -> bool {
        let now = self.shared.clock.now();
        let mut known = self.known();
        let is_due =
            |question: &&Question| !self.shared.answers.has(&question.input) && known.book.begin(&question.input, now);
        let mut questions: Vec<Question> = of_one.iter().filter(is_due).cloned().collect();
        let is_running = !questions.is_empty() || known.book.is_running(of_one);
        drop(known);
        while !questions.is_empty() {
            let rest = questions.split_off(questions.len().min(MOST_AT_ONCE));
            let name = Arc::clone(&questions[0].input.plugin);
            self.shared.runtime.spawn(self.clone().call(name, questions));
            questions = rest;
        }
        is_running
    }

    /// Asks questions of one plugin, and takes notice of what that comes to.
    async fn call(self, name: Arc<str>, questions: Vec<Question>) {
        let begun = self.shared.clock.now();
        let again = match self.way_to(&name, questions, begun) {
            Ok((Way { number, link, listed }, questions)) => {
                let outcomes = link.ask(&listed, questions).await;
                self.called(&name, number, outcomes, begun)
            }
            Err(again) => again,
        };
        self.tell();
        if let Some(again) = again {
            let rest = (again.0 - self.shared.clock.now().0).clamp(0, LONGEST_PAUSE);
            tokio::time::sleep(millis(rest)).await;
            self.tell();
        }
    }

    /// How questions can be asked now; else the moment when they can be asked again.
    fn way_to(
        &self,
        name: &str,
        questions: Vec<Question>,
        now: Timestamp,
    ) -> Result<(Way, Vec<Question>), Option<Timestamp>> {
        // At once: a look that ends meanwhile has what failed asked again.
        let mut known = self.known();
        match known.way_to(name, &questions, now) {
            Ok(way) => Ok((way, questions)),
            Err(fault) => Err(known.keep(&self.shared.answers, name, Link::failed(questions, &fault), now)),
        }
    }

    /// Takes notice of what a call of an entry came to; gives the moment when something can be asked again.
    fn called(&self, name: &str, number: u64, outcomes: Outcomes, begun: Timestamp) -> Option<Timestamp> {
        let now = self.shared.clock.now();
        let mut known = self.known();
        let Some(entry) = known.plugins.get_mut(name).filter(|entry| entry.number == number) else {
            // Another is asked by now.
            return None;
        };
        let mut faults = outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err());
        entry.note(faults.rfind(|fault| !fault.reason.is_of_a_unit()), begun, now);
        let took = u64::try_from(now.0 - begun.0).unwrap_or_default();
        known.counts.entry(name.to_owned()).or_default().calls.observe(took);
        known.keep(&self.shared.answers, name, outcomes, now)
    }
}

/// How a plugin is asked, by which entry.
struct Way {
    number: u64,
    link: Link,
    listed: ListedPlugin,
}

/// Looks at a plugin now and then, and soon where that is asked for.
async fn probe(
    shared: Weak<Shared>,
    name: String,
    number: u64,
    link: Link,
    listed: ListedPlugin,
    look_soon: Arc<Notify>,
) {
    let mut failures = 0;
    loop {
        let seen = link.probe(&listed).await;
        let Some(pool) = shared.upgrade().map(|shared| Pool { shared }) else { return };
        failures = if seen.is_ok() { 0 } else { failures + 1 };
        let now = pool.shared.clock.now();
        pool.looked(&name, number, seen);
        drop(pool);
        let rest = match failures {
            0 => LOOK,
            failures => {
                tokio::time::sleep(millis(FIRST_PAUSE)).await;
                millis(pause(failures - 1, FIRST_PAUSE, LONGEST_PAUSE, now) - FIRST_PAUSE)
            }
        };
        drop(timeout(rest, look_soon.notified()).await);
    }
}

impl Known {
    /// Says which plugins are configured for nothing, each once.
    fn tell_of_idle(&mut self) {
        let idle = self.directory.targets.keys().filter(|name| !self.listed.contains_key(*name)).cloned().collect();
        let before = self.idle.replace(BTreeSet::clone(&idle)).unwrap_or_default();
        for plugin in idle.difference(&before) {
            tracing::info!(plugin, "this plugin is not asked: meshwright.yaml on main does not list it");
        }
    }

    /// Where a plugin is.
    fn target(&self, name: &str) -> Result<Target, Fault> {
        if let Some(target) = self.directory.targets.get(name) {
            return Ok(target.clone());
        }
        let Some((host, port)) = self.registered.get(name) else {
            let words = "is reached nowhere: no configuration names its address, and main registers none";
            return Err(Fault::new(Reason::Unreachable, words));
        };
        let (scheme, tls) = match &self.directory.registered {
            _ if is_here(host) => ("http", None),
            Some(tls) => ("https", Some(tls.clone())),
            None => {
                let words = format!(
                    "is registered at {host}:{port}, which takes TLS: name registeredPlugins.caFile in the server's configuration"
                );
                return Err(Fault::new(Reason::Unreachable, words));
            }
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        Ok(Target { address: format!("{scheme}://{host}:{port}"), tls, deadline: DEADLINE })
    }

    /// How a plugin can be asked now.
    fn way_to(&self, name: &str, questions: &[Question], now: Timestamp) -> Result<Way, Fault> {
        let (Some(listed), Some(entry)) = (self.listed.get(name), self.plugins.get(name)) else {
            return Err(Fault::new(Reason::Version, "is not listed in meshwright.yaml on main"));
        };
        if let Some(other) = questions.iter().find(|question| *question.input.version != *listed.version) {
            let words = format!("is listed as version {}, and {} is asked", listed.version, other.input.version);
            return Err(Fault::new(Reason::Version, words));
        }
        if let Some(fault) = entry.fault(now) {
            if entry.keeps_from_calls().is_some() {
                // Somebody waits for it.
                entry.look_soon.notify_one();
            }
            return Err(fault);
        }
        Ok(Way { number: entry.number, link: entry.link.clone()?, listed: listed.clone() })
    }

    /// Keeps what questions of a plugin came to; gives the moment when something can be asked again.
    fn keep(&mut self, answers: &Answers, name: &str, outcomes: Outcomes, now: Timestamp) -> Option<Timestamp> {
        let counts = self.counts.entry(name.to_owned()).or_default();
        let mut first: Option<Timestamp> = None;
        for (Question { input, .. }, outcome) in outcomes {
            let kept = outcome.and_then(|answer| {
                let kept = answers.put(input.clone(), answer, now.0);
                kept.map_err(|why @ NoRoom| {
                    Fault::new(Reason::TooMuch, format!("answers more than there is room for: {why}"))
                })
            });
            match kept {
                Ok(()) => self.book.answered(&input),
                Err(fault) => {
                    *counts.failures.entry(fault.reason).or_default() += 1;
                    let again = self.book.failed(&input, &fault, now);
                    first = Some(first.map_or(again, |first| first.min(again)));
                }
            }
        }
        first
    }
}

fn by_plugin(questions: &[Question]) -> impl Iterator<Item = &[Question]> {
    questions.chunk_by(|one, other| one.input.plugin == other.input.plugin)
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
        if (&known.listed, &known.registered) == (&listed, &registered) && known.idle.is_some() {
            return;
        }
        // Whoever is listed as something else is looked at anew.
        let before = std::mem::replace(&mut known.listed, listed);
        known.registered = registered;
        known.tell_of_idle();
        let Known { listed, plugins, book, .. } = &mut *known;
        plugins.retain(|name, _| {
            let stays = before.get(name) == listed.get(name);
            if !stays {
                // Nobody waits for what is asked of another.
                book.forget(name);
            }
            stays
        });
        self.connect(&mut known);
        drop(known);
        self.tell();
    }

    fn answers(&self) -> &Answers {
        &self.shared.answers
    }

    fn ask(&self, questions: &[Question]) {
        // Questions are in the order of priorities: the next plugin is asked when this one answered or failed.
        by_plugin(questions).find(|of_one| self.begin(of_one));
    }

    fn faults(&self, questions: &[Question]) -> Vec<String> {
        self.known().book.faults(questions)
    }

    async fn answered(&self) {
        self.shared.changed.notified().await;
    }

    async fn settle(&self, questions: &[Question]) {
        for of_one in by_plugin(questions) {
            let mut begun = false;
            loop {
                let mut settled = pin!(self.shared.settled.notified());
                settled.as_mut().enable();
                let is_running = match begun {
                    true => self.known().book.is_running(of_one),
                    false => self.begin(of_one),
                };
                if !is_running {
                    break;
                }
                begun = true;
                settled.await;
            }
        }
    }

    fn reports(&self) -> Vec<PluginReport> {
        let now = self.shared.clock.now();
        let (known, none) = (self.known(), Counts::default());
        let report =
            |(name, entry): (&String, &Entry)| entry.report(name, known.counts.get(name).unwrap_or(&none), now);
        known.plugins.iter().map(report).collect()
    }
}
