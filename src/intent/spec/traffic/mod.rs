//! Traffic management: load balancing and HTTP settings, with Istio's own field names and value forms.

mod http;
mod policy;
mod scalar;
mod split;

use std::collections::BTreeSet;

use crate::intent::fields::Fields;

pub use http::Http;
pub use policy::Policy;
pub use split::{Failover, Subset, Toward, Weight};

/// How traffic to a server is managed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traffic {
    /// What applies to every connection and request.
    pub policy: Policy,
    /// What is done with requests on their way.
    pub http: Http,
    /// Subsets of its pods.
    pub subsets: Vec<Subset>,
    /// Their shares, or those of clusters; empty: all pods of the caller's cluster are one.
    pub weights: Vec<Weight>,
    /// Where calls go while the caller's cluster serves none, once for each such cluster.
    pub failover: Vec<Failover>,
}

impl Traffic {
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let traffic = Self {
            policy: Policy::read(f),
            http: Http::read(f),
            subsets: f.objects("subsets", "named sets of its pods", Subset::read),
            weights: f.objects("weights", "shares of traffic by subset, or by cluster", Weight::read),
            failover: f.objects("failover", "where calls go while their cluster serves none", Failover::read),
        };
        traffic.rules(f);
        Some(traffic)
    }

    /// Rules 51 to 53 and 66.
    fn rules(&self, f: &mut Fields<'_>) {
        let mut names = BTreeSet::new();
        for (at, subset) in self.subsets.iter().enumerate() {
            if !names.insert(&subset.name) {
                f.violation(&format!("subsets/{at}/name"), format!("the subset `{}` is there already", subset.name));
            }
        }
        let mut given = BTreeSet::new();
        for (at, weight) in self.weights.iter().enumerate() {
            let pointer = format!("weights/{at}/{}", kind(&weight.toward));
            if let Toward::Subset(subset) = &weight.toward
                && !names.contains(subset)
                && f.is_sound("subsets")
            {
                f.violation(&pointer, format!("there is no subset `{subset}`; add it to subsets"));
            }
            if !given.insert(&weight.toward) {
                let what = kind(&weight.toward);
                f.violation(&pointer, format!("the {what} `{}` has a share already", weight.toward));
            }
        }
        let of_clusters = self.weights.iter().filter(|weight| matches!(weight.toward, Toward::Cluster(_))).count();
        if of_clusters > 0 && of_clusters < self.weights.len() {
            f.violation("weights", "are of subsets or of clusters, not of both");
        }
        let sum: u64 = self.weights.iter().map(|weight| u64::from(weight.weight)).sum();
        if !self.weights.is_empty() && sum == 0 && f.is_sound("weights") {
            f.violation("weights", "are 0 together, so that nothing would get traffic");
        }
        let mirrored = self.http.mirror.as_ref().filter(|mirror| mirror.get("host").is_none());
        if let Some(subset) = mirrored.and_then(|mirror| mirror["subset"].as_str())
            && !names.iter().any(|name| name.as_str() == subset)
            && f.is_sound("subsets")
        {
            f.violation("mirror/subset", format!("there is no subset `{subset}`; add it to subsets"));
        }
        self.failover_rules(f);
        self.rules_over_clusters(f);
    }

    /// Each cluster gives way to one other: an alias host has one name on the gateway of whom it leads to.
    fn failover_rules(&self, f: &mut Fields<'_>) {
        let mut given = BTreeSet::new();
        for (at, failover) in self.failover.iter().enumerate() {
            if failover.from == failover.to {
                f.violation(&format!("failover/{at}/to"), "is the cluster that shall be failed over: name another");
            }
            if !given.insert(&failover.from) {
                let message = format!("`{}` fails over already; it gives way to one cluster", failover.from);
                f.violation(&format!("failover/{at}/from"), message);
            }
        }
        if self.failover.is_empty() {
            return;
        }
        if self.weighs_clusters() {
            let message = "excludes weights of clusters: a share that is to go to a cluster would come back; \
                           leave one of them out";
            f.violation("failover", message);
        }
        let by_locality = |policy: &Policy| {
            policy.load_balancer.as_ref().is_some_and(|balancer| balancer.get("localityLbSetting").is_some())
        };
        if by_locality(&self.policy) || self.subsets.iter().any(|subset| by_locality(&subset.policy)) {
            let message = "is done by Istio's locality setting: leave localityLbSetting out of loadBalancer";
            f.violation("failover", message);
        }
    }

    /// What an alias host cannot have.
    fn rules_over_clusters(&self, f: &mut Fields<'_>) {
        let as_dialled =
            |policy: &Policy| policy.load_balancer.as_ref().is_some_and(|balancer| balancer["simple"] == "PASSTHROUGH");
        if self.is_over_clusters()
            && (as_dialled(&self.policy) || self.subsets.iter().any(|subset| as_dialled(&subset.policy)))
        {
            let field = self.over_clusters_field();
            let message = "leads calls to other clusters, and loadBalancer PASSTHROUGH to where they were dialled: \
                           choose another algorithm";
            f.violation(field, message);
        }
    }

    /// Whether clusters have shares.
    #[must_use]
    pub fn weighs_clusters(&self) -> bool {
        self.weights.iter().any(|weight| matches!(weight.toward, Toward::Cluster(_)))
    }

    /// Whether calls are led to other clusters than the caller's.
    #[must_use]
    pub fn is_over_clusters(&self) -> bool {
        self.weighs_clusters() || !self.failover.is_empty()
    }

    /// The field that leads calls to other clusters, if any does.
    #[must_use]
    pub fn over_clusters_field(&self) -> &'static str {
        if self.failover.is_empty() { "weights" } else { "failover" }
    }

    /// Whether it looks at requests rather than connections.
    #[must_use]
    pub fn is_http_level(&self) -> bool {
        !self.http.is_empty()
    }
}

