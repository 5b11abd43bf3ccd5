//! What there is to say about servers, their callers and their workloads beside the files.

use std::collections::BTreeSet;

use super::context::Context;
use super::output::TargetAccess;
use super::server::{Caller, Server};
use super::unit::Unit;
use super::workload::Workload;
use crate::finding::{Finding, Place};
use crate::intent::ClusterId;
use crate::intent::conflicts::conflicts;
use crate::intent::rules::{outside_the_mesh, violations, wider_than_workload};
use crate::intent::spec::{Action, Protocol, TlsType};

/// What one server and its callers call for.
pub(super) fn of_server(server: &Server<'_>, context: &Context<'_>, findings: &mut Vec<Finding>) {
    if !server.inbound.in_mesh {
        findings.extend(outside_the_mesh(context.tree, server.anchor).filter(|_| !server.terminated));
        return;
    }
    // Every rule that ties resources together is about a server and a client.
    if !server.callers.is_empty() {
        for violation in violations(context.tree, server.anchor) {
            findings.push(Finding::error("render/rule", at(server), violation.message, "mend the intent"));
        }
    }
    findings.extend(in_root_namespace(server, context));
    if !server.is_live() {
        return;
    }
    let (service, port) = (&server.inbound.service, server.inbound.port);
    if server.protocol != server.inbound.protocol {
        findings.push(Finding::warning(
            "render/tcp-as-http",
            pointing(server, "/spec/protocol"),
            format!("`{service}` says TCP and is taken as HTTP, because it or its access points look at requests"),
            format!(
                "name port {port} of the Service http or http-…, or set its appProtocol: http; and say protocol HTTP"
            ),
        ));
    }
    if !server.is_enforced() {
        findings.push(not_enforced(server));
    }
    findings.extend(ambient(server));
    if server.inbound.target_port.is_none() && server.callers.iter().any(|caller| uses_port(caller)) {
        let message =
            format!("the pods' port behind `{service}` is not known: its rules hold for all ports of these pods");
        findings.push(Finding::note("access/all-ports", pointing(server, "/spec/targetPort"), message));
    }
    let by_name =
        server.callers.iter().any(|caller| server.is_remote(caller)) || !server.inbound.traffic.http.is_empty();
    if server.inbound.headless && by_name {
        let message = format!(
            "`{service}` is headless: who calls one of its pods by name gets none of the HTTP settings, and a caller on \
             another cluster can name none"
        );
        findings.push(Finding::note("render/headless", pointing(server, "/spec/headless"), message));
    }
    if server.protocol.is_tls() && !server.inbound.traffic.weights.is_empty() {
        let message = format!(
            "the weights of `{service}` hold for callers who come through the ingress gateway: sidecars lead TLS of pods by \
             the name that a caller asks for"
        );
        findings.push(Finding::note("render/weights", pointing(server, "/spec/trafficManagement/weights"), message));
    }
    findings.extend(unexposed(server));
    for caller in &server.callers {
        of_caller(server, caller, context, findings);
    }
}

/// Fields that are about outside callers of a server that has none. Older clients send them always.
fn unexposed<'s>(server: &'s Server<'_>) -> impl Iterator<Item = Finding> + use<'s> {
    let (inbound, external) = (server.inbound, &server.inbound.external);
    let fields = [
        ("externalName", inbound.external_name.is_some()),
        ("management/tlsType", inbound.tls != TlsType::None),
        ("external/credentialName", external.credential_name.is_some()),
        ("external/port", external.port.is_some()),
        ("external/sealed", external.sealed.is_some()),
    ];
    let said = fields.into_iter().filter(|(_, said)| *said && !inbound.exposed);
    said.map(|(field, _)| {
        let message =
            format!("{} of `{}` does nothing without externalSupport: true", field.replace('/', "."), inbound.service);
        let note = Finding::note("render/not-exposed", pointing(server, &format!("/spec/{field}")), message);
        Finding { remedy: "say externalSupport: true, or leave it out".into(), ..note }
    })
}

