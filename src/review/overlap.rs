//! Hand-written manifests that fight generated ones.

use std::collections::{BTreeMap, BTreeSet};

use super::path::Location;
use super::{Stray, exits, loosened};
use crate::finding::{Finding, Place};
use crate::istio::{Gateway, Kind, PeerAuthentication, Resource, Spec};
use crate::render::Rendered;

/// The rule of a file that bears our label and that nothing renders.
pub(super) const STALE: &str = "check/stale";

/// What two resources must not share on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// How a host is called.
    Rule { host: String },
    /// How sidecars route a host.
    Route { host: String },
    /// Whether pods ask for mTLS; namespace and labels.
    Mtls { namespace: String, labels: BTreeMap<String, String> },
    /// What the sidecars of pods know; namespace and labels.
    Scope { namespace: String, labels: BTreeMap<String, String> },
    /// A port and host of gateway pods.
    Served { selector: BTreeMap<String, String>, port: u32, host: String },
    /// What a host is.
    Entry { host: String },
    /// A name among its kind.
    Name { kind: String, namespace: String, name: String },
}

/// A claim with where it holds.
struct Held<'a> {
    claim: Claim,
    /// The namespaces that see it; all when none.
    seen_by: Option<BTreeSet<String>>,
    path: &'a str,
}

/// What hand-written manifests claim that generated ones claim as well, whom they let in beside them, files of ours that nothing renders, and what
/// could not be read.
#[must_use]
pub fn overlaps(rendered: &Rendered, strays: &[Stray]) -> Vec<Finding> {
    let clusters: BTreeSet<&str> =
        strays.iter().filter_map(|stray| Location::of(&stray.path)).map(|location| location.cluster).collect();
    let mut ours: BTreeMap<(&str, Claim), Vec<Held<'_>>> = BTreeMap::new();
    for manifest in rendered.manifests.values() {
        let Some(location) = Location::of(&manifest.path) else { continue };
        if clusters.contains(location.cluster) {
            for held in claims(&manifest.resource, location, &manifest.path) {
                ours.entry((location.cluster, held.claim.clone())).or_default().push(held);
            }
        }
    }
    let mut findings = Vec::new();
    for stray in strays {
        findings.extend(stray.findings.iter().cloned());
        let ours_to_write = rendered.manifests.contains_key(&stray.path);
        if stray.resources.iter().any(is_ours) {
            findings.extend((!ours_to_write).then(|| stale(stray)));
        } else if ours_to_write {
            findings.push(taken(stray));
        } else if let Some(location) = Location::of(&stray.path) {
            for theirs in stray.resources.iter().flat_map(|resource| claims(resource, location, &stray.path)) {
                let key = (location.cluster, theirs.claim.clone());
                let held = ours.get(&key).map(Vec::as_slice).unwrap_or_default();
                findings.extend(held.iter().filter(|ours| meet(ours, &theirs)).map(|ours| fight(ours, &theirs)));
            }
        }
    }
    findings.extend(exits::lost(rendered, strays));
    findings.extend(loosened(rendered, &[], strays).into_iter().map(|loosening| loosening.finding));
    findings.sort();
    findings.dedup();
    findings
}

fn claims<'a>(resource: &Resource, location: Location<'_>, path: &'a str) -> Vec<Held<'a>> {
    let namespace = match resource.metadata.namespace.as_str() {
        "" => location.namespace,
        namespace => namespace,
    };
    let held = |claim: Claim, seen_by| Held { claim, seen_by, path };
    let (kind, name) = (resource.kind_name().to_owned(), resource.metadata.name.clone());
    let mut claims = vec![held(Claim::Name { kind, namespace: namespace.to_owned(), name }, None)];
    let more: Vec<Held<'a>> = match &resource.spec {
        Spec::DestinationRule(rule) => {
            vec![held(Claim::Rule { host: whole(&rule.host, namespace) }, seen_by(&rule.export_to, namespace))]
        }
        Spec::VirtualService(service)
            if service.gateways.is_empty() || service.gateways.iter().any(|gateway| gateway == "mesh") =>
        {
            let hosts = service.hosts.iter().map(|host| Claim::Route { host: whole(host, namespace) });
            hosts.map(|claim| held(claim, seen_by(&service.export_to, namespace))).collect()
        }
        Spec::ServiceEntry(entry) => {
            let hosts = entry.hosts.iter().map(|host| Claim::Entry { host: host.to_ascii_lowercase() });
            hosts.map(|claim| held(claim, seen_by(&entry.export_to, namespace))).collect()
        }
        Spec::PeerAuthentication(PeerAuthentication { selector: Some(selector), .. })
            if !selector.match_labels.is_empty() =>
        {
            let labels = selector.match_labels.clone();
            vec![held(Claim::Mtls { namespace: namespace.to_owned(), labels }, None)]
        }
        Spec::Sidecar(sidecar) => {
            let labels = sidecar.workload_selector.as_ref().map(|selector| selector.labels.clone()).unwrap_or_default();
            // One for a whole namespace gives way to one for its pods.
            let claim = (!labels.is_empty()).then(|| Claim::Scope { namespace: namespace.to_owned(), labels });
            claim.map(|claim| held(claim, None)).into_iter().collect()
        }
        Spec::Gateway(gateway) => served(gateway).into_iter().map(|claim| held(claim, None)).collect(),
        _ => vec![],
    };
    claims.extend(more);
    claims
}

