//! Telemetry: what proxies tell of the traffic they see.

use std::collections::BTreeMap;

use super::message::{message, open_enum};
use super::{LabelSelector, PolicyTargetReference};

message! {
    /// A Telemetry (`telemetry/v1alpha1/telemetry.proto`).
    pub struct Telemetry {
        /// The workloads; the whole namespace when there is no target either.
        pub selector: Option<LabelSelector>,
        /// One resource that it is about; deprecated, use `target_refs`.
        pub target_ref: Option<PolicyTargetReference>,
        /// The resources that it is about.
        pub target_refs: Vec<PolicyTargetReference>,
        /// Traces.
        pub tracing: Vec<Tracing>,
        /// Metrics.
        pub metrics: Vec<Metrics>,
        /// Access logs.
        pub access_logging: Vec<AccessLogging>,
    }

    /// Traces (`Tracing`).
    pub struct Tracing {
        /// Which traffic.
        #[serde(rename = "match")]
        pub matches: Option<TracingSelector>,
        /// Where they go.
        pub providers: Vec<ProviderRef>,
        /// The share of requests, 0.0..100.0.
        pub random_sampling_percentage: Option<f64>,
        /// Whether nothing is told.
        pub disable_span_reporting: Option<bool>,
        /// More tags, by name.
        pub custom_tags: BTreeMap<String, CustomTag>,
        /// Whether the choice follows the request's id.
        pub use_request_id_for_trace_sampling: Option<bool>,
        /// Whether Istio's own tags are left out.
        pub enable_istio_tags: Option<bool>,
        /// Whether headers of traces are not handed on.
        pub disable_context_propagation: Option<bool>,
    }

    /// Which traffic is traced (`Tracing.TracingSelector`).
    pub struct TracingSelector {
        /// Of callers, of servers, or both.
        pub mode: Option<WorkloadMode>,
    }

    /// A tag: one of the four (`Tracing.CustomTag`).
    pub struct CustomTag {
        /// A text.
        pub literal: Option<LiteralTag>,
        /// A variable of the proxy's environment.
        pub environment: Option<NamedTag>,
        /// A header of the request.
        pub header: Option<NamedTag>,
        /// A text with Envoy's commands.
        pub formatter: Option<LiteralTag>,
    }

    /// A text (`Tracing.Literal`, `Tracing.Formatter`).
    pub struct LiteralTag {
        /// The text.
        pub value: String,
    }

    /// Something that has the value (`Tracing.Environment`, `Tracing.RequestHeader`).
    pub struct NamedTag {
        /// Its name.
        pub name: String,
        /// The value where there is none.
        pub default_value: String,
    }

    /// Where it goes (`ProviderRef`).
    pub struct ProviderRef {
        /// A provider of the mesh configuration.
        pub name: String,
    }

    /// Metrics (`Metrics`).
    pub struct Metrics {
        /// Where they go.
        pub providers: Vec<ProviderRef>,
        /// What is changed of them.
        pub overrides: Vec<MetricsOverrides>,
        /// The time between reports.
        pub reporting_interval: Option<String>,
    }

    /// What is changed of metrics (`MetricsOverrides`).
    pub struct MetricsOverrides {
        /// Which metrics.
        #[serde(rename = "match")]
        pub matches: Option<MetricSelector>,
        /// Whether they are left out.
        pub disabled: Option<bool>,
        /// What is changed of their tags, by name.
        pub tag_overrides: BTreeMap<String, TagOverride>,
    }

    /// Which metrics: one of `metric` and `custom_metric` (`MetricSelector`).
    pub struct MetricSelector {
        /// One of Istio's own, or `ALL_METRICS`.
        pub metric: Option<IstioMetric>,
        /// Another.
        pub custom_metric: Option<String>,
        /// Of callers, of servers, or both.
        pub mode: Option<WorkloadMode>,
    }

    /// What is changed of a tag (`MetricsOverrides.TagOverride`).
    pub struct TagOverride {
        /// Whether it is set or taken away.
        pub operation: Option<TagOperation>,
        /// An expression for its value.
        pub value: String,
    }

    /// Access logs (`AccessLogging`).
    pub struct AccessLogging {
        /// Which traffic.
        #[serde(rename = "match")]
        pub matches: Option<LogSelector>,
        /// Where they go.
        pub providers: Vec<ProviderRef>,
        /// Whether they are left out.
        pub disabled: Option<bool>,
        /// Which requests.
        pub filter: Option<LogFilter>,
    }

    /// Which traffic is logged (`AccessLogging.LogSelector`).
    pub struct LogSelector {
        /// Of callers, of servers, or both.
        pub mode: Option<WorkloadMode>,
    }

    /// Which requests are logged (`AccessLogging.Filter`).
    pub struct LogFilter {
        /// A CEL expression.
        pub expression: String,
    }
}

open_enum! {
    /// The side of a connection (`WorkloadMode`).
    pub enum WorkloadMode {
        /// Both.
        ClientAndServer = "CLIENT_AND_SERVER",
        /// The caller's.
        Client = "CLIENT",
        /// The server's.
        Server = "SERVER",
    }

    /// Whether a tag is set or taken away (`MetricsOverrides.TagOverride.Operation`).
    pub enum TagOperation {
        /// Set, when absent too.
        Upsert = "UPSERT",
        /// Taken away.
        Remove = "REMOVE",
    }

    /// A metric of Istio's own (`MetricSelector.IstioMetric`).
    pub enum IstioMetric {
        /// All of them.
        All = "ALL_METRICS",
        /// Requests.
        RequestCount = "REQUEST_COUNT",
        /// Their time.
        RequestDuration = "REQUEST_DURATION",
        /// Their bytes.
        RequestSize = "REQUEST_SIZE",
        /// The bytes of answers.
        ResponseSize = "RESPONSE_SIZE",
        /// Connections opened.
        TcpOpenedConnections = "TCP_OPENED_CONNECTIONS",
        /// Connections closed.
        TcpClosedConnections = "TCP_CLOSED_CONNECTIONS",
        /// Bytes sent.
        TcpSentBytes = "TCP_SENT_BYTES",
        /// Bytes received.
        TcpReceivedBytes = "TCP_RECEIVED_BYTES",
        /// gRPC messages of requests.
        GrpcRequestMessages = "GRPC_REQUEST_MESSAGES",
        /// gRPC messages of answers.
        GrpcResponseMessages = "GRPC_RESPONSE_MESSAGES",
    }
}
