//! The plan: file changes, text diff, access diff and the words of a pull request. Pure.

mod diff;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::finding::Finding;

pub use diff::unified;

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    /// It is new.
    Added,
    /// Its content changes.
    Changed,
    /// It goes away.
    Removed,
}

/// One file that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path in the config repository.
    pub path: String,
    /// What happens to it.
    pub happening: Happening,
    /// Its text before; empty when it is new.
    #[serde(skip)]
    pub old: String,
    /// Its text after; empty when it goes away.
    #[serde(skip)]
    pub new: String,
}

/// What happens to a resource of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceChange {
    /// `provider/cluster`.
    pub cluster: String,
    /// The Kubernetes kind.
    pub kind: String,
    /// `namespace/name`.
    pub name: String,
    /// What happens to it.
    pub happening: Happening,
    /// The path of its file.
    pub path: String,
}

/// How access to a service changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shift {
    /// Somebody may call no more.
    Lost,
    /// Somebody may call now.
    Gained,
    /// Nothing is enforced any more, or everybody may call.
    Opened,
    /// Only named callers may call from now on.
    Closed,
    /// Worth knowing; access is the same.
    Noted,
}

/// A change of access in words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessChange {
    /// What kind of change it is.
    pub shift: Shift,
    /// `namespace/service` that is called.
    pub target: String,
    /// The clusters it happens on.
    pub clusters: Vec<String>,
    /// Who is concerned, such as `shop/frontend`; empty: everybody.
    pub caller: String,
    /// One sentence for a reviewer.
    pub words: String,
}

/// What a set of writes does to the config repository, for people.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Digest of all changed paths and their new content.
    pub digest: String,
    /// What happens to whom, worst first.
    pub access: Vec<AccessChange>,
    /// Resources by cluster.
    pub resources: Vec<ResourceChange>,
    /// Every file that changes.
    pub files: Vec<FileChange>,
    /// Warnings and blocks, worst first.
    pub findings: Vec<Finding>,
}

impl Plan {
    /// How many resources are added, changed and removed, by cluster.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&str, [usize; 3]> {
        let mut counts = BTreeMap::new();
        for resource in &self.resources {
            counts.entry(resource.cluster.as_str()).or_insert([0; 3])[resource.happening as usize] += 1;
        }
        counts
    }

    /// Whether a finding blocks it.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == crate::finding::Severity::Error)
    }
}
