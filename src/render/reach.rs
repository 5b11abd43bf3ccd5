//! Access points that reach further than they seem to: to ports of other servers, or to all that is said on a port.

use super::server::{Caller, Server};
use super::unit::Unit;
use super::workload::Workload;
use crate::finding::{Finding, Place};
use crate::intent::Anchor;
use crate::intent::scalar::Port;
use crate::intent::spec::{AccessPoint, Action};

/// One access point, and whom it is about.
struct Said<'s, 't> {
    workload: &'s Workload<'s, 't>,
    unit: &'s Unit<'s, 't>,
    server: &'s Server<'t>,
    caller: &'s Caller<'t>,
    anchor: &'t Anchor,
    point: &'t AccessPoint,
}

/// What access points of a workload reach beside their server.
pub(super) fn of_workload(workload: &Workload<'_, '_>, findings: &mut Vec<Finding>) {
    for unit in &workload.units {
        for (server, caller) in unit.callers() {
            for (anchor, point) in caller.points.iter().copied() {
                let said = Said { workload, unit, server, caller, anchor, point };
                findings.extend(said.other_port());
                findings.extend(said.every_connection());
            }
        }
    }
}

impl Said<'_, '_> {
    /// Ports of the pods that are not those of the server.
    fn other_port(&self) -> Option<Finding> {
        let known: Vec<Port> = self.unit.servers.iter().filter_map(|server| server.inbound.target_port).collect();
        let others: Vec<Port> = self.point.ports.iter().copied().filter(|port| !known.contains(port)).collect();
        let service = &self.server.inbound.service;
        let numbers = others.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let ports = format!("{} {numbers}", if others.len() == 1 { "port" } else { "ports" });
        let owners = self.services(|other| other.inbound.target_port.is_some_and(|port| others.contains(&port)));
        let (whose, remedy) = match () {
            () if others.is_empty() => return None,
            () if known.is_empty() => (
                format!("whether `{service}` listens there is not known"),
                "say targetPort in the server, and leave ports out",
            ),
            () if owners.is_empty() => (format!("`{service}` does not listen there"), "leave ports out"),
            () => (
                format!("it is {owners} that listens there"),
                "leave ports out, and be a client of the server that is meant",
            ),
        };
        let message = format!(
            "client `{}` {} {ports} of the pods {} in `{}`: {whose}",
            self.caller.anchor.name(),
            match self.point.action {
                Action::Allow => "may call",
                Action::Deny => "may not call",
                Action::Audit => "is logged on",
            },
            self.server.inbound.label,
            self.server.namespace
        );
        Some(Finding::warning("access/other-port", self.place("/spec/ports"), message, remedy))
    }

    /// Connections that are not HTTP: of a DENY or AUDIT rule Istio drops there what only requests have, and the rest
    /// holds for all of them (`pilot/pkg/security/authz/model`).
    fn every_connection(&self) -> Option<Finding> {
        let (point, server) = (self.point, self.server);
        if point.action == Action::Allow || !point.is_http_level() {
            return None;
        }
        let own = server.inbound.target_port;
        let everywhere = point.ports.is_empty() && own.is_none();
        let reached = |other: &Server<'_>| {
            let there = |port: Port| Some(port) != own && point.ports.contains(&port);
            !other.protocol.is_http() && (everywhere || other.inbound.target_port.is_some_and(there))
        };
        let opaque = self.services(reached);
        let what = match opaque.is_empty() {
            true if everywhere => {
                format!("whatever is not HTTP on the pods {} in `{}`", server.inbound.label, server.namespace)
            }
            true => return None,
            false => format!("all that {opaque} serves on the same pods, which is not HTTP"),
        };
        let deny = point.action == Action::Deny;
        let message = format!(
            "client `{}` {} {what}: Istio drops url, access and hosts there, and the rule names no port of `{}` alone",
            self.caller.anchor.name(),
            if deny { "is refused" } else { "is logged on" },
            server.inbound.service
        );
        let remedy = if everywhere { "say targetPort in the server" } else { "leave ports out" };
        let (rule, place) = ("access/http-on-tcp", self.place("/spec"));
        Some(if deny && !opaque.is_empty() {
            Finding::error(rule, place, message, remedy)
        } else {
            Finding::warning(rule, place, message, remedy)
        })
    }

    /// The Services of this workload that `wanted` picks, in words.
    fn services(&self, wanted: impl Fn(&Server<'_>) -> bool) -> String {
        let mut services: Vec<_> = self
            .workload
            .servers()
            .filter(|server| wanted(server))
            .map(|server| format!("`{}`", server.inbound.service))
            .collect();
        services.sort();
        services.dedup();
        services.join(", ")
    }

    fn place(&self, pointer: &str) -> Place {
        Place::pointing(self.anchor.as_str(), pointer)
    }
}
