//! What patterns know beside the servers: the tree, the clusters and how files are finished.

use std::collections::BTreeMap;

use crate::intent::settings::GitOps;
use crate::intent::{ClusterFacts, ClusterId, Tree};

/// What patterns know beside the servers.
pub(super) struct Context<'t> {
    /// The intents.
    pub(super) tree: &'t Tree,
    /// The engine that syncs the files.
    pub(super) gitops: GitOps,
    /// The facts of every cluster that a server or a client runs on.
    pub(super) clusters: BTreeMap<ClusterId, ClusterFacts>,
}

impl Context<'_> {
    /// The trust domain of a cluster.
    pub(super) fn trust_domain(&self, cluster: &ClusterId) -> &str {
        self.clusters.get(cluster).map_or("", |facts| &facts.trust_domain)
    }
}
