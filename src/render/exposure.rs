//! Exposure to outside callers: one Gateway and VirtualService per service and outside name.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::manifest::Draft;
use super::name::resource_name;
use super::output::Output;
use super::sealed;
use super::server::Server;
use super::traffic::Traffic;
use crate::finding::{Finding, Place};
use crate::intent::scalar::HostName;
use crate::intent::spec::TlsType;
use crate::intent::topology::GatewayPods;
use crate::intent::{Anchor, ClusterFacts, ClusterId};
use crate::istio::{
    self, Gateway, HttpMatchRequest, HttpRoute, L4MatchAttributes, Port, ServerTlsMode, ServerTlsSettings, TcpRoute,
    TlsMatchAttributes, TlsRoute, VirtualService,
};

/// The ports that Istio's proxies listen on, also those of gateways (Istio's documentation, "Application Requirements").
const OF_PROXIES: [u16; 9] = [15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090];

/// How requests find their way behind the gateway.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Routing {
    /// By request.
    Http,
    /// By server name, TLS passed through.
    Sni,
    /// By port.
    Tcp,
}

/// A port of the gateway that leads to a server.
struct Door<'s, 't> {
    server: &'s Server<'t>,
    number: u16,
    protocol: &'static str,
    name: String,
    routing: Routing,
    /// The secret with the certificate that the gateway shows; empty where it shows none.
    credential: String,
    /// The names of records that lead here, beside the outside name itself.
    records: BTreeSet<HostName>,
}

/// Renders the Gateways and VirtualServices of the servers of one service, on every cluster.
pub(super) fn render(live: &[&Server<'_>], context: &Context<'_>, out: &mut Output) {
    let mut exposed: BTreeMap<(&ClusterId, &HostName), Vec<&Server<'_>>> = BTreeMap::new();
    for server in live.iter().copied().filter(|server| server.is_exposed()) {
        if let Some(name) = &server.inbound.external_name {
            for cluster in server.clusters.iter() {
                exposed.entry((cluster, name)).or_default().push(server);
            }
        }
    }
    for ((cluster, host), servers) in &exposed {
        let (cluster, host) = (*cluster, *host);
        let Some(facts) = context.clusters.get(cluster) else { continue };
        let mut doors = doors(servers, cluster, facts, &mut out.findings);
        for door in &mut doors {
            // What has a Gateway of its own is answered to there.
            door.records.retain(|record| !exposed.contains_key(&(cluster, record)));
        }
        let Some(first) = doors.first().map(|door| door.server) else { continue };
        let service = first.inbound.service.as_str();
        let name = resource_name(&[service, host.as_str()]);
        let all: BTreeSet<&HostName> = doors.iter().flat_map(|door| &door.records).collect();
        let hosts = names(host, all);
        let gateway = Gateway {
            selector: facts.ingress.selector.iter().cloned().collect(),
            servers: doors.iter().map(|door| entry(door, host)).collect(),
        };
        let traffic = Traffic::of(live.iter().copied().filter(|server| server.clusters.contains(cluster)));
        let routes = routes(&doors, (host, hosts, cluster), format!("{}/{name}", first.namespace), &traffic);
        for door in doors.iter().filter(|door| door.server.inbound.tls.needs_credential()) {
            out.manifests.extend(sealed::manifest(door.server, cluster, context.gitops));
        }
        let own: Vec<Anchor> = servers.iter().map(|server| server.anchor.clone()).collect();
        let with_traffic = own.iter().chain(traffic.intents()).cloned().collect();
        for (spec, intents) in [(gateway.into(), own), (routes.into(), with_traffic)] {
            let name = name.clone();
            let namespace = first.namespace.as_str();
            let draft = Draft { cluster, namespace, service, name, spec, intents, observed: false };
            out.manifests.push(draft.finish(context.gitops));
        }
    }
}

/// A host's own name, and those of records that lead to it.
fn names<'n>(host: &'n HostName, records: impl IntoIterator<Item = &'n HostName>) -> Vec<String> {
    std::iter::once(host).chain(records).map(ToString::to_string).collect()
}

