//! What there is to say about outbound intents beside the files.

use std::collections::BTreeSet;

use super::callee::Callee;
use super::exit::ENTRANCE;
use crate::finding::{Finding, Place};
use crate::intent::conflicts::conflicts;
use crate::intent::spec::{Outbound, Resolution};
use crate::intent::topology::EgressFacts;
use crate::intent::{Anchor, ClusterFacts, ClusterId, Tree, rules};
use crate::render::output::Output;

/// The most hosts that are named one by one.
const MOST_NAMED: usize = 8;

/// What one outbound server calls for, wherever its caller runs.
pub(super) fn of_callee(callee: &Callee<'_>, tree: &Tree, findings: &mut Vec<Finding>) {
    for violation in rules::violations(tree, callee.anchor) {
        findings.push(Finding::error("render/rule", at(callee, ""), violation.message, "mend the intent"));
    }
    of_conflicts(callee.anchor, tree, findings);
    let (server, caller) = (callee.server, callee.caller);
    if !callee.exits() {
        let message = format!(
            "every workload of namespace `{}` may call {}:{}, not only `{}` ({}): this makes the host known, and keeps \
             nobody out",
            callee.namespace,
            server.host,
            server.service_port(),
            caller.service,
            caller.label
        );
        findings.push(Finding::note("outbound/visible", at(callee, ""), message));
    }
    if server.certificates {
        let message = "the certificates are kept here and nothing is rendered from them";
        let note = Finding::note("outbound/certificates", at(callee, "/spec/external"), message);
        findings.push(Finding { remedy: "put them into a secret and name it by tls.credentialName".into(), ..note });
    }
}

/// Contradictions between this intent and others.
pub(super) fn of_conflicts(anchor: &Anchor, tree: &Tree, findings: &mut Vec<Finding>) {
    for conflict in conflicts(tree, anchor).into_iter().filter(|conflict| conflict.intent == *anchor) {
        let place = Place::pointing(anchor.as_str(), conflict.field);
        let remedy = "let both say the same, or take one of them away";
        findings.push(Finding::error("render/conflict", place, conflict.to_string(), remedy));
    }
}

/// What a sidecar cannot tell apart without names of its own.
pub(super) fn of_names(
    callees: &[&Callee<'_>],
    cluster: &ClusterId,
    facts: &ClusterFacts,
    findings: &mut Vec<Finding>,
) {
    let by_name = |callee: &&&Callee<'_>| {
        callee.server.is_opaque() && matches!(callee.server.resolution, Resolution::Dns | Resolution::DnsRoundRobin)
    };
    for callee in callees.iter().filter(by_name).filter(|_| !facts.dns_proxy) {
        let (host, port) = (&callee.server.host, callee.server.service_port());
        findings.push(Finding::warning(
            "outbound/any-address",
            at(callee, "/spec/protocol"),
            format!(
                "{} carries no name of its host, and sidecars on {cluster} do not resolve names: whatever `{}` calls at \
                 port {port} beyond the mesh would go to {host}",
                callee.server.protocol, callee.namespace
            ),
            format!(
                "switch on DNS proxying there (meshConfig.defaultConfig.proxyMetadata: ISTIO_META_DNS_CAPTURE: \"true\") \
                 and set dnsProxy: true on {}, or say dnsResolution STATIC with its addresses",
                of_cluster(cluster)
            ),
        ));
    }
}

/// The secret that has to be where TLS begins.
pub(super) fn of_secret(callee: &Callee<'_>, namespace: &str, cluster: &ClusterId, out: &mut Output) {
    let Some(name) = callee.server.tls.as_ref().and_then(|tls| tls.credential_name.as_ref()) else { return };
    let message = format!("the secret `{name}` has to be in namespace `{namespace}` of {cluster}, where TLS begins");
    out.findings.push(Finding::note("outbound/credential", at(callee, "/spec/tls/credentialName"), message));
}

