//! Rules 74 and 75: Sidecar (`validation.go`, `ValidateSidecar`).

use std::collections::{BTreeMap, HashSet};

use super::report::{At, Report, SCHEMA, SCHEMA_WARNING, SPEC, known};
use super::route::destination;
use super::server_tls;
use super::syntax::{Protocol, fqdn, is_ip, is_socket, protocol};
use super::traffic;
use super::whole;
use crate::istio::{
    CaptureMode, IstioEgressListener, IstioIngressListener, ObjectMeta, OutboundTrafficMode, OutboundTrafficPolicy,
    Port, ServerTlsMode, ServerTlsSettings, Sidecar,
};

pub(super) fn check(report: &mut Report<'_>, metadata: &ObjectMeta, sidecar: &Sidecar) {
    if let Some(selector) = &sidecar.workload_selector {
        let at = SPEC.member("workloadSelector");
        whole::selector(report, at.member("labels"), &selector.labels);
        whole::empty_selector(report, at, &selector.labels);
    }
    let settings = sidecar.outbound_traffic_policy.is_some() || sidecar.inbound_connection_pool.is_some();
    if sidecar.ingress.is_empty() && sidecar.egress.is_empty() && !settings {
        report.error("istio/074", SPEC, "a Sidecar that says nothing", "add egress, or remove the Sidecar");
    }
    let (list, mut numbers) = (SPEC.member("ingress"), HashSet::new());
    for (index, listener) in sidecar.ingress.iter().enumerate() {
        let at = list.item(index);
        check_ingress(report, at, listener);
        if let Some(port) = &listener.port
            && !numbers.insert(port.number)
        {
            report.error("istio/074", at.member("port"), "another listener has this port", "give each its own");
        }
    }
    if let Some(pool) = &sidecar.inbound_connection_pool {
        traffic::connection_pool(report, SPEC.member("inboundConnectionPool"), pool);
    }
    check_egress(report, metadata, sidecar);
    if let Some(policy) = &sidecar.outbound_traffic_policy {
        check_outbound(report, SPEC.member("outboundTrafficPolicy"), policy);
    }
}

fn check_ingress(report: &mut Report<'_>, at: At<'_>, listener: &IstioIngressListener) {
    known!(report, SCHEMA, at.member("captureMode"), listener.capture_mode, CaptureMode);
    let Some(port) = &listener.port else {
        return report.error(
            "istio/074",
            at.member("port"),
            "a listener without a port",
            "add number, protocol and name",
        );
    };
    check_port(report, at.member("port"), port);
    whole::port(report, at.member("port").member("number"), port.number);
    if !listener.bind.is_empty() && !is_ip(&listener.bind) {
        report.error("istio/074", at.member("bind"), "a listener binds to an IP address", "write one, or leave it out");
    }
    if !listener.default_endpoint.is_empty() && !is_own_endpoint(&listener.default_endpoint) {
        report.error(
            "istio/074",
            at.member("defaultEndpoint"),
            format!("{:?} is no endpoint of the workload itself", listener.default_endpoint),
            "write 127.0.0.1:port, 0.0.0.0:port, [::1]:port, [::]:port, :port or unix:///path",
        );
    }
    let kind = protocol(&port.protocol);
    if let Some(tls) = &listener.tls {
        check_tls(report, at.member("tls"), tls);
        if kind != Some(Protocol::Tls) {
            report.error(
                "istio/075",
                at.member("tls"),
                "tls on a port that is neither HTTPS nor TLS",
                "use HTTPS or TLS",
            );
        }
    }
    if let Some(pool) = &listener.connection_pool {
        let at = at.member("connectionPool");
        traffic::connection_pool(report, at, pool);
        if pool.http.is_some() && kind != Some(Protocol::Http) {
            let message = "settings for requests on a port that is not HTTP have no effect";
            report.warning(SCHEMA_WARNING, at.member("http"), message, "remove them, or name the protocol");
        }
    }
}

/// Rules 4, 5 and 14 for a port of a listener.
fn check_port(report: &mut Report<'_>, at: At<'_>, port: &Port) {
    if !port.name.is_empty() {
        whole::port_name(report, at.member("name"), &port.name);
    }
    whole::known_protocol(report, at.member("protocol"), &port.protocol);
    if port.target_port.is_some_and(|port| port > 0) {
        report.error("istio/014", at.member("targetPort"), "targetPort has no effect on a Sidecar", "remove it");
    }
}

/// Where a workload itself listens.
fn is_own_endpoint(endpoint: &str) -> bool {
    if let Some(path) = endpoint.strip_prefix("unix://") {
        return is_socket(path);
    }
    let Some((host, port)) = endpoint.rsplit_once(':') else { return false };
    let own = matches!(host, "" | "127.0.0.1" | "0.0.0.0" | "[::1]" | "[::]");
    own && port.parse().is_ok_and(|port: u16| port > 0)
}

