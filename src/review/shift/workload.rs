//! Who may call a workload, before and after.

use std::collections::{BTreeMap, BTreeSet};

use super::{Sayings, Shift, Side, callers, phrase, resources};
use crate::access::{AllowSet, Guard, Permission};
use crate::intent::Anchor;
use crate::istio::{AuthorizationPolicy, LabelSelector, MutualTlsMode, ObjectMeta, Resource, Spec};
use crate::render::{Rendered, Target, TargetAccess};
use crate::review::Stray;
use crate::review::path::Location;

/// Cluster, namespace and label of pods.
pub(super) type Pods<'a> = (String, &'a str, &'a str);

/// A workload as it stands.
pub(super) struct Standing<'a> {
    target: Option<&'a Target>,
    /// What its policies say.
    pub(super) guard: Guard,
    /// Whether it refuses plain text.
    strict: bool,
}

impl Standing<'_> {
    /// Whom its policies let in; none where that is everybody.
    fn admits(&self) -> Option<&BTreeSet<Permission>> {
        match &self.guard.allow {
            AllowSet::Closed(permissions) if !self.guard.allow.is_everybody() => Some(permissions),
            _ => None,
        }
    }
}

/// A workload in words.
struct Subject<'a> {
    cluster: &'a str,
    intents: Vec<Anchor>,
    /// `namespace/service`.
    target: String,
    /// The same, with its pods where that matters.
    name: String,
}

/// Says how access to every workload changes.
pub(super) fn compare(before: Side<'_>, after: Side<'_>, sayings: &mut Sayings) {
    let [was, is] = [before, after].map(|side| View::new(side.rendered, side.strays));
    let pods: BTreeSet<&Pods<'_>> = was.targets.keys().chain(is.targets.keys()).collect();
    for pods in pods {
        let known = [was.targets.get(pods), is.targets.get(pods)];
        let Some(target) = known[1].or(known[0]) else { continue };
        let [before, after] =
            [(&was, known[0]), (&is, known[1])].map(|(view, own)| view.standing(pods, own.unwrap_or(target)));
        let services = services(target);
        let moved = before.target.is_none() != after.target.is_none()
            && [&was, &is].iter().any(|view| view.has_other_pods(pods, target));
        let name = phrase::listed(&services);
        let name = if moved { format!("{name} at pods {}", target.label) } else { name };
        let intents = known.into_iter().flatten().flat_map(|target| target.intents.iter().cloned()).collect();
        let subject = Subject { cluster: &pods.0, intents, target: services.join(", "), name };
        let why = || why(&after, &is, pods, target);
        subject.compare(&before, &after, &why, sayings);
    }
}

