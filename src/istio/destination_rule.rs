//! DestinationRule: how callers treat a host once routing has chosen it.

use super::message::{message, open_enum};
use super::{ConnectionPoolSettings, LabelSelector, LoadBalancerSettings, OutlierDetection, PortSelector, StringMap};

message! {
    /// A DestinationRule (`networking/v1alpha3/destination_rule.proto`).
    pub struct DestinationRule {
        /// The host of a service in the registry.
        pub host: String,
        /// What applies to the host.
        pub traffic_policy: Option<TrafficPolicy>,
        /// Named sets of its endpoints.
        pub subsets: Vec<Subset>,
        /// The namespaces that see it.
        pub export_to: Vec<String>,
        /// The callers that it applies to, in its own namespace; all when absent.
        pub workload_selector: Option<LabelSelector>,
    }

    /// Endpoints of a host by labels (`Subset`).
    pub struct Subset {
        /// The name, a DNS label.
        pub name: String,
        /// The labels that an endpoint must have.
        pub labels: StringMap,
        /// What applies to the subset, over what applies to the host.
        pub traffic_policy: Option<TrafficPolicy>,
    }

    /// What applies to a host or subset (`TrafficPolicy`).
    pub struct TrafficPolicy {
        /// How an endpoint is chosen.
        pub load_balancer: Option<LoadBalancerSettings>,
        /// How many connections and requests there may be.
        pub connection_pool: Option<ConnectionPoolSettings>,
        /// When an endpoint is left out.
        pub outlier_detection: Option<OutlierDetection>,
        /// How TLS is spoken to it; Istio's choice when absent.
        pub tls: Option<ClientTlsSettings>,
        /// What applies to single ports; nothing is inherited from the fields above.
        pub port_level_settings: Vec<PortTrafficPolicy>,
        /// A proxy to tunnel through.
        pub tunnel: Option<TunnelSettings>,
        /// The PROXY protocol.
        pub proxy_protocol: Option<ProxyProtocol>,
        /// The share of active requests that may be retries.
        pub retry_budget: Option<RetryBudget>,
    }

    /// What applies to one port (`TrafficPolicy.PortTrafficPolicy`).
    pub struct PortTrafficPolicy {
        /// The port of the service.
        pub port: Option<PortSelector>,
        /// How an endpoint is chosen.
        pub load_balancer: Option<LoadBalancerSettings>,
        /// How many connections and requests there may be.
        pub connection_pool: Option<ConnectionPoolSettings>,
        /// When an endpoint is left out.
        pub outlier_detection: Option<OutlierDetection>,
        /// How TLS is spoken.
        pub tls: Option<ClientTlsSettings>,
    }

    /// TLS towards a host (`ClientTLSSettings`).
    pub struct ClientTlsSettings {
        /// How TLS is spoken.
        pub mode: Option<ClientTlsMode>,
        /// The secret with key and certificates, in the caller's namespace.
        pub credential_name: String,
        /// The file of the client's certificate.
        pub client_certificate: String,
        /// The file of the client's private key.
        pub private_key: String,
        /// The file of the certificates that the server's is verified with; the system's when empty.
        pub ca_certificates: String,
        /// The file of the certificate revocation list.
        pub ca_crl: String,
        /// The names that the server's certificate may bear.
        pub subject_alt_names: Vec<String>,
        /// The server name sent.
        pub sni: String,
        /// Skips verifying the server.
        pub insecure_skip_verify: Option<bool>,
    }

    /// A proxy to tunnel through (`TrafficPolicy.TunnelSettings`).
    pub struct TunnelSettings {
        /// `CONNECT` (when empty) or `POST`.
        pub protocol: String,
        /// The host to connect to beyond the proxy.
        pub target_host: String,
        /// The port to connect to beyond the proxy.
        pub target_port: Option<u32>,
    }

    /// The PROXY protocol (`TrafficPolicy.ProxyProtocol`).
    pub struct ProxyProtocol {
        /// The version; `V1` when absent.
        pub version: Option<ProxyProtocolVersion>,
    }

    /// The share of active requests that may be retries (`TrafficPolicy.RetryBudget`).
    pub struct RetryBudget {
        /// 0.0..100.0; 20 when absent.
        pub percent: Option<f64>,
        /// The retries that are always allowed.
        pub min_retry_concurrency: Option<u32>,
        /// The time over which requests count.
        pub budget_interval: Option<String>,
    }
}

open_enum! {
    /// How TLS is spoken to a host (`ClientTLSSettings.TLSmode`).
    pub enum ClientTlsMode {
        /// Not at all.
        Disable = "DISABLE",
        /// The server alone shows a certificate.
        Simple = "SIMPLE",
        /// Both show certificates.
        Mutual = "MUTUAL",
        /// Both show Istio's own certificates.
        IstioMutual = "ISTIO_MUTUAL",
    }

    /// A version of the PROXY protocol (`TrafficPolicy.ProxyProtocol.VERSION`).
    pub enum ProxyProtocolVersion {
        /// Text.
        V1 = "V1",
        /// Binary.
        V2 = "V2",
    }
}
