//! Taking over a configuration while the server runs.
//!
//! A part that can do so has two lines here: what it will have is made in [`Prepared::of`], where anything may still be
//! refused, and put in force in [`Prepared::put`]. [`take_over`] says which fields it has.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::BootError;
use super::logging::{Lines, Logging};
use super::plugins::plugin_directory;
use super::source::{self, Fingerprint, Read, Source};
use super::{parts, registrar, sinks, supervisor, terms};
use crate::change::journal::JournalError;
use crate::config::{Config, Forge, Log};
use crate::http::{Door, Reloads, Terms};
use crate::plugin::{Directory, Pool};
use crate::sink::{Sink, Sinks};

/// How often the files are looked at without being told.
const LOOK: Duration = Duration::from_secs(2);

/// Reads a configuration again when somebody asks for it by SIGHUP, and when its files hold something else: the file
/// itself, those with secrets of webhooks, engines and sinks, and those about plugins. They are compared by what they hold, because editors rename files and
/// Kubernetes exchanges a link above them.
pub struct Reload {
    source: Source,
    logging: Logging,
    asked: Signal,
    running: Config,
    /// The last configuration that could be read: the files that it names are watched.
    named: Config,
    /// What the files held when they were taken over or refused.
    known: Fingerprint,
    /// What they held at the last look, if that was something else.
    coming: Option<Fingerprint>,
    /// Whether what they hold was not taken over because the journal could not be written.
    owed: bool,
}

impl Reload {
    /// Reloads what `read` gave from `source`; from now on SIGHUP no longer ends the process.
    ///
    /// # Errors
    /// When the system does not let signals be waited for.
    pub fn new(source: Source, read: Read, logging: Logging) -> Result<Self, BootError> {
        let asked = signal(SignalKind::hangup());
        let asked = asked.map_err(|source| BootError::Io { path: "SIGHUP".into(), source })?;
        let Read { config: running, print: known } = read;
        let named = running.clone();
        Ok(Self { source, logging, asked, running, named, known, coming: None, owed: false })
    }

    /// Reloads for as long as the task runs.
    pub(super) async fn watch(mut self, reloaded: Reloaded, reloads: Reloads, bound: SocketAddr) {
        loop {
            let asked = tokio::select! {
                asked = self.asked.recv() => asked.is_some(),
                () = tokio::time::sleep(LOOK) => false,
            };
            let (reloaded, reloads) = (reloaded.clone(), reloads.clone());
            // Files may be on a disk that is away.
            let looked = tokio::task::spawn_blocking(move || {
                self.look(asked, &reloaded, &reloads, bound);
                self
            });
            match looked.await {
                Ok(back) => self = back,
                Err(error) => return tracing::error!(%error, "the configuration is not looked at any more"),
            }
        }
    }

    fn look(&mut self, asked: bool, reloaded: &Reloaded, reloads: &Reloads, bound: SocketAddr) {
        let text = self.source.text();
        let print = source::fingerprint(&text, &source::beside(&self.named));
        if !self.is_due(&print) && !asked {
            return;
        }
        let owed = self.owed && !asked && print == self.known;
        (self.known, self.coming, self.owed) = (print, None, false);
        // What is only tried again was told before.
        if !owed {
            supervisor::reloading();
        }
        match self.read(&text, reloaded, bound) {
            Ok(waiting) if waiting.is_empty() => {
                tracing::info!("the configuration was taken over");
                reloads.taken(true);
            }
            Ok(waiting) => {
                let fields = waiting.join(", ");
                tracing::warn!(fields, "the configuration was taken over but for these fields, which need a restart");
                reloads.taken(false);
            }
            Err(error @ BootError::Journal(_)) => {
                self.owed = true;
                if owed {
                    tracing::debug!(%error, "the configuration is still not taken over; it is tried again");
                } else {
                    tracing::error!(%error, "the configuration is not taken over yet; it is tried again");
                    reloads.refused();
                }
            }
            Err(error) => {
                let file = self.source.path().map(|path| path.display().to_string()).unwrap_or_default();
                tracing::error!(file, %error, "the configuration was not taken over; the one before is in force");
                reloads.refused();
            }
        }
        if !owed {
            supervisor::ready();
        }
    }

