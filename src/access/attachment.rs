//! Which policies hold at which proxies.

use super::Destination;
use crate::istio::{AuthorizationPolicy, PolicyTargetReference};

/// The label of the pods of a gateway of the Gateway API, with its name.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// The label that names who made a gateway.
const MANAGED_BY: &str = "gateway.istio.io/managed";
/// Its value on waypoints.
const WAYPOINTS: &str = "istio.io-mesh-controller";

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
    let is_waypoint = to.labels.get(MANAGED_BY).is_some_and(|by| by == WAYPOINTS);
    let names = |target: &PolicyTargetReference| {
        let of_api = |kind: &str| target.group == "gateway.networking.k8s.io" && target.kind == kind;
        let is_near = |namespace: &str| namespace.is_empty() || namespace == to.namespace;
        let is_class = of_api("GatewayClass") && target.name == "istio-waypoint" && namespace == root;
        let is_gateway = of_api("Gateway") && target.name == *gateway && is_near(&target.namespace);
        is_waypoint && is_class || is_gateway && namespace == to.namespace
    };
    if targets.is_empty() { !is_waypoint } else { targets.iter().any(names) }
}