/// The ports that lead to the servers, each once.
fn doors<'s, 't>(
    servers: &[&'s Server<'t>],
    cluster: &ClusterId,
    facts: &ClusterFacts,
    findings: &mut Vec<Finding>,
) -> Vec<Door<'s, 't>> {
    let mut doors: Vec<Door<'_, '_>> = vec![];
    for server in servers {
        let door = match door(server, cluster, facts, findings) {
            Ok(door) => door,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        say(&door, cluster, facts, findings);
        match doors.iter_mut().find(|known| known.number == door.number) {
            None => doors.push(door),
            Some(known) if known.name == door.name => known.records.extend(door.records),
            Some(known) => findings.push(Finding::error(
                "render/gateway-port",
                Place::at(server.anchor.as_str()),
                format!(
                    "port {} of the gateway on {cluster} cannot be {} for this intent and {} for {}",
                    door.number, door.protocol, known.protocol, known.server.anchor
                ),
                "choose another external.port",
            )),
        }
    }
    doors.sort_by_key(|door| door.number);
    doors
}

fn door<'s, 't>(
    server: &'s Server<'t>,
    cluster: &ClusterId,
    facts: &ClusterFacts,
    findings: &mut Vec<Finding>,
) -> Result<Door<'s, 't>, Finding> {
    let tls = server.inbound.tls;
    let (number, protocol, name, routing) = match (server.protocol.is_http(), tls) {
        (_, TlsType::Passthrough) => (facts.https_port, "TLS", "tls".to_owned(), Routing::Sni),
        (true, TlsType::None) => (facts.http_port, "HTTP", "http".to_owned(), Routing::Http),
        (true, _) => (facts.https_port, "HTTPS", "https".to_owned(), Routing::Http),
        (false, _) => {
            let place = Place::pointing(server.anchor.as_str(), "/spec/external/port");
            let Some(port) = server.inbound.external.port.map(|port| port.number()) else {
                let message = format!(
                    "`{}` speaks {} and has no port of its own on the gateway",
                    server.inbound.service, server.protocol
                );
                return Err(Finding::error("render/external-port", place, message, "set external.port"));
            };
            let protocol = if tls == TlsType::None { "TCP" } else { "TLS" };
            if let Some(owner) = owner(port, protocol, facts) {
                let message = format!("port {port} of the gateway cannot be {protocol}: {owner}");
                let remedy =
                    if server.protocol.is_tls() { "use tlsType PASSTHROUGH" } else { "choose another external.port" };
                return Err(Finding::error("render/gateway-port", place, message, remedy));
            }
            (port, protocol, format!("{}-{port}", protocol.to_ascii_lowercase()), Routing::Tcp)
        }
    };
    let external = &server.inbound.external;
    let credential = match (&external.credential_name, &external.sealed) {
        _ if !tls.needs_credential() => String::new(),
        (Some(name), _) => name.to_string(),
        (None, Some(_)) => sealed::credential(server, cluster, facts, findings)?,
        (None, None) => {
            let place = Place::pointing(server.anchor.as_str(), "/spec/external/credentialName");
            let message = format!("tlsType {tls} needs a certificate");
            let remedy = "set external.credentialName to the secret in the gateway's namespace";
            return Err(Finding::error("render/credential", place, message, remedy));
        }
    };
    let records = server.inbound.record_names().into_iter().collect();
    Ok(Door { server, number, protocol, name, routing, credential, records })
}

/// Whose a port of the gateway is, if `protocol` cannot share it. TLS of any kind on one port is told apart by server name;
/// nothing else can be but by the request (`pilot/pkg/model/gateway.go`, `mergeGateways`).
fn owner(port: u16, protocol: &str, facts: &ClusterFacts) -> Option<&'static str> {
    // Each pod that both select has both their ports.
    let within =
        |one: &GatewayPods, other: &GatewayPods| one.selector.iter().all(|label| other.selector.contains(label));
    let same_pods = || within(&facts.ingress, &facts.east_west) || within(&facts.east_west, &facts.ingress);
    match port {
        _ if OF_PROXIES.contains(&port) => Some("Istio's proxies listen there themselves"),
        _ if port == facts.http_port => Some("it belongs to all outside callers of HTTP"),
        _ if port == facts.https_port && protocol == "TCP" => Some("it belongs to all outside callers of TLS"),
        _ if port == facts.internal_port && same_pods() => Some("callers of other clusters enter there"),
        _ => None,
    }
}

