//! What a change of policies does to who may call.

use std::collections::BTreeSet;

use super::super::mutual_tls::{Setting, mode_of};
use super::super::{Covering, Destination, Permission, Tls, attachment};
use super::{Access, Matrix, Policy, access, namespace};
use crate::istio::{LabelSelector, Resource, Spec};

/// What is different at one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its index among the workloads.
    pub workload: usize,
    /// What is let in that was not.
    pub gained: BTreeSet<Permission>,
    /// What was let in and is not.
    pub lost: BTreeSet<Permission>,
    /// What DENY policies cut out of what is let in, and did not before.
    pub denied: BTreeSet<Permission>,
    /// What they cut out before, and do not any more.
    pub spared: BTreeSet<Permission>,
    /// What the port asked of connections and asks now, where that differs.
    pub mode: Option<(Tls, Tls)>,
    /// Whether nobody may call any more and somebody could before.
    pub locked_out: bool,
}

impl Matrix {
    /// What is different where `taken` and `put` replace one another: policies of the matrix that go, or come in another
    /// form, and those that come. Only workloads that they select are looked at, found by a label; those of the root
    /// namespace without labels select all.
    #[must_use]
    pub fn difference(&self, taken: &[Resource], put: &[Resource]) -> Vec<Difference> {
        let new: Vec<Policy> = put.iter().filter_map(|resource| Policy::of(resource, &self.mesh)).collect();
        let is_taken = |space: &str, name: &str, peer: bool| {
            let is_peer = |resource: &Resource| matches!(resource.spec, Spec::PeerAuthentication(_));
            let mut gone = taken.iter().filter(|resource| is_peer(resource) == peer);
            gone.any(|resource| resource.metadata.name == name && namespace(resource) == space)
        };
        let touched: BTreeSet<usize> = taken.iter().chain(put).flat_map(|resource| self.touched(resource)).collect();
        let differences = touched.into_iter().filter_map(|index| {
            let to = self.workloads.get(index)?;
            let mut guarding = self.guarding(to);
            let before = access(&guarding, self.mode(to));
            guarding.retain(|(policy, _)| !is_taken(&policy.namespace, &policy.name, false));
            let coming = new.iter().filter(|policy| self.guards(policy, to));
            guarding.extend(coming.map(|policy| (policy, policy.at(to).collect())));
            let after = access(&guarding, self.mode_with(to, put, |space, name| is_taken(space, name, true)));
            compare(index, &before, &after)
        });
        differences.collect()
    }

    /// The workloads that a policy may select.
    fn touched(&self, resource: &Resource) -> Vec<usize> {
        let selector = match &resource.spec {
            Spec::AuthorizationPolicy(policy) => policy.selector.as_ref(),
            Spec::PeerAuthentication(policy) => policy.selector.as_ref(),
            _ => return vec![],
        };
        self.selected(namespace(resource), selector)
    }

    /// The workloads that a selector of a namespace names.
    pub(super) fn selected(&self, namespace: &str, selector: Option<&LabelSelector>) -> Vec<usize> {
        let mut labels = selector.into_iter().flat_map(|selector| &selector.match_labels).peekable();
        let everywhere = namespace == self.mesh.root_namespace;
        let near = match labels.peek() {
            _ if everywhere => None,
            Some((key, value)) => self.by_label.get(&(namespace.to_owned(), (*key).clone(), (*value).clone())),
            None => self.by_label.get(&(namespace.to_owned(), String::new(), String::new())),
        };
        let has = |index: &usize| {
            let to = self.workloads.get(*index);
            let mut labels = selector.into_iter().flat_map(|selector| &selector.match_labels);
            to.is_some_and(|to| labels.all(|(key, value)| to.labels.get(key) == Some(value)))
        };
        match near {
            Some(near) => near.iter().copied().filter(has).collect(),
            None if everywhere => (0..self.workloads.len()).filter(has).collect(),
            None => vec![],
        }
    }

    fn guards(&self, policy: &Policy, to: &Destination) -> bool {
        let root = self.mesh.root_namespace.as_str();
        let mut labels = policy.selector.iter().flat_map(|selector| &selector.match_labels);
        (policy.namespace == to.namespace || policy.namespace == root)
            && labels.all(|(key, value)| to.labels.get(key) == Some(value))
            && attachment::is_attached(&policy.targets, &policy.namespace, to, root)
    }

    fn mode_with(
        &self,
        to: &Destination,
        put: &[Resource],
        is_taken: impl Fn(&str, &str) -> bool,
    ) -> super::super::Mode {
        let coming: Vec<(&str, Setting)> = put
            .iter()
            .filter_map(|resource| match &resource.spec {
                Spec::PeerAuthentication(policy) => {
                    let mut labels = policy.selector.iter().flat_map(|selector| &selector.match_labels);
                    let selects = labels.all(|(key, value)| to.labels.get(key) == Some(value));
                    selects.then(|| (namespace(resource), Setting::of(&resource.metadata, namespace(resource), policy)))
                }
                _ => None,
            })
            .collect();
        let of = |space: &str| -> Vec<&Setting> {
            let known = self.modes.select(space, &to.labels).filter_map(|it| self.settings.get(*it));
            let known = known.filter(|setting| !setting.is(&is_taken));
            known.chain(coming.iter().filter(|(own, _)| *own == space).map(|(_, setting)| setting)).collect()
        };
        mode_of(of, &self.mesh, to)
    }
}

/// What differs; none where nothing does.
fn compare(workload: usize, before: &Access, after: &Access) -> Option<Difference> {
    if before == after {
        return None;
    }
    let permissions = |access: &Access| -> BTreeSet<Permission> {
        access.grants.iter().map(|grant| grant.permission.clone()).collect()
    };
    let excepted = |access: &Access| -> BTreeSet<Permission> {
        access.grants.iter().flat_map(|grant| grant.except.iter().cloned()).collect()
    };
    let (had, has) = (permissions(before), permissions(after));
    let (cut_before, cut) = (excepted(before), excepted(after));
    let difference = Difference {
        workload,
        gained: Covering::of(&had).uncovered(&has),
        lost: Covering::of(&has).uncovered(&had),
        denied: Covering::of(&cut_before).uncovered(&cut),
        spared: Covering::of(&cut).uncovered(&cut_before),
        mode: (before.mode.tls != after.mode.tls).then_some((before.mode.tls, after.mode.tls)),
        locked_out: has.is_empty() && !had.is_empty(),
    };
    let sets = [&difference.gained, &difference.lost, &difference.denied, &difference.spared];
    let is_different = difference.mode.is_some() || sets.into_iter().any(|set| !set.is_empty());
    is_different.then_some(difference)
}