    /// Whether what the files hold is to be taken over without being asked for.
    fn is_due(&mut self, print: &Fingerprint) -> bool {
        // What is still being written is not read: it counts when it is the same at two looks.
        let rests = self.coming.replace(print.clone()).as_ref() == Some(print);
        if *print == self.known { self.owed } else { rests }
    }

    /// Takes over what a text says; gives the fields that need a restart.
    fn read(
        &mut self,
        text: &Result<String, String>,
        reloaded: &Reloaded,
        bound: SocketAddr,
    ) -> Result<Vec<&'static str>, BootError> {
        let new = self.source.understand(text)?;
        shrunk(&self.running, &new)?;
        self.named.clone_from(&new);
        self.known = source::fingerprint(text, &source::beside(&self.named));
        let (taken, waiting) = take_over(&self.running, &new);
        Prepared::of(&taken, &new, bound)?.put(reloaded, &self.logging)?;
        self.running = taken;
        Ok(waiting)
    }
}

/// What a file that was cut off looks like, or one that is still being written, is not taken over: it would let everybody
/// in, and have nobody told any more.
fn shrunk(running: &Config, new: &Config) -> Result<(), BootError> {
    let lacks = |field, what: &str| {
        Err(BootError::config(
            field,
            format!("{what} while the server runs is more likely an accident; restart it for that"),
        ))
    };
    match () {
        () if new.tokens.is_empty() && !running.tokens.is_empty() => lacks("tokens", "taking the last one away"),
        () if new.sinks.is_empty() && !running.sinks.is_empty() => lacks("sinks", "taking the last one away"),
        () => Ok(()),
    }
}

/// What a reload changes.
#[derive(Clone)]
pub(super) struct Reloaded {
    pub(super) door: Door,
    pub(super) plugins: Pool,
    pub(super) sinks: Arc<Sinks>,
}

/// What will be in force, all of it sound.
struct Prepared {
    terms: Terms,
    plugins: Directory,
    sinks: Vec<Sink>,
    lines: Lines,
}

impl Prepared {
    /// Makes what `taken` asks for, where `new` is what would be served after a restart.
    fn of(taken: &Config, new: &Config, bound: SocketAddr) -> Result<Self, BootError> {
        let open = new.tokens.is_empty();
        // Also where only the old address can be reached from elsewhere.
        terms::address(&bound.to_string(), open)?;
        if open || new.listen != taken.listen {
            terms::address(&new.listen, open)?;
        }
        parts::public_url(new)?;
        new.orchestrator.as_ref().map(|it| registrar::registrar(it, bound.port())).transpose()?;
        let (plugins, sinks) = (plugin_directory(taken)?, sinks::sinks(&taken.sinks)?);
        Ok(Self { terms: terms::terms(taken)?, plugins, sinks, lines: Lines::read(&taken.log.filter)? })
    }

    /// Puts it in force.
    ///
    /// # Errors
    /// When the journal cannot be told of other sinks: all is as it was.
    fn put(self, reloaded: &Reloaded, logging: &Logging) -> Result<(), BootError> {
        let told = Handle::current().block_on(reloaded.sinks.reconfigure(self.sinks));
        // Why is in the log.
        told.map_err(|_| JournalError { what: "written", cause: "`sinks` are those they were".to_owned() })?;
        reloaded.door.exchange(self.terms);
        reloaded.plugins.redirect(self.plugins);
        logging.choose(self.lines);
        Ok(())
    }
}

