//! What leads through an egress gateway to one host, and who may pass. All of it is in the gateway's namespace and belongs
//! to every intent that shares the host.

use std::collections::{BTreeMap, BTreeSet};

use super::callee::Callee;
use super::{File, Work, anchors, clusters, entry, folder, name_of, notice, origination};
use crate::intent::scalar::{DnsLabel, OutsideHost};
use crate::intent::spec::Via;
use crate::intent::topology::EgressFacts;
use crate::intent::{Anchor, outbound};
use crate::istio::{
    self, Action, AuthorizationPolicy, Condition, Destination, Gateway, HttpRoute, HttpRouteDestination,
    L4MatchAttributes, LabelSelector, Port, RouteDestination, Rule, RuleFrom, ServerTlsMode, ServerTlsSettings, Source,
    TcpRoute, VirtualService,
};
use crate::render::output::{Exit, Output};
use crate::render::source::principal;

/// The port of the egress gateway that callers enter by, by server name.
pub(super) const ENTRANCE: u16 = 443;

/// Renders the way out to `host` on every cluster.
pub(super) fn render(host: &OutsideHost, work: &mut Work<'_>, out: &mut Output) {
    let tree = work.tree;
    let callees = work.callees(tree.outside().of_exit(host), None);
    for cluster in clusters(callees.iter()) {
        let here: Vec<&Callee<'_>> = callees.iter().filter(|callee| callee.clusters.contains(cluster)).collect();
        let (gitops, acknowledged) = (work.gitops, work.acknowledged(cluster));
        let Some(facts) = work.facts(cluster) else { continue };
        let egress = match &facts.egress {
            Ok(egress) => egress,
            Err(missing) => {
                here.iter().for_each(|callee| out.findings.push(notice::no_gateway(callee, cluster, missing)));
                continue;
            }
        };
        notice::of_names(&here, cluster, facts, &mut out.findings);
        notice::of_gateway(&here, cluster, facts, egress, &mut out.findings);
        let beside = DnsLabel::parse(&egress.pods.namespace).map(|home| tree.outside().of_host(&home, host));
        let straight =
            |anchor: &&Anchor| outbound::server(tree, anchor).is_some_and(|(_, server)| server.via == Via::Direct);
        if let Some(other) = beside.into_iter().flatten().find(straight) {
            here.iter().for_each(|callee| out.findings.push(notice::beside_gateway(callee, cluster, other)));
        }
        let way = Way { host, callees: &here, egress, trust_domain: &facts.trust_domain };
        let file = File { cluster, namespace: &egress.pods.namespace, folder: &folder(host.as_str()), gitops };
        let name = way.name();
        file.write(name.clone(), entry::service_entry(&here, way.export_to()).into(), anchors(&here), out);
        file.write(name.clone(), way.gateway().into(), anchors(&here), out);
        file.write(name.clone(), way.routes().into(), anchors(&here), out);
        file.write(name.clone(), way.policy().into(), anchors(&here), out);
        if let Some(tls) = here.first().and_then(|callee| callee.server.tls.as_ref()) {
            let selector = || egress.pods.selector.iter().cloned().collect();
            let selector = tls.credential_name.as_ref().map(|_| selector());
            file.write(name, origination::destination_rule(&here, selector).into(), anchors(&here), out);
            here.iter().for_each(|callee| notice::of_secret(callee, &egress.pods.namespace, cluster, out));
        }
        out.exits.push(Exit {
            cluster: cluster.clone(),
            namespace: egress.pods.namespace.clone(),
            root_namespace: facts.root_namespace.clone(),
            selector: egress.pods.selector.iter().cloned().collect(),
            host: host.to_string(),
            acknowledged,
            intents: anchors(&here),
        });
    }
}

/// The name of the subset of the gateway's Service that stands for a host.
pub(super) fn subset(host: &OutsideHost) -> String {
    name_of(host, &["egress"])
}

/// One host behind the egress gateway of one cluster.
struct Way<'s, 't> {
    host: &'s OutsideHost,
    callees: &'s [&'s Callee<'t>],
    egress: &'s EgressFacts,
    trust_domain: &'s str,
}

impl Way<'_, '_> {
    fn name(&self) -> String {
        subset(self.host)
    }

    /// The namespaces of the gateway and of the callers.
    fn export_to(&self) -> Vec<String> {
        let own = self.egress.pods.namespace.as_str();
        let callers: BTreeSet<&str> = self.callees.iter().map(|callee| callee.namespace.as_str()).collect();
        let others = callers.into_iter().filter(|namespace| *namespace != own);
        std::iter::once(".").chain(others).map(str::to_owned).collect()
    }

    fn is_http(&self) -> bool {
        self.callees.iter().any(|callee| callee.server.protocol.is_http())
    }

    fn gateway(&self) -> Gateway {
        let protocol = if self.is_http() { "HTTPS" } else { "TLS" };
        let port = Port {
            number: Some(ENTRANCE.into()),
            protocol: protocol.into(),
            name: protocol.to_ascii_lowercase(),
            target_port: None,
        };
        let tls = ServerTlsSettings { mode: Some(ServerTlsMode::IstioMutual), ..ServerTlsSettings::default() };
        let server = istio::Server {
            port: Some(port),
            hosts: vec![self.host.to_string()],
            tls: Some(tls),
            ..istio::Server::default()
        };
        Gateway { selector: self.egress.pods.selector.iter().cloned().collect(), servers: vec![server] }
    }

    /// From the gateway on.
    fn routes(&self) -> VirtualService {
        let dialled = self.callees.first().map(|callee| u32::from(callee.server.service_port()));
        let exit = Some(Destination::new(self.host.to_string(), dialled));
        let (mut http, mut tcp) = (vec![], vec![]);
        if self.is_http() {
            let route = vec![HttpRouteDestination { destination: exit, ..HttpRouteDestination::default() }];
            http.push(HttpRoute { route, ..HttpRoute::default() });
        } else {
            // The gateway ends the mesh's own TLS: what is inside are bytes to it (`buildGatewayNetworkFiltersFromTCPRoutes`).
            let matches = vec![L4MatchAttributes { port: Some(ENTRANCE.into()), ..L4MatchAttributes::default() }];
            tcp.push(TcpRoute { matches, route: vec![RouteDestination { destination: exit, weight: None }] });
        }
        VirtualService {
            hosts: vec![self.host.to_string()],
            gateways: vec![format!("{}/{}", self.egress.pods.namespace, self.name())],
            http,
            tcp,
            export_to: vec![".".into()],
            ..VirtualService::default()
        }
    }

    /// The callers by identity, and the one host by the server name that they enter with.
    fn policy(&self) -> AuthorizationPolicy {
        let identity = |callee: &&Callee<'_>| {
            let account = callee.caller.service_account.as_ref()?;
            Some(principal(self.trust_domain, callee.namespace.as_str(), account.as_str()))
        };
        let principals: BTreeSet<String> = self.callees.iter().filter_map(identity).collect();
        let source = Source { principals: principals.into_iter().collect(), ..Source::default() };
        let sni =
            Condition { key: "connection.sni".into(), values: vec![self.host.to_string()], ..Condition::default() };
        let rule = Rule { from: vec![RuleFrom { source: Some(source) }], when: vec![sni], ..Rule::default() };
        let labels: BTreeMap<String, String> = self.egress.pods.selector.iter().cloned().collect();
        AuthorizationPolicy {
            selector: Some(LabelSelector { match_labels: labels }),
            action: Some(Action::Allow),
            rules: vec![rule],
            ..AuthorizationPolicy::default()
        }
    }
}
