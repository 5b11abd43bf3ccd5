//! Load balancing, connection pools and outlier detection, as a DestinationRule has them.
//!
//! Source of fields and rules: `networking/v1alpha3/destination_rule.proto`; `validation.go`, `validateTrafficPolicy`.

use serde_json::{Map, Value, json};

use super::scalar::{COUNT, DURATION, DURATION_OR_ZERO, FLAG, HEADER, PERCENT, SOME, TEXT};
use crate::intent::fields::Fields;
use crate::intent::shape::{Field, Shape};

/// Maglev's largest table (Envoy, `MaglevLbConfig`).
const LARGEST_TABLE: u64 = 5_000_011;

const LOAD_BALANCER: Shape = Shape::Message(&[
    Field::new("simple", "a plain algorithm; either this or consistentHash", &SIMPLE).once("Simple"),
    Field::new("consistentHash", "by a hash of the request", &CONSISTENT_HASH).once("ConsistentHash"),
    Field::new("localityLbSetting", "by locality", &LOCALITY),
    Field::new("warmup", "how a new endpoint is warmed up", &WARMUP),
    Field::new("warmupDurationSecs", "older name of warmup.duration", &DURATION),
]);

const SIMPLE: Shape = Shape::OneOf(&[
    ("ROUND_ROBIN", &[]),
    ("LEAST_REQUEST", &["LEAST_CONN"]),
    ("RANDOM", &[]),
    ("PASSTHROUGH", &[]),
    ("UNSPECIFIED", &[]),
]);

const CONSISTENT_HASH: Shape = Shape::Message(&[
    Field::new("httpHeaderName", "the header that is hashed", &HEADER),
    Field::new("httpCookie", "the cookie that is hashed", &COOKIE),
    Field::new("useSourceIp", "whether the caller's address is hashed", &FLAG),
    Field::new("httpQueryParameterName", "the query parameter that is hashed", &TEXT),
    Field::new("ringHash", "hashing on a ring", &RING),
    Field::new("maglev", "hashing by Maglev's table", &MAGLEV),
    Field::new("minimumRingSize", "older name of ringHash.minimumRingSize", &SOME),
]);

const COOKIE: Shape = Shape::Message(&[
    Field::new("name", "its name", &TEXT).needed(),
    Field::new("path", "the path that is set", &TEXT),
    Field::new("ttl", "its life time; 0s is a session cookie; absent: none is set", &DURATION_OR_ZERO),
    Field::new("attributes", "more attributes", &Shape::List(&ATTRIBUTE)),
]);

const ATTRIBUTE: Shape =
    Shape::Message(&[Field::new("name", "the attribute", &TEXT).needed(), Field::new("value", "its value", &TEXT)]);

const RING: Shape = Shape::Message(&[Field::new("minimumRingSize", "the fewest nodes on the ring", &SOME)]);

const MAGLEV: Shape = Shape::Message(&[Field::new("tableSize", "a prime", &Shape::Whole(2, LARGEST_TABLE)).needed()]);

const LOCALITY: Shape = Shape::Message(&[
    Field::new("distribute", "shares of traffic by locality", &Shape::List(&DISTRIBUTE)),
    Field::new("failover", "where a region's traffic goes when it is unhealthy", &Shape::List(&FAILOVER)),
    Field::new("failoverPriority", "labels by which endpoints are preferred", &Shape::List(&TEXT)),
    Field::new("enabled", "whether it applies; default yes", &FLAG),
]);

const DISTRIBUTE: Shape = Shape::Message(&[
    Field::new("from", "the callers' locality, region/zone/*", &TEXT).needed(),
    Field::new("to", "percent by locality, 100 together", &Shape::Table(&Shape::Whole(1, 100))).needed(),
]);

const FAILOVER: Shape = Shape::Message(&[
    Field::new("from", "the region", &TEXT).needed(),
    Field::new("to", "the other region", &TEXT).needed(),
]);

const WARMUP: Shape = Shape::Message(&[
    Field::new("duration", "for how long", &DURATION).needed(),
    Field::new("minimumPercent", "the share it begins with", &Shape::Number(0.0, 100.0)),
    Field::new("aggression", "how fast the share rises; 1 is evenly", &Shape::Number(1.0, 1000.0)),
]);

const CONNECTION_POOL: Shape =
    Shape::Message(&[Field::new("tcp", "connections", &POOL_TCP), Field::new("http", "requests", &POOL_HTTP)]);

