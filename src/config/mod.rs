//! The server's configuration, one small struct per subsystem. Unknown fields are refused.

mod duration;
mod engines;
mod forge;
mod orchestrator;
mod plugins;
mod sink;

use std::path::PathBuf;

use serde::Deserialize;

pub use duration::Millis;
pub use engines::{ArgoCd, Engines, Flux};
pub use forge::{App, Budget, Commits, Forge, ForgeKind, MergeMethod};
pub use orchestrator::Orchestrator;
pub use plugins::{PluginAddress, RegisteredPlugins};
pub use sink::Sink;

/// All of it. Every field has a default: with no configuration at all the server runs on loopback with an embedded
/// store and an embedded forge.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Where the server listens; an address other than loopback needs `tokens`.
    pub listen: String,
    /// The URL that readers of pull requests reach the server by, for links; none where they do not.
    pub public_url: Option<String>,
    /// The folder of the journal and the embedded config repository.
    pub data: PathBuf,
    /// Who may call; empty: everybody on this machine.
    pub tokens: Vec<Token>,
    /// How long things take.
    pub timing: Timing,
    /// How long changes are remembered that ended.
    pub changes: Changes,
    /// Bounds of what callers may ask for.
    pub limits: Limits,
    /// Where the config repository lives.
    pub repository: Repository,
    /// The forge that pull requests are opened on.
    pub forge: Forge,
    /// The GitOps engines that tell how far main has come on clusters.
    pub engines: Engines,
    /// The orchestrator that is told that this server is there.
    pub orchestrator: Option<Orchestrator>,
    /// Where outside plugins are reached.
    pub plugins: Vec<PluginAddress>,
    /// A folder of files that say the same of one plugin each.
    pub plugin_directory: Option<PathBuf>,
    /// What TLS is made sure by with the plugins that are registered over REST.
    pub registered_plugins: Option<RegisteredPlugins>,
    /// Who is told of changes and of readiness.
    pub sinks: Vec<Sink>,
    /// What is written to the log.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8470".into(),
            public_url: None,
            data: "meshwright-data".into(),
            tokens: vec![],
            timing: Timing::default(),
            changes: Changes::default(),
            limits: Limits::default(),
            repository: Repository::default(),
            forge: Forge::default(),
            engines: Engines::default(),
            orchestrator: None,
            plugins: vec![],
            plugin_directory: None,
            registered_plugins: None,
            sinks: vec![],
            log: Log::default(),
        }
    }
}

/// A bearer token, by the hash of its text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Token {
    /// Who holds it; shown in changes.
    pub name: String,
    /// SHA-256 of the token, as 64 hexadecimal digits.
    pub sha256: String,
    /// The forge logins of its holder, such as `github:alice`.
    #[serde(default)]
    pub logins: Vec<String>,
    /// Rights (`propose`, `approve`, `operate`) by project; `*` for all projects.
    #[serde(default)]
    pub rights: std::collections::BTreeMap<String, Vec<String>>,
    /// Whom its holder may speak for by `Meshwright-Actor`: `true` for anybody, or a list of actors.
    #[serde(default)]
    pub may_act_for: MayActFor,
}

/// Whom the holder of a token may speak for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum MayActFor {
    /// Anybody, or nobody.
    Anybody(bool),
    /// These actors.
    These(Vec<String>),
}

impl Default for MayActFor {
    fn default() -> Self {
        Self::Anybody(false)
    }
}

/// How long things take.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Timing {
    /// Writes within this time go together.
    pub settle: Millis,
    /// A change made of single writes is ready for review when nothing more came for this long.
    pub ready_after: Millis,
    /// How often main and the forge are looked at without being told; default 5 s, and 60 s of a hosted forge.
    pub poll: Option<Millis>,
    /// How long what was begun may go on when the server is told to stop.
    pub shutdown: Millis,
}

impl Default for Timing {
    fn default() -> Self {
        Self { settle: Millis(2000), ready_after: Millis(30_000), poll: None, shutdown: Millis(10_000) }
    }
}

/// How long changes are remembered that ended; what was merged stays in Git.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Changes {
    /// For so long after they ended.
    pub keep: Millis,
    /// At most so many of them, the newest.
    pub most: usize,
}

impl Default for Changes {
    fn default() -> Self {
        Self { keep: Millis(30 * 24 * 3_600_000), most: 5000 }
    }
}

/// Bounds of what callers may ask for.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Requests per second and caller in the long run; 0 for no limit. Default: 100 with tokens, no limit without.
    pub rate: Option<f64>,
    /// Requests that a caller may send at once; default 1000.
    pub burst: Option<f64>,
}

/// Where the config repository lives.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Repository {
    /// The address of a plain Git server that branches and main are pushed to; default: `config.git` in the data folder.
    pub remote: Option<String>,
    /// A file with the password or token for `remote`; never in this file.
    pub credential_file: Option<PathBuf>,
    /// The user that goes with it; without one the credential is sent as a bearer token.
    pub user: Option<String>,
    /// A private SSH key to sign commits with.
    pub signing_key: Option<PathBuf>,
}

/// What is written to the log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Log {
    /// Levels by module, such as `info` or `meshwright::change=debug`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), json: false }
    }
}

impl Config {
    /// How often main and the forge are looked at without being told.
    #[must_use]
    pub fn poll(&self) -> Millis {
        let default = if self.forge.kind == ForgeKind::Embedded { Millis(5000) } else { Millis(60_000) };
        self.timing.poll.unwrap_or(default)
    }

    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        crate::yaml::fields(text).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_gives_the_safe_defaults() {
        let config = Config::read("# nothing\n").unwrap();
        assert_eq!(config, Config::default());
        assert!(config.listen.starts_with("127.0.0.1:") && config.tokens.is_empty());
    }

    #[test]
    fn fields_are_read_and_unknown_ones_refused() {
        let text = "listen: 0.0.0.0:80\ntiming: {settle: 500ms, readyAfter: 1m}\nchanges: {keep: 48h}\ntokens:\n- name: ci\n  sha256: ab\n  rights: {'*': [propose]}\n  mayActFor: true\n";
        let config = Config::read(text).unwrap();
        assert_eq!((config.timing.settle, config.timing.ready_after), (Millis(500), Millis(60_000)));
        assert_eq!(config.changes, Changes { keep: Millis(172_800_000), most: 5000 });
        assert_eq!(config.tokens[0].may_act_for, MayActFor::Anybody(true));
        let error = Config::read("listne: x\n").unwrap_err();
        assert!(error.contains("listne"), "{error}");
    }
}
