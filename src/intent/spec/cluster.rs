//! What Meshwright must know of a cluster to reach its services.

use crate::intent::fields::{Fields, MOST_ENTRIES, Scalar, type_name};
use crate::intent::scalar::{DnsLabel, Flag, HostName, IpBlock, Label, ObjectName, Port, Text};
use crate::intent::sealing::SealingCertificate;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

/// An address to dial from other clusters: an IP address or a host name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// A host name.
    Host(HostName),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Host(host) => host.fmt(f),
        }
    }
}

impl Scalar for Address {
    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| format!("must be a string, is {}", type_name(value)))?;
        if let Ok(ip) = text.parse() {
            return undialled(ip).map_or(Ok(Self::Ip(ip)), Err);
        }
        let wrong = |_| "must be an IP address or a fully qualified host name".to_owned();
        HostName::parse(text).map(Self::Host).map_err(wrong)
    }

    fn schema() -> Value {
        json!({"type": "string", "description": "IP address or host name"})
    }
}

/// Why nobody elsewhere dials an address, in words; none where they may.
fn undialled(ip: IpAddr) -> Option<String> {
    if let IpAddr::V6(v6) = ip
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        return Some(format!("is the IPv4 address {v4} written as IPv6: write {v4}"));
    }
    let what = match ip {
        _ if ip.is_unspecified() => "stands for no address",
        _ if ip.is_loopback() => "is the caller's own loopback address",
        _ if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) => "is a multicast address",
        _ => return None,
    };
    Some(format!("{what}, and cannot be dialled: name the address that other clusters reach"))
}

/// Which gateway pods, where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gateway {
    /// Labels of the gateway's pods.
    pub selector: Vec<Label>,
    /// Its namespace.
    pub namespace: Option<DnsLabel>,
}

impl Gateway {
    fn read(f: &mut Fields<'_>) -> Self {
        let selector = f.optional::<Selector>("selector", "labels of the gateway's pods");
        let namespace = f.optional("namespace", "the gateway's namespace");
        Self { selector: selector.map(|s| s.0).unwrap_or_default(), namespace }
    }
}

struct Selector(Vec<Label>);

impl Scalar for Selector {
    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| format!("must be an object, is {}", type_name(value)))?;
        if map.is_empty() {
            return Err("must name at least one label".into());
        }
        if map.len() > MOST_ENTRIES {
            return Err(format!("names {} labels, at most {MOST_ENTRIES} are allowed", map.len()));
        }
        let label = |(key, value): (&String, &Value)| Label::parse(&format!("{key}={}", value.as_str().unwrap_or("")));
        let mut labels = map.iter().map(label).collect::<Result<Vec<_>, _>>()?;
        labels.sort();
        Ok(Self(labels))
    }

    fn schema() -> Value {
        let labels = json!({"type": "string"});
        json!({"type": "object", "additionalProperties": labels, "minProperties": 1, "maxProperties": MOST_ENTRIES})
    }
}

/// The gateway that outside callers enter by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ingress {
    /// Its pods.
    pub gateway: Gateway,
    /// Its identity.
    pub service_account: Option<ObjectName>,
}

/// The gateway that callers of other clusters enter by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EastWest {
    /// Where remote callers dial.
    pub address: Option<Address>,
    /// The port they dial.
    pub port: Option<Port>,
    /// Its pods.
    pub gateway: Gateway,
}

/// The gateway that calls to outside services leave by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Egress {
    /// Its pods.
    pub gateway: Gateway,
    /// Its identity.
    pub service_account: Option<ObjectName>,
    /// Its host name.
    pub host: Option<HostName>,
}

/// A cluster's facts. What is absent comes from `clusterDefaults` in `meshwright.yaml`, then from Istio's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cluster {
    /// The SPIFFE trust domain of its workloads.
    pub trust_domain: Option<HostOrLabel>,
    /// Other trust domains that are treated as this one.
    pub trust_domain_aliases: Vec<HostOrLabel>,
    /// Istio's name of its network.
    pub network: Option<Text>,
    /// Istio's root namespace.
    pub root_namespace: Option<DnsLabel>,
    /// The ingress gateway.
    pub ingress: Option<Ingress>,
    /// The east-west gateway.
    pub east_west: Option<EastWest>,
    /// The egress gateway.
    pub egress: Option<Egress>,
    /// Whether sidecars resolve the hosts of ServiceEntries.
    pub dns_proxy: Option<bool>,
    /// What private keys are sealed with for it.
    pub sealing_certificate: Option<SealingCertificate>,
    /// Addresses of proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpBlock>,
}

/// A trust domain: a host name or a single label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostOrLabel(String);

