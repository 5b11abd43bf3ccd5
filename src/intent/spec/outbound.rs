//! Outside services that an app may call.

use std::fmt;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::inbound::{Certificates, Protocol, certificates};
use crate::intent::fields::{Fields, MOST_ENTRIES, Scalar};
use crate::intent::name::Name;
use crate::intent::scalar::{DnsLabel, HostName, IpBlock, Label, ObjectName, OutsideHost, Port, word_type};

word_type! {
    /// Which hosts the sidecars of a caller know.
    EgressScope {
        /// Every host that is exported to their namespace.
        All = "all",
        /// The hosts of the servers that intents name for them, and no others.
        Declared = "declared",
    }
}

/// An outbound intent: the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// The calling app.
    pub app: Name,
    /// Selects the calling pods.
    pub label: Label,
    /// The calling Service.
    pub service: DnsLabel,
    /// The caller's identity, which an egress gateway asks for.
    pub service_account: Option<ObjectName>,
    /// Which hosts its sidecars know, when said.
    pub egress_scope: Option<EgressScope>,
}

impl Outbound {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let app = f.required("app", "the calling app");
        let label = f.required("appLabel", "key=value that selects the calling pods");
        let service = f.required("serviceName", "the calling Service");
        let service_account =
            f.optional("serviceAccount", "the service account of the calling pods; needed for an egress gateway");
        let egress_scope = f.optional(
            "egressScope",
            "all (default), or declared: sidecars know only the hosts that intents name for them; this is what they \
             see, and guards nothing",
        );
        Some(Self { app: app?, label: label?, service: service?, service_account, egress_scope })
    }
}

word_type! {
    /// How the outside service's addresses are found.
    Resolution {
        /// By asking DNS.
        Dns = "DNS",
        /// They are given.
        Static = "STATIC",
        /// As the caller dialled.
        None = "NONE",
        /// By asking DNS, one address at a time.
        DnsRoundRobin = "DNS_ROUND_ROBIN",
    }
}

word_type! {
    /// How the outside service is reached.
    Via {
        /// Straight from the pod.
        Direct = "direct",
        /// Through the egress gateway.
        EgressGateway = "egress-gateway",
    }
}

word_type! {
    /// How the mesh speaks TLS for a caller that speaks none.
    OriginationMode {
        /// The outside service alone shows a certificate.
        Simple = "SIMPLE",
        /// Both show one.
        Mutual = "MUTUAL",
    }
}

/// TLS that the mesh speaks for the caller.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origination {
    /// Who shows certificates.
    pub mode: OriginationMode,
    /// The secret with the certificates to show, or to verify with.
    pub credential_name: Option<ObjectName>,
    /// The server name to ask for; the caller's Host header when absent.
    pub sni: Option<HostName>,
    /// The names that the outside service's certificate may bear, sorted; the name asked for when there are none.
    pub subject_alt_names: Vec<HostName>,
}

impl Origination {
    fn read(f: &mut Fields<'_>) -> Option<Self> {
        let mode = f.optional("mode", "SIMPLE (default), or MUTUAL: the caller shows a certificate too");
        let credential_name = f.optional("credentialName", "the secret with the certificates, where TLS begins");
        let sni = f.optional("sni", "server name to ask for; goes with subjectAltNames");
        let mut names = f.list::<HostName>("subjectAltNames", "names its certificate may bear; goes with sni");
        names.sort();
        names.dedup();
        if f.is_sound("sni") && f.is_sound("subjectAltNames") && sni.is_some() == names.is_empty() {
            let missing = if sni.is_some() { "subjectAltNames" } else { "sni" };
            f.violation(missing, "is required: sni and subjectAltNames go together, say both or neither");
        }
        if mode == Some(OriginationMode::Mutual) && credential_name.is_none() && f.is_sound("credentialName") {
            f.violation(
                "credentialName",
                "is required with mode MUTUAL: name the secret with the caller's certificate",
            );
        }
        let mode = mode.unwrap_or(OriginationMode::Simple);
        Some(Self { mode, credential_name, sni, subject_alt_names: names })
    }
}

/// Where an outside service is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// An IP address.
    Ip(IpAddr),
    /// A range of addresses.
    Range(IpBlock),
    /// A host name.
    Host(HostName),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Range(range) => range.fmt(f),
            Self::Host(host) => host.fmt(f),
        }
    }
}

/// One endpoint or a list of them.
struct Endpoints(Vec<Endpoint>);

impl Scalar for Endpoints {
    fn read(value: &Value) -> Result<Self, String> {
        let one = |value: &Value| {
            let text = value.as_str().unwrap_or("");
            let ip = text.parse().map(Endpoint::Ip).ok();
            let range = || IpBlock::parse(text).map(Endpoint::Range).ok();
            let host = || HostName::parse(text).map(Endpoint::Host).ok();
            ip.or_else(range).or_else(host)
        };
        let texts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let all: Option<Vec<Endpoint>> = texts.iter().map(one).collect();
        let mut all = all.ok_or("must be an IP address, a CIDR range or a host name, or a list of them")?;
        all.sort();
        all.dedup();
        Ok(Self(all))
    }

    fn schema() -> Value {
        let one = json!({"type": "string"});
        json!({"anyOf": [one, {"type": "array", "items": one, "maxItems": MOST_ENTRIES}]})
    }
}

/// An outside service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundServer {
    /// Its host name, or a domain with all names below it.
    pub host: OutsideHost,
    /// Its port.
    pub port: Port,
    /// What the caller speaks.
    pub protocol: Protocol,
    /// How its addresses are found.
    pub resolution: Resolution,
    /// Its addresses, sorted.
    pub endpoints: Vec<Endpoint>,
    /// Whether certificates came with it.
    pub certificates: bool,
    /// TLS that the mesh speaks for the caller.
    pub tls: Option<Origination>,
    /// How it is reached.
    pub via: Via,
    /// Hosts that may be lost at the egress gateway, sorted.
    pub acknowledge: Vec<OutsideHost>,
}

