//! What the manifests of a tree decide, those that people wrote beside the generated ones included.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::path::Location;
use super::{Answer, Question, Side};
use crate::access::{
    Access, Callee, CallingAs, Decision, Destination, Expectation, Matrix, Mesh, Policies, Protocol, Proxy, Request,
    Tally, Told, Verdict,
};
use crate::intent::rules::effective_protocol;
use crate::intent::spec::{Cluster as Defaults, Inbound};
use crate::intent::topology::ClusterId;
use crate::intent::{Anchor, Topology, Tree};
use crate::istio::{AuthorizationPolicy, Resource, Spec};
use crate::render::{Target, TargetAccess};

/// The policies of every cluster of a tree, ready to be asked.
pub struct Model<'a> {
    pub(super) tree: &'a Tree,
    pub(super) topology: Topology<'a>,
    pub(super) targets: &'a [Target],
    /// By `provider/cluster`.
    pub(super) clusters: BTreeMap<String, Cluster<'a>>,
}

pub(super) struct Cluster<'a> {
    pub(super) mesh: Mesh,
    policies: Policies,
    /// The policies that people wrote, as `namespace/name`, each with the path of its file.
    pub(super) by_hand: BTreeMap<String, &'a str>,
    /// Why the cluster may decide otherwise.
    doubt: Option<String>,
    /// AuthorizationPolicies and PeerAuthentications, by the namespace they are applied to.
    pub(super) resources: BTreeMap<&'a str, Vec<&'a Resource>>,
}

/// The policies of a cluster, as they are come across.
#[derive(Default)]
struct Found<'a> {
    resources: BTreeMap<&'a str, Vec<&'a Resource>>,
    by_hand: BTreeMap<String, &'a str>,
    doubt: Option<String>,
}

impl<'a> Model<'a> {
    /// The model of `side`, which was rendered from `tree`; `defaults` are what `meshwright.yaml` says of clusters. It knows
    /// of no workload but those that were rendered.
    #[must_use]
    pub fn new(tree: &'a Tree, defaults: &'a Defaults, side: Side<'a>) -> Self {
        Self::about(tree, defaults, side, |_, _| true)
    }

    /// The same without policies that are about no workload that was rendered.
    #[must_use]
    pub fn near(tree: &'a Tree, defaults: &'a Defaults, side: Side<'a>) -> Self {
        let mut near: BTreeSet<(String, &str)> = BTreeSet::new();
        for target in &side.rendered.targets {
            near.insert((target.cluster.to_string(), &target.namespace));
            near.insert((target.cluster.to_string(), &target.root_namespace));
        }
        Self::about(tree, defaults, side, |cluster, namespace| near.contains(&(cluster.to_owned(), namespace)))
    }

    /// The same without policies in namespaces of clusters that are not wanted.
    fn about(tree: &'a Tree, defaults: &'a Defaults, side: Side<'a>, is_wanted: impl Fn(&str, &str) -> bool) -> Self {
        let topology = Topology::new(tree, defaults);
        let targets = side.rendered.targets.iter();
        let mut clusters: BTreeMap<String, Found<'a>> =
            targets.map(|target| (target.cluster.to_string(), Found::default())).collect();
        let rendered =
            side.rendered.manifests.values().map(|it| (it.path.as_str(), std::slice::from_ref(&*it.resource)));
        let by_hand = side.strays.iter().map(|it| (it.path.as_str(), it.resources.as_slice()));
        for (is_ours, (path, resources)) in rendered.map(|it| (true, it)).chain(by_hand.map(|it| (false, it))) {
            let Some(location) = Location::of(path) else { continue };
            for resource in resources {
                if !matches!(resource.spec, Spec::AuthorizationPolicy(_) | Spec::PeerAuthentication(_)) {
                    continue;
                }
                let namespace = match resource.metadata.namespace.as_str() {
                    "" => location.namespace,
                    namespace => namespace,
                };
                if is_wanted(location.cluster, namespace) {
                    let found = clusters.entry(location.cluster.to_owned()).or_default();
                    found.resources.entry(namespace).or_default().push(resource);
                    if !is_ours {
                        found.by_hand.insert(format!("{namespace}/{}", resource.metadata.name), path);
                    }
                }
            }
        }
        for stray in side.strays {
            let found = Location::of(&stray.path).and_then(|location| clusters.get_mut(location.cluster));
            if let (Some(found), Some(doubt)) = (found, stray.doubt()) {
                found.doubt.get_or_insert(doubt);
            }
        }
        let clusters = clusters.into_iter().map(|(name, Found { resources, by_hand, doubt })| {
            let mesh = mesh(&topology, &name);
            let policies = Policies::placed(mesh.clone(), placed(&resources));
            (name, Cluster { mesh, policies, by_hand, doubt, resources })
        });
        Self { tree, topology, targets: &side.rendered.targets, clusters: clusters.collect() }
    }

