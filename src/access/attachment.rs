//! Which policies hold at which proxies.

use super::{Destination, Proxy};
use crate::istio::{AuthorizationPolicy, PolicyTargetReference};

/// The label of the pods of a gateway of the Gateway API, with its name.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// The label that names who made a gateway.
const MANAGED_BY: &str = "gateway.istio.io/managed";
/// Its value on waypoints.
const WAYPOINTS: &str = "istio.io-mesh-controller";

/// The label of the gateways that Istio's charts install, and what its value ends with or is.
const ISTIO: (&str, [&str; 3]) = ("istio", ["gateway", "ingress", "egress"]);

/// Whether it is a gateway, whose servers say themselves what they ask of connections: PeerAuthentication is for the
/// inbound listeners of sidecars (istio `pilot/pkg/networking/core/listener_inbound.go`, `buildInboundListeners`; there is no such
/// thing in `gateway.go`).
pub(super) fn is_gateway(to: &Destination) -> bool {
    let is_of_istio = || to.labels.get(ISTIO.0).is_some_and(|name| ISTIO.1.iter().any(|end| name.ends_with(end)));
    match to.proxy {
        Proxy::Gateway => true,
        Proxy::Sidecar => is_of_istio() || to.labels.contains_key(GATEWAY_NAME) && !is_waypoint(to),
        Proxy::Ztunnel => false,
    }
}

fn is_waypoint(to: &Destination) -> bool {
    to.labels.contains_key(GATEWAY_NAME) && to.labels.get(MANAGED_BY).is_some_and(|by| by == WAYPOINTS)
}

/// The targets of a policy.
pub(super) fn targets(policy: &AuthorizationPolicy) -> Vec<PolicyTargetReference> {
    match policy.target_refs.as_slice() {
        [] => policy.target_ref.iter().cloned().collect(),
        targets => targets.to_vec(),
    }
}

/// Whether a policy of `namespace` with these targets holds for a workload that its selector names: sidecars and gateways
/// that Istio configures itself know no targets, gateways of the Gateway API both, waypoints no selectors
/// (istio `pilot/pkg/model/policyattachment.go`, `ShouldAttachPolicy`).
pub(super) fn is_attached(targets: &[PolicyTargetReference], namespace: &str, to: &Destination, root: &str) -> bool {
    let Some(gateway) = to.labels.get(GATEWAY_NAME) else { return targets.is_empty() };
    let is_waypoint = is_waypoint(to);
    let names = |target: &PolicyTargetReference| {
        let is_service = is_waypoint && is_service(target) && to.service() == Some((namespace, target.name.as_str()));
        let of_api = |kind: &str| target.group == "gateway.networking.k8s.io" && target.kind == kind;
        let is_near = |namespace: &str| namespace.is_empty() || namespace == to.namespace;
        let is_class = of_api("GatewayClass") && target.name == "istio-waypoint" && namespace == root;
        let is_gateway = of_api("Gateway") && target.name == *gateway && is_near(&target.namespace);
        is_service || is_waypoint && is_class || is_gateway && namespace == to.namespace
    };
    if targets.is_empty() { !is_waypoint } else { targets.iter().any(names) }
}

fn is_service(target: &PolicyTargetReference) -> bool {
    target.kind == "Service" && matches!(target.group.as_str(), "" | "core")
}

fn is_entry(target: &PolicyTargetReference) -> bool {
    target.kind == "ServiceEntry" && target.group == "networking.istio.io"
}

/// Whether a policy is attached to what waypoints decide about one by one.
pub(super) fn is_of_services(targets: &[PolicyTargetReference]) -> bool {
    targets.iter().any(|target| is_service(target) || is_entry(target))
}

/// Why a policy of `namespace` with these targets may hold, though [`is_attached`] does not say so: for the request does not
/// say which service it is to, or a waypoint may stand before a ztunnel.
pub(super) fn doubt(targets: &[PolicyTargetReference], namespace: &str, to: &Destination) -> Option<String> {
    let said = to.service();
    let named = |target: &&PolicyTargetReference| match said {
        Some(said) => is_service(target) && said == (namespace, target.name.as_str()),
        None => is_service(target) || is_entry(target),
    };
    let PolicyTargetReference { kind, name, .. } = targets.iter().find(named)?;
    match to.proxy {
        Proxy::Ztunnel => (namespace == to.namespace).then(|| {
            format!(
                "is attached to the {kind} {name}, and holds if a waypoint stands before it, which is not known here"
            )
        }),
        _ => (is_waypoint(to) && said.is_none()).then(|| {
            format!("is attached to the {kind} {name}, and which service is called was not said (`to.service`)")
        }),
    }
}
