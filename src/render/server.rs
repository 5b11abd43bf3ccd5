//! Servers and their callers, resolved: what the tree says about them in one place.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::places::{Clusters, Places};
use crate::finding::{Finding, Place};
use crate::intent::rules::{effective_protocol, is_closed};
use crate::intent::scalar::DnsLabel;
use crate::intent::spec::{AccessPoint, Client, Inbound, Protocol};
use crate::intent::tree::group_of_guest;
use crate::intent::{Anchor, ClusterId, Kind, Spec, Tree};

/// An inbound intent, resolved.
pub(super) struct Server<'t> {
    /// The intent.
    pub(super) anchor: &'t Anchor,
    /// What it says.
    pub(super) inbound: &'t Inbound,
    /// Where it lives.
    pub(super) namespace: &'t DnsLabel,
    /// What it really speaks.
    pub(super) protocol: Protocol,
    /// Whether it asks that only its clients may call.
    pub(super) closed: bool,
    /// Whether the manifests of its group were taken away.
    pub(super) terminated: bool,
    /// Where it runs; empty while that is not known.
    pub(super) clusters: Clusters,
    /// Where its Service is found: where this or any other intent about the same Service runs.
    pub(super) host_clusters: Clusters,
    /// The ways that calls of its port take from one of these clusters to another, as any intent about the same port says.
    pub(super) ways: Arc<BTreeSet<(ClusterId, ClusterId)>>,
    /// Who may call, as far as it is known; nobody once it is terminated.
    pub(super) callers: Vec<Caller<'t>>,
}

/// A client intent, resolved.
pub(super) struct Caller<'t> {
    /// The intent.
    pub(super) anchor: &'t Anchor,
    /// What it says.
    pub(super) client: &'t Client,
    /// Where the calling app lives.
    pub(super) namespace: &'t DnsLabel,
    /// Where the calling app runs.
    pub(super) clusters: Clusters,
    /// What is said about its requests, and where.
    pub(super) points: Vec<(&'t Anchor, &'t AccessPoint)>,
}

impl<'t> Server<'t> {
    /// Resolves the inbound intent at `anchor`, which lives in `namespace`.
    pub(super) fn resolve(
        tree: &'t Tree,
        anchor: &'t Anchor,
        namespace: &'t DnsLabel,
        places: &mut Places<'t>,
        findings: &mut Vec<Finding>,
    ) -> Option<Self> {
        let inbound = tree.inbound(anchor)?;
        let group = anchor.ancestor(Kind::DeploymentIntentGroup)?;
        let terminated = places.terminated(&group);
        let closed = is_closed(tree, anchor);
        let clusters = places.clusters(&group, &inbound.app).unwrap_or_else(|missing| {
            if inbound.in_mesh && (closed || !terminated) {
                findings.push(Finding { place: Place::pointing(anchor.as_str(), "/spec/app"), ..missing });
            }
            Clusters::default()
        });
        let mut callers = vec![];
        if inbound.in_mesh && !terminated {
            for caller in Caller::all(tree, anchor, &group, places) {
                match caller {
                    Ok(caller) => callers.push(caller),
                    Err(missing) => findings.push(missing),
                }
            }
        }
        Some(Self {
            anchor,
            inbound,
            namespace,
            protocol: effective_protocol(tree, anchor, inbound),
            closed,
            terminated,
            host_clusters: Arc::clone(&clusters),
            ways: Arc::default(),
            clusters,
            callers,
        })
    }

    /// Whether anything may be rendered for it.
    pub(super) fn is_live(&self) -> bool {
        self.inbound.in_mesh && !self.terminated && !self.clusters.is_empty()
    }

    /// Whether anything decides who may call its pods.
    pub(super) fn is_enforced(&self) -> bool {
        self.inbound.in_mesh && self.inbound.has_proxy() && self.protocol != Protocol::Udp
    }

    /// Whether outside callers reach it through the gateway.
    pub(super) fn is_exposed(&self) -> bool {
        self.is_live() && self.inbound.exposed
    }

    /// Whether `caller` also runs where the Service is not found.
    pub(super) fn is_remote(&self, caller: &Caller<'_>) -> bool {
        !caller.clusters.is_subset(&self.host_clusters)
    }

    /// Whether `caller` is led from a cluster where the Service is found to another; it takes a sidecar to be led.
    pub(super) fn is_led_on(&self, caller: &Caller<'_>) -> bool {
        caller.client.sidecar && self.ways.iter().any(|(from, _)| caller.clusters.contains(from))
    }

    /// Whether the cidrs of `caller` cannot be obeyed, because its address does not survive the gateway.
    pub(super) fn is_refused(&self, caller: &Caller<'_>) -> bool {
        !caller.client.cidrs.is_empty() && (self.is_remote(caller) || self.is_led_on(caller))
    }

    /// The callers that may be rendered.
    pub(super) fn accepted(&self) -> impl Iterator<Item = &Caller<'t>> {
        self.callers.iter().filter(|caller| !self.is_refused(caller))
    }

    /// The host inside the mesh.
    pub(super) fn host(&self) -> String {
        self.inbound.host(self.namespace)
    }

    /// The intent, and those of its callers.
    pub(super) fn intents(&self) -> Vec<Anchor> {
        std::iter::once(self.anchor).chain(self.callers.iter().map(|caller| caller.anchor)).cloned().collect()
    }
}

impl<'t> Caller<'t> {
    /// The callers of the server at `anchor` in `group`, in one walk: access points stand right behind their client.
    fn all(tree: &'t Tree, anchor: &Anchor, group: &Anchor, places: &mut Places<'t>) -> Vec<Result<Self, Finding>> {
        let mut callers: Vec<Result<Self, Finding>> = vec![];
        for resource in tree.within(anchor) {
            match resource.spec() {
                Spec::Client(client) => callers.push(Self::resolve(resource.anchor(), client, group, places)),
                Spec::AccessPoint(point) => {
                    if let Some(Ok(caller)) = callers.last_mut()
                        && resource.anchor().is_within(caller.anchor)
                    {
                        caller.points.push((resource.anchor(), point));
                    }
                }
                _ => {}
            }
        }
        callers
    }

    fn resolve(
        anchor: &'t Anchor,
        client: &'t Client,
        group: &Anchor,
        places: &mut Places<'t>,
    ) -> Result<Self, Finding> {
        let elsewhere = group_of_guest(client);
        let pointer = if elsewhere.is_some() { "/spec/placedIn" } else { "/spec/app" };
        let group = elsewhere.as_ref().unwrap_or(group);
        let here = |missing| Finding { place: Place::pointing(anchor.as_str(), pointer), ..missing };
        let clusters = places.clusters(group, &client.app).map_err(here)?;
        let namespace = places.namespace(group).map_err(here)?;
        Ok(Self { anchor, client, namespace, clusters, points: vec![] })
    }

    /// The namespaces that its identities live in, and that its calls come from.
    pub(super) fn namespaces(&self) -> BTreeSet<&str> {
        let client = self.client;
        if client.namespaces.is_empty() && client.service_accounts.is_empty() {
            return BTreeSet::from([self.namespace.as_str()]);
        }
        let accounts = client.service_accounts.iter().map(|account| account.pair().0);
        client.namespaces.iter().map(DnsLabel::as_str).chain(accounts).collect()
    }

    /// The clusters that it runs on and `others` do not hold.
    pub(super) fn beyond<'s>(&'s self, others: &'s BTreeSet<ClusterId>) -> impl Iterator<Item = &'s ClusterId> {
        self.clusters.difference(others)
    }
}
