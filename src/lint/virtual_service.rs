//! Rules 44 to 48 and 63: VirtualService as a whole (`validation.go`, `ValidateVirtualService`).

use super::hosts::Hosts;
use super::http_route;
use super::report::{At, Report, SCHEMA, SPEC};
use super::route::{Binding, destination, gateway_names, weights};
use super::syntax::{is_ip, is_ip_or_cidr};
use super::unreachable;
use super::whole;
use crate::istio::{L4MatchAttributes, ObjectMeta, RouteDestination, StringMap, TlsMatchAttributes, VirtualService};

pub(super) fn check(report: &mut Report<'_>, metadata: &ObjectMeta, service: &VirtualService) {
    let gateway = !service.gateways.is_empty() && service.gateways.iter().all(|name| name != "mesh");
    let binding = Binding { delegate: service.hosts.is_empty(), gateway };
    if binding.delegate {
        let beside = [
            ("gateways", service.gateways.is_empty()),
            ("tls", service.tls.is_empty()),
            ("tcp", service.tcp.is_empty()),
        ];
        for (name, _) in beside.iter().filter(|(_, empty)| !empty) {
            let message = format!("a VirtualService without hosts is delegated to and has no {name}");
            report.error("istio/044", SPEC.member(name), message, "name hosts, or remove it");
        }
    }
    check_hosts(report, service, binding);
    gateway_names(report, SPEC.member("gateways"), &service.gateways);
    if service.http.is_empty() && service.tls.is_empty() && service.tcp.is_empty() {
        report.error("istio/047", SPEC, "a VirtualService without routes", "add http, tls or tcp");
    }
    for (index, route) in service.http.iter().enumerate() {
        http_route::check(report, SPEC.member("http").item(index), route, binding);
    }
    check_tls(report, service);
    check_tcp(report, service);
    unreachable::check(report, service);
    whole::export_to(report, SPEC.member("exportTo"), &service.export_to, &metadata.namespace, false);
}

/// Rules 45 and 46.
fn check_hosts(report: &mut Report<'_>, service: &VirtualService, binding: Binding) {
    let list = SPEC.member("hosts");
    let mut valid = true;
    let by_server = binding.gateway && names_servers(service);
    for (index, host) in service.hosts.iter().enumerate() {
        let at = list.item(index);
        if host == "*" && !binding.gateway {
            report.error(
                "istio/045",
                at,
                "the sidecars take no VirtualService for every host",
                "name the hosts, or bind it to Gateways alone",
            );
            valid = false;
        } else if !is_ip(host) {
            valid &= if by_server { whole::server_name(report, at, host) } else { whole::host(report, at, host) };
            whole::full_host(report, at, host);
        }
    }
    let mut earlier = Hosts::default();
    for (index, host) in service.hosts.iter().enumerate().filter(|_| valid) {
        if let Some(other) = earlier.overlapping(host) {
            report.error("istio/046", list.item(index), format!("{host} and {other} overlap"), "keep the wider one");
        }
        earlier.add(host, host);
    }
}

fn names_servers(service: &VirtualService) -> bool {
    service.tls.iter().flat_map(|route| &route.matches).any(|matched| !matched.sni_hosts.is_empty())
}

/// Rule 63.
fn check_tls(report: &mut Report<'_>, service: &VirtualService) {
    let mesh = service.gateways.iter().any(|name| name == "mesh");
    let mut hosts = Hosts::default();
    service.hosts.iter().for_each(|host| hosts.add(host, ()));
    for (index, route) in service.tls.iter().enumerate() {
        let list = SPEC.member("tls");
        let at = list.item(index);
        if route.matches.is_empty() {
            report.error("istio/063", at.member("match"), "a TLS route without a match", "name sniHosts");
        }
        for (index, matched) in route.matches.iter().enumerate() {
            let at = at.member("match");
            let at = at.item(index);
            if matched.sni_hosts.is_empty() {
                report.error("istio/063", at.member("sniHosts"), "a TLS match without sniHosts", "name them");
            }
            for (index, host) in matched.sni_hosts.iter().enumerate() {
                sni_host(report, at.member("sniHosts").item(index), host, &hosts, mesh);
            }
            let TlsMatchAttributes { destination_subnets, port, gateways, source_labels, .. } = matched;
            connection(report, at, destination_subnets, *port, gateways, source_labels);
        }
        destinations(report, at.member("route"), &route.route);
    }
}

fn sni_host(report: &mut Report<'_>, at: At<'_>, host: &str, hosts: &Hosts<'_, ()>, mesh: bool) {
    let check = if mesh { whole::host } else { whole::server_name };
    if is_ip(host) {
        report.warning("istio/063", at, "server names are not addresses", "name the host");
    } else if check(report, at, host) && hosts.covering(host).is_none() {
        report.error("istio/063", at, format!("{host} is not within the VirtualService's hosts"), "add it to hosts");
    }
}

fn check_tcp(report: &mut Report<'_>, service: &VirtualService) {
    for (index, route) in service.tcp.iter().enumerate() {
        let list = SPEC.member("tcp");
        let at = list.item(index);
        for (index, matched) in route.matches.iter().enumerate() {
            let at = at.member("match");
            let at = at.item(index);
            let L4MatchAttributes { destination_subnets, port, gateways, source_labels, .. } = matched;
            connection(report, at, destination_subnets, *port, gateways, source_labels);
        }
        destinations(report, at.member("route"), &route.route);
    }
}

/// What a match of a TLS route and one of a TCP route say alike.
fn connection(
    report: &mut Report<'_>,
    at: At<'_>,
    subnets: &[String],
    port: Option<u32>,
    gateways: &[String],
    source_labels: &StringMap,
) {
    let list = at.member("destinationSubnets");
    for (index, subnet) in subnets.iter().enumerate().filter(|(_, subnet)| !is_ip_or_cidr(subnet)) {
        report.error(SCHEMA, list.item(index), format!("{subnet:?} is neither an IP address nor a CIDR"), "write one");
    }
    whole::optional_port(report, at.member("port"), port);
    gateway_names(report, at.member("gateways"), gateways);
    whole::labels(report, at.member("sourceLabels"), source_labels);
}

fn destinations(report: &mut Report<'_>, at: At<'_>, route: &[RouteDestination]) {
    if route.is_empty() {
        report.error("istio/049", at, "a route without destinations", "name one");
    }
    for (index, to) in route.iter().enumerate() {
        destination(report, at.item(index).member("destination"), to.destination.as_ref());
    }
    weights(report, at, route.iter().map(|to| to.weight));
}
