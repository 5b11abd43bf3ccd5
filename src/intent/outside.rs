//! Indexes of outbound intents: what of them shares a host, pods or an egress gateway.

use std::collections::BTreeSet;

use imbl::OrdSet;

use super::anchor::Anchor;
use super::resource::Resource;
use super::scalar::{DnsLabel, Label, OutsideHost};
use super::spec::{Spec, Via};

/// Indexes of callers and servers of outbound intents.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// Outbound intents by namespace and pods.
    callers: OrdSet<(DnsLabel, Label, Anchor)>,
    /// Outbound servers by namespace and host.
    hosts: OrdSet<(DnsLabel, OutsideHost, Anchor)>,
    /// Those behind an egress gateway by host.
    exits: OrdSet<(OutsideHost, Anchor)>,
    /// Those behind an egress gateway by namespace.
    leavers: OrdSet<(DnsLabel, Anchor)>,
    /// Those that acknowledge what an egress gateway may lose.
    acknowledging: OrdSet<Anchor>,
    /// Client intents by the label of the calling pods.
    clients: OrdSet<(Label, Anchor)>,
}

/// The entry of an outbound intent or server.
pub(super) enum Kept {
    Caller((DnsLabel, Label, Anchor)),
    Server { key: (DnsLabel, OutsideHost, Anchor), exits: bool, acknowledges: bool },
}

impl Kept {
    /// The entry of a resource in `namespace`; none of one of another kind.
    pub(super) fn of(resource: &Resource, namespace: &DnsLabel) -> Option<Self> {
        let (namespace, anchor) = (namespace.clone(), resource.anchor().clone());
        match resource.spec() {
            Spec::Outbound(caller) => Some(Self::Caller((namespace, caller.label.clone(), anchor))),
            Spec::OutboundServer(server) => Some(Self::Server {
                key: (namespace, server.host.clone(), anchor),
                exits: server.via == Via::EgressGateway,
                acknowledges: !server.acknowledge.is_empty(),
            }),
            _ => None,
        }
    }
}

impl Outside {
    pub(super) fn add(&mut self, kept: Kept) {
        match kept {
            Kept::Caller(key) => drop(self.callers.insert(key)),
            Kept::Server { key, exits, acknowledges } => {
                if exits {
                    self.exits.insert((key.1.clone(), key.2.clone()));
                    self.leavers.insert((key.0.clone(), key.2.clone()));
                }
                if acknowledges {
                    self.acknowledging.insert(key.2.clone());
                }
                self.hosts.insert(key);
            }
        }
    }

    pub(super) fn remove(&mut self, kept: &Kept) {
        match kept {
            Kept::Caller(key) => drop(self.callers.remove(key)),
            Kept::Server { key, .. } => {
                self.exits.remove(&(key.1.clone(), key.2.clone()));
                self.leavers.remove(&(key.0.clone(), key.2.clone()));
                self.acknowledging.remove(&key.2);
                self.hosts.remove(key);
            }
        }
    }

    pub(super) fn add_client(&mut self, resource: &Resource) {
        if let Spec::Client(client) = resource.spec() {
            self.clients.insert((client.label.clone(), resource.anchor().clone()));
        }
    }

    pub(super) fn remove_client(&mut self, resource: &Resource) {
        if let Spec::Client(client) = resource.spec() {
            self.clients.remove(&(client.label.clone(), resource.anchor().clone()));
        }
    }

    /// Whether there is no outbound intent with a namespace.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    /// The outbound intents of the pods of `label` in `namespace`.
    pub fn of_workload<'a>(
        &'a self,
        namespace: &DnsLabel,
        label: &Label,
    ) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let (namespace, label) = (namespace.clone(), label.clone());
        let start = (namespace.clone(), label.clone(), Anchor::least());
        self.callers.range(start..).take_while(move |k| k.0 == namespace && k.1 == label).map(|k| &k.2)
    }

    /// Every namespace and pods that an outbound intent names, once each.
    pub fn workloads(&self) -> BTreeSet<(&DnsLabel, &Label)> {
        self.callers.iter().map(|(namespace, label, _)| (namespace, label)).collect()
    }

    /// The outbound servers about `host` of callers in `namespace`.
    pub fn of_host<'a>(
        &'a self,
        namespace: &DnsLabel,
        host: &OutsideHost,
    ) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let (namespace, host) = (namespace.clone(), host.clone());
        let start = (namespace.clone(), host.clone(), Anchor::least());
        self.hosts.range(start..).take_while(move |k| k.0 == namespace && k.1 == host).map(|k| &k.2)
    }

    /// Every namespace and host, once each.
    pub fn hosts(&self) -> BTreeSet<(&DnsLabel, &OutsideHost)> {
        self.hosts.iter().map(|(namespace, host, _)| (namespace, host)).collect()
    }

    /// The outbound servers about `host` behind an egress gateway, of callers anywhere.
    pub fn of_exit<'a>(&'a self, host: &OutsideHost) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let host = host.clone();
        self.exits.range((host.clone(), Anchor::least())..).take_while(move |k| k.0 == host).map(|k| &k.1)
    }

    /// The outbound servers behind an egress gateway of callers in `namespace`.
    pub fn leaving<'a>(&'a self, namespace: &DnsLabel) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let namespace = namespace.clone();
        self.leavers.range((namespace.clone(), Anchor::least())..).take_while(move |k| k.0 == namespace).map(|k| &k.1)
    }

    /// The outbound servers that acknowledge what an egress gateway may lose.
    pub fn acknowledging(&self) -> impl Iterator<Item = &Anchor> {
        self.acknowledging.iter()
    }

    /// The client intents of pods with `label`, wherever they run.
    pub fn clients_of<'a>(&'a self, label: &Label) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let label = label.clone();
        self.clients.range((label.clone(), Anchor::least())..).take_while(move |k| k.0 == label).map(|k| &k.1)
    }
}
