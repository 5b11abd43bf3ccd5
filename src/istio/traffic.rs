//! The parts of a traffic policy: load balancing, connection pools, outlier detection.

use std::collections::BTreeMap;

use super::message::{message, open_enum};

message! {
    /// How an endpoint is chosen (`destination_rule.proto`, `LoadBalancerSettings`).
    pub struct LoadBalancerSettings {
        /// A plain algorithm; excludes `consistent_hash`.
        pub simple: Option<SimpleLb>,
        /// By a hash of the request.
        pub consistent_hash: Option<ConsistentHashLb>,
        /// By locality; over what the mesh says.
        pub locality_lb_setting: Option<LocalityLbSetting>,
        /// By zone, as Envoy sees it.
        pub zone_aware_lb_setting: Option<ZoneAwareLbSetting>,
        /// How long a new endpoint is warmed up; deprecated, use `warmup`.
        pub warmup_duration_secs: Option<String>,
        /// How a new endpoint is warmed up.
        pub warmup: Option<WarmupConfiguration>,
    }

    /// By a hash of one of header, cookie, source address, query parameter (`LoadBalancerSettings.ConsistentHashLB`).
    pub struct ConsistentHashLb {
        /// The header.
        pub http_header_name: Option<String>,
        /// The cookie.
        pub http_cookie: Option<HttpCookie>,
        /// The caller's address.
        pub use_source_ip: Option<bool>,
        /// The query parameter.
        pub http_query_parameter_name: Option<String>,
        /// Hashing on a ring.
        pub ring_hash: Option<RingHash>,
        /// Hashing by Maglev's table.
        pub maglev: Option<Maglev>,
        /// Deprecated, use `ring_hash`.
        pub minimum_ring_size: Option<u64>,
    }

    /// The cookie of a session (`ConsistentHashLB.HTTPCookie`).
    pub struct HttpCookie {
        /// The name.
        pub name: String,
        /// The path set.
        pub path: String,
        /// The life time; `0s` is a session cookie; when absent no cookie is set.
        pub ttl: Option<String>,
        /// More attributes.
        pub attributes: Vec<CookieAttribute>,
    }

    /// An attribute of a cookie (`ConsistentHashLB.HTTPCookie.Attribute`).
    pub struct CookieAttribute {
        /// The name.
        pub name: String,
        /// The value.
        pub value: String,
    }

    /// Hashing on a ring (`ConsistentHashLB.RingHash`).
    pub struct RingHash {
        /// The fewest nodes on the ring; 1024 when absent.
        pub minimum_ring_size: Option<u64>,
    }

    /// Hashing by Maglev's table (`ConsistentHashLB.MagLev`).
    pub struct Maglev {
        /// A prime; 65537 when absent.
        pub table_size: Option<u64>,
    }

    /// By locality: one of `distribute` and `failover` (`LocalityLoadBalancerSetting`).
    pub struct LocalityLbSetting {
        /// Shares by locality.
        pub distribute: Vec<Distribute>,
        /// Where a region's traffic goes when it is unhealthy; needs outlier detection.
        pub failover: Vec<Failover>,
        /// The labels by which endpoints are preferred.
        pub failover_priority: Vec<String>,
        /// Whether it applies.
        pub enabled: Option<bool>,
    }

    /// The shares of one locality's traffic (`LocalityLoadBalancerSetting.Distribute`).
    pub struct Distribute {
        /// The callers' locality, `region/zone/*`.
        pub from: String,
        /// Percent by locality; 100 together.
        pub to: BTreeMap<String, u32>,
    }

    /// Where a region's traffic goes when it is unhealthy (`LocalityLoadBalancerSetting.Failover`).
    pub struct Failover {
        /// The region.
        pub from: String,
        /// The other region.
        pub to: String,
    }

    /// By zone, as Envoy sees it (`ZoneAwareLbSetting`).
    pub struct ZoneAwareLbSetting {
        /// Whether it applies.
        pub enabled: Option<bool>,
        /// Where a region's traffic goes when it is unhealthy.
        pub failover: Vec<Failover>,
        /// The labels by which endpoints are preferred.
        pub failover_priority: Vec<String>,
        /// The fewest endpoints for it to apply.
        pub min_cluster_size: Option<u64>,
    }

    /// How a new endpoint is warmed up (`WarmupConfiguration`).
    pub struct WarmupConfiguration {
        /// For how long.
        pub duration: Option<String>,
        /// The share that it begins with, 0.0..100.0; 10 when absent.
        pub minimum_percent: Option<f64>,
        /// How fast the share rises; 1.0 (when absent) is evenly.
        pub aggression: Option<f64>,
    }

    /// How many connections and requests there may be (`ConnectionPoolSettings`).
    pub struct ConnectionPoolSettings {
        /// Connections.
        pub tcp: Option<TcpSettings>,
        /// Requests.
        pub http: Option<HttpSettings>,
    }

    /// Connections (`ConnectionPoolSettings.TCPSettings`).
    pub struct TcpSettings {
        /// How many, to all endpoints.
        pub max_connections: Option<i32>,
        /// The longest that connecting may take.
        pub connect_timeout: Option<String>,
        /// How dead peers are found.
        pub tcp_keepalive: Option<TcpKeepalive>,
        /// How long a connection may live.
        pub max_connection_duration: Option<String>,
        /// How long a connection may be idle.
        pub idle_timeout: Option<String>,
    }

    /// How dead peers are found (`TCPSettings.TcpKeepalive`).
    pub struct TcpKeepalive {
        /// How many probes go unanswered first.
        pub probes: Option<u32>,
        /// How long a connection is idle first.
        pub time: Option<String>,
        /// The time between probes.
        pub interval: Option<String>,
    }

    /// Requests (`ConnectionPoolSettings.HTTPSettings`).
    pub struct HttpSettings {
        /// How many wait for a connection.
        pub http1_max_pending_requests: Option<i32>,
        /// How many are active, to all endpoints.
        pub http2_max_requests: Option<i32>,
        /// How many one connection carries in its life; 0 is no limit.
        pub max_requests_per_connection: Option<i32>,
        /// How many retries are active.
        pub max_retries: Option<i32>,
        /// How long a connection may be without requests.
        pub idle_timeout: Option<String>,
        /// Whether HTTP/1 becomes HTTP/2.
        pub h2_upgrade_policy: Option<H2UpgradePolicy>,
        /// Whether the caller's protocol is kept.
        pub use_client_protocol: Option<bool>,
        /// How many streams one HTTP/2 connection carries.
        pub max_concurrent_streams: Option<i32>,
        /// HTTP/2 pings.
        pub http2_keep_alive: Option<Http2KeepAlive>,
    }

    /// HTTP/2 pings (`HTTPSettings.HTTP2KeepAlive`).
    pub struct Http2KeepAlive {
        /// The time between pings.
        pub interval: Option<String>,
        /// How long an answer may take.
        pub timeout: Option<String>,
    }

    /// When an endpoint is left out (`OutlierDetection`).
    pub struct OutlierDetection {
        /// Deprecated, use `consecutive_gateway_errors` or `consecutive_5xx_errors`.
        pub consecutive_errors: Option<i32>,
        /// Whether errors in reaching the endpoint count apart.
        pub split_external_local_origin_errors: Option<bool>,
        /// Errors in reaching the endpoint; needs the split.
        pub consecutive_local_origin_failures: Option<u32>,
        /// 502, 503 and 504 in a row; 0 turns it off.
        pub consecutive_gateway_errors: Option<u32>,
        /// 5xx in a row; 0 turns it off; 5 when absent.
        pub consecutive_5xx_errors: Option<u32>,
        /// The time between looks.
        pub interval: Option<String>,
        /// How long an endpoint is left out, times how often it was.
        pub base_ejection_time: Option<String>,
        /// How many endpoints may be left out, 0..100.
        pub max_ejection_percent: Option<i32>,
        /// Nobody is left out while fewer than this are healthy, 0..100.
        pub min_health_percent: Option<i32>,
        /// The statuses that count as errors.
        pub outlier_detection_http_error_codes: Vec<u32>,
    }
}

open_enum! {
    /// A plain algorithm (`LoadBalancerSettings.SimpleLB`).
    pub enum SimpleLb {
        /// Istio's choice: least requests.
        Unspecified = "UNSPECIFIED",
        /// Deprecated, use `LEAST_REQUEST`.
        LeastConn = "LEAST_CONN",
        /// Any endpoint.
        Random = "RANDOM",
        /// The address that the caller dialled.
        Passthrough = "PASSTHROUGH",
        /// One after the other.
        RoundRobin = "ROUND_ROBIN",
        /// The one of two with fewer requests.
        LeastRequest = "LEAST_REQUEST",
    }

    /// Whether HTTP/1 becomes HTTP/2 (`HTTPSettings.H2UpgradePolicy`).
    pub enum H2UpgradePolicy {
        /// What the mesh says.
        Default = "DEFAULT",
        /// No.
        DoNotUpgrade = "DO_NOT_UPGRADE",
        /// Yes.
        Upgrade = "UPGRADE",
    }
}
