//! Subsets of a server's pods, and the shares of traffic that they get.

use std::collections::BTreeMap;

use super::policy::Policy;
use super::scalar::LABEL_VALUE;
use crate::intent::fields::{Fields, escape};
use crate::intent::scalar::DnsLabel;
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

/// A share of a server's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weight {
    /// The subset that gets it.
    pub subset: DnsLabel,
    /// In proportion to the others'.
    pub weight: u8,
}

impl Weight {
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let subset = f.required("subset", "the subset that gets this share");
        let weight = f.shaped("weight", "the share, in proportion to the others'", &Shape::Whole(0, 100));
        if weight.is_none() && f.is_sound("weight") {
            f.violation("weight", "is required");
        }
        let weight = weight?.as_u64().and_then(|weight| u8::try_from(weight).ok())?;
        Some(Self { subset: subset?, weight })
    }
}
