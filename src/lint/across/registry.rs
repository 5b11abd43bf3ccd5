//! The services that manifests tell of, as Istio would have them in its registry (`analyzers/util/service_lookup.go`).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::super::hosts::Hosts;
use super::visibility::exports;
use crate::istio::{Resource, Spec};

/// A service, from a Service or a ServiceEntry.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The numbers of its ports.
    pub(super) ports: Vec<u32>,
    namespace: &'a str,
    /// The namespaces that see it; all when empty.
    export_to: Vec<&'a str>,
}

impl Known<'_> {
    fn is_seen_from(&self, namespace: &str) -> bool {
        let sees = |to: &&str| *to == "*" || *to == namespace || *to == "." && self.namespace == namespace;
        self.export_to.is_empty() || self.export_to.iter().any(sees)
    }
}

/// Every service that manifests tell of.
#[derive(Debug, Default)]
pub(super) struct Registry<'a> {
    known: Vec<Known<'a>>,
    /// Services, by namespace and name.
    services: HashMap<(&'a str, &'a str), usize>,
    /// ServiceEntries that all namespaces see, and those that one does.
    public: Hosts<'a, usize>,
    private: HashMap<&'a str, Hosts<'a, usize>>,
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
        let (namespace, number) = (resource.metadata.namespace.as_str(), self.known.len());
        if let Spec::ServiceEntry(entry) = &resource.spec {
            self.with_entries.insert(namespace);
            let export_to: Vec<&str> = entry.export_to.iter().map(String::as_str).collect();
            let everybody = export_to.is_empty() || export_to.contains(&"*");
            for host in &entry.hosts {
                if everybody {
                    self.public.add(host, number);
                }
                for to in export_to.iter().filter(|_| !everybody) {
                    let to = if *to == "." { namespace } else { to };
                    self.private.entry(to).or_default().add(host, number);
                }
            }
            let ports = entry.ports.iter().filter_map(|port| port.number).collect();
            self.known.push(Known { ports, namespace, export_to });
        } else if let Some(service) = resource.service() {
            self.with_services.insert(namespace);
            self.services.insert((namespace, resource.metadata.name.as_str()), number);
            let ports = service.ports.iter().filter_map(|port| port.port).collect();
            let export_to = resource.metadata.annotations.get("networking.istio.io/exportTo");
            let export_to = export_to.map(|to| to.split(',').map(str::trim).collect()).unwrap_or_default();
            self.known.push(Known { ports, namespace, export_to });
        }
    }

    /// Looks for a full host that a resource of a namespace refers to, for one of the namespaces that the resource is for.
    ///
    /// A host of the cluster is missing when its namespace has Services here; another one when the referring namespace has
    /// ServiceEntries here. Otherwise whoever defines it may do so elsewhere.
    pub(super) fn find(&self, host: &str, own: &str, scopes: &[&str]) -> Found<'_, 'a> {
        let of_cluster = service_of(host);
        let service = of_cluster.and_then(|(name, namespace)| self.services.get(&(namespace, name)));
        let public = self.public.covering(host);
        for from in scopes {
            let private = self.private.get(from).and_then(|hosts| hosts.covering(host));
            let numbers = [service.copied(), private, public];
            let mut known = numbers.into_iter().flatten().filter_map(|number| self.known.get(number));
            if let Some(known) = known.find(|known| known.is_seen_from(from)) {
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

/// The namespaces for which a resource looks up hosts: those that it is exported to by name, up to a few, or else its own.
pub(super) fn scopes<'s>(own: &'s str, export_to: &'s [String]) -> Vec<&'s str> {
    match exports(own, export_to).next() {
        Some("*") | None => vec![own],
        Some(_) => exports(own, export_to).take(64).collect(),
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
