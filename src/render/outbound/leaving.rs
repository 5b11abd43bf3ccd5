//! How callers of one namespace enter the egress gateway: by mutual TLS, and by the name of the host they mean.

use std::collections::BTreeSet;

use super::callee::Callee;
use super::exit::{ENTRANCE, subset};
use super::{File, Work, anchors, clusters, folder};
use crate::intent::scalar::{DnsLabel, OutsideHost};
use crate::intent::topology::EgressFacts;
use crate::istio::{
    ClientTlsMode, ClientTlsSettings, Destination, DestinationRule, HttpMatchRequest, HttpRoute, HttpRouteDestination,
    L4MatchAttributes, RouteDestination, Subset, TcpRoute, TlsMatchAttributes, TlsRoute, TrafficPolicy, VirtualService,
};
use crate::render::name::resource_name;
use crate::render::output::Output;
use crate::render::source::principal;

/// Renders the rule of the gateway's Service for callers in `namespace`, one subset for each of their hosts.
pub(super) fn render(namespace: &DnsLabel, work: &mut Work<'_>, out: &mut Output) {
    let tree = work.tree;
    let callees = work.callees(tree.outside().leaving(namespace), None);
    for cluster in clusters(callees.iter()) {
        let here: Vec<&Callee<'_>> = callees.iter().filter(|callee| callee.clusters.contains(cluster)).collect();
        let gitops = work.gitops;
        let Some(facts) = work.facts(cluster) else { continue };
        let Ok(egress) = &facts.egress else { continue };
        let gateway = principal(&facts.trust_domain, &egress.pods.namespace, &egress.account);
        let hosts: BTreeSet<&OutsideHost> = here.iter().map(|callee| &callee.server.host).collect();
        let of_host = |host: &&OutsideHost| {
            let tls = ClientTlsSettings {
                mode: Some(ClientTlsMode::IstioMutual),
                sni: host.to_string(),
                subject_alt_names: vec![format!("spiffe://{gateway}")],
                ..ClientTlsSettings::default()
            };
            let traffic_policy = Some(TrafficPolicy { tls: Some(tls), ..TrafficPolicy::default() });
            Subset { name: subset(host), traffic_policy, ..Subset::default() }
        };
        let rule = DestinationRule {
            host: egress.host.clone(),
            subsets: hosts.iter().map(of_host).collect(),
            export_to: vec![".".into()],
            ..DestinationRule::default()
        };
        let file = File { cluster, namespace: namespace.as_str(), folder: &folder(&egress.host), gitops };
        file.write(resource_name(&[&egress.host, "egress"]), rule.into(), anchors(&here), out);
    }
}

/// From the sidecars of one namespace to the gateway, for one host.
pub(super) fn routes(callee: &Callee<'_>, egress: &EgressFacts) -> VirtualService {
    let (server, host) = (callee.server, callee.server.host.to_string());
    let port = Some(u32::from(server.service_port()));
    let entrance = Some(Destination {
        subset: subset(&server.host),
        ..Destination::new(egress.host.clone(), Some(ENTRANCE.into()))
    });
    let (mut http, mut tls, mut tcp) = (vec![], vec![], vec![]);
    if server.protocol.is_http() {
        let matches = vec![HttpMatchRequest { port, ..HttpMatchRequest::default() }];
        let route = vec![HttpRouteDestination { destination: entrance, ..HttpRouteDestination::default() }];
        http.push(HttpRoute { matches, route, ..HttpRoute::default() });
    } else {
        let route = vec![RouteDestination { destination: entrance, weight: None }];
        if server.protocol.is_tls() {
            let sni_hosts = vec![host.clone()];
            let matches = vec![TlsMatchAttributes { sni_hosts, port, ..TlsMatchAttributes::default() }];
            tls.push(TlsRoute { matches, route });
        } else {
            tcp.push(TcpRoute { matches: vec![L4MatchAttributes { port, ..L4MatchAttributes::default() }], route });
        }
    }
    VirtualService { hosts: vec![host], http, tls, tcp, export_to: vec![".".into()], ..VirtualService::default() }
}
