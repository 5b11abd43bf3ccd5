//! Istio resources in fixed field order, and reading anybody's manifests. Pure.
//!
//! Field and kind names are Istio's own (istio/api, release 1.31). A field that is absent is not written; values of
//! enumerations that Istio does not know are kept as `Other`, fields that it does not know are named in
//! [`Resource::unknown_fields`].

mod around;
mod authorization_policy;
mod config_map;
mod destination_rule;
mod duration;
mod gateway;
mod http;
mod kind;
mod label;
mod message;
mod peer_authentication;
mod read;
mod request_authentication;
mod resource;
mod service_entry;
mod shared;
mod sidecar;
mod telemetry;
mod traffic;
mod virtual_service;
mod watch;
mod workload_group;

pub use around::*;
pub use authorization_policy::*;
pub use config_map::*;
pub use destination_rule::*;
pub use duration::nanoseconds;
pub use gateway::*;
pub use http::*;
pub use kind::Kind;
pub use label::{is_kubernetes_label, is_qualified_name};
pub use peer_authentication::*;
pub use read::{NoResource, Parsed, read, resource, unrolled};
pub use request_authentication::*;
pub use resource::{Other, Resource, Spec, to_yaml};
pub use service_entry::*;
pub use shared::*;
pub use sidecar::*;
pub use telemetry::*;
pub use traffic::*;
pub use virtual_service::*;
pub use workload_group::*;

#[cfg(test)]
mod tests;