/// What runs after `new` was read while `running` ran, and the fields of `new` that need a restart.
fn take_over(running: &Config, new: &Config) -> (Config, Vec<&'static str>) {
    // All of them are named, so that a field which is added has to be thought of.
    let Config {
        listen,
        public_url,
        data,
        tokens,
        timing,
        changes,
        limits,
        repository,
        forge,
        engines,
        orchestrator,
        plugins,
        plugin_directory,
        registered_plugins,
        sinks,
        log: Log { filter, json },
    } = new;
    let mut taken = Config {
        tokens: tokens.clone(),
        limits: limits.clone(),
        engines: engines.clone(),
        plugins: plugins.clone(),
        plugin_directory: plugin_directory.clone(),
        registered_plugins: registered_plugins.clone(),
        sinks: sinks.clone(),
        ..running.clone()
    };
    taken.log.filter.clone_from(filter);
    // Another kind of forge has other secrets.
    if forge.kind == running.forge.kind {
        taken.forge.webhook_secret_files.clone_from(&forge.webhook_secret_files);
    }
    let same_forge = Forge { webhook_secret_files: taken.forge.webhook_secret_files.clone(), ..forge.clone() };
    let waiting = [
        ("listen", *listen != running.listen),
        ("publicUrl", *public_url != running.public_url),
        ("data", *data != running.data),
        ("timing", *timing != running.timing),
        ("changes", *changes != running.changes),
        ("repository", *repository != running.repository),
        ("forge", same_forge != taken.forge),
        ("orchestrator", *orchestrator != running.orchestrator),
        ("log.json", *json != running.log.json),
    ];
    (taken, waiting.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::SystemClock;
    use crate::change::{Intake, Ledger, Outbox};
    use crate::journal::MemoryJournal;

    fn config(text: &str) -> Config {
        Config::read(text).unwrap()
    }

    #[test]
    fn what_can_be_is_taken_over_and_the_rest_is_named() {
        let running = config("listen: 127.0.0.1:1\ntokens: [{name: a, sha256: ab}]\n");
        let text = "listen: 127.0.0.1:2\npublicUrl: https://a\ndata: d\ntokens: [{name: b, sha256: cd}]\n\
            timing: {settle: 1s}\nchanges: {most: 1}\nlimits: {rate: 1}\nrepository: {remote: r}\n\
            engines: {flux: {secretFile: s}}\n\
            forge: {kind: gitea}\norchestrator: {url: u, host: h}\nlog: {filter: debug, json: true}\n";
        let new = config(text);
        let (taken, waiting) = take_over(&running, &new);
        let all =
            ["listen", "publicUrl", "data", "timing", "changes", "repository", "forge", "orchestrator", "log.json"];
        assert_eq!(waiting, all);
        let tokens = config(
            "listen: 127.0.0.1:1\ntokens: [{name: b, sha256: cd}]\nlimits: {rate: 1}\nengines: {flux: {secretFile: s}}\nlog: {filter: debug}",
        );
        assert_eq!(taken, tokens);
        assert_eq!(take_over(&taken, &tokens), (taken, vec![]));
    }

    #[test]
    fn secrets_of_webhooks_are_taken_over_from_the_same_kind_of_forge() {
        let hooks = |kind: &str, files: &str, main: &str| {
            config(&format!("forge: {{kind: {kind}, webhookSecretFiles: [{files}], main: {main}}}\n"))
        };
        let (running, new) = (hooks("github", "a", "main"), hooks("github", "b", "main"));
        assert_eq!(take_over(&running, &new), (new.clone(), vec![]));
        assert_eq!(take_over(&running, &hooks("github", "b", "trunk")), (new, vec!["forge"]));
        assert_eq!(take_over(&running, &hooks("gitea", "b", "main")), (running, vec!["forge"]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_journal_could_not_be_told_is_tried_again_at_the_next_look_and_what_is_wrong_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("serve.yaml");
        let write = |more: &str| std::fs::write(&file, format!("log: {{filter: 'off'}}\n{more}")).unwrap();
        write("");
        let source = Source::new(Some(file.clone()), Ok);
        let read = source.read().unwrap();
        let (running, logging) = (read.config.clone(), Logging::start(&read.config.log).unwrap());
        let mut reload = Reload::new(source, read, logging).unwrap();
        let (journal, clock) = (MemoryJournal::new(), Arc::new(SystemClock));
        let (outbox, nothing) = (Outbox::restore(vec![], 0, "urn:test".into()), (vec![], vec![]));
        let intake =
            Intake::start(Ledger::default(), nothing, outbox, Box::new(journal.clone()), clock.clone()).unwrap();
        let reloaded = Reloaded {
            door: Door::new(terms::terms(&running).unwrap()),
            plugins: Pool::new(plugin_directory(&running).unwrap(), clock.clone(), Handle::current()),
            sinks: Arc::new(Sinks::start(intake.clone(), clock, vec![]).await.unwrap()),
        };
        let (reloads, bound) = (Reloads::default(), "127.0.0.1:1".parse().unwrap());
        let mut look = || {
            tokio::task::block_in_place(|| reload.look(false, &reloaded, &reloads, bound));
            let sinks: Vec<String> = intake.outbox().tallies().sinks.into_keys().collect();
            (sinks.concat(), reload.owed)
        };
        let sink = |name: &str| format!("sinks: [{{name: {name}, url: 'http://127.0.0.1:1'}}]\n");
        write(&sink("a"));
        journal.fail_next(2);
        let looks: Vec<(String, bool)> = (0..5).map(|_| look()).collect();
        let expected = [("", false), ("", true), ("", true), ("a", false), ("a", false)];
        assert_eq!(looks, expected.map(|(sinks, owed)| (sinks.to_owned(), owed)));
        // What comes while something is owed takes its place.
        write(&sink("b"));
        journal.fail_next(1);
        assert_eq!([look(), look()], [("a".to_owned(), false), ("a".to_owned(), true)]);
        write(&format!("{}publicUrl: nowhere\n", sink("c")));
        assert_eq!([look(), look(), look()].map(|it| it.1), [true, false, false], "what is wrong stays refused");
        write(&sink("d"));
        assert_eq!([look(), look()].map(|it| it.0), ["a", "d"]);
    }

    #[test]
    fn a_file_that_looks_cut_off_is_not_taken_over() {
        let running = config("tokens: [{name: a, sha256: ab}]\nsinks: [{name: bus, url: 'https://bus.example'}]\n");
        let refused =
            |text: &str| shrunk(&running, &config(text)).err().map(|error| error.to_string()).unwrap_or_default();
        let (token, sink) = ("tokens: [{name: b, sha256: cd}]\n", "sinks: [{name: log, url: 'https://log.example'}]\n");
        assert!(refused("").starts_with("tokens: "), "{}", refused(""));
        assert!(refused(token).starts_with("sinks: "), "{}", refused(token));
        assert_eq!(refused(&format!("{token}{sink}")), "");
        assert!(shrunk(&config(""), &config("")).is_ok());
    }

    #[test]
    fn nothing_is_prepared_of_a_configuration_that_would_not_start() {
        let of = |running: &str, new: &str, bound: &str| {
            let (running, new) = (config(running), config(new));
            Prepared::of(&take_over(&running, &new).0, &new, bound.parse().unwrap()).err().map(|it| it.to_string())
        };
        let hash = "0".repeat(64);
        let token = format!("tokens: [{{name: a, sha256: '{hash}'}}]\n");
        assert_eq!(of(&token, "", "127.0.0.1:1"), None, "on this machine all may call");
        assert_eq!(of("", &token, "127.0.0.1:1"), None);
        for (new, bound, words) in [
            ("".to_owned(), "10.0.0.1:1", "listen: 10.0.0.1:1 can be reached from other machines"),
            ("listen: 10.0.0.1:1\n".to_owned(), "127.0.0.1:1", "listen: 10.0.0.1:1 can be reached"),
            ("tokens: [{name: a, sha256: ab}]\n".to_owned(), "127.0.0.1:1", "tokens: the hash of token `a` must be 64"),
            (format!("{token}log: {{filter: 'a=b=c'}}\n"), "127.0.0.1:1", "log.filter: "),
            (format!("{token}publicUrl: nowhere\n"), "127.0.0.1:1", "publicUrl: `nowhere` is no URL"),
            (format!("{token}orchestrator: {{url: o, host: h}}\n"), "127.0.0.1:1", "orchestrator.url: "),
            (format!("{token}listen: here\n"), "127.0.0.1:1", "listen: `here` is not an address"),
        ] {
            let found = of(&token, &new, bound);
            assert!(found.as_ref().is_some_and(|it| it.starts_with(words)), "{new}: {found:?}");
        }
    }
}
