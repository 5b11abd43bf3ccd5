//! Projects' logical clouds, composite apps and deployment intent groups.

use crate::intent::fields::Fields;
use crate::intent::name::Name;
use crate::intent::scalar::{DnsLabel, Text};

/// A logical cloud: the namespace that apps of a deployment intent group run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogicalCloud {
    /// The Kubernetes namespace.
    pub namespace: DnsLabel,
}

impl LogicalCloud {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let namespace = f.optional("namespace", "the Kubernetes namespace; default `default`");
        f.kept("user", "kept as given");
        let default = DnsLabel::parse("default").ok();
        Some(Self { namespace: namespace.or(default)? })
    }
}

/// A cluster that a logical cloud spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterReference {
    /// The cluster's provider.
    pub provider: Name,
    /// The cluster.
    pub cluster: Name,
}

impl ClusterReference {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let provider = f.required("clusterProvider", "the provider of the cluster");
        let cluster = f.required("cluster", "the cluster");
        f.optional::<Text>("loadbalancerIp", "kept as given");
        Some(Self { provider: provider?, cluster: cluster? })
    }
}

/// A composite app of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompositeApp {
    /// Its version, part of its path.
    pub version: Name,
}

impl CompositeApp {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let version = f.required("compositeAppVersion", "the version; afterwards part of the path");
        Some(Self { version: version? })
    }
}

/// A deployment intent group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentIntentGroup {
    /// The logical cloud of the same project that its apps run in.
    pub logical_cloud: Option<Name>,
}

impl DeploymentIntentGroup {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        f.kept("compositeProfile", "kept as given");
        f.optional::<Text>("version", "kept as given");
        let logical_cloud = f.optional("logicalCloud", "the logical cloud whose namespace the apps run in");
        f.kept("overrideValues", "kept as given");
        Some(Self { logical_cloud })
    }
}
