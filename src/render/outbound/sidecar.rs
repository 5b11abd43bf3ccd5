//! What the sidecars of a caller know, where it asks for no more than is declared. It is what they see, and guards nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::callee::Callee;
use super::{File, Work, notice};
use crate::intent::scalar::{DnsLabel, Label};
use crate::intent::spec::{EgressScope, Outbound, Spec};
use crate::intent::tree::group_of_guest;
use crate::intent::{Anchor, ClusterId, Kind, outbound};
use crate::istio::{IstioEgressListener, Sidecar, StringMap, WorkloadSelector};
use crate::render::name::resource_name;
use crate::render::output::Output;
use crate::render::places::Clusters;

/// Renders the Sidecar of the pods of `label` in `namespace`, where an outbound intent asks for it.
pub(super) fn render(namespace: &DnsLabel, label: &Label, work: &mut Work<'_>, out: &mut Output) {
    let tree = work.tree;
    let intents: Vec<(&Anchor, &Outbound)> = tree
        .outside()
        .of_workload(namespace, label)
        .filter_map(|anchor| Some((anchor, outbound::caller(tree, anchor)?)))
        .collect();
    for (anchor, _) in &intents {
        notice::of_conflicts(anchor, tree, &mut out.findings);
    }
    let asking: Vec<_> =
        intents.iter().filter(|(_, caller)| caller.egress_scope == Some(EgressScope::Declared)).copied().collect();
    let Some(service) = asking.iter().map(|(_, caller)| caller.service.as_str()).min() else { return };
    let mut scoped: BTreeMap<ClusterId, Vec<Anchor>> = BTreeMap::new();
    for (anchor, caller) in &asking {
        let Some(group) = anchor.ancestor(Kind::DeploymentIntentGroup) else { continue };
        if work.places.terminated(&group) {
            continue;
        }
        match work.places.clusters(&group, &caller.app) {
            Ok(clusters) => {
                for cluster in clusters.iter() {
                    scoped.entry(cluster.clone()).or_default().push((*anchor).clone());
                }
            }
            Err(missing) => out.findings.push(notice::unplaced(anchor, missing)),
        }
    }
    if scoped.is_empty() {
        return;
    }
    let servers = intents.iter().flat_map(|(anchor, _)| tree.within(anchor)).map(|resource| resource.anchor());
    let outside = work.callees(servers.filter(|anchor| anchor.kind() == Kind::OutboundServer), None);
    let inside = inside(namespace, label, work);
    for (cluster, mut intents) in scoped {
        let mut hosts = BTreeSet::new();
        for callee in outside.iter().filter(|callee| callee.clusters.contains(&cluster)) {
            hosts.extend(hosts_of(callee, &cluster, work));
            intents.push(callee.anchor.clone());
        }
        for called in inside.iter().filter(|called| called.callers.contains(&cluster)) {
            let home = if called.servers.contains(&cluster) { called.namespace.as_str() } else { "." };
            hosts.insert(format!("{home}/{}", called.host));
            intents.extend(called.intents.iter().cloned());
        }
        let Some(facts) = work.facts(&cluster) else { continue };
        notice::of_scope(&asking, &hosts, &cluster, &mut out.findings);
        hosts.insert(format!("{}/*", facts.root_namespace));
        let (key, value) = label.pair();
        let labels = StringMap::from([(key.to_owned(), value.to_owned())]);
        let listener = IstioEgressListener { hosts: hosts.into_iter().collect(), ..IstioEgressListener::default() };
        let sidecar = Sidecar {
            workload_selector: Some(WorkloadSelector { labels }),
            egress: vec![listener],
            ..Sidecar::default()
        };
        let file = File { cluster: &cluster, namespace: namespace.as_str(), folder: service, gitops: work.gitops };
        file.write(resource_name(&[service, label.as_str(), "egress"]), sidecar.into(), intents, out);
    }
}

/// An outside host, and the gateway before it.
fn hosts_of(callee: &Callee<'_>, cluster: &ClusterId, work: &mut Work<'_>) -> Vec<String> {
    let host = &callee.server.host;
    if !callee.exits() {
        return vec![format!("./{host}")];
    }
    let Some(Ok(egress)) = work.facts(cluster).map(|facts| &facts.egress) else { return vec![] };
    // Its route is in the caller's namespace, its entry in the gateway's.
    vec![format!("./{host}"), format!("{}/{host}", egress.pods.namespace), format!("*/{}", egress.host)]
}

/// A server in the mesh that the workload is a client of.
struct Called<'t> {
    namespace: &'t DnsLabel,
    host: String,
    servers: Clusters,
    callers: Clusters,
    intents: [Anchor; 2],
}

fn inside<'t>(namespace: &DnsLabel, label: &Label, work: &mut Work<'t>) -> Vec<Called<'t>> {
    let tree = work.tree;
    let mut found = vec![];
    for anchor in tree.outside().clients_of(label) {
        let Some(resource) = tree.get(anchor) else { continue };
        let Spec::Client(client) = resource.spec() else { continue };
        if outbound::namespace_of_client(tree, resource) != Some(namespace) {
            continue;
        }
        let Some(server) = anchor.ancestor(Kind::Inbound) else { continue };
        let Some(inbound) = tree.inbound(&server).filter(|inbound| inbound.in_mesh) else { continue };
        let Some(group) = anchor.ancestor(Kind::DeploymentIntentGroup) else { continue };
        if work.places.terminated(&group) {
            continue;
        }
        let home = group_of_guest(client);
        let callers = work.places.clusters(home.as_ref().unwrap_or(&group), &client.app);
        let servers = work.places.clusters(&group, &inbound.app);
        // What is missing is said of the server and its client.
        let (Ok(callers), Ok(servers), Some(namespace)) = (callers, servers, tree.namespace(&server)) else { continue };
        let host = inbound.host(namespace);
        found.push(Called { namespace, host, servers, callers, intents: [server, anchor.clone()] });
    }
    found
}