    /// What every workload behind a service answers, in the order of clusters and ports; nothing where no intent serves it
    /// there.
    #[must_use]
    pub fn ask(&self, question: &Question) -> Vec<Answer> {
        let is_meant = |target: &&Target| {
            target.namespace == question.namespace
                && target.services.contains(&question.service)
                && question.cluster.as_ref().is_none_or(|cluster| target.cluster.to_string() == *cluster)
        };
        let mut answers = vec![];
        for target in self.targets.iter().filter(is_meant) {
            let cluster = target.cluster.to_string();
            let Some(known) = self.clusters.get(&cluster) else { continue };
            let mut request = known.request(&question.from, &question.request);
            let policies = known.policies_of(target, &question.service);
            let half = known.half_selected(target);
            for intent in &target.intents {
                let Some(inbound) = self.tree.inbound(intent) else { continue };
                let port = inbound.port.number();
                if inbound.service.as_str() != question.service || question.port.is_some_and(|asked| asked != port) {
                    continue;
                }
                request.to = destination(self.tree, intent, inbound, target);
                let decision = known.doubted(policies.decide_from_anywhere(&request));
                let let_in_otherwise =
                    is_denied(&decision) && known.access(target, &request.to).admitting(&request).is_some();
                answers.push(Answer {
                    cluster: cluster.clone(),
                    workload: target.label.clone(),
                    port,
                    intent: intent.clone(),
                    principal: request.from.principal.clone(),
                    decision: Decision { unsure: decision.unsure.or_else(|| half.clone()), ..decision },
                    note: note(target),
                    let_in_otherwise,
                });
            }
        }
        answers.sort_by(|one, other| {
            (&one.cluster, one.port, &one.workload).cmp(&(&other.cluster, other.port, &other.workload))
        });
        answers
    }

    /// Holds what is expected against what is decided.
    #[must_use]
    pub fn hold(&self, expectations: &[Expectation]) -> Tally {
        Tally::of(expectations, |expectation, from| {
            let identities = self.identities(from, expectation.expect);
            identities.iter().flat_map(|from| self.told(expectation, from)).collect()
        })
    }

    /// Whoever is to be kept out is, whichever cluster the call comes from: an account stands for its identity in each of
    /// the trust domains that are known.
    fn identities(&self, from: &CallingAs, expect: Verdict) -> Vec<CallingAs> {
        let (CallingAs::Account { .. }, Verdict::Deny) = (from, expect) else { return vec![from.clone()] };
        let domains: BTreeSet<&String> =
            self.clusters.values().filter_map(|it| it.mesh.trust_domains.first()).collect();
        domains.into_iter().filter_map(|domain| from.principal(domain)).map(CallingAs::Principal).collect()
    }

