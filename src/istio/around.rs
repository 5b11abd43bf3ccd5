//! What manifests of other kinds tell of a cluster: Services, Namespaces, Secrets, workloads, records in DNS.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::message::message;
use super::read::typed;
use super::watch::Notes;
use super::{NoResource, Other, Resource, Spec, StringMap};

message! {
    /// A Service (Kubernetes, `core/v1`), as far as rules look at it.
    pub struct Service {
        /// `ClusterIP` (when empty), `ExternalName` and others.
        pub r#type: String,
        /// Its ports.
        pub ports: Vec<ServicePort>,
    }

    /// A port of a Service (`core/v1`, `ServicePort`).
    pub struct ServicePort {
        /// The name; Istio reads the protocol off it.
        pub name: String,
        /// The number.
        pub port: Option<u32>,
        /// `TCP` (when empty), `UDP` or `SCTP`.
        pub protocol: String,
        /// The protocol above it, over what the name says.
        pub app_protocol: Option<String>,
    }

    /// What a DNSEndpoint asks for (external-dns, `endpoint/endpoint.go`).
    pub struct DnsEndpoint {
        /// The records.
        pub endpoints: Vec<DnsRecord>,
    }

    /// Records of one name and type.
    pub struct DnsRecord {
        /// The name.
        pub dns_name: String,
        /// Where it leads.
        pub targets: Vec<String>,
        /// The type, such as `A`.
        pub record_type: String,
        /// Tells records of one name and type apart.
        pub set_identifier: String,
        /// How long an answer holds, in seconds.
        #[serde(rename = "recordTTL")]
        pub record_ttl: Option<i64>,
        /// Labels.
        pub labels: StringMap,
        /// Settings of single providers.
        pub provider_specific: Vec<ProviderSpecific>,
    }

    /// A setting of a provider.
    pub struct ProviderSpecific {
        /// The name.
        pub name: String,
        /// The value.
        pub value: String,
    }
}

/// The texts of a Secret; what is base64 in the manifest is so here.
#[derive(Clone, Copy)]
pub struct Secret<'a> {
    encoded: Option<&'a Value>,
    plain: Option<&'a Value>,
}

/// A text of a Secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SecretText<'a> {
    /// Base64 of it (`data`).
    Encoded(&'a str),
    /// Itself (`stringData`), which holds over `data`.
    Plain(&'a str),
}

impl<'a> Secret<'a> {
    /// The text of a key, unless it is absent or empty.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<SecretText<'a>> {
        let text = |map: Option<&'a Value>| map.and_then(|map| map.get(key)?.as_str()).filter(|text| !text.is_empty());
        text(self.plain).map(SecretText::Plain).or_else(|| text(self.encoded).map(SecretText::Encoded))
    }
}

