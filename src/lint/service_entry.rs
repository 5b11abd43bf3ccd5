//! Rules 26 to 42: ServiceEntry and WorkloadEntry (`validation.go`, `ValidateServiceEntry`).

use std::collections::HashSet;

use super::report::{At, Report, SCHEMA_WARNING, SPEC, known};
use super::syntax::{Protocol, fqdn, is_ip, is_ip_or_cidr, is_socket, protocol};
use super::whole;
use crate::istio::{Location, ObjectMeta, Port, Resolution, ServiceEntry, WorkloadEntry};

pub(super) fn check(report: &mut Report<'_>, metadata: &ObjectMeta, entry: &ServiceEntry) {
    known!(report, "istio/029", SPEC.member("resolution"), entry.resolution, Resolution);
    known!(report, "istio/029", SPEC.member("location"), entry.location, Location);
    check_hosts(report, entry);
    check_addresses(report, entry);
    check_ports(report, metadata, entry);
    if let Some(selector) = &entry.workload_selector {
        let at = SPEC.member("workloadSelector");
        whole::selector(report, at.member("labels"), &selector.labels);
        whole::empty_selector(report, at, &selector.labels);
        if matches!(entry.resolution, None | Some(Resolution::None)) {
            let message = "resolution NONE goes to the address that is dialled, and selects no workload";
            report.warning(SCHEMA_WARNING, at, message, "set resolution STATIC");
        }
        if !entry.endpoints.is_empty() {
            report.error("istio/027", at, "endpoints and workloadSelector exclude each other", "keep one of them");
        }
    }
    if entry.endpoints.len() > 4096 {
        report.error("istio/041", SPEC.member("endpoints"), "more than 4096 endpoints", "split the ServiceEntry");
    }
    check_resolution(report, metadata, entry);
    whole::export_to(report, SPEC.member("exportTo"), &entry.export_to, &metadata.namespace, true);
}

fn check_hosts(report: &mut Report<'_>, entry: &ServiceEntry) {
    let at = SPEC.member("hosts");
    if entry.hosts.is_empty() || entry.hosts.len() > 256 {
        report.error(
            "istio/026",
            at,
            format!("{} hosts, and 1 to 256 are allowed", entry.hosts.len()),
            "name the hosts of one service",
        );
    }
    for (index, host) in entry.hosts.iter().enumerate() {
        let at = at.item(index);
        if host == "*" {
            report.error("istio/026", at, "a ServiceEntry cannot stand for every host", "name a host or *.domain");
        } else if whole::host(report, at, host) && is_partial_wildcard(host) && !is_dynamic(entry) {
            let message = format!("{host:?} is a partial wildcard");
            report.warning(SCHEMA_WARNING, at, message, "write *.domain");
        }
    }
}

fn is_partial_wildcard(host: &str) -> bool {
    host.starts_with('*') && !host.starts_with("*.")
}

fn is_dynamic(entry: &ServiceEntry) -> bool {
    entry.resolution == Some(Resolution::DynamicDns)
}

/// Rule 30.
fn check_addresses(report: &mut Report<'_>, entry: &ServiceEntry) {
    let at = SPEC.member("addresses");
    if entry.addresses.len() > 256 {
        report.error("istio/030", at, "more than 256 addresses", "use CIDRs, or split the ServiceEntry");
    }
    let cidrs = matches!(entry.resolution, None | Some(Resolution::None | Resolution::Static));
    for (index, address) in entry.addresses.iter().enumerate() {
        if !is_ip_or_cidr(address) {
            report.error(
                "istio/030",
                at.item(index),
                format!("{address:?} is neither an IP address nor a CIDR"),
                "write one, such as 192.0.2.0/24",
            );
        } else if address.contains('/') && !cidrs {
            report.error(
                "istio/030",
                at.item(index),
                "a CIDR goes with resolution NONE or STATIC",
                "write single addresses, or change the resolution",
            );
        }
    }
}

/// Rules 3 to 5, 28, 38 and 39.
fn check_ports(report: &mut Report<'_>, metadata: &ObjectMeta, entry: &ServiceEntry) {
    let list = SPEC.member("ports");
    let allocates = allocates_addresses(metadata, entry);
    let looked_up = !matches!(entry.resolution, None | Some(Resolution::None));
    let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
    for (index, port) in entry.ports.iter().enumerate() {
        let at = list.item(index);
        whole::port_name(report, at.member("name"), &port.name);
        whole::known_protocol(report, at.member("protocol"), &port.protocol);
        whole::port(report, at.member("number"), port.number);
        whole::optional_port(report, at.member("targetPort"), port.target_port);
        let (new_name, new_number) = (names.insert(&port.name), numbers.insert(port.number));
        if !new_name || !new_number {
            report.error("istio/028", at, "the name or number of a port is used twice", "give each port its own");
        }
        let kind = protocol(&port.protocol);
        if looked_up && entry.hosts.len() > 1 && !matches!(kind, Some(Protocol::Http | Protocol::Tls)) {
            report.error(
                "istio/038",
                at,
                "several hosts cannot be told apart on a port that is neither HTTP nor TLS",
                "write a ServiceEntry for each host",
            );
        }
        if is_plain(port) && entry.addresses.is_empty() && !allocates {
            report.warning(
                "istio/039",
                at,
                "a TCP port without addresses takes the traffic of every host on that port",
                "set addresses",
            );
        }
    }
}

