//! Gateway: which ports a proxy at the edge opens, and for which hosts.

use super::message::message;
use super::{Port, ServerTlsSettings, StringMap};

message! {
    /// A Gateway (`networking/v1alpha3/gateway.proto`).
    pub struct Gateway {
        /// The labels of the proxies that serve it.
        pub selector: StringMap,
        /// What is served.
        pub servers: Vec<Server>,
    }

    /// A port and the hosts served on it.
    pub struct Server {
        /// The port that the proxy listens on.
        pub port: Option<Port>,
        /// The name; unique in the mesh when given.
        pub name: String,
        /// The address or socket to listen on.
        pub bind: String,
        /// The hosts, `[namespace/]name`.
        pub hosts: Vec<String>,
        /// How TLS is served.
        pub tls: Option<ServerTlsSettings>,
        /// The endpoint of traffic that no route takes; not implemented by Istio.
        pub default_endpoint: String,
    }
}
