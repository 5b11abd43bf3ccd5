//! What hand-written manifests route through an egress gateway that a generated policy closes.

use std::collections::{BTreeMap, BTreeSet};

use super::Stray;
use super::path::Location;
use crate::access::is_enforced;
use crate::finding::{Finding, Place};
use crate::istio::{Action, AuthorizationPolicy, Resource, Spec};
use crate::render::{Exit, Rendered};

/// One finding for each egress gateway where hosts of hand-written Gateways lose access unasked: an ALLOW policy turns away
/// what no ALLOW policy of the same pods names. Where a hand-written one is there already, it is no news to them.
pub(super) fn lost(rendered: &Rendered, strays: &[Stray]) -> Vec<Finding> {
    let mut gateways: BTreeMap<(String, &BTreeMap<String, String>), Vec<&Exit>> = BTreeMap::new();
    for exit in &rendered.exits {
        gateways.entry((exit.cluster.to_string(), &exit.selector)).or_default().push(exit);
    }
    let mut findings = vec![];
    for ((cluster, _), exits) in gateways {
        let Some(first) = exits.first() else { continue };
        let here = || {
            let located = strays.iter().filter_map(|stray| Some((Location::of(&stray.path)?, stray)));
            located.filter(|(location, _)| location.cluster == cluster)
        };
        if here().any(|(location, stray)| stray.resources.iter().any(|it| closes(it, location, first))) {
            continue;
        }
        let routed: BTreeSet<String> = here().flat_map(|(_, stray)| routed(stray, first)).collect();
        let lost: Vec<&str> =
            routed.iter().filter(|host| !first.acknowledged.contains(*host)).map(String::as_str).collect();
        if let (false, Some(intent)) = (lost.is_empty(), first.intents.first()) {
            let message = format!(
                "the egress gateway in {} on {cluster} is closed to whom no policy names, and hand-written manifests route \
                 {} through it: their callers lose access",
                first.namespace,
                lost.join(", ")
            );
            let remedy = format!(
                "post outbound servers with via: egress-gateway in place of these manifests, write an ALLOW policy for them \
                 by hand, or, if they may be lost, say acknowledge: [{}] in {intent}",
                lost.join(", ")
            );
            let place = Place::pointing(intent.as_str(), "/spec/acknowledge");
            findings.push(Finding::error("outbound/loses-access", place, message, remedy));
        }
    }
    findings
}

/// The hosts of a manifest's Gateways on the gateway's pods, beside those that intents name.
fn routed<'a>(stray: &'a Stray, exit: &'a Exit) -> impl Iterator<Item = String> + use<'a> {
    let gateways = stray.resources.iter().filter_map(|resource| match &resource.spec {
        Spec::Gateway(gateway) => Some(gateway),
        _ => None,
    });
    let same_pods = gateways.filter(|gateway| meet(&gateway.selector, &exit.selector));
    let hosts = same_pods.flat_map(|gateway| gateway.servers.iter().flat_map(|server| &server.hosts));
    hosts.map(|host| host.rsplit_once('/').map_or(host.as_str(), |(_, host)| host).to_ascii_lowercase())
}

/// Whether there may be a pod with all labels of both, which a gateway's own pods are.
fn meet(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    one.iter().all(|(key, value)| other.get(key).is_none_or(|known| known == value))
}

/// Whether a hand-written policy closes the gateway's pods already.
fn closes(resource: &Resource, location: Location<'_>, exit: &Exit) -> bool {
    let Spec::AuthorizationPolicy(policy) = &resource.spec else { return false };
    let namespace = match resource.metadata.namespace.as_str() {
        "" => location.namespace,
        namespace => namespace,
    };
    let enforced = matches!(policy.action, None | Some(Action::Allow)) && is_enforced(&resource.metadata);
    let in_scope = namespace == exit.namespace || namespace == exit.root_namespace;
    enforced && in_scope && selects(policy, exit)
}

