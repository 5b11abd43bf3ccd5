//! Subsets that go away while routes on main still name them.
//!
//! A route to a subset that no DestinationRule declares answers 503, and what is removed together is synced in no order:
//! the route has to go first, and the subset in the next change.

use std::collections::BTreeSet;

use super::path::Location;
use crate::finding::{Finding, Place};
use crate::intent::Kind;
use crate::istio::Spec;
use crate::render::{Manifest, Rendered};

const RULE: &str = "traffic/subset";

/// A subset on a cluster: `provider/cluster`, the host and its own name.
type Of<'a> = (&'a str, &'a str, &'a str);

/// A finding for each subset that goes away while a route on main leads to it and its service stays.
pub(super) fn routed(before: &Rendered, after: &Rendered) -> Vec<Finding> {
    let gone: BTreeSet<Of<'_>> = declared(before).difference(&declared(after)).copied().collect();
    if gone.is_empty() {
        return vec![];
    }
    let mut findings = BTreeSet::new();
    for manifest in before.manifests.values() {
        let (Some(location), Spec::VirtualService(routes)) = (Location::of(&manifest.path), &manifest.resource.spec)
        else {
            continue;
        };
        for (to, weight) in routes.destinations() {
            let subset = (location.cluster, to.host.as_str(), to.subset.as_str());
            if weight != Some(0) && gone.contains(&subset) && stays(after, subset) {
                findings.insert(finding(manifest, subset));
            }
        }
    }
    findings.into_iter().collect()
}

fn declared(rendered: &Rendered) -> BTreeSet<Of<'_>> {
    let mut declared = BTreeSet::new();
    for manifest in rendered.manifests.values() {
        if let (Some(location), Spec::DestinationRule(rule)) = (Location::of(&manifest.path), &manifest.resource.spec) {
            declared.extend(rule.subsets.iter().map(|it| (location.cluster, rule.host.as_str(), it.name.as_str())));
        }
    }
    declared
}

/// Whether a cluster goes on serving a host with its own pods or calling it elsewhere. Who loses a service, or every caller of
/// it, loses no more by a route.
fn stays(after: &Rendered, (cluster, host, _): Of<'_>) -> bool {
    let Some((service, rest)) = host.split_once('.') else { return false };
    let Some((namespace, "svc.cluster.local")) = rest.split_once('.') else { return false };
    let serves = after.targets.iter().any(|target| {
        target.cluster.to_string() == cluster
            && target.namespace == namespace
            && target.services.iter().any(|it| it == service)
    });
    let is_called = |manifest: &Manifest| match &manifest.resource.spec {
        Spec::ServiceEntry(entry) => {
            let here = Location::of(&manifest.path).is_some_and(|location| location.cluster == cluster);
            here && entry.hosts.iter().any(|it| it == host)
        }
        _ => false,
    };
    serves || after.manifests.values().any(is_called)
}

fn finding(manifest: &Manifest, (cluster, host, subset): Of<'_>) -> Finding {
    let intent = manifest.intents.iter().find(|intent| intent.kind() == Kind::Inbound);
    let place =
        intent.map_or_else(|| Place::at(&manifest.path), |it| Place::pointing(it.as_str(), "/spec/trafficManagement"));
    let message = format!("the subset {subset} of {host} goes away while routes of main on {cluster} lead to it");
    let remedy =
        format!("merge weights and mirrors without {subset} first, and take the subset out in the next change");
    Finding::error(RULE, place, message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{Settings, testing};
    use crate::render::{Outside, Scope, render};

    const SUBSETS: &str = "    subsets:\n    - {name: v1, labels: {version: v1}}\n    - {name: v2, labels: {version: v2}, \
                           trafficPolicy: {connectionPool: {tcp: {maxConnections: 10}}}}\n    weights: [{subset: v1, weight: 95}, \
                           {subset: v2, weight: 5}]\n    mirror: {subset: v2, percentage: {value: 10}}\n";

    const ONE: &str = "    - {name: v1, labels: {version: v1}}\n";
    const BOTH: &str = "    - {name: v1, labels: {version: v1}}\n    - {name: v2, labels: {version: v2}}\n";

    /// The storefront with something else said of the subsets of `stock`, which is called from another cluster too.
    fn with(traffic: &str) -> Rendered {
        let bundle = include_str!("../../fixtures/storefront/bundle.yaml");
        assert!(bundle.contains(SUBSETS));
        of(&bundle.replace(SUBSETS, traffic))
    }

    fn of(bundle: &str) -> Rendered {
        let tree = testing::tree(bundle);
        render(&tree, &Settings::default(), &Scope::everything(&tree), Outside::None)
    }

    fn told(before: &Rendered, after: &Rendered) -> Vec<String> {
        routed(before, after).into_iter().map(|it| it.message).collect()
    }

    #[test]
    fn a_subset_that_is_routed_to_goes_in_the_change_after_its_route() {
        let canary = with(SUBSETS);
        let promoted = format!("    subsets:\n{ONE}    weights: [{{subset: v1, weight: 1}}]\n");
        let findings = routed(&canary, &with(&promoted));
        let clusters = |findings: &[Finding]| {
            let at = |it: &Finding| it.message.split(' ').rev().nth(3).unwrap().to_owned();
            findings.iter().map(at).collect::<Vec<_>>()
        };
        assert_eq!(clusters(&findings), ["gke/east", "gke/west"], "{findings:?}");
        assert!(findings.iter().all(|it| it.place.path.ends_with("/inbound-intents/stock")), "{findings:?}");
        let kept = with(&format!("    subsets:\n{BOTH}    weights: [{{subset: v1, weight: 1}}]\n"));
        assert_eq!(told(&canary, &kept), [""; 0]);
        assert_eq!(told(&kept, &with(&promoted)), [""; 0]);
        let no_share =
            with(&format!("    subsets:\n{BOTH}    weights: [{{subset: v1, weight: 1}}, {{subset: v2, weight: 0}}]\n"));
        assert_eq!(told(&no_share, &with(&promoted)), [""; 0]);
        let mirrored = with(&format!("    subsets:\n{BOTH}    mirror: {{subset: v2}}\n"));
        assert_eq!(told(&mirrored, &with(&promoted)).len(), 2);
        assert_eq!(told(&canary, &with("    timeout: 1s\n")).len(), 4, "both subsets at once");
    }

    #[test]
    fn with_its_service_or_its_callers_a_subset_may_go() {
        let canary = with(SUBSETS);
        assert_eq!(told(&canary, &Rendered::default()), [""; 0]);
        let bundle = include_str!("../../fixtures/storefront/bundle.yaml");
        let (kept, _) =
            bundle.rsplit_once("---\nanchor: inbound-intents/stock/clients\nmetadata: {name: batch}").unwrap();
        assert_eq!(told(&canary, &of(kept)), [""; 0], "the only caller on the other cluster");
    }
}