impl Resource {
    /// The Service that this is, as far as it can be read.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        let other = self.other("", "Service")?;
        Some(other.body.get("spec").and_then(readable).unwrap_or_default())
    }

    /// Whether this is a Service.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.other("", "Service").is_some()
    }

    /// Whether this is a DNSEndpoint of external-dns.
    #[must_use]
    pub fn is_dns_endpoint(&self) -> bool {
        self.other("externaldns.k8s.io", "DNSEndpoint").is_some()
    }

    /// Whether this is a Namespace; it is [`super::ObjectMeta::name`] then.
    #[must_use]
    pub fn is_namespace(&self) -> bool {
        self.other("", "Namespace").is_some()
    }

    /// The Secret that this is.
    #[must_use]
    pub fn secret(&self) -> Option<Secret<'_>> {
        let other = self.other("", "Secret")?;
        Some(Secret { encoded: other.body.get("data"), plain: other.body.get("stringData") })
    }

    /// The name of the Secret that something makes of this: a SealedSecret, an ExternalSecret, a Certificate of cert-manager.
    #[must_use]
    pub fn makes_secret(&self) -> Option<&str> {
        let own = self.metadata.name.as_str();
        let Spec::Other(other) = &self.spec else { return None };
        let place: &[&str] = match (self.group(), other.kind.as_str()) {
            ("bitnami.com", "SealedSecret") => &["template", "metadata", "name"],
            ("external-secrets.io", "ExternalSecret") => &["target", "name"],
            ("cert-manager.io", "Certificate") => &["secretName"],
            _ => return None,
        };
        let spec = other.body.get("spec");
        let named = place.iter().fold(spec, |value, name| value?.get(name)).and_then(Value::as_str);
        Some(named.filter(|name| !name.is_empty()).unwrap_or(own))
    }

    /// The labels of the pods that this is or makes: a Pod, or a Deployment and its like.
    #[must_use]
    pub fn pod_labels(&self) -> Option<StringMap> {
        if self.other("", "Pod").is_some() {
            return Some(self.metadata.labels.clone());
        }
        let pods = ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"];
        let other = pods.iter().find_map(|kind| self.other("apps", kind))?;
        let labels = other.body.get("spec")?.pointer("/template/metadata/labels");
        Some(labels.and_then(readable::<StringMap>).unwrap_or_default())
    }

    /// The variables of the environment that the containers of a Deployment are given as texts.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<&str, &str> {
        let containers = self
            .other("apps", "Deployment")
            .and_then(|other| other.body.get("spec")?.pointer("/template/spec/containers")?.as_array());
        let variables = containers.into_iter().flatten().filter_map(|container| container.get("env")?.as_array());
        let texts = variables
            .flatten()
            .filter_map(|variable| Some((variable.get("name")?.as_str()?, variable.get("value")?.as_str()?)));
        texts.collect()
    }

    /// The hosts that a Gateway of Kubernetes' Gateway API listens for, `*` for all.
    #[must_use]
    pub fn listened_for(&self) -> Option<Vec<&str>> {
        let other = self.other("gateway.networking.k8s.io", "Gateway")?;
        let listeners = other.body.get("spec").and_then(|spec| spec.get("listeners")?.as_array());
        let hosts = listeners.into_iter().flatten().map(|listener| listener.get("hostname").and_then(Value::as_str));
        let hosts: Vec<_> = hosts.map(|host| host.filter(|host| !host.is_empty()).unwrap_or("*")).collect();
        Some(if hosts.is_empty() { vec!["*"] } else { hosts })
    }

    /// The DNSEndpoint that this is, and JSON pointers of the fields that none has.
    ///
    /// # Errors
    /// A field is of the wrong type.
    #[must_use]
    pub fn dns_endpoint(&self) -> Option<Result<(DnsEndpoint, Vec<String>), NoResource>> {
        let other = self.other("externaldns.k8s.io", "DNSEndpoint")?;
        let mut unknown = Vec::new();
        let spec = match other.body.get("spec") {
            None | Some(Value::Null) => Ok(DnsEndpoint::default()),
            Some(spec) => typed(spec, Notes::at("spec"), &mut unknown),
        };
        Some(match spec {
            Ok(spec) => Ok((spec, unknown)),
            Err((pointer, message)) => Err(NoResource { pointer, message }),
        })
    }

    fn other(&self, of: &str, kind: &str) -> Option<&Other> {
        match &self.spec {
            Spec::Other(other) if other.kind == kind && self.group() == of => Some(other),
            _ => None,
        }
    }
}

impl From<DnsEndpoint> for Spec {
    fn from(spec: DnsEndpoint) -> Self {
        let spec = serde_json::to_value(spec).unwrap_or_default();
        Self::Other(Other {
            api_version: "externaldns.k8s.io/v1alpha1".to_owned(),
            kind: "DNSEndpoint".to_owned(),
            body: Arc::new(Map::from_iter([("spec".to_owned(), spec)])),
        })
    }
}

/// A value as a `T`, if it is one.
fn readable<T: DeserializeOwned>(value: &Value) -> Option<T> {
    typed(value, Notes::default(), &mut Vec::new()).ok()
}