fn selects(policy: &AuthorizationPolicy, exit: &Exit) -> bool {
    let targets = policy.target_ref.is_some() || !policy.target_refs.is_empty();
    let all = |labels: &BTreeMap<String, String>| labels.iter().all(|(key, it)| exit.selector.get(key) == Some(it));
    !targets && policy.selector.as_ref().is_none_or(|selector| all(&selector.match_labels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::Anchor;
    use crate::intent::topology::ClusterId;

    fn exit(acknowledged: &[&str]) -> Rendered {
        let intent = Anchor::parse(
            "projects/p/composite-apps/a/v1/deployment-intent-groups/g/traffic-group-intents/t/outbound-intents/o/servers/s",
        );
        let exit = Exit {
            cluster: ClusterId { provider: "gke".into(), cluster: "east".into() },
            namespace: "egress".into(),
            root_namespace: "istio-system".into(),
            selector: [("istio".to_owned(), "egressgateway".to_owned())].into(),
            host: "api.bank.example".into(),
            acknowledged: std::sync::Arc::new(acknowledged.iter().map(|host| (*host).to_owned()).collect()),
            intents: vec![intent.unwrap()],
        };
        Rendered { exits: vec![exit], ..Rendered::default() }
    }

    fn gateway(cluster: &str, labels: &str) -> Stray {
        let text = format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g, namespace: egress}}\nspec:\n  selector: \
             {labels}\n  servers: [{{port: {{number: 443, protocol: TLS, name: tls}}, hosts: [x/Old.example, b.example], \
             tls: {{mode: PASSTHROUGH}}}}]\n"
        );
        Stray::read(&format!("clusters/gke/{cluster}/egress/by-hand.yaml"), &text)
    }

    fn policy(head: &str, spec: &str) -> Stray {
        let text =
            format!("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {head}\nspec: {spec}\n");
        Stray::read("clusters/gke/east/egress/policy.yaml", &text)
    }

    #[test]
    fn hosts_that_others_route_there_block_until_they_are_acknowledged() {
        let ours = "{istio: egressgateway, app: x}";
        let found = lost(&exit(&[]), &[gateway("east", ours)]);
        let [finding] = &found[..] else { panic!("{found:?}") };
        assert!(finding.message.contains("route b.example, old.example through it"), "{finding}");
        assert!(finding.remedy.contains("acknowledge: [b.example, old.example]"), "{finding}");
        assert_eq!(finding.severity, crate::finding::Severity::Error);
        assert!(lost(&exit(&["b.example", "old.example"]), &[gateway("east", ours)]).is_empty());
        assert!(lost(&exit(&["b.example"]), &[gateway("east", ours)])[0].message.contains("route old.example through"));
    }

    #[test]
    fn other_pods_and_other_clusters_lose_nothing() {
        assert!(lost(&exit(&[]), &[gateway("east", "{istio: ingressgateway}")]).is_empty());
        assert!(lost(&exit(&[]), &[gateway("west", "{istio: egressgateway}")]).is_empty());
        assert!(lost(&Rendered::default(), &[gateway("east", "{istio: egressgateway}")]).is_empty());
    }

    #[test]
    fn a_gateway_that_is_closed_already_loses_nothing() {
        let gateway = gateway("east", "{istio: egressgateway}");
        let allows = "{selector: {matchLabels: {istio: egressgateway}}, rules: [{}]}";
        for (head, spec, blocks) in [
            ("{name: p, namespace: egress}", allows, 0),
            ("{name: p, namespace: istio-system}", "{}", 0),
            ("{name: p, namespace: other}", allows, 1),
            ("{name: p, namespace: egress, annotations: {istio.io/dry-run: 'true'}}", allows, 1),
            ("{name: p, namespace: egress, annotations: {istio.io/dry-run: '1'}}", allows, 1),
            ("{name: p, namespace: egress, annotations: {istio.io/dry-run: 'false'}}", allows, 0),
            ("{name: p, namespace: egress}", "{action: DENY, rules: [{}]}", 1),
            ("{name: p, namespace: egress}", "{selector: {matchLabels: {app: y}}}", 1),
        ] {
            let found = lost(&exit(&[]), &[gateway.clone(), policy(head, spec)]);
            assert_eq!(found.len(), blocks, "{head} {spec}: {found:?}");
        }
    }
}
