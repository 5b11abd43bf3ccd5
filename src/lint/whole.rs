//! Rules 1 to 9, which hold for every kind (`pkg/config/validation/agent/validation.go`).

use std::collections::HashSet;

use super::report::{At, METADATA, Report, SCHEMA};
use super::syntax;
use super::syntax::{BadHost, fqdn, is_label, protocol, wildcard_domain};
use crate::istio::{Action, Kind, PolicyTargetReference, Resource, Spec, StringMap, is_kubernetes_label, nanoseconds};

/// What holds for a resource as a whole: its version, its fields, rule 9.
pub(super) fn resource(report: &mut Report<'_>, resource: &Resource) {
    if resource.kind() == Kind::Other {
        return;
    }
    let (written, newest) = (resource.api_version(), resource.kind().api_version());
    match resource.kind().older_versions().iter().find(|older| written.ends_with(*older)) {
        _ if written == newest => {}
        // What Istio stores Telemetry as is not deprecated.
        Some(older) if *older == "/v1alpha1" => {}
        Some(_) => report.deprecated(At::top("apiVersion"), written, newest),
        None => {
            report.error(SCHEMA, At::top("apiVersion"), format!("{written} is not served"), format!("use {newest}"))
        }
    }
    for pointer in resource.unknown_fields() {
        report.no_field(SCHEMA, pointer);
    }
    for name in INTERNAL.iter().filter(|name| resource.metadata.annotations.contains_key(**name)) {
        let annotations = METADATA.member("annotations");
        report.error(SCHEMA, annotations.member(name), format!("{name} is Istio's own"), "remove the annotation");
    }
    if let Some(value) = resource.metadata.annotations.get("istio.io/dry-run") {
        dry_run(report, resource, value);
    }
}

/// Annotations that Istio refuses from others (`validation.go`, `validateMetadata`).
const INTERNAL: [&str; 3] =
    ["internal.istio.io/webhook-always-reject", "internal.istio.io/parents", "internal.istio.io/parent-namespace"];

fn dry_run(report: &mut Report<'_>, resource: &Resource, value: &str) {
    let annotations = METADATA.member("annotations");
    let at = annotations.member("istio.io/dry-run");
    let allowed = match &resource.spec {
        Spec::AuthorizationPolicy(policy) => matches!(policy.action, None | Some(Action::Allow | Action::Deny)),
        _ => false,
    };
    if !allowed {
        let message = "istio.io/dry-run is for AuthorizationPolicies that allow or deny";
        report.error("istio/009", at, message, "remove the annotation");
    } else if !matches!(
        value,
        "1" | "t" | "T" | "TRUE" | "true" | "True" | "0" | "f" | "F" | "FALSE" | "false" | "False"
    ) {
        report.error(
            "istio/009",
            at,
            format!("istio.io/dry-run is {value:?}, not a boolean"),
            "write \"true\" or \"false\"",
        );
    }
}

/// Rules 1 and 2 for a host that may begin with `*`; answers whether it holds.
pub(super) fn host(report: &mut Report<'_>, at: At<'_>, host: &str) -> bool {
    holds(report, at, host, wildcard_domain(host))
}

/// Rules 1 and 2 for a host at a Gateway, which may be a server name that Istio makes.
pub(super) fn server_name(report: &mut Report<'_>, at: At<'_>, host: &str) -> bool {
    holds(report, at, host, syntax::server_name(host))
}

/// Rules 1 and 2 for a host without wildcard; answers whether it holds.
pub(super) fn plain_host(report: &mut Report<'_>, at: At<'_>, host: &str) -> bool {
    holds(report, at, host, fqdn(host))
}

/// Reports what is wrong with a host; answers whether it holds.
fn holds(report: &mut Report<'_>, at: At<'_>, host: &str, verdict: Result<(), BadHost>) -> bool {
    match verdict {
        Ok(()) => return true,
        Err(BadHost::Name) => report.error(
            "istio/001",
            at,
            format!("{host:?} is not a domain name"),
            "write labels of letters, digits and inner hyphens, the last one not a number",
        ),
        Err(BadHost::Wildcard) => {
            report.error(
                "istio/002",
                at,
                format!("{host:?} has a * where none may be"),
                "a * stands in the first label only",
            );
        }
    }
    false
}

