//! What outside plugins are asked: one host or workload with all intents about it, resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// A host or a workload, with all intents about it, resolved: what an outside plugin is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asking {
    /// The namespace that it lives in on each of its clusters.
    pub namespace: String,
    /// The Service or the pods.
    pub subject: Subject,
    /// The intents that the plugin wants to see, sorted by anchor.
    pub intents: Vec<AskedIntent>,
    /// Every cluster that an intent names, sorted by name.
    pub clusters: Vec<AskedCluster>,
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A Kubernetes Service.
    Service(String),
    /// Pods by their label, `key=value`.
    Workload(String),
}

/// An intent, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedIntent {
    /// Its anchor.
    pub anchor: String,
    /// The collection that it is of, such as `inbound-intents`.
    pub kind: &'static str,
    /// Its body as it was posted, as JSON.
    pub body: String,
    /// The namespace of the app that it names.
    pub namespace: String,
    /// The clusters that this app runs on, as `provider/cluster`, sorted.
    pub clusters: Vec<String>,
    /// Of an inbound intent: whether only its clients may call.
    pub closed: bool,
    /// Of an inbound intent: what it really speaks; else empty.
    pub protocol: &'static str,
}

/// A cluster, with its defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedCluster {
    /// `provider/cluster`.
    pub name: String,
    /// SPIFFE trust domain.
    pub trust_domain: String,
    /// The namespace whose policies hold for the whole mesh.
    pub root_namespace: String,
    /// Where outside callers dial; empty where it is not known.
    pub ingress_address: String,
    /// Where callers of other clusters dial, as `address:port`; empty where it is not known.
    pub east_west_address: String,
}

impl Asking {
    /// What the unit is called among those of a plugin: `namespace/service`, or `namespace/key=value`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.subject {
            Subject::Service(subject) | Subject::Workload(subject) => format!("{}/{subject}", self.namespace),
        }
    }

    /// SHA-256 of its compact JSON, in hexadecimal digits: equal digests, equal units.
    #[must_use]
    pub fn digest(&self) -> String {
        // There is nothing in it that JSON does not have.
        hex(&Sha256::digest(serde_json::to_vec(self).unwrap_or_default()))
    }

    /// Where it may be answered for: the namespaces of its apps on each of their clusters.
    #[must_use]
    pub fn places(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for intent in &self.intents {
            for cluster in &intent.clusters {
                places.entry(cluster).or_default().insert(&intent.namespace);
            }
        }
        places
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
        text.extend([digit(byte >> 4), digit(byte & 15)]);
        text
    })
}

/// What a plugin has to answer before a rendering is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The plugin.
    pub plugin: String,
    /// The version that has to answer.
    pub version: String,
    /// The digest of what is asked about.
    pub digest: String,
    /// What is asked about.
    pub about: Arc<Asking>,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.plugin, self.about.name())
    }
}

/// A file of an outside plugin on main that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outdated {
    /// Its path.
    pub path: String,
    /// Why, in words that follow its path.
    pub why: String,
}
