//! Hand-written policies that let in whom no intent names.

use std::collections::BTreeSet;

use super::workload::{Pods, View, services};
use super::{callers, phrase};
use crate::access::{AllowSet, uncovered};
use crate::finding::{Finding, Place};
use crate::istio::{Action, Resource, Spec};
use crate::render::{Rendered, Target, TargetAccess};
use crate::review::Stray;
use crate::review::path::Location;

/// A hand-written policy that lets more callers into a closed workload than its intents name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loosening {
    /// `namespace/service` that may be called; several, separated by commas, where Services share their pods.
    pub target: String,
    /// `provider/cluster`.
    pub cluster: String,
    /// A warning that says who may call, placed at the manifest.
    pub finding: Finding,
}

/// Whom `strays` let into closed workloads beyond what was rendered and what hand-written manifests, `known`, let in.
#[must_use]
pub fn loosened(rendered: &Rendered, known: &[Stray], strays: &[Stray]) -> Vec<Loosening> {
    let [known, strays] = [known, strays].map(|strays| {
        let allowing = strays.iter().filter(|stray| stray.resources.iter().any(allows));
        allowing.cloned().collect::<Vec<_>>()
    });
    let clusters: BTreeSet<&str> = strays.iter().filter_map(|stray| Some(Location::of(&stray.path)?.cluster)).collect();
    if clusters.is_empty() {
        return vec![];
    }
    let (own, all) = (View::new(rendered, &known), View::new(rendered, &strays));
    let is_closed = |target: &Target| matches!(target.access, TargetAccess::Closed | TargetAccess::Terminated);
    let closed = own.targets.iter().filter(|(pods, target)| clusters.contains(&*pods.0) && is_closed(target));
    closed.filter_map(|(pods, target)| of_workload(pods, target, &own, &all, &strays)).collect()
}

fn allows(resource: &Resource) -> bool {
    match &resource.spec {
        Spec::AuthorizationPolicy(policy) => matches!(policy.action, None | Some(Action::Allow)),
        _ => false,
    }
}

fn of_workload(
    pods: &Pods<'_>,
    target: &Target,
    own: &View<'_>,
    all: &View<'_>,
    strays: &[Stray],
) -> Option<Loosening> {
    let allowed = |view: &View<'_>| match view.standing(pods, target).guard.allow {
        AllowSet::Open => None,
        AllowSet::Closed(permissions) => Some(permissions),
    };
    let named = allowed(own)?;
    let more = uncovered(&allowed(all)?, &named);
    if more.is_empty() {
        return None;
    }
    let nothing = Rendered::default();
    let lets_in = |stray: &&Stray| {
        let let_in = allowed(&View::new(&nothing, std::slice::from_ref(stray)));
        let_in.is_some_and(|let_in| !uncovered(&let_in, &named).is_empty())
    };
    let stray = strays.iter().find(lets_in)?;
    let services = services(target);
    let message = format!(
        "it lets {} call {} on {}, which no intent says",
        phrase::rights(&callers::plain(&more)),
        services.join(" and "),
        target.cluster
    );
    let remedy = "name these callers in an intent, or take the policy out";
    let finding = Finding::warning("overlap/authorization-policy", Place::at(&stray.path), message, remedy);
    Some(Loosening { target: services.join(", "), cluster: pods.0.clone(), finding })
}
