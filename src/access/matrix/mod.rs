//! The access matrix: who may call what, for every workload of a mesh. Sparse: an open workload is one entry.

mod difference;
mod lockout;

use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;

pub use difference::Difference;
pub use lockout::{Idle, Lockout};

use super::mutual_tls::{Setting, mode_of};
use super::permission::of_rule;
use super::request::SPIFFE;
use super::{
    Attribute, Caller, Destination, Mesh, Mode, Permission, Protocol, Proxy, Request, Scope, Selection, Tls,
    attachment, is_enforced, joined, path, rule,
};
use crate::istio::{Action, LabelSelector, PolicyTargetReference, Resource, Rule, Spec};

/// The policies of a cluster and its workloads, ready to be compared.
#[derive(Debug, Clone, Default)]
pub struct Matrix {
    mesh: Mesh,
    workloads: Vec<Destination>,
    /// Indices of workloads by namespace and one label, `""` for all of the namespace.
    by_label: HashMap<(String, String, String), Vec<usize>>,
    policies: Vec<Policy>,
    selection: Selection<usize>,
    settings: Vec<Setting>,
    modes: Selection<usize>,
}

/// A policy as permissions.
#[derive(Debug, Clone)]
struct Policy {
    namespace: String,
    name: String,
    action: Action,
    selector: Option<LabelSelector>,
    targets: Vec<PolicyTargetReference>,
    rules: usize,
    permissions: Vec<Permission>,
    /// The same on ports that do not speak HTTP, where that is different.
    of_connections: Option<Vec<Permission>>,
}

/// Who may call one workload, before external authorizers are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whether no ALLOW policy guards it: there is one entry for everybody then.
    pub open: bool,
    /// What is let in: any of these. Empty: nobody is.
    pub grants: Vec<Grant>,
    /// What a CUSTOM policy asks an external authorizer about, who may turn it away.
    pub asked: BTreeSet<Permission>,
    /// What the port asks of connections; a STRICT one lets nobody in who calls in plain text.
    pub mode: Mode,
}

/// One entry of an allow set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who is let in, and what for.
    pub permission: Permission,
    /// What a DENY policy cuts out of it. One that covers it leaves no entry.
    pub except: BTreeSet<Permission>,
}

impl Access {
    /// What a caller may do whose identity or address is known, whatever of the request is not: the first grant that
    /// lets in some request like this one, whose absent method, path, host and port may be any.
    #[must_use]
    pub fn admitting(&self, request: &Request) -> Option<&Grant> {
        let caller = match (&request.from.principal, request.from.ip) {
            _ if self.mode.tls == Tls::Strict && request.from.principal.is_none() => return None,
            (Some(principal), _) => Caller::Principal(principal.trim_start_matches(SPIFFE).to_owned()),
            (None, Some(ip)) => Caller::Address(ip.to_string()),
            (None, None) => Caller::Anyone,
        };
        let known = [
            (Attribute::Method, request.method.clone()),
            (Attribute::Path, request.path.as_deref().and_then(path::normalised)),
            (Attribute::Host, request.host.as_deref().map(str::to_ascii_lowercase)),
            (Attribute::Port, request.to.port.map(|port| port.to_string())),
            (Attribute::SourceIp, request.from.ip.map(|ip| ip.to_string())),
            (Attribute::RemoteIp, request.from.remote().map(|ip| ip.to_string())),
            (
                Attribute::Principal,
                request.from.principal.as_deref().map(|it| it.trim_start_matches(SPIFFE).to_owned()),
            ),
        ];
        // What a permission still asks of such a request; none where it is not about it.
        let left = |permission: &Permission| {
            let met = known.iter().filter_map(|(attribute, value)| Some((attribute, value.as_ref()?)));
            let mut scope = permission.scope.clone();
            for (attribute, value) in met {
                scope = scope.at(attribute, value)?;
            }
            permission.caller.covers(&caller).then_some(scope)
        };
        let is_denied = |deny: &Permission| left(deny).is_some_and(|scope| scope.is_everything());
        self.grants
            .iter()
            .find(|Grant { permission, except }| left(permission).is_some() && !except.iter().any(is_denied))
    }
}

impl Policy {
    fn of(resource: &Resource, mesh: &Mesh) -> Option<Self> {
        let (metadata, Spec::AuthorizationPolicy(policy)) = (&resource.metadata, &resource.spec) else { return None };
        let action = policy.action.clone().unwrap_or(Action::Allow);
        if !is_enforced(metadata) || !matches!(action, Action::Allow | Action::Deny | Action::Custom) {
            return None;
        }
        let namespace = namespace(resource);
        let permissions = |rules: &[Rule]| -> Vec<Permission> {
            rules.iter().flat_map(|rule| of_rule(&mesh.expanded(rule), namespace, &action)).collect()
        };
        let of_connections = policy.rules.iter().any(rule::asks_about_requests).then(|| {
            let rules: Vec<Rule> = policy.rules.iter().filter_map(|rule| rule::of_connections(rule, &action)).collect();
            permissions(&rules)
        });
        Some(Self {
            namespace: namespace.to_owned(),
            name: metadata.name.clone(),
            selector: policy.selector.clone(),
            targets: attachment::targets(policy),
            rules: policy.rules.len(),
            permissions: permissions(&policy.rules),
            of_connections,
            action,
        })
    }

    fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Its permissions at the port of a workload.
    fn at<'p>(&'p self, to: &'p Destination) -> impl Iterator<Item = Permission> + 'p {
        let reads_none = to.protocol == Protocol::Tcp || to.proxy == Proxy::Ztunnel;
        let of_connections = self.of_connections.as_ref().filter(|_| reads_none);
        of_connections.unwrap_or(&self.permissions).iter().filter_map(|Permission { caller, scope }| {
            let scope = match to.port {
                Some(port) => scope.clone().at(&Attribute::Port, &port.to_string())?,
                None => scope.clone(),
            };
            Some(Permission { caller: caller.clone(), scope })
        })
    }
}

fn namespace(resource: &Resource) -> &str {
    match resource.metadata.namespace.as_str() {
        "" => "default",
        namespace => namespace,
    }
}

impl Matrix {
    /// Takes in the policies among `resources`, for these workloads: each a namespace with labels, a port where one is meant,
    /// what it speaks and what proxy it has. Rules are read on all cores.
    #[must_use]
    pub fn new<'r>(mesh: Mesh, resources: impl IntoIterator<Item = &'r Resource>, workloads: Vec<Destination>) -> Self {
        let mut matrix = Self { mesh, workloads, ..Self::default() };
        let resources: Vec<&Resource> = resources.into_iter().collect();
        matrix.policies = resources.par_iter().filter_map(|resource| Policy::of(resource, &matrix.mesh)).collect();
        for (index, policy) in matrix.policies.iter().enumerate() {
            matrix.selection.add(&policy.namespace, policy.selector.as_ref(), index);
        }
        for resource in resources {
            let Spec::PeerAuthentication(policy) = &resource.spec else { continue };
            matrix.modes.add(namespace(resource), policy.selector.as_ref(), matrix.settings.len());
            matrix.settings.push(Setting::of(&resource.metadata, namespace(resource), policy));
        }
        for (index, workload) in matrix.workloads.iter().enumerate() {
            let all = [(String::new(), String::new())];
            let labels = workload.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
            for (key, value) in labels.chain(all) {
                matrix.by_label.entry((workload.namespace.clone(), key, value)).or_default().push(index);
            }
        }
        matrix
    }

    /// Who may call each workload, in their order, worked out on all cores.
    #[must_use]
    pub fn whole(&self) -> Vec<Access> {
        self.workloads.par_iter().map(|workload| self.access(workload)).collect()
    }

    /// Who may call a workload, which need not be one of the matrix.
    #[must_use]
    pub fn access(&self, to: &Destination) -> Access {
        access(&self.guarding(to), self.mode(to))
    }

    fn mode(&self, to: &Destination) -> Mode {
        let of = |namespace: &str| self.modes.select(namespace, &to.labels).filter_map(|it| self.settings.get(*it));
        mode_of(|namespace| of(namespace).collect(), &self.mesh, to)
    }

    /// The policies that guard a workload, each with what it says there.
    fn guarding<'m>(&'m self, to: &'m Destination) -> Vec<(&'m Policy, Vec<Permission>)> {
        let root = self.mesh.root_namespace.as_str();
        let own = self.selection.select(&to.namespace, &to.labels);
        let of_mesh = (to.namespace != root).then(|| self.selection.select(root, &to.labels));
        let all = own.chain(of_mesh.into_iter().flatten()).filter_map(|index| self.policies.get(*index));
        let attached = all.filter(|policy| attachment::is_attached(&policy.targets, &policy.namespace, to, root));
        attached.map(|policy| (policy, policy.at(to).collect())).collect()
    }
}

/// What policies come to at one workload.
fn access(guarding: &[(&Policy, Vec<Permission>)], mode: Mode) -> Access {
    let of = |action: Action| guarding.iter().filter(move |(policy, _)| policy.action == action);
    // On a port without TLS nobody is known.
    let may_be = |permission: &&Permission| mode.tls != Tls::Disabled || !permission.asks_who_calls();
    let permissions = |action| of(action).flat_map(|(_, permissions)| permissions).filter(may_be).cloned();
    let denied: BTreeSet<Permission> = permissions(Action::Deny).collect();
    let asked = permissions(Action::Custom).collect();
    let open = of(Action::Allow).next().is_none();
    let everybody = open.then(|| Permission { caller: Caller::Anyone, scope: Scope::default() });
    let allowed: BTreeSet<Permission> = permissions(Action::Allow).chain(everybody).collect();
    let grants = allowed.into_iter().flat_map(|permission| left(permission, &denied)).collect();
    Access { open, grants, asked, mode }
}

/// What DENY policies leave of a permission.
fn left(permission: Permission, denied: &BTreeSet<Permission>) -> Vec<Grant> {
    let near: Vec<&Permission> = denied.iter().filter(|deny| deny.meets(&permission)).collect();
    if near.is_empty() {
        return vec![Grant { permission, except: BTreeSet::new() }];
    }
    let caller = &permission.caller;
    let parts = permission.scope.parts().into_iter().map(|scope| Permission { caller: caller.clone(), scope });
    let parts = parts.filter(|part| !near.iter().any(|deny| deny.covers(part)));
    let grant = |scope| {
        let left = Permission { caller: caller.clone(), scope };
        let is_cut = |deny: &&&Permission| left == permission || deny.meets(&left);
        let except = near.iter().filter(is_cut).map(|deny| (*deny).clone()).collect();
        Grant { permission: left, except }
    };
    joined(parts.map(|part| part.scope)).into_iter().map(grant).collect()
}
