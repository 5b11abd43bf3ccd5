//! Subsets of a server's pods, the shares of traffic that they or clusters get, and failover between clusters.

use std::collections::BTreeMap;

use super::policy::Policy;
use super::scalar::LABEL_VALUE;
use crate::intent::fields::{Fields, escape};
use crate::intent::scalar::{ClusterRef, DnsLabel};
use crate::intent::shape::Shape;

/// The labels of a subset's pods.
const LABELS: Shape = Shape::Table(&LABEL_VALUE);

/// Pods of a server by labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subset {
    /// Its name.
    pub name: DnsLabel,
    /// The labels that a pod must have, beside those of the server.
    pub labels: BTreeMap<String, String>,
    /// What applies to it, over what applies to the server.
    pub policy: Policy,
}

impl Subset {
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let name = f.required("name", "its name");
        let labels = f.shaped("labels", "the labels that a pod must have", &LABELS);
        if labels.is_none() && f.is_sound("labels") {
            f.violation("labels", "is required: a subset of all pods is none");
        }
        let policy =
            f.object("trafficPolicy", "what applies to it, over what applies to the server", |f| Some(Policy::read(f)));
        let labels = labels.as_ref()?.as_object()?.iter();
        let labels: BTreeMap<String, String> =
            labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
        for key in labels.keys().filter(|key| !is_label_key(key)) {
            f.violation(&format!("labels/{}", escape(key)), "is no key of a label");
        }
        Some(Self { name: name?, labels, policy: policy.unwrap_or_default() })
    }
}

/// Whether this can be the key of a label: a name of up to 63 characters, perhaps behind a DNS name and a slash
/// (Kubernetes, "Labels and Selectors").
fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let good = bytes.len() <= 63 && bytes.iter().all(|b| inner(*b)) && edge(bytes.first()) && edge(bytes.last());
    let domain = |prefix: &str| prefix.len() <= 253 && prefix.split('.').all(|label| DnsLabel::parse(label).is_ok());
    good && prefix.is_none_or(domain)
}

/// Who gets a share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Toward {
    /// A subset, wherever the caller is.
    Subset(DnsLabel),
    /// The pods of a cluster.
    Cluster(ClusterRef),
}

impl std::fmt::Display for Toward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subset(subset) => subset.fmt(f),
            Self::Cluster(cluster) => cluster.fmt(f),
        }
    }
}

/// A share of a server's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weight {
    /// Who gets it.
    pub toward: Toward,
    /// In proportion to the others'.
    pub weight: u8,
}

impl Weight {
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let subset = f.optional("subset", "the subset that gets this share; either this or cluster");
        let cluster = f.optional("cluster", "the cluster, as provider/cluster, whose pods get this share");
        let weight = f.shaped("weight", "the share, in proportion to the others'", &Shape::Whole(0, 100));
        if weight.is_none() && f.is_sound("weight") {
            f.violation("weight", "is required");
        }
        let toward = match (subset, cluster) {
            (Some(_), Some(_)) => {
                f.violation("cluster", "excludes subset: a share is of one of them");
                None
            }
            (Some(subset), None) => Some(Toward::Subset(subset)),
            (None, Some(cluster)) => Some(Toward::Cluster(cluster)),
            (None, None) => {
                if f.is_sound("subset") && f.is_sound("cluster") {
                    f.violation("subset", "is required, or cluster: who gets this share");
                }
                None
            }
        };
        let weight = weight?.as_u64().and_then(|weight| u8::try_from(weight).ok())?;
        Some(Self { toward: toward?, weight })
    }
}

/// Where the calls of one cluster go while it serves none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failover {
    /// The cluster that the callers are on.
    pub from: ClusterRef,
    /// The cluster that serves them instead.
    pub to: ClusterRef,
}

impl Failover {
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let from = f.required("from", "the cluster, as provider/cluster, whose callers are led elsewhere");
        let to = f.required("to", "the cluster that serves them while no pod of theirs is healthy");
        Some(Self { from: from?, to: to? })
    }
}
