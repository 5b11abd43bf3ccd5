//! Rules 10 to 25: Gateway (`pkg/config/validation/validation.go`, `ValidateGateway`).

use std::collections::HashSet;

use super::report::{At, METADATA, Report, SCHEMA, SPEC, known};
use super::server_tls;
use super::syntax::{Protocol, is_ip, is_label, is_socket, protocol};
use super::whole;
use crate::istio::{Gateway, ObjectMeta, Port, Server, ServerTlsMode};

pub(super) fn check(report: &mut Report<'_>, metadata: &ObjectMeta, gateway: &Gateway) {
    if !is_label(&metadata.name) {
        let message = format!("the gateway name {:?} is not a DNS label", metadata.name);
        report.error("istio/010", METADATA.member("name"), message, "use letters, digits and hyphens, no dots");
    }
    whole::selector(report, SPEC.member("selector"), &gateway.selector);
    let servers = SPEC.member("servers");
    if gateway.servers.is_empty() {
        report.error("istio/011", servers, "a Gateway without servers", "add a server");
    }
    let mut names = HashSet::new();
    for (index, server) in gateway.servers.iter().enumerate() {
        let at = servers.item(index);
        check_server(report, at, server);
        if let Some(name) = port_name(server)
            && !names.insert(name)
        {
            let message = format!("the port name {name:?} is used twice");
            report.error(
                "istio/012",
                at.member("port").member("name"),
                message,
                "give each server's port its own name",
            );
        }
    }
}

fn port_name(server: &Server) -> Option<&str> {
    server.port.as_ref().map(|port| port.name.as_str()).filter(|name| !name.is_empty())
}

fn check_server(report: &mut Report<'_>, at: At<'_>, server: &Server) {
    if server.hosts.is_empty() {
        report.error("istio/011", at.member("hosts"), "a server without hosts", "name a host");
    }
    for (index, host) in server.hosts.iter().enumerate() {
        check_host(report, at.member("hosts").item(index), host);
    }
    match &server.port {
        Some(port) => check_port(report, at.member("port"), port, &server.bind),
        None => {
            report.error("istio/011", at.member("port"), "a server without a port", "add number, protocol and name")
        }
    }
    if let Some(path) = server.bind.strip_prefix("unix://") {
        check_socket(report, at, server, path);
    } else if !server.bind.is_empty() && !is_ip(&server.bind) {
        report.error(
            SCHEMA,
            at.member("bind"),
            format!("{:?} is not an address to listen on", server.bind),
            "write an IP address",
        );
    }
    check_tls(report, at, server);
}

/// A server that listens on a unix socket (`validation.go`, `validateServerBind`).
fn check_socket(report: &mut Report<'_>, at: At<'_>, server: &Server, path: &str) {
    if !is_socket(path) {
        report.error(SCHEMA, at.member("bind"), "a socket is an absolute path to a file", "write unix:///path");
    }
    if server.port.as_ref().is_some_and(|port| port.number.unwrap_or(0) != 0) {
        report.error(SCHEMA, at.member("port").member("number"), "a socket has no port number", "write 0");
    }
}

fn check_port(report: &mut Report<'_>, at: At<'_>, port: &Port, bind: &str) {
    if port.number.unwrap_or(0) > 0 || !bind.starts_with("unix://") {
        whole::port(report, at.member("number"), port.number);
    }
    whole::needed_protocol(report, at.member("protocol"), &port.protocol);
    if port.name.is_empty() {
        report.error("istio/011", at.member("name"), "a port without a name", "name the port");
    }
    if port.target_port.is_some_and(|port| port > 0) {
        report.error("istio/014", at.member("targetPort"), "targetPort has no effect on a Gateway", "remove it");
    }
}

/// Rule 13.
fn check_host(report: &mut Report<'_>, at: At<'_>, host: &str) {
    let (namespace, name) = host.split_once('/').map_or((None, host), |(namespace, name)| (Some(namespace), name));
    if whole::named_host(report, "istio/013", at, namespace, name) && !is_ip(name) {
        whole::host(report, at, name);
    }
}

/// Rules 15, 16 and 25, which join a port's protocol and its TLS.
fn check_tls(report: &mut Report<'_>, at: At<'_>, server: &Server) {
    let Some(protocol) = server.port.as_ref().and_then(|port| protocol(&port.protocol)) else {
        if let Some(tls) = &server.tls {
            server_tls::check(report, at.member("tls"), tls);
        }
        return;
    };
    let Some(tls) = &server.tls else {
        if protocol == Protocol::Tls {
            report.error("istio/015", at.member("tls"), "an HTTPS or TLS port without tls", "add tls with a mode");
        }
        return;
    };
    let at = at.member("tls");
    let redirects = tls.https_redirect == Some(true);
    if redirects && protocol != Protocol::Http {
        report.warning("istio/025", at.member("httpsRedirect"), "httpsRedirect is for HTTP ports", "remove it");
    }
    if protocol != Protocol::Tls {
        let passes = matches!(tls.mode, None | Some(ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough));
        let files = [&tls.ca_certificates, &tls.private_key, &tls.server_certificate];
        if protocol != Protocol::Http || !passes || files.iter().any(|file| !file.is_empty()) {
            report.error(
                "istio/016",
                at,
                "tls on a port that is neither HTTPS nor TLS",
                "keep httpsRedirect alone, on an HTTP port, or change the protocol",
            );
        }
    }
    if redirects && protocol == Protocol::Http && tls.mode.is_none() {
        known!(report, "istio/017", at.member("mode"), tls.mode, ServerTlsMode);
        return;
    }
    server_tls::check(report, at, tls);
}
