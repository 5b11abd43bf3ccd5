//! The parts of a VirtualService's HTTP routes: matches, headers, retries, faults, CORS.

use std::collections::BTreeMap;

use super::message::{message, open_enum};
use super::{Percent, StringMap, StringMatch};

message! {
    /// Which requests: all that is given must hold (`virtual_service.proto`, `HTTPMatchRequest`).
    pub struct HttpMatchRequest {
        /// The name, for access logs.
        pub name: String,
        /// The path and query.
        pub uri: Option<StringMatch>,
        /// Ignores the case of `uri`, exact and prefix.
        pub ignore_uri_case: Option<bool>,
        /// The scheme.
        pub scheme: Option<StringMatch>,
        /// The method.
        pub method: Option<StringMatch>,
        /// The host and port.
        pub authority: Option<StringMatch>,
        /// The headers; an empty match asks for presence.
        pub headers: BTreeMap<String, StringMatch>,
        /// The headers that must not match.
        pub without_headers: BTreeMap<String, StringMatch>,
        /// The query parameters.
        pub query_params: BTreeMap<String, StringMatch>,
        /// The port dialled.
        pub port: Option<u32>,
        /// The labels of the calling workload.
        pub source_labels: StringMap,
        /// The namespace of the calling workload.
        pub source_namespace: String,
        /// The Gateways, in place of those of the VirtualService.
        pub gateways: Vec<String>,
        /// The prefix of this route's statistics.
        pub stat_prefix: String,
    }

    /// What is done to headers (`Headers`).
    pub struct Headers {
        /// Before a request goes on.
        pub request: Option<HeaderOperations>,
        /// Before an answer comes back.
        pub response: Option<HeaderOperations>,
    }

    /// Changes of headers (`Headers.HeaderOperations`).
    pub struct HeaderOperations {
        /// Set, in place of what is there.
        pub set: StringMap,
        /// Added to what is there.
        pub add: StringMap,
        /// Taken away.
        pub remove: Vec<String>,
    }

    /// How a request is tried again (`HTTPRetry`).
    pub struct HttpRetry {
        /// How often; 0 turns retries off.
        pub attempts: Option<i32>,
        /// The longest one try may take.
        pub per_try_timeout: Option<String>,
        /// After what, separated by commas.
        pub retry_on: String,
        /// Whether other localities are tried.
        pub retry_remote_localities: Option<bool>,
        /// Whether hosts already tried are avoided.
        pub retry_ignore_previous_hosts: Option<bool>,
        /// The shortest wait between tries.
        pub backoff: Option<String>,
    }

    /// Faults put in on purpose (`HTTPFaultInjection`).
    pub struct HttpFaultInjection {
        /// A wait before the request goes on.
        pub delay: Option<FaultDelay>,
        /// An error in place of the answer.
        pub abort: Option<FaultAbort>,
    }

    /// A wait (`HTTPFaultInjection.Delay`).
    pub struct FaultDelay {
        /// How long.
        pub fixed_delay: Option<String>,
        /// Not implemented by Istio.
        pub exponential_delay: Option<String>,
        /// The share of requests.
        pub percentage: Option<Percent>,
        /// The share in whole percent; deprecated, use `percentage`.
        pub percent: Option<i32>,
    }

    /// An error: one status (`HTTPFaultInjection.Abort`).
    pub struct FaultAbort {
        /// The HTTP status.
        pub http_status: Option<i32>,
        /// The gRPC status.
        pub grpc_status: Option<String>,
        /// Not implemented by Istio.
        pub http2_error: Option<String>,
        /// The share of requests.
        pub percentage: Option<Percent>,
    }

    /// Cross-origin sharing (`CorsPolicy`).
    pub struct CorsPolicy {
        /// The origins, whole; deprecated, use `allow_origins`.
        pub allow_origin: Vec<String>,
        /// The origins.
        pub allow_origins: Vec<StringMatch>,
        /// The methods.
        pub allow_methods: Vec<String>,
        /// The request headers.
        pub allow_headers: Vec<String>,
        /// The response headers that scripts may read.
        pub expose_headers: Vec<String>,
        /// How long the answer to a preflight may be kept.
        pub max_age: Option<String>,
        /// Whether credentials may be sent.
        pub allow_credentials: Option<bool>,
        /// What happens to preflights of other origins.
        pub unmatched_preflights: Option<UnmatchedPreflights>,
    }
}

open_enum! {
    /// What happens to preflights that match no origin (`CorsPolicy.UnmatchedPreflights`).
    pub enum UnmatchedPreflights {
        /// Istio's choice: forwarded.
        Unspecified = "UNSPECIFIED",
        /// Forwarded to the service.
        Forward = "FORWARD",
        /// Answered without CORS headers.
        Ignore = "IGNORE",
    }
}
