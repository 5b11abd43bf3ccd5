//! The plan: file changes, text diff, access diff and the words of a pull request. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::finding::{Finding, Severity};
use crate::intent::Anchor;

mod diff;
mod exits;
mod given;
mod matrix;
mod model;
#[cfg(test)]
mod model_tests;
mod overlap;
mod path;
mod plan;
mod promises;
pub mod pull;
mod question;
mod resources;
mod shift;
mod stray;
mod subsets;
#[cfg(test)]
mod testing;
mod unprepared;
pub mod words;

pub use diff::unified;
pub use given::Given;
pub use matrix::{Admitted, Row};
pub use model::Model;
pub use overlap::overlaps;
pub use plan::{Input, across, lint_of, plan, too_many_deletions};
pub use question::{Answer, Question, VISIBLE};
use shift::services;
pub use shift::{Loosening, Side, loosened, shifts};
pub use stray::Stray;

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

/// How access to a service changes, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shift {
    /// Nothing is enforced any more, or everybody may call.
    Opened,
    /// Callers from outside the mesh may reach it now.
    Exposed,
    /// Only named callers may call from now on.
    Closed,
    /// Somebody may call no more.
    Lost,
    /// Callers from outside the mesh reach it no more.
    Hidden,
    /// Somebody may do less than before.
    Narrowed,
    /// Somebody may call now.
    Gained,
    /// Somebody may do more than before.
    Widened,
    /// Worth knowing; access is the same.
    Noted,
}

impl Shift {
    /// Every kind of change, worst first.
    pub const ALL: [Self; 9] = [
        Self::Opened,
        Self::Exposed,
        Self::Closed,
        Self::Lost,
        Self::Hidden,
        Self::Narrowed,
        Self::Gained,
        Self::Widened,
        Self::Noted,
    ];
}

/// A change of access in words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessChange {
    /// What kind of change it is.
    pub shift: Shift,
    /// `namespace/service` that is called; several, separated by commas, where Services share their pods.
    pub target: String,
    /// The clusters it happens on.
    pub clusters: Vec<String>,
    /// Who is concerned, such as `shop/frontend`, or `shop/*` for a namespace; empty: everybody.
    pub caller: String,
    /// One sentence for a reviewer, clusters included.
    pub words: String,
    /// The inbound intents about what is called, before or after.
    #[serde(skip)]
    pub intents: BTreeSet<Anchor>,
}

/// What a set of writes does to the config repository, for people.
///
/// It serialises with `blocked` beside its fields.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Digest of every path that changes, with its content before and after.
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
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Plan", 6)?;
        fields.serialize_field("digest", &self.digest)?;
        fields.serialize_field("blocked", &self.is_blocked())?;
        fields.serialize_field("access", &self.access)?;
        fields.serialize_field("resources", &self.resources)?;
        fields.serialize_field("files", &self.files)?;
        fields.serialize_field("findings", &self.findings)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests;
