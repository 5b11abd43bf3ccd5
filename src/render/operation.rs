//! What is called: the operations of a policy's rule.

use std::collections::{BTreeMap, BTreeSet};

use super::server::{Caller, Server};
use crate::intent::scalar::{HostPattern, PathPattern, Port};
use crate::intent::spec::{AccessPoint, Action, Jwt, Method};
use crate::istio::{Operation, RuleTo};

/// Operations, any of them; without any, everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Operations(Vec<Operation>);

impl Operations {
    /// What `caller` may do at a port, by the token that its requests need for it: what its ALLOW access points say, without
    /// one everything there.
    pub(super) fn allowed<'t>(
        (server, port): (&Server<'_>, Option<Port>),
        caller: &Caller<'t>,
    ) -> Vec<(Option<&'t Jwt>, Self)> {
        let said = Self::of((server, port), caller, Action::Allow);
        if said.is_empty() { vec![(None, Self::of_port(port))] } else { said }
    }

    /// What the access points of `caller` with this action say of a port, by the token that they are about.
    pub(super) fn of<'t>(
        (server, port): (&Server<'_>, Option<Port>),
        caller: &Caller<'t>,
        action: Action,
    ) -> Vec<(Option<&'t Jwt>, Self)> {
        let mut by_token: BTreeMap<Option<&Jwt>, Self> = BTreeMap::new();
        for (_, point) in caller.points.iter().filter(|(_, point)| point.action == action) {
            let operations = Self::one(operation(server, port, point));
            match by_token.remove(&point.jwt.as_ref()) {
                Some(known) => by_token.insert(point.jwt.as_ref(), known.or(operations)),
                None => by_token.insert(point.jwt.as_ref(), operations),
            };
        }
        by_token.into_iter().collect()
    }

    /// Everything on a port; everything where it is not known.
    pub(super) fn of_port(port: Option<Port>) -> Self {
        let ports = port.iter().map(|port| port.number().to_string()).collect();
        Self::one(Operation { ports, ..Operation::default() })
    }

    fn one(operation: Operation) -> Self {
        if operation == Operation::default() { Self(vec![]) } else { Self(vec![operation]) }
    }

    /// These or those, each once.
    pub(super) fn or(mut self, other: Self) -> Self {
        if self.0.is_empty() || other.0.is_empty() {
            return Self(vec![]);
        }
        for operation in other.0 {
            if !self.0.iter().any(|known| covers(known, &operation)) {
                self.0.retain(|known| !covers(&operation, known));
                self.0.push(operation);
            }
        }
        self
    }

    /// As a rule holds them.
    pub(super) fn into_rule(self) -> Vec<RuleTo> {
        self.0.into_iter().map(|operation| RuleTo { operation: Some(operation) }).collect()
    }
}

/// Whether all of `narrow` is in `wide` already: it is the same, or `wide` is the whole of a port.
fn covers(wide: &Operation, narrow: &Operation) -> bool {
    let whole_port = wide.hosts.is_empty() && wide.methods.is_empty() && wide.paths.is_empty();
    wide == narrow
        || whole_port && !narrow.ports.is_empty() && narrow.ports.iter().all(|port| wide.ports.contains(port))
}

fn operation(server: &Server<'_>, port: Option<Port>, point: &AccessPoint) -> Operation {
    let ports: BTreeSet<u16> = match (point.ports.as_slice(), port) {
        ([], target) => target.into_iter().map(Port::number).collect(),
        (ports, _) => ports.iter().map(|port| port.number()).collect(),
    };
    let hosts: BTreeSet<String> = point.hosts.iter().flat_map(|host| with_port(host, server)).collect();
    Operation {
        hosts: hosts.into_iter().collect(),
        ports: ports.iter().map(u16::to_string).collect(),
        methods: sorted(point.methods.iter().copied().map(Method::as_str)),
        paths: sorted(point.paths.iter().map(PathPattern::as_str)),
        ..Operation::default()
    }
}

/// A Host header may carry the port that the caller dialled. Istio takes a `*` at one end only, so behind a suffix
/// the port has to be spelled out (`pkg/config/security`, `pilot/pkg/security/authz/matcher`).
fn with_port(host: &HostPattern, server: &Server<'_>) -> Vec<String> {
    let host = host.as_str();
    if host.ends_with('*') || host.contains(':') {
        vec![host.to_owned()]
    } else if host.starts_with('*') {
        vec![host.to_owned(), format!("{host}:{}", server.inbound.port)]
    } else {
        vec![host.to_owned(), format!("{host}:*")]
    }
}

fn sorted<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    values.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}