fn kind(toward: &Toward) -> &'static str {
    match toward {
        Toward::Subset(_) => "subset",
        Toward::Cluster(_) => "cluster",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::intent::Violation;

    fn read(value: &Value) -> Result<Traffic, Vec<Violation>> {
        Fields::read(value, "/t", Traffic::read)
    }

    fn wrong(value: &Value) -> Vec<String> {
        read(value).unwrap_err().into_iter().map(|violation| violation.pointer).collect()
    }

    #[test]
    fn older_names_become_those_of_istios_present_api() {
        let traffic = read(&json!({
            "loadBalancer": {"ConsistentHash": {"httpHeaderName": "x-user", "minimumRingSize": 7}, "warmupDurationSecs": "10s"},
            "outlierDetection": {"consecutiveErrors": 3},
            "fault": {"delay": {"fixedDelay": "1s", "percent": 5}},
            "cors": {"allowOrigin": ["https://a.example", "*"]},
        }));
        let traffic = traffic.unwrap();
        let hash = json!({"consistentHash": {"httpHeaderName": "x-user", "ringHash": {"minimumRingSize": 7}},
            "warmup": {"duration": "10s"}});
        assert_eq!(traffic.policy.load_balancer, Some(hash));
        let detection = json!({"consecutiveGatewayErrors": 3, "consecutive5xxErrors": 0});
        assert_eq!(traffic.policy.outlier_detection, Some(detection));
        let fault = json!({"delay": {"fixedDelay": "1s", "percentage": {"value": 5}}});
        assert_eq!(traffic.http.fault, Some(fault));
        let cors = json!({"allowOrigins": [{"exact": "https://a.example"}, {"regex": ".*"}]});
        assert_eq!(traffic.http.cors, Some(cors));
        let least = read(&json!({"loadBalancer": {"Simple": "LEAST_CONN"}})).unwrap();
        assert_eq!(least.policy.load_balancer, Some(json!({"simple": "LEAST_REQUEST"})));
    }

    fn share(weight: u8) -> Value {
        json!({"cluster": "gke/east", "weight": weight})
    }

    fn way(from: &str, to: &str) -> Value {
        json!({"from": format!("gke/{from}"), "to": format!("gke/{to}")})
    }

    #[test]
    fn what_cannot_hold_together_is_refused_where_it_stands() {
        for (value, pointers) in [
            (
                json!({"loadBalancer": {"simple": "RANDOM", "consistentHash": {"useSourceIp": true}}}),
                &["/t/loadBalancer"][..],
            ),
            (
                json!({"loadBalancer": {"consistentHash": {"ringHash": {"minimumRingSize": 9}}}}),
                &["/t/loadBalancer/consistentHash"],
            ),
            (
                json!({"loadBalancer": {"consistentHash": {"useSourceIp": true, "maglev": {"tableSize": 9}}}}),
                &["/t/loadBalancer/consistentHash/maglev/tableSize"],
            ),
            (
                json!({"loadBalancer": {"localityLbSetting": {"failover": [{"from": "eu", "to": "us"}]}}}),
                &["/t/loadBalancer/localityLbSetting"],
            ),
            (
                json!({"loadBalancer": {"localityLbSetting": {"distribute": [{"from": "eu/*", "to": {"eu/*": 99}}]}}}),
                &["/t/loadBalancer/localityLbSetting/distribute/0/to"],
            ),
            (
                json!({"outlierDetection": {"consecutiveLocalOriginFailures": 3}}),
                &["/t/outlierDetection/consecutiveLocalOriginFailures"],
            ),
            (json!({"retries": {"attempts": 0, "retryOn": "5xx"}}), &["/t/retries"]),
            (json!({"retries": {"attempts": 1, "retryOn": "5xx, reset"}}), &["/t/retries/retryOn"]),
            (json!({"fault": {"abort": {"percentage": {"value": 1}}}}), &["/t/fault/abort"]),
            (json!({"fault": {"delay": {"fixedDelay": "0s"}}}), &["/t/fault/delay/fixedDelay"]),
            (json!({"mirror": {"percentage": {"value": 1}}}), &["/t/mirror"]),
            (json!({"mirror": {"host": "short"}}), &["/t/mirror/host"]),
            (json!({"mirror": {"subset": "v2"}}), &["/t/mirror/subset"]),
            (json!({"cors": {"allowOrigins": [{"exact": "a", "regex": "b"}]}}), &["/t/cors/allowOrigins/0"]),
            (json!({"subsets": [{"name": "v1"}]}), &["/t/subsets/0/labels"]),
            (json!({"subsets": [{"name": "v1", "labels": {"-": "x"}}]}), &["/t/subsets/0/labels/-"]),
            (json!({"weights": [{"subset": "v1", "weight": 1}]}), &["/t/weights/0/subset"]),
            (
                json!({"subsets": [{"name": "v1", "labels": {"v": "1"}}], "weights": [{"subset": "v1", "weight": 0}]}),
                &["/t/weights"],
            ),
            (json!({"timeout": "0s"}), &["/t/timeout"]),
            (json!({"weights": [{"weight": 1}]}), &["/t/weights/0/subset"]),
            (json!({"weights": [{"cluster": "east", "weight": 1}]}), &["/t/weights/0/cluster"]),
            (json!({"weights": [{"cluster": "gke/east", "subset": "v1", "weight": 1}]}), &["/t/weights/0/cluster"]),
            (json!({"weights": [share(1), share(2)]}), &["/t/weights/1/cluster"]),
            (
                json!({"subsets": [{"name": "v1", "labels": {"v": "1"}}], "weights": [share(1), {"subset": "v1", "weight": 1}]}),
                &["/t/weights"],
            ),
            (json!({"failover": [way("east", "west"), way("east", "north")]}), &["/t/failover/1/from"]),
            (json!({"failover": [way("east", "east")]}), &["/t/failover/0/to"]),
            (json!({"failover": [{"from": "gke/east"}]}), &["/t/failover/0/to"]),
            (json!({"failover": [way("east", "west")], "weights": [share(1)]}), &["/t/failover"]),
            (
                json!({"failover": [way("east", "west")], "loadBalancer": {"localityLbSetting": {"enabled": true}}}),
                &["/t/failover"],
            ),
            (json!({"failover": [way("east", "west")], "loadBalancer": {"simple": "PASSTHROUGH"}}), &["/t/failover"]),
            (json!({"weights": [share(1)], "loadBalancer": {"simple": "PASSTHROUGH"}}), &["/t/weights"]),
        ] {
            assert_eq!(wrong(&value), pointers, "{value}");
        }
    }
}
