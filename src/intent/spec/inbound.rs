//! The server: a service and how it is exposed.

use serde_json::{Value, json};

use super::dns::Dns;
use super::traffic::Traffic;
use crate::intent::fields::{Fields, Scalar};
use crate::intent::name::Name;
use crate::intent::scalar::{DnsLabel, Flag, HostName, Label, ObjectName, Port, word_type};
use crate::intent::sealing::{self, Sealed};

word_type! {
    /// The protocol of a service's port.
    Protocol {
        /// Opaque bytes.
        Tcp = "TCP",
        /// Datagrams; never in the mesh.
        Udp = "UDP",
        /// HTTP/1.1.
        Http = "HTTP",
        /// HTTP/2.
        Http2 = "HTTP2",
        /// TLS that carries HTTP, ended by the pods.
        Https = "HTTPS",
        /// gRPC.
        Grpc = "GRPC",
        /// gRPC-Web.
        GrpcWeb = "GRPC-Web",
        /// TLS, ended by the pods.
        Tls = "TLS",
        /// MongoDB.
        Mongo = "Mongo",
        /// MySQL.
        MySql = "MySQL",
        /// Redis.
        Redis = "Redis",
    }
}

impl Protocol {
    /// Whether Envoy reads requests of it, so that methods and paths can be matched.
    #[must_use]
    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2 | Self::Grpc | Self::GrpcWeb)
    }

    /// Whether its requests are calls of gRPC, whose method is POST always.
    #[must_use]
    pub fn is_grpc(self) -> bool {
        matches!(self, Self::Grpc | Self::GrpcWeb)
    }

    /// Whether the pods end TLS themselves, so that it can be passed through by server name.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }
}

word_type! {
    /// How outside callers reach the gateway.
    TlsType {
        /// Plain text.
        None = "NONE",
        /// The gateway shows a certificate.
        Simple = "SIMPLE",
        /// Both sides show one.
        Mutual = "MUTUAL",
        /// The caller may show one.
        OptionalMutual = "OPTIONAL_MUTUAL",
        /// The pods end TLS.
        Passthrough = "PASSTHROUGH",
        /// Istio's own certificates on both sides.
        IstioMutual = "ISTIO_MUTUAL",
    }
}

impl TlsType {
    /// Whether the gateway needs a secret with a certificate.
    #[must_use]
    pub fn needs_credential(self) -> bool {
        matches!(self, Self::Simple | Self::Mutual | Self::OptionalMutual)
    }
}

word_type! {
    /// Who may call when nobody is named.
    Access {
        /// Every workload of the mesh.
        Open = "open",
        /// Only the clients that are named.
        Closed = "closed",
    }
}

word_type! {
    /// Whether policies decide or only watch.
    Enforcement {
        /// They decide.
        Enforce = "enforce",
        /// Dry run: they are logged only.
        Observe = "observe",
    }
}

word_type! {
    /// What the pods accept from peers.
    Mtls {
        /// What the namespace or mesh says.
        Inherit = "inherit",
        /// Mutual TLS only.
        Strict = "strict",
        /// Plain text too.
        Permissive = "permissive",
    }
}

word_type! {
    /// Which mesh the service is in.
    Mesh {
        /// Istio.
        Istio = "istio",
        /// None: nothing is rendered.
        None = "none" | "",
    }
}

word_type! {
    /// How the data plane enforces.
    DataPlane {
        /// A sidecar in every pod.
        Sidecar = "sidecar",
        /// ztunnel and waypoints.
        Ambient = "ambient",
    }
}

word_type! {
    /// The one value of `edgeCNF` that is accepted.
    EdgeCnf {
        /// No edge function.
        None = "none" | "",
    }
}

/// How the service is seen from outside the mesh, beside its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct External {
    /// The secret, already in the gateway's namespace, that holds the certificate.
    pub credential_name: Option<ObjectName>,
    /// The outside port of a TCP exposure.
    pub port: Option<Port>,
    /// The certificate with its private key, sealed for the clusters; without any while it is not sealed yet.
    pub sealed: Option<Sealed>,
}