fn served(gateway: &Gateway) -> Vec<Claim> {
    let mut claims = Vec::new();
    for server in &gateway.servers {
        let Some(port) = server.port.as_ref().and_then(|port| port.number) else { continue };
        for host in &server.hosts {
            let host = host.rsplit_once('/').map_or(host.as_str(), |(_, host)| host).to_ascii_lowercase();
            claims.push(Claim::Served { selector: gateway.selector.clone(), port, host });
        }
    }
    claims
}

/// A host in full: a name without dots is a service of the resource's namespace
/// (istio `pkg/config/resource`, `ResolveShortnameToFQDN`).
fn whole(host: &str, namespace: &str) -> String {
    match host.contains(['.', '*']) {
        true => host.to_ascii_lowercase(),
        false => format!("{}.{namespace}.svc.cluster.local", host.to_ascii_lowercase()),
    }
}

/// The namespaces that see what is exported to these; all when none.
fn seen_by(export_to: &[String], namespace: &str) -> Option<BTreeSet<String>> {
    if export_to.is_empty() || export_to.iter().any(|to| to == "*") {
        return None;
    }
    let named = export_to.iter().filter(|to| *to != "~");
    Some(named.map(|to| if to == "." { namespace.to_owned() } else { to.clone() }).collect())
}

/// Whether a namespace sees both.
fn meet(one: &Held<'_>, other: &Held<'_>) -> bool {
    match (&one.seen_by, &other.seen_by) {
        (Some(one), Some(other)) => !one.is_disjoint(other),
        (Some(one), None) | (None, Some(one)) => !one.is_empty(),
        (None, None) => true,
    }
}

fn fight(ours: &Held<'_>, theirs: &Held<'_>) -> Finding {
    let (rule, what) = match &ours.claim {
        Claim::Rule { host } => ("overlap/destination-rule", format!("a DestinationRule of host {host}")),
        Claim::Route { host } => ("overlap/virtual-service", format!("a VirtualService of host {host} in the mesh")),
        Claim::Entry { host } => ("overlap/service-entry", format!("a ServiceEntry of host {host}")),
        Claim::Mtls { namespace, labels } => (
            "overlap/peer-authentication",
            format!("a PeerAuthentication of the pods {} in namespace {namespace}", selector(labels)),
        ),
        Claim::Scope { namespace, labels } => {
            ("overlap/sidecar", format!("a Sidecar of the pods {} in namespace {namespace}", selector(labels)))
        }
        Claim::Served { port, host, .. } => {
            ("overlap/gateway", format!("a Gateway that serves host {host} at port {port} on the same pods"))
        }
        Claim::Name { kind, namespace, name } => ("overlap/name", format!("the {kind} {namespace}/{name}")),
    };
    let (ours, theirs) = (ours.path, theirs.path);
    let message = format!(
        "it holds {what}, and so does the generated {ours}: Istio would follow one of them, and nobody says which"
    );
    let remedy = format!(
        "remove it from {theirs} and say what it does in the intent, or take the setting out of the intent so that \
         {ours} goes away"
    );
    Finding::error(rule, Place::at(theirs), message, remedy)
}

fn selector(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

impl Stray {
    /// Whether it holds a resource that bears our label, though nothing renders it any more.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.resources.iter().any(is_ours)
    }
}

fn is_ours(resource: &Resource) -> bool {
    let managed_by = resource.metadata.labels.get("app.kubernetes.io/managed-by");
    // The file that keeps a namespace's directory stays when the last intent goes.
    managed_by.is_some_and(|by| by == "meshwright") && resource.kind() != Kind::ConfigMap
}

fn stale(stray: &Stray) -> Finding {
    Finding::error(
        STALE,
        Place::at(&stray.path),
        "it bears the label app.kubernetes.io/managed-by: meshwright, and no intent renders it",
        "run `meshwright render --repo . --write` or remove the file if nobody needs it, or take the label off if it is kept by \
         hand",
    )
}

fn taken(stray: &Stray) -> Finding {
    Finding::error(
        "overlap/file",
        Place::at(&stray.path),
        "a hand-written file stands where a generated one belongs, and would be overwritten",
        format!("move {} to another path, or remove it", stray.path),
    )
}
