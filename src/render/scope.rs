//! What of a tree has to be rendered: the services that a change concerns, found by index.

use std::collections::BTreeSet;

use crate::intent::scalar::{DnsLabel, Label, OutsideHost};
use crate::intent::spec::Cluster;
use crate::intent::{Anchor, Kind, Spec, Topology, Tree, outbound};

/// What of outbound intents is rendered as one, from all intents about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outward {
    /// A host for callers of a namespace.
    Host(DnsLabel, OutsideHost),
    /// A host behind egress gateways.
    Exit(OutsideHost),
    /// The way of a namespace to egress gateways.
    Leaver(DnsLabel),
    /// What the sidecars of pods know.
    Workload(DnsLabel, Label),
}

/// What of a tree has to be rendered.
///
/// It is closed: whatever shares a service, a workload or an outside name with something in it is in it too. Rendering
/// it before and after a change therefore gives every file that the change could touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    services: BTreeSet<(DnsLabel, DnsLabel)>,
    outward: BTreeSet<Outward>,
    homeless: BTreeSet<Anchor>,
}

impl Scope {
    /// What the resources at `changed` concern, be it before or after.
    #[must_use]
    pub fn concerned(before: &Tree, after: &Tree, changed: &[Anchor]) -> Self {
        let mut closure =
            Closure { trees: [before, after], scope: Self::default(), seen: BTreeSet::new(), open: vec![] };
        let groups: BTreeSet<Anchor> = changed.iter().flat_map(|anchor| closure.groups(anchor)).collect();
        for group in &groups {
            closure.add_group(group);
        }
        closure.open.extend(changed.iter().filter_map(|anchor| anchor.ancestor(Kind::Inbound)));
        closure.close();
        for anchor in changed {
            // A server that changes concerns its own host, a caller all of its hosts.
            closure.add_outbound(anchor);
        }
        closure.scope
    }

    /// All of a tree; what a change of the settings concerns.
    #[must_use]
    pub fn everything(tree: &Tree) -> Self {
        let services = tree.services().map(|(namespace, service)| (namespace.clone(), service.clone())).collect();
        let servers = |anchor: &&Anchor| matches!(anchor.kind(), Kind::Inbound | Kind::OutboundServer);
        let servers = tree.iter().map(|resource| resource.anchor()).filter(servers);
        let homeless = servers.filter(|anchor| tree.namespace(anchor).is_none()).cloned().collect();
        let mut outward = BTreeSet::new();
        for (namespace, host) in tree.outside().hosts() {
            outward.extend(at_host(tree, namespace, host));
        }
        let workloads = tree.outside().workloads().into_iter();
        outward.extend(workloads.map(|(namespace, label)| Outward::Workload(namespace.clone(), label.clone())));
        Self { services, outward, homeless }
    }

    /// The same in parts, each of whole namespaces with at least `size` services, the last one apart.
    ///
    /// A file depends on nothing outside its part: hosts and workloads do not reach beyond a namespace. Two parts may
    /// have files of the same path, which are equal then: those that keep a directory.
    #[must_use]
    pub fn parts(&self, size: usize) -> Vec<Self> {
        let mut parts = vec![Self { homeless: self.homeless.clone(), ..Self::default() }];
        let outward: Vec<Outward> = self.outward.iter().cloned().collect();
        for some in outward.chunks(size.max(1)) {
            parts.push(Self { outward: some.iter().cloned().collect(), ..Self::default() });
        }
        // Services follow in parts of their own.
        if !outward.is_empty() {
            parts.push(Self::default());
        }
        let mut last = None;
        for key in &self.services {
            let full = parts.last().is_none_or(|part| part.services.len() >= size);
            if full && last != Some(&key.0) {
                parts.push(Self::default());
            }
            last = Some(&key.0);
            if let Some(part) = parts.last_mut() {
                part.services.insert(key.clone());
            }
        }
        parts
    }

    /// The services, as namespace and service.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &(DnsLabel, DnsLabel)> {
        self.services.iter()
    }

    /// What of outbound intents is in it.
    pub(super) fn outward(&self) -> impl Iterator<Item = &Outward> {
        self.outward.iter()
    }

    /// The inbound intents and outbound servers whose namespace is not known, in one tree or the other.
    pub fn homeless(&self) -> impl ExactSizeIterator<Item = &Anchor> {
        self.homeless.iter()
    }

    /// Whether there is nothing to render.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && self.outward.is_empty() && self.homeless.is_empty()
    }
}

/// A scope that is being closed over what shares something with it.
struct Closure<'t> {
    trees: [&'t Tree; 2],
    scope: Scope,
    seen: BTreeSet<Anchor>,
    /// Inbound intents that are still to be looked at.
    open: Vec<Anchor>,
}

