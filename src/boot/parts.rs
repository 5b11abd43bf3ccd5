//! From storage to the desk: everything below the edge.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::error::BootError;
use super::plugins::plugin_directory;
use super::{forges, housekeeping, sinks, skeleton};
use crate::change::adopt;
use crate::change::forge::{Forge, ForgeError};
use crate::change::journal::JournalError;
use crate::change::stuck::Stuck;
use crate::change::{Base, Clock, Desk, Intake, Journal, Ledger, Outbox, Retention, Timing, Worker};
use crate::config::{Config, ForgeKind, Repository};
use crate::forge::OURS;
use crate::http::{Part, Readiness};
use crate::journal::SqliteJournal;
use crate::plugin::{Directory, Pool};
use crate::repo::{CommitId, Identity, Mirror, Remote, RepoError, Signer};
use crate::sink::{Sink, Sinks};

/// How long the first looks at a forge are apart, in milliseconds.
const FIRST_PAUSES: [u64; 4] = [200, 500, 1000, 2000];

/// How often a journal that could not be written is tried.
const RETRY: Duration = Duration::from_secs(5);

/// Where things are kept.
pub struct Stores {
    /// The journal.
    pub journal: Box<dyn Journal>,
    /// The mirror of the config repository.
    pub mirror: Mirror,
    /// The forge.
    pub forge: Arc<dyn Forge>,
    /// The name of main.
    pub main: String,
    /// The key that commits are signed with, where one is configured.
    pub signer: Option<Signer>,
    /// How long changes are remembered that ended.
    pub retention: Retention,
    /// The URL that readers reach the server by; empty where that is not known.
    pub public_url: String,
    /// Where outside plugins are reached.
    pub plugins: Directory,
    /// Who is told of changes and of readiness.
    pub sinks: Vec<Sink>,
    /// Who tells them, as a URI reference.
    pub source: String,
}

impl Stores {
    /// Opens the stores that a configuration names; the embedded ones are created where they are missing.
    ///
    /// # Errors
    /// What cannot be used.
    pub fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, BootError> {
        let data = &config.data;
        let (public_url, sinks) = (public_url(config)?, sinks::sinks(&config.sinks)?);
        create_private(data).map_err(|source| BootError::Io { path: data.clone(), source })?;
        let journal = SqliteJournal::open(data.join("journal.db"))?;
        // The journal is open, so nobody else is at work on the mirror.
        let main = &config.forge.main;
        if main.starts_with(OURS) {
            let message = format!("`{main}` is one of the names that branches of changes get; name another branch");
            return Err(BootError::config("forge.main", message));
        }
        let mirror = Mirror::open_or_init(data.join("config.git"), main).map_err(|error| match error {
            RepoError::Refused { what, why } if what == *main => {
                BootError::config("forge.main", format!("`{what}` {why}"))
            }
            error => error.into(),
        })?;
        let remote = remote(&mirror, &config.repository)?;
        if config.forge.kind == ForgeKind::Embedded {
            skeleton::ensure(&mirror, remote.as_ref(), main, &author(), clock.as_ref())?;
        }
        let signer = signer(&config.repository)?;
        let forge = forges::build(config, &mirror, remote, author(), signer.clone(), clock)?;
        let retention = Retention { keep: config.changes.keep.0, most: config.changes.most };
        let (journal, main, source) = (Box::new(journal), main.clone(), sinks::source(config, &public_url));
        let plugins = plugin_directory(config)?;
        Ok(Self { journal, mirror, forge, main, signer, retention, public_url, plugins, sinks, source })
    }
}