const POOL_TCP: Shape = Shape::Message(&[
    Field::new("maxConnections", "how many, to all endpoints", &SOME),
    Field::new("connectTimeout", "the longest that connecting may take", &DURATION),
    Field::new("tcpKeepalive", "how dead peers are found", &KEEPALIVE),
    Field::new("maxConnectionDuration", "how long a connection may live", &DURATION),
    Field::new("idleTimeout", "how long a connection may be idle", &DURATION),
]);

const KEEPALIVE: Shape = Shape::Message(&[
    Field::new("probes", "how many go unanswered first", &SOME),
    Field::new("time", "how long a connection is idle first", &DURATION),
    Field::new("interval", "the time between probes", &DURATION),
]);

const POOL_HTTP: Shape = Shape::Message(&[
    Field::new("http1MaxPendingRequests", "how many wait for a connection", &SOME),
    Field::new("http2MaxRequests", "how many are active, to all endpoints", &SOME),
    Field::new("maxRequestsPerConnection", "how many one connection carries; 0 is no limit", &COUNT),
    Field::new("maxRetries", "how many retries are active", &SOME),
    Field::new("idleTimeout", "how long a connection may be without requests", &DURATION),
    Field::new("h2UpgradePolicy", "whether HTTP/1 becomes HTTP/2", &H2_UPGRADE),
    Field::new("useClientProtocol", "whether the caller's protocol is kept", &FLAG),
    Field::new("maxConcurrentStreams", "how many streams one HTTP/2 connection carries", &SOME),
    Field::new("http2KeepAlive", "HTTP/2 pings", &PINGS),
]);

const H2_UPGRADE: Shape = Shape::OneOf(&[("DEFAULT", &[]), ("DO_NOT_UPGRADE", &[]), ("UPGRADE", &[])]);

const PINGS: Shape = Shape::Message(&[
    Field::new("interval", "the time between pings", &DURATION),
    Field::new("timeout", "how long an answer may take", &DURATION),
]);

const OUTLIER_DETECTION: Shape = Shape::Message(&[
    Field::new("consecutiveErrors", "older name of consecutiveGatewayErrors, without other 5xx", &COUNT),
    Field::new("splitExternalLocalOriginErrors", "whether errors in reaching it count apart", &FLAG),
    Field::new("consecutiveLocalOriginFailures", "errors in reaching it, in a row; needs the split", &SOME),
    Field::new("consecutiveGatewayErrors", "502, 503 and 504 in a row; 0 turns it off", &COUNT),
    Field::new("consecutive5xxErrors", "5xx in a row; 0 turns it off; default 5", &COUNT),
    Field::new("interval", "the time between looks", &DURATION),
    Field::new("baseEjectionTime", "how long an endpoint is left out, times how often it was", &DURATION),
    Field::new("maxEjectionPercent", "how many endpoints may be left out", &PERCENT),
    Field::new("minHealthPercent", "nobody is left out while fewer are healthy", &PERCENT),
    Field::new("outlierDetectionHttpErrorCodes", "the statuses that count", &Shape::List(&Shape::Whole(100, 599))),
]);

/// What applies to a host or to a subset of it. The values are canonical JSON of Istio's messages of the same names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// `LoadBalancerSettings`.
    pub load_balancer: Option<Value>,
    /// `ConnectionPoolSettings`.
    pub connection_pool: Option<Value>,
    /// `OutlierDetection`.
    pub outlier_detection: Option<Value>,
}

