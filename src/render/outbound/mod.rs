//! Outbound intents: outside services that apps may call, straight or through an egress gateway.
//!
//! A ServiceEntry makes a host known to a namespace, and keeps nobody out. It is the policy on an egress gateway that
//! lets only named callers pass, and only what goes through the gateway.

mod callee;
mod entry;
mod exit;
mod leaving;
mod notice;
mod origination;
mod sidecar;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::asked::Asked;
use super::manifest::Draft;
use super::name::resource_name;
use super::output::Output;
use super::places::Places;
use super::scope::Outward;
use crate::finding::{Finding, Place};
use crate::intent::scalar::{DnsLabel, OutsideHost};
use crate::intent::settings::GitOps;
use crate::intent::{Anchor, ClusterFacts, ClusterId, Topology, Tree};
use callee::Callee;

/// Renders what of outbound intents is in `scope`.
pub(super) fn render(asked: &Asked<'_>, out: &mut Output) {
    let Asked { topology, scope, .. } = *asked;
    let (tree, gitops) = (asked.context.tree, asked.context.gitops);
    let places = Places::new(tree, topology);
    let mut work = Work { tree, topology, places, gitops, facts: BTreeMap::new(), acknowledged: None };
    for anchor in scope.homeless().filter(|anchor| crate::intent::outbound::server(tree, anchor).is_some()) {
        // It may have found a namespace since.
        let Err(missing) = topology.namespace(anchor) else { continue };
        let intent = anchor.parent().unwrap_or_else(|| anchor.clone());
        out.findings.push(Finding { place: Place::at(intent.as_str()), ..missing });
    }
    for outward in scope.outward() {
        match outward {
            Outward::Host(namespace, host) => work.host(namespace, host, out),
            Outward::Exit(host) => exit::render(host, &mut work, out),
            Outward::Leaver(namespace) => leaving::render(namespace, &mut work, out),
            Outward::Workload(namespace, label) => sidecar::render(namespace, label, &mut work, out),
        }
    }
}

/// What rendering outbound intents takes.
struct Work<'t> {
    tree: &'t Tree,
    topology: Topology<'t>,
    places: Places<'t>,
    gitops: GitOps,
    facts: BTreeMap<ClusterId, Option<ClusterFacts>>,
    /// What may be lost at the egress gateway of each cluster, once somebody asked.
    acknowledged: Option<BTreeMap<ClusterId, Arc<BTreeSet<String>>>>,
}

