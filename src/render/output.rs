//! What rendering gives.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::Finding;
use crate::intent::{Anchor, ClusterId};
use crate::istio;

use super::digest::Digest;
use super::question::{Outdated, Question};
use crate::intent::plugins::BUILT_IN;

/// A generated file.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Its path in the config repository.
    pub path: String,
    /// Its bytes.
    pub text: String,
    /// The resource that it holds; boxed, since manifests are moved often.
    pub resource: Box<istio::Resource>,
    /// The intents that it comes from, sorted; none for the file that keeps a directory.
    pub intents: Vec<Anchor>,
    /// The plugin that it is of; empty for the file that keeps a directory.
    pub plugin: Cow<'static, str>,
}

impl Manifest {
    /// Whether a plugin outside this program wrote it.
    #[must_use]
    pub fn is_of_outside_plugin(&self) -> bool {
        !self.plugin.is_empty() && !BUILT_IN.contains(&&*self.plugin)
    }
}

/// How a workload decides who may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetAccess {
    /// Every workload of the mesh may call.
    Open,
    /// The clients that are named may call.
    Closed,
    /// Policies are written, but only watched.
    Observed,
    /// Its manifests were taken away; if it was closed, nobody may call.
    Terminated,
    /// No mesh or no sidecar: nothing decides.
    NotEnforced,
}

/// One workload on one cluster as far as access is concerned; used to say who gains or loses access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The cluster.
    pub cluster: ClusterId,
    /// The namespace.
    pub namespace: String,
    /// The namespace of its cluster whose policies hold for the whole mesh.
    pub root_namespace: String,
    /// The identity, without `spiffe://`, of the ingress gateway of its cluster, which calls for those outside the mesh.
    pub ingress: String,
    /// The label of its pods, `key=value`.
    pub label: String,
    /// The Services in front of its pods, sorted.
    pub services: Vec<String>,
    /// How it decides.
    pub access: TargetAccess,
    /// Whether waypoints decide, before its Services.
    pub by_waypoint: bool,
    /// Whether none of its servers has requests that are read, as sidecars and waypoints read HTTP and ztunnel does not.
    pub opaque: bool,
    /// The inbound intents about it, sorted.
    pub intents: Vec<Anchor>,
}

/// A host behind the egress gateway of one cluster. Its policy closes the gateway to whom no policy names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exit {
    /// The cluster.
    pub cluster: ClusterId,
    /// The gateway's namespace.
    pub namespace: String,
    /// The namespace of its cluster whose policies hold for the whole mesh.
    pub root_namespace: String,
    /// The labels of the gateway's pods.
    pub selector: BTreeMap<String, String>,
    /// The host.
    pub host: String,
    /// The hosts that may be lost there, as outbound servers acknowledge.
    pub acknowledged: Arc<BTreeSet<String>>,
    /// The outbound servers about it, sorted.
    pub intents: Vec<Anchor>,
}

/// What rendering gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rendered {
    /// The files by path.
    pub manifests: BTreeMap<String, Manifest>,
    /// The workloads, sorted.
    pub targets: Vec<Target>,
    /// The hosts behind egress gateways, sorted.
    pub exits: Vec<Exit>,
    /// The inbound intents that run nowhere, as far as is known.
    pub unplaced: BTreeSet<Anchor>,
    /// What there is to say, sorted; errors block.
    pub findings: Vec<Finding>,
    /// The digest of each unit that outside plugins render, by plugin and unit.
    pub units: BTreeMap<(Arc<str>, String), Digest>,
    /// The files of outside plugins on main that are not what they should be.
    pub outdated: Vec<Outdated>,
    /// What outside plugins have to answer before this is complete.
    pub unanswered: Vec<Question>,
    /// How many files of each outside plugin are as main has them, whatever the plugin would answer now.
    pub kept: BTreeMap<Arc<str>, usize>,
}

/// What one pattern, or one share of the work, gives.
#[derive(Default)]
pub(super) struct Output {
    pub(super) manifests: Vec<Manifest>,
    pub(super) targets: Vec<Target>,
    pub(super) exits: Vec<Exit>,
    pub(super) unplaced: BTreeSet<Anchor>,
    pub(super) findings: Vec<Finding>,
    pub(super) units: Vec<((Arc<str>, String), Digest)>,
    pub(super) outdated: Vec<Outdated>,
    pub(super) unanswered: Vec<Question>,
    pub(super) kept: BTreeMap<Arc<str>, usize>,
}

impl Output {
    /// Takes in what another share gave.
    pub(super) fn extend(&mut self, other: Self) {
        self.manifests.extend(other.manifests);
        self.targets.extend(other.targets);
        self.exits.extend(other.exits);
        self.unplaced.extend(other.unplaced);
        self.findings.extend(other.findings);
        self.units.extend(other.units);
        self.outdated.extend(other.outdated);
        self.unanswered.extend(other.unanswered);
        add_counts(&mut self.kept, other.kept);
    }
}

/// Adds to the counts of each name.
pub(super) fn add_counts(all: &mut BTreeMap<Arc<str>, usize>, more: BTreeMap<Arc<str>, usize>) {
    for (name, count) in more {
        *all.entry(name).or_default() += count;
    }
}