impl OutboundServer {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let host = f.required("externalServiceName", "its host name, or *.domain with dnsResolution NONE");
        let port = f.required("port", "its port; with tls the one that it speaks TLS on");
        let protocol = f.required("protocol", "what the caller speaks, in any case");
        let resolution = f.optional("dnsResolution", "how its addresses are found; default DNS");
        let endpoints = f.optional::<Endpoints>("endPointAddress", "its address, or a list");
        let certificates = f.object("external", "certificates; kept", |f| {
            let beside = certificates(f);
            let below = f.object("externalCerts", "certificates, PEM or base64", |f| Some(certificates(f)));
            Some(below.unwrap_or_default().or(beside) != Certificates::default())
        });
        let tls = f.object("tls", "TLS that the mesh speaks for a caller that speaks none", Origination::read);
        let via = f.optional("via", "direct (default), or egress-gateway");
        let mut acknowledge =
            f.list("acknowledge", "hosts that other manifests route through the egress gateway and that may be lost");
        acknowledge.sort();
        acknowledge.dedup();
        let server = Self {
            host: host?,
            port: port?,
            protocol: protocol?,
            resolution: resolution.unwrap_or(Resolution::Dns),
            endpoints: endpoints.map(|endpoints| endpoints.0).unwrap_or_default(),
            certificates: certificates.unwrap_or(false),
            tls,
            via: via.unwrap_or(Via::Direct),
            acknowledge,
        };
        server.rules(f);
        Some(server)
    }

    /// Rules that tie fields of this one server together (Istio's `ValidateServiceEntry`, and what Envoy can carry).
    fn rules(&self, f: &mut Fields<'_>) {
        if self.protocol == Protocol::Udp {
            return f.violation("protocol", "the mesh does not carry UDP; leave this server out");
        }
        let domain = self.host.as_str().trim_start_matches("*.");
        if domain == "cluster.local" || domain.ends_with(".cluster.local") {
            f.violation("externalServiceName", "is a Service of the cluster; post an inbound intent for it");
        }
        if self.is_wildcard() && self.resolution != Resolution::None {
            f.violation(
                "dnsResolution",
                format!("{} cannot find *.{domain}; say NONE, or name one host", self.resolution),
            );
        }
        if f.is_sound("endPointAddress") {
            self.endpoint_rules(f);
        }
        if f.is_sound("tls") {
            self.tls_rules(f);
        }
        if self.via == Via::EgressGateway && self.resolution == Resolution::None {
            f.violation("via", "the egress gateway has to find the host itself; say dnsResolution DNS or STATIC");
        }
        if self.via == Via::Direct && !self.acknowledge.is_empty() {
            f.violation("acknowledge", "goes with via: egress-gateway only");
        }
    }

    fn endpoint_rules(&self, f: &mut Fields<'_>) {
        let (ip, host) = (|e: &Endpoint| matches!(e, Endpoint::Ip(_)), |e: &Endpoint| matches!(e, Endpoint::Host(_)));
        let range = |e: &Endpoint| matches!(e, Endpoint::Range(_));
        let (resolution, endpoints) = (self.resolution, &self.endpoints);
        let wrong = match resolution {
            Resolution::Static if endpoints.is_empty() => {
                Some("is required with dnsResolution STATIC: list IP addresses")
            }
            Resolution::Static if !endpoints.iter().all(ip) => {
                Some("must be IP addresses with dnsResolution STATIC; use DNS for names")
            }
            Resolution::Dns | Resolution::DnsRoundRobin if endpoints.iter().any(range) => {
                Some("cannot be a CIDR range here; say dnsResolution NONE, or list single addresses")
            }
            Resolution::DnsRoundRobin if endpoints.len() > 1 => {
                Some("must be one address with DNS_ROUND_ROBIN; use DNS for several")
            }
            Resolution::None if endpoints.iter().any(host) => {
                Some("must be IP addresses or CIDR ranges with dnsResolution NONE: the caller's own look-up counts")
            }
            Resolution::None if endpoints.is_empty() && self.is_opaque() => Some(
                "is required with dnsResolution NONE and this protocol: nothing else tells its traffic from others'",
            ),
            _ => None,
        };
        if let Some(wrong) = wrong {
            f.violation("endPointAddress", wrong);
        }
    }

    fn tls_rules(&self, f: &mut Fields<'_>) {
        if self.tls.is_none() {
            return;
        }
        if self.protocol.is_tls() {
            let message = format!("{} before tls would wrap TLS in TLS; say HTTP, or leave tls out", self.protocol);
            f.violation("protocol", message);
        } else if self.protocol.is_http() && self.port.number() == HTTP_PORT {
            f.violation("port", "callers dial 80 with tls; say the port that the host speaks TLS on, such as 443");
        }
        if self.resolution == Resolution::None {
            f.violation("dnsResolution", "with tls the mesh dials another port than the caller; say DNS or STATIC");
        }
    }

    /// Whether it stands for all names below a domain.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.host.as_str().starts_with('*')
    }

    /// Whether nothing in its traffic says which host is meant.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        !self.protocol.is_http() && !self.protocol.is_tls()
    }

    /// The port that callers dial: 80 where the mesh speaks TLS for requests in plain text.
    #[must_use]
    pub fn service_port(&self) -> u16 {
        if self.tls.is_some() && self.protocol.is_http() { HTTP_PORT } else { self.port.number() }
    }
}

/// What callers dial in plain text where the mesh speaks TLS for them.
const HTTP_PORT: u16 = 80;
