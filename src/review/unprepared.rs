//! Calls that begin or cease to be led to a cluster in one step, though clusters are synced in no order.

use std::collections::{BTreeMap, BTreeSet};

use super::path::Location;
use crate::finding::{Finding, Place};
use crate::intent::{Anchor, Kind};
use crate::istio::{Destination, Spec};
use crate::render::{Manifest, Rendered};

const RULE: &str = "topology/unprepared";

/// An alias host and a port of it, by which calls are led to the cluster that it stands for.
type Way<'a> = (&'a str, u32);

/// The clusters whose gateways lead from each way to pods, with the intents that this comes from.
type Ways<'a> = BTreeMap<Way<'a>, (&'a str, &'a [Anchor])>;

/// What routes send by a way.
#[derive(Default)]
struct Sent<'a> {
    weight: i64,
    of: i64,
    /// Whether no other share of its routes is bigger.
    most: bool,
    /// The clusters of the callers.
    from: BTreeSet<&'a str>,
}

/// A finding for each cluster that is sent calls without being prepared on main, and for each that is taken out while main
/// sends it calls.
pub(super) fn unprepared(before: &Rendered, after: &Rendered) -> Vec<Finding> {
    let (ceasing, beginning) = (sent(before, after), sent(after, before));
    let sought: BTreeSet<Way<'_>> = ceasing.keys().chain(beginning.keys()).copied().collect();
    if sought.is_empty() {
        return vec![];
    }
    let (known, wanted) = (ways(before, &sought), ways(after, &sought));
    let mut findings = vec![];
    for (way, sent) in beginning.iter().filter(|(_, sent)| sent.weight > 0) {
        let Some((cluster, intents)) = wanted.get(way) else { continue };
        if !is_there(&known, *way, cluster) {
            let message =
                format!("{} without being prepared on main: they fail until it has synced", sent.told(*way, cluster));
            let first = sent.most && !has_other(&known, *way);
            findings.push(finding(intents, message, remedy(first, "send it calls in the next change")));
        }
    }
    for (way, sent) in ceasing.iter().filter(|(_, sent)| sent.weight > 0) {
        let Some((cluster, intents)) = known.get(way) else { continue };
        if !is_there(&wanted, *way, cluster) {
            let told = sent.told(*way, cluster);
            let message = format!("{told} on main and is taken out in one step: they fail until these have synced");
            let last = sent.most && !has_other(&wanted, *way);
            findings.push(finding(intents, message, remedy(last, "take it out in the next change")));
        }
    }
    findings
}

impl Sent<'_> {
    fn told(&self, (host, port): Way<'_>, cluster: &str) -> String {
        let from: Vec<&str> = self.from.iter().copied().collect();
        let service = host.split('.').next().unwrap_or_default();
        let (weight, of) = (self.weight, self.of);
        format!("{cluster} is sent {weight} of {of} calls of `{service}` (port {port}) made on {}", from.join(", "))
    }
}

/// What routes of `rendered` that `other` does not have send by each way, nothing included.
fn sent<'a>(rendered: &'a Rendered, other: &'a Rendered) -> BTreeMap<Way<'a>, Sent<'a>> {
    let mut sent: BTreeMap<Way<'_>, Sent<'_>> = BTreeMap::new();
    for manifest in super::resources::changed(other, rendered) {
        let Some(location) = Location::of(&manifest.path) else { continue };
        for shares in routes(manifest) {
            let of = shares.iter().map(|(_, weight)| weight).sum();
            let most = shares.iter().map(|(_, weight)| *weight).max();
            for (to, weight) in &shares {
                let Some(port) = to.port.as_ref().and_then(|port| port.number) else { continue };
                let known = sent.entry((&to.host, port)).or_default();
                (known.weight, known.of, known.most) = (*weight, of, Some(*weight) == most);
                known.from.insert(location.cluster);
            }
        }
    }
    sent
}

/// The shares of each route. Who fails over has none, or shares of subsets, and is served by own pods meanwhile.
fn routes(manifest: &Manifest) -> Vec<Vec<(&Destination, i64)>> {
    let Spec::VirtualService(routes) = &manifest.resource.spec else { return vec![] };
    let http =
        routes.http.iter().map(|it| it.route.iter().filter_map(|it| share(&it.destination, it.weight)).collect());
    let tcp = routes.tcp.iter().map(|it| it.route.iter().filter_map(|it| share(&it.destination, it.weight)).collect());
    http.chain(tcp).collect()
}