/// Clusters that take what is rendered for the server for the whole mesh: Istio looks for policies in the root namespace
/// first, and their selector picks pods of every namespace.
fn in_root_namespace<'s>(server: &'s Server<'_>, context: &'s Context<'_>) -> impl Iterator<Item = Finding> + use<'s> {
    let namespace = server.namespace.as_str();
    let is_root = move |cluster: &&ClusterId| {
        context.clusters.get(*cluster).is_some_and(|facts| facts.root_namespace == namespace)
    };
    let guarded = server.is_enforced() && (server.closed || !server.terminated);
    let clusters = server.clusters.iter().filter(move |_| guarded).filter(is_root);
    clusters.map(move |cluster| {
        Finding::error(
            "render/root-namespace",
            at(server),
            format!(
                "`{}` is in `{namespace}`, the root namespace of {cluster}: its policies would hold for the pods with \
                 {} in every namespace of the mesh",
                server.inbound.service, server.inbound.label
            ),
            format!(
                "let its group name a logical cloud of another namespace; if `{namespace}` is not Istio's root namespace, \
                 say rootNamespace in {}",
                of_cluster(cluster)
            ),
        )
    })
}

/// Contradictions between this server and others.
pub(super) fn of_conflicts(server: &Server<'_>, context: &Context<'_>, findings: &mut Vec<Finding>) {
    for conflict in conflicts(context.tree, server.anchor) {
        let place = pointing(server, conflict.field);
        let remedy = "let both say the same, or take one of them away";
        findings.push(Finding::error("render/conflict", place, conflict.to_string(), remedy));
    }
}

/// What has to be in place for a waypoint to decide, and who cannot call an ambient server yet.
fn ambient(server: &Server<'_>) -> Vec<Finding> {
    let (service, namespace) = (&server.inbound.service, server.namespace);
    let mut findings = vec![];
    if let Some(waypoint) = &server.inbound.waypoint {
        let ingress = if server.inbound.exposed { " and istio.io/ingress-use-waypoint: \"true\"" } else { "" };
        let message = format!(
            "the waypoint `{waypoint}` has to be in `{namespace}`, and the Service `{service}` to bear the label \
             istio.io/use-waypoint: {waypoint}{ingress}: until then nobody may call it where it is closed"
        );
        findings.push(Finding::note("render/waypoint", pointing(server, "/spec/waypoint"), message));
    }
    let remote = server.accepted().find(|caller| server.is_remote(caller)).filter(|_| server.inbound.ambient);
    if let Some(caller) = remote {
        findings.push(Finding::error(
            "render/ambient-remote",
            Place::at(caller.anchor.as_str()),
            format!("`{service}` is ambient, and callers on other clusters can be led to servers with sidecars only"),
            "let the client's app run on a cluster of the server, or say dataPlane: sidecar in the server",
        ));
    }
    findings
}

fn not_enforced(server: &Server<'_>) -> Finding {
    let service = &server.inbound.service;
    let is_udp = server.protocol == Protocol::Udp;
    let why = if is_udp { "the mesh does not carry UDP" } else { "its pods have no sidecar" };
    if server.closed {
        let message = format!("`{service}` asks to be closed, but {why}: nothing decides who may call");
        let unasked = match server.inbound.access {
            Some(_) => "leave access out",
            None if server.callers.is_empty() => "say access: open",
            None => "take its clients away",
        };
        let guard = match is_udp {
            true => "guard it by other means, such as a NetworkPolicy, and",
            false => "give the pods a sidecar, or",
        };
        return Finding::warning("access/not-enforced", at(server), message, format!("{guard} {unasked}"));
    }
    Finding::note("access/not-enforced", at(server), format!("nothing decides who may call `{service}`: {why}"))
}

/// Whether a rule for this caller would name the server's port.
fn uses_port(caller: &Caller<'_>) -> bool {
    caller.points.iter().any(|(_, point)| point.ports.is_empty())
        || caller.points.iter().all(|(_, point)| point.action != Action::Allow)
}

