//! `meshwright.yaml`: what the owners of the config repository decide.

use serde::Deserialize;
use serde_json::Value;

use super::fields::{Fields, Violation};
use super::plugins::{self, ListedPlugin};
use super::spec::Cluster;

/// The path of the settings in the config repository.
pub const SETTINGS_PATH: &str = "meshwright.yaml";

/// The rendering version that this binary writes.
pub const RENDERER: u32 = 1;

/// The engine that syncs the config repository into clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GitOps {
    /// Any engine; nothing special is written.
    #[default]
    None,
    /// Argo CD: resources carry sync waves.
    ArgoCd,
    /// Flux.
    Flux,
}

/// Bounds above which a human decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Caps {
    /// The most generated files that one change may remove.
    pub deletions: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { deletions: 100 }
    }
}

/// The settings, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The rendering version that is pinned.
    pub renderer: u32,
    /// How many approvals a change needs.
    pub approvals: u32,
    /// Whether the owners that CODEOWNERS names have to approve what they own.
    pub code_owners: bool,
    /// The engine that syncs.
    pub gitops: GitOps,
    /// Bounds above which a human decides.
    pub caps: Caps,
    /// What clusters are taken to be where they say nothing.
    pub cluster_defaults: Cluster,
    /// Who renders beside what is built in.
    pub plugins: Vec<ListedPlugin>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            renderer: RENDERER,
            approvals: 1,
            code_owners: true,
            gitops: GitOps::None,
            caps: Caps::default(),
            cluster_defaults: Cluster::default(),
            plugins: vec![],
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    renderer: Option<u32>,
    approvals: Option<u32>,
    code_owners: Option<bool>,
    gitops: Option<GitOps>,
    caps: Option<Caps>,
    cluster_defaults: Option<Value>,
    plugins: Option<Vec<plugins::Written>>,
}

impl Settings {
    /// Reads the text of `meshwright.yaml`.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        let written: Written = crate::yaml::fields(text).map_err(|error| error.to_string())?;
        let defaults = Self::default();
        let renderer = written.renderer.unwrap_or(RENDERER);
        if renderer != RENDERER {
            return Err(format!(
                "renderer: this binary knows version {RENDERER} only, {renderer} is pinned; use the binary that writes it"
            ));
        }
        let cluster_defaults = match written.cluster_defaults {
            None => Cluster::default(),
            Some(value) => Fields::read(&value, "/clusterDefaults", Cluster::read).map_err(describe)?,
        };
        if cluster_defaults.sealing_certificate.is_some() {
            return Err("clusterDefaults.sealingCertificate: every cluster has its own".into());
        }
        Ok(Self {
            renderer,
            approvals: written.approvals.unwrap_or(defaults.approvals),
            code_owners: written.code_owners.unwrap_or(defaults.code_owners),
            gitops: written.gitops.unwrap_or_default(),
            caps: written.caps.unwrap_or_default(),
            cluster_defaults,
            plugins: plugins::read(written.plugins.unwrap_or_default())?,
        })
    }
}

fn describe(violations: Vec<Violation>) -> String {
    violations.into_iter().map(|v| format!("{}: {}", v.pointer, v.message)).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_owners_are_honoured_unless_the_settings_say_otherwise() {
        let honoured = |text: &str| Settings::read(text).map(|settings| settings.code_owners);
        assert_eq!(["", "approvals: 2\n", "codeOwners: true\n"].map(honoured), [Ok(true), Ok(true), Ok(true)]);
        assert_eq!(honoured("codeOwners: false\n"), Ok(false));
        assert!(honoured("codeOwners: some\n").is_err());
    }
}
