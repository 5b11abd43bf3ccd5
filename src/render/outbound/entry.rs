//! The ServiceEntry of an outside host.

use std::collections::BTreeMap;

use super::callee::Callee;
use crate::intent::spec::{Endpoint, Resolution};
use crate::istio::{self, Location, ServiceEntry, WorkloadEntry};

/// The host that all of `callees` are about, with the ports of all. They agree in all else, or the plan is blocked.
pub(super) fn service_entry(callees: &[&Callee<'_>], export_to: Vec<String>) -> ServiceEntry {
    let mut ports = BTreeMap::new();
    for callee in callees {
        ports.entry(callee.server.service_port()).or_insert_with(|| port(callee));
    }
    let first = callees.first().map(|callee| callee.server);
    let given = first.map(|server| server.endpoints.as_slice()).unwrap_or_default();
    let resolution = first.map_or(Resolution::Dns, |server| server.resolution);
    let opaque = callees.iter().any(|callee| callee.server.is_opaque());
    // What carries no name of its host is told from other traffic by its addresses.
    let addressed = resolution == Resolution::None || (resolution == Resolution::Static && opaque);
    let endpoints = if resolution == Resolution::None { &[] } else { given };
    let endpoint = |endpoint: &Endpoint| WorkloadEntry { address: endpoint.to_string(), ..WorkloadEntry::default() };
    ServiceEntry {
        hosts: first.map(|server| server.host.to_string()).into_iter().collect(),
        addresses: given.iter().filter(|_| addressed).map(Endpoint::to_string).collect(),
        ports: ports.into_values().collect(),
        location: Some(Location::MeshExternal),
        resolution: Some(match resolution {
            Resolution::Dns => istio::Resolution::Dns,
            Resolution::DnsRoundRobin => istio::Resolution::DnsRoundRobin,
            Resolution::Static => istio::Resolution::Static,
            Resolution::None => istio::Resolution::None,
        }),
        endpoints: endpoints.iter().map(endpoint).collect(),
        export_to,
        ..ServiceEntry::default()
    }
}

fn port(callee: &Callee<'_>) -> istio::Port {
    let (dialled, server) = (callee.server.service_port(), callee.server);
    let target = server.port.number();
    istio::Port {
        number: Some(dialled.into()),
        protocol: server.protocol.as_str().to_owned(),
        name: format!("{}-{dialled}", server.protocol.as_str().to_ascii_lowercase()),
        target_port: (target != dialled).then(|| target.into()),
    }
}
