//! What may be said once: IST0109 for hosts, IST0177 for protocols, IST0111 and IST0160 for namespaces.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::hosts::Hosts;
use super::super::report::{Report, SPEC};
use super::registry::full;
use super::visibility::exports;
use crate::finding::{Finding, Place};
use crate::istio::{Resource, ServiceEntry, Spec, VirtualService};

/// The resources that are checked, by their number.
pub(super) type All<'a> = [(&'a Place, &'a Resource)];

pub(super) fn name(resource: &Resource) -> String {
    format!("{}/{}", resource.metadata.namespace, resource.metadata.name)
}

/// The first two of those that say the same.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    first: usize,
    second: Option<usize>,
}

impl Pair {
    pub(super) fn of(first: usize) -> Self {
        Self { first, second: None }
    }

    pub(super) fn add(&mut self, number: usize) {
        if self.first != number {
            self.second.get_or_insert(number);
        }
    }

    pub(super) fn other_than(self, number: usize) -> Option<usize> {
        if self.first == number { self.second } else { Some(self.first) }
    }
}

/// The VirtualServices that sidecars take.
fn for_sidecars<'a>(all: &All<'a>) -> impl Iterator<Item = (usize, &'a str, &'a VirtualService)> {
    all.iter().enumerate().filter_map(|(number, (_, resource))| match &resource.spec {
        Spec::VirtualService(service) => {
            let mesh = service.gateways.is_empty() || service.gateways.iter().any(|name| name == "mesh");
            mesh.then_some((number, resource.metadata.namespace.as_str(), service))
        }
        _ => None,
    })
}

/// IST0109: VirtualServices for sidecars with one host, for namespaces that see both.
///
/// Source: `analyzers/virtualservice/conflictingmeshgatewayhosts.go`; a host that all namespaces see clashes with those that
/// one sees, by wildcards, too.
pub(super) fn hosts(all: &All<'_>) -> Vec<Finding> {
    let mut seen: HashMap<(&str, Cow<'_, str>), Pair> = HashMap::new();
    for (number, own, service) in for_sidecars(all) {
        for (scope, host) in pairs(own, service) {
            seen.entry((scope, host)).or_insert_with(|| Pair::of(number)).add(number);
        }
    }
    let mut public = Hosts::default();
    for ((_, host), pair) in seen.iter().filter(|((scope, _), _)| *scope == "*") {
        public.add(host, pair.first);
    }
    // Those that all namespaces see, with one that clashes by what a single namespace sees.
    let mut clashing: HashMap<usize, usize> = HashMap::new();
    let mut others: HashMap<(usize, usize), usize> = HashMap::new();
    for (number, own, service) in for_sidecars(all) {
        for (index, host) in service.hosts.iter().enumerate() {
            let host = full(host, own);
            for scope in exports(own, &service.export_to) {
                let same = seen.get(&(scope, host.clone())).and_then(|pair| pair.other_than(number));
                let wider = (scope != "*").then(|| public.overlapping(&host)).flatten();
                if let Some(wider) = wider {
                    clashing.entry(wider).or_insert(number);
                }
                if let Some(other) = same.or(wider) {
                    others.entry((number, index)).or_insert(other);
                    break;
                }
            }
        }
    }
    let mut found = vec![];
    for (number, _, service) in for_sidecars(all) {
        let ((place, resource), mut told) = (all[number], false);
        let mut report = Report::new(place, resource);
        let remedy = "make them one, or let them have hosts or namespaces of their own";
        let list = SPEC.member("hosts");
        for index in 0..service.hosts.len() {
            let Some(other) = others.get(&(number, index)) else { continue };
            let message = format!("the VirtualService {} is for {} too", name(all[*other].1), service.hosts[index]);
            report.error("istio/IST0109", list.item(index), message, remedy);
            told = true;
        }
        if let Some(other) = clashing.get(&number).filter(|_| !told) {
            let message = format!("the VirtualService {} is for one of the hosts too", name(all[*other].1));
            report.error("istio/IST0109", list, message, remedy);
        }
        found.append(&mut report.found);
    }
    found
}

fn pairs<'a>(own: &'a str, service: &'a VirtualService) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> {
    let scopes = exports(own, &service.export_to);
    scopes.flat_map(move |scope| service.hosts.iter().map(move |host| (scope, full(host, own))))
}

