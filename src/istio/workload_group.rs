//! WorkloadGroup: what workloads beyond Kubernetes that register themselves have in common.

use super::message::message;
use super::{StringMap, WorkloadEntry};

message! {
    /// A WorkloadGroup (`networking/v1alpha3/workload_group.proto`).
    pub struct WorkloadGroup {
        /// What is put on the WorkloadEntries that are made.
        pub metadata: Option<WorkloadGroupMeta>,
        /// What the WorkloadEntries are made of.
        pub template: Option<WorkloadEntry>,
        /// How a workload is found ready.
        pub probe: Option<ReadinessProbe>,
    }

    /// What is put on the WorkloadEntries that are made (`WorkloadGroup.ObjectMeta`).
    pub struct WorkloadGroupMeta {
        /// The labels.
        pub labels: StringMap,
        /// The annotations.
        pub annotations: StringMap,
    }

    /// How a workload is found ready: one of the four methods (`ReadinessProbe`).
    pub struct ReadinessProbe {
        /// Seconds before the first try.
        pub initial_delay_seconds: Option<i32>,
        /// Seconds that a try may take.
        pub timeout_seconds: Option<i32>,
        /// Seconds between tries.
        pub period_seconds: Option<i32>,
        /// How many tries succeed in a row before it is ready.
        pub success_threshold: Option<i32>,
        /// How many tries fail in a row before it is not.
        pub failure_threshold: Option<i32>,
        /// By an HTTP request.
        pub http_get: Option<HttpHealthCheckConfig>,
        /// By a connection.
        pub tcp_socket: Option<TcpHealthCheckConfig>,
        /// By a command.
        pub exec: Option<ExecHealthCheckConfig>,
        /// By gRPC's health service.
        pub grpc: Option<GrpcHealthCheckConfig>,
    }

    /// A request that is to succeed (`HTTPHealthCheckConfig`).
    pub struct HttpHealthCheckConfig {
        /// The path.
        pub path: String,
        /// The port.
        pub port: Option<u32>,
        /// The host, for the connection and the header.
        pub host: String,
        /// `HTTP` or `HTTPS`.
        pub scheme: String,
        /// More headers.
        pub http_headers: Vec<HttpHeader>,
    }

    /// A header of a request (`HTTPHeader`).
    pub struct HttpHeader {
        /// The name.
        pub name: String,
        /// The value.
        pub value: String,
    }

    /// A connection that is to succeed (`TCPHealthCheckConfig`).
    pub struct TcpHealthCheckConfig {
        /// The host.
        pub host: String,
        /// The port.
        pub port: Option<u32>,
    }

    /// A command that is to succeed (`ExecHealthCheckConfig`).
    pub struct ExecHealthCheckConfig {
        /// The command and its arguments.
        pub command: Vec<String>,
    }

    /// A call of gRPC's health service (`GrpcHealthCheckConfig`).
    pub struct GrpcHealthCheckConfig {
        /// The port.
        pub port: Option<u32>,
        /// The service that is asked about.
        pub service: String,
    }
}
