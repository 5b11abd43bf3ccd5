//! On which clusters an app runs.

use crate::intent::fields::Fields;
use crate::intent::name::Name;

/// A cluster by name, or every cluster that bears a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One cluster.
    Cluster(Name),
    /// All clusters of the provider with this label.
    Label(Name),
}

/// One term of a placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterTerm {
    /// The provider of the clusters.
    pub provider: Name,
    /// Which of its clusters.
    pub target: Target,
}

impl ClusterTerm {
    fn read(f: &mut Fields<'_>) -> Option<Self> {
        let provider = f.required("clusterProvider", "the provider of the cluster");
        let cluster = f.optional("cluster", "the cluster; either this or clusterLabel");
        let label = f.optional("clusterLabel", "every cluster with this label; either this or cluster");
        let target = match (cluster, label) {
            (Some(cluster), None) => Some(Target::Cluster(cluster)),
            (None, Some(label)) => Some(Target::Label(label)),
            _ => {
                f.violation("", "needs exactly one of cluster and clusterLabel");
                None
            }
        };
        Some(Self { provider: provider?, target: target? })
    }
}

/// Where one app runs: on all clusters of `all_of`, and on the first cluster, by name, of `any_of`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppPlacement {
    /// The app.
    pub app: Name,
    /// All matches of each term.
    pub all_of: Vec<ClusterTerm>,
    /// The first match of all terms, in name order.
    pub any_of: Vec<ClusterTerm>,
}

impl AppPlacement {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let app = f.required("app", "the app that is placed");
        let terms = f.object("intent", "the clusters it runs on", |f| {
            let all_of = f.objects("allOf", "all matches of each term", ClusterTerm::read);
            let any_of = f.objects("anyOf", "the first match of all terms, in name order", ClusterTerm::read);
            Some((all_of, any_of))
        });
        let (all_of, any_of) = terms.unwrap_or_default();
        Some(Self { app: app?, all_of, any_of })
    }
}
