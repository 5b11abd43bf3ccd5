//! What a policy guards: pods, or a Service.

use std::collections::BTreeSet;

use super::server::Server;
use super::unit::Unit;
use crate::intent::scalar::{DnsLabel, Port};

/// What a policy guards.
pub(super) enum Guarded<'a> {
    /// The pods, by their sidecars or ztunnel.
    Pods,
    /// A Service, by its waypoint: there a port is one of the Service.
    Service(&'a DnsLabel),
}

impl Guarded<'_> {
    /// Whether this is about any server of a unit.
    pub(super) fn concerns(&self, unit: &Unit<'_, '_>) -> bool {
        match self {
            Self::Pods => true,
            Self::Service(service) => unit.servers.iter().any(|server| server.inbound.service == **service),
        }
    }

    /// The ports by which `server` of a unit is called, as the policy knows them.
    pub(super) fn ports(&self, unit: &Unit<'_, '_>, server: &Server<'_>) -> Vec<Option<Port>> {
        match self {
            Self::Pods => vec![server.inbound.target_port],
            Self::Service(service) => {
                let own = unit.servers.iter().filter(|server| server.inbound.service == **service);
                let ports: BTreeSet<Port> = own.map(|server| server.inbound.port).collect();
                ports.into_iter().map(Some).collect()
            }
        }
    }
}