/// Whether a port is told apart by its address alone.
fn is_plain(port: &Port) -> bool {
    port.protocol.is_empty() || port.protocol.eq_ignore_ascii_case("TCP")
}

/// The ports that rely on addresses being allocated.
pub(super) fn unaddressed<'e>(metadata: &ObjectMeta, entry: &'e ServiceEntry) -> impl Iterator<Item = usize> + use<'e> {
    let allocated = entry.addresses.is_empty() && allocates_addresses(metadata, entry);
    let plain = entry.ports.iter().enumerate().filter(move |(_, port)| allocated && is_plain(port));
    plain.map(|(index, _)| index)
}

/// Whether Istio gives the hosts addresses of its own, as it does since 1.25.
///
/// Source: `pilot/pkg/networking/serviceentry`, `ShouldV2AutoAllocateIPFromConfig`.
fn allocates_addresses(metadata: &ObjectMeta, entry: &ServiceEntry) -> bool {
    let resolved = !matches!(entry.resolution, None | Some(Resolution::None));
    let asked = metadata.labels.get("networking.istio.io/enable-autoallocate-ip");
    resolved && !asked.is_some_and(|asked| asked.eq_ignore_ascii_case("false"))
}

fn check_resolution(report: &mut Report<'_>, metadata: &ObjectMeta, entry: &ServiceEntry) {
    let endpoints = SPEC.member("endpoints");
    let names: HashSet<&str> = entry.ports.iter().map(|port| port.name.as_str()).collect();
    match &entry.resolution {
        None | Some(Resolution::None) if !entry.endpoints.is_empty() => {
            report.error(
                "istio/031",
                endpoints,
                "resolution NONE takes no endpoints",
                "set STATIC or DNS, or remove them",
            );
        }
        Some(Resolution::Static) => {
            for (index, endpoint) in entry.endpoints.iter().enumerate() {
                check_endpoint(report, endpoints.item(index), &names, endpoint);
            }
        }
        Some(Resolution::Dns | Resolution::DnsRoundRobin) => check_dns(report, endpoints, entry, &names),
        Some(Resolution::DynamicDns) => check_dynamic_dns(report, endpoints, metadata, entry),
        _ => {}
    }
}

/// Rules 33 to 35.
fn check_dns(report: &mut Report<'_>, endpoints: At<'_>, entry: &ServiceEntry, names: &HashSet<&str>) {
    if entry.endpoints.is_empty() {
        for (index, host) in entry.hosts.iter().enumerate().filter(|(_, host)| fqdn(host).is_err()) {
            report.error(
                "istio/033",
                SPEC.member("hosts").item(index),
                format!("{host:?} cannot be looked up in DNS"),
                "name endpoints, or a host without *",
            );
        }
    }
    if entry.resolution == Some(Resolution::DnsRoundRobin) && entry.endpoints.len() > 1 {
        report.error("istio/035", endpoints, "DNS_ROUND_ROBIN takes one endpoint", "use DNS");
    }
    for (index, endpoint) in entry.endpoints.iter().enumerate() {
        let at = endpoints.item(index);
        if !is_ip(&endpoint.address) && fqdn(&endpoint.address).is_err() {
            report.error(
                "istio/034",
                at.member("address"),
                format!("{:?} is neither a name nor an IP address", endpoint.address),
                "name the endpoint",
            );
        }
        check_endpoint_ports(report, at, names, endpoint);
    }
    let carries = |port: &Port| !matches!(protocol(&port.protocol), Some(Protocol::Http | Protocol::Udp) | None);
    if entry.hosts.len() > 1 && !entry.addresses.is_empty() && entry.ports.iter().any(carries) {
        let message = "one address for several hosts, which TCP does not tell apart";
        report.warning(SCHEMA_WARNING, SPEC.member("addresses"), message, "write a ServiceEntry for each host");
    }
}

