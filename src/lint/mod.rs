//! Istio's own rules over manifests. Pure.
//!
//! Rules are named `istio/` and their number in the project's list, or the code of `istioctl analyze` where that is
//! what they come from (`istio/IST0109`). An error is something that Istio refuses, or an error of `istioctl analyze`;
//! a warning is something that is admitted and probably not meant. Findings point into the resource: with a `Place`
//! whose pointer names the resource in its document, the finding's pointer leads from there.

mod across;
mod authentication;
mod authorization_policy;
mod destination_rule;
mod dns_endpoint;
mod gateway;
mod headers;
mod hosts;
mod http_match;
mod http_route;
mod locality;
mod manifests;
mod name;
mod named;
mod never;
mod re2;
mod report;
mod route;
mod rules;
mod server_tls;
mod service;
mod service_entry;
mod sidecar;
mod source;
mod syntax;
mod telemetry;
mod traffic;
mod unreachable;
mod virtual_service;
mod whole;
mod workload_group;

pub use across::lint_across;
pub use manifests::{Check, Manifests, lint_files};
pub use named::Named;
pub use rules::{Rule, Scope, rule, rules};

use crate::finding::{Finding, Place};
use crate::istio::{Resource, Spec};
use report::Report;

/// Checks one resource by the rules that need no other; answers in the order of the fields.
pub fn lint(resource: &Resource, place: &Place) -> Vec<Finding> {
    let mut report = Report::new(place, resource);
    let metadata = &resource.metadata;
    whole::resource(&mut report, resource);
    match &resource.spec {
        Spec::AuthorizationPolicy(policy) => authorization_policy::check(&mut report, policy),
        Spec::DestinationRule(rule) => destination_rule::check(&mut report, metadata, rule),
        Spec::Gateway(gateway) => gateway::check(&mut report, metadata, gateway),
        Spec::PeerAuthentication(authentication) => authentication::check_peer(&mut report, authentication),
        Spec::RequestAuthentication(authentication) => authentication::check_request(&mut report, authentication),
        Spec::ServiceEntry(entry) => service_entry::check(&mut report, metadata, entry),
        Spec::VirtualService(service) => virtual_service::check(&mut report, metadata, service),
        Spec::Sidecar(sidecar) => sidecar::check(&mut report, metadata, sidecar),
        Spec::Telemetry(telemetry) => telemetry::check(&mut report, telemetry),
        Spec::WorkloadEntry(entry) => service_entry::check_workload(&mut report, entry),
        Spec::WorkloadGroup(group) => workload_group::check(&mut report, group),
        Spec::ConfigMap(_) => {}
        Spec::Other(_) => {
            if let Some(endpoint) = resource.dns_endpoint() {
                dns_endpoint::check(&mut report, &endpoint);
            } else if let Some(service) = resource.service() {
                service::check(&mut report, metadata, &service);
            }
        }
    }
    report.found
}

#[cfg(test)]
mod tests;
