//! Rules 67 and 71 to 73: load balancing, connection pools, outlier detection (`validation.go`, `validateLoadBalancer`).

use std::collections::HashSet;

use super::locality;
use super::report::{At, Report, SCHEMA, known};
use super::whole;
use crate::istio::{
    ConnectionPoolSettings, ConsistentHashLb, H2UpgradePolicy, LoadBalancerSettings, OutlierDetection, SimpleLb,
    nanoseconds,
};

pub(super) fn connection_pool(report: &mut Report<'_>, at: At<'_>, pool: &ConnectionPoolSettings) {
    if pool.tcp.is_none() && pool.http.is_none() {
        report.error("istio/067", at, "an empty connectionPool", "remove it");
    }
    if let Some(tcp) = &pool.tcp {
        let at = at.member("tcp");
        not_negative(report, at.member("maxConnections"), tcp.max_connections);
        whole::duration(report, at.member("connectTimeout"), tcp.connect_timeout.as_ref());
        whole::duration(report, at.member("maxConnectionDuration"), tcp.max_connection_duration.as_ref());
        // None at all is 0.
        let idle =
            tcp.idle_timeout.as_ref().filter(|text| nanoseconds(text).is_none_or(|time| time.abs() >= 1_000_000));
        whole::duration(report, at.member("idleTimeout"), idle);
        if let Some(keepalive) = &tcp.tcp_keepalive {
            let at = at.member("tcpKeepalive");
            whole::duration(report, at.member("time"), keepalive.time.as_ref());
            whole::duration(report, at.member("interval"), keepalive.interval.as_ref());
        }
    }
    let Some(http) = &pool.http else { return };
    let at = at.member("http");
    not_negative(report, at.member("http1MaxPendingRequests"), http.http1_max_pending_requests);
    not_negative(report, at.member("http2MaxRequests"), http.http2_max_requests);
    not_negative(report, at.member("maxRequestsPerConnection"), http.max_requests_per_connection);
    not_negative(report, at.member("maxRetries"), http.max_retries);
    not_negative(report, at.member("maxConcurrentStreams"), http.max_concurrent_streams);
    whole::duration(report, at.member("idleTimeout"), http.idle_timeout.as_ref());
    known!(report, SCHEMA, at.member("h2UpgradePolicy"), http.h2_upgrade_policy, H2UpgradePolicy);
    if http.h2_upgrade_policy == Some(H2UpgradePolicy::Upgrade) && http.use_client_protocol == Some(true) {
        report.error(
            SCHEMA,
            at.member("useClientProtocol"),
            "UPGRADE and useClientProtocol exclude each other",
            "keep one",
        );
    }
    if let Some(keep_alive) = &http.http2_keep_alive {
        let at = at.member("http2KeepAlive");
        for (name, time) in [("interval", &keep_alive.interval), ("timeout", &keep_alive.timeout)] {
            whole::duration(report, at.member(name), time.as_ref());
            if time.is_none() {
                report.error(SCHEMA, at, format!("http2KeepAlive without {name}"), "set interval and timeout");
            }
        }
    }
}

fn not_negative(report: &mut Report<'_>, at: At<'_>, number: Option<i32>) {
    if number.is_some_and(|number| number < 0) {
        report.error(SCHEMA, at, "a negative number", "write 0 or more");
    }
}

pub(super) fn load_balancer(report: &mut Report<'_>, at: At<'_>, settings: &LoadBalancerSettings, detects: bool) {
    known!(report, SCHEMA, at.member("simple"), settings.simple, SimpleLb);
    if settings.simple == Some(SimpleLb::LeastConn) {
        report.deprecated(at.member("simple"), "LEAST_CONN", "LEAST_REQUEST");
    }
    if let Some(hash) = &settings.consistent_hash {
        if settings.simple.is_some() {
            report.error("istio/071", at, "simple and consistentHash exclude each other", "keep one");
        }
        consistent_hash(report, at.member("consistentHash"), hash);
    }
    locality::check(report, at, settings, detects);
    if settings.warmup_duration_secs.is_some() {
        report.deprecated(at.member("warmupDurationSecs"), "warmupDurationSecs", "warmup");
        whole::duration(report, at.member("warmupDurationSecs"), settings.warmup_duration_secs.as_ref());
    }
    if let Some(warmup) = &settings.warmup {
        whole::duration(report, at.member("warmup").member("duration"), warmup.duration.as_ref());
        if warmup.duration.is_none() {
            report.error(SCHEMA, at.member("warmup"), "a warmup without a duration", "set duration");
        }
        let percent = warmup.minimum_percent.is_some_and(|percent| !(0.0..=100.0).contains(&percent));
        if percent || warmup.aggression.is_some_and(|aggression| aggression <= 0.0) {
            let message = "a warmup begins with up to 100 percent, and rises";
            let remedy = "write minimumPercent of 0 to 100 and aggression above 0";
            report.error(SCHEMA, at.member("warmup"), message, remedy);
        }
    }
}