impl Policy {
    pub(super) fn read(f: &mut Fields<'_>) -> Self {
        let load_balancer = f.shaped("loadBalancer", "how an endpoint is chosen", &LOAD_BALANCER);
        let connection_pool =
            f.shaped("connectionPool", "how many connections and requests there may be", &CONNECTION_POOL);
        let outlier_detection = f.shaped("outlierDetection", "when an endpoint is left out", &OUTLIER_DETECTION);
        let detects = outlier_detection.is_some();
        let load_balancer = load_balancer.map(|value| balancing(f, value, detects));
        let outlier_detection = outlier_detection.map(|value| detection(f, value));
        Self { load_balancer, connection_pool, outlier_detection }
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Rules 71 and 72, and the older names that are part of something else by now.
fn balancing(f: &mut Fields<'_>, mut value: Value, detects: bool) -> Value {
    let at = |path: &str| format!("loadBalancer/{path}");
    if value.get("simple").is_some() && value.get("consistentHash").is_some() {
        f.violation("loadBalancer", "simple and consistentHash exclude each other");
    }
    if let Some(duration) = take(&mut value, "warmupDurationSecs") {
        match value.get("warmup") {
            Some(_) => f.violation(&at("warmupDurationSecs"), "is the older name of warmup.duration; keep that"),
            None => value["warmup"] = json!({ "duration": duration }),
        }
    }
    if let Some(hash) = value.get_mut("consistentHash") {
        if let Some(size) = take(hash, "minimumRingSize") {
            match hash.get("ringHash") {
                Some(_) => {
                    f.violation(&at("consistentHash/minimumRingSize"), "is the older name of ringHash's; keep that")
                }
                None => hash["ringHash"] = json!({ "minimumRingSize": size }),
            }
        }
        let of = |hash: &Value, names: &[&str]| names.iter().filter(|name| hash.get(**name).is_some()).count();
        if of(hash, &["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"]) != 1 {
            let message = "hashes one of httpHeaderName, httpCookie, useSourceIp and httpQueryParameterName";
            f.violation(&at("consistentHash"), message);
        }
        if of(hash, &["ringHash", "maglev"]) > 1 {
            f.violation(&at("consistentHash"), "ringHash and maglev exclude each other");
        }
        if hash["useSourceIp"] == false {
            f.violation(&at("consistentHash/useSourceIp"), "says nothing; leave it out");
        }
        if hash["maglev"]["tableSize"].as_u64().is_some_and(|size| !is_prime(size)) {
            f.violation(&at("consistentHash/maglev/tableSize"), "must be a prime, such as 65537");
        }
    }
    locality(f, &value["localityLbSetting"], detects);
    value
}

fn locality(f: &mut Fields<'_>, locality: &Value, detects: bool) {
    const AT: &str = "loadBalancer/localityLbSetting";
    let fails_over = locality.get("failover").or(locality.get("failoverPriority")).is_some();
    if locality.get("distribute").is_some() && fails_over {
        f.violation(AT, "distribute and failover exclude each other");
    }
    if fails_over && !detects {
        f.violation(AT, "nothing fails over while no endpoint is found unhealthy: add outlierDetection");
    }
    for (at, distribute) in locality["distribute"].as_array().into_iter().flatten().enumerate() {
        let sum: u64 = distribute["to"].as_object().into_iter().flatten().filter_map(|(_, share)| share.as_u64()).sum();
        if sum != 100 {
            f.violation(&format!("{AT}/distribute/{at}/to"), format!("the shares are {sum} together, not 100"));
        }
    }
    for (at, failover) in locality["failover"].as_array().into_iter().flatten().enumerate() {
        let regions = [&failover["from"], &failover["to"]].map(|region| region.as_str().unwrap_or_default());
        if regions[0] == regions[1] || regions.iter().any(|region| region.contains(['/', '*'])) {
            f.violation(&format!("{AT}/failover/{at}"), "leads from one region to another, without zones");
        }
    }
}

/// Rule 73. What counted as an error before were those of a gateway alone (`pilot/pkg/networking/core`, Istio 1.5).
fn detection(f: &mut Fields<'_>, mut value: Value) -> Value {
    if let Some(errors) = take(&mut value, "consecutiveErrors") {
        if value.get("consecutiveGatewayErrors").is_some() {
            let message = "is the older name of consecutiveGatewayErrors; keep that";
            f.violation("outlierDetection/consecutiveErrors", message);
        }
        value["consecutiveGatewayErrors"] = errors;
        if value.get("consecutive5xxErrors").is_none() {
            value["consecutive5xxErrors"] = 0.into();
        }
    }
    let split = value["splitExternalLocalOriginErrors"] == true;
    if value.get("consecutiveLocalOriginFailures").is_some() && !split {
        let message = "counts only with splitExternalLocalOriginErrors: true";
        f.violation("outlierDetection/consecutiveLocalOriginFailures", message);
    }
    value
}

fn take(value: &mut Value, name: &str) -> Option<Value> {
    value.as_object_mut().and_then(|map: &mut Map<String, Value>| map.shift_remove(name))
}

fn is_prime(number: u64) -> bool {
    number > 1 && (2..).take_while(|factor| factor * factor <= number).all(|factor| !number.is_multiple_of(factor))
}