    /// What each workload that an expectation is about decides.
    fn told(&self, expectation: &Expectation, from: &CallingAs) -> Vec<Told> {
        match &expectation.to {
            Callee::Service { namespace, service, port } => {
                let question = Question {
                    namespace: namespace.clone(),
                    service: service.clone(),
                    port: *port,
                    cluster: expectation.cluster.clone(),
                    from: from.clone(),
                    request: expectation.request.clone(),
                };
                let told = |it: Answer| {
                    let Answer { cluster: at, principal, decision, let_in_otherwise, .. } = it;
                    Told { at, principal, decision, let_in_otherwise }
                };
                self.ask(&question).into_iter().map(told).collect()
            }
            Callee::Workload(to) => {
                let is_meant = |name: &&String| expectation.cluster.as_ref().is_none_or(|cluster| cluster == *name);
                let meant = self.clusters.iter().filter(|(name, _)| is_meant(name));
                let told = |(name, cluster): (&String, &Cluster<'_>)| {
                    let request = cluster.request(from, &Request { to: to.clone(), ..expectation.request.clone() });
                    let resources = cluster.near(&to.namespace, None);
                    let access = Matrix::new(cluster.mesh.clone(), &resources, vec![]).access(to);
                    let decision = cluster.doubted(cluster.policies.decide_from_anywhere(&request));
                    let let_in_otherwise = is_denied(&decision) && access.admitting(&request).is_some();
                    Told { at: name.clone(), principal: request.from.principal, decision, let_in_otherwise }
                };
                meant.map(told).collect()
            }
        }
    }
}

impl Cluster<'_> {
    /// The same request, made as somebody.
    fn request(&self, from: &CallingAs, request: &Request) -> Request {
        let local = self.mesh.trust_domains.first().map_or("", String::as_str);
        let mut request = request.clone();
        request.from.principal = from.principal(local);
        request
    }

    /// The same decision, with what is not known of the cluster.
    fn doubted(&self, decision: Decision) -> Decision {
        Decision { unsure: decision.unsure.or_else(|| self.doubt.clone()), ..decision }
    }

    /// Why it is not known what guards a workload: of its pods one label is known, and a policy that names this one asks
    /// for others, too.
    fn half_selected(&self, target: &Target) -> Option<String> {
        let (key, value) = target.label.split_once('=')?;
        let near = [target.namespace.as_str(), &self.mesh.root_namespace].into_iter();
        let mut near = near
            .filter_map(|at| Some((at, self.resources.get(at)?)))
            .flat_map(|(at, resources)| resources.iter().map(move |resource| (at, *resource)));
        near.find_map(|(at, resource)| {
            let selector = match &resource.spec {
                Spec::AuthorizationPolicy(policy) => policy.selector.as_ref()?,
                Spec::PeerAuthentication(policy) => policy.selector.as_ref()?,
                _ => return None,
            };
            let has = selector.match_labels.get(key).is_some_and(|asked| asked == value);
            let name = &resource.metadata.name;
            let is_half = has && selector.match_labels.len() > 1;
            is_half.then(|| {
                format!("{at}/{name} selects pods by more labels than {}, and may hold for some", target.label)
            })
        })
    }

    /// The policies that decide about a workload: none where the mesh does not guard it, and where a waypoint decides those
    /// that are attached to the service that is called, as if they were those of its pods.
    pub(super) fn policies_of(&self, target: &Target, service: &str) -> Cow<'_, Policies> {
        match target.access {
            TargetAccess::NotEnforced => Cow::Owned(Policies::default()),
            _ if target.by_waypoint => Cow::Owned(Policies::new(
                self.mesh.clone(),
                &self.near(&target.namespace, Some((target, Some(service)))),
            )),
            _ => Cow::Borrowed(&self.policies),
        }
    }

    /// Who may call a port of a workload; where a waypoint decides, by the service that `to` names, or else by any.
    pub(super) fn access(&self, target: &Target, to: &Destination) -> Access {
        let resources = match target.access {
            TargetAccess::NotEnforced => vec![],
            _ => self.near(&target.namespace, Some((target, to.service.as_deref()))),
        };
        Matrix::new(self.mesh.clone(), &resources, vec![]).access(to)
    }

    /// The policies of a namespace and of the mesh, each with its namespace; of a workload whose waypoint decides those that
    /// are attached to the service that is called, or to any of its services where none is said.
    pub(super) fn near(&self, namespace: &str, called: Option<(&Target, Option<&str>)>) -> Vec<Resource> {
        let waypoint = called.filter(|(target, _)| target.by_waypoint);
        let root = self.mesh.root_namespace.as_str();
        let mut found = vec![];
        let near = BTreeSet::from([namespace, root]).into_iter().filter_map(|at| self.resources.get_key_value(at));
        for (at, resource) in near.flat_map(|(at, resources)| resources.iter().map(move |resource| (*at, *resource))) {
            let mut resource = resource.clone();
            at.clone_into(&mut resource.metadata.namespace);
            if let (Some((target, service)), Spec::AuthorizationPolicy(policy)) = (waypoint, &resource.spec) {
                let Some(policy) = at_waypoint(policy, target, service).filter(|_| at == namespace) else { continue };
                resource = Resource::new(resource.metadata, policy);
            }
            found.push(resource);
        }
        found
    }
}

