//! What outside plugins are asked: one host or workload with all intents about it, resolved.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::digest::{Digest, Pieces};
use crate::intent::scalar::DnsLabel;
use crate::intent::{Anchor, ClusterId};

/// A host or a workload, with all intents about it, resolved: what an outside plugin is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// The namespace that it lives in on each of its clusters.
    pub namespace: DnsLabel,
    /// The Service or the pods.
    pub subject: Subject,
    /// The intents that the plugin wants to see, sorted by anchor.
    pub intents: Vec<AskedIntent>,
    /// Every cluster that an intent names, sorted by name.
    pub clusters: Vec<Arc<AskedCluster>>,
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A Kubernetes Service.
    Service(String),
    /// Pods by their label, `key=value`.
    Workload(String),
}

/// An intent, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedIntent {
    /// Where it lives.
    pub anchor: Anchor,
    /// Its body as it was posted, as JSON.
    pub body: Arc<str>,
    /// The namespace of the app that it names.
    pub namespace: DnsLabel,
    /// The clusters that this app runs on.
    pub clusters: Arc<BTreeSet<ClusterId>>,
    /// Of an inbound intent: whether only its clients may call.
    pub closed: bool,
    /// Of an inbound intent: what it really speaks; else empty.
    pub protocol: &'static str,
}

/// A cluster, with its defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    /// The digest of all of it: equal digests, equal units.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let Self { namespace, subject, intents, clusters } = self;
        let mut pieces = Pieces::default();
        pieces.text(namespace.as_str());
        let (word, subject) = match subject {
            Subject::Service(service) => ("service", service),
            Subject::Workload(label) => ("workload", label),
        };
        pieces.text(word);
        pieces.text(subject);
        pieces.list(intents.iter(), Pieces::intent);
        pieces.list(clusters.iter(), |pieces, cluster| pieces.cluster(cluster));
        pieces.digest()
    }

    /// Whether it may be answered for `namespace` of `cluster`, `provider/cluster`: an app of its intents lives there.
    #[must_use]
    pub fn is_in(&self, cluster: &str, namespace: &str) -> bool {
        let Some(name) = cluster.split_once('/') else { return false };
        let is_there = |id: &ClusterId| name == (&id.provider, &id.cluster);
        let lives =
            |intent: &AskedIntent| intent.namespace.as_str() == namespace && intent.clusters.iter().any(is_there);
        self.intents.iter().any(lives)
    }
}

impl Pieces {
    fn intent(&mut self, intent: &AskedIntent) {
        let AskedIntent { anchor, body, namespace, clusters, closed, protocol } = intent;
        self.text(anchor.as_str());
        self.text(body);
        self.text(namespace.as_str());
        self.list(clusters.iter(), |pieces, ClusterId { provider, cluster }| {
            pieces.text(provider);
            pieces.text(cluster);
        });
        self.text(if *closed { "closed" } else { "open" });
        self.text(protocol);
    }

    fn cluster(&mut self, cluster: &AskedCluster) {
        let AskedCluster { name, trust_domain, root_namespace, ingress_address, east_west_address } = cluster;
        for text in [name, trust_domain, root_namespace, ingress_address, east_west_address] {
            self.text(text);
        }
    }
}

/// What is asked of whom: equal inputs have equal answers. Cloning shares the words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Input {
    /// The plugin.
    pub plugin: Arc<str>,
    /// The version that has to answer.
    pub version: Arc<str>,
    /// The digest of what is asked about.
    pub digest: Digest,
}

/// What a plugin has to answer before a rendering is complete. Cloning shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is asked of whom.
    pub input: Input,
    /// What is asked about.
    pub about: Arc<Asking>,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.input.plugin, self.about.name())
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
