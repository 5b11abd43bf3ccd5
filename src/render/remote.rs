//! Clients on other clusters: how a host is found and reached where its Service is not.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::manifest::Draft;
use super::name::resource_name;
use super::notice;
use super::output::Output;
use super::server::Server;
use super::traffic::Traffic;
use crate::intent::scalar::Port;
use crate::intent::spec::Address;
use crate::intent::{Anchor, ClusterId};
use crate::istio::{
    self, ClientTlsMode, ClientTlsSettings, DestinationRule, Location, OutlierDetection, Resolution, ServiceEntry,
    StringMap, TrafficPolicy, VirtualService, WorkloadEntry,
};

/// Where endpoints say that they speak Istio's mutual TLS.
const TLS_MODE: &str = "security.istio.io/tlsMode";

/// A host on the clusters that export it.
struct Export<'s> {
    service: &'s str,
    namespace: &'s str,
    host: String,
    endpoints: Vec<(&'s Address, Port)>,
    subject_alt_names: Vec<String>,
}

/// What one namespace of one cluster calls of the host.
#[derive(Default)]
pub(super) struct Import<'s, 't> {
    /// The ports, with a server of each.
    pub(super) ports: BTreeMap<Port, &'s Server<'t>>,
    /// The servers and their callers.
    pub(super) intents: Vec<Anchor>,
}

/// What is called of the host, by cluster and namespace.
pub(super) type Imports<'s, 't> = BTreeMap<(&'s ClusterId, &'s str), Import<'s, 't>>;

/// Renders what clients on other clusters need to call the host that `servers` are about.
pub(super) fn render(live: &[&Server<'_>], imports: &Imports<'_, '_>, context: &Context<'_>, out: &mut Output) {
    let Some(first) = live.first().filter(|_| !imports.is_empty()) else { return };
    let exporters: BTreeSet<&ClusterId> = live.iter().flat_map(|server| server.clusters.iter()).collect();
    let importers: BTreeSet<&ClusterId> = imports.keys().map(|(cluster, _)| *cluster).collect();
    notice::of_importers(first, &importers, context, &mut out.findings);
    let Some(export) = export(live, first, &exporters, context, out) else { return };
    for ((cluster, namespace), import) in imports {
        let about = live.iter().copied().filter(|server| import.ports.contains_key(&server.inbound.port));
        let traffic = Traffic::of(about);
        let rule = traffic.destination_rule(Some(mutual_tls(export.endpoints.len() > 1)));
        let rule = rule.map(|rule| DestinationRule { export_to: own_namespace(), ..rule }.into());
        let routes = traffic.mesh_routes(cluster);
        let routes = routes.map(|routes| VirtualService { export_to: own_namespace(), ..routes }.into());
        let sets = traffic.subsets().cloned().collect();
        let entry = Some(
            ServiceEntry {
                export_to: own_namespace(),
                subject_alt_names: export.subject_alt_names.clone(),
                ..behind_gateways(&export.host, &export.endpoints, &import.ports, sets)
            }
            .into(),
        );
        for spec in [entry, rule, routes].into_iter().flatten() {
            let name = if *namespace == export.namespace {
                resource_name(&[export.service, "remote"])
            } else {
                // Services of the same name in several namespaces may be called from this one.
                resource_name(&[&format!("{}.{}", export.service, export.namespace)])
            };
            let intents = import.intents.iter().chain(traffic.intents()).cloned().collect();
            let draft = Draft { cluster, namespace, service: export.service, name, spec, intents, observed: false };
            out.manifests.push(draft.finish(context.gitops));
        }
    }
}

/// What is called of the host by namespaces of clusters where it is not.
pub(super) fn imports<'s, 't>(live: &[&'s Server<'t>]) -> Imports<'s, 't> {
    let mut imports: BTreeMap<_, Import<'_, '_>> = BTreeMap::new();
    for server in live.iter().copied() {
        for caller in server.accepted().filter(|caller| server.is_remote(caller)) {
            let namespaces = caller.namespaces();
            for cluster in caller.beyond(&server.host_clusters) {
                for namespace in &namespaces {
                    let import = imports.entry((cluster, *namespace)).or_default();
                    import.ports.entry(server.inbound.port).or_insert(server);
                    import.intents.extend([server.anchor.clone(), caller.anchor.clone()]);
                }
            }
        }
    }
    imports
}

/// The host as its importers see it; none while a gateway's address is not known.
fn export<'s>(
    live: &[&Server<'_>],
    first: &'s Server<'_>,
    exporters: &BTreeSet<&'s ClusterId>,
    context: &'s Context<'_>,
    out: &mut Output,
) -> Option<Export<'s>> {
    let mut endpoints = vec![];
    for cluster in exporters {
        match context.clusters.get(*cluster).and_then(|facts| facts.east_west_address.as_ref()) {
            Some((address, port)) => endpoints.push((address, *port)),
            None => out.findings.push(notice::no_gateway_address(first, cluster)),
        }
    }
    if endpoints.len() < exporters.len() {
        return None;
    }
    // Clusters may share a gateway, which is one endpoint.
    endpoints.sort();
    endpoints.dedup();
    let subject_alt_names = identities(live, exporters.iter().copied(), context);
    if subject_alt_names.is_empty() {
        out.findings.push(notice::no_server_account(first));
    }
    Some(Export {
        service: first.inbound.service.as_str(),
        namespace: first.namespace.as_str(),
        host: first.host(),
        endpoints,
        subject_alt_names,
    })
}

