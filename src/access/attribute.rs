//! What policies ask about.

/// An attribute of a request, named as the keys of conditions are
/// (istio.io, "Authorization Policy Conditions").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The method.
    Method,
    /// The path.
    Path,
    /// The host, in lower case; the port is part of it where the caller sends it.
    Host,
    /// The port of the workload.
    Port,
    /// The address of the direct peer.
    SourceIp,
    /// The address behind proxies.
    RemoteIp,
    /// Issuer and subject of the request's token.
    RequestPrincipal,
    /// The peer's identity.
    Principal,
    /// The peer's service account, with its namespace.
    ServiceAccount,
    /// The peer's namespace.
    Namespace,
    /// The peer's trust domain.
    TrustDomain,
    /// Another key of a condition.
    Other(String),
    /// The same attribute asked once more, where both together are no list of values: `/a*` and `*b`.
    Again(Box<Self>),
}

impl Attribute {
    /// Whether it is of a request that the sidecar reads, and not of the connection
    /// (istio `pilot/pkg/security/authz/model/generator.go`, "HTTP only").
    pub(super) fn is_of_requests(&self) -> bool {
        match self.plain() {
            Self::Method | Self::Path | Self::Host | Self::RequestPrincipal => true,
            Self::Other(key) => key.starts_with("request."),
            _ => false,
        }
    }

    /// The attribute, however often it is asked.
    #[must_use]
    pub fn plain(&self) -> &Self {
        match self {
            Self::Again(attribute) => attribute.plain(),
            attribute => attribute,
        }
    }

    /// What it is about: one identity has principal, service account, namespace and trust domain.
    pub(super) fn subject(&self) -> &Self {
        match self.plain() {
            Self::ServiceAccount | Self::Namespace | Self::TrustDomain => &Self::Principal,
            attribute => attribute,
        }
    }

    /// Whether not every text is a value of it.
    pub(super) fn has_domain(&self) -> bool {
        matches!(self.subject(), Self::Path | Self::Principal)
    }

    /// Whether a request may have several values of it: claims may be lists.
    pub(super) fn has_several_values(&self) -> bool {
        matches!(self.plain(), Self::Other(key) if key.starts_with("request.auth."))
    }
}
