//! The tree of intents: an immutable snapshot that costs little to derive from another.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use rayon::prelude::*;

use super::anchor::Anchor;
use super::kind::Kind;
use super::name::Name;
use super::outside::{Kept, Outside};
use super::resource::Resource;
use super::scalar::{DnsLabel, HostName, Label, Port};
use super::spec::{Access, AppPlacement, Client, DeploymentIntentGroup, Inbound, Spec};

/// All resources, with the indexes that rendering and conflicts need. Cloning is cheap and shares everything.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    resources: OrdMap<Anchor, Arc<Resource>>,
    services: OrdSet<(DnsLabel, DnsLabel, Anchor)>,
    workloads: OrdSet<(DnsLabel, Label, Anchor)>,
    outside_names: OrdSet<(HostName, Anchor)>,
    outside_ports: OrdSet<(Port, Anchor)>,
    guests: OrdSet<(Anchor, Anchor)>,
    placements: OrdSet<(Anchor, Name, Anchor)>,
    /// Callers and servers of outbound intents.
    outside: Outside,
    /// Resources whose own names have upper-case letters, by what they are without.
    folded: OrdMap<String, OrdSet<Anchor>>,
}

impl Tree {
    /// The resource at `anchor`.
    #[must_use]
    pub fn get(&self, anchor: &Anchor) -> Option<&Arc<Resource>> {
        self.resources.get(anchor)
    }

