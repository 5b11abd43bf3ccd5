//! Sidecar: what a workload's proxy listens on and may see.

use super::message::{message, open_enum};
use super::{ConnectionPoolSettings, Destination, Port, ServerTlsSettings, WorkloadSelector};

message! {
    /// A Sidecar (`networking/v1alpha3/sidecar.proto`).
    pub struct Sidecar {
        /// The workloads; the whole namespace when absent.
        pub workload_selector: Option<WorkloadSelector>,
        /// What comes in.
        pub ingress: Vec<IstioIngressListener>,
        /// What may go out.
        pub egress: Vec<IstioEgressListener>,
        /// How many connections and requests may come in.
        pub inbound_connection_pool: Option<ConnectionPoolSettings>,
        /// What happens to calls of hosts that the proxy does not know.
        pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
    }

    /// A port for what comes in (`IstioIngressListener`).
    pub struct IstioIngressListener {
        /// The port.
        pub port: Option<Port>,
        /// The address to listen on.
        pub bind: String,
        /// How traffic is brought to it.
        pub capture_mode: Option<CaptureMode>,
        /// Where it goes, `ip:port` or `unix://` and a path.
        pub default_endpoint: String,
        /// TLS ended here.
        pub tls: Option<ServerTlsSettings>,
        /// How many connections and requests may come in.
        pub connection_pool: Option<ConnectionPoolSettings>,
    }

    /// Hosts that may be called (`IstioEgressListener`).
    pub struct IstioEgressListener {
        /// The port; for all when absent.
        pub port: Option<Port>,
        /// The address to listen on.
        pub bind: String,
        /// How traffic is brought to it.
        pub capture_mode: Option<CaptureMode>,
        /// The hosts, `namespace/name`.
        pub hosts: Vec<String>,
    }

    /// What happens to calls of unknown hosts (`OutboundTrafficPolicy`).
    pub struct OutboundTrafficPolicy {
        /// Whether they pass.
        pub mode: Option<OutboundTrafficMode>,
        /// Where they are sent.
        pub egress_proxy: Option<Destination>,
    }
}

open_enum! {
    /// How traffic is brought to a listener (`CaptureMode`).
    pub enum CaptureMode {
        /// What the environment says.
        Default = "DEFAULT",
        /// By redirection.
        Iptables = "IPTABLES",
        /// Not at all.
        None = "NONE",
    }

    /// Whether calls of unknown hosts pass (`OutboundTrafficPolicy.Mode`).
    pub enum OutboundTrafficMode {
        /// They do not.
        RegistryOnly = "REGISTRY_ONLY",
        /// They do.
        AllowAny = "ALLOW_ANY",
    }
}