fn is_denied(decision: &Decision) -> bool {
    decision.verdict == Verdict::Deny
}

fn placed<'a>(resources: &BTreeMap<&'a str, Vec<&'a Resource>>) -> impl Iterator<Item = (&'a str, &'a Resource)> {
    resources.iter().flat_map(|(namespace, resources)| resources.iter().map(|resource| (*namespace, *resource)))
}

/// What the mesh of a cluster, `provider/cluster`, is configured to; Istio's defaults where nothing is known of it.
fn mesh(topology: &Topology<'_>, cluster: &str) -> Mesh {
    let facts = cluster.split_once('/').and_then(|(provider, cluster)| {
        topology.facts(&ClusterId { provider: provider.to_owned(), cluster: cluster.to_owned() })
    });
    facts.map_or_else(Mesh::default, |facts| Mesh {
        root_namespace: facts.root_namespace,
        trust_domains: std::iter::once(facts.trust_domain).chain(facts.trust_domain_aliases).collect(),
    })
}

/// The port of a workload that an inbound intent is about; where a waypoint decides, that of its Service, which is what is
/// dialled there.
pub(super) fn destination(tree: &Tree, intent: &Anchor, inbound: &Inbound, target: &Target) -> Destination {
    let label = target.label.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    Destination {
        namespace: target.namespace.clone(),
        labels: label.into_iter().collect(),
        port: if target.by_waypoint { Some(inbound.port) } else { inbound.target_port }.map(|port| port.number()),
        protocol: if effective_protocol(tree, intent, inbound).is_http() { Protocol::Http } else { Protocol::Tcp },
        ip: None,
        proxy: if inbound.ambient && !target.by_waypoint { Proxy::Ztunnel } else { Proxy::Sidecar },
        service: Some(inbound.service.to_string()),
    }
}

/// A policy that a waypoint holds against calls of a service of a workload, or of any of its services where none is said, as
/// one of its pods; none where it is about something else.
fn at_waypoint(policy: &AuthorizationPolicy, target: &Target, service: Option<&str>) -> Option<AuthorizationPolicy> {
    let mut targets = policy.target_ref.iter().chain(&policy.target_refs);
    let is_meant = |name: &String| target.services.contains(name) && service.is_none_or(|service| service == name);
    let is_about = targets.any(|it| it.kind == "Service" && is_meant(&it.name));
    is_about.then(|| AuthorizationPolicy { target_ref: None, target_refs: vec![], selector: None, ..policy.clone() })
}

fn note(target: &Target) -> Option<&'static str> {
    match target.access {
        TargetAccess::NotEnforced => Some("the mesh does not guard it: nothing decides who may call it"),
        TargetAccess::Observed => Some("its own policies are only watched, and decide nothing"),
        TargetAccess::Terminated => Some("it is terminated"),
        _ if target.by_waypoint => {
            Some("a waypoint decides; policies attached to the waypoint itself are not looked at")
        }
        _ => None,
    }
}
