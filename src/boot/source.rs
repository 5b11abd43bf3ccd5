//! Where the configuration of a server comes from.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::BootError;
use super::{files, plugins};
use crate::config::Config;

/// The longest configuration file, and the most of a file with a secret that is looked at, in bytes.
const LONGEST: u64 = 1 << 20;

/// What is put over the text of a configuration file, such as the options of a command line; it may refuse it.
type Over = Box<dyn Fn(Config) -> Result<Config, BootError> + Send + Sync>;

/// A configuration file, where there is one, and what is put over it.
pub struct Source {
    path: Option<PathBuf>,
    over: Over,
}

/// What files held when they were looked at, so that it is told when they hold something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

/// A configuration as its files were.
pub struct Read {
    /// What they say.
    pub config: Config,
    /// Them.
    pub(super) print: Fingerprint,
}

impl Source {
    /// The configuration of a file, or the one that holds without any, with something put over it.
    pub fn new(
        path: Option<PathBuf>,
        over: impl Fn(Config) -> Result<Config, BootError> + Send + Sync + 'static,
    ) -> Self {
        Self { path, over: Box::new(over) }
    }

    /// The file.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self) -> Result<Read, BootError> {
        let text = self.text();
        let config = self.understand(&text)?;
        let print = fingerprint(&text, &beside(&config));
        Ok(Read { config, print })
    }

    /// The text of the file, or why it cannot be read; no file is an empty one.
    pub(super) fn text(&self) -> Result<String, String> {
        let Some(path) = &self.path else { return Ok(String::new()) };
        let bytes = bytes(path).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes; no configuration needs as many"));
        }
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }

    /// What such a text says.
    pub(super) fn understand(&self, text: &Result<String, String>) -> Result<Config, BootError> {
        let file = |message: String| BootError::File { path: self.path.clone().unwrap_or_default(), message };
        let text = text.as_ref().map_err(|why| file(why.clone()))?;
        (self.over)(Config::read(text).map_err(file)?)
    }
}

/// The files that a configuration names and that are taken over while the server runs, as they are now.
pub(super) fn beside(config: &Config) -> Vec<PathBuf> {
    let secrets = config.sinks.iter().filter_map(|sink| sink.secret_file.as_ref());
    config
        .forge
        .webhook_secret_files
        .iter()
        .chain(config.engines.files())
        .chain(secrets)
        .cloned()
        .chain(plugins::files(config))
        .collect()
}

/// What that text and the files beside it hold, or why they cannot be read.
pub(super) fn fingerprint(text: &Result<String, String>, beside: &[PathBuf]) -> Fingerprint {
    let mut whole = Sha256::new();
    let mut add = |held: &[u8]| {
        whole.update(held.len().to_be_bytes());
        whole.update(held);
    };
    match text {
        Ok(text) => add(text.as_bytes()),
        Err(why) => add(why.as_bytes()),
    }
    for path in beside {
        add(path.as_os_str().as_encoded_bytes());
        match bytes(path) {
            Ok(held) => add(&held),
            Err(error) => add(error.to_string().as_bytes()),
        }
    }
    Fingerprint(whole.finalize().into())
}

/// The first bytes of a file, one more than are looked at if there are more.
fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![];
    files::regular(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