/// Rule 40.
fn check_dynamic_dns(report: &mut Report<'_>, endpoints: At<'_>, metadata: &ObjectMeta, entry: &ServiceEntry) {
    let waypoint = metadata.labels.get("istio.io/use-waypoint");
    let has_waypoint = waypoint.is_some_and(|name| !name.is_empty() && !name.eq_ignore_ascii_case("none"));
    if has_waypoint && entry.location == Some(Location::MeshInternal) {
        let message = "waypoints do not take DYNAMIC_DNS inside of the mesh";
        report.error("istio/040", SPEC.member("location"), message, "use MESH_EXTERNAL, or no waypoint");
    }
    if let Some(index) = entry.hosts.iter().position(|host| !host.starts_with('*')) {
        report.error(
            "istio/040",
            SPEC.member("hosts").item(index),
            "DYNAMIC_DNS is for wildcard hosts",
            "use DNS, or *.domain",
        );
    }
    if !entry.endpoints.is_empty() || !entry.addresses.is_empty() {
        report.error("istio/040", endpoints, "DYNAMIC_DNS takes neither endpoints nor addresses", "remove them");
    }
    for (index, port) in entry.ports.iter().enumerate() {
        let named = ["HTTP", "HTTP2", "GRPC", "TLS"].iter().any(|name| name.eq_ignore_ascii_case(&port.protocol));
        if !named {
            let at = SPEC.member("ports");
            report.error(
                "istio/040",
                at.item(index).member("protocol"),
                "DYNAMIC_DNS is for HTTP, HTTP2, GRPC and TLS",
                "change the protocol",
            );
        }
    }
}

/// Rules 32, 36 and 37 for an endpoint of a STATIC entry.
fn check_endpoint(report: &mut Report<'_>, at: At<'_>, names: &HashSet<&str>, endpoint: &WorkloadEntry) {
    if let Some(path) = endpoint.address.strip_prefix("unix://") {
        check_socket(report, at, endpoint, path);
        if names.len() != 1 {
            report.error("istio/037", at, "an endpoint that is a socket serves one port", "declare one port");
        }
    } else if endpoint.address.is_empty() && endpoint.network.is_empty() {
        report.error("istio/042", at.member("address"), "an endpoint without an address", "set address, or network");
    } else if endpoint.address.is_empty() {
        without_address(report, at, endpoint);
    } else if !is_ip(&endpoint.address) {
        report.error(
            "istio/032",
            at.member("address"),
            format!("{:?} is not an IP address", endpoint.address),
            "write one, or use resolution DNS",
        );
    }
    check_endpoint_ports(report, at, names, endpoint);
}

pub(super) fn check_socket(report: &mut Report<'_>, at: At<'_>, endpoint: &WorkloadEntry, path: &str) {
    if !is_socket(path) {
        report.error("istio/037", at.member("address"), "a socket is an absolute path to a file", "write unix:///path");
    }
    if !endpoint.ports.is_empty() {
        report.error("istio/037", at.member("ports"), "a socket has no ports", "remove ports");
    }
}

/// Rule 36.
fn check_endpoint_ports(report: &mut Report<'_>, at: At<'_>, names: &HashSet<&str>, endpoint: &WorkloadEntry) {
    let list = at.member("ports");
    for name in endpoint.ports.keys().filter(|name| !names.contains(name.as_str())) {
        report.error(
            "istio/036",
            list.member(name),
            format!("the service has no port named {name:?}"),
            "use the name of one of its ports",
        );
    }
    check_ports_and_labels(report, at, endpoint);
}

/// What holds for the ports and labels of endpoints and workloads of any kind.
pub(super) fn check_ports_and_labels(report: &mut Report<'_>, at: At<'_>, workload: &WorkloadEntry) {
    let list = at.member("ports");
    for (name, number) in &workload.ports {
        whole::port_name(report, list.member(name), name);
        whole::port(report, list.member(name), Some(*number));
    }
    whole::labels(report, at.member("labels"), &workload.labels);
}

/// A workload that is known by its network alone.
fn without_address(report: &mut Report<'_>, at: At<'_>, workload: &WorkloadEntry) {
    let message = format!("no address in the network {}: what is reached is the network's gateway", workload.network);
    report.warning(SCHEMA_WARNING, at.member("network"), message, "set address, unless that is meant");
}

/// Rule 42, and what holds for endpoints of any kind.
pub(super) fn check_workload(report: &mut Report<'_>, workload: &WorkloadEntry) {
    let at = SPEC.member("address");
    if let Some(path) = workload.address.strip_prefix("unix://") {
        check_socket(report, SPEC, workload, path);
    } else if workload.address.is_empty() && workload.network.is_empty() {
        report.error("istio/042", at, "a workload without an address", "set address, or network");
    } else if workload.address.is_empty() {
        without_address(report, SPEC, workload);
    } else if !is_ip(&workload.address) {
        whole::plain_host(report, at, &workload.address);
    }
    check_ports_and_labels(report, SPEC, workload);
}
