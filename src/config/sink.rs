//! Who is told of changes and of readiness.

use std::path::PathBuf;

use serde::Deserialize;

/// Somebody who is told of changes and of readiness, by CloudEvents over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sink {
    /// What it is called here, in metrics and in the log; what it has yet to take is remembered under this name.
    pub name: String,
    /// Where events are posted.
    pub url: String,
    /// A file with the secret that bodies are signed with; without it they are not.
    pub secret_file: Option<PathBuf>,
}
