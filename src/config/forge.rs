//! The forge that pull requests are opened on.

use std::path::PathBuf;

use serde::Deserialize;

/// Which forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    /// Pull requests live in the repository itself.
    #[default]
    Embedded,
    /// github.com or an Enterprise server.
    GitHub,
    /// Gitea or Forgejo.
    Gitea,
}

/// How a pull request becomes part of main.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeMethod {
    /// By a merge commit.
    #[default]
    Merge,
    /// By one commit.
    Squash,
    /// By the same commit on top of main.
    Rebase,
}

/// How commits come to the forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Commits {
    /// By a push.
    #[default]
    Pushed,
    /// Made by GitHub through its API, which signs them.
    Made,
}

/// A GitHub App.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct App {
    /// Its number.
    pub id: u64,
    /// The number of its installation; looked up when it is not given.
    pub installation: Option<u64>,
    /// A file with its private key, PEM; else the environment variable `MESHWRIGHT_APP_PRIVATE_KEY` holds it.
    pub private_key_file: Option<PathBuf>,
}

/// How many requests that create or change something are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Budget {
    /// Within any minute.
    pub minute: usize,
    /// Within any hour.
    pub hour: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { minute: 80, hour: 500 }
    }
}

/// The forge that pull requests are opened on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Forge {
    /// Which forge.
    pub kind: ForgeKind,
    /// Its API: `https://api.github.com` unless told otherwise, `https://HOST/api/v3` of an Enterprise server,
    /// `https://HOST/api/v1` of Gitea.
    pub api: Option<String>,
    /// The config repository there, `owner/name`.
    pub repository: Option<String>,
    /// The branch that changes are merged into.
    pub main: String,
    /// The app that Meshwright is.
    pub app: Option<App>,
    /// A file with the token of the user that Meshwright is; else the environment variable `MESHWRIGHT_FORGE_TOKEN`
    /// holds it.
    pub token_file: Option<PathBuf>,
    /// Files with the secrets that webhooks are signed with, two at most; without one the environment variable
    /// `MESHWRIGHT_WEBHOOK_SECRET` holds it. Without any no webhooks are taken.
    pub webhook_secret_files: Vec<PathBuf>,
    /// How pull requests are merged.
    pub merge_method: MergeMethod,
    /// How commits come there.
    pub commits: Commits,
    /// The labels that our pull requests bear.
    pub labels: Vec<String>,
    /// How many requests that create or change something are sent.
    pub budget: Budget,
}

impl Default for Forge {
    fn default() -> Self {
        Self {
            kind: ForgeKind::default(),
            api: None,
            repository: None,
            main: "main".into(),
            app: None,
            token_file: None,
            webhook_secret_files: vec![],
            merge_method: MergeMethod::default(),
            commits: Commits::default(),
            labels: vec!["meshwright".into()],
            budget: Budget::default(),
        }
    }
}