/// What ServiceEntries say of a port of a host: the first of them, and the first that says otherwise.
struct Said<'a> {
    first: (usize, &'a str),
    otherwise: Option<(usize, &'a str)>,
}

impl<'a> Said<'a> {
    fn add(&mut self, number: usize, protocol: &'a str) {
        if !self.first.1.eq_ignore_ascii_case(protocol) {
            self.otherwise.get_or_insert((number, protocol));
        }
    }

    fn differing(&self, protocol: &str) -> Option<(usize, &'a str)> {
        let differs = |said: &(usize, &'a str)| !said.1.eq_ignore_ascii_case(protocol);
        Some(self.first).filter(differs).or(self.otherwise.filter(differs))
    }
}

fn entries<'a>(all: &All<'a>) -> impl Iterator<Item = (usize, &'a str, &'a ServiceEntry)> {
    all.iter().enumerate().filter_map(|(number, (_, resource))| match &resource.spec {
        Spec::ServiceEntry(entry) => Some((number, resource.metadata.namespace.as_str(), &**entry)),
        _ => None,
    })
}

/// IST0177: ServiceEntries that give one port of a host different protocols, for namespaces that see both.
///
/// Source: `analyzers/serviceentry/conflictingserviceentries.go`.
pub(super) fn protocols(all: &All<'_>) -> Vec<Finding> {
    let mut said: HashMap<(&str, &str, u32), Said<'_>> = HashMap::new();
    // What single namespaces see, by what all see.
    let mut private: HashMap<(&str, u32), Said<'_>> = HashMap::new();
    for (number, own, entry) in entries(all) {
        for scope in exports(own, &entry.export_to) {
            for (host, port) in entry.hosts.iter().flat_map(|host| entry.ports.iter().map(move |port| (host, port))) {
                let first = (number, port.protocol.as_str());
                let new = || Said { first, otherwise: None };
                let of = port.number.unwrap_or(0);
                said.entry((scope, host, of)).or_insert_with(new).add(number, &port.protocol);
                if scope != "*" {
                    private.entry((host, of)).or_insert_with(new).add(number, &port.protocol);
                }
            }
        }
    }
    let mut found = vec![];
    for (number, own, entry) in entries(all) {
        let mut report = Report::new(all[number].0, all[number].1);
        let list = SPEC.member("ports");
        for (index, port) in entry.ports.iter().enumerate() {
            let of = port.number.unwrap_or(0);
            let differing = entry.hosts.iter().find_map(|host| {
                let seen = exports(own, &entry.export_to).find_map(|scope| {
                    let same = said.get(&(scope, host, of))?.differing(&port.protocol);
                    let public = || said.get(&("*", host, of))?.differing(&port.protocol);
                    let one = || private.get(&(host.as_str(), of))?.differing(&port.protocol);
                    same.or_else(|| if scope == "*" { one() } else { public() })
                })?;
                Some((host, seen))
            });
            if let Some((host, (other, protocol))) = differing {
                let protocol = if protocol.is_empty() { "no protocol" } else { protocol };
                let other = match other == number {
                    true => "this ServiceEntry itself".to_owned(),
                    false => format!("the ServiceEntry {}", name(all[other].1)),
                };
                let message = format!("{other} says {protocol} for port {of} of {host}");
                report.warning("istio/IST0177", list.item(index), message, "let them name one protocol");
            }
        }
        found.append(&mut report.found);
    }
    found
}

/// What is for a whole namespace.
fn for_all(resource: &Resource) -> Option<(&'static str, &'static str)> {
    match &resource.spec {
        Spec::Sidecar(sidecar) => {
            let selects = sidecar.workload_selector.as_ref().is_some_and(|selector| !selector.labels.is_empty());
            (!selects).then_some(("istio/IST0111", "Sidecar"))
        }
        Spec::Telemetry(telemetry) => {
            let targets = telemetry.target_ref.is_some() || !telemetry.target_refs.is_empty();
            (telemetry.selector.is_none() && !targets).then_some(("istio/IST0160", "Telemetry"))
        }
        _ => None,
    }
}

/// Whether the namespaces that manifests are about are ambient, so that there are no sidecars.
pub(super) fn ambient<'a>(all: &All<'a>) -> HashMap<&'a str, bool> {
    let namespaces = all.iter().filter(|(_, resource)| resource.is_namespace());
    let modes = namespaces.map(|(_, resource)| {
        let label = |name: &str| resource.metadata.labels.get(name).map_or("", String::as_str);
        let injected = label("istio-injection") == "enabled" || !label("istio.io/rev").is_empty();
        (resource.metadata.name.as_str(), label("istio.io/dataplane-mode") == "ambient" && !injected)
    });
    modes.collect()
}

/// IST0111 and IST0160: several resources for the whole of one namespace.
///
/// Source: `analyzers/sidecar/selector.go`, `analyzers/telemetry/default_selector.go`. In a namespace that a manifest puts
/// into ambient mode there are no sidecars.
pub(super) fn namespaces(all: &All<'_>) -> Vec<Finding> {
    let mut seen: HashMap<(&str, &str), Pair> = HashMap::new();
    for (number, (_, resource)) in all.iter().enumerate() {
        if let Some((_, kind)) = for_all(resource) {
            let key = (kind, resource.metadata.namespace.as_str());
            seen.entry(key).or_insert_with(|| Pair::of(number)).add(number);
        }
    }
    let ambient = ambient(all);
    let mut found = vec![];
    for (number, (place, resource)) in all.iter().enumerate() {
        let Some((rule, kind)) = for_all(resource) else { continue };
        let namespace = resource.metadata.namespace.as_str();
        let other = seen.get(&(kind, namespace)).and_then(|pair| pair.other_than(number));
        let idle = kind == "Sidecar" && ambient.get(namespace) == Some(&true);
        if let Some(other) = other.filter(|_| !idle) {
            let message = format!(
                "the {kind} {} is for the whole namespace too; which one holds is undefined",
                name(all[other].1)
            );
            let mut report = Report::new(place, resource);
            report.error(rule, SPEC, message, "keep one, or give the others selectors");
            found.append(&mut report.found);
        }
    }
    found
}
