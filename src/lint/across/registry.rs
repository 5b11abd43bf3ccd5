//! The services that manifests tell of, as Istio would have them in its registry (`analyzers/util/service_lookup.go`).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::super::hosts::Hosts;
use super::visibility::exports;
use crate::istio::{Resource, ServiceEntry, Spec};

/// The ports of a service, from a Service or from ServiceEntries.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The numbers of all ports.
    pub(super) ports: Vec<u32>,
    /// How many of them everybody has who sees the service.
    pub(super) least: usize,
    /// The ServiceEntry, and its namespace, that all others are joined to; `None` for a Service, and where some are not.
    entry: Option<(&'a str, &'a ServiceEntry)>,
}

impl<'a> Known<'a> {
    fn of(ports: Vec<u32>, entry: Option<(&'a str, &'a ServiceEntry)>) -> Self {
        Self { least: ports.len(), ports, entry }
    }

    /// Takes in another ServiceEntry of the host. A proxy sees the ports of both where they are alike, or else those of one of
    /// them (`pilot/pkg/model/sidecar.go`, `appendSidecarServices`).
    fn join(&mut self, namespace: &'a str, entry: &'a ServiceEntry) {
        let ports = numbers(entry);
        let alike = |(home, first): (&str, &ServiceEntry)| {
            home == namespace
                && first.resolution == entry.resolution
                && first.workload_selector == entry.workload_selector
                // One namespace, or all: longer lists may be the same, too, and are not compared.
                && first.export_to.len() <= 1
                && entry.export_to.len() <= 1
        };
        self.entry = self.entry.filter(|first| alike(*first));
        self.least = if self.entry.is_some() { self.ports.len() + ports.len() } else { self.least.min(ports.len()) };
        self.ports.extend(ports);
    }
}

fn numbers(entry: &ServiceEntry) -> Vec<u32> {
    entry.ports.iter().filter_map(|port| port.number).collect()
}

/// A Service, and who sees it.
#[derive(Debug)]
struct Exported<'a> {
    known: Known<'a>,
    namespace: &'a str,
    /// The namespaces that see it; all when empty.
    to: Vec<&'a str>,
}

impl Exported<'_> {
    fn is_seen_from(&self, namespace: &str) -> bool {
        let sees = |to: &&str| *to == "*" || *to == namespace || *to == "." && self.namespace == namespace;
        self.to.is_empty() || self.to.iter().any(sees)
    }
}

/// Every service that manifests tell of.
#[derive(Debug, Default)]
pub(super) struct Registry<'a> {
    /// Services, by namespace and name.
    services: HashMap<(&'a str, &'a str), usize>,
    exported: Vec<Exported<'a>>,
    /// What ServiceEntries say of a host, to some namespaces.
    entries: Vec<Known<'a>>,
    /// ServiceEntries that all namespaces see, and those that one does.
    public: Hosts<'a, usize>,
    private: HashMap<&'a str, Hosts<'a, usize>>,
    /// The hosts of ServiceEntries of which no more is kept.
    wide: Hosts<'a, ()>,
    /// Namespaces with Services here, and with ServiceEntries.
    with_services: HashSet<&'a str>,
    with_entries: HashSet<&'a str>,
}

/// Where a host was looked for.
pub(super) enum Found<'r, 'a> {
    /// It is there.
    Here(&'r Known<'a>),
    /// It would be here, and is not.
    Missing,
    /// It may be somewhere else.
    Unknown,
}

impl<'a> Registry<'a> {
    pub(super) fn add(&mut self, resource: &'a Resource) {
        let namespace = resource.metadata.namespace.as_str();
        if let Spec::ServiceEntry(entry) = &resource.spec {
            self.with_entries.insert(namespace);
            for scope in exports(namespace, &entry.export_to) {
                let hosts = if scope == "*" { &mut self.public } else { self.private.entry(scope).or_default() };
                for host in &entry.hosts {
                    match hosts.at(host).and_then(|number| self.entries.get_mut(number)) {
                        Some(known) => known.join(namespace, entry),
                        None => {
                            hosts.add(host, self.entries.len());
                            self.entries.push(Known::of(numbers(entry), Some((namespace, entry))));
                        }
                    }
                }
            }
        } else if let Some(service) = resource.service() {
            self.with_services.insert(namespace);
            let ports = service.ports.iter().filter_map(|port| port.port).collect();
            let to = resource.metadata.annotations.get("networking.istio.io/exportTo");
            let to = to.map(|to| to.split(',').map(str::trim).collect()).unwrap_or_default();
            self.services.insert((namespace, resource.metadata.name.as_str()), self.exported.len());
            self.exported.push(Exported { known: Known::of(ports, None), namespace, to });
        }
    }

    /// Adds what is too large to be kept: that it is there is known of its hosts, and nothing else.
    pub(super) fn add_wide(&mut self, resource: &'a Resource) {
        if let Spec::ServiceEntry(entry) = &resource.spec {
            entry.hosts.iter().for_each(|host| self.wide.add(host, ()));
        }
    }

    /// Looks for a full host that a resource of a namespace refers to, for one of the namespaces that the resource is for.
    ///
    /// A host of the cluster is missing when its namespace has Services here; another one when the referring namespace has
    /// ServiceEntries here. Otherwise whoever defines it may do so elsewhere.
    pub(super) fn find(&self, host: &str, own: &str, scopes: &[&str]) -> Found<'_, 'a> {
        if scopes.len() > MOST_SCOPES || self.wide.covering(host).is_some() {
            return Found::Unknown;
        }
        let of_cluster = service_of(host);
        let service = of_cluster.and_then(|(name, namespace)| self.services.get(&(namespace, name)));
        let service = service.and_then(|number| self.exported.get(*number));
        let public = self.public.covering(host);
        for from in scopes {
            let service = service.filter(|service| service.is_seen_from(from)).map(|service| &service.known);
            let entry = || self.private.get(from).and_then(|hosts| hosts.covering(host)).or(public);
            if let Some(known) = service.or_else(|| self.entries.get(entry()?)) {
                return Found::Here(known);
            }
        }
        let here = match of_cluster {
            Some((name, namespace)) => {
                self.with_services.contains(namespace)
                    && !name.contains('.')
                    && !host.ends_with(".svc.clusterset.local")
            }
            None => self.with_entries.contains(own),
        };
        if here { Found::Missing } else { Found::Unknown }
    }
}

/// The most namespaces that a resource is exported to of which hosts are looked for in each.
pub(super) const MOST_SCOPES: usize = 64;

/// The namespaces for which a resource looks up hosts: those that it is exported to by name, or else its own. Where there are
/// too many of them, nothing is missed.
pub(super) fn scopes<'s>(own: &'s str, export_to: &'s [String]) -> Vec<&'s str> {
    match exports(own, export_to).next() {
        Some("*") | None => vec![own],
        Some(_) => exports(own, export_to).take(MOST_SCOPES + 1).collect(),
    }
}

/// The name and namespace of the Service that a host stands for, `name.namespace.svc.` and the domain of the cluster.
fn service_of(host: &str) -> Option<(&str, &str)> {
    let (service, _) = host.split_once(".svc.")?;
    service.rsplit_once('.')
}

/// A host as it stands for others: a short one is completed with the namespace and the usual domain of a cluster
/// (`analyzers/util/hosts.go`, `ConvertHostToFQDN`).
pub(super) fn full<'h>(host: &'h str, namespace: &str) -> Cow<'h, str> {
    if host.contains('.') || host.starts_with('*') {
        Cow::Borrowed(host)
    } else {
        Cow::Owned(format!("{host}.{namespace}.svc.cluster.local"))
    }
}
