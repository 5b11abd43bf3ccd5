//! The units that outside plugins are asked about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::intent::plugins::ListedPlugin;
use crate::intent::scalar::{DnsLabel, Label};
use crate::intent::{Anchor, ClusterFacts, ClusterId, Kind, Topology, Tree};
use crate::render::asked::Asked;
use crate::render::places::{Clusters, Places};
use crate::render::question::{AskedCluster, AskedIntent, Asking, Subject};
use crate::render::scope::Outward;
use crate::render::server::Server;

/// The units of what is asked that `plugin` wants to see.
pub(super) fn units(asked: &Asked<'_>, plugin: &ListedPlugin) -> Vec<Asking> {
    let mut units = vec![];
    if plugin.wants(&[Kind::Inbound, Kind::Client, Kind::AccessPoint]) {
        let known = asked.context.clusters.iter().map(|(id, facts)| (id, Arc::new(of_cluster(id, facts)))).collect();
        units.extend(asked.of_each_host(|servers| of_host(servers, asked, plugin, &known)).into_iter().flatten());
    }
    if plugin.wants(&[Kind::Outbound, Kind::OutboundServer]) {
        let mut places = Places::new(asked.context.tree, asked.topology);
        for outward in asked.scope.outward() {
            if let Outward::Workload(namespace, label) = outward {
                units.extend(of_workload(namespace, label, asked, plugin, &mut places));
            }
        }
    }
    units
}

/// The unit of one host; none while nothing may be rendered for it, or it has nothing that is wanted.
fn of_host(
    servers: &[Server<'_>],
    asked: &Asked<'_>,
    plugin: &ListedPlugin,
    known: &BTreeMap<&ClusterId, Arc<AskedCluster>>,
) -> Option<Asking> {
    let tree = asked.context.tree;
    let live = || servers.iter().filter(|server| server.is_live());
    let first = live().next()?;
    let mut intents = vec![];
    for server in live() {
        if plugin.kinds.contains(&Kind::Inbound) {
            let resolved = intent(tree, server.anchor, server.namespace, &server.clusters);
            let inbound = AskedIntent { closed: server.closed, protocol: server.protocol.as_str(), ..resolved };
            intents.push(inbound);
        }
        for caller in &server.callers {
            let anchors = std::iter::once(caller.anchor).chain(caller.points.iter().map(|(point, _)| *point));
            let wanted = anchors.filter(|anchor| plugin.kinds.contains(&anchor.kind()));
            intents.extend(wanted.map(|anchor| intent(tree, anchor, caller.namespace, &caller.clusters)));
        }
    }
    let subject = Subject::Service(first.inbound.service.to_string());
    unit(first.namespace, subject, intents, |id| known.get(id).cloned())
}

/// The unit of the pods of `label` in `namespace`, which call outside services.
fn of_workload<'t>(
    namespace: &DnsLabel,
    label: &Label,
    asked: &Asked<'t>,
    plugin: &ListedPlugin,
    places: &mut Places<'t>,
) -> Option<Asking> {
    let (tree, topology): (&Tree, Topology<'_>) = (asked.context.tree, asked.topology);
    let mut intents = vec![];
    for anchor in tree.outside().of_workload(namespace, label) {
        let Some(caller) = crate::intent::outbound::caller(tree, anchor) else { continue };
        let Some(group) = anchor.ancestor(Kind::DeploymentIntentGroup) else { continue };
        // What is missing is told where it is rendered.
        let Ok(clusters) = places.clusters(&group, &caller.app) else { continue };
        if places.terminated(&group) {
            continue;
        }
        let wanted = tree.within(anchor).filter(|resource| plugin.kinds.contains(&resource.anchor().kind()));
        intents.extend(wanted.map(|resource| intent(tree, resource.anchor(), namespace, &clusters)));
    }
    unit(namespace, Subject::Workload(label.as_str().to_owned()), intents, |id| {
        Some(Arc::new(of_cluster(id, &topology.facts(id)?)))
    })
}

fn intent(tree: &Tree, anchor: &Anchor, namespace: &DnsLabel, clusters: &Clusters) -> AskedIntent {
    AskedIntent {
        anchor: anchor.clone(),
        body: tree.get(anchor).map(|resource| Arc::clone(resource.body())).unwrap_or_default(),
        namespace: namespace.clone(),
        clusters: Arc::clone(clusters),
        closed: false,
        protocol: "",
    }
}

fn unit(
    namespace: &DnsLabel,
    subject: Subject,
    mut intents: Vec<AskedIntent>,
    cluster: impl Fn(&ClusterId) -> Option<Arc<AskedCluster>>,
) -> Option<Asking> {
    if intents.is_empty() {
        return None;
    }
    intents.sort_by(|a, b| a.anchor.as_str().cmp(b.anchor.as_str()));
    let ids: BTreeSet<&ClusterId> = intents.iter().flat_map(|intent| intent.clusters.iter()).collect();
    let mut clusters: Vec<Arc<AskedCluster>> = ids.into_iter().filter_map(cluster).collect();
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    Some(Asking { namespace: namespace.clone(), subject, intents, clusters })
}

fn of_cluster(id: &ClusterId, facts: &ClusterFacts) -> AskedCluster {
    let east_west = facts.east_west_address.as_ref();
    AskedCluster {
        name: id.to_string(),
        trust_domain: facts.trust_domain.clone(),
        root_namespace: facts.root_namespace.clone(),
        ingress_address: facts.ingress_address.as_ref().map(ToString::to_string).unwrap_or_default(),
        east_west_address: east_west.map(|(host, port)| format!("{host}:{}", port.number())).unwrap_or_default(),
    }
}
