//! One request, as far as policies ask about it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::calling::namespaced;

/// What a SPIFFE id begins with.
pub(super) const SPIFFE: &str = "spiffe://";

/// The longest SPIFFE ID, in bytes (SPIFFE-ID, 2.3).
const LONGEST_ID: usize = 2048;

/// One request: a connection, and on a port that speaks HTTP what was asked on it.
///
/// What is absent matches nothing that a policy asks for, and everything that it excludes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Who calls.
    #[serde(default)]
    pub from: Peer,
    /// What is called.
    pub to: Destination,
    /// The method, in upper case as HTTP has it.
    #[serde(default)]
    pub method: Option<String>,
    /// The path as it is sent: it is normalised here, and its query dropped.
    #[serde(default, deserialize_with = "path")]
    pub path: Option<String>,
    /// The authority, with its port where the caller sends one.
    #[serde(default)]
    pub host: Option<String>,
    /// The server name that a TLS handshake asks for.
    #[serde(default)]
    pub sni: Option<String>,
    /// The headers; names in any case, several values of one name joined by commas.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The claims of the token, which is taken to be valid and accepted; none when there is no token.
    #[serde(default)]
    pub jwt: Option<Map<String, Value>>,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Peer {
    /// The identity, with or without `spiffe://`; none for plain text.
    #[serde(default, deserialize_with = "identity")]
    pub principal: Option<String>,
    /// The address of the direct peer.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// The address behind proxies; that of the direct peer when absent, as a proxy has it.
    #[serde(default)]
    pub remote_ip: Option<IpAddr>,
}

impl Peer {
    /// The SPIFFE id; none for plain text.
    pub(super) fn spiffe_id(&self) -> Option<String> {
        let principal = self.principal.as_deref()?;
        Some(if principal.starts_with(SPIFFE) { principal.to_owned() } else { format!("{SPIFFE}{principal}") })
    }

    /// The address behind proxies.
    pub(super) fn remote(&self) -> Option<IpAddr> {
        self.remote_ip.or(self.ip)
    }
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The namespace of the workload.
    #[serde(deserialize_with = "named")]
    pub namespace: String,
    /// The labels of its pods.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The port of the workload, which is not the Service's.
    #[serde(default)]
    pub port: Option<u16>,
    /// What the port speaks.
    #[serde(default)]
    pub protocol: Protocol,
    /// The address that is called.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// What stands in front of the workload and asks the policies.
    #[serde(default)]
    pub proxy: Proxy,
    /// The Service that is called, as `namespace/name`, or a name in the namespace of the workload: waypoints hold the
    /// policies of each against its own calls.
    #[serde(default, deserialize_with = "service")]
    pub service: Option<String>,
}

impl Destination {
    /// Namespace and name of the Service that is called.
    pub(super) fn service(&self) -> Option<(&str, &str)> {
        let service = self.service.as_deref()?;
        Some(service.split_once('/').unwrap_or((&self.namespace, service)))
    }
}

/// What asks the policies of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proxy {
    /// A sidecar, or a gateway or waypoint that the labels name.
    #[default]
    Sidecar,
    /// A gateway, whatever its labels are.
    Gateway,
    /// The ztunnel of its node, which reads connections alone.
    Ztunnel,
}

/// What a port speaks, as far as policies care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Requests that a sidecar reads: HTTP, HTTP/2, gRPC.
    #[default]
    Http,
    /// Bytes.
    Tcp,
}

fn identity<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let principal = Option::<String>::deserialize(from)?;
    match principal.as_deref().map(|principal| principal.strip_prefix(SPIFFE).unwrap_or(principal)) {
        Some("") => Err(de::Error::custom("from.principal is empty; null stands for plain text")),
        Some(id) if id.len() > LONGEST_ID => Err(de::Error::custom(format!(
            "from.principal has {} bytes, and a SPIFFE ID at most {LONGEST_ID}",
            id.len()
        ))),
        _ => Ok(principal),
    }
}

fn service<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let service = Option::<String>::deserialize(from)?;
    match service.as_deref() {
        Some(it) if it.is_empty() || it.contains('/') && namespaced(it).is_none() => {
            Err(de::Error::custom(format!("to.service is {it:?}: write `namespace/name` or `name`")))
        }
        _ => Ok(service),
    }
}

/// Whether a path is one that a proxy asks policies about: it takes the authority off those that are whole URLs
/// (RFC 9112, 3.2), which are not written so here.
fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let path = Option::<String>::deserialize(from)?;
    match path.as_deref() {
        Some(it) if !it.starts_with('/') => {
            let why = format!("path is {it:?}: write what follows the authority, beginning with a slash");
            Err(de::Error::custom(why))
        }
        _ => Ok(path),
    }
}

fn named<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let namespace = String::deserialize(from)?;
    if namespace.is_empty() { Err(de::Error::custom("to.namespace is empty: name one")) } else { Ok(namespace) }
}