/// What has to be in the cluster for a door to open.
fn say(door: &Door<'_, '_>, cluster: &ClusterId, facts: &ClusterFacts, findings: &mut Vec<Finding>) {
    let anchor = door.server.anchor.as_str();
    let named = door.server.inbound.external.credential_name.as_ref();
    if let Some(name) = named.filter(|_| door.server.inbound.tls.needs_credential()) {
        let place = Place::pointing(anchor, "/spec/external/credentialName");
        let message = format!(
            "the secret `{name}` has to be in namespace `{}` of {cluster}, where the gateway is",
            facts.ingress.namespace
        );
        findings.push(Finding::note("render/credential", place, message));
    }
    if door.routing == Routing::Tcp {
        let place = Place::pointing(anchor, "/spec/external/port");
        let message = format!("the gateway's Service on {cluster} has to have port {}", door.number);
        findings.push(Finding::note("render/gateway-port", place, message));
    }
}

fn entry(door: &Door<'_, '_>, host: &HostName) -> istio::Server {
    let port = Port {
        number: Some(door.number.into()),
        protocol: door.protocol.to_owned(),
        name: door.name.clone(),
        target_port: None,
    };
    let mode = match door.server.inbound.tls {
        TlsType::None => None,
        TlsType::Simple => Some(ServerTlsMode::Simple),
        TlsType::Mutual => Some(ServerTlsMode::Mutual),
        TlsType::OptionalMutual => Some(ServerTlsMode::OptionalMutual),
        TlsType::Passthrough => Some(ServerTlsMode::Passthrough),
        TlsType::IstioMutual => Some(ServerTlsMode::IstioMutual),
    };
    let credential_name = door.credential.clone();
    let tls = mode.map(|mode| ServerTlsSettings { mode: Some(mode), credential_name, ..ServerTlsSettings::default() });
    istio::Server { port: Some(port), hosts: names(host, &door.records), tls, ..istio::Server::default() }
}

fn routes(
    doors: &[Door<'_, '_>],
    (host, hosts, cluster): (&HostName, Vec<String>, &ClusterId),
    gateway: String,
    traffic: &Traffic,
) -> VirtualService {
    let through = |routing: Routing| doors.iter().filter(move |door| door.routing == routing);
    let backends: BTreeSet<_> = through(Routing::Http).map(|door| door.server.inbound.port).collect();
    // One route serves every HTTP port of the gateway when all lead to the same place.
    let one = backends.len() == 1;
    let http = through(Routing::Http).take(if one { 1 } else { usize::MAX }).map(|door| HttpRoute {
        matches: if one {
            vec![]
        } else {
            vec![HttpMatchRequest { port: Some(door.number.into()), ..HttpMatchRequest::default() }]
        },
        ..traffic.http_route(door.server.inbound.port, cluster)
    });
    let tls = through(Routing::Sni).map(|door| TlsRoute {
        matches: vec![TlsMatchAttributes {
            sni_hosts: names(host, &door.records),
            port: Some(door.number.into()),
            ..TlsMatchAttributes::default()
        }],
        route: traffic.connections(door.server.inbound.port, cluster),
    });
    let tcp = through(Routing::Tcp).map(|door| TcpRoute {
        matches: vec![L4MatchAttributes { port: Some(door.number.into()), ..L4MatchAttributes::default() }],
        route: traffic.connections(door.server.inbound.port, cluster),
    });
    VirtualService {
        hosts,
        gateways: vec![gateway],
        http: http.collect(),
        tls: tls.collect(),
        tcp: tcp.collect(),
        export_to: vec![],
    }
}