fn of_caller(server: &Server<'_>, caller: &Caller<'_>, context: &Context<'_>, findings: &mut Vec<Finding>) {
    let (client, service, name) = (caller.client, &server.inbound.service, caller.anchor.name());
    let place = |pointer: &str| Place::pointing(caller.anchor.as_str(), pointer);
    if server.is_refused(caller) {
        findings.push(Finding::error(
            "access/remote-cidrs",
            place("/spec/cidrs"),
            format!(
                "client `{name}` {}: its identity survives the gateway between clusters, its address does not, so cidrs \
                 cannot narrow it",
                away(server, caller)
            ),
            "leave cidrs out and name serviceAccounts",
        ));
        return;
    }
    findings.extend(wider_than_workload(context.tree, caller.anchor));
    if !client.sidecar {
        let message = format!("client `{name}` of `{service}` has no identity: whoever has its addresses may call");
        findings.push(Finding::note("access/by-address", place("/spec/cidrs"), message));
    }
    if caller.points.iter().any(|(_, point)| point.hosts.iter().any(|host| host.as_str().starts_with("*."))) {
        findings.push(Finding::note(
            "access/host-port",
            Place::at(caller.anchor.as_str()),
            format!(
                "a Host header with a port is matched by *.… of client `{name}` only when the port is {}: Istio takes a * \
                 at one end only",
                server.inbound.port
            ),
        ));
    }
    of_twins(server, caller, context, findings);
}

/// Where a caller is that reaches the server through a gateway between clusters.
fn away(server: &Server<'_>, caller: &Caller<'_>) -> String {
    let service = &server.inbound.service;
    if server.is_remote(caller) {
        let elsewhere: Vec<String> = caller.beyond(&server.host_clusters).map(ToString::to_string).collect();
        return format!("runs on {} too, where `{service}` does not", elsewhere.join(", "));
    }
    let ways = server.ways.iter().filter(|(from, _)| caller.clusters.contains(from));
    let ways: Vec<String> = ways.map(|(from, to)| format!("from {from} to {to}")).collect();
    format!("is led to pods of `{service}` on other clusters, {}", ways.join(" and "))
}

/// Equal identities on clusters that meet here, which a policy cannot tell apart. It is the clusters that want mending:
/// they are named once, however many clients run there.
fn of_twins(server: &Server<'_>, caller: &Caller<'_>, context: &Context<'_>, findings: &mut Vec<Finding>) {
    if !caller.client.sidecar {
        return;
    }
    let remote = server.accepted().filter(|other| server.is_remote(other)).flat_map(|other| other.clusters.iter());
    let meeting: BTreeSet<&ClusterId> = server.host_clusters.iter().chain(remote).collect();
    for twin in meeting.into_iter().filter(|cluster| !caller.clusters.contains(*cluster)) {
        let domain = context.trust_domain(twin);
        for own in caller.clusters.iter().filter(|own| context.trust_domain(own) == domain) {
            let (one, other) = (own.min(twin), own.max(twin));
            let place = other
                .anchor()
                .map_or_else(Place::default, |anchor| Place::pointing(anchor.as_str(), "/spec/trustDomain"));
            findings.push(Finding::warning(
                "access/trust-domain",
                place,
                format!(
                    "{one} and {other} share the trust domain {domain}: policies cannot tell equal namespaces and \
                     service accounts on them apart"
                ),
                "give each cluster a trust domain of its own, or keep such names unique",
            ));
        }
    }
}

/// Who may call the servers of a workload, in plain words.
pub(super) fn of_workload(workload: &Workload<'_, '_>, findings: &mut Vec<Finding>) {
    for unit in &workload.units {
        for server in unit.servers.iter().filter(|server| !server.terminated) {
            of_member(workload, unit, server, findings);
        }
        let anywhere: Vec<_> = unit.callers().filter(|(_, caller)| caller.client.cidrs.is_empty()).collect();
        if unit.is_closed() && unit.is_exposed() {
            findings.extend(anywhere.iter().map(|(server, caller)| as_outside(server, caller)));
        }
        if unit.is_closed() && anywhere.is_empty() {
            for server in unit.servers.iter().filter(|server| server.is_exposed()) {
                findings.push(Finding::warning(
                    "access/outside",
                    at(server),
                    format!("outside callers reach the gateway and are refused: `{}` is closed, and the gateway may do only \
                             what clients without cidrs may", server.inbound.service),
                    "name such a client, or leave externalSupport out",
                ));
            }
        }
    }
}