impl External {
    fn read(f: &mut Fields<'_>) -> Option<Self> {
        let direct = certificates(f);
        let nested = f.object("externalCerts", "certificates, PEM or base64", |f| Some(certificates(f)));
        let credential_name =
            f.optional("credentialName", "the secret in the gateway's namespace that holds the certificate");
        let sealed = f.optional::<Sealed>("sealed", "the private key, sealed for each cluster; post servicePrivateKey");
        let port = f.optional("port", "the outside port of a TCP exposure");
        let certificates = nested.unwrap_or_default().or(direct);
        if let Some(sealed) = sealed.as_ref().filter(|_| f.is_sound("sealed")) {
            if !sealed.0.is_empty() {
                certificates.rules(sealed, f);
            }
            if credential_name.is_some() {
                f.violation("credentialName", "names a secret beside the key that is sealed for one; leave one out");
            }
        }
        Some(Self { credential_name, port, sealed })
    }

    /// Whether there is a certificate that a gateway can show.
    #[must_use]
    pub fn has_credential(&self) -> bool {
        self.credential_name.is_some() || self.sealed.is_some()
    }
}

/// The certificates that clients post, as they are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificates {
    /// The server's, with its chain.
    pub service: Option<String>,
    /// That of the authority of callers.
    pub authority: Option<String>,
}

impl Certificates {
    /// Those in the body of an inbound intent, which has a private key beside it or had.
    #[must_use]
    pub fn of(body: &Value) -> Self {
        let external = &body["spec"]["external"];
        let read = |object: &Value| {
            let text = |field: &str| object[field].as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
            Self { service: text("serviceCertificate"), authority: text("caCertificate") }
        };
        read(&external["externalCerts"]).or(read(external))
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { service: self.service.or(other.service), authority: self.authority.or(other.authority) }
    }

    /// Rules about them beside a key that was sealed with such.
    fn rules(&self, sealed: &Sealed, f: &mut Fields<'_>) {
        let Some(service) = &self.service else {
            return f.violation("serviceCertificate", "is required beside a private key: the certificate in PEM");
        };
        match sealing::digest(service, self.authority.as_deref()) {
            Err(sealing::Refused { field, message }) => f.violation(field, message),
            Ok(own) if sealed.certificates().any(|of| of != own) => {
                f.violation("sealed", "was sealed with other certificates: post servicePrivateKey beside these again");
            }
            Ok(_) => {}
        }
    }
}

/// Fields that older clients send. Certificates are kept; a private key was taken out where it may be posted, and is refused
/// anywhere else.
pub(super) fn certificates(f: &mut Fields<'_>) -> Certificates {
    let service = f.optional_or_blank::<Certificate>("serviceCertificate", "certificate, PEM or base64; kept");
    let doc =
        "PEM or base64; never kept: it is sealed where each cluster of the app has a sealingCertificate, or refused";
    if f.optional_or_blank::<Certificate>("servicePrivateKey", doc).is_some() {
        f.violation("servicePrivateKey", crate::intent::secrets::REMEDY);
    }
    let authority =
        f.optional_or_blank::<Certificate>("caCertificate", "certificate of the authority, PEM or base64; kept");
    Certificates { service: service.map(|it| it.0), authority: authority.map(|it| it.0) }
}

struct Certificate(String);

impl Scalar for Certificate {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_str().map(|text| Self(text.to_owned())).ok_or_else(|| "must be a string, PEM or base64".into())
    }

    fn schema() -> Value {
        json!({"type": "string"})
    }
}

/// An inbound intent: a server and how it is exposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The app that serves; decides the clusters.
    pub app: Name,
    /// Selects the pods.
    pub label: Label,
    /// The Kubernetes Service.
    pub service: DnsLabel,
    /// The Service's port.
    pub port: Port,
    /// The protocol of that port.
    pub protocol: Protocol,
    /// The name that outside callers use.
    pub external_name: Option<HostName>,
    /// Whether it is exposed through the ingress gateway.
    pub exposed: bool,
    /// Whether the service is in the mesh; nothing is rendered otherwise.
    pub in_mesh: bool,
    /// Whether its pods have a sidecar.
    pub sidecar: bool,
    /// TLS towards outside callers.
    pub tls: TlsType,
    /// Certificate and port towards outside callers.
    pub external: External,
    /// The server's own identity.
    pub service_account: Option<ObjectName>,
    /// The pods' port.
    pub target_port: Option<Port>,
    /// Open or closed, when said.
    pub access: Option<Access>,
    /// Whether policies decide.
    pub enforcement: Enforcement,
    /// What peers must speak.
    pub mtls: Mtls,
    /// How traffic to it is managed.
    pub traffic: Traffic,
    /// The DNS records that are asked for.
    pub dns: Option<Dns>,
    /// Whether the Service is headless.
    pub headless: bool,
    /// Whether the data plane is ambient.
    pub ambient: bool,
    /// The waypoint, in the server's namespace, that reads requests in an ambient data plane.
    pub waypoint: Option<DnsLabel>,
}

