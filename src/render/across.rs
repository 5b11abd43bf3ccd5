//! Failover and weights over clusters: alias hosts, which callers and the gateways of whom they are led to know.
//!
//! On the callers' cluster an alias host is the other cluster's gateway, on the other cluster it is the pods, for the
//! gateway alone: an AUTO_PASSTHROUGH gateway knows its way by the server name `outbound_.<port>_.<subset>_.<host>`.
//! Failover puts the callers' own pods before the gateway, in one host, because Envoy gives way within a cluster only.

use std::collections::BTreeMap;

use super::context::Context;
use super::leads::Lead;
use super::manifest::Draft;
use super::name::resource_name;
use super::notice;
use super::output::Output;
use super::remote::{behind_gateways, identities, mutual_tls, service_port};
use super::server::Server;
use super::traffic::Traffic;
use crate::intent::scalar::Port;
use crate::intent::{Anchor, ClusterId};
use crate::istio::{
    DestinationRule, LoadBalancerSettings, LocalityLbSetting, Location, OutlierDetection, Resolution, ServiceEntry,
    Spec, StringMap, TrafficPolicy, WorkloadSelector,
};

/// The label of endpoints that serve while the others do not. No pod and no caller bears it: who lacks it alike comes
/// first (`pilot/pkg/networking/core/loadbalancer/loadbalancer.go`, `applyFailoverPriorityPerLocality`).
const STANDBY: &str = "meshwright.dev/standby";

/// Renders the alias hosts of a host where they are called, and where they lead to.
pub(super) fn render(live: &[&Server<'_>], leads: &[Lead<'_, '_>], context: &Context<'_>, out: &mut Output) {
    let mut exported: BTreeMap<&ClusterId, Vec<&Lead<'_, '_>>> = BTreeMap::new();
    for lead in leads {
        exported.entry(&lead.to).or_default().push(lead);
        Called { lead, live, context }.render(out);
    }
    for (cluster, leads) in exported {
        export(cluster, &leads, live, context, out);
    }
}

/// An alias host where it is called.
struct Called<'a, 's, 't> {
    lead: &'a Lead<'s, 't>,
    live: &'a [&'s Server<'t>],
    context: &'a Context<'t>,
}

impl Called<'_, '_, '_> {
    fn render(&self, out: &mut Output) {
        let (lead, host) = (self.lead, self.lead.host());
        let Some(gateway) = self.context.clusters.get(&lead.to).and_then(|facts| facts.east_west_address.as_ref())
        else {
            return;
        };
        let about = self.live.iter().copied().filter(|server| {
            let here = !lead.beside || server.clusters.contains(lead.from);
            here && lead.ports.contains_key(&server.inbound.port)
        });
        let traffic = Traffic::of(about);
        let intents: Vec<Anchor> = lead.intents.iter().chain(traffic.intents()).cloned().collect();
        // Shares go to all pods of a cluster; who gives way keeps to the subset that was chosen.
        let traffic = traffic.called(&host, lead.standby);
        let names = self.identities(out);
        let sets = traffic.subsets().cloned().collect();
        let mut entry = ServiceEntry {
            export_to: self.export_to(),
            subject_alt_names: names.clone(),
            ..behind_gateways(&host, &[(&gateway.0, gateway.1)], &lead.ports, sets)
        };
        let mut specs: Vec<(String, Spec)> = vec![];
        if lead.standby {
            for endpoint in &mut entry.endpoints {
                endpoint.labels.insert(STANDBY.to_owned(), "true".to_owned());
            }
            // Istio joins the endpoints of ServiceEntries of one host and namespace, and one of them alone cannot have
            // both kinds (`pilot/pkg/serviceregistry/serviceentry`). A WorkloadEntry with the pods' label would be taken
            // in by their Service as well.
            let pods = lead.pods(lead.from, self.live).unwrap_or_default();
            let pods = ServiceEntry { export_to: self.export_to(), subject_alt_names: names, ..of_pods(&host, &pods) };
            specs.push((resource_name(&[&host, "pods"]), pods.into()));
        }
        specs.push((resource_name(&[&host]), entry.into()));
        let rule = traffic.destination_rule(Some(beside(lead.standby)));
        let rule = rule.map(|rule| DestinationRule { export_to: self.export_to(), ..led(rule, lead.standby) });
        specs.extend(rule.map(|rule| (resource_name(&[&host]), rule.into())));
        for (name, spec) in specs {
            let service = self.service();
            let (cluster, namespace, intents) = (lead.from, lead.namespace, intents.clone());
            let draft = Draft { cluster, namespace, service, name, spec, intents, observed: false };
            out.manifests.push(draft.finish(self.context.gitops));
        }
    }

    fn service(&self) -> &str {
        self.lead.ports.values().next().map_or("", |server| server.inbound.service.as_str())
    }

    /// Beside the host its routes hold for every namespace, and elsewhere for the one that was given them.
    fn export_to(&self) -> Vec<String> {
        vec![if self.lead.beside { "*" } else { "." }.to_owned()]
    }

    /// Who may answer: pods of the cluster that is led to, and with failover of the callers' own.
    fn identities(&self, out: &mut Output) -> Vec<String> {
        let own = Some(self.lead.from).filter(|_| self.lead.standby);
        let names = identities(self.live, own.into_iter().chain([&self.lead.to]), self.context);
        if let Some(first) = self.lead.ports.values().next().filter(|_| names.is_empty()) {
            out.findings.push(notice::no_server_account(first));
        }
        names
    }
}

