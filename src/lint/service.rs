//! IST0118: the names of ports, off which Istio reads protocols (`analyzers/service/portname.go`).

use super::report::{Report, SPEC};
use super::syntax::protocol;
use crate::istio::{ObjectMeta, Service, ServicePort};

/// Ports on which Istio does not look for a protocol (`pkg/config/kube/conversion.go`).
const WELL_KNOWN: [u32; 4] = [25, 53, 3306, 27017];

pub(super) fn check(report: &mut Report<'_>, metadata: &ObjectMeta, service: &Service) {
    // Services that are names of others alone, those of Kubernetes' own, and of Istio's own.
    if service.r#type == "ExternalName" || metadata.namespace.starts_with("kube-") {
        return;
    }
    let label = |name: &str| metadata.labels.get(name).map(String::as_str);
    let managed = label("gateway.istio.io/managed").is_some_and(|by| by.starts_with("istio.io-"));
    if label("istio").is_some() || label("release") == Some("istio") || managed {
        return;
    }
    let list = SPEC.member("ports");
    for (index, port) in service.ports.iter().enumerate().filter(|(_, port)| is_unnamed(port)) {
        let message = format!("Istio finds out the protocol of port {} itself", port.port.unwrap_or(0));
        report.note(
            "istio/IST0118",
            list.item(index),
            message,
            "set appProtocol, or name it protocol or protocol-suffix",
        );
    }
}

/// Whether neither the name of a port nor its appProtocol says what is spoken (`ConvertProtocol`).
fn is_unnamed(port: &ServicePort) -> bool {
    let name = port.app_protocol.as_deref().unwrap_or(&port.name);
    let kubernetes = ["kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"].contains(&name);
    if port.protocol == "UDP" || port.app_protocol.is_some() && kubernetes {
        return false;
    }
    let web = name.get(..8).is_some_and(|begin| begin.eq_ignore_ascii_case("grpc-web"));
    let first = name.split('-').next().unwrap_or(name);
    !web && protocol(first).is_none() && !port.port.is_some_and(|number| WELL_KNOWN.contains(&number))
}
