//! What callers from outside the mesh reach through gateways.

use std::collections::BTreeMap;

use super::{Sayings, Shift, phrase, resources};
use crate::intent::Anchor;
use crate::istio::{Destination, Gateway, Server, ServerTlsMode, Spec, VirtualService};
use crate::render::Rendered;
use crate::review::path::Location;

/// What callers from outside see, and what it leads to.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Exposure<'a> {
    cluster: &'a str,
    /// Such as `https://bookinfo.example.com:443`.
    url: String,
    /// Such as `shop/productpage`.
    target: String,
}

/// Says what is exposed, hidden, or exposed under other terms.
pub(super) fn compare(before: &Rendered, after: &Rendered, sayings: &mut Sayings) {
    let (was, is) = (exposures(before), exposures(after));
    for (exposure, (terms, intents)) in &is {
        let Exposure { cluster, url, target } = exposure;
        let sentence = match was.get(exposure) {
            Some((before, _)) if before == terms => continue,
            Some((before, _)) => format!("{url} reaches {target} {terms} now; until now {before}"),
            None => format!("{url} now reaches {target} from outside the mesh, {terms}"),
        };
        sayings.say_of(intents, cluster, Shift::Exposed, target, phrase::OUTSIDE, sentence);
    }
    for Exposure { cluster, url, target } in was.keys().filter(|exposure| !is.contains_key(exposure)) {
        let sentence = format!("{url} no longer reaches {target} from outside the mesh");
        sayings.say(cluster, Shift::Hidden, target, phrase::OUTSIDE, sentence);
    }
}

/// Everything that is exposed, under which terms, and because of which intents.
fn exposures(rendered: &Rendered) -> BTreeMap<Exposure<'_>, (&'static str, &[Anchor])> {
    let mut gateways: BTreeMap<(&str, String), &Gateway> = BTreeMap::new();
    for (location, resource) in resources(rendered) {
        if let Spec::Gateway(gateway) = &resource.spec {
            let metadata = &resource.metadata;
            gateways.insert((location.cluster, format!("{}/{}", metadata.namespace, metadata.name)), gateway);
        }
    }
    let mut exposures = BTreeMap::new();
    for manifest in rendered.manifests.values() {
        let (Some(location), Spec::VirtualService(service)) = (Location::of(&manifest.path), &manifest.resource.spec)
        else {
            continue;
        };
        for gateway in &service.gateways {
            let whole = match gateway.contains('/') {
                true => gateway.clone(),
                false => format!("{}/{gateway}", manifest.resource.metadata.namespace),
            };
            let Some(gateway) = gateways.get(&(location.cluster, whole)) else { continue };
            for server in &gateway.servers {
                for (url, target) in reached(server, service) {
                    let exposure = Exposure { cluster: location.cluster, url, target };
                    exposures.insert(exposure, (terms(server), manifest.intents.as_slice()));
                }
            }
        }
    }
    exposures
}

/// What one server of a gateway leads to by one VirtualService: addresses and targets.
fn reached(server: &Server, service: &VirtualService) -> Vec<(String, String)> {
    let tls = server.tls.as_ref();
    let mode = tls.and_then(|tls| tls.mode.as_ref());
    let redirects = tls.is_some_and(|tls| tls.https_redirect == Some(true));
    if redirects || mode == Some(&ServerTlsMode::AutoPassthrough) {
        return vec![];
    }
    let port = server.port.as_ref();
    let protocol = port.map(|port| port.protocol.to_ascii_uppercase()).unwrap_or_default();
    let number = port.and_then(|port| port.number).unwrap_or_default();
    let is_http = matches!(protocol.as_str(), "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" | "HTTPS");
    let destinations: Vec<&Destination> = match mode {
        Some(ServerTlsMode::Passthrough) => {
            service.tls.iter().flat_map(|route| &route.route).filter_map(|to| to.destination.as_ref()).collect()
        }
        _ if is_http => {
            service.http.iter().flat_map(|route| &route.route).filter_map(|to| to.destination.as_ref()).collect()
        }
        _ => service.tcp.iter().flat_map(|route| &route.route).filter_map(|to| to.destination.as_ref()).collect(),
    };
    let scheme = match (protocol.as_str(), is_http, tls.is_some()) {
        ("HTTPS", ..) | (_, true, true) => "https",
        (_, true, false) => "http",
        ("TLS", ..) | (_, false, true) => "tls",
        (_, false, false) => "tcp",
    };
    let hosts: Vec<&str> = server.hosts.iter().flat_map(|host| shared(host, &service.hosts)).collect();
    let mut found = Vec::new();
    for host in hosts {
        found.extend(destinations.iter().map(|to| (format!("{scheme}://{host}:{number}"), phrase::host(&to.host))));
    }
    found
}

/// The hosts that a gateway's host, `[namespace/]name`, and a VirtualService have in common.
fn shared<'a>(gateway: &'a str, service: &'a [String]) -> Vec<&'a str> {
    let gateway = gateway.rsplit_once('/').map_or(gateway, |(_, host)| host);
    let covers = |wide: &str, narrow: &str| {
        wide == "*" || wide.strip_prefix('*').is_some_and(|end| narrow.ends_with(end)) || wide == narrow
    };
    let common = service.iter().filter_map(|host| match (covers(gateway, host), covers(host, gateway)) {
        (true, _) => Some(host.as_str()),
        (false, true) => Some(gateway),
        (false, false) => None,
    });
    common.collect()
}

/// What is asked of whoever calls.
fn terms(server: &Server) -> &'static str {
    match server.tls.as_ref().and_then(|tls| tls.mode.as_ref()) {
        None => "in plain text",
        Some(ServerTlsMode::Simple) => "without a client certificate",
        Some(ServerTlsMode::OptionalMutual) => "with or without a client certificate",
        Some(ServerTlsMode::Mutual) => "with a client certificate",
        Some(ServerTlsMode::Passthrough) => "by TLS that its own pods end",
        Some(ServerTlsMode::IstioMutual) => "with a certificate of the mesh",
        Some(ServerTlsMode::AutoPassthrough | ServerTlsMode::Other(_)) => "by TLS",
    }
}