/// The URL of the server for readers, without a slash at its end.
pub(super) fn public_url(config: &Config) -> Result<String, BootError> {
    let Some(url) = &config.public_url else { return Ok(String::new()) };
    let web = url.starts_with("https://") || url.starts_with("http://");
    if !web || url.chars().any(|c| c.is_whitespace() || c.is_control() || "()<>\"`".contains(c)) {
        return Err(BootError::config(
            "publicUrl",
            format!("`{url}` is no URL; write it as https://meshwright.example"),
        ));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// Makes a folder that only its owner may look into, where there is none: it holds intents that nobody approved yet.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn remote(mirror: &Mirror, config: &Repository) -> Result<Option<Remote>, BootError> {
    let Some(address) = &config.remote else { return Ok(None) };
    let credential = match &config.credential_file {
        None => None,
        Some(path) => Some(forges::credential(path, config.user.as_deref())?),
    };
    let remote = Remote::new(mirror, address, credential);
    Ok(Some(remote.map_err(|error| BootError::config("repository.remote", error.to_string()))?))
}

fn signer(config: &Repository) -> Result<Option<Signer>, BootError> {
    let Some(key) = &config.signing_key else { return Ok(None) };
    let there = std::fs::metadata(key);
    there.map_err(|error| BootError::config("repository.signingKey", format!("{}: {error}", key.display())))?;
    Ok(Some(Signer::new(key)))
}

/// Who commits.
pub(super) fn author() -> Identity {
    Identity { name: "Meshwright".into(), email: "meshwright@localhost".into() }
}

/// Everything below the edge, running.
pub struct Parts {
    /// The handle on it.
    pub desk: Desk,
    /// The outside plugins.
    pub plugins: Pool,
    readiness: Readiness,
    /// Carries changes; stops when this is dropped.
    carrying: tokio::task::JoinHandle<()>,
    /// Follows merged changes to clusters; stops as well.
    following: tokio::task::JoinHandle<()>,
    /// Tell of changes and of readiness; stop as well.
    pub sinks: Arc<Sinks>,
    /// Keeps the repository tidy; stops too.
    tidying: tokio::task::JoinHandle<()>,
    /// Tries a journal that could not be written; stops too.
    retrying: tokio::task::JoinHandle<()>,
}

impl Parts {
    /// Reads what is stored, takes over what a lost journal no longer knows, and starts carrying changes. A forge that is
    /// away is done without where the journal shows that this server knew it: writes are taken, and wait for it.
    ///
    /// # Errors
    /// What cannot be read.
    pub async fn start(mut stores: Stores, clock: Arc<dyn Clock>, timing: Timing) -> Result<Self, BootError> {
        let mut contents = stores.journal.load()?;
        let seen = first_look(stores.forge.as_ref()).await;
        let away = seen.is_err();
        let main = seen.or_else(|error| {
            let last = stores.mirror.branch(&stores.main)?.filter(|_| contents.last_seq > 0 && is_away(&error));
            let last = last.ok_or_else(|| Stuck::from(error.clone()))?;
            tracing::error!(%error, main = %last, "the forge is away: it goes on with main as it was seen last");
            Ok::<_, BootError>(Some(last))
        })?;
        let base = match main {
            Some(commit) => Base::load(&stores.mirror, commit)?,
            None => Base::default(),
        };
        let remembered = (std::mem::take(&mut contents.answers), std::mem::take(&mut contents.deliveries));
        let outbox = Outbox::restore(std::mem::take(&mut contents.waiting), contents.last_announcement, stores.source);
        let ledger = Ledger::restore(Arc::new(base), contents);
        let started = Intake::start(ledger, remembered, outbox, stores.journal, clock.clone());
        let intake = started.map_err(|source| BootError::Io { path: "intake".into(), source })?;
        let unwritten = |_| {
            let cause = intake.trouble().unwrap_or_else(|| "the one writer has stopped".to_owned());
            BootError::Journal(JournalError { what: "written", cause })
        };
        // Before anything happens that they are to hear of.
        let sinks = Sinks::start(intake.clone(), clock.clone(), stores.sinks).await.map_err(unwritten)?;
        let sinks = Arc::new(sinks);
        if !away {
            let view = intake.view();
            let unknown = adopt::unknown(&view, stores.forge.as_ref(), &stores.mirror, clock.now()).await?;
            if !unknown.is_empty() {
                intake.record(move |ledger| ledger.take_over(unknown)).await.map_err(unwritten)?;
            }
        }
        let (mirror, retrying) = (stores.mirror.clone(), tokio::spawn(retry(intake.clone())));
        let plugins = Pool::new(stores.plugins, clock.clone(), tokio::runtime::Handle::current());
        let worker = Worker::new(intake, stores.forge, stores.mirror, clock, author(), stores.signer, timing);
        let worker = worker.with_retention(stores.retention).with_public_url(stores.public_url);
        let worker = worker.with_plugins(Arc::new(plugins.clone()));
        let worker = Arc::new(if away { worker.yet_to_adopt() } else { worker });
        let desk = Desk::new(worker.clone());
        let readiness = readiness(desk.clone());
        let following = tokio::spawn(worker.clone().follow());
        let carrying = tokio::spawn(worker.run(readiness.start("worker")));
        let tidying = tokio::spawn(housekeeping::after_merges(desk.events(), mirror));
        readiness.rely_on("rollout", following.abort_handle());
        Ok(Self { desk, plugins, readiness, carrying, following, sinks, tidying, retrying })
    }

    /// Stops: what is being done to changes is ended, or cut at a moment. What is not done by then is in the journal, and
    /// the next start goes on from there.
    pub async fn stop(mut self, by: Instant) {
        self.desk.stop();
        let ended = async {
            drop((&mut self.carrying).await);
            // What somebody asked for goes on also when nobody waits for its answer any more.
            self.desk.rests().await;
        };
        if tokio::time::timeout_at(by, ended).await.is_err() {
            tracing::warn!(
                "what was being done to a change is cut by `timing.shutdown`; it goes on after the next start"
            );
        }
    }

    /// Tells how the parts are.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }
}

fn readiness(desk: Desk) -> Readiness {
    Readiness::new(move || {
        let troubles = desk.troubles();
        let fault = |name: &str| troubles.iter().find(|(part, _)| *part == name).map(|(_, why)| why.clone());
        let part = |name: &'static str| Part { name: name.into(), fault: fault(name) };
        let own = ["journal", "worker", "mirror", "forge", "main"].map(part);
        let plugins = desk.plugins().into_iter();
        let plugins = plugins.map(|it| Part { name: format!("plugin/{}", it.name).into(), fault: it.fault });
        own.into_iter().chain(plugins).collect()
    })
}

/// Sees now and then whether a journal that could not be written takes writes again: as long as the server is not ready,
/// nobody may come to write.
async fn retry(intake: Intake) {
    loop {
        tokio::time::sleep(RETRY).await;
        if intake.trouble().is_some() {
            drop(intake.record(|_| vec![]).await);
        }
    }
}

/// Looks at the forge for the first time. What answers in a moment is waited for: a process that was killed leaves a git
/// behind that still runs, and forges are away for seconds.
async fn first_look(forge: &dyn Forge) -> Result<Option<CommitId>, ForgeError> {
    for pause in FIRST_PAUSES {
        match forge.refresh_all().await {
            Err(error) if is_away(&error) => {
                tracing::warn!(%error, "the forge cannot be looked at yet; it is tried again");
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            seen => return seen,
        }
    }
    forge.refresh_all().await
}

/// Whether a forge that did not answer may do so later, and meanwhile be done without.
fn is_away(error: &ForgeError) -> bool {
    matches!(error, ForgeError::Unavailable(_) | ForgeError::Moved(_) | ForgeError::Later(_))
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.carrying.abort();
        self.following.abort();
        self.tidying.abort();
        self.retrying.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_data_folder_is_for_its_owner_alone_and_one_that_is_there_is_left_as_it_is() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let given = folder.path().join("given");
        std::fs::create_dir(&given).unwrap();
        std::fs::set_permissions(&given, std::fs::Permissions::from_mode(0o750)).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(crate::boot::SystemClock);
        for (data, expected) in [(folder.path().join("new/data"), 0o700), (given, 0o750)] {
            Stores::open(&Config { data: data.clone(), ..Config::default() }, &clock).map(drop).unwrap();
            assert_eq!(mode(&data), expected, "{}", data.display());
        }
    }
}
