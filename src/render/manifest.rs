//! What every generated file has: a header that names its intents, our label, our annotations.

use std::borrow::Cow;

use super::output::Manifest;
use crate::finding::{Finding, Place};
use crate::intent::settings::GitOps;
use crate::intent::{Anchor, ClusterId, Kind as Intent};
use crate::istio::{ObjectMeta, Resource, Spec, StringMap, to_yaml};

/// The label that marks what is ours.
pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Its value, and the name of what is not about one service.
pub(super) const MESHWRIGHT: &str = "meshwright";

/// The annotation that names the intents, one per line.
pub(super) const INTENTS: &str = "meshwright.dev/intents";

/// The annotation that makes Istio only watch a policy.
const DRY_RUN: &str = "istio.io/dry-run";

/// The annotation that orders a sync of Argo CD.
const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";

/// The most intents that are named one by one, and the most bytes of their names: a server may have thousands of clients.
const MOST_NAMED: usize = 100;
const MOST_NAMED_BYTES: usize = 16 << 10;

/// The most bytes of all annotations of an object (Kubernetes, `apimachinery/pkg/api/validation/objectmeta.go`).
const MOST_ANNOTATED: usize = 256 << 10;

/// The most bytes of a manifest: what etcd takes at once is 1.5 MiB, with what the cluster adds to an object.
const LARGEST: usize = 1 << 20;

const HEADER: &str = "# Rendered by Meshwright from the intents below: change them, not this file.\n";

/// A resource before it becomes a file.
pub(super) struct Draft<'a> {
    /// The cluster that it is for.
    pub(super) cluster: &'a ClusterId,
    /// The namespace that it lives in.
    pub(super) namespace: &'a str,
    /// The service that it is about.
    pub(super) service: &'a str,
    /// Its name.
    pub(super) name: String,
    /// What it says.
    pub(super) spec: Spec,
    /// The intents that it comes from.
    pub(super) intents: Vec<Anchor>,
    /// Whether it is a policy that is only watched.
    pub(super) observed: bool,
}

impl Draft<'_> {
    /// The file.
    pub(super) fn finish(self, gitops: GitOps) -> Manifest {
        let mut annotations = StringMap::new();
        if self.observed {
            annotations.insert(DRY_RUN.into(), "true".into());
        }
        let metadata =
            ObjectMeta { name: self.name, namespace: self.namespace.to_owned(), labels: StringMap::new(), annotations };
        let mut intents = self.intents;
        intents.sort();
        intents.dedup();
        let resource = marked(Resource::new(metadata, self.spec), &intents, gitops);
        let directory = directory_of(self.cluster, self.namespace);
        let kind = resource.kind_name().to_ascii_lowercase();
        let path = format!("{directory}/{}/{kind}-{}.yaml", self.service, resource.metadata.name);
        file(path, resource, intents)
    }
}

/// The resource with our label and annotations.
pub(super) fn marked(mut resource: Resource, intents: &[Anchor], gitops: GitOps) -> Resource {
    let annotations = &mut resource.metadata.annotations;
    annotations.insert(INTENTS.to_owned(), names(intents).join("\n"));
    resource.metadata.labels.insert(MANAGED_BY.into(), MESHWRIGHT.into());
    if gitops == GitOps::ArgoCd && !resource.metadata.annotations.contains_key(SYNC_WAVE) {
        let wave = sync_wave(resource.kind_name()).to_owned();
        resource.metadata.annotations.insert(SYNC_WAVE.into(), wave);
    }
    resource
}

/// The file at `path` of a resource that is marked; it comes from `intents`, which are sorted.
pub(super) fn file(path: String, resource: Resource, intents: Vec<Anchor>) -> Manifest {
    Manifest { path, text: text(&resource), resource: resource.into(), intents, plugin: "".into() }
}

/// What the file of a resource that is marked says.
pub(super) fn text(resource: &Resource) -> String {
    let mut text = String::from(HEADER);
    for name in resource.metadata.annotations.get(INTENTS).into_iter().flat_map(|names| names.lines()) {
        text.push_str("# ");
        text.push_str(name);
        text.push('\n');
    }
    text.push_str(&to_yaml(resource));
    text
}

/// The lines that name `intents`, which are sorted: all of them, or where that is too much, the servers and how many clients
/// there are beside them.
fn names(intents: &[Anchor]) -> Vec<Cow<'_, str>> {
    let all = || intents.iter().map(|intent| Cow::from(intent.as_str()));
    let bytes: usize = all().map(|name| name.len() + 1).sum();
    if intents.len() <= MOST_NAMED && bytes <= MOST_NAMED_BYTES {
        return all().collect();
    }
    let servers = intents.iter().filter(|intent| intent.kind() != Intent::Client);
    let mut names: Vec<_> = servers.map(|intent| Cow::from(intent.as_str())).collect();
    match intents.len() - names.len() {
        0 => {}
        1 => names.push("and 1 client".into()),
        rest => names.push(format!("and {rest} clients").into()),
    }
    names
}

/// What makes a file too large for Kubernetes to take.
pub(super) fn too_large(manifest: &Manifest) -> Option<Finding> {
    let annotations = &manifest.resource.metadata.annotations;
    let annotated: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    let (bytes, most, what) = match manifest.text.len() {
        text if text > LARGEST => (text, LARGEST, "bytes"),
        _ if annotated > MOST_ANNOTATED => (annotated, MOST_ANNOTATED, "bytes of annotations"),
        _ => return None,
    };
    let owner = |intent: &Anchor| intent.ancestor(Intent::Inbound).or_else(|| intent.ancestor(Intent::Outbound));
    let server = manifest.intents.first().and_then(owner);
    Some(Finding::error(
        "render/too-large",
        Place::at(server.as_ref().map_or(manifest.path.as_str(), Anchor::as_str)),
        format!("{} would have {bytes} {what}, and Kubernetes takes {most}", manifest.path),
        "name fewer clients and access points, callers by namespace, or split the workload",
    ))
}

/// The directory of one namespace on one cluster, which a GitOps engine points at.
pub(super) fn directory_of(cluster: &ClusterId, namespace: &str) -> String {
    format!("clusters/{}/{}/{namespace}", cluster.provider, cluster.cluster)
}

/// What routes name comes first, then the routes, then who may use them and what leads there.
fn sync_wave(kind: &str) -> &'static str {
    match kind {
        "AuthorizationPolicy" | "PeerAuthentication" | "DNSEndpoint" => "2",
        "VirtualService" => "1",
        _ => "0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::istio::ConfigMap;

    #[test]
    fn annotations_have_a_bound_of_their_own() {
        let manifest = |bytes: usize| {
            let annotations = StringMap::from([("a/b".to_owned(), "x".repeat(bytes - 3))]);
            let metadata = ObjectMeta { annotations, ..ObjectMeta::default() };
            let resource = Resource::new(metadata, ConfigMap::default());
            Manifest {
                path: "clusters/a".into(),
                text: String::new(),
                resource: resource.into(),
                intents: vec![],
                plugin: "".into(),
            }
        };
        assert_eq!(too_large(&manifest(262_144)), None);
        let found = too_large(&manifest(262_145)).unwrap();
        assert_eq!(found.message, "clusters/a would have 262145 bytes of annotations, and Kubernetes takes 262144");
    }
}