/// What servers on `clusters` are; none where their service account is not known.
pub(super) fn identities<'c>(
    live: &[&Server<'_>],
    clusters: impl Iterator<Item = &'c ClusterId>,
    context: &Context<'_>,
) -> Vec<String> {
    let known =
        live.iter().filter_map(|server| Some((server.namespace, server.inbound.service_account.as_ref()?))).next();
    let domains: BTreeSet<&str> = clusters.map(|cluster| context.trust_domain(cluster)).collect();
    let identity = |domain: &str| known.map(|(namespace, it)| format!("spiffe://{domain}/ns/{namespace}/sa/{it}"));
    domains.into_iter().filter_map(identity).collect()
}

/// A host with gateways as its endpoints, each once for each of `sets` of labels: an endpoint is of one subset, and a
/// gateway leads to all of them.
pub(super) fn behind_gateways(
    host: &str,
    gateways: &[(&Address, Port)],
    ports: &BTreeMap<Port, &Server<'_>>,
    mut sets: Vec<StringMap>,
) -> ServiceEntry {
    if sets.is_empty() {
        sets.push(StringMap::new());
    }
    let endpoint = |(address, gateway_port): &(&Address, Port), mut labels: StringMap| {
        labels.insert(TLS_MODE.to_owned(), "istio".to_owned());
        WorkloadEntry {
            address: address.to_string(),
            ports: ports.iter().map(|(p, server)| (port_name(*p, server), gateway_port.number().into())).collect(),
            labels,
            ..WorkloadEntry::default()
        }
    };
    let endpoints = gateways.iter().flat_map(|it| sets.iter().map(move |labels| endpoint(it, labels.clone())));
    let by_name = gateways.iter().any(|(address, _)| matches!(address, Address::Host(_)));
    ServiceEntry {
        hosts: vec![host.to_owned()],
        ports: ports.iter().map(|(port, server)| service_port(*port, server, None)).collect(),
        location: Some(Location::MeshInternal),
        resolution: Some(if by_name { Resolution::Dns } else { Resolution::Static }),
        endpoints: endpoints.collect(),
        ..ServiceEntry::default()
    }
}

/// A port of a host, and that of its pods where they are the endpoints.
pub(super) fn service_port(port: Port, server: &Server<'_>, target: Option<Port>) -> istio::Port {
    istio::Port {
        number: Some(port.number().into()),
        protocol: server.protocol.as_str().to_owned(),
        name: port_name(port, server),
        target_port: target.map(|port| port.number().into()),
    }
}

fn port_name(port: Port, server: &Server<'_>) -> String {
    format!("{}-{port}", server.protocol.as_str().to_ascii_lowercase())
}

/// How the endpoints of a host are called, unless its servers say otherwise: over Istio's mutual TLS, and where there are
/// `several`, a gateway that cannot be reached, or cannot reach the pods, gives way to another. Errors of the service
/// itself do not count: they would be the same elsewhere.
pub(super) fn mutual_tls(several: bool) -> TrafficPolicy {
    let tls = ClientTlsSettings { mode: Some(ClientTlsMode::IstioMutual), ..ClientTlsSettings::default() };
    let outlier_detection = several.then(|| OutlierDetection {
        consecutive_gateway_errors: Some(5),
        consecutive_5xx_errors: Some(0),
        max_ejection_percent: Some(50),
        ..OutlierDetection::default()
    });
    TrafficPolicy { outlier_detection, tls: Some(tls), ..TrafficPolicy::default() }
}

fn own_namespace() -> Vec<String> {
    vec![".".into()]
}