/// Renders an alias host where it leads to: the pods, for the gateway and nobody else.
fn export(cluster: &ClusterId, leads: &[&Lead<'_, '_>], live: &[&Server<'_>], context: &Context<'_>, out: &mut Output) {
    let Some((facts, first)) = context.clusters.get(cluster).zip(leads.first()) else { return };
    let mut pods: BTreeMap<Port, (&Server<'_>, Port)> = BTreeMap::new();
    for lead in leads {
        let known = lead.pods(cluster, live).unwrap_or_default();
        pods.extend(known.into_iter().map(|(server, target)| (server.inbound.port, (server, target))));
    }
    let Some((server, _)) = pods.values().next().copied() else { return };
    let host = first.host();
    let export_to = vec![facts.east_west.namespace.clone()];
    let all: Vec<_> = pods.values().copied().collect();
    let entry = ServiceEntry { export_to: export_to.clone(), ..of_pods(&host, &all) };
    let subsets = match leads.iter().any(|lead| lead.standby) {
        true => Traffic::of(live.iter().copied().filter(|it| it.clusters.contains(cluster))).sets(),
        false => vec![],
    };
    let rule = DestinationRule { host: host.clone(), subsets, export_to, ..DestinationRule::default() };
    let rule = Some(rule).filter(|rule| !rule.subsets.is_empty());
    for spec in [Some(entry.into()), rule.map(Into::into)].into_iter().flatten() {
        let intents = leads.iter().flat_map(|lead| lead.intents.iter().cloned()).collect();
        let (namespace, service) = (server.namespace.as_str(), server.inbound.service.as_str());
        let draft =
            Draft { cluster, namespace, service, name: resource_name(&[&host]), spec, intents, observed: false };
        out.manifests.push(draft.finish(context.gitops));
    }
}

/// A host with pods as its endpoints.
fn of_pods(host: &str, pods: &[(&Server<'_>, Port)]) -> ServiceEntry {
    let labels = pods.first().map(|(server, _)| server.inbound.label.pair());
    let labels: StringMap = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    ServiceEntry {
        hosts: vec![host.to_owned()],
        ports: pods.iter().map(|(server, target)| service_port(server.inbound.port, server, Some(*target))).collect(),
        location: Some(Location::MeshInternal),
        resolution: Some(Resolution::Static),
        workload_selector: Some(WorkloadSelector { labels }),
        ..ServiceEntry::default()
    }
}

/// How an alias host is called unless its servers say otherwise: all of a cluster's pods may be left out, or nothing would
/// give way.
fn beside(standby: bool) -> TrafficPolicy {
    let policy = mutual_tls(standby);
    TrafficPolicy { outlier_detection: policy.outlier_detection.map(all_may_be_left_out), ..policy }
}

fn all_may_be_left_out(detection: OutlierDetection) -> OutlierDetection {
    OutlierDetection { max_ejection_percent: Some(100), ..detection }
}

/// A rule whose policies put own pods before the gateway, or know no locality: a gateway has none.
fn led(mut rule: DestinationRule, standby: bool) -> DestinationRule {
    let balanced = |balancer: Option<LoadBalancerSettings>| {
        let locality = standby
            .then(|| LocalityLbSetting { failover_priority: vec![STANDBY.to_owned()], ..LocalityLbSetting::default() });
        let balancer = LoadBalancerSettings { locality_lb_setting: locality, ..balancer.unwrap_or_default() };
        Some(balancer).filter(|balancer| *balancer != LoadBalancerSettings::default())
    };
    let detected = |detection: Option<OutlierDetection>| {
        let unsaid = |it: &OutlierDetection| standby && it.max_ejection_percent.is_none();
        detection.map(|it| if unsaid(&it) { all_may_be_left_out(it) } else { it })
    };
    if let Some(policy) = &mut rule.traffic_policy {
        policy.load_balancer = balanced(policy.load_balancer.take());
        policy.outlier_detection = detected(policy.outlier_detection.take());
        for port in &mut policy.port_level_settings {
            port.load_balancer = balanced(port.load_balancer.take());
            port.outlier_detection = detected(port.outlier_detection.take());
        }
    }
    // A subset takes from the host what it does not say itself; Istio warns where a locality setting stands alone. Where
    // ports differ, what is said beside it would hold for all of them.
    let alike = rule.traffic_policy.as_ref().filter(|policy| policy.port_level_settings.is_empty());
    let whole = alike.and_then(|policy| policy.outlier_detection.clone());
    for policy in rule.subsets.iter_mut().filter_map(|subset| subset.traffic_policy.as_mut()) {
        policy.load_balancer = policy.load_balancer.take().and_then(|balancer| balanced(Some(balancer)));
        let needed = whole.clone().filter(|_| standby && policy.load_balancer.is_some());
        policy.outlier_detection = detected(policy.outlier_detection.take()).or(needed);
    }
    rule
}
