//! The kinds that are typed, with the API versions that are written and read.

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `AuthorizationPolicy` of security.istio.io.
    AuthorizationPolicy,
    /// `ConfigMap` of the core group.
    ConfigMap,
    /// `DestinationRule` of networking.istio.io.
    DestinationRule,
    /// `Gateway` of networking.istio.io.
    Gateway,
    /// `PeerAuthentication` of security.istio.io.
    PeerAuthentication,
    /// `RequestAuthentication` of security.istio.io.
    RequestAuthentication,
    /// `ServiceEntry` of networking.istio.io.
    ServiceEntry,
    /// `Sidecar` of networking.istio.io.
    Sidecar,
    /// `Telemetry` of telemetry.istio.io.
    Telemetry,
    /// `VirtualService` of networking.istio.io.
    VirtualService,
    /// `WorkloadEntry` of networking.istio.io.
    WorkloadEntry,
    /// `WorkloadGroup` of networking.istio.io.
    WorkloadGroup,
    /// Anything else.
    Other,
}

impl Kind {
    /// Every typed kind.
    pub const TYPED: [Self; 12] = [
        Self::AuthorizationPolicy,
        Self::ConfigMap,
        Self::DestinationRule,
        Self::Gateway,
        Self::PeerAuthentication,
        Self::RequestAuthentication,
        Self::ServiceEntry,
        Self::Sidecar,
        Self::Telemetry,
        Self::VirtualService,
        Self::WorkloadEntry,
        Self::WorkloadGroup,
    ];

    /// The kind that a manifest names, whatever the version of its API.
    pub fn named(api_version: &str, kind: &str) -> Self {
        let group = group_of(api_version);
        Self::TYPED.into_iter().find(|typed| typed.name() == kind && typed.group() == group).unwrap_or(Self::Other)
    }

    /// The name as manifests write it; empty for [`Kind::Other`].
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationPolicy => "AuthorizationPolicy",
            Self::ConfigMap => "ConfigMap",
            Self::DestinationRule => "DestinationRule",
            Self::Gateway => "Gateway",
            Self::PeerAuthentication => "PeerAuthentication",
            Self::RequestAuthentication => "RequestAuthentication",
            Self::ServiceEntry => "ServiceEntry",
            Self::Sidecar => "Sidecar",
            Self::Telemetry => "Telemetry",
            Self::VirtualService => "VirtualService",
            Self::WorkloadEntry => "WorkloadEntry",
            Self::WorkloadGroup => "WorkloadGroup",
            Self::Other => "",
        }
    }

    /// The API version that is written; empty for [`Kind::Other`].
    pub fn api_version(self) -> &'static str {
        match self {
            Self::AuthorizationPolicy | Self::PeerAuthentication | Self::RequestAuthentication => {
                "security.istio.io/v1"
            }
            Self::DestinationRule
            | Self::Gateway
            | Self::ServiceEntry
            | Self::Sidecar
            | Self::VirtualService
            | Self::WorkloadEntry
            | Self::WorkloadGroup => "networking.istio.io/v1",
            Self::Telemetry => "telemetry.istio.io/v1",
            Self::ConfigMap => "v1",
            Self::Other => "",
        }
    }

    /// The ends of older versions of the API that are served, such as `/v1beta1`.
    pub fn older_versions(self) -> &'static [&'static str] {
        match self.group() {
            "networking.istio.io" => &["/v1beta1", "/v1alpha3"],
            "security.istio.io" => &["/v1beta1"],
            "telemetry.istio.io" => &["/v1alpha1"],
            _ => &[],
        }
    }

    fn group(self) -> &'static str {
        group_of(self.api_version())
    }
}

/// The group of an API version, empty for the core one.
pub(super) fn group_of(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}
