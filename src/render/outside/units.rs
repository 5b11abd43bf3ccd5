//! The units that outside plugins are asked about.

use std::collections::{BTreeMap, BTreeSet};

use crate::intent::plugins::ListedPlugin;
use crate::intent::scalar::{DnsLabel, Label};
use crate::intent::{Anchor, ClusterFacts, ClusterId, Kind, Topology, Tree};
use crate::render::asked::Asked;
use crate::render::places::Places;
use crate::render::question::{AskedCluster, AskedIntent, Asking, Subject};
use crate::render::scope::Outward;
use crate::render::server::Server;

/// The units of what is asked that `plugin` wants to see.
pub(super) fn units(asked: &Asked<'_>, plugin: &ListedPlugin) -> Vec<Asking> {
    let mut units = vec![];
    if plugin.wants(&[Kind::Inbound, Kind::Client, Kind::AccessPoint]) {
        units.extend(asked.of_each_host(|servers| of_host(servers, asked, plugin)).into_iter().flatten());
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
fn of_host(servers: &[Server<'_>], asked: &Asked<'_>, plugin: &ListedPlugin) -> Option<Asking> {
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
    unit(first.namespace, subject, intents, |cluster| asked.context.clusters.get(cluster).cloned())
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
    unit(namespace, Subject::Workload(label.as_str().to_owned()), intents, |cluster| topology.facts(cluster))
}

fn intent(tree: &Tree, anchor: &Anchor, namespace: &DnsLabel, clusters: &BTreeSet<ClusterId>) -> AskedIntent {
    AskedIntent {
        anchor: anchor.as_str().to_owned(),
        kind: anchor.kind().entry().collection,
        body: tree.get(anchor).map(|resource| resource.body().to_owned()).unwrap_or_default(),
        namespace: namespace.to_string(),
        clusters: clusters.iter().map(ClusterId::to_string).collect(),
        closed: false,
        protocol: "",
    }
}

fn unit(
    namespace: &DnsLabel,
    subject: Subject,
    mut intents: Vec<AskedIntent>,
    facts: impl Fn(&ClusterId) -> Option<ClusterFacts>,
) -> Option<Asking> {
    if intents.is_empty() {
        return None;
    }
    intents.sort_by(|a, b| a.anchor.cmp(&b.anchor));
    let mut clusters: BTreeMap<&str, Option<AskedCluster>> = BTreeMap::new();
    for name in intents.iter().flat_map(|intent| &intent.clusters) {
        clusters.entry(name).or_insert_with(|| {
            let (provider, cluster) = name.split_once('/')?;
            let id = ClusterId { provider: provider.to_owned(), cluster: cluster.to_owned() };
            Some(of_cluster(name, &facts(&id)?))
        });
    }
    let clusters = clusters.into_values().flatten().collect();
    Some(Asking { namespace: namespace.to_string(), subject, intents, clusters })
}

fn of_cluster(name: &str, facts: &ClusterFacts) -> AskedCluster {
    let east_west = facts.east_west_address.as_ref();
    AskedCluster {
        name: name.to_owned(),
        trust_domain: facts.trust_domain.clone(),
        root_namespace: facts.root_namespace.clone(),
        ingress_address: facts.ingress_address.as_ref().map(ToString::to_string).unwrap_or_default(),
        east_west_address: east_west.map(|(host, port)| format!("{host}:{}", port.number())).unwrap_or_default(),
    }
}
