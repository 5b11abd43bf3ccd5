//! What each kind of resource says: one type per kind that carries traffic or topology.

mod access_point;
mod across;
mod client;
mod cluster;
mod controller;
mod dns;
mod group;
mod inbound;
mod jwt;
mod outbound;
mod placement;
mod traffic;

pub use access_point::{AccessPoint, Action, Method};
pub use client::{Client, PlacedIn};
pub use cluster::{Address, Cluster, EastWest, Egress, Gateway, HostOrLabel, Ingress, KvPairs};
pub use controller::Controller;
pub use dns::{Dns, Ttl};
pub use group::{ClusterReference, CompositeApp, DeploymentIntentGroup, LogicalCloud};
pub use inbound::{Access, Certificates, Enforcement, External, Inbound, Mtls, Protocol, TlsType};
pub use jwt::{Issuer, Jwt, KeysUri};
pub use outbound::{EgressScope, Endpoint, Origination, OriginationMode, Outbound, OutboundServer, Resolution, Via};
pub use placement::{AppPlacement, ClusterTerm, Target};
pub use traffic::{Failover, Http, Policy, Subset, Toward, Traffic, Weight};

/// The spec of a resource, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// A kind whose spec says nothing to Meshwright: it is kept as given.
    Kept,
    /// A logical cloud.
    LogicalCloud(LogicalCloud),
    /// A cluster reference of a logical cloud.
    ClusterReference(ClusterReference),
    /// A composite app.
    CompositeApp(CompositeApp),
    /// A deployment intent group.
    DeploymentIntentGroup(DeploymentIntentGroup),
    /// Where one app runs.
    AppPlacement(AppPlacement),
    /// A server.
    Inbound(Box<Inbound>),
    /// Its clients.
    Client(Client),
    /// What they may do.
    AccessPoint(AccessPoint),
    /// A caller of outside services.
    Outbound(Outbound),
    /// An outside service.
    OutboundServer(Box<OutboundServer>),
    /// A cluster's facts.
    Cluster(Box<Cluster>),
    /// A cluster's gateway addresses.
    KvPairs(KvPairs),
    /// A label of a cluster; its name is the label.
    ClusterLabel,
    /// A plugin.
    Controller(Controller),
}
