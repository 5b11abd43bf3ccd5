//! Where apps run, remembered for the length of a share of the work.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::finding::Finding;
use crate::intent::scalar::DnsLabel;
use crate::intent::{Anchor, ClusterId, Name, Topology, Tree};

/// The clusters of an app; none is never said: then it is a finding.
pub(super) type Clusters = Arc<BTreeSet<ClusterId>>;

/// Where apps run.
pub(super) struct Places<'t> {
    tree: &'t Tree,
    topology: Topology<'t>,
    groups: HashMap<Anchor, Group<'t>>,
}

struct Group<'t> {
    terminated: bool,
    namespace: Result<&'t DnsLabel, Finding>,
    apps: HashMap<Name, Result<Clusters, Finding>>,
}

impl<'t> Places<'t> {
    /// Nothing is remembered yet.
    pub(super) fn new(tree: &'t Tree, topology: Topology<'t>) -> Self {
        Self { tree, topology, groups: HashMap::new() }
    }

    /// The clusters that `app` of `group` runs on, or what is missing.
    pub(super) fn clusters(&mut self, group: &Anchor, app: &Name) -> Result<Clusters, Finding> {
        let topology = self.topology;
        let known = self.group(group);
        if let Some(known) = known.apps.get(app) {
            return known.clone();
        }
        let found = topology.clusters(group, app).map(Arc::new);
        known.apps.insert(app.clone(), found.clone());
        found
    }

    /// The namespace of `group`, or what is missing.
    pub(super) fn namespace(&mut self, group: &Anchor) -> Result<&'t DnsLabel, Finding> {
        self.group(group).namespace.clone()
    }

    /// Whether the manifests of `group` were taken away.
    pub(super) fn terminated(&mut self, group: &Anchor) -> bool {
        self.group(group).terminated
    }

    fn group(&mut self, group: &Anchor) -> &mut Group<'t> {
        let (tree, topology) = (self.tree, self.topology);
        self.groups.entry(group.clone()).or_insert_with(|| Group {
            terminated: tree.get(group).is_some_and(|resource| resource.state.terminated),
            namespace: topology.namespace(group),
            apps: HashMap::new(),
        })
    }
}