/// Reports what is wrong with a host in full and with the namespace that stands before it; answers whether the host is one
/// in full, or a wildcard for such (`agent`, `ValidateNamespaceSlashWildcardHostname`).
pub(super) fn named_host(
    report: &mut Report<'_>,
    rule: &'static str,
    at: At<'_>,
    namespace: Option<&str>,
    host: &str,
) -> bool {
    if let Some(namespace) = namespace.filter(|name| !matches!(*name, "*" | ".") && !is_label(name)) {
        let message = format!("{namespace:?} is not a namespace");
        report.error(rule, at, message, "write the name of one, . for the own one, or * for all");
    }
    let partial = host.starts_with('*') && host != "*" && !host.starts_with("*.");
    let short = host != "*" && !host.contains('.');
    if partial || short {
        let message = format!("{host:?} is {}", if partial { "a partial wildcard" } else { "a short name" });
        report.error(rule, at, message, "write a full domain name, *.domain or *");
    }
    !partial && !short
}

/// Warns of a host without dots, which Istio completes with the resource's own namespace.
pub(super) fn full_host(report: &mut Report<'_>, at: At<'_>, host: &str) {
    if !host.contains('.') && !host.starts_with('*') && is_label(host) {
        let message = format!("the short host {host:?} means the resource's own namespace");
        report.warning("lint/short", at, message, "write the full name, such as name.namespace.svc.cluster.local");
    }
}

/// Rule 3 for a port that must be there.
pub(super) fn port(report: &mut Report<'_>, at: At<'_>, number: Option<u32>) {
    if !matches!(number, Some(1..=65535)) {
        let number = number.map_or("no number".to_owned(), |number| number.to_string());
        report.error("istio/003", at, format!("{number} is not a port"), "write a number from 1 to 65535");
    }
}

/// Rule 3 for a port that Istio does not look at.
pub(super) fn unchecked_port(report: &mut Report<'_>, at: At<'_>, number: Option<u32>) {
    if !matches!(number, Some(1..=65535)) {
        let message = "no service has such a port, and the settings apply to nothing";
        report.warning("istio/003", at, message, "write a number from 1 to 65535");
    }
}

/// Rule 3 for a port that may be absent or 0.
pub(super) fn optional_port(report: &mut Report<'_>, at: At<'_>, number: Option<u32>) {
    if number.is_some_and(|number| number != 0) {
        port(report, at, number);
    }
}

/// Rule 4.
pub(super) fn port_name(report: &mut Report<'_>, at: At<'_>, name: &str) {
    if !is_label(name) {
        report.error("istio/004", at, format!("{name:?} is not a port name"), "write a DNS label, such as http");
    }
}

/// Rule 5; an empty protocol is for Istio to find out.
pub(super) fn known_protocol(report: &mut Report<'_>, at: At<'_>, name: &str) {
    if !name.is_empty() && protocol(name).is_none() {
        unknown_protocol(report, at, name);
    }
}

/// Rule 5 where a protocol must be named.
pub(super) fn needed_protocol(report: &mut Report<'_>, at: At<'_>, name: &str) {
    if protocol(name).is_none() {
        unknown_protocol(report, at, name);
    }
}

fn unknown_protocol(report: &mut Report<'_>, at: At<'_>, name: &str) {
    let remedy = "use one of HTTP, HTTP2, GRPC, GRPC-Web, HTTP_PROXY, HTTPS, TLS, TCP, UDP, Mongo, Redis, MySQL";
    report.error("istio/005", at, format!("{name:?} is not a protocol that Istio knows"), remedy);
}

/// Rule 6; answers the duration in nanoseconds when it holds.
pub(super) fn duration(report: &mut Report<'_>, at: At<'_>, text: Option<&String>) -> Option<i128> {
    let text = text?;
    match nanoseconds(text) {
        Some(time) if time >= 1_000_000 && time % 1_000_000 == 0 => return Some(time),
        Some(_) => {
            report.error(
                "istio/006",
                at,
                format!("{text} is not at least 1ms in whole milliseconds"),
                "write such as 1.5s",
            );
        }
        None => report.error(
            "istio/006",
            at,
            format!("{text:?} is not a duration"),
            "write a number and a unit, such as 10s",
        ),
    }
    None
}

