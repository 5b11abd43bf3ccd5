//! Rules over the manifests of one cluster (`istioctl analyze`, by its codes).

use std::collections::HashMap;

use super::report::{At, Report, SPEC};
use super::syntax::within;
use crate::finding::{Finding, Place};
use crate::istio::{DestinationRule, Gateway, Resource, ServiceEntry, Spec, VirtualService};

/// Checks the resources of one cluster against each other.
///
/// What the resources do not show is not reported: a Gateway may be someone else's only when it is in a namespace of
/// which nothing is here, and a subset is looked for only where a DestinationRule of the host is here.
pub fn lint_across(resources: &[(&Place, &Resource)]) -> Vec<Finding> {
    let index = Index::new(resources);
    let mut found = Vec::new();
    for (place, resource) in resources {
        let mut report = Report::new(place);
        match &resource.spec {
            Spec::VirtualService(service) => {
                index.gateways_of(&mut report, resource, service);
                index.subsets_of(&mut report, resource, service);
            }
            Spec::Sidecar(sidecar) if sidecar.workload_selector.is_none() => {
                index.several(&mut report, "istio/IST0111", "Sidecar", resource);
            }
            Spec::Telemetry(telemetry) if is_for_all(telemetry) => {
                index.several(&mut report, "istio/IST0160", "Telemetry", resource);
            }
            _ => {}
        }
        found.append(&mut report.found);
    }
    found.extend(double_hosts(resources));
    found.extend(double_protocols(resources));
    found.extend(double_certificates(resources));
    found
}

fn is_for_all(telemetry: &crate::istio::Telemetry) -> bool {
    telemetry.selector.is_none() && telemetry.target_ref.is_none() && telemetry.target_refs.is_empty()
}

