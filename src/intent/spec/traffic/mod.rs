//! Traffic management: load balancing and HTTP settings, with Istio's own field names and value forms.

mod http;
mod policy;
mod scalar;
mod split;

use std::collections::BTreeSet;

use crate::intent::fields::Fields;

pub use http::Http;
pub use policy::Policy;
pub(super) use scalar::Count;
pub use split::{Subset, Weight};

/// How traffic to a server is managed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traffic {
    /// What applies to every connection and request.
    pub policy: Policy,
    /// What is done with requests on their way.
    pub http: Http,
    /// Subsets of its pods.
    pub subsets: Vec<Subset>,
    /// Their shares; empty: all pods are one.
    pub weights: Vec<Weight>,
    /// Whether something was asked for over several clusters.
    pub over_clusters: bool,
}

impl Traffic {
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let traffic = Self {
            policy: Policy::read(f),
            http: Http::read(f),
            subsets: f.objects("subsets", "named sets of its pods", Subset::read),
            weights: f.objects("weights", "shares of traffic by subset", Weight::read),
            over_clusters: f.kept("failover", "where calls go when a cluster fails").is_some(),
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
            let pointer = format!("weights/{at}/subset");
            if !names.contains(&weight.subset) && f.is_sound("subsets") {
                f.violation(&pointer, format!("there is no subset `{}`; add it to subsets", weight.subset));
            }
            if !given.insert(&weight.subset) {
                f.violation(&pointer, format!("the subset `{}` has a share already", weight.subset));
            }
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
    }

    /// Whether it looks at requests rather than connections.
    #[must_use]
    pub fn is_http_level(&self) -> bool {
        !self.http.is_empty()
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
        ] {
            assert_eq!(wrong(&value), pointers, "{value}");
        }
    }
}
