//! Messages that several kinds use.

use std::collections::BTreeMap;

use super::message::{message, open_enum};

/// Labels, annotations and other maps of strings, in the order of their keys.
pub type StringMap = BTreeMap<String, String>;

message! {
    /// What Kubernetes keeps about a resource, as far as manifests set it.
    pub struct ObjectMeta {
        /// The name; unique among the kind in the namespace.
        pub name: String,
        /// The namespace; empty means the one that the manifest is applied to.
        pub namespace: String,
        /// The labels.
        pub labels: StringMap,
        /// The annotations.
        pub annotations: StringMap,
    }

    /// A port that is served (`networking/v1alpha3/gateway.proto`, `Port`; `service_entry.proto`, `ServicePort`;
    /// `sidecar.proto`, `SidecarPort`).
    pub struct Port {
        /// The number, 1..65535.
        pub number: Option<u32>,
        /// One of HTTP, HTTPS, HTTP2, GRPC, GRPC-Web, MONGO, TCP, TLS, in any case.
        pub protocol: String,
        /// The name, a DNS label.
        pub name: String,
        /// The port of the endpoints, where it differs; for ServiceEntry only.
        pub target_port: Option<u32>,
    }

    /// A port that is named by its number (`virtual_service.proto`, `PortSelector`).
    pub struct PortSelector {
        /// The number, 1..65535.
        pub number: Option<u32>,
    }

    /// Where traffic goes (`virtual_service.proto`, `Destination`).
    pub struct Destination {
        /// The host of a service in the registry.
        pub host: String,
        /// A subset that a DestinationRule of the host declares.
        pub subset: String,
        /// The port of the service; needed when it has several.
        pub port: Option<PortSelector>,
    }

    /// The workloads of a namespace by labels, in the networking API (`sidecar.proto`, `WorkloadSelector`).
    pub struct WorkloadSelector {
        /// The labels that a workload must have.
        pub labels: StringMap,
    }

    /// The workloads of a namespace by labels, in the security API and DestinationRule (`type/v1beta1/selector.proto`).
    pub struct LabelSelector {
        /// The labels that a workload must have.
        pub match_labels: StringMap,
    }

    /// A resource that a policy applies to (`type/v1beta1/selector.proto`, `PolicyTargetReference`).
    pub struct PolicyTargetReference {
        /// The API group; empty for the core group.
        pub group: String,
        /// The kind.
        pub kind: String,
        /// The name.
        pub name: String,
        /// The namespace; must be the policy's own when given.
        pub namespace: String,
    }

    /// A share of requests (`virtual_service.proto`, `Percent`).
    pub struct Percent {
        /// 0.0..100.0.
        pub value: Option<f64>,
    }

    /// A match on a string (`virtual_service.proto`, `StringMatch`): one of the three; none of them means "present"
    /// where headers are matched.
    pub struct StringMatch {
        /// The whole string.
        pub exact: Option<String>,
        /// The beginning of the string.
        pub prefix: Option<String>,
        /// An RE2 expression for the whole string.
        pub regex: Option<String>,
    }

    /// TLS of a Gateway server or Sidecar listener (`gateway.proto`, `ServerTLSSettings`).
    pub struct ServerTlsSettings {
        /// Answers every HTTP request with a redirect to HTTPS.
        pub https_redirect: Option<bool>,
        /// How TLS is served.
        pub mode: Option<ServerTlsMode>,
        /// The secret with key and certificate, in the gateway's namespace.
        pub credential_name: String,
        /// Several secrets, such as one with an RSA and one with an ECDSA certificate.
        pub credential_names: Vec<String>,
        /// The file of the server's certificate.
        pub server_certificate: String,
        /// The file of the server's private key.
        pub private_key: String,
        /// The file of the certificates that client certificates are verified with.
        pub ca_certificates: String,
        /// The file of the certificate revocation list.
        pub ca_crl: String,
        /// The secret with the CA certificates that client certificates are verified with.
        pub ca_cert_credential_name: String,
        /// Files of several certificates.
        pub tls_certificates: Vec<TlsCertificate>,
        /// The names that a client certificate may bear.
        pub subject_alt_names: Vec<String>,
        /// Base64 of the SHA-256 hashes of the public keys of acceptable client certificates.
        pub verify_certificate_spki: Vec<String>,
        /// Hex of the SHA-256 hashes of acceptable client certificates.
        pub verify_certificate_hash: Vec<String>,
        /// The lowest TLS version.
        pub min_protocol_version: Option<TlsProtocol>,
        /// The highest TLS version.
        pub max_protocol_version: Option<TlsProtocol>,
        /// The cipher suites for TLS up to 1.2.
        pub cipher_suites: Vec<String>,
        /// Skips verifying the peer; for clients only.
        pub insecure_skip_verify: Option<bool>,
    }

    /// The files of one certificate (`gateway.proto`, `ServerTLSSettings.TLSCertificate`).
    pub struct TlsCertificate {
        /// The file of the server's certificate.
        pub server_certificate: String,
        /// The file of the server's private key.
        pub private_key: String,
        /// The file of the CA certificates.
        pub ca_certificates: String,
    }
}

impl StringMatch {
    /// Matches the whole string.
    pub fn exact(text: impl Into<String>) -> Self {
        Self { exact: Some(text.into()), ..Self::default() }
    }

    /// Matches the beginning of the string.
    pub fn prefix(text: impl Into<String>) -> Self {
        Self { prefix: Some(text.into()), ..Self::default() }
    }

    /// Matches the whole string with an RE2 expression.
    pub fn regex(text: impl Into<String>) -> Self {
        Self { regex: Some(text.into()), ..Self::default() }
    }
}

impl PortSelector {
    /// The port with this number.
    pub fn number(number: u32) -> Self {
        Self { number: Some(number) }
    }
}

open_enum! {
    /// How a server answers TLS (`gateway.proto`, `ServerTLSSettings.TLSmode`).
    pub enum ServerTlsMode {
        /// Passed on by SNI, as it comes.
        Passthrough = "PASSTHROUGH",
        /// Ended here, the server alone shows a certificate.
        Simple = "SIMPLE",
        /// Ended here, both show certificates.
        Mutual = "MUTUAL",
        /// Passed on to the service that the SNI names, without a VirtualService.
        AutoPassthrough = "AUTO_PASSTHROUGH",
        /// Ended here with Istio's own certificates.
        IstioMutual = "ISTIO_MUTUAL",
        /// Ended here, a client certificate is verified if there is one.
        OptionalMutual = "OPTIONAL_MUTUAL",
    }

    /// A version of TLS (`gateway.proto`, `ServerTLSSettings.TLSProtocol`).
    pub enum TlsProtocol {
        /// Envoy's choice.
        Auto = "TLS_AUTO",
        /// TLS 1.0.
        V1_0 = "TLSV1_0",
        /// TLS 1.1.
        V1_1 = "TLSV1_1",
        /// TLS 1.2.
        V1_2 = "TLSV1_2",
        /// TLS 1.3.
        V1_3 = "TLSV1_3",
    }
}