/// An egress gateway that is not described.
pub(super) fn no_gateway(callee: &Callee<'_>, cluster: &ClusterId, missing: &[&str]) -> Finding {
    let fields: Vec<String> = missing.iter().map(|field| format!("egress.{field}")).collect();
    Finding::error(
        "topology/egress-gateway",
        at(callee, "/spec/via"),
        format!("{} cannot be reached through an egress gateway on {cluster}: it is not described", callee.server.host),
        format!("set {} of {}, or say via: direct", fields.join(", "), of_cluster(cluster)),
    )
}

/// A host that the gateway's namespace would see twice, for its own callers and for those who pass the gateway.
pub(super) fn beside_gateway(callee: &Callee<'_>, cluster: &ClusterId, other: &Anchor) -> Finding {
    Finding::error(
        "outbound/two-entries",
        at(callee, "/spec/via"),
        format!(
            "{other} reaches {} straight from the namespace of the egress gateway on {cluster}, which would see two \
             ServiceEntries of it",
            callee.server.host
        ),
        "say via: egress-gateway there too, or via: direct here",
    )
}

/// What holds at the egress gateway, and what does not.
pub(super) fn of_gateway(
    callees: &[&Callee<'_>],
    cluster: &ClusterId,
    facts: &ClusterFacts,
    egress: &EgressFacts,
    findings: &mut Vec<Finding>,
) {
    for callee in callees {
        let (host, caller) = (&callee.server.host, callee.caller);
        // Without one nobody passes, and the rule that it is needed tells so.
        let Some(account) = &caller.service_account else { continue };
        let message = format!(
            "the egress gateway on {cluster} lets `{}` ({}) pass to {host} as service account {}/{account}, and nobody \
             without an intent of their own; pods that go around the gateway are not held back",
            caller.service, caller.label, callee.namespace
        );
        let note = Finding::note("outbound/egress-gateway", at(callee, "/spec/via"), message);
        let remedy = format!(
            "let a NetworkPolicy close other ways out; the Service {} has to have port {ENTRANCE}",
            egress.host
        );
        findings.push(Finding { remedy, ..note });
    }
    let namespace = &egress.pods.namespace;
    if *namespace == facts.root_namespace
        && let Some(first) = callees.first()
    {
        let labels: Vec<String> = egress.pods.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let message = format!(
            "`{namespace}` is the root namespace of {cluster}: the policies of its egress gateway hold for pods with {} in \
             every namespace",
            labels.join(",")
        );
        findings.push(Finding::note("outbound/root-namespace", at(first, "/spec/via"), message));
    }
}

/// An app that is placed nowhere.
pub(super) fn unplaced(intent: &Anchor, missing: Finding) -> Finding {
    Finding { place: Place::pointing(intent.as_str(), "/spec/app"), ..missing }
}

/// What the sidecars of a caller know.
pub(super) fn of_scope(
    asking: &[(&Anchor, &Outbound)],
    hosts: &BTreeSet<String>,
    cluster: &ClusterId,
    findings: &mut Vec<Finding>,
) {
    let Some((anchor, caller)) = asking.first() else { return };
    let mut named: Vec<&str> = hosts.iter().take(MOST_NAMED).map(String::as_str).collect();
    let more = format!("{} more", hosts.len().saturating_sub(MOST_NAMED));
    if hosts.len() > MOST_NAMED {
        named.push(&more);
    }
    let known = if named.is_empty() { "no host".to_owned() } else { named.join(", ") };
    let message = format!(
        "sidecars of {} on {cluster} know {known}, and nothing else: calls to other hosts of the mesh lose its routes and \
         mutual TLS, and none is forbidden by this",
        caller.label
    );
    let place = Place::pointing(anchor.as_str(), "/spec/egressScope");
    findings.push(Finding::note("outbound/scope", place, message));
}

/// Where a cluster's facts are posted.
fn of_cluster(cluster: &ClusterId) -> String {
    cluster.anchor().map_or_else(|| cluster.to_string(), |anchor| anchor.to_string())
}

fn at(callee: &Callee<'_>, pointer: &str) -> Place {
    Place::pointing(callee.anchor.as_str(), pointer)
}
