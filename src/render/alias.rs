//! Alias hosts: a name for the pods of a host on one cluster, because a ServiceEntry must not shadow a local Service.

use std::collections::BTreeSet;

use super::server::Server;
use crate::intent::ClusterId;
use crate::intent::spec::{Toward, Traffic};

/// The longest a DNS label may be (RFC 1035, section 2.3.4).
const LONGEST_LABEL: usize = 63;

/// The host of the pods of `server` on `cluster`.
pub(super) fn host(server: &Server<'_>, cluster: &ClusterId) -> String {
    let [cluster, provider] = labels(cluster);
    format!("{}.{}.{cluster}.{provider}.mesh", server.inbound.service, server.namespace)
}

/// What of an alias host stands for `cluster`: its name and its provider's as DNS labels. Clusters may share them.
pub(super) fn labels(cluster: &ClusterId) -> [String; 2] {
    [&cluster.cluster, &cluster.provider].map(|name| label(name))
}

fn label(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let label: String = name.to_ascii_lowercase().chars().map(fits).take(LONGEST_LABEL).collect();
    label.trim_end_matches('-').to_owned()
}

/// The clusters that calls are led to by alias host, as `traffic` says. A share of 0 is a way that is prepared: clusters
/// are synced in no order, and a share that comes first finds nothing.
pub(super) fn led_to(traffic: &Traffic) -> BTreeSet<ClusterId> {
    let shares = traffic.weights.iter().filter_map(|share| match &share.toward {
        Toward::Cluster(cluster) => Some(cluster.into()),
        Toward::Subset(_) => None,
    });
    shares.chain(traffic.failover.iter().map(|failover| (&failover.to).into())).collect()
}

/// The clusters that calls from `at` are led to: those with a share, or the one that serves while `at` does not.
pub(super) fn led_from<'t>(traffic: &'t Traffic, at: &'t ClusterId) -> impl Iterator<Item = ClusterId> + use<'t> {
    let gives_way = traffic.failover.iter().filter(move |failover| ClusterId::from(&failover.from) == *at);
    let instead = gives_way.map(|failover| ClusterId::from(&failover.to));
    let shares = led_to(traffic).into_iter().filter(|_| traffic.failover.is_empty());
    shares.filter(move |to| to != at).chain(instead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::scalar::DnsLabel;

    #[test]
    fn labels_are_lowered_and_made_valid() {
        let of = |cluster: &str| labels(&ClusterId { provider: "G_K.E".into(), cluster: cluster.into() });
        assert_eq!(of("East-1"), ["east-1", "g-k-e"]);
        for name in ["x".repeat(128), format!("{}._{}", "x".repeat(61), "y".repeat(9))] {
            assert!(DnsLabel::parse(&of(&name)[0]).is_ok(), "{name}");
        }
    }
}
