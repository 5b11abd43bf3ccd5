//! The orchestrator that this server registers with.

use std::path::PathBuf;

use serde::Deserialize;

/// The orchestrator that this server registers with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Orchestrator {
    /// The address of its API, without `/v2`.
    pub url: String,
    /// What this server is called there; two servers of one name take each other's place.
    #[serde(default = "dtc")]
    pub name: String,
    /// The host that it reaches this server by.
    pub host: String,
    /// The port; that of `listen` where it is not said.
    pub port: Option<u16>,
    /// The order of this server among controllers, lower first.
    #[serde(default = "first")]
    pub priority: i64,
    /// A file with the bearer token to sign in with; without it none is sent.
    pub token_file: Option<PathBuf>,
}

fn dtc() -> String {
    "dtc".to_owned()
}

fn first() -> i64 {
    1
}