    /// How many resources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// All resources, in the order of their anchors.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Resource>> {
        self.resources.values()
    }

    /// The resource at `anchor` and all that live below it, in the order of their anchors.
    pub fn within<'a>(&'a self, anchor: &Anchor) -> impl Iterator<Item = &'a Arc<Resource>> + use<'a> {
        let root = anchor.clone();
        self.resources.range(root.clone()..).map(|(_, r)| r).take_while(move |r| r.anchor().is_within(&root))
    }

    /// The resources of `kind` below `parent`, at whatever depth.
    pub fn below<'a>(&'a self, parent: &Anchor, kind: Kind) -> impl Iterator<Item = &'a Arc<Resource>> + use<'a> {
        self.within(parent).filter(move |resource| resource.anchor().kind() == kind)
    }

    /// The resources of one collection.
    pub fn collection<'a>(
        &'a self,
        parent: Option<&Anchor>,
        kind: Kind,
    ) -> Box<dyn Iterator<Item = &'a Arc<Resource>> + 'a> {
        match parent {
            Some(parent) => Box::new(self.below(parent, kind)),
            None => Box::new(self.iter().filter(move |resource| resource.anchor().kind() == kind)),
        }
    }

    /// Another resource of the same collection whose name differs from that of `anchor` by case only.
    #[must_use]
    pub fn differs_by_case(&self, anchor: &Anchor) -> Option<Anchor> {
        let folded = anchor.folded();
        let capital = || self.folded.get(&folded)?.iter().find(|other| *other != anchor).cloned();
        let small = || Anchor::parse(&folded).ok().filter(|other| other != anchor && self.get(other).is_some());
        capital().or_else(small)
    }

    /// Whether anything lives below `anchor`.
    #[must_use]
    pub fn has_children(&self, anchor: &Anchor) -> bool {
        self.within(anchor).nth(1).is_some()
    }

    /// Every inbound intent about `service` in `namespace`.
    pub fn of_service<'a>(
        &'a self,
        namespace: &DnsLabel,
        service: &DnsLabel,
    ) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let (namespace, service) = (namespace.clone(), service.clone());
        let start = (namespace.clone(), service.clone(), first());
        self.services.range(start..).take_while(move |k| k.0 == namespace && k.1 == service).map(|k| &k.2)
    }

    /// Every inbound intent whose pods are those of `label` in `namespace`.
    pub fn of_workload<'a>(
        &'a self,
        namespace: &DnsLabel,
        label: &Label,
    ) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let (namespace, label) = (namespace.clone(), label.clone());
        let start = (namespace.clone(), label.clone(), first());
        self.workloads.range(start..).take_while(move |k| k.0 == namespace && k.1 == label).map(|k| &k.2)
    }

    /// Every inbound intent that outside callers reach by `name`.
    pub fn of_outside_name<'a>(&'a self, name: &HostName) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let name = name.clone();
        let start = (name.clone(), first());
        self.outside_names.range(start..).take_while(move |k| k.0 == name).map(|k| &k.1)
    }

    /// Every inbound intent that asks for `port` of the gateway.
    pub fn of_outside_port<'a>(&'a self, port: Port) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        self.outside_ports.range((port, first())..).take_while(move |k| k.0 == port).map(|k| &k.1)
    }

    /// Every inbound intent of another group with a client whose app is found in `group`.
    pub fn guests_of<'a>(&'a self, group: &Anchor) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let group = group.clone();
        self.guests.range((group.clone(), first())..).take_while(move |k| k.0 == group).map(|k| &k.1)
    }

    /// Callers and servers of outbound intents, by what they share.
    #[must_use]
    pub fn outside(&self) -> &Outside {
        &self.outside
    }

    /// Every placement of `app` in `group`.
    pub fn placements<'a>(&'a self, group: &Anchor, app: &Name) -> impl Iterator<Item = &'a AppPlacement> + use<'a> {
        let (group, app) = (group.clone(), app.clone());
        let start = (group.clone(), app.clone(), first());
        let anchors = self.placements.range(start..).take_while(move |k| k.0 == group && k.1 == app).map(|k| &k.2);
        anchors.filter_map(|anchor| match self.get(anchor)?.spec() {
            Spec::AppPlacement(placement) => Some(placement),
            _ => None,
        })
    }

    /// Every placement of every app, with its group.
    pub fn all_placements(&self) -> impl Iterator<Item = (&Anchor, &AppPlacement)> {
        self.placements.iter().filter_map(|(group, _, anchor)| match self.get(anchor)?.spec() {
            Spec::AppPlacement(placement) => Some((group, placement)),
            _ => None,
        })
    }

    /// Every service as (namespace, service), once each.
    pub fn services(&self) -> impl Iterator<Item = (&DnsLabel, &DnsLabel)> {
        let mut last: Option<(&DnsLabel, &DnsLabel)> = None;
        self.services.iter().filter_map(move |(namespace, service, _)| {
            let key = (namespace, service);
            (last.replace(key) != Some(key)).then_some(key)
        })
    }

    /// The inbound intent at `anchor`, if it is one.
    #[must_use]
    pub fn inbound(&self, anchor: &Anchor) -> Option<&Inbound> {
        match self.get(anchor)?.spec() {
            Spec::Inbound(inbound) => Some(inbound),
            _ => None,
        }
    }

    /// The namespace that apps of the group which holds `anchor` run in; none while its logical cloud is missing.
    #[must_use]
    pub fn namespace(&self, anchor: &Anchor) -> Option<&DnsLabel> {
        let group = anchor.ancestor(Kind::DeploymentIntentGroup)?;
        let Spec::DeploymentIntentGroup(DeploymentIntentGroup { logical_cloud: Some(cloud) }) =
            self.get(&group)?.spec()
        else {
            return None;
        };
        let cloud = Anchor::below(Some(&anchor.ancestor(Kind::Project)?), Kind::LogicalCloud, cloud, None);
        match self.get(&cloud)?.spec() {
            Spec::LogicalCloud(cloud) => Some(&cloud.namespace),
            _ => None,
        }
    }

    /// Creates or replaces a resource. Its state stays what it was; the first client of a server closes it.
    pub fn put(&mut self, resource: Resource) {
        let before = self.get(resource.anchor()).cloned();
        let mut resource = resource.with_state_of(before.as_deref());
        match resource.spec() {
            Spec::Inbound(inbound) if inbound.access == Some(Access::Open) => resource.state.closed = false,
            Spec::Inbound(inbound) if inbound.access == Some(Access::Closed) => resource.state.closed = true,
            // Clients that were named while it was open close it as soon as it no longer says so.
            Spec::Inbound(_) => resource.state.closed |= self.below(resource.anchor(), Kind::Client).next().is_some(),
            _ => {}
        }
        self.insert(resource);
    }

    /// Creates or replaces a resource as a file of the config repository says it, state included.
    pub fn insert(&mut self, resource: Resource) {
        let anchor = resource.anchor().clone();
        let moved = self.reindexed_by(&anchor);
        for inbound in &moved {
            self.unindex(inbound);
        }
        let is_client = matches!(resource.spec(), Spec::Client(_));
        self.displace(&anchor);
        // The server's other clients are where they were: there may be thousands of them.
        self.guests.extend(host_of(&resource).zip(anchor.parent()));
        self.outside.add_client(&resource);
        self.placements.extend(placement_of(&resource));
        self.fold(&anchor);
        self.resources.insert(anchor.clone(), Arc::new(resource));
        for inbound in &moved {
            self.index(inbound);
        }
        if is_client && let Some(server) = anchor.parent() {
            self.close(&server);
        }
    }

    /// Removes a resource; what lives below it must be gone already or be removed too.
    pub fn remove(&mut self, anchor: &Anchor) {
        let mut moved = self.reindexed_by(anchor);
        if self.get(anchor).is_some_and(|resource| host_of(resource).is_some()) {
            moved.extend(anchor.parent());
        }
        for inbound in &moved {
            self.unindex(inbound);
        }
        self.displace(anchor);
        self.unfold(anchor);
        self.resources.remove(anchor);
        for inbound in &moved {
            self.index(inbound);
        }
    }

    /// Sets whether the manifests of a deployment intent group are taken away.
    pub fn set_terminated(&mut self, group: &Anchor, terminated: bool) {
        if let Some(resource) = self.get(group) {
            let mut resource = Resource::clone(resource);
            resource.state.terminated = terminated;
            self.resources.insert(group.clone(), Arc::new(resource));
        }
    }

    /// Takes the placement or client at `anchor` out of its index, if there is one.
    fn displace(&mut self, anchor: &Anchor) {
        let Some(resource) = self.get(anchor).cloned() else { return };
        if let Some(key) = placement_of(&resource) {
            self.placements.remove(&key);
        }
        self.outside.remove_client(&resource);
    }

    fn fold(&mut self, anchor: &Anchor) {
        let folded = anchor.folded();
        if folded != anchor.as_str() {
            self.folded.entry(folded).or_default().insert(anchor.clone());
        }
    }

    fn unfold(&mut self, anchor: &Anchor) {
        let folded = anchor.folded();
        if let Some(others) = self.folded.get_mut(&folded) {
            others.remove(anchor);
            if others.is_empty() {
                self.folded.remove(&folded);
            }
        }
    }

    /// Remembers that a server was closed, as its first client does; one that says it is open stays open.
    pub fn close(&mut self, server: &Anchor) {
        let Some(resource) = self.get(server) else { return };
        let open = self.inbound(server).is_some_and(|inbound| inbound.access == Some(Access::Open));
        if !open && !resource.state.closed {
            let mut resource = Resource::clone(resource);
            resource.state.closed = true;
            self.resources.insert(server.clone(), Arc::new(resource));
        }
    }

    /// The inbound and outbound intents and outbound servers whose place in the indexes depends on the resource at `anchor`.
    fn reindexed_by(&self, anchor: &Anchor) -> Vec<Anchor> {
        let placed = |resource: &&Arc<Resource>| has_a_place(resource.anchor().kind());
        let inbounds = |root: &Anchor| self.within(root).filter(placed).map(|r| r.anchor().clone()).collect::<Vec<_>>();
        match anchor.kind() {
            kind if has_a_place(kind) => vec![anchor.clone()],
            Kind::DeploymentIntentGroup => inbounds(anchor),
            Kind::LogicalCloud => anchor.parent().map(|project| inbounds(&project)).unwrap_or_default(),
            _ => vec![],
        }
    }

    fn index(&mut self, anchor: &Anchor) {
        let Some(resource) = self.get(anchor).cloned() else { return };
        if let Some(kept) = self.kept_outside(&resource) {
            self.outside.add(kept);
        }
        let Spec::Inbound(inbound) = resource.spec() else { return };
        if let Some(namespace) = self.namespace(anchor).cloned() {
            self.services.insert((namespace.clone(), inbound.service.clone(), anchor.clone()));
            self.workloads.insert((namespace, inbound.label.clone(), anchor.clone()));
        }
        for name in inbound.outside_names() {
            self.outside_names.insert((name, anchor.clone()));
        }
        if let Some(port) = inbound.external.port {
            self.outside_ports.insert((port, anchor.clone()));
        }
        for group in self.hosts_of(anchor) {
            self.guests.insert((group, anchor.clone()));
        }
    }

    fn unindex(&mut self, anchor: &Anchor) {
        let Some(resource) = self.get(anchor).cloned() else { return };
        if let Some(kept) = self.kept_outside(&resource) {
            self.outside.remove(&kept);
        }
        let Spec::Inbound(inbound) = resource.spec() else { return };
        if let Some(namespace) = self.namespace(anchor).cloned() {
            self.services.remove(&(namespace.clone(), inbound.service.clone(), anchor.clone()));
            self.workloads.remove(&(namespace, inbound.label.clone(), anchor.clone()));
        }
        for name in inbound.outside_names() {
            self.outside_names.remove(&(name, anchor.clone()));
        }
        if let Some(port) = inbound.external.port {
            self.outside_ports.remove(&(port, anchor.clone()));
        }
        for group in self.hosts_of(anchor) {
            self.guests.remove(&(group, anchor.clone()));
        }
    }

    /// The entries of an outbound intent or server in the indexes.
    fn kept_outside(&self, resource: &Resource) -> Option<Kept> {
        Kept::of(resource, self.namespace(resource.anchor())?)
    }

    /// The groups, other than its own, where the apps of a server's clients are found.
    fn hosts_of(&self, server: &Anchor) -> Vec<Anchor> {
        self.below(server, Kind::Client).filter_map(|client| host_of(client)).collect()
    }
}