impl<'t> Work<'t> {
    /// The servers at `anchors` that may be rendered; what is missing is said where `findings` are taken.
    fn callees(
        &mut self,
        anchors: impl Iterator<Item = &'t Anchor>,
        mut findings: Option<&mut Vec<Finding>>,
    ) -> Vec<Callee<'t>> {
        let mut callees = vec![];
        for anchor in anchors {
            match Callee::resolve(self.tree, anchor, &mut self.places) {
                Ok(callee) => callees.extend(callee),
                Err(missing) => findings.iter_mut().for_each(|findings| findings.push(missing.clone())),
            }
        }
        callees
    }

    /// The facts of a cluster that an app is placed on.
    fn facts(&mut self, cluster: &ClusterId) -> Option<&ClusterFacts> {
        let topology = self.topology;
        self.facts.entry(cluster.clone()).or_insert_with(|| topology.facts(cluster)).as_ref()
    }

    /// The hosts that may be lost at the egress gateway of a cluster, as all outbound servers there say.
    fn acknowledged(&mut self, cluster: &ClusterId) -> Arc<BTreeSet<String>> {
        if self.acknowledged.is_none() {
            let mut hosts: BTreeMap<ClusterId, BTreeSet<String>> = BTreeMap::new();
            let tree = self.tree;
            for callee in self.callees(tree.outside().acknowledging(), None).iter().filter(|callee| callee.exits()) {
                for cluster in callee.clusters.iter() {
                    let told = callee.server.acknowledge.iter().map(ToString::to_string);
                    hosts.entry(cluster.clone()).or_default().extend(told);
                }
            }
            self.acknowledged = Some(hosts.into_iter().map(|(cluster, hosts)| (cluster, Arc::new(hosts))).collect());
        }
        self.acknowledged.as_ref().and_then(|hosts| hosts.get(cluster)).map(Arc::clone).unwrap_or_default()
    }

    /// What callers of one namespace need to call a host straight, and what there is to say of it.
    fn host(&mut self, namespace: &DnsLabel, host: &OutsideHost, out: &mut Output) {
        let tree = self.tree;
        let callees = self.callees(tree.outside().of_host(namespace, host), Some(&mut out.findings));
        for callee in &callees {
            notice::of_callee(callee, tree, &mut out.findings);
        }
        let exits: Vec<&Callee<'_>> = callees.iter().filter(|callee| callee.exits()).collect();
        for cluster in clusters(exits.iter().copied()) {
            let here: Vec<&Callee<'_>> = exits.iter().copied().filter(|it| it.clusters.contains(cluster)).collect();
            let gitops = self.gitops;
            let Some(Ok(egress)) = self.facts(cluster).map(|facts| &facts.egress) else { continue };
            let file = File { cluster, namespace: namespace.as_str(), folder: &folder(host.as_str()), gitops };
            if let Some(callee) = here.first() {
                let name = name_of(host, &["outbound"]);
                file.write(name, leaving::routes(callee, egress).into(), anchors(&here), out);
            }
        }
        let direct: Vec<&Callee<'_>> = callees.iter().filter(|callee| !callee.exits()).collect();
        for cluster in clusters(direct.iter().copied()) {
            let here: Vec<&Callee<'_>> = direct.iter().copied().filter(|it| it.clusters.contains(cluster)).collect();
            let Some(facts) = self.facts(cluster) else { continue };
            notice::of_names(&here, cluster, facts, &mut out.findings);
            let file =
                File { cluster, namespace: namespace.as_str(), folder: &folder(host.as_str()), gitops: self.gitops };
            let name = name_of(host, &["outbound"]);
            let entry = entry::service_entry(&here, vec![".".into()]);
            file.write(name, entry.into(), anchors(&here), out);
            for (name, rule, callees) in origination::of_callers(host, &here) {
                callees.iter().for_each(|callee| notice::of_secret(callee, namespace.as_str(), cluster, out));
                file.write(name, rule.into(), anchors(&callees), out);
            }
        }
    }
}

/// The clusters of some callers.
fn clusters<'c, 't: 'c>(callees: impl Iterator<Item = &'c Callee<'t>>) -> BTreeSet<&'c ClusterId> {
    callees.flat_map(|callee| callee.clusters.iter()).collect()
}

fn anchors(callees: &[&Callee<'_>]) -> Vec<Anchor> {
    callees.iter().map(|callee| callee.anchor.clone()).collect()
}

/// The folder of what is about one host; it has a dot, which no Service has.
fn folder(host: &str) -> String {
    host.replace('*', "_")
}

/// The name of what is about one host in one role; a domain with all names below it is called so, for no name begins with
/// an asterisk.
fn name_of(host: &OutsideHost, more: &[&str]) -> String {
    let parts: Vec<&str> = match host.as_str().strip_prefix("*.") {
        None => [&[host.as_str()], more].concat(),
        Some(domain) => [&["all", domain], more].concat(),
    };
    resource_name(&parts)
}

/// Where files about one host or workload stand.
struct File<'a> {
    cluster: &'a ClusterId,
    namespace: &'a str,
    folder: &'a str,
    gitops: GitOps,
}

impl File<'_> {
    fn write(&self, name: String, spec: crate::istio::Spec, intents: Vec<Anchor>, out: &mut Output) {
        let (cluster, namespace) = (self.cluster, self.namespace);
        let draft = Draft { cluster, namespace, service: self.folder, name, spec, intents, observed: false };
        out.manifests.push(draft.finish(self.gitops));
    }
}
