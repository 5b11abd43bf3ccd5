//! A workload on a cluster: the pods that a label selects, with every server on them.

use std::collections::BTreeSet;

use super::guarded::Guarded;
use super::output::TargetAccess;
use super::server::Server;
use super::unit::Unit;
use crate::intent::ClusterId;
use crate::intent::scalar::{DnsLabel, Label};
use crate::istio::{LabelSelector, PolicyTargetReference, StringMap};

/// A workload on a cluster, as far as policies guard it.
pub(super) struct Workload<'s, 't> {
    /// The cluster.
    pub(super) cluster: &'s ClusterId,
    /// The namespace.
    pub(super) namespace: &'t DnsLabel,
    /// What selects the pods.
    pub(super) label: &'t Label,
    /// The first of its services by name: its policies stand there.
    pub(super) service: &'s str,
    /// Its servers, as far as policies can tell them apart.
    pub(super) units: Vec<Unit<'s, 't>>,
    /// Whether its policies are only watched.
    pub(super) observed: bool,
}

impl<'s, 't> Workload<'s, 't> {
    /// The workload of the servers that run on `cluster`; none where there is nothing to guard or nothing guards.
    pub(super) fn of(cluster: &'s ClusterId, here: &[&'s Server<'t>]) -> Option<Self> {
        let guarded = |server: &&Server<'_>| server.is_enforced() && (server.closed || !server.terminated);
        let servers: Vec<_> = here.iter().copied().filter(guarded).collect();
        let first = servers.iter().min_by_key(|server| &server.inbound.service)?;
        Some(Self {
            cluster,
            namespace: first.namespace,
            label: &first.inbound.label,
            service: first.inbound.service.as_str(),
            observed: servers.iter().all(|server| server.inbound.observed()),
            units: Unit::among(&servers),
        })
    }

    /// Its servers.
    pub(super) fn servers(&self) -> impl Iterator<Item = &'s Server<'t>> {
        self.units.iter().flat_map(|unit| unit.servers.iter().copied())
    }

    /// What selects its pods.
    pub(super) fn selector(&self) -> LabelSelector {
        let (key, value) = self.label.pair();
        LabelSelector { match_labels: StringMap::from([(key.to_owned(), value.to_owned())]) }
    }

    /// The waypoint that stands before its Services, if one does.
    pub(super) fn waypoint(&self) -> Option<&'t DnsLabel> {
        self.servers().find_map(|server| server.inbound.waypoint.as_ref())
    }

    /// Its Services.
    pub(super) fn services(&self) -> BTreeSet<&'t DnsLabel> {
        self.servers().map(|server| &server.inbound.service).collect()
    }

    /// How a policy names what it guards: by a selector or by targets; and the service that its file stands with.
    pub(super) fn guarded<'a>(
        &'a self,
        guarded: &Guarded<'a>,
    ) -> (Option<LabelSelector>, Vec<PolicyTargetReference>, &'a str) {
        match guarded {
            Guarded::Pods => (Some(self.selector()), vec![], self.service),
            Guarded::Service(service) => {
                let target = PolicyTargetReference {
                    kind: "Service".to_owned(),
                    name: service.to_string(),
                    ..PolicyTargetReference::default()
                };
                (None, vec![target], service.as_str())
            }
        }
    }

    /// How it decides who may call.
    pub(super) fn access(&self) -> TargetAccess {
        match () {
            () if self.servers().all(|server| server.terminated) => TargetAccess::Terminated,
            () if !self.units.iter().any(Unit::is_closed) => TargetAccess::Open,
            () if self.observed => TargetAccess::Observed,
            () => TargetAccess::Closed,
        }
    }
}