/// Whether resources of a kind stand in indexes by the namespace of their group.
fn has_a_place(kind: Kind) -> bool {
    matches!(kind, Kind::Inbound | Kind::Outbound | Kind::OutboundServer)
}

/// The group, other than its own, where the app of a client is found.
pub(super) fn host_of(resource: &Resource) -> Option<Anchor> {
    let Spec::Client(client) = resource.spec() else { return None };
    group_of_guest(client)
}

/// The group, other than its server's, where the app of a client is found.
#[must_use]
pub fn group_of_guest(client: &Client) -> Option<Anchor> {
    Anchor::parse(&client.placed_in.as_ref()?.group).ok()
}

/// The entry of a placement in its index: its group, its app, itself.
fn placement_of(resource: &Resource) -> Option<(Anchor, Name, Anchor)> {
    let Spec::AppPlacement(placement) = resource.spec() else { return None };
    let group = resource.anchor().ancestor(Kind::DeploymentIntentGroup)?;
    Some((group, placement.app.clone(), resource.anchor().clone()))
}

/// An anchor that sorts before every other.
fn first() -> Anchor {
    Anchor::least()
}

impl FromIterator<Resource> for Tree {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut sorted: Vec<_> = resources.into_iter().map(Arc::new).collect();
        sorted.par_sort_by(|a, b| a.anchor().cmp(b.anchor()));
        let of = |kind: Kind| sorted.iter().filter(move |resource| resource.anchor().kind() == kind);
        let mut tree = Self {
            resources: sorted.iter().map(|resource| (resource.anchor().clone(), Arc::clone(resource))).collect(),
            placements: of(Kind::AppPlacement).filter_map(|placement| placement_of(placement)).collect(),
            ..Self::default()
        };
        for resource in &sorted {
            tree.fold(resource.anchor());
        }
        for server in of(Kind::Client).filter_map(|client| client.anchor().parent()) {
            tree.close(&server);
        }
        of(Kind::Client).for_each(|client| tree.outside.add_client(client));
        for resource in sorted.iter().filter(|resource| has_a_place(resource.anchor().kind())) {
            tree.index(resource.anchor());
        }
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::testing;

    #[test]
    fn a_tree_built_at_once_is_the_one_built_step_by_step() {
        for bundle in [
            include_str!("../../fixtures/online-boutique/bundle.yaml"),
            include_str!("../../fixtures/httpbin-sleep/bundle.yaml"),
            include_str!("../../fixtures/outbound/bundle.yaml"),
            "{anchor: projects, metadata: {name: Shop}}\n---\n{anchor: projects, metadata: {name: other}}\n",
        ] {
            let stepwise = testing::tree(bundle);
            let at_once: Tree = stepwise.iter().rev().map(|resource| Resource::clone(resource)).collect();
            assert_eq!(format!("{at_once:#?}"), format!("{stepwise:#?}"));
        }
    }
}
