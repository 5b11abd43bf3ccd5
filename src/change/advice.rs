//! What a requester should know of a write that is accepted all the same.

use crate::finding::{Finding, Place, Severity};
use crate::intent::plugins::BUILT_IN;
use crate::intent::scalar::DnsLabel;
use crate::intent::spec::Spec;
use crate::intent::{Anchor, Kind, Resource, Topology, Tree, rules};

/// What may not be meant in a write of the resource at `anchor`, as `tree` and its `topology` stand with all that came
/// with it.
pub(super) fn advice(tree: &Tree, topology: &Topology<'_>, anchor: &Anchor) -> Vec<Finding> {
    let Some(resource) = tree.get(anchor) else { return still_placed(topology, anchor).into_iter().collect() };
    let app =
        topology.unknown_app(resource).map(|missing| not_yet(resource, "intent/unknown-app", "/spec/app", missing));
    let clusters = topology.unknown_clusters(resource).into_iter();
    let clusters = clusters.map(|missing| not_yet(resource, "intent/unknown-cluster", "/spec/intent", missing));
    let others =
        [everything(resource), rules::wider_than_workload(tree, anchor), terminated(tree, anchor), unlisted(resource)];
    app.into_iter().chain(clusters).chain(others.into_iter().flatten()).collect()
}

/// What is missing may still come: the order of writes does not matter.
fn not_yet(resource: &Resource, rule: &'static str, pointer: &str, missing: Finding) -> Finding {
    Finding {
        severity: Severity::Warning,
        rule: rule.into(),
        place: Place::pointing(resource.anchor().as_str(), pointer),
        message: format!("{} yet", missing.message),
        ..missing
    }
}

/// A cluster that goes takes the place of its apps away, which blocks what is rendered for them.
fn still_placed(topology: &Topology<'_>, anchor: &Anchor) -> Option<Finding> {
    let mut placed = topology.placed_on(anchor);
    let (group, app) = placed.next().filter(|_| anchor.kind() == Kind::Cluster)?;
    let others = match placed.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message =
        format!("app `{app}` of {group}{others} is placed on {anchor}, so what is rendered for it is blocked");
    let remedy = "place it elsewhere, or take its placement away first";
    Some(Finding::warning("intent/still-placed", Place::at(anchor.as_str()), message, remedy))
}

/// What is written below a terminated group is kept, and that is all.
fn terminated(tree: &Tree, anchor: &Anchor) -> Option<Finding> {
    let group = anchor.ancestor(Kind::DeploymentIntentGroup).filter(|group| group != anchor)?;
    tree.get(&group)?.state.terminated.then(|| {
        let message = format!("{group} is terminated, so nothing is rendered until instantiate");
        let remedy = "POST to its path with /instantiate behind it when it is to be there again";
        Finding::warning("intent/terminated", Place::at(anchor.as_str()), message, remedy)
    })
}

/// A plugin is asked only where `meshwright.yaml` lists it, and there not every name can stand.
fn unlisted(resource: &Resource) -> Option<Finding> {
    let Spec::Controller(_) = resource.spec() else { return None };
    let name = resource.anchor().name();
    let why = match name {
        name if BUILT_IN.contains(&name) => format!("`{name}` is built in, and renders without being registered"),
        name => format!(
            "`{name}` is no DNS label, and meshwright.yaml lists plugins by such names: {}",
            DnsLabel::parse(name).err()?
        ),
    };
    let message = format!("this plugin is never asked: {why}");
    let place = Place::pointing(resource.anchor().as_str(), "/metadata/name");
    Some(Finding::warning("intent/plugin-name", place, message, "register it by the name that meshwright.yaml lists"))
}

/// An ALLOW that names nothing looks as if it allowed nothing.
fn everything(resource: &Resource) -> Option<Finding> {
    let Spec::AccessPoint(point) = resource.spec() else { return None };
    let anchor = resource.anchor();
    point.allows_everything().then(|| {
        let message =
            format!("{anchor} names no url, access, hosts or ports, so it lets its client do everything at the server");
        let remedy = "name in it what the client may do, if that is less";
        Finding::warning("intent/allows-everything", Place::at(anchor.as_str()), message, remedy)
    })
}