/// Why a workload that was closed is not any more.
fn why(after: &Standing<'_>, is: &View<'_>, pods: &Pods<'_>, target: &Target) -> &'static str {
    match after.target.map(|target| target.access) {
        _ if after.guard.allow != AllowSet::Open => "a hand-written policy lets everybody in",
        Some(TargetAccess::Open) => "its intent leaves it open",
        Some(TargetAccess::Observed) => "its policies are only observed, nothing is enforced",
        Some(TargetAccess::NotEnforced) => "the mesh does not guard it any more",
        Some(TargetAccess::Terminated) => "it was terminated",
        Some(TargetAccess::Closed) => "no policy is rendered for it",
        None if is.has_other_pods(pods, target) => "its intent selects other pods now",
        None if is.has_elsewhere(target) => "it is not placed here any more",
        None if target.intents.iter().any(|intent| is.unplaced.contains(intent)) => "it is placed nowhere any more",
        None => "its intent is deleted",
    }
}

/// The services in front of a workload as `namespace/service`; its pods where there are none.
pub(in crate::review) fn services(target: &Target) -> Vec<String> {
    match target.services.as_slice() {
        [] => vec![format!("{}/{}", target.namespace, target.label)],
        services => services.iter().map(|service| format!("{}/{service}", target.namespace)).collect(),
    }
}

impl Subject<'_> {
    fn compare(
        &self,
        before: &Standing<'_>,
        after: &Standing<'_>,
        why: &dyn Fn() -> &'static str,
        sayings: &mut Sayings,
    ) {
        let Subject { cluster, intents, target, name } = self;
        let mut say = |shift, caller: &str, sentence| sayings.say_of(intents, cluster, shift, target, caller, sentence);
        match (before.admits(), after.admits()) {
            (None, None) => {
                let access = |standing: &Standing<'_>| standing.target.map(|target| target.access);
                if access(before) != access(after) {
                    say(Shift::Noted, "", format!("{name} {}", stays_open(after)));
                }
            }
            (None, Some(left)) => {
                let now = if before.target.is_some() { "closes" } else { "is closed from the start" };
                let may = match left.is_empty() {
                    true => "nobody may call it".to_owned(),
                    false => format!("only {} may call it", phrase::rights(&callers::plain(left))),
                };
                let loses = "every other caller in the mesh loses access, as far as this repository shows";
                say(Shift::Closed, "", format!("{name} {now}: {may}; {loses}"));
            }
            (Some(had), None) => {
                let until_now = match had.is_empty() {
                    true => "nobody could".to_owned(),
                    false => format!("only {} could", phrase::rights(&callers::plain(had))),
                };
                let why = why();
                let sentence =
                    format!("{name} opens, because {why}: every caller in the mesh may call it; until now {until_now}");
                say(Shift::Opened, "", sentence);
            }
            (Some(had), Some(has)) => {
                let terminated = after.target.is_some_and(|target| target.access == TargetAccess::Terminated);
                callers::compare(name, had, has, terminated, &mut say);
            }
        }
        callers::denied(name, &before.guard.deny, &after.guard.deny, &mut say);
        callers::audited(name, &before.guard.audit, &after.guard.audit, &mut say);
        let plain = "callers without a sidecar";
        match (before.strict, after.strict) {
            (false, true) => say(Shift::Lost, plain, format!("{name} refuses plain text: {plain} lose access")),
            (true, false) => {
                say(Shift::Gained, plain, format!("{name} takes plain text again where namespace and mesh allow it"));
            }
            _ => {}
        }
    }
}

fn stays_open(standing: &Standing<'_>) -> &'static str {
    match standing.target.map(|target| target.access) {
        Some(TargetAccess::Closed) if standing.guard.allow != AllowSet::Open => {
            "is open all the same: a hand-written policy lets every caller in the mesh call it"
        }
        None => "is not managed any more; every caller in the mesh may go on calling it",
        Some(TargetAccess::Observed) => {
            "is observed: its policies are only watched, and every caller in the mesh may call it"
        }
        Some(TargetAccess::NotEnforced) => "is not guarded by the mesh: nothing decides who may call it",
        Some(TargetAccess::Terminated) => "is terminated; every caller in the mesh may go on calling it",
        Some(TargetAccess::Open | TargetAccess::Closed) => "is open: every caller in the mesh may call it",
    }
}

/// What was rendered, by pods.
pub(super) struct View<'a> {
    /// The workloads.
    pub(super) targets: BTreeMap<Pods<'a>, &'a Target>,
    unplaced: &'a BTreeSet<Anchor>,
    selecting: BTreeMap<(&'a str, &'a str), Vec<&'a Resource>>,
}