/// Rule 71.
fn consistent_hash(report: &mut Report<'_>, at: At<'_>, hash: &ConsistentHashLb) {
    if hash.http_cookie.as_ref().is_some_and(|cookie| cookie.name.is_empty()) {
        report.error("istio/071", at.member("httpCookie"), "a cookie without a name", "name it");
    }
    let mut attributes = HashSet::new();
    for (index, attribute) in hash.http_cookie.iter().flat_map(|cookie| &cookie.attributes).enumerate() {
        if attribute.name.is_empty() || !attributes.insert(&attribute.name) {
            let at = at.member("httpCookie");
            let at = at.member("attributes");
            report.error("istio/071", at.item(index), "an attribute without a name of its own", "name it, once");
        }
    }
    let keys = [
        hash.http_header_name.is_some(),
        hash.http_cookie.is_some(),
        hash.use_source_ip.is_some(),
        hash.http_query_parameter_name.is_some(),
    ];
    if keys.iter().filter(|key| **key).count() > 1 {
        report.error(
            "istio/071",
            at,
            "one thing is hashed",
            "keep one of header, cookie, source address and query parameter",
        );
    }
    let algorithms =
        [hash.ring_hash.is_some(), hash.maglev.is_some(), hash.minimum_ring_size.is_some_and(|size| size > 0)];
    if algorithms.iter().filter(|algorithm| **algorithm).count() > 1 {
        report.error("istio/071", at, "ringHash, maglev and minimumRingSize exclude each other", "keep one");
    }
    if hash.minimum_ring_size.is_some_and(|size| size > 0) {
        report.deprecated(at.member("minimumRingSize"), "minimumRingSize", "ringHash");
    }
    if let Some(maglev) = &hash.maglev
        && !maglev.table_size.is_some_and(|size| size < 5_000_011 && is_prime(size))
    {
        let message = "the size of a Maglev table is a prime below 5000011";
        report.error("istio/071", at.member("maglev").member("tableSize"), message, "set it, such as to 65537");
    }
}

fn is_prime(number: u64) -> bool {
    number > 1 && (2..).take_while(|factor| factor * factor <= number).all(|factor| !number.is_multiple_of(factor))
}

/// Rule 73.
pub(super) fn outlier_detection(report: &mut Report<'_>, at: At<'_>, detection: &OutlierDetection) {
    whole::duration(report, at.member("interval"), detection.interval.as_ref());
    whole::duration(report, at.member("baseEjectionTime"), detection.base_ejection_time.as_ref());
    if detection.consecutive_errors.is_some_and(|errors| errors != 0) {
        report.deprecated(
            at.member("consecutiveErrors"),
            "consecutiveErrors",
            "consecutive5xxErrors or consecutiveGatewayErrors",
        );
    }
    let local = detection.consecutive_local_origin_failures.is_some_and(|failures| failures > 0);
    if local && detection.split_external_local_origin_errors != Some(true) {
        report.error(
            "istio/073",
            at.member("consecutiveLocalOriginFailures"),
            "local failures count only when split from external ones",
            "set splitExternalLocalOriginErrors",
        );
    }
    let percents =
        [("maxEjectionPercent", detection.max_ejection_percent), ("minHealthPercent", detection.min_health_percent)];
    for (name, percent) in percents {
        if percent.is_some_and(|percent| !(0..=100).contains(&percent)) {
            report.error(SCHEMA, at.member(name), "not a percentage", "write 0 to 100");
        }
    }
    for (index, code) in detection.outlier_detection_http_error_codes.iter().enumerate() {
        if !(100..=599).contains(code) {
            report.error(
                SCHEMA,
                at.member("outlierDetectionHttpErrorCodes").item(index),
                format!("{code} is not a status"),
                "write 100 to 599",
            );
        }
    }
}