fn share(to: &Option<Destination>, weight: Option<i32>) -> Option<(&Destination, i64)> {
    to.as_ref().filter(|to| to.subset.is_empty()).zip(weight.map(i64::from))
}

/// Those of the ways `sought` that lead somewhere: a gateway lists the host, and beside it the host is pods. A Service that
/// other clusters call has such a gateway too, but nothing there shadows it.
fn ways<'a>(rendered: &'a Rendered, sought: &BTreeSet<Way<'_>>) -> Ways<'a> {
    let hosts: BTreeSet<&str> = sought.iter().map(|(host, _)| *host).collect();
    let mut gateways: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut entries: Vec<(Way<'_>, (&str, &[Anchor]))> = vec![];
    for manifest in rendered.manifests.values() {
        let Some(Location { cluster, .. }) = Location::of(&manifest.path) else { continue };
        match &manifest.resource.spec {
            Spec::Gateway(gateway) => {
                let listed = gateway.servers.iter().flat_map(|server| &server.hosts).map(String::as_str);
                gateways.extend(listed.filter(|host| hosts.contains(host)).map(|host| (cluster, host)));
            }
            Spec::ServiceEntry(entry) => {
                for host in entry.hosts.iter().map(String::as_str).filter(|host| hosts.contains(host)) {
                    let ports = entry.ports.iter().filter_map(|port| port.number);
                    entries.extend(ports.map(|port| ((host, port), (cluster, manifest.intents.as_slice()))));
                }
            }
            _ => {}
        }
    }
    entries.retain(|((host, _), (cluster, _))| gateways.contains(&(*cluster, *host)));
    entries.into_iter().collect()
}

fn is_there(ways: &Ways<'_>, way: Way<'_>, cluster: &str) -> bool {
    ways.get(&way).is_some_and(|(known, _)| *known == cluster)
}

/// Whether calls of the same port of the Service can be led to another cluster.
fn has_other(ways: &Ways<'_>, (host, port): Way<'_>) -> bool {
    let service = |host: &str| host.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    ways.keys().any(|(other, at)| *other != host && *at == port && service(other) == service(host))
}

/// Weights are never 0 together, so that one cluster cannot be prepared, or left, by weight.
fn remedy(by_failover: bool, then: &str) -> String {
    let first = if by_failover {
        "failover to it in place of weights, which keeps callers at their own pods"
    } else {
        "its weight as 0"
    };
    format!("merge {first}, and {then}")
}

fn finding(intents: &[Anchor], message: String, remedy: String) -> Finding {
    let about = intents.iter().find(|intent| intent.kind() == Kind::Inbound);
    let place = about.map_or_else(Place::default, |it| Place::pointing(it.as_str(), "/spec/trafficManagement/weights"));
    Finding::warning(RULE, place, message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{Settings, testing};
    use crate::render::{Outside, Scope, render};
    use crate::review::Input;

    const WEIGHTS: &str =
        "    weights:\n    - {cluster: gke/east, weight: 90}\n    - {cluster: gke/west, weight: 10}\n";

    /// What the bundle renders to, with something else in place of its weights.
    fn with(traffic: &str) -> Rendered {
        let bundle = include_str!("../../fixtures/cluster-weights/bundle.yaml");
        assert!(bundle.contains(WEIGHTS));
        let tree = testing::tree(&bundle.replace(WEIGHTS, traffic));
        render(&tree, &Settings::default(), &Scope::everything(&tree), Outside::None)
    }

    fn weights(east: u8, west: u8) -> Rendered {
        with(&format!("    weights: [{{cluster: gke/east, weight: {east}}}, {{cluster: gke/west, weight: {west}}}]\n"))
    }

    /// The clusters that findings are about, and what to do.
    fn told(before: &Rendered, after: &Rendered) -> Vec<(String, String)> {
        let told = |it: Finding| {
            assert!(it.place.path.ends_with("/inbound-intents/catalog"), "{it}");
            (it.message.split(' ').next().unwrap().to_owned(), it.remedy)
        };
        unprepared(before, after).into_iter().map(told).collect()
    }

    fn clusters(before: &Rendered, after: &Rendered) -> Vec<String> {
        told(before, after).into_iter().map(|(cluster, _)| cluster).collect()
    }

    #[test]
    fn a_share_that_nothing_prepared_is_warned_of() {
        let nothing = with("");
        assert_eq!(clusters(&nothing, &weights(90, 10)), ["gke/east", "gke/west"]);
        let found = unprepared(&nothing, &weights(90, 10));
        assert_eq!(
            found[1].message,
            "gke/west is sent 10 of 100 calls of `catalog` (port 80) made on gke/east, gke/north without being prepared on \
             main: they fail until it has synced"
        );
        assert_eq!(found[1].remedy, "merge its weight as 0, and send it calls in the next change");
        assert!(found[0].remedy.starts_with("merge failover to it in place of weights"), "{}", found[0]);
        let one = with("    weights: [{cluster: gke/east, weight: 1}]\n");
        assert_eq!(told(&one, &weights(0, 100)), [("gke/west".to_owned(), found[1].remedy.clone())]);
        assert_eq!(clusters(&Rendered::default(), &weights(90, 10)).len(), 2, "a first post");
    }

    #[test]
    fn a_plan_warns_of_it() {
        let (before, after) = (weights(100, 0), weights(0, 100));
        let plan = |before: &Rendered, after: &Rendered| {
            let (files, digest) = (vec![], String::new());
            let input = Input {
                before,
                after,
                files,
                strays: &[],
                overwritten: vec![],
                digest,
                findings: vec![],
                deletions_cap: 1,
            };
            super::super::plan(input).findings.iter().filter(|it| it.rule == RULE).count()
        };
        assert_eq!((plan(&with(""), &after), plan(&before, &after)), (1, 0));
    }

    #[test]
    fn what_is_prepared_or_left_step_by_step_is_not() {
        for (before, after) in [((100, 0), (90, 10)), ((90, 10), (0, 1)), ((90, 10), (100, 0))] {
            assert_eq!(clusters(&weights(before.0, before.1), &weights(after.0, after.1)), [""; 0], "{after:?}");
        }
        assert_eq!(clusters(&weights(100, 0), &with("    weights: [{cluster: gke/east, weight: 1}]\n")), [""; 0]);
        assert_eq!(unprepared(&weights(90, 10), &weights(90, 10)), []);
    }

    #[test]
    fn a_cluster_that_is_taken_out_while_it_is_sent_calls_is_warned_of() {
        let one = with("    weights: [{cluster: gke/east, weight: 1}]\n");
        let found = unprepared(&weights(90, 10), &one);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].message.starts_with("gke/west is sent 10 of 100 calls of `catalog` (port 80) made on gke/east")
        );
        assert_eq!(found[0].remedy, "merge its weight as 0, and take it out in the next change");
        assert_eq!(clusters(&weights(90, 10), &with("")), ["gke/east", "gke/west"]);
    }

    #[test]
    fn failover_prepares_both_and_moves_nobody() {
        let of = |bundle: &str| {
            let tree = testing::tree(bundle);
            render(&tree, &Settings::default(), &Scope::everything(&tree), Outside::None)
        };
        let fixture = include_str!("../../fixtures/failover/bundle.yaml");
        let failing_over = of(fixture);
        assert_eq!(unprepared(&Rendered::default(), &failing_over), []);
        assert_eq!(unprepared(&failing_over, &Rendered::default()), []);
        let subsets = "    - {subset: stable, weight: 95}\n    - {subset: canary, weight: 5}\n    failover:\n    - {from: \
                       gke/east, to: gke/west}\n    - {from: gke/west, to: gke/east}\n";
        assert!(fixture.contains(subsets));
        let shares = "    - {cluster: gke/east, weight: 1}\n    - {cluster: gke/west, weight: 1}\n";
        let shared = of(&fixture.replace(subsets, shares));
        assert_eq!(unprepared(&Rendered::default(), &shared).len(), 2);
        assert_eq!(unprepared(&failing_over, &shared), []);
        assert_eq!(unprepared(&shared, &failing_over), []);
    }
}