impl<'a> View<'a> {
    /// What was rendered, and the manifests beside it that people wrote.
    pub(super) fn new(rendered: &'a Rendered, strays: &'a [Stray]) -> Self {
        let pods = |target: &'a Target| (target.cluster.to_string(), &*target.namespace, &*target.label);
        let targets = rendered.targets.iter().map(|target| (pods(target), target)).collect();
        let by_hand = strays.iter().filter_map(|stray| Some((Location::of(&stray.path)?, &stray.resources)));
        let by_hand = by_hand.flat_map(|(location, resources)| resources.iter().map(move |it| (location, it)));
        let mut selecting: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (location, resource) in resources(rendered).chain(by_hand) {
            if matches!(resource.spec, Spec::AuthorizationPolicy(_) | Spec::PeerAuthentication(_)) {
                let namespace = match resource.metadata.namespace.as_str() {
                    "" => location.namespace,
                    namespace => namespace,
                };
                selecting.entry((location.cluster, namespace)).or_default().push(resource);
            }
        }
        Self { targets, unplaced: &rendered.unplaced, selecting }
    }

    /// How pods stand that `as_of` knows: the policies of its root namespace hold for the whole mesh
    /// (istio `pilot/pkg/model/authorization.go`, `ListAuthorizationPolicies`).
    pub(super) fn standing(&self, pods: &Pods<'_>, as_of: &Target) -> Standing<'a> {
        let (cluster, namespace, label) = pods;
        let root = as_of.root_namespace.as_str();
        let of = |namespace| self.selecting.get(&(cluster.as_str(), namespace)).map_or(&[][..], Vec::as_slice);
        let resources = of(*namespace);
        let of_the_mesh = if root == *namespace { &[] } else { of(root) };
        let policies = resources.iter().chain(of_the_mesh).filter_map(|resource| match &resource.spec {
            Spec::AuthorizationPolicy(policy) if guards(policy, label, as_of) => Some((&resource.metadata, policy)),
            _ => None,
        });
        let policies: Vec<(&ObjectMeta, &AuthorizationPolicy)> = policies.collect();
        let strict = resources.iter().any(|resource| match &resource.spec {
            Spec::PeerAuthentication(peer) => {
                let mode = peer.mtls.as_ref().and_then(|mtls| mtls.mode.as_ref());
                mode == Some(&MutualTlsMode::Strict) && selects(peer.selector.as_ref(), label)
            }
            _ => false,
        });
        let guard = Guard::of(policies).through(&as_of.ingress);
        let guard = if as_of.opaque { guard.without_requests() } else { guard };
        Standing { target: self.targets.get(pods).copied(), guard, strict }
    }

    /// Whether a service of `target` has other pods here.
    fn has_other_pods(&self, pods: &Pods<'_>, target: &Target) -> bool {
        let first: Pods<'_> = (pods.0.clone(), pods.1, "");
        let here = self.targets.range(first..).take_while(|(other, _)| (&other.0, other.1) == (&pods.0, pods.1));
        here.into_iter().any(|(other, at)| other.2 != pods.2 && share_a_service(at, target))
    }

    /// Whether a service of `target` is on another cluster.
    fn has_elsewhere(&self, target: &Target) -> bool {
        let there = |other: &&&Target| other.namespace == target.namespace && share_a_service(other, target);
        self.targets.values().any(|other| there(&other))
    }
}

fn share_a_service(one: &Target, other: &Target) -> bool {
    one.services.iter().any(|service| other.services.contains(service))
}

/// Whether a policy guards the pods with this label; sidecars pass over policies with targets, and waypoints over those with
/// selectors.
fn guards(policy: &AuthorizationPolicy, label: &str, target: &Target) -> bool {
    let mut targets = policy.target_ref.iter().chain(&policy.target_refs).peekable();
    match (target.by_waypoint, targets.peek().is_some()) {
        (false, false) => selects(policy.selector.as_ref(), label),
        (true, true) => targets.any(|it| it.kind == "Service" && target.services.contains(&it.name)),
        _ => false,
    }
}

/// Whether a selector asks for nothing but this label, as far as it is known.
fn selects(selector: Option<&LabelSelector>, label: &str) -> bool {
    let asked = selector.into_iter().flat_map(|selector| &selector.match_labels);
    asked.into_iter().all(|(key, value)| label.split_once('=') == Some((key, value)))
}
