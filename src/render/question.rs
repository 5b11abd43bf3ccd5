//! What outside plugins are asked: one host or workload with all intents about it, resolved.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::digest::Digest;
use super::message::Message;
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

    /// All of it as plugins are asked, the message `Unit` of `proto/meshwright/plugin/v1`: equal messages, equal units.
    fn message(&self) -> Message {
        let Self { namespace, subject, intents, clusters } = self;
        let mut unit = Message::default();
        unit.text(1, namespace.as_str());
        match subject {
            Subject::Service(service) => unit.item(2, &[service]),
            Subject::Workload(label) => unit.item(3, &[label]),
        }
        intents.iter().for_each(|intent| unit.nested(4, |message| intent.write(message)));
        clusters.iter().for_each(|cluster| unit.nested(5, |message| cluster.write(message)));
        unit
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

impl AskedIntent {
    /// The message `Intent`.
    fn write(&self, to: &mut Message) {
        let Self { anchor, body, namespace, clusters, closed, protocol } = self;
        to.text(1, anchor.as_str());
        to.text(2, anchor.kind().entry().collection);
        to.text(3, body);
        to.text(4, namespace.as_str());
        // No name holds a slash.
        clusters.iter().for_each(|id| to.item(5, &[&id.provider, "/", &id.cluster]));
        to.flag(6, *closed);
        to.text(7, protocol);
    }
}

impl AskedCluster {
    /// The message `Cluster`.
    fn write(&self, to: &mut Message) {
        let Self { name, trust_domain, root_namespace, ingress_address, east_west_address } = self;
        for (tag, text) in (1..).zip([name, trust_domain, root_namespace, ingress_address, east_west_address]) {
            to.text(tag, text);
        }
    }
}

/// What is asked of whom: equal inputs have equal answers. Cloning shares the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The plugin.
    pub plugin: Arc<str>,
    /// The version that has to answer.
    pub version: Arc<str>,
    /// The digest of what is asked about.
    pub digest: Digest,
}

impl Hash for Input {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Few plugins are asked about the same.
        self.digest.hash(state);
    }
}

/// What a plugin has to answer before a rendering is complete. Cloning shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is asked of whom.
    pub input: Input,
    /// What is asked about.
    pub about: Arc<Asking>,
    /// The same as a message, which the digest is of.
    unit: Arc<[u8]>,
}

impl Question {
    /// Asks a version of a plugin about a unit.
    #[must_use]
    pub fn new(plugin: Arc<str>, version: Arc<str>, about: Asking) -> Self {
        let message = about.message();
        let input = Input { plugin, version, digest: Digest::of(message.bytes()) };
        Self { input, about: Arc::new(about), unit: message.bytes().into() }
    }

    /// What is asked about, as the message `Unit` of `proto/meshwright/plugin/v1`, which the digest is of.
    #[must_use]
    pub fn unit(&self) -> &[u8] {
        &self.unit
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asking() -> Asking {
        let namespace = || DnsLabel::parse("shop").unwrap();
        let text = |text: &str| text.to_owned();
        let intent = AskedIntent {
            anchor: Anchor::parse("projects/shop").unwrap(),
            body: "{}".into(),
            namespace: namespace(),
            clusters: Arc::new(BTreeSet::from([ClusterId { provider: text("gke"), cluster: text("east") }])),
            closed: false,
            protocol: "HTTP",
        };
        let cluster = AskedCluster {
            name: text("gke/east"),
            trust_domain: text("cluster.local"),
            root_namespace: text("istio-system"),
            ingress_address: text("192.0.2.1"),
            east_west_address: text("192.0.2.1:31443"),
        };
        let subject = Subject::Service(text("cart"));
        Asking { namespace: namespace(), subject, intents: vec![intent], clusters: vec![Arc::new(cluster)] }
    }

    #[test]
    fn another_value_of_any_field_is_another_digest() {
        let other = || DnsLabel::parse("other").unwrap();
        let changes: [fn(&mut AskedCluster); 5] = [
            |it| it.name.push('x'),
            |it| it.trust_domain.push('x'),
            |it| it.root_namespace.push('x'),
            |it| it.ingress_address.push('x'),
            |it| it.east_west_address.push('x'),
        ];
        let of_cluster = changes.map(|change| {
            let mut asking = asking();
            change(Arc::make_mut(&mut asking.clusters[0]));
            asking
        });
        let changes: [fn(&mut AskedIntent); 6] = [
            |it| it.anchor = Anchor::parse("projects/other").unwrap(),
            |it| it.body = "[]".into(),
            |it| it.namespace = DnsLabel::parse("other").unwrap(),
            |it| it.clusters = Arc::default(),
            |it| it.closed = true,
            |it| it.protocol = "TCP",
        ];
        let of_intent = changes.map(|change| {
            let mut asking = asking();
            change(&mut asking.intents[0]);
            asking
        });
        let of_unit = [
            asking(),
            Asking { namespace: other(), ..asking() },
            Asking { subject: Subject::Workload("cart".into()), ..asking() },
            // The same texts, cut elsewhere.
            Asking {
                namespace: DnsLabel::parse("shopca").unwrap(),
                subject: Subject::Service("rt".into()),
                ..asking()
            },
            Asking { intents: [asking().intents, asking().intents].concat(), ..asking() },
            Asking { clusters: [asking().clusters, asking().clusters].concat(), ..asking() },
            Asking { subject: Subject::Service("other".into()), ..asking() },
            Asking { intents: vec![], ..asking() },
            Asking { clusters: vec![], ..asking() },
        ];
        let all: Vec<Asking> = of_unit.into_iter().chain(of_intent).chain(of_cluster).collect();
        let digest = |asking: &Asking| Digest::of(asking.message().bytes());
        let digests: BTreeSet<Digest> = all.iter().map(digest).collect();
        assert_eq!(digests.len(), all.len());
        // Files name it: another digest of the same would have plugins asked for all of them once more.
        assert_eq!(digest(&asking()).to_string(), "c8bac8a7ca95984ded2197c054848bca4f83ac8c1f703e508208e5a1ad679273");
    }
}
