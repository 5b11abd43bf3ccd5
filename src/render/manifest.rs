//! What every generated file has: a header that names its intents, our label, our annotations.

use super::output::Manifest;
use crate::intent::settings::GitOps;
use crate::intent::{Anchor, ClusterId};
use crate::istio::{Kind, ObjectMeta, Resource, Spec, StringMap, to_yaml};

/// The label that marks what is ours.
pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Its value, and the name of what is not about one service.
pub(super) const MESHWRIGHT: &str = "meshwright";

/// The annotation that names the intents, one per line.
const INTENTS: &str = "meshwright.dev/intents";

/// The annotation that makes Istio only watch a policy.
const DRY_RUN: &str = "istio.io/dry-run";

/// The annotation that orders a sync of Argo CD.
const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";

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
        let mut intents = self.intents;
        intents.sort();
        intents.dedup();
        let names: Vec<&str> = intents.iter().map(Anchor::as_str).collect();
        let mut annotations = StringMap::from([(INTENTS.to_owned(), names.join("\n"))]);
        if self.observed {
            annotations.insert(DRY_RUN.into(), "true".into());
        }
        let metadata = ObjectMeta {
            name: self.name,
            namespace: self.namespace.to_owned(),
            labels: StringMap::from([(MANAGED_BY.into(), MESHWRIGHT.into())]),
            annotations,
        };
        let mut resource = Resource::new(metadata, self.spec);
        if gitops == GitOps::ArgoCd {
            let wave = sync_wave(resource.kind()).to_owned();
            resource.metadata.annotations.insert(SYNC_WAVE.into(), wave);
        }
        let mut text = String::from(HEADER);
        for name in names {
            text.push_str("# ");
            text.push_str(name);
            text.push('\n');
        }
        text.push_str(&to_yaml(&resource));
        let directory = directory_of(self.cluster, self.namespace);
        let kind = resource.kind_name().to_ascii_lowercase();
        let path = format!("{directory}/{}/{kind}-{}.yaml", self.service, resource.metadata.name);
        Manifest { path, text, resource, intents }
    }
}

/// The directory of one namespace on one cluster, which a GitOps engine points at.
fn directory_of(cluster: &ClusterId, namespace: &str) -> String {
    format!("clusters/{}/{}/{namespace}", cluster.provider, cluster.cluster)
}

/// What routes name comes first, then the routes, then who may use them.
fn sync_wave(kind: Kind) -> &'static str {
    match kind {
        Kind::AuthorizationPolicy | Kind::PeerAuthentication => "2",
        Kind::VirtualService => "1",
        _ => "0",
    }
}