/// A caller that may do nothing that those outside the mesh may not do as well.
fn as_outside(server: &Server<'_>, caller: &Caller<'_>) -> Finding {
    let message = format!(
        "anybody outside the mesh may do through the ingress gateway what client `{}` may do on `{}`: its pods are exposed",
        caller.anchor.name(),
        server.inbound.service
    );
    let note = Finding::note("access/outside", Place::at(caller.anchor.as_str()), message);
    Finding { remedy: "give the client cidrs, or expose another server".into(), ..note }
}

fn of_member(workload: &Workload<'_, '_>, unit: &Unit<'_, '_>, server: &Server<'_>, findings: &mut Vec<Finding>) {
    let service = &server.inbound.service;
    if !unit.is_closed() {
        let message = format!("every workload in the mesh may call `{service}`: it is open");
        findings.push(Finding::note("access/open", at(server), message));
        return;
    }
    // One more intent about the same port of the same Service is that server once more, exposed in another way.
    let same = |other: &&Server<'_>| (&other.inbound.service, other.inbound.port) == (service, server.inbound.port);
    let closed = || unit.servers.iter().copied().filter(|other| other.closed);
    if !server.closed && !closed().any(|other| same(&other)) {
        let others: Vec<_> =
            unit.servers.iter().filter(|other| other.closed).map(|other| other.anchor.as_str()).collect();
        findings.push(Finding::warning(
            "access/closed-with",
            at(server),
            format!(
                "`{service}` is closed too: it shares its pods, and for all that is known their port, with {}",
                others.join(", ")
            ),
            "give both a targetPort if the ports differ, or name the clients",
        ));
    }
    // Clients that are refused are named all the same.
    if unit.servers.iter().all(|server| server.callers.is_empty()) {
        let message = format!("nobody may call `{service}`: it is closed, and no client is named");
        findings.push(Finding::note("access/nobody", at(server), message));
    }
    if workload.access() == TargetAccess::Observed {
        let message =
            format!("the policy of `{service}` is only watched: every workload in the mesh may still call it");
        findings.push(Finding::note("access/observed", pointing(server, "/spec/enforcement"), message));
    }
}

/// Clusters where the name of a remote host does not resolve.
pub(super) fn of_importers(
    server: &Server<'_>,
    importers: &BTreeSet<&ClusterId>,
    context: &Context<'_>,
    findings: &mut Vec<Finding>,
) {
    for cluster in importers {
        if context.clusters.get(*cluster).is_some_and(|facts| !facts.dns_proxy) {
            findings.push(Finding::error(
                "topology/dns-proxy",
                at(server),
                format!("the name {} does not resolve on {cluster}: the Service is on other clusters", server.host()),
                format!(
                    "let sidecars resolve it (proxyMetadata ISTIO_META_DNS_CAPTURE: \"true\"), then set dnsProxy: true on {}",
                    of_cluster(cluster)
                ),
            ));
        }
    }
}

/// A gateway that callers of other clusters would have to dial.
pub(super) fn no_gateway_address(server: &Server<'_>, cluster: &ClusterId) -> Finding {
    Finding::error(
        "topology/gateway-address",
        at(server),
        format!(
            "callers on other clusters cannot reach {} on {cluster}: its gateway address is not known",
            server.host()
        ),
        format!(
            "post key-value pairs with istioIngressGatewayAddress to {}, or set its eastWest.address",
            of_cluster(cluster)
        ),
    )
}

/// A server whose identity remote callers cannot verify.
pub(super) fn no_server_account(server: &Server<'_>) -> Finding {
    let message = format!(
        "the service account of `{}` is not known: callers on other clusters do not verify which workload answers",
        server.inbound.service
    );
    Finding::note("access/server-identity", pointing(server, "/spec/serviceAccount"), message)
}

/// Where a cluster's facts are posted.
pub(super) fn of_cluster(cluster: &ClusterId) -> String {
    cluster.anchor().map_or_else(|| cluster.to_string(), |anchor| anchor.to_string())
}

fn at(server: &Server<'_>) -> Place {
    Place::at(server.anchor.as_str())
}

fn pointing(server: &Server<'_>, pointer: &str) -> Place {
    Place::pointing(server.anchor.as_str(), pointer)
}