impl Closure<'_> {
    /// The deployment intent groups whose servers and guests a change of `anchor` concerns.
    fn groups(&self, anchor: &Anchor) -> Vec<Anchor> {
        let below = |parent: Option<Anchor>| -> Vec<Anchor> {
            let groups = |tree: &Tree| -> Vec<Anchor> {
                parent.iter().flat_map(|parent| anchors(tree.below(parent, Kind::DeploymentIntentGroup))).collect()
            };
            self.trees.iter().flat_map(|tree| groups(tree)).collect()
        };
        match anchor.kind() {
            Kind::DeploymentIntentGroup | Kind::GenericPlacementIntent | Kind::AppPlacement => {
                anchor.ancestor(Kind::DeploymentIntentGroup).into_iter().collect()
            }
            Kind::App => below(anchor.parent()),
            Kind::LogicalCloud => below(anchor.parent()),
            Kind::ClusterProvider | Kind::Cluster | Kind::ClusterLabel | Kind::KvPairs => {
                let provider = anchor.ancestor(Kind::ClusterProvider);
                provider.map(|provider| self.placed_at(provider.name())).unwrap_or_default()
            }
            _ => vec![],
        }
    }

    /// The groups with a placement that names `provider`.
    fn placed_at(&self, provider: &str) -> Vec<Anchor> {
        let defaults = Cluster::default();
        let groups = |tree: &Tree| {
            let topology = Topology::new(tree, &defaults);
            let groups = tree.collection(None, Kind::DeploymentIntentGroup).map(|resource| resource.anchor());
            groups.filter(|group| topology.concerns(group, provider)).cloned().collect::<Vec<_>>()
        };
        self.trees.iter().flat_map(|tree| groups(tree)).collect()
    }

    /// The servers of a group, and those elsewhere with a client in it.
    fn add_group(&mut self, group: &Anchor) {
        for tree in self.trees {
            self.open.extend(anchors(tree.below(group, Kind::Inbound)));
            self.open.extend(tree.guests_of(group).cloned());
        }
        let intents: BTreeSet<Anchor> =
            self.trees.iter().flat_map(|tree| anchors(tree.below(group, Kind::Outbound))).collect();
        for intent in &intents {
            self.add_outbound(intent);
        }
    }

    /// What the outbound servers at and below `anchor` and their callers concern.
    fn add_outbound(&mut self, anchor: &Anchor) {
        let Some(intent) = anchor.ancestor(Kind::Outbound) else { return };
        for tree in self.trees {
            if let (Some(caller), Some(namespace)) = (outbound::caller(tree, &intent), tree.namespace(&intent)) {
                self.scope.outward.insert(Outward::Workload(namespace.clone(), caller.label.clone()));
            }
            for server in tree.below(anchor, Kind::OutboundServer) {
                let Spec::OutboundServer(said) = server.spec() else { continue };
                match tree.namespace(anchor) {
                    Some(namespace) => self.scope.outward.extend(at_host(tree, namespace, &said.host)),
                    None => drop(self.scope.homeless.insert(server.anchor().clone())),
                }
            }
        }
    }

    /// The workloads that call a server and whose sidecars may know no more than they call.
    fn add_callers(&mut self, tree: &Tree, server: &Anchor) {
        if tree.outside().is_empty() {
            return;
        }
        for client in tree.below(server, Kind::Client) {
            let Spec::Client(said) = client.spec() else { continue };
            let Some(namespace) = outbound::namespace_of_client(tree, client) else { continue };
            if tree.outside().of_workload(namespace, &said.label).next().is_some() {
                self.scope.outward.insert(Outward::Workload(namespace.clone(), said.label.clone()));
            }
        }
    }

    /// Adds what is still to be looked at, and whatever shares something with it, until nothing is left.
    fn close(&mut self) {
        while let Some(anchor) = self.open.pop() {
            if self.seen.insert(anchor.clone()) {
                for tree in self.trees {
                    self.add(tree, &anchor);
                }
            }
        }
    }

    fn add(&mut self, tree: &Tree, anchor: &Anchor) {
        let Some(inbound) = tree.inbound(anchor) else { return };
        self.add_callers(tree, anchor);
        for name in inbound.outside_names().iter().filter(|_| inbound.exposed) {
            self.open.extend(tree.of_outside_name(name).cloned());
        }
        let Some(namespace) = tree.namespace(anchor) else {
            self.scope.homeless.insert(anchor.clone());
            return;
        };
        self.open.extend(tree.of_workload(namespace, &inbound.label).cloned());
        if self.scope.services.insert((namespace.clone(), inbound.service.clone())) {
            for tree in self.trees {
                self.open.extend(tree.of_service(namespace, &inbound.service).cloned());
            }
        }
    }
}

/// What a host that callers in `namespace` name is part of.
fn at_host(tree: &Tree, namespace: &DnsLabel, host: &OutsideHost) -> Vec<Outward> {
    let mut found = vec![Outward::Host(namespace.clone(), host.clone())];
    if tree.outside().of_exit(host).next().is_some() {
        found.extend([Outward::Exit(host.clone()), Outward::Leaver(namespace.clone())]);
    }
    found
}

fn anchors<'t>(resources: impl Iterator<Item = &'t std::sync::Arc<crate::intent::Resource>>) -> Vec<Anchor> {
    resources.map(|resource| resource.anchor().clone()).collect()
}