impl Inbound {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let app = f.required("app", "an app of the composite app; decides the clusters");
        let label = f.required("appLabel", "key=value that selects the pods");
        let service = f.required("serviceName", "the Kubernetes Service");
        let port = f.required("port", "the Service's port");
        let protocol = f.required("protocol", "the protocol of the port, in any case");
        let external_name = f.optional_or_blank("externalName", "the host name that outside callers use");
        let exposed = f.optional::<Flag>("externalSupport", "expose through the ingress gateway; default no");
        let mesh = f.optional::<Mesh>("serviceMesh", "istio, or none (default): nothing is rendered");
        let management = f.object("management", "sidecar and outside TLS", |f| {
            let sidecar = f.optional::<Flag>("sidecarProxy", "whether the pods have a sidecar; default yes");
            let tls = f.optional::<TlsType>("tlsType", "TLS towards outside callers; default NONE");
            Some((sidecar, tls))
        });
        let external = f.object("external", "certificate and port towards outside callers", External::read);
        let service_account = f.optional("serviceAccount", "the server's own service account");
        let target_port = f.optional("targetPort", "the pods' port");
        let access = f.optional("access", "open or closed; unset: closed from the first client on");
        let enforcement = f.optional("enforcement", "enforce (default) or observe: dry-run policies");
        let mtls = f.optional("mtls", "inherit (default), strict or permissive");
        let traffic = f.object("trafficManagement", "load balancing and HTTP settings", Traffic::read);
        let dns = f.object("dns", "records for the names that outside callers use", Dns::read);
        let headless =
            f.optional::<Flag>("headless", "whether the Service is headless; default no").is_some_and(|f| f.0);
        let data_plane = f.optional::<DataPlane>("dataPlane", "sidecar (default) or ambient");
        let waypoint = f.optional("waypoint", "with dataPlane ambient: the waypoint of the Service, in its namespace");
        f.optional::<EdgeCnf>("edgeCNF", "none or empty");
        let (sidecar, tls) = management.unwrap_or_default();
        let inbound = Self {
            app: app?,
            label: label?,
            service: service?,
            port: port?,
            protocol: protocol?,
            external_name,
            exposed: exposed.is_some_and(|flag| flag.0),
            in_mesh: mesh == Some(Mesh::Istio),
            sidecar: sidecar.is_none_or(|flag| flag.0),
            tls: tls.unwrap_or(TlsType::None),
            external: external.unwrap_or_default(),
            service_account,
            target_port,
            access,
            enforcement: enforcement.unwrap_or(Enforcement::Enforce),
            mtls: mtls.unwrap_or(Mtls::Inherit),
            traffic: traffic.unwrap_or_default(),
            dns,
            headless,
            ambient: data_plane == Some(DataPlane::Ambient),
            waypoint,
        };
        inbound.rules(f);
        Some(inbound)
    }

    /// Rules that tie fields of this one intent together.
    fn rules(&self, f: &mut Fields<'_>) {
        let backend_ends_tls = self.protocol.is_tls();
        if self.exposed && self.protocol == Protocol::Udp {
            // What else an exposure needs would not help.
            return f.violation("externalSupport", "the ingress gateway cannot carry UDP; leave externalSupport out");
        }
        if self.exposed && self.in_mesh && self.external_name.is_none() && f.is_sound("externalName") {
            f.violation("externalName", "is required with externalSupport: name the host that outside callers use");
        }
        let wraps = backend_ends_tls && (self.tls.needs_credential() || self.tls == TlsType::IstioMutual);
        if wraps {
            f.violation(
                "management/tlsType",
                format!("{} before a backend of {} would wrap TLS in TLS; use PASSTHROUGH", self.tls, self.protocol),
            );
        }
        if self.tls == TlsType::Passthrough && !backend_ends_tls {
            f.violation(
                "management/tlsType",
                "PASSTHROUGH needs a backend that ends TLS itself: protocol HTTPS or TLS",
            );
        }
        // What the gateway needs for an exposure that cannot be, or that could not be read, would not help.
        let exposure = self.exposed && self.in_mesh && !wraps && f.is_sound("management") && f.is_sound("external");
        if exposure && self.tls.needs_credential() && !self.external.has_credential() {
            f.violation(
                "external/credentialName",
                format!(
                    "is required with tlsType {}: name the secret in the gateway's namespace, or post \
                     serviceCertificate and servicePrivateKey to be sealed",
                    self.tls
                ),
            );
        }
        let authority = |sealed: &Sealed| sealed.0.values().all(|key| key.data.contains_key("ca.crt"));
        if matches!(self.tls, TlsType::Mutual | TlsType::OptionalMutual)
            && !self.external.sealed.as_ref().is_none_or(authority)
        {
            f.violation(
                "external/caCertificate",
                format!("is required with tlsType {}: the authority of callers, posted with the key", self.tls),
            );
        }
        if exposure && self.external.port.is_none() && self.needs_external_port() {
            f.violation("external/port", "is required: a TCP service has no port of its own on the gateway");
        }
        self.traffic_rules(f);
        self.ambient_rules(f);
        self.dns_rules(f);
    }

    /// What an ambient data plane does not enforce: there ztunnel knows connections only, and a waypoint reads requests.
    fn ambient_rules(&self, f: &mut Fields<'_>) {
        if !self.ambient {
            if self.waypoint.is_some() {
                f.violation("waypoint", "is for dataPlane ambient; a sidecar reads requests itself");
            }
            return;
        }
        if self.observed() {
            f.violation("enforcement", "observe is not possible with dataPlane ambient: ztunnel has no dry run");
        }
        if self.waypoint.is_none() && self.traffic != Traffic::default() {
            let message = "does nothing with dataPlane ambient unless a waypoint reads requests: name it in waypoint";
            f.violation("trafficManagement", message);
        }
    }

    /// Whether something in front of the pods, or in them, decides who may call.
    #[must_use]
    pub fn has_proxy(&self) -> bool {
        self.sidecar || self.ambient
    }

    /// What of traffic management cannot be had.
    fn traffic_rules(&self, f: &mut Fields<'_>) {
        let opaque = !self.protocol.is_http() && self.protocol != Protocol::Tcp;
        if opaque && self.traffic.is_http_level() {
            let message = format!(
                "timeout, retries, fault, mirror and cors need an HTTP protocol, the server says {}",
                self.protocol
            );
            f.violation("trafficManagement", message);
        }
        let policy = &self.traffic.policy;
        if self.headless && (policy.load_balancer.is_some() || policy.outlier_detection.is_some()) {
            let message = "callers of a headless Service choose the pod themselves; leave loadBalancer and \
                           outlierDetection out";
            f.violation("headless", message);
        }
        if self.headless && !self.traffic.weights.is_empty() {
            f.violation("headless", "callers of a headless Service choose the pod themselves; leave weights out");
        }
        if self.headless && !self.traffic.failover.is_empty() {
            f.violation("headless", "callers of a headless Service choose the pod themselves; leave failover out");
        }
        if self.traffic.is_over_clusters() {
            self.rules_over_clusters(f);
        } else if self.protocol.is_tls() && !self.exposed && !self.traffic.weights.is_empty() {
            // `pilot/pkg/networking/core/tls.go`, `buildSidecarOutboundTCPFilterChainOpts`.
            let message = format!(
                "is not possible with {}, which sidecars lead by the name that a caller asks for, be it any; leave weights \
                 out",
                self.protocol
            );
            f.violation("trafficManagement/weights", message);
        }
    }

    /// Whether the gateway must be told a port, because the protocol has no port of its own there. TCP with HTTP-level
    /// access points counts as HTTP, which only the tree can tell: TCP is therefore looked at again there.
    fn needs_external_port(&self) -> bool {
        let http = self.protocol.is_http() || self.protocol == Protocol::Tcp;
        !http && self.tls != TlsType::Passthrough
    }

    /// The text of the host inside the mesh.
    #[must_use]
    pub fn host(&self, namespace: &DnsLabel) -> String {
        format!("{}.{namespace}.svc.cluster.local", self.service)
    }

    /// Whether the policy is only watched.
    #[must_use]
    pub fn observed(&self) -> bool {
        self.enforcement == Enforcement::Observe
    }
}