/// What the rules look up.
struct Index<'a> {
    gateways: HashMap<(&'a str, &'a str), &'a Gateway>,
    namespaces_with_gateways: HashMap<&'a str, ()>,
    rules: HashMap<&'a str, Vec<(&'a Resource, &'a DestinationRule)>>,
    for_all: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Index<'a> {
    fn new(resources: &[(&'a Place, &'a Resource)]) -> Self {
        let mut index = Self {
            gateways: HashMap::new(),
            namespaces_with_gateways: HashMap::new(),
            rules: HashMap::new(),
            for_all: HashMap::new(),
        };
        for (_, resource) in resources {
            let namespace = resource.metadata.namespace.as_str();
            match &resource.spec {
                Spec::Gateway(gateway) => {
                    index.gateways.insert((namespace, resource.metadata.name.as_str()), gateway);
                    index.namespaces_with_gateways.insert(namespace, ());
                }
                Spec::DestinationRule(rule) => {
                    index.rules.entry(rule.host.as_str()).or_default().push((resource, rule));
                }
                Spec::Sidecar(sidecar) if sidecar.workload_selector.is_none() => {
                    *index.for_all.entry((namespace, "Sidecar")).or_default() += 1;
                }
                Spec::Telemetry(telemetry) if is_for_all(telemetry) => {
                    *index.for_all.entry((namespace, "Telemetry")).or_default() += 1;
                }
                _ => {}
            }
        }
        index
    }

    /// IST0111 and IST0160.
    fn several(&self, report: &mut Report<'_>, rule: &'static str, kind: &str, resource: &Resource) {
        let count =
            self.for_all.iter().find(|((namespace, of), _)| *namespace == resource.metadata.namespace && *of == kind);
        if let Some((_, count)) = count.filter(|(_, count)| **count > 1) {
            let message =
                format!("{count} {kind} resources without selector in one namespace; which one holds is undefined");
            report.error(rule, SPEC, message, "keep one");
        }
    }

    /// IST0101 for Gateways, and IST0132.
    fn gateways_of(&self, report: &mut Report<'_>, resource: &Resource, service: &VirtualService) {
        let own = resource.metadata.namespace.as_str();
        let list = SPEC.member("gateways");
        for (index, name) in service.gateways.iter().enumerate().filter(|(_, name)| *name != "mesh") {
            let (namespace, gateway) = gateway_of(name, own);
            let Some(gateway) = self.gateways.get(&(namespace, gateway)) else {
                if namespace == own || self.namespaces_with_gateways.contains_key(namespace) {
                    report.error(
                        "istio/IST0101",
                        list.item(index),
                        format!("there is no Gateway {name}"),
                        "create it, or name another",
                    );
                }
                continue;
            };
            for (index, host) in
                service.hosts.iter().enumerate().filter(|(_, host)| !admits(gateway, namespace, host, own))
            {
                let message = format!("the Gateway {name} does not serve {host}");
                report.warning(
                    "istio/IST0132",
                    SPEC.member("hosts").item(index),
                    message,
                    "add the host to a server of the Gateway",
                );
            }
        }
    }

    /// IST0101 for subsets.
    fn subsets_of(&self, report: &mut Report<'_>, resource: &Resource, service: &VirtualService) {
        let http = service.http.iter().enumerate().flat_map(|(index, route)| {
            route.route.iter().enumerate().map(move |(inner, to)| ("http", index, inner, to.destination.as_ref()))
        });
        let tls = service.tls.iter().enumerate().flat_map(|(index, route)| {
            route.route.iter().enumerate().map(move |(inner, to)| ("tls", index, inner, to.destination.as_ref()))
        });
        let tcp = service.tcp.iter().enumerate().flat_map(|(index, route)| {
            route.route.iter().enumerate().map(move |(inner, to)| ("tcp", index, inner, to.destination.as_ref()))
        });
        for (list, index, inner, to) in http.chain(tls).chain(tcp) {
            let Some(to) = to.filter(|to| !to.subset.is_empty()) else { continue };
            let Some(rules) = self.rules.get(to.host.as_str()) else { continue };
            let mut seen = rules.iter().filter(|(owner, rule)| {
                exports(&owner.metadata.namespace, &rule.export_to)
                    .any(|to| to == "*" || to == resource.metadata.namespace)
            });
            if !seen.any(|(_, rule)| rule.subsets.iter().any(|subset| subset.name == to.subset)) {
                let list = SPEC.member(list);
                let route = list.item(index);
                let message = format!("no DestinationRule of {} declares the subset {}", to.host, to.subset);
                report.error(
                    "istio/IST0101",
                    route.member("route").item(inner),
                    message,
                    "declare it, or name another",
                );
            }
        }
    }
}

/// The namespace and name of the Gateway that a VirtualService of namespace `own` means: `name`, `namespace/name`,
/// `./name`, or the older `name.namespace` with or without the domain of the cluster.
///
/// Source: `pilot/pkg/model/virtualservice.go`, `resolveGatewayName`.
fn gateway_of<'a>(name: &'a str, own: &'a str) -> (&'a str, &'a str) {
    if let Some((namespace, name)) = name.split_once('/') {
        return (if namespace == "." { own } else { namespace }, name);
    }
    match name.split_once('.') {
        Some((name, rest)) => (rest.split('.').next().unwrap_or(rest), name),
        None => (own, name),
    }
}

/// Whether a Gateway that lives in `home` serves a host to the VirtualServices of a namespace; `.` before a host stands
/// for the Gateway's own namespace, `*` or nothing for all.
fn admits(gateway: &Gateway, home: &str, host: &str, from: &str) -> bool {
    gateway.servers.iter().flat_map(|server| &server.hosts).any(|served| {
        let (namespace, served) = served.split_once('/').unwrap_or(("*", served));
        let open = namespace == "*" || namespace == from || (namespace == "." && home == from);
        open && (within(host, served) || within(served, host))
    })
}

/// The namespaces that see a resource, `*` for all.
fn exports<'a>(own: &'a str, export_to: &'a [String]) -> impl Iterator<Item = &'a str> {
    let everybody = export_to.is_empty().then_some("*");
    everybody.into_iter().chain(export_to.iter().map(move |to| if to == "." { own } else { to.as_str() }))
}

