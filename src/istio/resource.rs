//! A resource of any kind, and writing it.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use serde_json::{Map, Value};

use super::kind::group_of;
use super::{
    AuthorizationPolicy, ConfigMap, DestinationRule, Gateway, Kind, ObjectMeta, PeerAuthentication,
    RequestAuthentication, ServiceEntry, Sidecar, Telemetry, VirtualService, WorkloadEntry, WorkloadGroup,
};

/// A resource of any kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Name, namespace, labels and annotations.
    pub metadata: ObjectMeta,
    /// What the kind says.
    pub spec: Spec,
    pub(super) written: Option<Box<Written>>,
}

/// What was written otherwise than it would be written here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) api_version: String,
    pub(super) unknown_fields: Vec<String>,
}

/// What a resource's kind says.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// Who may call what.
    AuthorizationPolicy(AuthorizationPolicy),
    /// Texts by key.
    ConfigMap(ConfigMap),
    /// How callers treat a host.
    DestinationRule(Box<DestinationRule>),
    /// What a proxy at the edge opens.
    Gateway(Gateway),
    /// Whether mTLS is asked for.
    PeerAuthentication(PeerAuthentication),
    /// Which tokens are accepted.
    RequestAuthentication(RequestAuthentication),
    /// A service beyond Kubernetes.
    ServiceEntry(Box<ServiceEntry>),
    /// What a workload's proxy may see.
    Sidecar(Box<Sidecar>),
    /// What proxies tell of traffic.
    Telemetry(Box<Telemetry>),
    /// Which requests go where.
    VirtualService(VirtualService),
    /// A workload beyond Kubernetes.
    WorkloadEntry(WorkloadEntry),
    /// What workloads beyond Kubernetes have in common.
    WorkloadGroup(Box<WorkloadGroup>),
    /// Anything else.
    Other(Other),
}

/// A resource of a kind that is not typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Other {
    /// The API version, such as `externaldns.k8s.io/v1alpha1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Everything but `apiVersion`, `kind` and `metadata`, in the order given. Cloning shares it.
    pub body: Arc<Map<String, Value>>,
}

impl Resource {
    /// A resource as it is written here: the newest API version, no unknown fields.
    pub fn new(metadata: ObjectMeta, spec: impl Into<Spec>) -> Self {
        Self { metadata, spec: spec.into(), written: None }
    }

    /// The kind, [`Kind::Other`] for one that is not typed.
    pub fn kind(&self) -> Kind {
        match &self.spec {
            Spec::AuthorizationPolicy(_) => Kind::AuthorizationPolicy,
            Spec::ConfigMap(_) => Kind::ConfigMap,
            Spec::DestinationRule(_) => Kind::DestinationRule,
            Spec::Gateway(_) => Kind::Gateway,
            Spec::PeerAuthentication(_) => Kind::PeerAuthentication,
            Spec::RequestAuthentication(_) => Kind::RequestAuthentication,
            Spec::ServiceEntry(_) => Kind::ServiceEntry,
            Spec::Sidecar(_) => Kind::Sidecar,
            Spec::Telemetry(_) => Kind::Telemetry,
            Spec::VirtualService(_) => Kind::VirtualService,
            Spec::WorkloadEntry(_) => Kind::WorkloadEntry,
            Spec::WorkloadGroup(_) => Kind::WorkloadGroup,
            Spec::Other(_) => Kind::Other,
        }
    }

    /// The kind's name as manifests write it.
    pub fn kind_name(&self) -> &str {
        match &self.spec {
            Spec::Other(other) => &other.kind,
            _ => self.kind().name(),
        }
    }

    /// The API version as it was read; the newest for a resource that was not read.
    pub fn api_version(&self) -> &str {
        match (&self.spec, &self.written) {
            (Spec::Other(other), _) => &other.api_version,
            (_, Some(written)) => &written.api_version,
            (_, None) => self.kind().api_version(),
        }
    }

    /// The group of that API version, empty for the core one.
    #[must_use]
    pub fn group(&self) -> &str {
        group_of(self.api_version())
    }

    /// JSON pointers of the fields that were read and that Istio does not know; writing drops them.
    pub fn unknown_fields(&self) -> &[String] {
        self.written.as_ref().map_or(&[], |written| &written.unknown_fields)
    }
}

/// Writes a resource as one YAML document, typed kinds in the newest API version.
pub fn to_yaml(resource: &Resource) -> String {
    crate::yaml::to_string(resource)
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.spec {
            Spec::AuthorizationPolicy(spec) => self.with_spec(spec, serializer),
            Spec::DestinationRule(spec) => self.with_spec(spec, serializer),
            Spec::Gateway(spec) => self.with_spec(spec, serializer),
            Spec::PeerAuthentication(spec) => self.with_spec(spec, serializer),
            Spec::RequestAuthentication(spec) => self.with_spec(spec, serializer),
            Spec::ServiceEntry(spec) => self.with_spec(spec, serializer),
            Spec::Sidecar(spec) => self.with_spec(spec, serializer),
            Spec::Telemetry(spec) => self.with_spec(spec, serializer),
            Spec::VirtualService(spec) => self.with_spec(spec, serializer),
            Spec::WorkloadEntry(spec) => self.with_spec(spec, serializer),
            Spec::WorkloadGroup(spec) => self.with_spec(spec, serializer),
            Spec::ConfigMap(map) => self.with_data(map, serializer),
            Spec::Other(other) => self.with_body(other, serializer),
        }
    }
}

impl Resource {
    fn with_spec<S: Serializer>(&self, spec: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Resource", 4)?;
        fields.serialize_field("apiVersion", self.kind().api_version())?;
        fields.serialize_field("kind", self.kind().name())?;
        fields.serialize_field("metadata", &self.metadata)?;
        fields.serialize_field("spec", spec)?;
        fields.end()
    }

    fn with_data<S: Serializer>(&self, map: &ConfigMap, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Resource", 6)?;
        fields.serialize_field("apiVersion", self.kind().api_version())?;
        fields.serialize_field("kind", self.kind().name())?;
        fields.serialize_field("metadata", &self.metadata)?;
        if !map.data.is_empty() {
            fields.serialize_field("data", &map.data)?;
        }
        if !map.binary_data.is_empty() {
            fields.serialize_field("binaryData", &map.binary_data)?;
        }
        if let Some(immutable) = map.immutable {
            fields.serialize_field("immutable", &immutable)?;
        }
        fields.end()
    }

    fn with_body<S: Serializer>(&self, other: &Other, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(other.body.len() + 3))?;
        fields.serialize_entry("apiVersion", &other.api_version)?;
        fields.serialize_entry("kind", &other.kind)?;
        fields.serialize_entry("metadata", &self.metadata)?;
        for (name, value) in other.body.iter() {
            fields.serialize_entry(name, value)?;
        }
        fields.end()
    }
}

macro_rules! into_spec {
    ($($kind:ident)*; boxed $($boxed:ident)*) => {
        $(impl From<$kind> for Spec { fn from(spec: $kind) -> Self { Self::$kind(spec) } })*
        $(impl From<$boxed> for Spec { fn from(spec: $boxed) -> Self { Self::$boxed(Box::new(spec)) } })*
    };
}

into_spec! {
    AuthorizationPolicy ConfigMap Gateway PeerAuthentication RequestAuthentication VirtualService WorkloadEntry Other;
    boxed DestinationRule ServiceEntry Sidecar Telemetry WorkloadGroup
}
