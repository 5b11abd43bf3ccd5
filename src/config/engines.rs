//! The GitOps engines that tell how far main has come on clusters.

use std::path::PathBuf;

use serde::Deserialize;

/// The GitOps engines whose webhooks are taken; none of them unless it is named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Engines {
    /// The notifications of Argo CD.
    pub argocd: Option<ArgoCd>,
    /// The notification-controller of Flux.
    pub flux: Option<Flux>,
}

/// The notifications of Argo CD.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArgoCd {
    /// A file with the bearer token that they are sent with.
    pub token_file: PathBuf,
}

/// The notification-controller of Flux.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flux {
    /// A file with the secret that its provider `generic-hmac` signs with.
    pub secret_file: PathBuf,
}

impl Engines {
    /// The files that it names.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.argocd.iter().map(|it| &it.token_file).chain(self.flux.iter().map(|it| &it.secret_file))
    }
}