/// Rule 7.
pub(super) fn export_to(report: &mut Report<'_>, at: At<'_>, namespaces: &[String], own: &str, nobody: bool) {
    let mut seen = HashSet::new();
    for (index, namespace) in namespaces.iter().enumerate() {
        let at = at.item(index);
        let alone = namespaces.len() == 1;
        let again = !seen.insert(if is_own(namespace, own) { "." } else { namespace });
        let (message, remedy) = match namespace.as_str() {
            "*" | "~" if !alone => (format!("{namespace:?} stands beside others in exportTo"), "leave it alone there"),
            "~" if !nobody => ("~ is for ServiceEntries".to_owned(), "use . for the own namespace"),
            "." | "*" | "~" if !again => continue,
            _ if again => (format!("{namespace:?} is exported to twice"), "remove one"),
            name if is_label(name) => continue,
            _ => (format!("{namespace:?} is not a namespace"), "use ., * or the name of a namespace"),
        };
        report.error("istio/007", at, message, remedy);
    }
}

fn is_own(namespace: &str, own: &str) -> bool {
    namespace == "." || (!own.is_empty() && namespace == own)
}

/// Rule 8.
pub(super) fn selector(report: &mut Report<'_>, at: At<'_>, labels: &StringMap) {
    for (key, value) in labels {
        let at = at.member(key);
        if key.is_empty() {
            report.error("istio/008", at, "a selector has an empty key", "name a label");
        } else if key.contains('*') || value.contains('*') {
            report.error(
                "istio/008",
                at,
                format!("the selector {key}={value} has a *"),
                "name the label and its value in full",
            );
        }
    }
}

/// Warns of a selector that selects everything (`validation.go`, `validateWorkloadSelector`).
pub(super) fn empty_selector(report: &mut Report<'_>, at: At<'_>, labels: &StringMap) {
    if labels.is_empty() {
        let message = "a selector without labels selects every workload of the namespace";
        report.warning("istio/008", at, message, "name labels, or remove the selector");
    }
}

/// Labels of Kubernetes (`pkg/config/labels`, `Instance.Validate`).
pub(super) fn labels(report: &mut Report<'_>, at: At<'_>, labels: &StringMap) {
    for (key, value) in labels.iter().filter(|(key, value)| !is_kubernetes_label(key, value)) {
        let message = format!("{key}={value} is not a label");
        report.error(SCHEMA, at.member(key), message, "write letters, digits, - _ and . between letters or digits");
    }
}

/// Rule 76, for the policies that have targets.
pub(super) fn targets(
    report: &mut Report<'_>,
    selected: bool,
    one: Option<&PolicyTargetReference>,
    many: &[PolicyTargetReference],
) {
    use super::report::SPEC;
    if usize::from(selected) + usize::from(one.is_some()) + usize::from(!many.is_empty()) > 1 {
        report.error("istio/076", SPEC, "selector, targetRef and targetRefs exclude each other", "keep one of them");
    }
    if many.len() > 16 {
        report.error(
            "istio/076",
            SPEC.member("targetRefs"),
            format!("{} targetRefs, and 16 are allowed", many.len()),
            "split the policy",
        );
    }
    if let Some(target) = one {
        report.deprecated(SPEC.member("targetRef"), "targetRef", "targetRefs");
        target_reference(report, SPEC.member("targetRef"), target);
    }
    for (index, target) in many.iter().enumerate() {
        target_reference(report, SPEC.member("targetRefs").item(index), target);
    }
}

fn target_reference(report: &mut Report<'_>, at: At<'_>, target: &PolicyTargetReference) {
    if target.name.is_empty() {
        report.error("istio/076", at, "a target has no name", "name it");
    }
    if !target.namespace.is_empty() {
        report.error(
            "istio/076",
            at.member("namespace"),
            "a target is in the policy's own namespace",
            "remove namespace",
        );
    }
    let known = [("", "Service"), ("core", "Service"), ("networking.istio.io", "ServiceEntry")];
    let gateways = [("gateway.networking.k8s.io", "Gateway"), ("gateway.networking.k8s.io", "GatewayClass")];
    if !known.iter().chain(&gateways).any(|(group, kind)| *group == target.group && *kind == target.kind) {
        let message = format!("a policy cannot target {:?} of {:?}", target.kind, target.group);
        let remedy =
            "target a Service, a ServiceEntry of networking.istio.io, or a Gateway of gateway.networking.k8s.io";
        report.error("istio/076", at, message, remedy);
    }
}
