//! The access matrix of a tree, and whom policies that people wrote lock out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::model::Cluster;
use super::shift::phrase;
use super::{Model, services};
use crate::access::{Access, Destination, Idle, Lockout, Matrix, Permission, Protocol, Tls};
use crate::finding::{Finding, Place};
use crate::render::{Target, TargetAccess};

/// Who may call one workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// `provider/cluster`.
    pub cluster: String,
    /// `namespace/service`; several, separated by commas, where Services share their pods.
    pub target: String,
    /// The label of its pods.
    pub workload: String,
    /// Whether no ALLOW policy guards it, so that everybody is let in whom no DENY policy keeps out.
    pub open: bool,
    /// Whether plain text is refused.
    pub strict: bool,
    /// Who is let in, and what for.
    pub callers: Vec<Admitted>,
}

/// A caller, or all of a kind, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Admitted {
    /// Who.
    pub caller: String,
    /// What it may do.
    pub may: String,
    /// What of that a DENY policy keeps it from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub except: Option<String>,
}

impl Model<'_> {
    /// Who may call each workload, by cluster and name.
    #[must_use]
    pub fn matrix(&self) -> Vec<Row> {
        let mut rows = vec![];
        for (name, cluster) in &self.clusters {
            let (plain, other): (Vec<&Target>, Vec<&Target>) =
                self.targets.iter().filter(|target| target.cluster.to_string() == *name).partition(|it| is_plain(it));
            let spaces: BTreeSet<&str> = cluster.resources.keys().copied().collect();
            let matrix = of(cluster, spaces, plain.iter().map(|target| workload(target)).collect());
            rows.extend(plain.iter().zip(matrix.whole()).map(|(target, access)| row(name, target, &access)));
            rows.extend(other.iter().map(|target| row(name, target, &cluster.access(target, &workload(target)))));
        }
        rows.sort_by(|one, two| {
            (&one.cluster, &one.target, &one.workload).cmp(&(&two.cluster, &two.target, &two.workload))
        });
        rows
    }

    /// Whom policies that people wrote lock out, and which of them nothing matches.
    #[must_use]
    pub fn lockouts(&self) -> Vec<Finding> {
        self.clusters.iter().flat_map(|(name, cluster)| self.locked_out(name, cluster)).collect()
    }

    fn locked_out(&self, name: &str, cluster: &Cluster<'_>) -> Vec<Finding> {
        let mut spaces: BTreeSet<&str> =
            cluster.by_hand.keys().filter_map(|policy| Some(policy.split_once('/')?.0)).collect();
        if spaces.contains(cluster.mesh.root_namespace.as_str()) {
            spaces.extend(cluster.resources.keys());
        }
        if spaces.is_empty() {
            return vec![];
        }
        let near = |target: &&Target| spaces.contains(target.namespace.as_str()) && is_plain(target);
        let targets: Vec<&Target> =
            self.targets.iter().filter(|target| target.cluster.to_string() == *name).filter(near).collect();
        let matrix = of(cluster, spaces, targets.iter().map(|target| workload(target)).collect());
        let lockout = |(index, lockout): (usize, Lockout)| {
            let target = targets.get(index)?;
            let who = services(target).join(" and ");
            let message = match lockout {
                // That nobody is named is told where it is rendered.
                Lockout::Nobody => return None,
                Lockout::AllDenied => {
                    format!("DENY policies keep out all whom ALLOW policies let in to {who} on {name}")
                }
                Lockout::PlainText(permission) => {
                    let caller = phrase::caller(&permission.caller);
                    format!("{caller} may call {who} in plain text, which {name} refuses there")
                }
            };
            let place = Place::at(target.intents.first().map_or("", |intent| intent.as_str()));
            Some(Finding::warning("access/locked-out", place, message, "look which of the policies is not meant"))
        };
        let idle = |(policy, idle): (String, Idle)| {
            let place = Place::at(*cluster.by_hand.get(&policy)?);
            let message = match idle {
                Idle::NothingMatches => {
                    format!("no request can match {policy}: its conditions exclude each other, or Istio passes over it")
                }
                Idle::AllDenied => format!("DENY policies keep out all whom {policy} lets in"),
                // Pods that no intent is about are not known here.
                Idle::SelectsNothing => return None,
            };
            Some(Finding::warning("access/idle", place, message, "mend it, or remove it"))
        };
        let lockouts = matrix.lockouts().into_iter().filter_map(lockout);
        lockouts.chain(matrix.idle().into_iter().filter_map(idle)).collect()
    }
}

/// Whether the policies that select its pods decide about it.
fn is_plain(target: &Target) -> bool {
    !target.by_waypoint && target.access != TargetAccess::NotEnforced
}

/// The policies of namespaces and of the mesh, for these workloads.
fn of(cluster: &Cluster<'_>, mut spaces: BTreeSet<&str>, workloads: Vec<Destination>) -> Matrix {
    spaces.remove(cluster.mesh.root_namespace.as_str());
    let mut resources = cluster.near(&cluster.mesh.root_namespace, None);
    for space in spaces {
        let own = cluster.near(space, None).into_iter().filter(|resource| resource.metadata.namespace == space);
        resources.extend(own);
    }
    Matrix::new(cluster.mesh.clone(), &resources, workloads)
}

fn workload(target: &Target) -> Destination {
    let label = target.label.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    Destination {
        namespace: target.namespace.clone(),
        labels: label.into_iter().collect(),
        protocol: if target.opaque { Protocol::Tcp } else { Protocol::Http },
        ..Destination::default()
    }
}

fn row(cluster: &str, target: &Target, access: &Access) -> Row {
    let mut admitted: BTreeMap<(String, Option<String>), Vec<&Permission>> = BTreeMap::new();
    for grant in &access.grants {
        let except = (!grant.except.is_empty()).then(|| phrase::rights(&grant.except));
        admitted.entry((phrase::caller(&grant.permission.caller), except)).or_default().push(&grant.permission);
    }
    let admitted = admitted.into_iter().map(|((caller, except), permissions)| Admitted {
        caller,
        may: phrase::scopes(permissions),
        except,
    });
    Row {
        cluster: cluster.to_owned(),
        target: services(target).join(", "),
        workload: target.label.clone(),
        open: access.open,
        strict: access.mode.tls == Tls::Strict,
        callers: admitted.collect(),
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cluster, target, workload, strict, callers, .. } = self;
        let strict = if *strict { ", plain text refused" } else { "" };
        write!(f, "{cluster} {target} ({workload}{strict})")?;
        for Admitted { caller, may, except } in callers {
            write!(f, "\n  {caller}: {may}")?;
            if let Some(except) = except {
                write!(f, ", but for {except}")?;
            }
        }
        if callers.is_empty() { f.write_str("\n  nobody") } else { Ok(()) }
    }
}
