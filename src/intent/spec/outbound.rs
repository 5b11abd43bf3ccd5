//! Outside services that an app may call.

use super::inbound::{Protocol, certificates};
use crate::intent::fields::Fields;
use crate::intent::name::Name;
use crate::intent::scalar::{DnsLabel, HostName, Label, ObjectName, Port, Text, word_type};

/// An outbound intent: the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// The calling app.
    pub app: Name,
    /// Selects the calling pods.
    pub label: Label,
    /// The calling Service.
    pub service: DnsLabel,
}

impl Outbound {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let app = f.required("app", "the calling app");
        let label = f.required("appLabel", "key=value that selects the calling pods");
        let service = f.required("serviceName", "the calling Service");
        Some(Self { app: app?, label: label?, service: service? })
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

/// An outside service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundServer {
    /// Its host name.
    pub host: HostName,
    /// Its port.
    pub port: Port,
    /// Its protocol.
    pub protocol: Protocol,
    /// How its addresses are found.
    pub resolution: Option<Resolution>,
    /// How it is reached.
    pub via: Option<Via>,
}

impl OutboundServer {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let host = f.required("externalServiceName", "its host name");
        let port = f.required("port", "its port");
        let protocol = f.required("protocol", "its protocol");
        let resolution = f.optional("dnsResolution", "how its addresses are found");
        f.kept("endPointAddress", "its address, or a list");
        f.object("external", "certificates", |f| {
            certificates(f);
            f.object("externalCerts", "certificates, PEM or base64", |f| {
                certificates(f);
                Some(())
            });
            Some(())
        });
        f.object("tls", "TLS towards it", |f| {
            f.optional::<Text>("mode", "SIMPLE, MUTUAL or ISTIO_MUTUAL");
            f.optional::<ObjectName>("credentialName", "the secret with the client certificate");
            f.optional::<HostName>("sni", "server name to ask for");
            f.list::<Text>("subjectAltNames", "names its certificate must bear");
            Some(())
        });
        let via = f.optional("via", "direct or egress-gateway");
        Some(Self { host: host?, port: port?, protocol: protocol?, resolution, via })
    }
}
