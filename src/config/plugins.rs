//! Where outside plugins are reached; which of them render stands in the config repository.

use std::path::PathBuf;

use serde::Deserialize;

use super::Millis;

/// Where one outside plugin is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginAddress {
    /// What `meshwright.yaml` calls it.
    pub name: String,
    /// `https://host:port`, `http://` of this machine, or `unix:/path`.
    pub address: String,
    /// A file with the authorities that its certificate is signed by.
    pub ca_file: Option<PathBuf>,
    /// A file with the certificate that this server shows.
    pub certificate_file: Option<PathBuf>,
    /// A file with the private key of that.
    pub key_file: Option<PathBuf>,
    /// How long it may take to answer once; default 10 s.
    pub deadline: Option<Millis>,
}

/// What TLS is made sure by with the plugins that are registered over REST.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisteredPlugins {
    /// A file with the authorities that their certificates are signed by.
    pub ca_file: PathBuf,
    /// A file with the certificate that this server shows.
    pub certificate_file: Option<PathBuf>,
    /// A file with the private key of that.
    pub key_file: Option<PathBuf>,
}

impl PluginAddress {
    /// Reads a file that says where one plugin is reached.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub fn read(text: &str) -> Result<Self, String> {
        crate::yaml::fields(text).map_err(|error| error.to_string())
    }
}
