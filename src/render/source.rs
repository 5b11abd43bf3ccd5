//! Who calls: the sources of a policy's rule.

use std::collections::BTreeSet;

use super::context::Context;
use super::server::Caller;
use crate::intent::ClusterFacts;
use crate::intent::scalar::{DnsLabel, IpBlock};
use crate::istio::{RuleFrom, Source};

/// The identities of `caller`, each narrowed by its cidrs; the cidrs alone where it has no identity.
pub(super) fn sources(caller: &Caller<'_>, context: &Context<'_>) -> Vec<RuleFrom> {
    let client = caller.client;
    let ip_blocks = sorted(client.cidrs.iter().map(IpBlock::to_string));
    if !client.sidecar {
        return vec![from(Source { ip_blocks, ..Source::default() })];
    }
    let mut sources = vec![];
    if !client.service_accounts.is_empty() {
        let domains: BTreeSet<&str> = caller.clusters.iter().map(|cluster| context.trust_domain(cluster)).collect();
        let of_account = |account: &crate::intent::scalar::ServiceAccountRef| {
            let (namespace, name) = account.pair();
            domains.iter().map(|domain| principal(domain, namespace, name)).collect::<Vec<_>>()
        };
        let principals = sorted(client.service_accounts.iter().flat_map(of_account));
        sources.push(from(Source { principals, ip_blocks: ip_blocks.clone(), ..Source::default() }));
    }
    let namespaces = if client.namespaces.is_empty() && client.service_accounts.is_empty() {
        vec![caller.namespace.to_string()]
    } else {
        sorted(client.namespaces.iter().map(DnsLabel::to_string))
    };
    if !namespaces.is_empty() {
        sources.push(from(Source { namespaces, ip_blocks, ..Source::default() }));
    }
    sources
}

/// The ingress gateways of clusters.
pub(super) fn gateways<'f>(facts: impl Iterator<Item = &'f ClusterFacts>) -> RuleFrom {
    from(Source { principals: sorted(facts.map(gateway_principal)), ..Source::default() })
}

/// The identity of the ingress gateway of a cluster.
pub(super) fn gateway_principal(facts: &ClusterFacts) -> String {
    principal(&facts.trust_domain, &facts.ingress.namespace, &facts.ingress_account)
}

/// An identity as policies name it.
pub(super) fn principal(trust_domain: &str, namespace: &str, account: &str) -> String {
    format!("{trust_domain}/ns/{namespace}/sa/{account}")
}

pub(super) fn from(source: Source) -> RuleFrom {
    RuleFrom { source: Some(source) }
}

fn sorted(values: impl Iterator<Item = String>) -> Vec<String> {
    values.collect::<BTreeSet<_>>().into_iter().collect()
}