impl HostOrLabel {
    /// The trust domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for HostOrLabel {
    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| format!("must be a string, is {}", type_name(value)))?;
        if HostName::parse(text).is_ok() || DnsLabel::parse(text).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a trust domain such as cluster.local".into())
        }
    }

    fn schema() -> Value {
        json!({"type": "string", "examples": ["cluster.local"]})
    }
}

impl Cluster {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            trust_domain: f.optional("trustDomain", "SPIFFE trust domain; default cluster.local"),
            trust_domain_aliases: f.list("trustDomainAliases", "trust domains that are treated as this one"),
            network: f.optional("network", "Istio's name of the cluster's network"),
            root_namespace: f.optional("rootNamespace", "Istio's root namespace; default istio-system"),
            ingress: f.object("ingress", "the gateway that outside callers enter by", |f| {
                let service_account = f.optional("serviceAccount", "its service account");
                Some(Ingress { gateway: Gateway::read(f), service_account })
            }),
            east_west: f.object(
                "eastWest",
                "the gateway that callers of other clusters enter by; default the ingress",
                |f| {
                    let address = f.optional("address", "where callers of other clusters dial");
                    let port = f.optional("port", "the port they dial");
                    Some(EastWest { address, port, gateway: Gateway::read(f) })
                },
            ),
            egress: f.object("egress", "the gateway that calls to outside services leave by", |f| {
                let service_account = f.optional("serviceAccount", "its service account");
                let host = f.optional("host", "its host name");
                Some(Egress { gateway: Gateway::read(f), service_account, host })
            }),
            dns_proxy: f
                .optional::<Flag>("dnsProxy", "whether sidecars resolve ServiceEntry hosts; default no")
                .map(|f| f.0),
            sealing_certificate: f.optional_or_blank(
                "sealingCertificate",
                "certificate of its sealed-secrets controller, that private keys are sealed with",
            ),
            trusted_proxies: f.list("trustedProxies", "proxies in front whose X-Forwarded-For is believed"),
        })
    }
}

/// The gateway's addresses, as older clients post them: one key per entry of `kv`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KvPairs {
    /// `istioIngressGatewayAddress`.
    pub address: Option<Address>,
    /// `istioIngressGatewayPort`: what callers of other clusters dial.
    pub port: Option<Port>,
    /// `istioIngressGatewayInternalPort`: the port of the east-west Gateway.
    pub internal_port: Option<Port>,
    /// `istioIngressGatewayHttpPort`.
    pub http_port: Option<Port>,
    /// `istioIngressGatewayHttpsPort`.
    pub https_port: Option<Port>,
}

impl KvPairs {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let pairs = f.objects("kv", "one key per entry", |f| {
            f.keep_rest();
            Some(Self {
                address: f.optional("istioIngressGatewayAddress", "address of the ingress gateway"),
                port: f.optional("istioIngressGatewayPort", "port that callers of other clusters dial"),
                internal_port: f
                    .optional("istioIngressGatewayInternalPort", "port of the east-west Gateway; default 15443"),
                http_port: f.optional("istioIngressGatewayHttpPort", "port of outside HTTP callers; default 80"),
                https_port: f.optional("istioIngressGatewayHttpsPort", "port of outside TLS callers; default 443"),
            })
        });
        Some(pairs.into_iter().fold(Self::default(), Self::or))
    }

    /// These pairs, completed by `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            address: self.address.or(other.address),
            port: self.port.or(other.port),
            internal_port: self.internal_port.or(other.internal_port),
            http_port: self.http_port.or(other.http_port),
            https_port: self.https_port.or(other.https_port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_others_can_dial() {
        for good in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "east.example.com"] {
            assert!(Address::read(&json!(good)).is_ok(), "{good}");
        }
        for (bad, says) in [
            ("0.0.0.0", "stands for no address"),
            ("::", "stands for no address"),
            ("127.0.0.1", "loopback"),
            ("127.9.9.9", "loopback"),
            ("::1", "loopback"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "multicast"),
            ("ff02::1", "multicast"),
            ("::ffff:192.0.2.1", "write 192.0.2.1"),
            ("::ffff:127.0.0.1", "write 127.0.0.1"),
            ("a b", "must be an IP address or a fully qualified host name"),
        ] {
            let why = Address::read(&json!(bad)).unwrap_err();
            assert!(why.contains(says), "{bad}: {why}");
        }
    }

    #[test]
    fn a_selector_names_as_many_labels_as_a_list_has_entries() {
        let of = |count: usize| Value::Object((0..count).map(|n| (format!("l{n}"), json!("x"))).collect());
        assert!(Selector::read(&of(MOST_ENTRIES)).is_ok());
        assert!(Selector::read(&of(MOST_ENTRIES + 1)).is_err());
    }
}