/// IST0109: VirtualServices for sidecars, by host and the namespaces that see them.
fn double_hosts(resources: &[(&Place, &Resource)]) -> Vec<Finding> {
    let mut first: HashMap<(&str, &str), &Resource> = HashMap::new();
    let mut found = Vec::new();
    for (place, resource) in resources {
        let Spec::VirtualService(service) = &resource.spec else { continue };
        if !service.gateways.is_empty() && !service.gateways.iter().any(|name| name == "mesh") {
            continue;
        }
        let list = SPEC.member("hosts");
        for (index, host) in service.hosts.iter().enumerate() {
            let other = exports(&resource.metadata.namespace, &service.export_to)
                .map(|to| *first.entry((host, to)).or_insert(resource))
                .find(|other| !std::ptr::eq(*other, *resource));
            if let Some(other) = other {
                clash(
                    &mut found,
                    place,
                    "istio/IST0109",
                    list.item(index),
                    &format!("the VirtualService {} is for {host} too", name(other)),
                );
            }
        }
    }
    found
}

/// IST0177: ServiceEntries that give one port of a host different protocols.
fn double_protocols(resources: &[(&Place, &Resource)]) -> Vec<Finding> {
    type Key<'a> = (&'a str, u32, &'a str);
    let mut first: HashMap<Key<'_>, (&Resource, &str)> = HashMap::new();
    let mut found = Vec::new();
    for (place, resource) in resources {
        let Spec::ServiceEntry(entry) = &resource.spec else { continue };
        let entry: &ServiceEntry = entry;
        let list = SPEC.member("ports");
        for (index, port) in entry.ports.iter().enumerate() {
            let number = port.number.unwrap_or(0);
            let seen = entry.hosts.iter().flat_map(|host| {
                exports(&resource.metadata.namespace, &entry.export_to).map(move |to| (host.as_str(), number, to))
            });
            let others: Vec<_> = seen
                .map(|key| (key.0, *first.entry(key).or_insert((resource, &port.protocol))))
                .filter(|(_, (_, protocol))| !protocol.eq_ignore_ascii_case(&port.protocol))
                .collect();
            if let Some((host, (other, protocol))) = others.first() {
                let message = format!("the ServiceEntry {} says {protocol} for port {number} of {host}", name(other));
                clash(&mut found, place, "istio/IST0177", list.item(index), &message);
            }
        }
    }
    found
}

/// IST0138: Gateways of the same proxies that serve different hosts with one certificate.
fn double_certificates(resources: &[(&Place, &Resource)]) -> Vec<Finding> {
    let mut first: HashMap<(String, &str), &Resource> = HashMap::new();
    let mut found = Vec::new();
    for (place, resource) in resources {
        let Spec::Gateway(gateway) = &resource.spec else { continue };
        let proxies = format!("{:?}", gateway.selector);
        let list = SPEC.member("servers");
        for (index, server) in gateway.servers.iter().enumerate() {
            let Some(tls) = server.tls.as_ref().filter(|tls| !tls.credential_name.is_empty()) else { continue };
            let other = *first.entry((proxies.clone(), tls.credential_name.as_str())).or_insert(resource);
            if !std::ptr::eq(other, *resource) {
                let message = format!(
                    "the Gateway {} serves the certificate {} too; browsers that reuse connections get 404",
                    name(other),
                    tls.credential_name
                );
                clash(&mut found, place, "istio/IST0138", list.item(index), &message);
            }
        }
    }
    found
}

fn clash(found: &mut Vec<Finding>, place: &Place, rule: &'static str, at: At<'_>, message: &str) {
    let mut report = Report::new(place);
    let remedy = "make them one, or let them differ";
    match rule {
        "istio/IST0138" => report.warning(rule, at, message, remedy),
        _ => report.error(rule, at, message, remedy),
    }
    found.append(&mut report.found);
}

fn name(resource: &Resource) -> String {
    format!("{}/{}", resource.metadata.namespace, resource.metadata.name)
}