/// Rule 75 for TLS.
fn check_tls(report: &mut Report<'_>, at: At<'_>, tls: &ServerTlsSettings) {
    let unsupported = [
        ("subjectAltNames", !tls.subject_alt_names.is_empty()),
        ("httpsRedirect", tls.https_redirect == Some(true)),
        ("credentialName", !tls.credential_name.is_empty()),
        ("credentialNames", !tls.credential_names.is_empty()),
        ("tlsCertificates", !tls.tls_certificates.is_empty()),
    ];
    for (name, _) in unsupported.iter().filter(|(_, given)| *given) {
        report.error("istio/075", at.member(name), format!("a Sidecar takes no {name}"), "name files");
    }
    if let Some(mode @ (ServerTlsMode::IstioMutual | ServerTlsMode::AutoPassthrough)) = &tls.mode {
        report.error("istio/075", at.member("mode"), format!("a Sidecar takes no {mode}"), "use SIMPLE or MUTUAL");
    }
    server_tls::check(report, at, tls);
}

fn check_egress(report: &mut Report<'_>, metadata: &ObjectMeta, sidecar: &Sidecar) {
    let list = SPEC.member("egress");
    let (mut numbers, mut sockets) = (HashSet::new(), HashSet::new());
    for (index, listener) in sidecar.egress.iter().enumerate() {
        let at = list.item(index);
        known!(report, SCHEMA, at.member("captureMode"), listener.capture_mode, CaptureMode);
        match &listener.port {
            None if index + 1 < sidecar.egress.len() => {
                report.error("istio/074", at, "a listener without port takes what is left", "keep one, as the last");
            }
            None => {}
            Some(port) => {
                check_bind(report, at, listener, port);
                let number = port.number.unwrap_or(0);
                if number > 0 && !numbers.insert(number) || number == 0 && !sockets.insert(&listener.bind) {
                    report.error("istio/074", at.member("port"), "another listener has this port", "give each its own");
                }
            }
        }
        if listener.hosts.is_empty() {
            report.error("istio/074", at.member("hosts"), "a listener without hosts", "name them, such as ./*");
        }
        check_hosts(report, at.member("hosts"), &metadata.namespace, &listener.hosts);
    }
}

fn check_bind(report: &mut Report<'_>, at: At<'_>, listener: &IstioEgressListener, port: &Port) {
    check_port(report, at.member("port"), port);
    let number = port.number.unwrap_or(0);
    if number > 0 {
        whole::port(report, at.member("port").member("number"), port.number);
        if !listener.bind.is_empty() && !is_ip(&listener.bind) {
            report.error("istio/074", at.member("bind"), "a listener binds to an IP address", "write one, or port 0");
        }
        return;
    }
    if !listener.bind.strip_prefix("unix://").is_some_and(is_socket) {
        report.error("istio/074", at.member("bind"), "port 0 is for unix sockets", "write unix:///path, or a port");
    }
    if listener.capture_mode == Some(CaptureMode::Iptables) {
        report.error(
            "istio/074",
            at.member("captureMode"),
            "a unix socket is not redirected to",
            "use DEFAULT or NONE",
        );
    }
}

/// Rule 74 for `namespace/name`.
fn check_hosts(report: &mut Report<'_>, list: At<'_>, own: &str, hosts: &[String]) {
    let mut seen: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    for (index, host) in hosts.iter().enumerate() {
        let at = list.item(index);
        let Some((namespace, name)) = host.split_once('/') else {
            report.error(
                "istio/074",
                at,
                format!("{host:?} is not namespace/name"),
                "write such as ./a.example or */*",
            );
            continue;
        };
        let named = Some(namespace.strip_prefix('~').unwrap_or(namespace)).filter(|_| namespace != "~");
        if whole::named_host(report, "istio/074", at, named, name) {
            whole::host(report, at, name);
        }
        if namespace.starts_with('~') {
            continue;
        }
        let names = seen.entry(if namespace == "." { own } else { namespace }).or_default();
        let taken = if name == "*" { !names.is_empty() } else { names.contains(name) || names.contains("*") };
        names.insert(name);
        if taken {
            report.warning(SCHEMA_WARNING, at, format!("{host} is named already"), "remove one");
        }
    }
    if seen.get("*").is_some_and(|names| names.contains("*")) && seen.len() > 1 {
        report.warning(SCHEMA_WARNING, list, "*/* takes all, and the other hosts add nothing", "keep */* alone");
    }
}

/// Rule 75 for what goes out.
fn check_outbound(report: &mut Report<'_>, at: At<'_>, policy: &OutboundTrafficPolicy) {
    known!(report, SCHEMA, at.member("mode"), policy.mode, OutboundTrafficMode);
    let Some(proxy) = &policy.egress_proxy else { return };
    let at_proxy = at.member("egressProxy");
    if policy.mode != Some(OutboundTrafficMode::AllowAny) {
        return report.error("istio/075", at_proxy, "egressProxy goes with ALLOW_ANY only", "set mode ALLOW_ANY");
    }
    report.deprecated(at_proxy, "egressProxy", "an egress gateway, and VirtualServices to it");
    if proxy.port.is_none() {
        report.error("istio/075", at_proxy.member("port"), "an egressProxy without a port", "add it");
    }
    if fqdn(&proxy.host).is_err() {
        report.error("istio/075", at_proxy.member("host"), "an egressProxy is one host", "write its full name");
    } else {
        destination(report, at_proxy, Some(proxy));
    }
}
