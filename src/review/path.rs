//! Where a generated or hand-written manifest stands.

/// What the path `clusters/<provider>/<cluster>/<namespace>/…` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Location<'a> {
    /// `provider/cluster`.
    pub(super) cluster: &'a str,
    /// The namespace's directory; empty for a file above it.
    pub(super) namespace: &'a str,
    /// The service's directory; empty for a file above it.
    pub(super) service: &'a str,
}

impl<'a> Location<'a> {
    /// Reads a path; none when it is not of a cluster.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("clusters/")?;
        let (provider, below) = rest.split_once('/')?;
        let (cluster, below) = below.split_once('/')?;
        if provider.is_empty() || cluster.is_empty() {
            return None;
        }
        let (namespace, below) = below.split_once('/').unwrap_or_default();
        let (service, _) = below.split_once('/').unwrap_or_default();
        Some(Self { cluster: &rest[..=provider.len() + cluster.len()], namespace, service })
    }

    /// The path below the cluster's directory.
    pub(super) fn below(self, path: &'a str) -> &'a str {
        path.get("clusters/".len() + self.cluster.len() + 1..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_cluster_namespace_and_service() {
        let path = "clusters/gke/east/shop/cart/gateway-cart.yaml";
        let location = Location::of(path).unwrap();
        assert_eq!((location.cluster, location.namespace, location.service), ("gke/east", "shop", "cart"));
        assert_eq!(location.below(path), "shop/cart/gateway-cart.yaml");
        let keeper = Location::of("clusters/gke/east/shop/configmap-meshwright.yaml").unwrap();
        assert_eq!((keeper.cluster, keeper.namespace, keeper.service), ("gke/east", "shop", ""));
        assert_eq!(Location::of("clusters/gke/east/x.yaml").unwrap().namespace, "");
        for other in ["intents/a", "clusters/gke/east", "clusters//east/x", "clusters/gke//x"] {
            assert_eq!(Location::of(other), None, "{other}");
        }
    }
}
