//! What ztunnel reads in full it decides as a sidecar does.

use proptest::prelude::*;

use super::arbitrary;
use crate::access::{Mesh, Policies, Proxy, unenforced};
use crate::istio::{Action, MutualTlsMode, Operation, PeerAuthentication, Resource, Rule, Source, Spec};

/// The resource with nothing in it that ztunnel does not read; none where it reads nothing of it.
fn plain(mut resource: Resource) -> Option<Resource> {
    match &mut resource.spec {
        Spec::AuthorizationPolicy(policy) if policy.action != Some(Action::Custom) => {
            policy.rules.iter_mut().for_each(keep_what_is_read);
        }
        Spec::PeerAuthentication(PeerAuthentication { mtls, port_level_mtls, .. }) => {
            let mut modes = mtls.iter().chain(port_level_mtls.values());
            if modes.any(|mtls| mtls.mode == Some(MutualTlsMode::Disable)) {
                return None;
            }
        }
        _ => return None,
    }
    Some(resource)
}

fn keep_what_is_read(rule: &mut Rule) {
    let literal = |values: &mut Vec<String>| values.retain(|value| value == "*" || !value.contains('*'));
    let readable = |values: &mut Vec<String>| values.retain(|value| value != "x" && value != "+80");
    for source in rule.from.iter_mut().filter_map(|from| from.source.as_mut()) {
        [&mut source.namespaces, &mut source.not_namespaces].into_iter().for_each(literal);
        [&mut source.ip_blocks, &mut source.not_ip_blocks].into_iter().for_each(readable);
        for list in [
            &mut source.request_principals,
            &mut source.not_request_principals,
            &mut source.trust_domains,
            &mut source.not_trust_domains,
            &mut source.remote_ip_blocks,
            &mut source.not_remote_ip_blocks,
        ] {
            list.clear();
        }
    }
    for it in rule.to.iter_mut().filter_map(|to| to.operation.as_mut()) {
        [&mut it.ports, &mut it.not_ports].into_iter().for_each(readable);
        let (ports, not_ports) = (it.ports.clone(), it.not_ports.clone());
        *it = Operation { ports, not_ports, ..Operation::default() };
    }
    rule.from.retain(|from| from.source.as_ref() != Some(&Source::default()));
    rule.to.retain(|to| to.operation.as_ref() != Some(&Operation::default()));
    let is_read = |key: &str| ["source.ip", "source.principal", "destination.ip", "destination.port"].contains(&key);
    rule.when.retain(|when| is_read(&when.key) && !(when.values.is_empty() && when.not_values.is_empty()));
}

proptest! {
    #![proptest_config(super::cases(1500))]

    #[test]
    fn ztunnel_and_sidecar_agree_where_both_read_everything(
        resources in arbitrary::resources(), mut request in arbitrary::request(),
    ) {
        let resources: Vec<Resource> = resources.into_iter().filter_map(plain).collect();
        for resource in &resources {
            if let Spec::AuthorizationPolicy(policy) = &resource.spec {
                let audits = policy.action == Some(Action::Audit);
                prop_assert!(audits || unenforced(policy).is_empty(), "{:?}", policy);
            }
        }
        let policies = Policies::new(Mesh::default(), &resources);
        request.to.proxy = Proxy::Sidecar;
        let by_sidecar = policies.decide(&request);
        request.to.proxy = Proxy::Ztunnel;
        prop_assume!(by_sidecar.refused.is_none());
        let mut by_ztunnel = policies.decide(&request);
        // Sidecars have no waypoint before them, which might hold what is attached to services.
        by_ztunnel.unsure = by_ztunnel.unsure.filter(|why| !why.contains("is attached to"));
        prop_assert_eq!(by_ztunnel, by_sidecar);
    }
}
