//! What calls that are led to other clusters need of the server.

use super::inbound::{Inbound, Protocol};
use crate::intent::fields::Fields;

impl Inbound {
    /// What an alias host, by which other clusters are reached, needs of the server.
    pub(super) fn rules_over_clusters(&self, f: &mut Fields<'_>) {
        let field = self.traffic.over_clusters_field();
        let path = format!("trafficManagement/{field}");
        if self.target_port.is_none() && f.is_sound("targetPort") {
            f.violation(
                "targetPort",
                format!("is required with {field} over clusters: gateways of clusters lead to the pods by it"),
            );
        }
        if !self.traffic.failover.is_empty() && self.service_account.is_none() && f.is_sound("serviceAccount") {
            let message =
                "is required with failover: else the pods of the other cluster are verified as those of this one";
            f.violation("serviceAccount", message);
        }
        let why = match self.protocol {
            Protocol::Udp => Some("which the mesh does not carry"),
            // `pilot/pkg/networking/core/tls.go`, `buildSidecarOutboundTLSFilterChainOpts`.
            protocol if protocol.is_tls() => Some("which sidecars lead by the name that a caller asks for, be it any"),
            _ => None,
        };
        if let Some(why) = why {
            f.violation(&path, format!("is not possible with {}, {why}; leave {field} out", self.protocol));
        }
        if self.ambient {
            let message = format!(
                "leads to other clusters, which needs servers with sidecars: say dataPlane sidecar, or leave {field} out"
            );
            f.violation(&path, message);
        } else if !self.sidecar {
            let message = format!(
                "leads to other clusters, which needs pods with a sidecar: say sidecarProxy yes, or leave {field} out"
            );
            f.violation(&path, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wrong(more: Value) -> Vec<String> {
        let mut spec = json!({"app": "a", "appLabel": "app=a", "serviceName": "a", "port": 80, "targetPort": 8080,
            "protocol": "TCP", "serviceMesh": "istio", "serviceAccount": "a",
            "trafficManagement": {"failover": [{"from": "gke/east", "to": "gke/west"}]}});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        let read = Fields::read(&spec, "", Inbound::read);
        read.err().into_iter().flatten().map(|violation| violation.pointer).collect()
    }

    #[test]
    fn what_the_way_to_another_cluster_needs_is_asked_for() {
        let weights = json!({"weights": [{"cluster": "gke/east", "weight": 1}]});
        for (more, pointers) in [
            (json!({}), &[][..]),
            (json!({"targetPort": null}), &["/targetPort"]),
            (json!({"serviceAccount": null}), &["/serviceAccount"]),
            (json!({"serviceAccount": null, "trafficManagement": weights}), &[]),
            (json!({"targetPort": null, "trafficManagement": weights}), &["/targetPort"]),
            (json!({"protocol": "UDP"}), &["/trafficManagement/failover"]),
            (json!({"protocol": "HTTPS"}), &["/trafficManagement/failover"]),
            (json!({"protocol": "TLS", "trafficManagement": weights}), &["/trafficManagement/weights"]),
            (json!({"dataPlane": "ambient", "waypoint": "w"}), &["/trafficManagement/failover"]),
            (json!({"management": {"sidecarProxy": "no"}}), &["/trafficManagement/failover"]),
            (json!({"headless": true}), &["/headless"]),
            (
                json!({"protocol": "HTTPS", "trafficManagement": {
                    "subsets": [{"name": "v1", "labels": {"v": "1"}}], "weights": [{"subset": "v1", "weight": 1}],
                }}),
                &["/trafficManagement/weights"],
            ),
            (json!({"headless": true, "trafficManagement": weights}), &["/headless"]),
        ] {
            assert_eq!(wrong(more.clone()), pointers, "{more}");
        }
    }
}
