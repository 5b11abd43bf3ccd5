//! Servers on the same pods that a policy can tell apart, and those that it cannot.

use std::collections::BTreeMap;

use super::server::{Caller, Server};
use crate::intent::scalar::Port;

/// Servers that are one to a policy: same pods and same port, or ports that are not all known.
pub(super) struct Unit<'s, 't> {
    /// The port of the pods; none where the servers' ports are not all known.
    pub(super) port: Option<Port>,
    /// The servers.
    pub(super) servers: Vec<&'s Server<'t>>,
}

impl<'s, 't> Unit<'s, 't> {
    /// The units among servers of the same pods.
    pub(super) fn among(servers: &[&'s Server<'t>]) -> Vec<Self> {
        let ports: Option<Vec<Port>> = servers.iter().map(|server| server.inbound.target_port).collect();
        let Some(ports) = ports else {
            return vec![Self { port: None, servers: servers.to_vec() }];
        };
        let mut by_port: BTreeMap<Port, Vec<&'s Server<'t>>> = BTreeMap::new();
        for (port, server) in ports.into_iter().zip(servers) {
            by_port.entry(port).or_default().push(server);
        }
        by_port.into_iter().map(|(port, servers)| Self { port: Some(port), servers }).collect()
    }

    /// Whether only named clients may call: closed once one of its servers is.
    pub(super) fn is_closed(&self) -> bool {
        self.servers.iter().any(|server| server.closed)
    }

    /// Whether outside callers reach one of its servers through the gateway.
    pub(super) fn is_exposed(&self) -> bool {
        self.servers.iter().any(|server| server.is_exposed())
    }

    /// The callers of all its servers that may be rendered.
    pub(super) fn callers(&self) -> impl Iterator<Item = (&'s Server<'t>, &'s Caller<'t>)> {
        self.servers.iter().flat_map(|server| server.accepted().map(move |caller| (*server, caller)))
    }
}
